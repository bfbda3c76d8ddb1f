package surroundings

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
)

const (
	maxRules    = 5000
	maxIncludes = 512
)

// syslog reads rsyslog's rules in the order in which messages meet them, and
// makes hooks of those that drop mail's log before it is written, or hand it to
// a program.
func (r *reader) syslog() {
	s := &syslog{reader: r, seen: map[waxseal.Path]bool{}}
	for _, p := range []waxseal.Path{"/etc/rsyslog.conf", "/etc/syslog.conf"} {
		if r.exists(p) {
			s.file(p)
		}
	}
	if !r.exists("/etc/rsyslog.conf") && r.partial() { // which includes them wherever it is
		s.include("/etc/rsyslog.conf", "/etc/rsyslog.d/*.conf")
	}
}

type syslog struct {
	*reader
	seen    map[waxseal.Path]bool
	written bool            // all of mail's log has been written by now
	kept    map[string]bool // filters whose messages have been written
}

func (s *syslog) file(p waxseal.Path) {
	if s.seen[p] || len(s.seen) >= maxIncludes {
		return
	}
	s.seen[p] = true
	text, ok := s.read(p)
	if !ok {
		return
	}
	if s.kept == nil {
		s.kept = map[string]bool{}
	}
	if strings.Contains(text, "mail") || errand.MentionsMail(text) || strings.Contains(text, "omprog") || strings.Contains(text, "stop") || strings.Contains(text, "~") {
		s.part(p, waxseal.RoleConfig)
	}
	for _, x := range parseSyslog(text) {
		if pattern, ok := included(x); ok {
			s.include(p, pattern)
			continue
		}
		s.rule(p, x)
	}
}

// included is the pattern of "$IncludeConfig PATTERN" and include(file="…").
func included(x rule) (string, bool) {
	if x.filter == "" && strings.HasPrefix(strings.ToLower(x.action), "$includeconfig") {
		f := strings.Fields(x.action)
		return f[len(f)-1], len(f) > 1
	}
	if strings.HasPrefix(strings.ToLower(x.action), "include(") {
		return parameter(x.action, "file"), true
	}
	return "", false
}

func (s *syslog) include(from waxseal.Path, pattern string) {
	if !path.IsAbs(pattern) {
		return
	}
	if !strings.ContainsAny(pattern, "*?[") {
		if f, err := s.tree.Stat(clean(pattern)); err == nil && f.Type == waxseal.Directory {
			pattern = strings.TrimSuffix(pattern, "/") + "/*"
		} else {
			s.file(clean(pattern))
			return
		}
	}
	dir, base := path.Split(path.Clean(pattern))
	for _, n := range s.list(clean(dir)) {
		if ok, err := path.Match(base, n); ok && err == nil && !strings.HasPrefix(n, ".") && clean(dir+n) != from {
			s.file(clean(dir + n))
		}
	}
}

// rule weighs one rule.
func (s *syslog) rule(p waxseal.Path, x rule) {
	if strings.HasPrefix(x.action, "$") {
		return
	}
	concern := aboutMail(x.filter)
	if concern == notMail && !strings.Contains(strings.ToLower(x.action), "omprog") {
		return
	}
	what := actionOf(x.action)
	source := waxseal.Source{Path: p, Line: x.line}
	if concern != notMail {
		s.note(string(p), clip(x.filter), clip(x.action), source)
	}
	switch what {
	case writes:
		s.kept[x.filter] = true
		s.written = s.written || concern == allMail
	case discards:
		if s.written || s.kept[x.filter] || concern == notMail {
			return
		}
		s.silence(p, x)
	case executes:
		s.program(p, x, concern)
	}
}

type concern int

const (
	notMail concern = iota
	someMail
	allMail
)

// mailFacility says what a selector takes of the facility mail: "mail.*",
// "*.info;mail.none" (rsyslog.conf(5) "Selectors").
func mailFacility(filter string) concern {
	takes := notMail
	for part := range strings.SplitSeq(filter, ";") {
		facilities, priority, _ := strings.Cut(part, ".")
		for f := range strings.SplitSeq(facilities, ",") {
			if f != "mail" && f != "*" && f != "2" {
				continue
			}
			switch priority {
			case "none":
				takes = notMail
			case "*", "debug", "info", "=info":
				takes = allMail
			default:
				if strings.HasPrefix(priority, "!") {
					continue
				}
				takes = max(takes, someMail)
			}
		}
	}
	return takes
}

