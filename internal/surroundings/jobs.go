package surroundings

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

func number(n int) string { return strconv.Itoa(n) }

var (
	// mentions says that a text has to do with mail systems: it belongs to the mail
	// set then, so that a change of it is seen.
	mentions = regexp.MustCompile(`(?i)postfix|postmap|postconf|postalias|postsuper|postcat|postmulti|newaliases|/aliases\b|sendmail|exim4?\b|dovecot|opensmtpd|smtpctl|smtpd\b|opendkim|opendmarc|rspamd|spamassassin|sa-update|spamass-milter|amavis|clamav-milter|/var/mail|/var/spool/mail|\.forward\b|procmailrc|MAIL_CONFIG`)
	// alters says that a script touches what mail is decided by, or the mail itself,
	// beyond rebuilding a map and reloading a daemon.
	alters = regexp.MustCompile(`/var/spool/(postfix|exim4?|mqueue|smtpd|clientmqueue)|/var/mail\b|/var/spool/mail\b|\bpostcat\b|\bpostsuper\b.*-[drhH]|\bpostconf\b[^|;&\n]*\s-[^-\s]*[eMFPX#]|` +
		`(>|\btee\b|\bcp\b|\bmv\b|\binstall\b|\bsed\b[^|;&\n]*\s-[a-zA-Z]*i|\bln\b|\brsync\b|\bcurl\b|\bwget\b|\bdd\b)[^|;&\n]*(/etc/(postfix|aliases|exim4?|mail|dovecot|rspamd|opendkim|smtpd\.conf|procmailrc)|\.forward\b|\.procmailrc|\.sieve)|` +
		`/usr/(lib|libexec)/postfix|MAIL_CONFIG=|LD_PRELOAD|ld\.so\.preload|\b(postfix|postmulti|sendmail)\b[^|;&\n]*\s-[cC]\s*/`)
)

// reconfigures says that a script changes what mail is decided by: those that
// packages bring start, stop and reload daemons, and copy into the chroot.
var reconfigures = regexp.MustCompile(`(?m)^[^#\n]*(\bpostconf\b[^|;&\n]*\s-[^-\s]*[eMX#]|\b(?:tee|cp|mv|ln|sed\s+-i\S*|curl|wget)\b[^|;&\n]*/etc/(?:postfix/(?:main|master)\.cf|aliases)|(?:LD_PRELOAD|LD_AUDIT)=|\bpostcat\b|>>?\s*/etc/(?:postfix|aliases))`)

// Words without one of which the patterns can't match: they are slow.
var (
	mentionWords = []string{"post", "aliases", "mail", "exim", "dovecot", "smtp", "opendkim", "opendmarc", "rspamd", "spamass", "sa-update", "amavis", "clamav-milter", ".forward"}
	alterWords   = []string{"/var/spool", "/var/mail", "post", "/etc/aliases", "/etc/exim", "/etc/mail", "/etc/dovecot", "/etc/rspamd", "/etc/opendkim", "/etc/smtpd.conf", "/etc/procmailrc", ".forward", ".procmailrc", ".sieve", "MAIL_CONFIG", "LD_PRELOAD", "ld.so.preload", "sendmail"}
)

func hasAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// mentionsMail reports whether a text has to do with mail systems.
func mentionsMail(text string) bool {
	return hasAny(strings.ToLower(text), mentionWords) && mentions.MatchString(text)
}

// altersMail reports whether a line, or one of a text's lines, touches mail.
func altersMail(text string) bool { return hasAny(text, alterWords) && alters.MatchString(text) }

// place is a directory or file of scripts that something on the host runs.
type place struct {
	path waxseal.Path
	when string // "when a network interface comes up"
}

