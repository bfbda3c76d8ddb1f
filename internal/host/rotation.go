package host

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
	"waxseal/internal/mta"
)

// rotation reads logrotate(8): its scripts run as root when logs are rotated, and
// "mail" sends what is thrown away to somebody.
func (r *reader) rotation() {
	l := &logrotate{reader: r, seen: map[waxseal.Path]bool{}}
	l.file("/etc/logrotate.conf", 0)
	for _, n := range r.list("/etc/logrotate.d") {
		l.file("/etc/logrotate.d/"+waxseal.Path(n), 1)
	}
}

type logrotate struct {
	*reader
	seen map[waxseal.Path]bool
}

// section is one list of logs with what is said of them; that without logs holds for
// all.
type section struct {
	logs     []string
	scripts  map[string][]shellLine // by directive
	order    []string
	mail     string // address
	mailLine int
	compress string // compresscmd
	line     int
	su       string
}

// taboo are endings that logrotate leaves out of a directory (logrotate(8) tabooext).
var taboo = []string{".bak", ".cfsaved", ".disabled", ".dpkg-bak", ".dpkg-del", ".dpkg-dist", ".dpkg-new", ".dpkg-old", ".dpkg-tmp", ".rhn-cfg-tmp-", ".rpmnew", ".rpmorig", ".rpmsave", ".swp", ".ucf-dist", ".ucf-new", ".ucf-old", "~", ",v"}

func (l *logrotate) file(p waxseal.Path, depth int) {
	if l.seen[p] || depth > 8 || len(l.seen) > 1000 || slices.ContainsFunc(taboo, func(e string) bool { return strings.HasSuffix(string(p), e) }) {
		return
	}
	l.seen[p] = true
	text, ok := l.read(p, "a configuration of logrotate")
	if !ok {
		return
	}
	sections, includes := parseRotation(text)
	if errand.MentionsMail(text) || strings.Contains(text, "/var/log/mail") || errand.AltersMail(text) || slices.ContainsFunc(sections, func(s section) bool { return isMailLog(s.logs) }) {
		l.Part(p, waxseal.RoleConfig)
	}
	vouched := l.vendors(p, waxseal.RoleConfig)
	for i := range sections {
		l.section(p, sections[i], vouched)
	}
	for _, to := range includes {
		l.include(p, to, depth)
	}
}

func (l *logrotate) include(from waxseal.Path, to string, depth int) {
	if !path.IsAbs(to) {
		to = path.Join(path.Dir(string(from)), to)
	}
	p := clean(to)
	f, err := l.Tree.Stat(p)
	if err == nil && f.Type == waxseal.Directory {
		for _, n := range l.list(p) {
			l.file(p+"/"+waxseal.Path(n), depth+1)
		}
		return
	}
	l.file(p, depth+1)
}

// isMailLog reports whether one of several logs is one of mail: syslog's for all
// facilities is too.
func isMailLog(logs []string) bool {
	return slices.ContainsFunc(logs, func(s string) bool {
		return strings.HasPrefix(s, "/var/log/mail") || s == "/var/log/syslog" || s == "/var/log/messages" || errand.MentionsMail(s)
	})
}

func (l *logrotate) section(p waxseal.Path, s section, vouched bool) {
	o := occasion{when: "when logs are rotated", mail: isMailLog(s.logs), vouched: vouched, runsAs: s.su}
	if len(s.logs) > 0 {
		o.scope = "the log " + mta.Clip(s.logs[0])
	}
	for _, directive := range s.order {
		o.directive = directive
		lines := s.scripts[directive]
		if o.mail {
			l.Setting(string(p), o.scope+" "+directive, flat(lines), waxseal.Source{Path: p, Line: lines[0].line})
		}
		l.script(p, lines, o)
	}
	if s.compress != "" && o.mail && !vouched && l.unvouched(clean(firstWord(s.compress)), waxseal.RoleBinary) {
		h := l.runs("compresscmd", waxseal.Source{Path: p, Line: s.line}, s.compress)
		h.Explain = "Root runs " + mta.Clip(s.compress) + " on the log of mail when it is rotated, and no package vouches for it (compresscmd)."
		l.Emit(h)
	}
	if s.mail != "" && o.mail {
		l.sentAway(p, s, o)
	}
}

