package host

import "waxseal"

// Places lists the directories, and a few files, in which something new would be found
// at the next reading though nothing names it yet. Python's directories are left out:
// they hold thousands of others.
func Places() []waxseal.Path {
	return []waxseal.Path{
		"/etc/pam.d", "/usr/lib/pam.d", "/etc/sasl2", "/etc/sudoers", "/etc/sudoers.d", "/etc/logrotate.conf", "/etc/logrotate.d", "/etc/fail2ban", "/etc/udev/rules.d", "/etc/binfmt.d", "/usr/local/lib/binfmt.d", "/etc/profile.d",
	}
}

// Sorts lists every sort of hook that this package finds.
func Sorts() []waxseal.Place {
	runs := []waxseal.Effect{waxseal.Execute}
	observes := []waxseal.Effect{waxseal.Observe}
	both := []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	lets := []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	const pamFile = "/etc/pam.d"
	list := []waxseal.Place{
		{Directive: "pam", Where: pamFile, Kind: waxseal.KindModule, Effects: both, Manual: "pam.conf(5)",
			Does: "a library gets the name and password of whoever signs in to send or read mail"},
		{Directive: "pam_exec", Where: pamFile, Kind: waxseal.KindScript, Effects: both, Manual: "pam_exec(8)",
			Does: "a command runs, as root, whenever somebody signs in to send or read mail, and may get the password; pam_script and the modules that load Python, Perl or Lua are alike"},
		{Directive: "pam_permit", Where: pamFile, Kind: waxseal.KindPolicy, Effects: lets, Manual: "pam_permit(8)",
			Does: "somebody is let in to send or read mail whatever the password; pam_succeed_if and the modules that ask only who somebody is are alike"},
		{Directive: "pwcheck_method", Where: "smtpd.conf of SASL", Kind: waxseal.KindPolicy, Effects: lets, Manual: "SASL_README",
			Does: "passwords of SMTP are not checked"},
		{Directive: "saslauthd_path", Where: "smtpd.conf of SASL", Kind: waxseal.KindPolicy, Effects: observes, Manual: "SASL_README",
			Does: "passwords of SMTP are given to whoever listens on this socket; authdaemond_path is alike"},
		{Directive: "sql_hostnames", Where: "smtpd.conf of SASL", Kind: waxseal.KindMap, Effects: observes, Manual: "SASL_README",
			Does: "a database on another host says who may send mail"},
		{Directive: "rimap", Where: "/etc/default/saslauthd", Kind: waxseal.KindPolicy, Effects: observes, Manual: "saslauthd(8)",
			Does: "passwords of SMTP are given to an IMAP server"},
		{Directive: "sudoers", Where: "/etc/sudoers and sudoers.d", Kind: waxseal.KindUnit, Effects: runs, Manual: "sudoers(5)",
			Does: "an account may change the mail system as root without a password"},
		{Directive: "postrotate", Where: "logrotate.conf and logrotate.d", Kind: waxseal.KindScript, Effects: runs, Manual: "logrotate(8)",
			Does: "a command that touches mail, or for which no package vouches, runs as root when logs of mail are rotated; prerotate, firstaction, lastaction and preremove are alike"},
		{Directive: "compresscmd", Where: "logrotate.conf and logrotate.d", Kind: waxseal.KindScript, Effects: runs, Manual: "logrotate(8)",
			Does: "a program of somebody's own gets the log of mail when it is rotated"},
		{Directive: "mail", Where: "logrotate.conf and logrotate.d", Kind: waxseal.KindLog, Effects: observes, Manual: "logrotate(8)",
			Does: "the log of mail is sent to an address"},
		{Directive: "actionban", Where: "/etc/fail2ban/action.d", Kind: waxseal.KindScript, Effects: runs, Manual: "jail.conf(5)",
			Does: "a command that touches mail runs as root when a line of a log matches; the other commands of an action, and an action in Python, are alike"},
		{Directive: "ignorecommand", Where: "jail.local and jail.d", Kind: waxseal.KindScript, Effects: runs, Manual: "jail.conf(5)",
			Does: "a command runs as root for each line of the log of mail that matches"},
		{Directive: "destemail", Where: "jail.local and jail.d", Kind: waxseal.KindLog, Effects: observes, Manual: "jail.conf(5)",
			Does: "lines of the log of mail are sent to an address"},
		{Directive: "RUN", Where: "udev/rules.d", Kind: waxseal.KindScript, Effects: runs, Manual: "udev(7)",
			Does: "a command that touches mail runs as root when a device appears; PROGRAM and IMPORT{program} are alike"},
		{Directive: "binfmt", Where: "binfmt.d", Kind: waxseal.KindScript, Effects: runs, Manual: "binfmt.d(5)",
			Does: "another program runs in place of scripts, or of programs, of the mail system"},
		{Directive: "profile", Where: "/etc/profile, profile.d and bash.bashrc", Kind: waxseal.KindScript, Effects: runs, Manual: "bash(1)",
			Does: "a command that touches mail runs when somebody, or a job, goes through a login shell"},
		{Directive: SiteDirective, Where: "directories of Python's modules", Kind: waxseal.KindModule, Effects: runs, Manual: "site, in the library reference of Python",
			Does: "code runs in every filter that is written in Python: lines of *.pth files that begin with import, sitecustomize and usercustomize"},
	}
	for i := range list {
		list[i].MTA, list[i].Stage = waxseal.HostStack, waxseal.StageConnect
	}
	return list
}
