package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// rspamdServer is a small mail server whose mail rspamd checks as a milter of Postfix.
// The package's own configuration is not there: what it says is known.
func rspamdServer() map[waxseal.Path]snapshot.Object {
	tree := host([]pkg{{"bash", "5.2.15-2", "/bin/sh /bin/bash"}, {"postfix", "3.7.11-0+deb12u1", "/usr/sbin/postfix /usr/sbin/sendmail /usr/lib/sendmail"}})
	put(tree, "/etc/postfix/main.cf", "myhostname = mail.example.test\nmydestination = example.test, localhost\nsmtpd_milters = inet:localhost:11332\n")
	put(tree, "/etc/postfix/master.cf", "smtp inet n - y - - smtpd\ncleanup unix n - y - 0 cleanup\n")
	put(tree, "/etc/rspamd/local.d/greylist.conf", "timeout = 5min;\n")
	return tree
}