func flat(lines []shellLine) string {
	var words []string
	for _, s := range lines {
		words = append(words, s.text)
	}
	return strings.Join(words, "; ")
}

func firstWord(s string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return first
}

// sentAway makes the hook of an address to which old logs of mail are sent.
func (l *logrotate) sentAway(p waxseal.Path, s section, o occasion) {
	h := l.hook(waxseal.KindLog, "mail", waxseal.Source{Path: p, Line: s.mailLine}, o.scope)
	h.Effects, h.RunsAs, h.Scope = []waxseal.Effect{waxseal.Observe}, "", o.scope
	h.Target = waxseal.Target{Type: waxseal.TargetAddress, Value: s.mail}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleConfig}}
	h.Explain = "The log of mail (" + mta.Clip(s.logs[0]) + ") is sent to " + mta.Clip(s.mail) + " when it is rotated out of existence (logrotate)."
	l.Emit(h)
}

// rotationScripts are directives whose script ends at "endscript" (logrotate(8)).
var rotationScripts = set("postrotate prerotate firstaction lastaction preremove")

const maxSections = 2_000

// parseRotation parses a file of logrotate(8). What stands outside of braces holds
// for the sections behind it.
func parseRotation(content string) (sections []section, includes []string) {
	global := section{scripts: map[string][]shellLine{}}
	now, inside, script := global, false, ""
	var pending []string
	n := 0
	close := func() {
		if len(sections) < maxSections {
			sections = append(sections, now)
		}
		now, inside = global, false
	}
	for line := range strings.SplitSeq(content, "\n") {
		n++
		body := strings.TrimSpace(line)
		switch {
		case script != "" && body == "endscript":
			script = ""
			continue
		case script != "":
			now.addScript(script, shellLine{strings.TrimSuffix(body, `\`), n})
			continue
		case body == "" || body[0] == '#':
			continue
		}
		first, rest, _ := strings.Cut(strings.ReplaceAll(body, "\t", " "), " ")
		rest = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), "="))
		switch {
		case !inside && (strings.HasPrefix(body, "/") || body[0] == '"' || body[0] == '\'' || body[0] == '{' || strings.HasPrefix(body, "~")):
			names, more, opens := strings.Cut(body, "{")
			pending = append(pending, mta.ShellWords(names)...)
			if opens {
				now.logs, now.line, inside, pending = pending[:min(len(pending), 200)], n, true, nil
				if inner, _, closes := strings.Cut(more, "}"); closes {
					now.word(strings.TrimSpace(inner), n)
					close()
				}
			}
		case inside && body[0] == '}':
			close()
		case rotationScripts[first]:
			script = first
		case first == "include" && !inside:
			if len(includes) < 200 {
				includes = append(includes, strings.Trim(rest, `"'`))
			}
		case inside:
			now.word(body, n)
		default:
			global.word(body, n)
			now = global
		}
	}
	if inside {
		close()
	}
	return sections, includes
}

// addScript notes a line of a script; the map is the section's own.
func (s *section) addScript(directive string, l shellLine) {
	if l.text == "" || len(s.scripts[directive]) > 500 {
		return
	}
	if !slices.Contains(s.order, directive) {
		scripts := map[string][]shellLine{}
		for k, v := range s.scripts {
			scripts[k] = v
		}
		s.scripts, s.order = scripts, append(slices.Clone(s.order), directive)
	}
	s.scripts[directive] = append(slices.Clip(s.scripts[directive]), l)
}

// word reads one directive that is no script.
func (s *section) word(body string, line int) {
	name, value, _ := strings.Cut(strings.ReplaceAll(body, "\t", " "), " ")
	value = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(value), "="))
	switch name {
	case "mail":
		s.mail, s.mailLine = value, line
	case "nomail":
		s.mail = ""
	case "compresscmd":
		s.compress = value
	case "su":
		s.su = firstWord(value)
	}
}