// mailWords are what stands in the filters that concern mail: programs, and
// pieces of the lines that mail systems log.
var mailWords = regexp.MustCompile(`(?i)postfix|smtp|cleanup|qmgr|pickup|sendmail|sm-mta|exim|dovecot|opensmtpd|rspamd|opendkim|opendmarc|amavis|spamd|clamav|milter|\bmail\b|\bto=|\bfrom=|relay=|status=|nrcpt|orig_to|message-id|queue|@[a-z0-9-]+\.|redirect|\bbcc\b|discard`)

func aboutMail(filter string) concern {
	if filter == "" {
		return allMail
	}
	if selector.MatchString(filter+" ") && !strings.Contains(filter, " and ") {
		return mailFacility(filter)
	}
	if mailWords.MatchString(filter) {
		return someMail
	}
	return notMail
}

type deed int

const (
	otherwise deed = iota
	writes
	discards
	executes
)

// actionOf says what an action does with a message (rsyslog.conf(5) "Actions").
func actionOf(action string) deed {
	lower := strings.ToLower(strings.TrimSpace(action))
	switch {
	case lower == "stop" || lower == "~" || strings.HasPrefix(lower, "stop ") || strings.HasPrefix(lower, "~ "):
		return discards
	case lower == "/dev/null" || lower == "-/dev/null" || strings.HasPrefix(lower, "/dev/null;"):
		return discards
	case strings.HasPrefix(lower, "^") || strings.Contains(lower, `"omprog"`):
		return executes
	case strings.HasPrefix(lower, "action("):
		if file := parameter(action, "file"); file == "/dev/null" {
			return otherwise // written nowhere; a "stop" after it is what counts
		}
		if strings.Contains(lower, `"omdiscard"`) {
			return discards
		}
		return writes
	case strings.HasPrefix(lower, "/") || strings.HasPrefix(lower, "-/") || strings.HasPrefix(lower, "?") || strings.HasPrefix(lower, "@") || strings.HasPrefix(lower, "|") || strings.HasPrefix(lower, "-?") || strings.HasPrefix(lower, ":om"):
		return writes
	}
	return otherwise
}

func (s *syslog) silence(p waxseal.Path, x rule) {
	if s.vendors(p, waxseal.RoleConfig) || x.filter == "" {
		return
	}
	if strings.Contains(strings.ToLower(x.action), "/dev/null") && mailFacility(x.filter) != allMail {
		return // the message goes on to the next rule
	}
	h := s.hook(waxseal.KindLog, waxseal.Source{Path: p, Line: x.line}, clip(x.filter))
	h.Directive, h.Effects, h.Scope = "rsyslog", silences, clip(x.filter)
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: "/dev/null"}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleConfig}}
	h.Modifiers = map[string]string{"action": clip(x.action)}
	h.Explain = "The log of mail is thrown away before it is written, where it matches " + clip(x.filter) + " (rsyslog)."
	s.emit(h)
}

func (s *syslog) program(p waxseal.Path, x rule, c concern) {
	if s.vendors(p, waxseal.RoleConfig) {
		return
	}
	command := parameter(x.action, "binary")
	if command == "" {
		command, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(x.action), "^"), ";")
	}
	h := s.hook(waxseal.KindLog, waxseal.Source{Path: p, Line: x.line}, "program", clip(x.filter))
	h.Directive, h.Effects, h.Active = "rsyslog", []waxseal.Effect{waxseal.Execute, waxseal.Observe}, c != notMail
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	argv := words(command)
	h.Closure = append(s.partsOfCommand(argv), waxseal.Part{Path: p, Role: waxseal.RoleConfig})
	h.Explain = "rsyslog hands the log of mail to the program " + clip(command) + "."
	s.emit(h)
}

// journal reads journald.conf(5): whether what mail systems say is kept at all.
func (r *reader) journal() {
	for _, a := range r.configFiles("systemd/journald.conf") {
		if a.section != "Journal" {
			continue
		}
		r.note("journald.conf", a.key, a.value, a.source)
		hides := a.key == "Storage" && strings.EqualFold(a.value, "none") ||
			slices.Contains([]string{"MaxLevelStore", "MaxLevelSyslog"}, a.key) && levelHides(a.value)
		if !hides || r.vendors(a.source.Path, waxseal.RoleConfig) {
			continue
		}
		h := r.hook(waxseal.KindLog, a.source, a.key)
		h.Directive, h.Effects = a.key, silences
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: a.value}
		h.Closure = []waxseal.Part{{Path: a.source.Path, Role: waxseal.RoleConfig}}
		h.Explain = "The journal does not keep what mail systems say: " + a.key + "=" + clip(a.value) + "."
		r.emit(h)
	}
}
