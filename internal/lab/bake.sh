#!/bin/sh
# Turns a fresh Debian root into the lab's mail server, once, before it is
# stored. It runs inside the root, with nothing of it started.
set -eu

# usr-is-merged stands in for the package that did the merge and needed Perl.
unused=$(dpkg-query -W -f '${Package} ${Essential}\n' usrmerge '*perl*' | sed -n 's/ no$//p')
# shellcheck disable=SC2086 # one word each
apt-get -q -y purge $unused
# Fewer files make a lab quicker to lay out.
rm -rf /usr/share/zoneinfo/[A-TV-Z]*[a-z]* /usr/share/zoneinfo/posix /usr/share/zoneinfo/right
rm -rf /usr/lib/*/gconv /usr/share/bash-completion /usr/share/lintian /var/cache/apt/*.bin

for user in 1001:alice 1002:bob 1003:carol; do
	useradd --create-home --shell /bin/bash --uid "${user%%:*}" "${user#*:}"
done
echo 'alice ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice
chmod 0440 /etc/sudoers.d/alice

echo mail.example.test >/etc/mailname
echo mail >/etc/hostname
: >/etc/resolv.conf # no name server: look-ups fail at once instead of waiting
cat >/etc/hosts <<'HOSTS'
127.0.0.1	localhost
::1	localhost
192.0.2.10	mail.example.test mail
192.0.2.25	client.example.net
HOSTS

# shellcheck disable=SC2016 # Postfix expands it
postconf -e 'myhostname = mail.example.test' 'myorigin = /etc/mailname' \
	'mydestination = $myhostname, example.test, localhost.example.test, localhost' \
	'mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128' \
	'inet_interfaces = all'
cat >/etc/aliases <<'ALIASES'
# See man 5 aliases for format
postmaster: root
root: alice
info: bob
sales: bob, carol
ALIASES
newaliases

# The lab shares the host's kernel: its log is none of the lab's business.
sed -i '/imklog/d' /etc/rsyslog.conf
# The lab has its own process numbers; rsyslog alone runs outside of them (see
# Lab.Start), so that what it asks the kernel for are the numbers that kernel
# audit gives too, as on any real host.
sed -i 's/^module(load="imuxsock".*/module(load="imuxsock" SysSock.UsePIDFromSystem="on" SysSock.RateLimit.Interval="0")/' /etc/rsyslog.conf
cat >/etc/rsyslog.d/postfix.conf <<'SOCKET'
# Create an additional socket in postfix's chroot in order not to break
# mail logging when rsyslog is restarted.
input(type="imuxsock" Socket="/var/spool/postfix/dev/log" UsePIDFromSystem="on")
SOCKET
install -d -m 0755 /var/spool/postfix/dev

# Keys belong to one lab: they are made when it starts.
rm -f /etc/ssh/ssh_host_*
cat >/etc/ssh/sshd_config.d/lab.conf <<'SSHD'
PasswordAuthentication no
HostKey /etc/ssh/ssh_host_ed25519_key
SSHD

/usr/lib/postfix/configure-instance.sh -
rm -f /etc/apt/apt.conf.d/99mmdebstrap /etc/machine-id /var/log/*.log /var/log/apt/*
