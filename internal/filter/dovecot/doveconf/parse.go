package doveconf

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"waxseal"
)

const (
	// maxFile bounds one file, maxAll all of them, maxFiles their number, included
	// again or not: files that include others twice each make many.
	maxFile  = 8 << 20
	maxAll   = 64 << 20
	maxFiles = 2000
	// maxLine bounds a continued line, maxValue a value that variables make, and
	// maxExpanded all of them: each may name the one before.
	maxLine     = 1 << 20
	maxValue    = 1 << 20
	maxExpanded = 32 << 20
	maxDepth    = 64 // of sections
	maxTold     = 200
)

// input is a file that is being read, and the one that goes on after it.
type input struct {
	prev *input
	path waxseal.Path
	rest string
	line int
}

// parser reads one configuration.
type parser struct {
	from    Source
	conf    *Config
	in      *input
	section *Section
	outside []*Section // those around it, as they are written
	depth   int        // of sections that are not opened, being too deep
	lines   *reader
	read    int64
	// expanded is the length of all values that variables made.
	expanded int64
	opened   int
	told     map[waxseal.Problem]bool
	stated   bool // 2.4: the version has been said
}

// Read reads the configuration that begins in a file. Installed is the version of
// Dovecot on the host, "" where it is not known: a configuration without
// dovecot_config_version is 2.3's unless 2.4 is installed.
func Read(from Source, main waxseal.Path, installed string) *Config {
	c := &Config{}
	c.Root = newSection(c, nil, "", "", waxseal.Source{Path: main})
	p := &parser{from: from, conf: c, section: c.Root, told: map[waxseal.Problem]bool{}}
	text, ok := p.load(main)
	c.Files = append(c.Files, File{Path: main, Use: Main, Missing: !ok})
	c.Grammar = grammarOf(text, installed)
	c.known = tableOf(c.Grammar)
	p.lines = newReader(c.Grammar)
	if !ok {
		p.refuse("the file can't be read")
		return c
	}
	p.in = &input{path: main, rest: text}
	p.run()
	p.finish()
	return c
}

// release is the start of a version: "1:2.4.1+dfsg1-6".
var release = regexp.MustCompile(`^(?:\d+:)?(\d{1,4})\.(\d{1,4})`)

// grammarOf tells the language: 2.4 wants the version first of all.
func grammarOf(text, installed string) Grammar {
	if m := release.FindStringSubmatch(installed); m != nil {
		major, _ := strconv.Atoi(m[1])
		minor, _ := strconv.Atoi(m[2]) // digits, and few of them
		if major > 2 || major == 2 && minor >= 4 {
			return Grammar24
		}
	}
	r := newReader(Grammar24)
	for l := range strings.Lines(text) {
		switch got := r.parse(strings.TrimRight(l, "\r\n")); got.kind {
		case skipped, continued:
			continue
		default:
			if got.key == "dovecot_config_version" {
				return Grammar24
			}
			return Grammar23
		}
	}
	return Grammar23
}

func (p *parser) run() {
	for p.in != nil {
		text, rest, more := strings.Cut(p.in.rest, "\n")
		if p.in.rest == "" && !more {
			p.in = p.in.prev
			continue
		}
		p.in.rest = rest
		p.in.line++
		p.take(p.lines.parse(strings.TrimSuffix(text, "\r")))
	}
}

// here is the line that is being read.
func (p *parser) here() waxseal.Source {
	if p.in == nil {
		return waxseal.Source{Path: p.conf.Root.Source.Path}
	}
	return waxseal.Source{Path: p.in.path, Line: p.in.line}
}

func (p *parser) take(l line) {
	if l.ambiguous {
		p.tell("a '#' without a blank before it: what follows is a comment")
	}
	if p.conf.Grammar == Grammar24 && l.kind != skipped && l.kind != continued && l.kind != refused && p.version(l) {
		return
	}
	switch l.kind {
	case refused:
		p.refuse(l.value)
	case assigned, fromFile:
		p.assign(l)
	case opened:
		p.open(l.key, l.value)
	case grouped:
		p.open("group", strings.TrimPrefix(l.key, "@")+" "+l.value)
	case closed:
		p.close()
	case included, tried:
		p.include(l.value, l.kind == tried)
	}
}

