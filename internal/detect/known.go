package detect

import (
	"path"
	"slices"
	"strings"

	"waxseal"
)

// documentedPorts are TCP ports on loopback where the documentation of a
// packaged mail filter tells administrators to run it. A port says where a
// filter should listen, not who does: see the reasons that go with it.
var documentedPorts = map[string]string{
	"783":   "spamd",
	"3310":  "clamd",
	"8891":  "opendkim",
	"8893":  "opendmarc",
	"11332": "rspamd",
	"11333": "rspamd",
	"7357":  "clamav-milter",
	"10023": "postgrey",
	"10000": "postlicyd",
	"10024": "amavis",
	"10025": "the re-injection port after amavis",
	"10026": "amavis",
	"10027": "the re-injection port after amavis",
	"10028": "amavis",
	"10031": "policyd",
	"12340": "Dovecot quota-status",
	"12525": "policyd-weight",
	"8024":  "Mailman 3 LMTP",
	"24":    "LMTP",
	"9998":  "Apache Tika",
	"8983":  "Apache Solr",
	"8084":  "weakforced",
}

// documentedServers are TCP ports of programs that filters ask and keep things in. None
// of them is where a mail system hands mail to.
var documentedServers = map[string]string{
	"3310": "clamd", "6379": "Redis", "8123": "ClickHouse", "9200": "Elasticsearch", "11334": "rspamd's controller", "11335": "rspamd's fuzzy storage",
	"24441": "Pyzor", "10045": "DCC", "1344": "an ICAP server", "10050": "olefy", "11342": "Razor's daemon", "2003": "Graphite", "26379": "Redis Sentinel",
}

// documentedFor names the program that a local socket is documented for, which depends
// on who hands something to it.
func documentedFor(h waxseal.Hook) string {
	if name := documented(h.Target.Value); name != "" {
		return name
	}
	if p, ok := socketPath(h.Target.Value); ok && (h.Kind == waxseal.KindPolicy || h.Kind == waxseal.KindCopy) && strings.HasPrefix(path.Base(p), "redis") {
		return "Redis"
	}
	if _, port := hostPort(h.Target.Value); h.Kind == waxseal.KindPolicy || h.Kind == waxseal.KindCopy {
		return documentedServers[port]
	}
	return ""
}

// documentedSockets are words in the unix socket paths of packaged filters.
var documentedSockets = []string{
	"opendkim", "opendmarc", "openarc", "rspamd", "clamav", "spamass", "milter-greylist", "milter-regex", "mimedefang", "amavis",
	"policyd-spf", "policy-spf", "dkimpy", "pyspf-milter", "postgrey", "greylistd", "dovecot", "cyrus", "postsrsd", "sympa", "mailman", "quota-status", "dccifd",
}

// socketDirs are where packaged filters put their sockets.
var socketDirs = []string{"/run/", "/var/run/", "/var/spool/postfix/", "private/", "public/", "/var/lib/amavis/", "/var/lib/cyrus/", "/var/dcc/", "/var/lib/dcc/"}

// documented names the packaged filter that a local socket is documented for.
func documented(target string) string {
	if p, ok := socketPath(target); ok {
		for _, dir := range socketDirs {
			if rest, ok := strings.CutPrefix(p, dir); ok || !strings.HasPrefix(p, "/") {
				if !ok {
					rest = p
				}
				for _, word := range documentedSockets {
					if strings.Contains(rest, word) {
						return word
					}
				}
			}
		}
		return ""
	}
	_, port := hostPort(target)
	return documentedPorts[port]
}

// socketPath is the path of a unix socket target.
func socketPath(target string) (string, bool) {
	for _, prefix := range []string{"lmtp:", "smtp:", "policy:"} {
		target = strings.TrimPrefix(target, prefix)
	}
	for _, prefix := range []string{"unix:", "local:"} {
		if p, ok := strings.CutPrefix(target, prefix); ok {
			return p, true
		}
	}
	return target, strings.HasPrefix(target, "/") || strings.HasPrefix(target, "private/")
}

