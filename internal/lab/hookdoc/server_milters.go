package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// milterServer is a small Debian mail server whose Postfix hands all mail to one
// milter.
func milterServer(socket string, packages ...pkg) map[waxseal.Path]snapshot.Object {
	tree := host(append(packages, milterPackages...))
	put(tree, "/etc/postfix/main.cf", "myhostname = mail.example.test\nmydestination = example.test, localhost\nsmtpd_milters = "+socket+"\n")
	return tree
}

var milterPackages = []pkg{
	{"bash", "5.2.15-2", "/bin/sh /bin/bash"},
	{"curl", "7.88.1-10", "/usr/bin/curl"},
	{"msmtp", "1.8.23-1", "/usr/bin/msmtp"},
	{"postfix", "3.7.11-0+deb12u1", "/usr/sbin/postfix /usr/sbin/sendmail /usr/lib/sendmail"},
}

// openDKIMServer has an OpenDKIM of its own with everything compiled in: Debian's knows
// some parameters not.
func openDKIMServer() map[waxseal.Path]snapshot.Object {
	tree := milterServer("inet:localhost:8891", pkg{"opendkim-own", "2.11.0", "/usr/sbin/opendkim"})
	put(tree, "/etc/opendkim.conf", "Syslog yes\nUserID opendkim\nSocket inet:8891@localhost\nSendReports yes\n")
	return tree
}

func openDMARCServer() map[waxseal.Path]snapshot.Object {
	tree := milterServer("inet:localhost:8893", pkg{"opendmarc", "1.4.2-2", "/usr/sbin/opendmarc"})
	put(tree, "/etc/opendmarc.conf", "Syslog true\nUserID opendmarc\nSocket inet:8893@localhost\nFailureReports true\n")
	return tree
}

func clamAVServer() map[waxseal.Path]snapshot.Object {
	tree := milterServer("unix:/run/clamav/clamav-milter.ctl", pkg{"clamav-milter", "1.4.3+dfsg-1", "/usr/sbin/clamav-milter"}, pkg{"clamav-daemon", "1.4.3+dfsg-1", "/usr/sbin/clamd"},
		pkg{"clamav-freshclam", "1.4.3+dfsg-1", "/usr/bin/freshclam"}, pkg{"clamav-tools", "1.0", "/usr/bin/tell-postmaster"})
	put(tree, "/etc/clamav/clamav-milter.conf", "MilterSocket /run/clamav/clamav-milter.ctl\nClamdSocket unix:/run/clamav/clamd.ctl\n")
	put(tree, "/etc/clamav/clamd.conf", "LocalSocket /run/clamav/clamd.ctl\n")
	put(tree, "/etc/clamav/freshclam.conf", "NotifyClamd /etc/clamav/clamd.conf\n")
	return tree
}

func greylistServer() map[waxseal.Path]snapshot.Object {
	tree := milterServer("unix:/run/milter-greylist/milter-greylist.sock", pkg{"milter-greylist", "4.6.4-1", "/usr/sbin/milter-greylist /usr/bin/count-mail"})
	put(tree, "/etc/mail/greylist.conf", "socket \"/run/milter-greylist/milter-greylist.sock\"\n")
	return tree
}

func milterRegexServer() map[waxseal.Path]snapshot.Object {
	tree := milterServer("unix:/var/spool/milter-regex/sock", pkg{"milter-regex", "2.7-1", "/usr/sbin/milter-regex"})
	put(tree, "/etc/milter-regex.conf", "reject \"no attachments\"\nheader /^Content-Type$/ ,application/x-msdownload,i\n")
	return tree
}
