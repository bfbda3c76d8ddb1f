package main

import (
	"waxseal"
	"waxseal/internal/filter/delivery"
	"waxseal/internal/filter/fetch"
	"waxseal/internal/filter/nullclient"
	"waxseal/internal/filter/others"
	"waxseal/internal/snapshot"
)

// agentServers are a host with each of the small programs that stand for
// sendmail(1), servers that deliver by procmail and maildrop, and those with a mail
// system that is not read as a whole.
func agentServers() []server {
	last := "; the last of two lines for one setting counts."
	return []server{
		{nullclient.Nullmailer, "nullmailer", "/etc/nullmailer/remotes", "Examples add to the file remotes unless they say otherwise.", sends("nullmailer", "/etc/nullmailer/defaultdomain", "example.test\n")},
		{nullclient.Msmtp, "msmtp", "/etc/msmtprc", "Examples add to msmtprc unless they say otherwise.", sends("msmtp", "/etc/msmtprc", "account default\nfrom root@example.test\n")},
		{nullclient.DMA, "dma", "/etc/dma/dma.conf", "Examples add to dma.conf" + last, sends("dma", "/etc/dma/dma.conf", "MAILNAME mail.example.test\n")},
		{nullclient.SSMTP, "sSMTP", "/etc/ssmtp/ssmtp.conf", "Examples add to ssmtp.conf unless they say otherwise.", sends("ssmtp", "/etc/ssmtp/ssmtp.conf", "hostname=mail.example.test\n")},
		{nullclient.Esmtp, "esmtp", "/etc/esmtprc", "Examples add to esmtprc" + last, sends("esmtp", "/etc/esmtprc", "username = mail\n")},
		{fetch.Fetchmail, "fetchmail", "/home/alice/.fetchmailrc", "Examples add to ~/.fetchmailrc.", fetches("/home/alice/.fetchmailrc", "set daemon 300\n")},
		{fetch.Getmail, "getmail", "/home/alice/.getmail/getmailrc", "Examples add to ~/.getmail/getmailrc.", fetches("/home/alice/.getmail/getmailrc", "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = imap.example.test\n")},
		{delivery.Procmail, "procmail", "/etc/procmailrc", "Examples add to /etc/procmailrc unless they say otherwise; Postfix delivers by procmail.", delivers("procmail -a \"$EXTENSION\"", "/etc/procmailrc")},
		{delivery.Maildrop, "maildrop", "/etc/maildroprc", "Examples add to /etc/maildroprc unless they say otherwise; Postfix delivers by maildrop.", delivers("maildrop -d ${USER}", "/etc/maildroprc")},
		{others.Qmail, "qmail", "/var/qmail/control/smtproutes", "Examples add to control/smtproutes unless they say otherwise.", recognised(map[waxseal.Path]string{"/var/qmail/control/me": "mail.example.test\n", "/var/qmail/control/locals": "example.test\n", "/home/alice/.qmail": ""})},
		{others.Courier, "Courier", "/etc/courier/courierd", "Examples add to courierd unless they say otherwise.", recognised(map[waxseal.Path]string{"/etc/courier/courierd": "prefix=\"/usr\"\n", "/etc/courier/hosteddomains": "example.test\n", "/etc/courier/locals": "example.test\n"})},
		{others.Cyrus, "Cyrus IMAP", "/etc/cyrus.conf", "Examples add to cyrus.conf.", recognised(map[waxseal.Path]string{"/etc/cyrus.conf": "START {\n}\n", "/etc/imapd.conf": "configdirectory: /var/lib/cyrus\n"})},
	}
}

// sends is a host with one of the programs that stand for sendmail(1).
func sends(name string, config waxseal.Path, text string) func() map[waxseal.Path]snapshot.Object {
	return func() map[waxseal.Path]snapshot.Object {
		tree := host(append([]pkg{{name, "1.0-1", "/usr/sbin/" + name}}, agentPackages...))
		put(tree, config, text)
		return tree
	}
}

// fetches is a mail server on which alice fetches mail from elsewhere too.
func fetches(p waxseal.Path, text string) func() map[waxseal.Path]snapshot.Object {
	return func() map[waxseal.Path]snapshot.Object {
		tree := host(append(append([]pkg{{"fetchmail", "6.4.37-1", "/usr/bin/fetchmail"}, {"getmail6", "6.18.11-2", "/usr/bin/getmail"}, {"procmail", "3.24-1", "/usr/bin/procmail"}}, agentPackages...), postfixPackages...))
		put(tree, "/etc/postfix/main.cf", mainCf)
		put(tree, "/etc/postfix/master.cf", masterCf)
		put(tree, p, text)
		return tree
	}
}

// delivers is a server whose Postfix runs a command for each message to a user.
func delivers(command string, rules waxseal.Path) func() map[waxseal.Path]snapshot.Object {
	return func() map[waxseal.Path]snapshot.Object {
		tree := host(append(agentPackages, postfixPackages...))
		put(tree, "/etc/postfix/main.cf", mainCf+"mailbox_command = "+command+"\n")
		put(tree, "/etc/postfix/master.cf", masterCf)
		put(tree, rules, "")
		return tree
	}
}

// recognised is a host with files of a mail system.
func recognised(files map[waxseal.Path]string) func() map[waxseal.Path]snapshot.Object {
	return func() map[waxseal.Path]snapshot.Object {
		tree := host(append([]pkg{{"courier-mta", "1.3.13-7", "/usr/sbin/courier"}, {"maildrop", "3.1.8-1", "/usr/bin/maildrop"}}, agentPackages...))
		for p, text := range files {
			put(tree, p, text)
		}
		return tree
	}
}

// agentPackages are what examples may name.
var agentPackages = []pkg{
	{"bash", "5.2.37-2", "/bin/sh /bin/bash"},
	{"courier-filter-perl", "0.200-1", "/usr/lib/courier/filters/perlfilter"},
	{"curl", "8.14-1", "/usr/bin/curl"},
	{"bogofilter", "1.2.5-1", "/usr/bin/bogofilter"},
	{"cyrus-tools", "3.10-1", "/usr/sbin/squatter-nightly"},
	{"formail", "3.24-1", "/usr/bin/formail"},
	{"libeatmydata1", "131-2", "/usr/lib/x86_64-linux-gnu/libeatmydata.so"},
	{"nullmailer", "2.2-5", "/usr/bin/nullmailer-inject"},
	{"pass", "1.7.4-6", "/usr/bin/pass"},
	{"posh", "0.14.1-1", "/usr/bin/posh"},
	{"qmail-scanner", "2.11-1", "/usr/bin/qmail-scanner-queue"},
	{"spamc", "4.0.1-3", "/usr/bin/spamc"},
	{"vpnc-tools", "1.0-1", "/usr/bin/vpn-up"},
}