// mailPrograms are delivery agents and filters that packages install and their
// documentation tells administrators to name in a mail configuration, by
// directory.
var mailPrograms = map[string]string{
	"procmail": "/usr/bin", "maildrop": "/usr/bin", "vacation": "/usr/bin", "spamc": "/usr/bin", "dspam": "/usr/bin",
	"formail": "/usr/bin", "spamassassin": "/usr/bin", "bogofilter": "/usr/bin", "reformail": "/usr/bin", "mailbot": "/usr/bin", "sa-learn": "/usr/bin", "reject": "", "sieve": "", "deliver": "/usr/lib", "dovecot-lda": "/usr/lib", "dovecot-lmtp": "/usr/lib",
	"pyzor": "/usr/bin", "dccproc": "", "pdftotext": "/usr/bin", "docx2txt": "/usr/bin", "antiword": "/usr/bin", "unrtf": "/usr/bin", "odt2txt": "/usr/bin", "tesseract": "/usr/bin", "zbarimg": "/usr/bin",
	"mailman": "", "post": "", "policyd-spf": "/usr/bin", "postfix-policyd-spf-perl": "/usr/sbin", "policyd-spf-perl": "/usr/sbin",
	"rmail": "/usr/bin", "uux": "/usr/bin", "bsmtp": "/usr/lib", "ifmail": "/usr/lib", "scalemail-store": "/usr/lib",
	"postfix-to-mailman.py": "/usr/lib", "amavisd": "/usr/sbin", "cyrdeliver": "/usr/sbin", "sympa": "/usr/lib", "queue": "/usr/lib",
	"sensible-mda": "/usr/sbin", "mlmmj-receive": "/usr/bin", "mlmmj-recieve": "/usr/bin", "mail.local": "", "smrsh": "",
	"bouncequeue": "/usr/lib", "majordomo": "/usr/lib", "wrapper": "/usr/lib/majordomo", "schleuder": "/usr/bin", "rt-mailgate": "/usr/bin", "request-tracker": "/usr/bin",
	"filter-dkimsign": smtpdPrograms, "filter-rspamd": smtpdPrograms, "filter-senderscore": smtpdPrograms, "filter-dnsbl": smtpdPrograms, "filter-auth": smtpdPrograms, "filter-greylist": smtpdPrograms,
	"table-ldap": smtpdPrograms, "table-mysql": smtpdPrograms, "table-passwd": smtpdPrograms, "table-postgres": smtpdPrograms, "table-redis": smtpdPrograms, "table-socketmap": smtpdPrograms, "table-sqlite": smtpdPrograms,
}

// smtpdPrograms is where Debian and EPEL keep the helper programs of OpenSMTPD.
const smtpdPrograms = "/usr/libexec/opensmtpd"

// compiled reports whether a known program is a binary in every package: a script
// of its name is another one.
func compiled(program string) bool { return mailPrograms[path.Base(program)] == smtpdPrograms }

// packagedDirs are where packages install programs.
var packagedDirs = []string{"/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/", "/lib/", "/var/lib/mailman/", "/usr/share/"}

// knownMailProgram reports whether a program is a delivery agent at the place
// where its package puts it.
func knownMailProgram(program string) bool {
	dir, ok := mailPrograms[path.Base(program)]
	if !ok || strings.Contains(program, "..") {
		return false
	}
	if !strings.HasPrefix(program, "/") {
		return true // found by the MTA's own search path
	}
	if dir == "" {
		return inPackagedDir(program)
	}
	return strings.HasPrefix(program, dir+"/")
}

// dovecotModules are the plugins that Dovecot, Pigeonhole and Debian's further packages
// for them come with (dovecot-antispam, dovecot-fts-xapian).
var dovecotModules = strings.Fields(`acl antispam apparmor charset_alias fts fts_flatcurve fts_lucene fts_solr fts_squat fts_xapian imap_acl imap_filter_sieve imap_quota imap_sieve imap_zlib last_login
	lazy_expunge listescape mail_compress mail_crypt mail_crypt_acl mail_log mail_lua mailbox_alias notify notify_status old_stats imap_old_stats pop3_migration push_notification
	push_notification_lua quota quota_clone replication sieve sieve_extprograms sieve_imapsieve trash var_expand_crypt virtual welcome zlib`)

// isDovecotModule reports whether a library has the name and place of a plugin that
// Dovecot comes with: lib20_NAME_plugin.so.
func isDovecotModule(library string) bool {
	dir := strings.TrimSuffix(path.Dir(library), "/sieve")
	if dir != "/usr/lib/dovecot/modules" && dir != "/usr/lib64/dovecot" || path.Clean(library) != library {
		return false
	}
	name, ok := strings.CutPrefix(path.Base(library), "lib")
	name = strings.TrimPrefix(strings.TrimLeft(name, "0123456789"), "_")
	name, isPlugin := strings.CutSuffix(name, "_plugin.so")
	return ok && isPlugin && slices.Contains(dovecotModules, name)
}

