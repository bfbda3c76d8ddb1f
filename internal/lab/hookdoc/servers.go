package main

import (
	"crypto/md5"
	"fmt"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot"
	"waxseal/internal/filter/milters"
	"waxseal/internal/mta/exim"
	"waxseal/internal/mta/opensmtpd"
	"waxseal/internal/mta/postfix"
	"waxseal/internal/mta/sendmail"
	"waxseal/internal/snapshot"
)

// server is a small mail server that examples change.
type server struct {
	mta   waxseal.StackName
	title string
	// main is the file to which an example adds where it names none.
	main waxseal.Path
	// about is a sentence for the page.
	about string
	tree  func() map[waxseal.Path]snapshot.Object
}

// servers are those of the mail systems, in the order of the page.
func servers() []server {
	return []server{
		{postfix.MTA, "Postfix", "/etc/postfix/main.cf", "Examples add to main.cf unless they say otherwise, where the last of two lines for one parameter counts.", postfixServer},
		{exim.MTA, "Exim", "/etc/exim4/conf.d/main/10_options", "Examples add to the main section of Debian's split configuration (conf.d/main) unless they say otherwise.", eximServer},
		{sendmail.MTA, "Sendmail", "/etc/mail/sendmail.cf", "Examples add to sendmail.cf unless they say otherwise, where the last of two lines for one option, macro or mailer counts, and rules go to the end of their ruleset. Tables are shown as makemap(8) gets them.", sendmailServer},
		{opensmtpd.MTA, "OpenSMTPD", "/etc/smtpd.conf", "Examples add to smtpd.conf unless they say otherwise; of its rules the first that matches counts.", opensmtpdServer},
		{dovecot.MTA, "Dovecot", "/etc/dovecot/dovecot.conf", "Examples add to dovecot.conf of a Dovecot 2.3 unless they say otherwise; the last of two lines for one setting counts.", dovecotServer},
		{milters.OpenDKIM, "OpenDKIM", "/etc/opendkim.conf", "Examples add to opendkim.conf unless they say otherwise; the last of two lines for one parameter counts.", openDKIMServer},
		{milters.OpenDMARC, "OpenDMARC", "/etc/opendmarc.conf", "Examples add to opendmarc.conf unless they say otherwise; the last of two lines for one parameter counts.", openDMARCServer},
		{milters.ClamMilter, "clamav-milter", "/etc/clamav/clamav-milter.conf", "Examples add to clamav-milter.conf unless they say otherwise; the first of two lines for one option counts.", clamAVServer},
		{milters.Clamd, "ClamAV", "/etc/clamav/clamd.conf", "Examples add to clamd.conf unless they say otherwise; the first of two lines for one option counts.", clamAVServer},
		{milters.Freshclam, "freshclam", "/etc/clamav/freshclam.conf", "Examples add to freshclam.conf unless they say otherwise; the first of two lines for one option counts.", clamAVServer},
		{milters.Greylist, "milter-greylist", "/etc/mail/greylist.conf", "Examples add to greylist.conf unless they say otherwise; the first entry of an access list that matches counts.", greylistServer},
		{milters.Regex, "milter-regex", "/etc/milter-regex.conf", "Examples add to milter-regex.conf unless they say otherwise; the first rule that matches counts.", milterRegexServer},
	}
}

// serverOf is the server of a mail system; what belongs to the host is shown on
// that with Postfix.
func serverOf(mta waxseal.StackName) server {
	for _, s := range servers() {
		if s.mta == mta {
			return s
		}
	}
	s := servers()[0]
	s.mta, s.about = waxseal.HostStack, "Examples add to the server with Postfix."
	return s
}

// pkg is a package that the database of a server vouches for; files are separated
// by blanks.
type pkg struct{ name, version, files string }

func put(tree map[waxseal.Path]snapshot.Object, p waxseal.Path, text string) {
	tree[p] = snapshot.Object{File: waxseal.File{Mode: 0o644}, Content: []byte(text)}
}

// host is a Debian host with packages, and with no mail system set up yet.
func host(packages []pkg) map[waxseal.Path]snapshot.Object {
	tree := map[waxseal.Path]snapshot.Object{}
	put(tree, "/etc/aliases", "postmaster: root\nroot: alice\n")
	put(tree, "/etc/passwd", passwd)
	put(tree, "/etc/hostname", "mail.example.test\n")
	put(tree, "/etc/mailname", "example.test\n")
	put(tree, "/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
	put(tree, "/etc/rsyslog.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\nmail.* -/var/log/mail.log\n")
	put(tree, "/etc/resolv.conf", "nameserver 10.0.0.53\n")
	var status strings.Builder
	for _, p := range packages {
		var list, sums strings.Builder
		for f := range strings.FieldsSeq(p.files) {
			text, mode := p.name+" "+f+"\n", uint32(0o755)
			if strings.HasSuffix(f, ".service") {
				text, mode = unit, 0o644
			}
			tree[waxseal.Path(f)] = snapshot.Object{File: waxseal.File{Mode: mode}, Content: []byte(text)}
			fmt.Fprintln(&list, f)
			fmt.Fprintf(&sums, "%x  %s\n", md5.Sum([]byte(text)), strings.TrimPrefix(f, "/"))
		}
		put(tree, waxseal.Path("/var/lib/dpkg/info/"+p.name+".list"), list.String())
		put(tree, waxseal.Path("/var/lib/dpkg/info/"+p.name+".md5sums"), sums.String())
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n", p.name, p.version)
	}
	put(tree, "/var/lib/dpkg/status", status.String())
	return tree
}

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

const passwd = `root:x:0:0:root:/root:/bin/bash
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:/bin/bash
`
