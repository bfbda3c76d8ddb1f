package surroundings

import (
	"slices"

	"waxseal"
)

var observes = []waxseal.Effect{waxseal.Execute, waxseal.Observe}

// Sorts lists every sort of hook that this package finds. Where many settings do
// the same, the best known stands for them.
func Sorts() []waxseal.Place {
	list := slices.Clone(sorts)
	for i := range list {
		list[i].MTA, list[i].Stage = waxseal.HostStack, waxseal.StageConnect
		if list[i].Directive == "hosts" {
			list[i].Stage = waxseal.StageRoute
		}
	}
	return list
}

const unitSetting = "a unit of systemd, or a drop-in"

var sorts = []waxseal.Place{
	{Directive: "ExecStartPre", Where: unitSetting, Kind: waxseal.KindUnit, Effects: runs, Manual: "systemd.service(5)",
		Does: "a command runs when a mail service starts; ExecStart, ExecReload, ExecStopPost and the other Exec settings are alike"},
	{Directive: "Environment", Where: unitSetting, Kind: waxseal.KindEnvironment, Effects: runs, Manual: "systemd.exec(5)",
		Does: "variables get into a mail service; DefaultEnvironment in system.conf and PassEnvironment are alike"},
	{Directive: "EnvironmentFile", Where: unitSetting, Kind: waxseal.KindEnvironment, Effects: runs, Manual: "systemd.exec(5)",
		Does: "variables for a mail service are read from a file"},
	{Directive: "BindReadOnlyPaths", Where: unitSetting, Kind: waxseal.KindUnit, Effects: replaces, Manual: "systemd.exec(5)",
		Does: "a mail service sees other files than the host; BindPaths, RootDirectory, RootImage, TemporaryFileSystem and ExtensionImages are alike"},
	{Directive: "User", Where: unitSetting, Kind: waxseal.KindUnit, Effects: []waxseal.Effect{}, Manual: "systemd.exec(5)",
		Does: "a mail service runs as somebody else; Group and DynamicUser are alike"},
	{Directive: "StandardOutput", Where: unitSetting, Kind: waxseal.KindLog, Effects: silences, Manual: "systemd.exec(5)",
		Does: "what a mail service says does not reach the log; StandardError, LogNamespace, LogLevelMax and LogFilterPatterns are alike"},
	{Directive: "generator", Where: "the directories of system generators", Kind: waxseal.KindUnit, Effects: runs, Manual: "systemd.generator(7)",
		Does: "a program makes units, as root, at boot and at each daemon-reload"},
	{Directive: "init.d", Where: "/etc/init.d", Kind: waxseal.KindScript, Effects: runs, Manual: "init-d-script(5)",
		Does: "a script starts and stops a mail service as root"},
	{Directive: "sourced", Where: "/etc/default and /etc/sysconfig", Kind: waxseal.KindScript, Effects: runs, Manual: "sh(1)",
		Does: "scripts that start mail services run the commands in this file"},
	{Directive: "inetd", Where: "inetd.conf and xinetd.d", Kind: waxseal.KindUnit, Effects: runs, Manual: "inetd(8), xinetd.conf(5)",
		Does: "a command answers whoever connects to a mail port"},
	{Directive: "cron", Where: "crontabs and /etc/cron.d", Kind: waxseal.KindScript, Effects: runs, Manual: "crontab(5)",
		Does: "a job touches mail, or what decides about it"},
	{Directive: "cron.daily", Where: "/etc/cron.hourly, daily, weekly and monthly", Kind: waxseal.KindScript, Effects: runs, Manual: "run-parts(8)",
		Does: "a script that touches mail runs as root once a day; the other directories of jobs are alike"},
	{Directive: "if-up.d", Where: "the hook directories of interfaces, DHCP, PPP, resolvconf and certbot", Kind: waxseal.KindScript, Effects: runs, Manual: "interfaces(5)",
		Does: "a script that touches mail runs as root when the network changes; dispatcher.d, dhclient-exit-hooks.d, ip-up.d and renewal-hooks are alike"},
	{Directive: "DPkg::Post-Invoke", Where: "apt.conf.d", Kind: waxseal.KindScript, Effects: runs, Manual: "apt.conf(5)",
		Does: "a command that touches mail runs as root whenever packages are installed; the other hooks of apt and those of dnf are alike"},
	{Directive: "environment", Where: "/etc/environment", Kind: waxseal.KindEnvironment, Effects: runs, Manual: "pam_env(8)",
		Does: "variables get into every login and job; pam_env.conf is alike"},
	{Directive: "ld.so.preload", Where: "/etc/ld.so.preload", Kind: waxseal.KindEnvironment, Effects: runs, Manual: "ld.so(8)",
		Does: "a library gets into every program on the host"},
	{Directive: "ld.so.conf", Where: "/etc/ld.so.conf and ld.so.conf.d", Kind: waxseal.KindEnvironment, Effects: runs, Manual: "ldconfig(8)",
		Does: "libraries of every program are looked for in a directory before the system's"},
	{Directive: "nsswitch.conf", Where: "/etc/nsswitch.conf", Kind: waxseal.KindModule, Effects: runs, Manual: "nsswitch.conf(5)",
		Does: "a library gets into every program that asks for a user or a host"},
	{Directive: "plugin", Where: "the module directories of SASL and Dovecot", Kind: waxseal.KindPlugin, Effects: runs, Manual: "SASL_README",
		Does: "a library gets into mail daemons because it lies there"},
	{Directive: "command", Where: "/usr/sbin, /usr/bin, /usr/local", Kind: waxseal.KindBinary, Effects: runs, Manual: "sendmail(1)",
		Does: "a command of the mail system is not what its package brought, or another is found before it"},
	{Directive: "daemon", Where: "the directories of mail daemons", Kind: waxseal.KindBinary, Effects: replaces, Manual: "postconf(5) daemon_directory",
		Does: "a daemon of the mail system is not what its package brought"},
	{Directive: "dpkg-divert", Where: "/var/lib/dpkg/diversions", Kind: waxseal.KindBinary, Effects: replaces, Manual: "dpkg-divert(1)",
		Does: "somebody else's file lies where the package brought one"},
	{Directive: "hosts", Where: "/etc/hosts, and the copy in Postfix's chroot", Kind: waxseal.KindHosts, Effects: diverts, Manual: "hosts(5)",
		Does: "a name to which mail is handed has another address on this host"},
	{Directive: "resolv.conf", Where: "the copies in Postfix's chroot", Kind: waxseal.KindHosts, Effects: diverts, Manual: "resolv.conf(5)",
		Does: "the daemons in the chroot ask other name servers than the host; the copy of nsswitch.conf is alike"},
	{Directive: "rsyslog", Where: "rsyslog.conf and rsyslog.d", Kind: waxseal.KindLog, Effects: append(slices.Clone(silences), observes...), Manual: "rsyslog.conf(5)",
		Does: "the log of mail is thrown away, or handed to a program"},
	{Directive: "Storage", Where: "journald.conf and its drop-ins", Kind: waxseal.KindLog, Effects: silences, Manual: "journald.conf(5)",
		Does: "the journal does not keep what mail services say; MaxLevelStore and MaxLevelSyslog are alike"},
}
