package surroundings

import "waxseal"

// Places lists the directories, and a few files, in which something new would be
// found at the next reading though nothing names it yet: a drop-in, a job, a
// rule. Whoever watches a host watches these besides the files of a state; most
// hosts lack some of them. Directories count with what is below them.
func Places() []waxseal.Path {
	list := []waxseal.Path{
		"/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/environment", "/etc/security/pam_env.conf", "/etc/nsswitch.conf", "/etc/hosts", "/etc/resolv.conf",
		"/etc/default", "/etc/sysconfig", "/etc/init.d", "/etc/rc.d", "/etc/rc.local", "/etc/inetd.conf", "/etc/xinetd.d", "/etc/crontab", "/etc/anacrontab", "/etc/cron.d", "/var/spool/cron", "/var/spool/at",
		"/etc/apt/apt.conf", "/etc/apt/apt.conf.d", "/etc/dpkg/dpkg.cfg.d", "/etc/dnf", "/etc/yum", "/etc/rsyslog.conf", "/etc/rsyslog.d", "/etc/syslog.conf",
		"/etc/systemd", "/run/systemd/journald.conf.d", "/run/systemd/system.conf.d", "/usr/local/lib/systemd", "/etc/alternatives", "/var/lib/dpkg/diversions", "/usr/local/sbin", "/usr/local/bin", chroot + "/etc", chroot + "/lib", chroot + "/lib64", chroot + "/usr/lib", chroot + "/usr/lib64",
		"/etc/dhcp", "/etc/dhclient-exit-hooks", "/etc/ppp",
	}
	for _, p := range scriptPlaces {
		list = append(list, p.path)
	}
	for _, level := range []waxseal.Path{"0", "1", "2", "3", "4", "5", "6", "S"} {
		list = append(list, "/etc/rc"+level+".d")
	}
	list = append(list, unitPath...)
	list = append(list, generatorPath...)
	list = append(list, daemonDirectories...)
	return append(list, pluginDirectories...)
}
