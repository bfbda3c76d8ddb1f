package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// opensmtpdServer is a small mail server with OpenSMTPD.
func opensmtpdServer() map[waxseal.Path]snapshot.Object {
	tree := host(opensmtpdPackages)
	put(tree, "/etc/smtpd.conf", "table aliases file:/etc/aliases\nlisten on 0.0.0.0\naction \"local\" maildir alias <aliases>\naction \"relay\" relay\nmatch from any for domain \"example.test\" action \"local\"\nmatch for local action \"local\"\nmatch from local for any action \"relay\"\n")
	return tree
}

var opensmtpdPackages = []pkg{
	{"bash", "5.2.37-2", "/bin/sh /bin/bash"},
	{"opensmtpd", "6.8.0p2-4", "/usr/sbin/smtpd /usr/sbin/smtpctl /usr/sbin/sendmail /usr/libexec/opensmtpd/mail.local"},
	{"opensmtpd-filter-rspamd", "0.1.7-1", "/usr/libexec/opensmtpd/filter-rspamd"},
	{"procmail", "3.24-1", "/usr/bin/procmail"},
}
