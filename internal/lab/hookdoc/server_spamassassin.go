package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// spamAssassinServer is a small Debian mail server with Postfix, whose milter hands
// mail to SpamAssassin.
func spamAssassinServer() map[waxseal.Path]snapshot.Object {
	tree := host(spamAssassinPackages)
	put(tree, "/etc/postfix/main.cf", "myhostname = mail.example.test\nmydestination = example.test, localhost\nsmtpd_milters = unix:/var/spool/postfix/spamass/spamass.sock\n")
	put(tree, "/etc/postfix/master.cf", "smtp inet n - n - - smtpd\n")
	put(tree, "/etc/default/spamass-milter", "OPTIONS=\"-u spamass-milter -i 127.0.0.1\"\n")
	put(tree, "/etc/default/spamd", "OPTIONS=\"--create-prefs --max-children 5\"\n")
	put(tree, "/etc/spamassassin/init.pre", spamAssassinPre)
	put(tree, "/etc/spamassassin/local.cf", "report_safe 1\n")
	return tree
}

const spamAssassinPlugins = "/usr/share/perl5/Mail/SpamAssassin/Plugin/"

var spamAssassinPackages = []pkg{
	{"bash", "5.2.15-2", "/bin/sh /bin/bash"},
	{"dcc-client", "2.3.168", "/var/dcc/bin/dccproc"},
	{"postfix", "3.7.11-0+deb12u1", "/usr/sbin/postfix /usr/sbin/sendmail /usr/lib/sendmail"},
	{"poppler-utils", "22.12.0-2", "/usr/bin/pdftotext"},
	{"pyzor", "1:1.0.0-6", "/usr/bin/pyzor"},
	{"spamassassin", "4.0.1-1~deb12u1", "/usr/bin/spamassassin /usr/bin/sa-update /usr/share/perl5/Mail/SpamAssassin.pm /usr/share/perl5/Mail/SpamAssassin/Conf.pm /usr/share/perl5/Mail/SpamAssassin/BayesStore/Ext.pm " +
		spamAssassinPlugins + "SPF.pm " + spamAssassinPlugins + "DCC.pm " + spamAssassinPlugins + "Pyzor.pm " + spamAssassinPlugins + "SpamCop.pm " + spamAssassinPlugins + "ExtractText.pm " + spamAssassinPlugins + "PhishTag.pm " +
		spamAssassinPlugins + "Phishing.pm " + spamAssassinPlugins + "AskDNS.pm " + spamAssassinPlugins + "Shortcircuit.pm " + spamAssassinPlugins + "TextCat.pm"},
	{"spamass-milter", "0.4.0-2", "/usr/sbin/spamass-milter"},
	{"spamc", "4.0.1-1~deb12u1", "/usr/bin/spamc"},
	{"spamd", "4.0.1-1~deb12u1", "/usr/sbin/spamd"},
}

const spamAssassinPre = `loadplugin Mail::SpamAssassin::Plugin::SPF
loadplugin Mail::SpamAssassin::Plugin::DCC
loadplugin Mail::SpamAssassin::Plugin::Pyzor
loadplugin Mail::SpamAssassin::Plugin::SpamCop
loadplugin Mail::SpamAssassin::Plugin::ExtractText
loadplugin Mail::SpamAssassin::Plugin::PhishTag
loadplugin Mail::SpamAssassin::Plugin::Phishing
loadplugin Mail::SpamAssassin::Plugin::AskDNS
`

// saEximServer is a small mail server with Exim, which has SpamAssassin look at mail
// while it is taken.
func saEximServer() map[waxseal.Path]snapshot.Object {
	tree := eximServer()
	put(tree, "/etc/exim4/sa-exim.conf", "SAEximRunCond: 1\nSAspamcpath: /usr/bin/spamc\n")
	put(tree, "/etc/exim4/conf.d/main/15_sa-exim_plugin_path", "local_scan_path = /usr/lib/exim4/local_scan/sa-exim.so\n")
	return tree
}
