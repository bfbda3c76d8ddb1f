package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// sendmailServer is a small mail server with Sendmail.
func sendmailServer() map[waxseal.Path]snapshot.Object {
	tree := host(sendmailPackages)
	put(tree, "/etc/mail/sendmail.cf", "V10/Berkeley\nCwlocalhost example.test\n")
	return tree
}

var sendmailPackages = []pkg{
	{"bash", "5.2.37-2", "/bin/sh /bin/bash"},
	{"sendmail-bin", "8.17.1.9-2", "/usr/libexec/sendmail/sendmail /usr/sbin/sendmail-mta"},
	{"procmail", "3.24-1", "/usr/bin/procmail"},
}
