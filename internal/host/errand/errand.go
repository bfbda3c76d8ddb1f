// Package errand tells what a command that something on the host runs (cron,
// logrotate, fail2ban, a package manager) has to do with mail: whether it speaks of
// a mail system, whether it touches what mail is decided by, and which files it
// names.
//
// It goes by the words of one command line or script, and expands nothing: what a
// shell puts together while it runs is not seen.
package errand

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

var (
	// mentions says that a text has to do with mail systems: it belongs to the mail
	// set then, so that a change of it is seen.
	mentions = regexp.MustCompile(`(?i)postfix|postmap|postconf|postalias|postsuper|postcat|postmulti|newaliases|/aliases\b|sendmail|exim4?\b|dovecot|opensmtpd|smtpctl|smtpd\b|opendkim|opendmarc|rspamd|spamassassin|sa-update|spamass-milter|amavis|clamav-milter|/var/mail|/var/spool/mail|\.forward\b|procmailrc|MAIL_CONFIG`)
	// alters says that a script touches what mail is decided by, or the mail itself,
	// beyond rebuilding a map and reloading a daemon.
	alters = regexp.MustCompile(`/var/spool/(postfix|exim4?|mqueue|smtpd|clientmqueue)|/var/mail\b|/var/spool/mail\b|\bpostcat\b|\bpostsuper\b.*-[drhH]|\bpostconf\b[^|;&\n]*\s-[^-\s]*[eMFPX#]|\bpostconf\b[^|;&\n]*\s[a-z_0-9]+\s*=|` +
		`(>|\btee\b|\bcp\b|\bmv\b|\binstall\b|\b(sed|perl)\b[^|;&\n]*\s-[a-zA-Z]*i|\bln\b|\brsync\b|\bcurl\b|\bwget\b|\bdd\b|\bed\b|\bex\b|\bpatch\b|\bchmod\b|\bchown\b)[^|;&\n]*(` + configuration + `|\.forward\b|\.procmailrc|\.sieve)|` +
		`/usr/(lib|libexec)/postfix|MAIL_CONFIG=|LD_PRELOAD|ld\.so\.preload|\b(postfix|postmulti|sendmail)\b[^|;&\n]*\s-[cC]\s*/`)
	// reconfigures says that a script changes what mail is decided by: those that
	// packages bring start, stop and reload daemons, and copy into the chroot.
	reconfigures = regexp.MustCompile(`(?m)^[^#\n]*(\bpostconf\b[^|;&\n]*\s-[^-\s]*[eMX#]|\b(?:tee|cp|mv|ln|sed\s+-i\S*|curl|wget)\b[^|;&\n]*/etc/(?:postfix/(?:main|master)\.cf|aliases)|(?:LD_PRELOAD|LD_AUDIT)=|\bpostcat\b|>>?\s*/etc/(?:postfix|aliases))`)
	// configures matches names of files and directories of a mail system's configuration.
	configures = regexp.MustCompile(`^` + configuration)
)

const configuration = `/etc/(postfix|aliases|exim4?|mail|dovecot|rspamd|opendkim|smtpd\.conf|procmailrc)`

// Words without one of which the patterns can't match: they are slow.
var (
	mentionWords = []string{"post", "aliases", "mail", "exim", "dovecot", "smtp", "opendkim", "opendmarc", "rspamd", "spamass", "sa-update", "amavis", "clamav-milter", ".forward"}
	alterWords   = []string{"/var/spool", "/var/mail", "post", "/etc/aliases", "/etc/exim", "/etc/mail", "/etc/dovecot", "/etc/rspamd", "/etc/opendkim", "/etc/smtpd.conf", "/etc/procmailrc", ".forward", ".procmailrc", ".sieve", "MAIL_CONFIG", "LD_PRELOAD", "ld.so.preload", "sendmail"}
)

func hasAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// MentionsMail reports whether a text has to do with mail systems.
func MentionsMail(text string) bool {
	return hasAny(strings.ToLower(text), mentionWords) && mentions.MatchString(text)
}

// AltersMail reports whether a line, or one of a text's lines, touches mail.
func AltersMail(text string) bool { return hasAny(text, alterWords) && alters.MatchString(text) }

// Reconfigures reports whether a script changes what mail is decided by, which
// those that packages bring don't.
func Reconfigures(text string) bool { return reconfigures.MatchString(text) }

// IsConfiguration reports whether a path is a mail system's configuration, or lies in it.
func IsConfiguration(p string) bool { return configures.MatchString(path.Clean("/" + p)) }

// FirstAltering finds the first line, from 1, that is no comment and touches mail.
func FirstAltering(text string) (int, string) {
	if !hasAny(text, alterWords) {
		return 0, ""
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if body := strings.TrimSpace(line); body != "" && body[0] != '#' && AltersMail(body) {
			return n, body
		}
	}
	return 0, ""
}

// PathIn matches an absolute path in a command line; its first group is the path.
var PathIn = regexp.MustCompile(`(?:^|[\s"'=(<>|;&:@{,` + "`" + `])(/[A-Za-z0-9_.+@%,/-]{2,255})`)

// MaxFiles bounds the files that one command is taken to name.
const MaxFiles = 32

// Files lists the regular files that a shell command names, programs first.
func Files(tree waxseal.Tree, command string) []waxseal.Part {
	var parts []waxseal.Part
	for _, g := range PathIn.FindAllStringSubmatch(command, MaxFiles) {
		p := waxseal.Path(path.Clean(g[1]))
		if f, err := tree.Stat(p); err == nil && f.Type == waxseal.Regular {
			role := waxseal.RoleConfig
			if f.Mode&0o111 != 0 {
				role = waxseal.RoleBinary
			}
			parts = append(parts, waxseal.Part{Path: p, Role: role})
		}
	}
	slices.SortStableFunc(parts, func(a, b waxseal.Part) int { return strings.Compare(string(a.Role), string(b.Role)) })
	return parts
}
