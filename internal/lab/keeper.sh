#!/bin/sh
# Process 1 of a lab: lays out what a booted machine would have, says "ready",
# and keeps the namespaces until its standard input ends. When it ends, the
# kernel ends everything else in the lab.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

mount -n -t proc -o nosuid,nodev,noexec proc /proc
# Daemons started at boot have no audit login; whoever started the lab has one.
read -r login </proc/self/loginuid || :
[ "$login" = 4294967295 ] || echo 4294967295 >/proc/self/loginuid || :

mount -n -t tmpfs -o mode=0755,nosuid tmpfs /dev
umask 0
for node in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 0666 "/dev/${node%:*}" c 1 "${node#*:}"
done
mknod -m 0666 /dev/tty c 5 0
umask 022
mkdir /dev/pts /dev/shm
mount -n -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts /dev/pts
mount -n -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
ln -s pts/ptmx /dev/ptmx
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr

mount -n -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run
mkdir /run/sshd /run/sudo
mkdir -m 1777 /run/lock
: >/run/utmp

hostname mail
ip link set lo up
for address in "$@"; do
	ip address add "$address/32" dev lo
done

echo ready
exec 3<&0 # a command in the background has its standard input taken away
cat <&3 >/dev/null &
wait $!
