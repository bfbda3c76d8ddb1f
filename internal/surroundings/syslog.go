package surroundings

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// rule is one statement of rsyslog.conf(5): which messages, and what is done.
type rule struct {
	line   int
	filter string // as written: "mail.*", `:programname, isequal, "postfix"`, `$programname == 'postfix'`
	action string
}

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
	if strings.Contains(text, "mail") || mentionsMail(text) || strings.Contains(text, "omprog") || strings.Contains(text, "stop") || strings.Contains(text, "~") {
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

// parameter is the value of a parameter in action(type="omfile" …).
func parameter(statement, name string) string {
	lower := strings.ToLower(statement)
	for at := 0; ; {
		i := strings.Index(lower[at:], name)
		if i < 0 {
			return ""
		}
		i += at
		at = i + len(name)
		rest := strings.TrimLeft(statement[at:], " \t")
		if i > 0 && !strings.ContainsRune(" \t(,\n", rune(lower[i-1])) || !strings.HasPrefix(rest, "=") {
			continue
		}
		rest = strings.TrimLeft(rest[1:], " \t")
		if rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return ""
		}
		value, _, _ := strings.Cut(rest[1:], rest[:1])
		return value
	}
}

// parseSyslog splits rsyslog.conf(5) into rules. A block of RainerScript gives
// one rule for each of its actions, under the condition before it; conditions
// within it are joined to that.
func parseSyslog(text string) []rule {
	p := &syslogParser{text: text}
	p.block("", 0)
	return p.rules
}

type syslogParser struct {
	text  string
	at    int
	line  int
	rules []rule
	last  string // the filter that "&" repeats
}

const maxDepth = 32

// statement reads up to the end of a logical line, or of a "{…}" or "(…)" that
// begins in it; it stops before a brace.
func (p *syslogParser) statement() (text string, line int) {
	p.blanks()
	start, depth := p.at, 0
	line = p.line + 1
	var quote byte
	for ; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			if p.text[p.at] == '\n' {
				p.line++
			}
		case quote != 0:
			if c == quote || c == '\n' && depth == 0 {
				quote = 0
			}
			if c == '\n' {
				p.line++
				if depth == 0 {
					return p.text[start:p.at], line
				}
			}
		case c == '"' || c == '\'' && depth > 0:
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth = max(depth-1, 0)
		case c == '\n' && depth == 0:
			return p.text[start:p.at], line
		case c == '\n':
			p.line++
		case (c == '{' || c == '}') && depth == 0:
			return p.text[start:p.at], line
		}
	}
	return p.text[start:], line
}

// blanks skips white space and comments.
func (p *syslogParser) blanks() {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '\n':
			p.line++
			p.at++
		case isSpace(c):
			p.at++
		case c == '#':
			for p.at < len(p.text) && p.text[p.at] != '\n' {
				p.at++
			}
		case strings.HasPrefix(p.text[p.at:], "/*"):
			end := strings.Index(p.text[p.at+2:], "*/")
			if end < 0 {
				end = len(p.text) - p.at - 4
			}
			skipped := p.text[p.at:min(len(p.text), p.at+end+4)]
			p.line += strings.Count(skipped, "\n")
			p.at += max(len(skipped), 1)
		default:
			return
		}
	}
}

// block reads statements up to the closing brace.
func (p *syslogParser) block(condition string, depth int) {
	for p.at < len(p.text) && len(p.rules) < maxRules {
		before := p.at
		text, line := p.statement()
		text = strings.TrimSpace(text)
		closed := p.at < len(p.text) && p.text[p.at] == '}'
		opened := p.at < len(p.text) && p.text[p.at] == '{'
		if closed || opened {
			p.at++
		}
		inner := p.take(text, line, condition, opened)
		if opened && depth < maxDepth {
			p.block(inner, depth+1)
		}
		if closed {
			return
		}
		if p.at == before {
			p.at++
		}
	}
}

var thenWord = regexp.MustCompile(`(?i)\bthen\b`)

// take reads one statement; it returns the condition under which a block that
// opens after it runs.
func (p *syslogParser) take(text string, line int, condition string, opened bool) string {
	lower := strings.ToLower(text)
	switch {
	case text == "":
		return condition
	case lower == "else" || lower == "then":
		return condition
	case strings.HasPrefix(lower, "else"):
		return p.take(strings.TrimSpace(text[4:]), line, condition, opened)
	case strings.HasPrefix(lower, "if ") || strings.HasPrefix(lower, "if("):
		filter, action := text[2:], ""
		if i := thenWord.FindStringIndex(text); i != nil {
			filter, action = text[2:i[0]], strings.TrimSpace(text[i[1]:])
		}
		filter = both(condition, strings.TrimSpace(filter))
		if action != "" {
			p.add(line, filter, action)
		}
		p.last = filter
		return filter
	case strings.HasPrefix(lower, "ruleset(") || strings.HasPrefix(lower, "module(") || strings.HasPrefix(lower, "input(") || strings.HasPrefix(lower, "global(") || strings.HasPrefix(lower, "template(") || strings.HasPrefix(lower, "main_queue("):
		return condition
	case strings.HasPrefix(text, "&"):
		p.add(line, p.last, strings.TrimSpace(text[1:]))
	case strings.HasPrefix(text, "$"), strings.HasPrefix(lower, "include("):
		p.rules = append(p.rules, rule{line: line, action: text})
	default:
		filter, action := filterAndAction(text)
		if filter == "" && opened {
			return both(condition, action)
		}
		filter = both(condition, filter)
		if action == "" && opened { // a selector before a block
			p.last = filter
			return filter
		}
		p.add(line, filter, action)
		p.last = filter
		return filter
	}
	return condition
}

func both(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	case len(a) > 2000:
		return a
	}
	return a + " and " + b
}

func (p *syslogParser) add(line int, filter, action string) {
	p.rules = append(p.rules, rule{line, filter, action})
}

var selector = regexp.MustCompile(`^(?:[A-Za-z0-9*,]+\.[=!]*[A-Za-z0-9*]+;?)+(?:[ \t]+|$)`)

// filterAndAction splits "mail.* /file", `:property, operation, "value" action`
// and a bare action.
func filterAndAction(text string) (filter, action string) {
	if text[0] == ':' {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			return text, ""
		}
		for j := i + 1; j < len(text); j++ {
			if text[j] == '\\' {
				j++
			} else if text[j] == '"' {
				return text[:j+1], strings.TrimSpace(text[j+1:])
			}
		}
		return text, ""
	}
	if m := selector.FindString(text); m != "" {
		return strings.TrimSpace(m), strings.TrimSpace(text[len(m):])
	}
	return "", text
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
		s.note("rsyslog", clip(x.filter), clip(x.action), source)
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