// version takes dovecot_config_version, which has to come first.
func (p *parser) version(l line) bool {
	switch {
	case l.key != "dovecot_config_version":
		if !p.stated {
			p.stated = true
			p.refuse("The first setting must be dovecot_config_version")
		}
		return false
	case p.conf.Version != "" && p.conf.Version != l.value:
		p.refuse("dovecot_config_version value can't be changed once set")
		return true
	}
	p.stated, p.conf.Version = true, l.value
	p.section.set(Setting{Key: l.key, Value: l.value, Written: l.value, Source: p.here()})
	return true
}

func (p *parser) open(kind, name string) {
	if p.depth > 0 || len(p.outside) >= maxDepth {
		if p.depth == 0 {
			p.refuse("sections are nested too deeply to be read")
		}
		p.depth++
		return
	}
	name, err := p.checkFilter(kind, name)
	if err != nil {
		p.refuse(err.Error())
	}
	if !filters[kind] {
		p.checkSection(kind, name)
	}
	p.outside = append(p.outside, p.section)
	in := p.section
	if p.conf.Grammar == Grammar23 && filters[kind] && in.Kind == kind {
		in = in.Parent // a network inside a network takes its place
	}
	p.section = in.open(kind, name, p.here())
}

// checkSection asks whether a section may be here. A named passdb or userdb of 2.3
// may be there once.
func (p *parser) checkSection(kind, name string) {
	if p.conf.Grammar == Grammar24 {
		return
	}
	switch {
	case p.inList():
		p.refuse("Section not allowed here")
	case !p.conf.known.hasSection(p.section, kind):
		p.refuse("Unknown setting: " + p.fullPath() + kind)
	case p.misplaced(kind):
		p.refuse("Auth settings not supported inside local/remote blocks: " + kind)
	case (kind == "passdb" || kind == "userdb") && name != "" && p.section.Section(kind, name) != nil:
		p.refuse(kind + "/" + name + " already exists")
	}
}

func (p *parser) inList() bool { return wordLists[p.section.Kind] }

func (p *parser) fullPath() string {
	var out string
	for s := p.section; s.Parent != nil; s = s.Parent {
		if !s.IsFilter() {
			out = s.Kind + " { " + out
		}
	}
	return out
}

func (p *parser) close() {
	switch {
	case p.depth > 0:
		p.depth--
	case len(p.outside) == 0:
		p.refuse("Unexpected '}'")
	default:
		p.section = p.outside[len(p.outside)-1]
		p.outside = p.outside[:len(p.outside)-1]
	}
}

func (p *parser) finish() {
	if len(p.outside) > 0 {
		p.refuse(fmt.Sprintf("Missing '}' (section started at %s:%d)", p.section.Source.Path, p.section.Source.Line))
	}
	if p.conf.Grammar == Grammar23 {
		p.checkDatabases(p.conf.Root)
	}
}

// checkDatabases asks each passdb and userdb for its driver.
func (p *parser) checkDatabases(s *Section) {
	for _, sub := range s.Sections {
		if (sub.Kind == "passdb" || sub.Kind == "userdb") && sub.Value("driver") == "" {
			p.problem(waxseal.Problem{Path: sub.Source.Path, Line: sub.Source.Line, Message: refusal + sub.Kind + " is missing driver"}, true)
		}
		p.checkDatabases(sub)
	}
}

// refusal begins what is said about a line that Dovecot does not take.
const refusal = "Dovecot refuses this: "

func (p *parser) refuse(why string) {
	at := p.here()
	p.problem(waxseal.Problem{Path: at.Path, Line: at.Line, Message: refusal + why}, true)
}

func (p *parser) tell(what string) {
	at := p.here()
	p.problem(waxseal.Problem{Path: at.Path, Line: at.Line, Message: what}, false)
}

// bound says that a limit of this package, not of Dovecot, ends the reading.
func (p *parser) bound(what string) {
	at := p.here()
	p.problem(waxseal.Problem{Path: at.Path, Line: at.Line, Message: what, Unreadable: true}, false)
}

func (p *parser) problem(what waxseal.Problem, refuses bool) {
	if refuses && p.conf.Refused == nil {
		first := what
		p.conf.Refused = &first
	}
	if len(p.told) < maxTold && !p.told[what] {
		p.told[what] = true
		p.conf.Problems = append(p.conf.Problems, what)
	}
}

// relative completes a path from the directory of the file that names it.
func (p *parser) relative(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Dir(string(p.in.path)) + "/" + name
}