// scriptPlaces are directories whose programs run as root.
var scriptPlaces = []place{
	{"/etc/network/if-up.d", "when an interface comes up"}, {"/etc/network/if-down.d", "when an interface goes down"},
	{"/etc/network/if-pre-up.d", "before an interface comes up"}, {"/etc/network/if-post-down.d", "after an interface went down"},
	{"/etc/ppp/ip-up.d", "when a link comes up"}, {"/etc/ppp/ip-down.d", "when a link goes down"},
	{"/etc/ppp/ipv6-up.d", "when a link comes up"}, {"/etc/ppp/ipv6-down.d", "when a link goes down"},
	{"/etc/resolvconf/update-libc.d", "when name servers change"}, {"/etc/resolvconf/update.d", "when name servers change"},
	{"/etc/dhcp/dhclient-enter-hooks.d", "when an address is assigned"}, {"/etc/dhcp/dhclient-exit-hooks.d", "when an address is assigned"},
	{"/etc/NetworkManager/dispatcher.d", "when an interface changes"}, {"/etc/NetworkManager/dispatcher.d/pre-up.d", "before an interface comes up"},
	{"/etc/networkd-dispatcher/routable.d", "when an interface changes"}, {"/etc/networkd-dispatcher/configured.d", "when an interface changes"},
	{"/etc/cron.hourly", "every hour"}, {"/etc/cron.daily", "every day"}, {"/etc/cron.weekly", "every week"}, {"/etc/cron.monthly", "every month"},
	{"/etc/update-motd.d", "when somebody logs in"}, {"/usr/lib/systemd/system-sleep", "when the host sleeps"},
	{"/etc/letsencrypt/renewal-hooks/deploy", "when a certificate is renewed"}, {"/etc/letsencrypt/renewal-hooks/post", "when a certificate is renewed"},
}

// scriptText is the text of a script; a program that is none has no text.
func (r *reader) scriptText(p waxseal.Path) (string, bool) {
	f, err := r.tree.Stat(p)
	if err != nil || f.Type != waxseal.Regular || f.Size > maxFile {
		return "", false
	}
	text, ok := r.read(p)
	if !ok || strings.HasPrefix(text, "\x7fELF") {
		return "", false
	}
	return text, true
}

// script takes one script of a place: a part where it has to do with mail, a
// hook where it touches mail and no package vouches for it.
func (r *reader) script(p waxseal.Path, text, when string, active bool) {
	if !mentionsMail(text) && !mailUnits[path.Base(string(p))] && !altersMail(text) {
		return
	}
	r.part(p, waxseal.RoleScript)
	r.linesForDirectories(p, text, active)
	// Where no database tells, a script of a mail package's name is its own, unless
	// it does what no package's script does.
	if r.vendors(p, waxseal.RoleScript) || mailUnits[path.Base(string(p))] && !r.disowned(p, waxseal.RoleScript) && !reconfigures.MatchString(text) {
		return
	}
	line, what := firstAltering(text)
	if mailUnits[path.Base(string(p))] && r.disowned(p, waxseal.RoleScript) {
		line = max(line, 1)
	}
	if line > 0 {
		r.scriptHook(p, line, when, what, active)
	}
}

// firstAltering finds the first line, from 1, that is no comment and touches mail.
func firstAltering(text string) (int, string) {
	if !hasAny(text, alterWords) {
		return 0, ""
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if body := strings.TrimSpace(line); body != "" && body[0] != '#' && altersMail(body) {
			return n, body
		}
	}
	return 0, ""
}

func (r *reader) scriptHook(p waxseal.Path, line int, when, what string, active bool) {
	h := r.hook(waxseal.KindScript, waxseal.Source{Path: p, Line: line}, "script")
	h.Directive, h.Effects, h.Active = path.Base(path.Dir(string(p))), runs, active
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleScript}}
	h.Explain = string(p) + " runs as root " + when + " and has to do with mail; no package vouches for it."
	if what != "" {
		h.Explain = string(p) + " runs as root " + when + " and touches mail: " + clip(what)
		h.Modifiers = with(h.Modifiers, "touches", clip(what))
	}
	r.emit(h)
}

