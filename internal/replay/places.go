package replay

import (
	"path"
	"strings"

	"waxseal"
)

// place is a part of the file system that decides what happens to mail, where no tree
// says which files those are.
type place struct {
	under []string // a directory, or one file
	what  string
	is    sort
}

type sort int

const (
	configuration sort = iota
	program
	personal // rules of one mailbox
	starting // how daemons are started, and with what around them
)

// places are where the mail systems, their filters and what starts them lie in the
// packages of Debian, Fedora, SUSE and in FreeBSD's manner (hier(7)).
var places = []place{
	{[]string{"/etc/postfix", "/usr/local/etc/postfix"}, "the configuration of Postfix", configuration},
	{[]string{"/etc/exim4", "/etc/exim", "/var/lib/exim4", "/usr/exim/configure", "/usr/local/etc/exim"}, "the configuration of Exim", configuration},
	{[]string{"/etc/mail", "/etc/sendmail.cf", "/usr/local/etc/mail", "/usr/share/sendmail", "/usr/share/sendmail-cf"}, "the configuration of Sendmail or OpenSMTPD", configuration},
	{[]string{"/etc/smtpd.conf", "/etc/opensmtpd", "/etc/smtpd"}, "the configuration of OpenSMTPD", configuration},
	{[]string{"/etc/nullmailer", "/etc/msmtprc", "/etc/ssmtp", "/etc/dma", "/etc/esmtprc"}, "the configuration of a program that hands mail on", configuration},
	{[]string{"/etc/dovecot", "/usr/local/etc/dovecot", "/var/lib/dovecot/sieve", "/usr/lib/dovecot/sieve"}, "the configuration of Dovecot", configuration},
	{[]string{"/etc/aliases", "/etc/aliases.db", "/etc/aliases.lmdb", "/etc/aliases.cdb", "/etc/aliases.dir", "/etc/aliases.pag", "/etc/mailname", "/etc/email-addresses"}, "the aliases of the host", configuration},
	{[]string{"/etc/rspamd", "/var/lib/rspamd"}, "the configuration of rspamd", configuration},
	{[]string{"/etc/amavis", "/etc/amavisd", "/etc/amavisd.conf"}, "the configuration of amavis", configuration},
	{[]string{"/etc/spamassassin", "/var/lib/spamassassin", "/etc/mail/spamassassin"}, "the configuration of SpamAssassin", configuration},
	{[]string{"/etc/opendkim", "/etc/opendkim.conf", "/etc/opendmarc", "/etc/opendmarc.conf", "/etc/openarc", "/etc/openarc.conf", "/etc/dkimkeys", "/etc/milter-greylist", "/etc/milter.conf", "/etc/mimedefang", "/etc/default/mimedefang", "/etc/clamav", "/etc/mtasts"}, "the configuration of a filter", configuration},
	{[]string{"/etc/postgrey", "/etc/postfwd", "/etc/postfwd.cf", "/etc/postfix-policyd-spf-python", "/etc/policyd-rate-limit.yaml", "/etc/greylistd", "/etc/postsrsd", "/etc/default/postsrsd"}, "the configuration of a policy service", configuration},
	{[]string{"/etc/mailman", "/etc/mailman3", "/etc/sympa", "/etc/mlmmj", "/var/lib/mailman"}, "the configuration of mailing lists", configuration},
	{[]string{"/etc/procmailrc", "/etc/maildroprc", "/etc/courier"}, "what delivers mail for everybody", configuration},
	{[]string{"/usr/lib/postfix", "/usr/libexec/postfix", "/usr/lib/exim4", "/usr/libexec/exim", "/usr/lib/sendmail", "/usr/libexec/sendmail", "/usr/lib/sm.bin", "/usr/libexec/opensmtpd", "/usr/lib/x86_64-linux-gnu/opensmtpd", "/usr/lib/dovecot", "/usr/libexec/dovecot", "/usr/lib/rspamd"}, "a program of the mail system", program},
	{[]string{"/usr/local/sbin", "/usr/local/bin", "/usr/local/lib", "/usr/local/libexec"}, "a program that the administrator brought, which the mail system may run", program},
	{[]string{"/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d"}, "what every program loads", starting},
	{[]string{"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"}, "where names lead", starting},
	{[]string{"/etc/rsyslog.conf", "/etc/rsyslog.d", "/etc/syslog-ng", "/etc/systemd/journald.conf", "/etc/systemd/journald.conf.d"}, "what becomes of the mail log", starting},
}

