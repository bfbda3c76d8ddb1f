package host

import (
	"maps"
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
	l := &logrotate{reader: r, seen: map[waxseal.Path]bool{}, each: func(waxseal.Path, section) {}}
	l.file("/etc/logrotate.conf", 0)
	for _, n := range r.list("/etc/logrotate.d") {
		l.file("/etc/logrotate.d/"+waxseal.Path(n), 1)
	}
}

type logrotate struct {
	*reader
	seen map[waxseal.Path]bool
	// global is what stood outside of braces so far: it holds for the sections behind it,
	// those of further files too.
	global section
	each   func(waxseal.Path, section) // is told of every section
}

// section is one list of logs with what is said of them; that without logs holds for
// all.
type section struct {
	logs     []string
	scripts  map[string][]shellLine // by directive
	order    []string
	mail     string // address
	mailAt   waxseal.Source
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
	sections := l.parse(p, text, depth)
	if errand.MentionsMail(text) || strings.Contains(text, "/var/log/mail") || errand.AltersMail(text) || slices.ContainsFunc(sections, func(s section) bool { return isMailLog(s.logs) }) {
		l.Part(p, waxseal.RoleConfig)
	}
	vouched := l.vendors(p, waxseal.RoleConfig)
	for i := range sections {
		l.section(p, sections[i], vouched)
		l.each(p, sections[i])
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
	h := l.hook(waxseal.KindLog, "mail", s.mailAt, o.scope)
	h.Effects, h.RunsAs, h.Scope = []waxseal.Effect{waxseal.Observe}, "", o.scope
	h.Target = waxseal.Target{Type: waxseal.TargetAddress, Value: s.mail}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleConfig}}
	if s.mailAt.Path != p {
		h.Closure = append(h.Closure, waxseal.Part{Path: s.mailAt.Path, Role: waxseal.RoleConfig})
	}
	h.Explain = "The log of mail (" + mta.Clip(s.logs[0]) + ") is sent to " + mta.Clip(s.mail) + " when it is rotated out of existence (logrotate)."
	l.Emit(h)
}

// rotationScripts are directives whose script ends at "endscript" (logrotate(8)).
var rotationScripts = set("postrotate prerotate firstaction lastaction preremove")

const maxSections = 2_000

// rotationFile is the reading of one file.
type rotationFile struct {
	*logrotate
	path     waxseal.Path
	depth    int
	sections []section
	now      section
	inside   bool
	script   string   // whose lines are read
	pending  []string // names of logs before the brace
	line     int
}

// parse parses a file of logrotate(8), and the files that it includes where it does.
func (l *logrotate) parse(p waxseal.Path, content string, depth int) []section {
	f := &rotationFile{logrotate: l, path: p, depth: depth}
	for line := range strings.SplitSeq(content, "\n") {
		f.line++
		f.read(strings.TrimSpace(line))
	}
	if f.inside {
		f.close()
	}
	return f.sections
}

func (f *rotationFile) close() {
	if len(f.sections) < maxSections {
		f.sections = append(f.sections, f.now)
	} else {
		f.Unreadable(f.path, "how logs are rotated", "it has more sections than are read")
	}
	f.inside = false
}

func (f *rotationFile) read(body string) {
	first, rest, _ := strings.Cut(strings.ReplaceAll(body, "\t", " "), " ")
	switch {
	case f.script != "" && body == "endscript":
		f.script = ""
	case f.script != "" && !f.inside:
	case f.script != "":
		f.now.addScript(f.script, shellLine{strings.TrimSuffix(body, `\`), f.line})
	case body == "" || body[0] == '#':
	case !f.inside && strings.IndexByte("/\"'{~", body[0]) >= 0:
		f.logs(body)
	case f.inside && body[0] == '}':
		f.close()
	case rotationScripts[first]:
		f.script = first
		f.now.forget(first)
	case first == "include" && !f.inside:
		f.include(f.path, strings.Trim(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), "=")), `"'`), f.depth)
	case f.inside:
		f.now.word(body, waxseal.Source{Path: f.path, Line: f.line})
	default:
		f.global.word(body, waxseal.Source{Path: f.path, Line: f.line})
	}
}

// logs reads the names of logs in front of a brace, which may go over several lines;
// what stands behind the brace is a line of the section.
func (f *rotationFile) logs(body string) {
	names, more, opens := strings.Cut(body, "{")
	f.pending = append(f.pending, mta.ShellWords(names)...)
	if !opens {
		return
	}
	f.now = f.global
	f.now.logs, f.now.line, f.inside, f.pending = f.pending[:min(len(f.pending), 200)], f.line, true, nil
	inner, _, closes := strings.Cut(more, "}")
	f.read(strings.TrimSpace(inner))
	if closes && f.inside {
		f.script = ""
		f.close()
	}
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

// forget drops a script, in whose place another comes.
func (s *section) forget(directive string) {
	s.order = slices.DeleteFunc(slices.Clone(s.order), func(d string) bool { return d == directive })
	s.scripts = maps.Clone(s.scripts)
	delete(s.scripts, directive)
}

// word reads one directive that is no script.
func (s *section) word(body string, at waxseal.Source) {
	name, value, _ := strings.Cut(strings.ReplaceAll(body, "\t", " "), " ")
	value = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(value), "="))
	switch name {
	case "mail":
		s.mail, s.mailAt = value, at
	case "nomail":
		s.mail = ""
	case "compresscmd":
		s.compress = value
	case "su":
		s.su = firstWord(value)
	}
}
