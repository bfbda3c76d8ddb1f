package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// dovecotServer is a small Debian mail server whose mail Dovecot 2.3 delivers, with
// Sieve.
func dovecotServer() map[waxseal.Path]snapshot.Object {
	tree := host(dovecotPackages)
	put(tree, "/etc/dovecot/dovecot.conf", dovecotConf)
	put(tree, "/etc/postfix/main.cf", "myhostname = mail.example.test\nmydestination = example.test, localhost\n")
	return tree
}

var dovecotPackages = []pkg{
	{"bash", "5.2.15-2", "/bin/sh /bin/bash"},
	{"dovecot-core", "1:2.3.19.1+dfsg1-2.1", "/usr/sbin/dovecot /usr/lib/dovecot/dovecot-lda /usr/lib/dovecot/modules/lib10_quota_plugin.so /usr/lib/dovecot/modules/lib20_fts_plugin.so /usr/lib/dovecot/modules/lib01_acl_plugin.so"},
	{"dovecot-sieve", "1:2.3.19.1+dfsg1-2.1", "/usr/lib/dovecot/modules/lib90_sieve_plugin.so /usr/lib/dovecot/modules/lib95_imap_sieve_plugin.so " +
		"/usr/lib/dovecot/modules/sieve/lib90_sieve_extprograms_plugin.so /usr/lib/dovecot/modules/sieve/lib90_sieve_imapsieve_plugin.so"},
	{"dovecot-examples", "1.0", "/usr/lib/dovecot/sieve-pipe/learn-spam /usr/lib/dovecot/sieve-filter/tidy /usr/lib/dovecot/sieve-execute/is-known /usr/bin/checkpassword-pam /usr/bin/quota-warning /usr/lib/dovecot/decode2text.sh /usr/bin/last-seen /usr/share/dovecot/notify.lua /usr/lib/dovecot/modules/lib20_mail_filter_plugin.so"},
	{"openssh-client", "1:9.2p1-2", "/usr/bin/ssh"},
	{"msmtp", "1.8.23-1", "/usr/bin/msmtp"},
	{"postfix", "3.7.11-0+deb12u1", "/usr/sbin/postfix /usr/sbin/sendmail /usr/lib/sendmail"},
}

const dovecotConf = `protocols = imap lmtp
mail_location = maildir:~/Maildir
mail_plugins = quota acl fts notify
passdb {
  driver = pam
}
userdb {
  driver = passwd
}
protocol lmtp {
  mail_plugins = $mail_plugins sieve
}
protocol imap {
  mail_plugins = $mail_plugins imap_sieve
}
plugin {
  sieve_plugins = sieve_imapsieve sieve_extprograms
  sieve_extensions = +vnd.dovecot.pipe +vnd.dovecot.filter +vnd.dovecot.execute +editheader
  sieve_pipe_bin_dir = /usr/lib/dovecot/sieve-pipe
  sieve_filter_bin_dir = /usr/lib/dovecot/sieve-filter
  sieve_execute_bin_dir = /usr/lib/dovecot/sieve-execute
}
`
