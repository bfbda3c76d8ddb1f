# Makes a root a machine for systemd to boot: $1 is the root, $2 "machine" or "manager",
# the others are addresses. It becomes systemd: of a machine as process 1, in namespaces of
# its own, cgroups among them; or as a manager of services beside the host's process 1.
# Whatever of the kernel concerns the host too can be read, and not written.
set -eu
root=$1
mode=$2
shift 2
mount --bind "$root" "$root"
cd "$root"

mount -t proc -o nosuid,nodev,noexec proc proc
for file in proc/sys proc/sysrq-trigger proc/irq proc/bus; do
	[ -e "$file" ] || continue
	mount --bind "$file" "$file"
	mount -o remount,bind,ro,nosuid,nodev,noexec "$file"
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys

# Each hierarchy in which this process was given a cgroup of its own; the others are not
# shown. A host with one hierarchy has no line but "0::".
if [ "$(grep -c . /proc/self/cgroup)" = 1 ]; then
	mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
else
	mount -t tmpfs -o mode=0755,nosuid,nodev,noexec tmpfs sys/fs/cgroup
	while IFS=: read -r _ controller path; do
		[ "$path" = / ] || continue
		case $controller in
		cpu | cpuacct | memory | pids)
			mkdir "sys/fs/cgroup/$controller"
			mount -t cgroup -o "nosuid,nodev,noexec,$controller" cgroup "sys/fs/cgroup/$controller"
			;;
		name=systemd)
			mkdir sys/fs/cgroup/systemd
			mount -t cgroup -o nosuid,nodev,noexec,none,name=systemd cgroup sys/fs/cgroup/systemd
			;;
		"")
			mkdir sys/fs/cgroup/unified
			mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup/unified
			;;
		esac
	done </proc/self/cgroup
fi

mount -t tmpfs -o mode=0755,nosuid tmpfs dev
umask 0
for node in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 0666 "dev/${node%:*}" c 1 "${node#*:}"
done
mknod -m 0666 dev/tty c 5 0
umask 022
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "dev/${n#*:}"; done
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs run

pivot_root . .
umount -l .
cd /
mount --make-rshared / # as systemd itself does on a machine that is no container
hostname mail

ssh-keygen -q -t ed25519 -N '' -C mail -f /etc/ssh/ssh_host_ed25519_key
install -d -m 0700 /root/.ssh
install -d -m 0700 -o alice -g alice /home/alice/.ssh
ssh-keygen -q -t ed25519 -N '' -C alice -f /root/.ssh/alice
install -m 0600 -o alice -g alice /root/.ssh/alice.pub /home/alice/.ssh/authorized_keys

read -r login </proc/self/loginuid || : # it ends without a line feed
[ "$login" = 4294967295 ] || echo 4294967295 >/proc/self/loginuid
if [ "$mode" = manager ]; then
	mkdir -p /run/user/0 /run/systemd/system # systemd looks for the second to know that it may run
	# Process 1 of a machine takes all with it; here what was started is ended one by one,
	# when the program that holds the other end goes.
	exec 3<&0
	(
		cat <&3 >/dev/null
		me=$(exec sh -c 'echo $PPID')
		find /sys/fs/cgroup -name cgroup.procs -exec cat {} + | sort -u | grep -vx "$me" | xargs -r kill -KILL
	) &
	exec env -i container=waxseal-lab HOME=/root XDG_RUNTIME_DIR=/run/user/0 PATH="$PATH" /lib/systemd/systemd --user
fi
ip link set lo up
for address; do ip address add "$address/32" dev lo; done
exec env -i container=waxseal-lab PATH="$PATH" \
	setpriv --inh-caps=-all --bounding-set=-sys_module,-sys_time,-sys_rawio /lib/systemd/systemd --show-status=false