// programs are those outside of a directory of their own.
var programs = []string{
	"sendmail", "sendmail-mta", "sendmail.sendmail", "sendmail.postfix", "postfix", "postconf", "postmap", "postalias", "postqueue", "postdrop", "postsuper", "postlog", "postmulti",
	"exim", "exim4", "exim_tidydb", "update-exim4.conf", "smtpd", "smtpctl", "newaliases", "mailq", "opendkim", "opendmarc", "amavisd", "amavisd-new", "amavisd-milter", "spamd", "spamass-milter", "clamd",
	"clamav-milter", "rspamd", "rspamadm", "postgrey", "postsrsd", "mimedefang", "mimedefang-multiplexor", "milter-greylist", "procmail", "maildrop", "dovecot", "doveadm", "doveconf", "deliver", "vacation", "msmtp", "nullmailer-send",
}

// daemons are the words by which units and their drop-ins, and files of /etc/default, are
// known to be of a mail system.
var daemons = []string{"postfix", "exim", "sendmail", "opensmtpd", "smtpd", "dovecot", "rspamd", "amavis", "spamassassin", "spamd", "spamass", "opendkim", "opendmarc", "clamav", "milter", "postgrey", "postsrsd", "mimedefang", "mailman", "sympa", "saslauthd"}

// rules are the files in a home that decide what happens to the owner's mail.
var rules = []string{".forward", ".procmailrc", ".mailfilter", ".dovecot.sieve", ".sieve", ".vacation.msg", ".qmail", ".msmtprc", ".fetchmailrc", ".mailrc"}

// placeOf is the part of the mail system that a file belongs to, nil where none is known.
func placeOf(p waxseal.Path) *place {
	name := string(p)
	for i := range places {
		for _, dir := range places[i].under {
			if name == dir || strings.HasPrefix(name, dir+"/") {
				return &places[i]
			}
		}
	}
	dir, base := path.Split(name)
	switch {
	case isOneOf(base, programs) && (dir == "/usr/sbin/" || dir == "/usr/bin/" || dir == "/sbin/" || dir == "/bin/" || dir == "/usr/lib/"):
		return &place{what: "a program of the mail system", is: program}
	case starts(dir) && containsAny(strings.TrimPrefix(name, "/etc/"), daemons):
		return &place{what: "how a daemon of the mail system is started", is: starting}
	case (strings.HasPrefix(name, "/home/") || strings.HasPrefix(name, "/root/") || strings.HasPrefix(name, "/var/vmail/") || strings.HasPrefix(name, "/var/mail/")) && ruleOf(name):
		return &place{what: "rules of one mailbox", is: personal}
	}
	return nil
}

func ruleOf(name string) bool {
	base := path.Base(name)
	for _, r := range rules {
		if base == r || strings.HasPrefix(base, r+"-") || strings.HasPrefix(base, r+"+") {
			return true
		}
	}
	return strings.HasSuffix(base, ".sieve") || strings.Contains(name, "/sieve/")
}

func starts(dir string) bool {
	for _, d := range []string{"/etc/systemd/", "/lib/systemd/", "/usr/lib/systemd/", "/run/systemd/", "/etc/default/", "/etc/sysconfig/", "/etc/init.d/"} {
		if strings.HasPrefix(dir, d) {
			return true
		}
	}
	return false
}

func isOneOf(word string, list []string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// passing reports whether a file of that name is one that a program makes while it writes
// another: editors, sed(1), dpkg(1), postmap(1).
func passing(p waxseal.Path) bool {
	base := path.Base(string(p))
	switch {
	case base == "4913", strings.HasSuffix(base, "~"), strings.HasSuffix(base, ".swp"), strings.HasSuffix(base, ".swx"), strings.HasPrefix(base, ".#"), strings.HasPrefix(base, "#"):
		return true
	case strings.HasSuffix(base, ".dpkg-new"), strings.HasSuffix(base, ".dpkg-tmp"), strings.HasSuffix(base, ".dpkg-old"), strings.HasSuffix(base, ".tmp"), strings.HasSuffix(base, ".bak"), strings.HasSuffix(base, ".lock"):
		return true
	case strings.HasPrefix(base, "sed") && len(base) == len("sedXXXXXX"):
		return true
	}
	return false
}