// spamAssassinModules are the plug-ins that SpamAssassin comes with (3.4 to 4.0).
var spamAssassinModules = strings.Fields(`ASN AWL AccessDB AntiVirus AskDNS AuthRes AutoLearnThreshold Bayes BodyEval BodyRuleBaseExtractor Check DCC DKIM DMARC DNSEval DecodeShortURLs
	ExtractText FreeMail FromNameSpoof HTMLEval HTTPSMismatch HashBL HeaderEval ImageInfo MIMEEval MIMEHeader OLEVBMacro OneLineBodyRuleType PDFInfo PhishTag Phishing Pyzor Razor2
	RelayCountry RelayEval ReplaceTags ResourceLimits Reuse Rule2XSBody SPF Shortcircuit SpamCop Test TextCat TxRep URIDNSBL URIDetail URIEval URILocalBL VBounce WLBLEval
	WelcomeListSubject WhiteListSubject`)

// isSpamAssassinModule reports whether a file has the name and place of one of them.
func isSpamAssassinModule(file string) bool {
	name, ok := strings.CutSuffix(path.Base(file), ".pm")
	dir := path.Dir(file)
	return ok && path.Clean(file) == file && slices.Contains(spamAssassinModules, name) &&
		(dir == "/usr/share/perl5/Mail/SpamAssassin/Plugin" || dir == "/usr/share/perl5/vendor_perl/Mail/SpamAssassin/Plugin")
}

// knownModule reports whether a library has the name and place of a module that
// the mail systems' own packages bring: tables of Postfix (postconf(5)
// shlib_directory), plugins of Dovecot, local_scan functions of Debian's Exim.
func knownModule(library string) bool {
	if isDovecotModule(library) || isSpamAssassinModule(library) || library == "/usr/lib/exim4/local_scan/sa-exim.so" || library == "/usr/lib/exim4/local_scan/accept.so" {
		return true
	}
	name, isPostfix := strings.CutPrefix(path.Base(library), "postfix-")
	if !isPostfix {
		name, isPostfix = strings.CutPrefix(path.Base(library), "dict_")
	}
	switch strings.TrimSuffix(name, ".so") {
	case "cdb", "ldap", "lmdb", "mongodb", "mysql", "pcre", "pgsql", "sdbm", "sqlite":
		return isPostfix && strings.HasPrefix(library, "/usr/lib") && strings.Contains(path.Dir(library), "/postfix") && !strings.Contains(library, "..")
	}
	return false
}

func inPackagedDir(program string) bool {
	for _, d := range packagedDirs {
		if strings.HasPrefix(program, d) {
			return true
		}
	}
	return false
}

// generalTools can do anything with a message: that one is packaged says nothing.
var generalTools = map[string]bool{
	"sh": true, "bash": true, "dash": true, "zsh": true, "ksh": true, "busybox": true, "env": true,
	"perl": true, "python": true, "python2": true, "python3": true, "ruby": true, "php": true, "lua": true, "awk": true, "gawk": true, "mawk": true, "sed": true,
	"tee": true, "cat": true, "dd": true, "cp": true, "install": true, "xargs": true, "find": true, "tar": true,
	"nc": true, "ncat": true, "netcat": true, "socat": true, "curl": true, "wget": true, "ssh": true, "scp": true, "rsync": true, "ftp": true, "telnet": true, "openssl": true,
	"at": true, "batch": true, "crontab": true, "nohup": true, "setsid": true, "sudo": true, "su": true, "mail": true, "mailx": true, "mutt": true, "sendmail": true,
}

// isGeneralTool reports whether a program is a shell, interpreter or copying tool.
func isGeneralTool(program string) bool {
	base := path.Base(program)
	return generalTools[base] || generalTools[strings.TrimRight(base, "0123456789.")]
}

// ownHelpers are scripts with the name of a general tool by which a package does
// its own work: Debian's sendmail runs its queues so (/etc/cron.d/sendmail).
var ownHelpers = map[string]bool{"/usr/share/sendmail/sendmail": true}

// programOf finds the part of a hook's closure that is run.
func programOf(h waxseal.Hook) (waxseal.Part, bool) {
	for _, p := range h.Closure {
		if p.Role == waxseal.RoleBinary || p.Role == waxseal.RoleScript {
			return p, true
		}
	}
	return waxseal.Part{}, false
}

// isFilter reports whether a program has the name of a packaged mail filter.
func isFilter(program string) bool {
	base := path.Base(program)
	return slices.ContainsFunc(documentedSockets, func(word string) bool { return strings.Contains(base, word) })
}
