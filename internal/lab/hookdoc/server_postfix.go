package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// postfixServer is a small Debian mail server with Postfix, and with other programs
// that its package database vouches for.
func postfixServer() map[waxseal.Path]snapshot.Object {
	tree := host(postfixPackages)
	put(tree, "/etc/postfix/main.cf", mainCf)
	put(tree, "/etc/postfix/master.cf", masterCf)
	tree["/etc/systemd/system/multi-user.target.wants/postfix.service"] = snapshot.Object{File: waxseal.File{Type: waxseal.Symlink, Link: "/usr/lib/systemd/system/postfix.service"}}
	return tree
}

// postfixPackages are those of the server that examples name, with their files.
var postfixPackages = []pkg{
	{"archivemail", "0.9.0-1.1", "/usr/bin/archivemail"},
	{"bash", "5.2.37-2", "/bin/sh /bin/bash"},
	{"dovecot-core", "1:2.4.1-2", "/usr/lib/dovecot/dovecot-lda"},
	{"maildrop", "3.1.8-1", "/usr/bin/maildrop"},
	{"openssl", "3.5.4-1", "/usr/bin/openssl /etc/ssl/openssl.cnf"},
	{"postfix", "3.11.6-1", daemons + " /usr/lib/systemd/system/postfix.service /usr/sbin/postfix /usr/sbin/postmap /usr/sbin/postmulti /usr/sbin/postqueue /usr/sbin/postsuper /usr/sbin/sendmail /usr/lib/sendmail /usr/sbin/mailq /usr/bin/mailq /usr/sbin/newaliases /usr/bin/newaliases"},
	{"postfix-pcre", "3.11.6-1", "/usr/lib/postfix/postfix-pcre.so"},
	{"postfix-policyd-spf-python", "3.1.0-1", "/usr/bin/policyd-spf"},
	{"procmail", "3.24-1", "/usr/bin/procmail"},
	{"sendmail-bin", "8.18.1-9", "/usr/lib/sm.bin/smrsh"},
	{"xz-utils", "5.8.1-1", "/usr/bin/xz"},
}

const daemons = "/usr/lib/postfix/sbin/anvil /usr/lib/postfix/sbin/bounce /usr/lib/postfix/sbin/cleanup /usr/lib/postfix/sbin/discard /usr/lib/postfix/sbin/error " +
	"/usr/lib/postfix/sbin/lmtp /usr/lib/postfix/sbin/local /usr/lib/postfix/sbin/master /usr/lib/postfix/sbin/pickup /usr/lib/postfix/sbin/pipe /usr/lib/postfix/sbin/postscreen " +
	"/usr/lib/postfix/sbin/proxymap /usr/lib/postfix/sbin/qmgr /usr/lib/postfix/sbin/smtp /usr/lib/postfix/sbin/smtpd /usr/lib/postfix/sbin/spawn " +
	"/usr/lib/postfix/sbin/trivial-rewrite /usr/lib/postfix/sbin/verify /usr/lib/postfix/sbin/virtual"

const mainCf = `compatibility_level = 3.6
myhostname = mail.example.test
mydomain = example.test
mydestination = $myhostname, example.test, localhost
mynetworks = 127.0.0.0/8
alias_maps = hash:/etc/aliases
`

const masterCf = `smtp       inet n - y - - smtpd
submission inet n - y - - smtpd
pickup     unix n - y 60 1 pickup
cleanup    unix n - y - 0 cleanup
qmgr       unix n - n 300 1 qmgr
rewrite    unix - - y - - trivial-rewrite
bounce     unix - - y - 0 bounce
defer      unix - - y - 0 bounce
verify     unix - - y - 1 verify
proxymap   unix - - n - - proxymap
smtp       unix - - y - - smtp
relay      unix - - y - - smtp
error      unix - - y - - error
retry      unix - - y - - error
discard    unix - - y - - discard
local      unix - n n - - local
virtual    unix - n n - - virtual
lmtp       unix - - y - - lmtp
anvil      unix - - y - 1 anvil
`