// wordsAsParts lists the files that a shell command names, programs first.
func (r *reader) wordsAsParts(command string) []waxseal.Part {
	var parts []waxseal.Part
	for _, g := range pathIn.FindAllStringSubmatch(command, maxCommandParts) {
		p := clean(g[1])
		if f, err := r.tree.Stat(p); err == nil && f.Type == waxseal.Regular {
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

// jobs reads what runs at a time or at an occasion: cron, at, logrotate, the
// package managers.
func (r *reader) jobs() {
	for _, place := range scriptPlaces {
		for _, n := range r.list(place.path) {
			p := place.path + "/" + waxseal.Path(n)
			if text, ok := r.scriptText(p); ok {
				f, _ := r.tree.Stat(p)
				r.script(p, text, place.when, f.Mode&0o111 != 0 || strings.Contains(string(place.path), "hooks.d"))
			}
		}
	}
	for _, p := range []waxseal.Path{"/etc/dhcp/dhclient-enter-hooks", "/etc/dhcp/dhclient-exit-hooks", "/etc/dhclient-exit-hooks", "/etc/ppp/ip-up.local", "/etc/ppp/ip-down.local"} {
		if text, ok := r.scriptText(p); ok {
			r.script(p, text, "when an address is assigned", true)
		}
	}
	r.crontabs()
	r.logrotate()
	r.packageManagers()
}

// crontabs reads crontab(5) files, those of the system with a user in each line.
func (r *reader) crontabs() {
	system := []waxseal.Path{"/etc/crontab", "/etc/anacrontab"}
	for _, n := range r.list("/etc/cron.d") {
		if !strings.ContainsAny(n, ".~") { // run-parts(8) names
			system = append(system, "/etc/cron.d/"+waxseal.Path(n))
		}
	}
	for _, p := range system {
		r.crontab(p, "")
	}
	for _, dir := range []waxseal.Path{"/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs"} {
		for _, n := range r.list(dir) {
			if f, err := r.tree.Stat(dir + "/" + waxseal.Path(n)); err == nil && f.Type == waxseal.Regular {
				r.crontab(dir+"/"+waxseal.Path(n), n)
			}
		}
	}
	for _, dir := range []waxseal.Path{"/var/spool/cron/atjobs", "/var/spool/at"} {
		for _, n := range r.list(dir) {
			p := dir + "/" + waxseal.Path(n)
			if text, ok := r.scriptText(p); ok && !strings.HasPrefix(n, ".") {
				r.script(p, text, "once (at)", true)
			}
		}
	}
}

// cronLine is one entry of a crontab.
type cronLine struct {
	line      int
	user      string
	command   string
	variables []assignment // those set above it
}

const maxCronLines = 5000

// parseCrontab parses crontab(5). Owner is the user whose file it is, "" for one
// of the system's with a user in each line. "%" ends a command, the rest is its
// input.
func parseCrontab(p waxseal.Path, content, owner string) []cronLine {
	var list []cronLine
	var variables []assignment
	n := 0
	for line := range strings.SplitSeq(content, "\n") {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || len(list) >= maxCronLines {
			continue
		}
		if name, value, ok := strings.Cut(line, "="); ok && !strings.ContainsAny(strings.TrimSpace(name), " \t*@/") && !startsWithDigit(line) {
			if len(variables) < 256 {
				variables = append(variables, assignment{key: strings.Trim(strings.TrimSpace(name), `"'`), value: unquote(strings.TrimSpace(value)), source: waxseal.Source{Path: p, Line: n}})
			}
			continue
		}
		fields := 5
		if line[0] == '@' {
			fields = 1
		}
		if path.Base(string(p)) == "anacrontab" {
			fields, owner = 3, "root"
		}
		rest, ok := skipFields(line, fields)
		user := owner
		if owner == "" && ok {
			user, _, _ = strings.Cut(strings.ReplaceAll(rest, "\t", " "), " ")
			rest, ok = skipFields(rest, 1)
		}
		if ok {
			list = append(list, cronLine{n, user, rest, variables})
		}
	}
	return list
}

func startsWithDigit(s string) bool { return s[0] >= '0' && s[0] <= '9' }

func skipFields(s string, n int) (string, bool) {
	for range n {
		i := strings.IndexAny(s, " \t")
		if i < 0 {
			return "", false
		}
		s = strings.TrimLeft(s[i:], " \t")
	}
	return s, s != ""
}

func (r *reader) crontab(p waxseal.Path, owner string) {
	text, ok := r.scriptText(p)
	if !ok {
		return
	}
	vendors := r.exists(p) && mentionsMail(text) && r.vendors(p, waxseal.RoleScript)
	said := map[string]bool{}
	for _, c := range parseCrontab(p, text, owner) {
		script := r.scriptOf(c.command)
		touched := altersMail(c.command)
		if script != "" && !touched {
			body, _ := r.scriptText(script)
			_, what := firstAltering(body)
			touched = what != ""
			if mentionsMail(body) {
				r.part(script, waxseal.RoleBinary)
			}
		}
		source := waxseal.Source{Path: p, Line: c.line}
		if touched || mentionsMail(c.command) {
			r.part(p, waxseal.RoleScript)
			r.note(string(p), "line "+clip(c.command), c.user, source)
			r.commandLine([]string{"sh", "-c", c.command}, nil, string(p), source, true)
			for _, v := range c.variables {
				if key := v.key + "\x00" + v.value; !vendors && !said[key] {
					said[key] = true
					r.variable(v.key, v.value, v.source, "jobs of "+path.Base(string(p)), "cron", true)
				}
			}
		}
		if p == "/etc/cron.d/sendmail" && sendmailJob.MatchString(c.command) && (script == "" || !r.disowned(script, waxseal.RoleBinary)) {
			continue
		}
		if touched && (!vendors || script != "" && r.disowned(script, waxseal.RoleBinary)) {
			r.cronHook(p, c, script)
		}
	}
}

// sendmailJob is a line that Debian's update_conf(8) writes into a crontab of its
// own, which no package owns.
var sendmailJob = regexp.MustCompile(`^test -x /etc/init\.d/sendmail && test -x /usr/share/sendmail/sendmail && test -x /usr/(?:libexec|lib/sm\.bin)/(?:sendmail/)?sendmail && /usr/share/sendmail/sendmail (?:cron-msp|cron-mta|aging \S+ \S+ \S+)$`)

// scriptOf is the first file that a command line runs and that is a script.
func (r *reader) scriptOf(command string) waxseal.Path {
	for i, w := range words(command) {
		if path.IsAbs(w) && (i < 8) {
			if p := clean(w); r.regular(p) {
				if text, ok := r.scriptText(p); ok && strings.HasPrefix(text, "#!") {
					return p
				}
			}
		}
	}
	return ""
}

func (r *reader) cronHook(p waxseal.Path, c cronLine, script waxseal.Path) {
	h := r.hook(waxseal.KindScript, waxseal.Source{Path: p, Line: c.line}, "cron", clip(c.command))
	h.Directive, h.Effects, h.RunsAs = "cron", runs, c.user
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: c.command}
	if script != "" {
		h.Closure = append(h.Closure, waxseal.Part{Path: script, Role: waxseal.RoleScript})
	}
	h.Closure = append(append(h.Closure, r.wordsAsParts(c.command)...), waxseal.Part{Path: p, Role: waxseal.RoleScript})
	h.Explain = "A cron job of " + clip(c.user) + " touches mail: " + clip(c.command)
	r.emit(h)
}

// logrotate reads the scripts in logrotate(8) files that rotate mail logs.
func (r *reader) logrotate() {
	files := []waxseal.Path{"/etc/logrotate.conf"}
	for _, n := range r.list("/etc/logrotate.d") {
		files = append(files, "/etc/logrotate.d/"+waxseal.Path(n))
	}
	for _, p := range files {
		text, ok := r.scriptText(p)
		if !ok || !mentionsMail(text) && !strings.Contains(text, "/var/log/mail") && !altersMail(text) {
			continue
		}
		r.part(p, waxseal.RoleConfig)
		if r.vendors(p, waxseal.RoleConfig) {
			continue
		}
		n, inScript := 0, ""
		for line := range strings.SplitSeq(text, "\n") {
			n++
			body := strings.TrimSpace(line)
			switch {
			case slices.Contains([]string{"postrotate", "prerotate", "firstaction", "lastaction", "preremove"}, body):
				inScript = body
			case body == "endscript":
				inScript = ""
			case inScript != "" && (altersMail(body) || r.runsDisowned(body)):
				r.lineHook(p, n, inScript, body, "when logs are rotated")
			}
		}
	}
}

// runsDisowned reports whether a shell line names a program for which the
// package database does not vouch.
func (r *reader) runsDisowned(command string) bool {
	if command == "" || command[0] == '#' {
		return false
	}
	for _, p := range r.wordsAsParts(command) {
		if p.Role == waxseal.RoleBinary && r.disowned(p.Path, waxseal.RoleBinary) {
			return true
		}
	}
	return false
}

func (r *reader) lineHook(p waxseal.Path, line int, directive, command, when string) {
	h := r.hook(waxseal.KindScript, waxseal.Source{Path: p, Line: line}, directive, clip(command))
	h.Directive, h.Effects = directive, runs
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = append(r.wordsAsParts(command), waxseal.Part{Path: p, Role: waxseal.RoleConfig})
	h.Explain = "Root runs a command " + when + ": " + clip(command) + " (" + directive + ")."
	r.emit(h)
}
