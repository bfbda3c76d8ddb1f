package main

import (
	"crypto/md5"
	"fmt"
	"strings"

	"waxseal"
	"waxseal/internal/snapshot"
)

// server is the small Debian mail server that the examples change: Postfix, and
// other programs that its package database vouches for.
func server() map[waxseal.Path]snapshot.Object {
	tree := map[waxseal.Path]snapshot.Object{}
	put := func(p, text string, mode uint32) {
		tree[waxseal.Path(p)] = snapshot.Object{File: waxseal.File{Mode: mode}, Content: []byte(text)}
	}
	put("/etc/postfix/main.cf", mainCf, 0o644)
	put("/etc/postfix/master.cf", masterCf, 0o644)
	put("/etc/aliases", "postmaster: root\nroot: alice\n", 0o644)
	put("/etc/passwd", passwd, 0o644)
	put("/etc/hostname", "mail.example.test\n", 0o644)
	put("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n", 0o644)
	put("/etc/rsyslog.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\nmail.* -/var/log/mail.log\n", 0o644)
	put("/etc/resolv.conf", "nameserver 10.0.0.53\n", 0o644)
	tree["/etc/systemd/system/multi-user.target.wants/postfix.service"] = snapshot.Object{File: waxseal.File{Type: waxseal.Symlink, Link: "/usr/lib/systemd/system/postfix.service"}}
	var status strings.Builder
	for _, p := range packages {
		var list, sums strings.Builder
		for f := range strings.FieldsSeq(p.files) {
			text, mode := p.name+" "+f+"\n", uint32(0o755)
			if strings.HasSuffix(f, ".service") {
				text, mode = unit, 0o644
			}
			put(f, text, mode)
			fmt.Fprintln(&list, f)
			fmt.Fprintf(&sums, "%x  %s\n", md5.Sum([]byte(text)), strings.TrimPrefix(f, "/"))
		}
		put("/var/lib/dpkg/info/"+p.name+".list", list.String(), 0o644)
		put("/var/lib/dpkg/info/"+p.name+".md5sums", sums.String(), 0o644)
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n", p.name, p.version)
	}
	put("/var/lib/dpkg/status", status.String(), 0o644)
	return tree
}

// packages are those of the server that examples name, with their files.
var packages = []struct{ name, version, files string }{
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

const unit = `[Unit]
Description=Postfix Mail Transport Agent

[Service]
Type=forking
ExecStart=/usr/sbin/postfix start
ExecStop=/usr/sbin/postfix stop
ExecReload=/usr/sbin/postfix reload

[Install]
WantedBy=multi-user.target
`

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

const passwd = `root:x:0:0:root:/root:/bin/bash
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:/bin/bash
`
