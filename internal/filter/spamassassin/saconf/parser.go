package saconf

import (
	"encoding/hex"
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// parser takes the lines of one text that is put together from files.
type parser struct {
	tree waxseal.Tree
	conf *Config
	keep func(string) bool
	read map[string]bool // each name is read once
	todo []piece         // what comes first lies on top
	// later are those that are read before the first line is taken, in their order.
	later []piece

	current string   // the file that relative names are relative to
	outer   []string // those around it
	skip    bool
	ifs     []condition
	known   map[string]bool // conditions are worked out once
	langs   map[string]bool
	speaks  []string // languages that programs of the system may have
	lines   int
	bytes   int
}

type condition struct {
	skip bool
	line waxseal.Source
	text string
}

func newParser(tree waxseal.Tree, c *Config, keep func(string) bool) *parser {
	if keep == nil {
		keep = func(string) bool { return false }
	}
	return &parser{tree: tree, conf: c, keep: keep, read: map[string]bool{}, known: map[string]bool{}, langs: map[string]bool{}, speaks: languages(tree), current: "(no file)"}
}

// parse takes line by line from what lies on top.
func (p *parser) parse() {
	for i := len(p.later) - 1; i >= 0; i-- {
		p.push(p.later[i])
	}
	for len(p.todo) > 0 {
		top := &p.todo[len(p.todo)-1]
		if top.begin != "" || top.finish || top.rest == "" {
			p.mark(*top)
			continue
		}
		if p.lines++; p.lines > maxLines {
			p.conf.unread(waxseal.Source{Path: top.path, Line: top.line}, "more lines than are read")
			return
		}
		line, rest, _ := strings.Cut(top.rest, "\n")
		top.rest = rest
		if !top.fixed {
			top.line++
		}
		p.line(line, top)
	}
}

// mark ends a piece, and acts on a mark.
func (p *parser) mark(done piece) {
	p.todo = p.todo[:len(p.todo)-1]
	switch {
	case done.begin != "":
		p.begin(done.begin)
	case done.finish:
		p.finish()
	case done.sum != nil:
		p.conf.Files[done.file-1].Digest = hex.EncodeToString(done.sum.Sum(nil))
	}
}

func (p *parser) begin(name string) {
	p.outer = append(p.outer, p.current)
	p.current = name
}

// finish ends a file, and with it all conditions that are open.
func (p *parser) finish() {
	for _, c := range p.ifs {
		p.conf.problem(c.line, "a condition that has no endif: "+clip(c.text))
	}
	p.ifs, p.skip = nil, false
	p.current = "" // more ends than files
	if n := len(p.outer); n > 0 {
		p.current, p.outer = p.outer[n-1], p.outer[:n-1]
	}
}

const space = " \t\r\f\v\n"

// line takes one line.
func (p *parser) line(line string, from *piece) {
	if strings.IndexByte(line, '#') >= 0 {
		line = uncomment(line)
	}
	line = strings.Trim(line, space)
	if line == "" || line == "0" {
		return
	}
	other := ""
	if strings.HasPrefix(line, "lang") {
		line, other = p.language(line)
	}
	word, value, _ := cutSpace(line)
	if from.sum != nil {
		_, _ = from.sum.Write([]byte(line + "\n")) // it does not fail
	}
	key := keyOf(word)
	at := waxseal.Source{Path: from.path, Line: from.line}
	if other != "" {
		p.inert(key, value, at, from.kind, "only where the language of the system is "+clip(other))
		return
	}
	if p.control(key, value, at, from.kind) {
		return
	}
	if p.skip {
		p.inert(key, value, at, from.kind, "a condition above it does not hold: "+p.why())
		return
	}
	p.setting(key, value, at, from.kind)
}

// uncomment removes a comment: "#", unless a backslash comes before it.
func uncomment(line string) string {
	for i := 0; i < len(line); i++ {
		if line[i] == '#' && (i == 0 || line[i-1] != '\\') {
			line = line[:i]
			break
		}
	}
	return strings.ReplaceAll(line, `\#`, "#")
}

func cutSpace(s string) (before, after string, found bool) {
	i := strings.IndexAny(s, space)
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimLeft(s[i:], space), true
}

// keyOf writes the name of a setting in one way.
func keyOf(word string) string {
	for i := 0; i < len(word); i++ {
		if c := word[i]; c >= 'A' && c <= 'Z' || c == '-' {
			return strings.ReplaceAll(strings.ToLower(word), "-", "_")
		}
	}
	return word
}

// language takes "lang xx" off a line; other is the language that it is for, if the
// system has not that one.
func (p *parser) language(line string) (rest, other string) {
	word, rest, _ := cutSpace(line)
	pattern, rest, more := cutSpace(rest)
	if word != "lang" || !more || pattern == "" {
		return line, ""
	}
	fits, known := p.langs[pattern]
	if !known {
		re, err := regexp.Compile("(?i)^(?:" + pattern + ")")
		fits = err != nil || slices.ContainsFunc(p.speaks, re.MatchString)
		p.langs[pattern] = fits
	}
	if fits {
		return rest, ""
	}
	return rest, pattern
}

// control acts on what decides which lines count. These act even where lines are
// skipped: an include in a condition that does not hold is read.
func (p *parser) control(key, value string, at waxseal.Source, kind fileKind) bool {
	switch key {
	case "if", "ifplugin":
		if value == "" {
			return true
		}
		if key == "ifplugin" {
			value = "plugin (" + value + ")"
		}
		p.condition(key, value, at)
	case "else":
		p.otherwise(value, at)
	case "endif":
		p.endif(value, at)
	case "include":
		p.include(value, at, kind)
	case "file": // how files are told apart in the one text; a file may say it too
		if name, ok := strings.CutPrefix(value, "start"); ok && name != strings.TrimLeft(name, space) {
			p.begin(strings.TrimLeft(name, space))
		} else if name, ok := strings.CutPrefix(value, "end"); ok && name != strings.TrimLeft(name, space) {
			p.finish()
		}
	default:
		return false
	}
	return true
}

func (p *parser) otherwise(value string, at waxseal.Source) {
	if value != "" || len(p.ifs) == 0 {
		p.conf.problem(at, "an else without a condition")
		return
	}
	for _, c := range p.ifs {
		if c.skip {
			p.skip = true
			return
		}
	}
	p.skip = !p.skip
}

func (p *parser) endif(value string, at waxseal.Source) {
	n := len(p.ifs)
	if value != "" || n == 0 {
		p.conf.problem(at, "an endif without a condition")
		return
	}
	p.skip, p.ifs = p.ifs[n-1].skip, p.ifs[:n-1]
}

func (p *parser) condition(key, text string, at waxseal.Source) {
	cached := key + " " + text
	holds, known := p.known[cached]
	if !known {
		tokens, err := lex(text)
		if err != "" {
			p.conf.problem(at, "a condition that can't be read: "+err)
			return
		}
		holds = truth(tokens, p.conf)
		p.known[cached] = holds
	}
	p.ifs = append(p.ifs, condition{p.skip, at, text})
	if !holds {
		p.skip = true
	}
}

func (p *parser) why() string {
	if n := len(p.ifs); n > 0 {
		return p.ifs[n-1].text
	}
	return "require_version"
}

// include puts another file, or the files of a directory, in place of the line. It ends
// the file around it and begins it anew: what comes behind is outside of all conditions,
// unless no name is known of a file around it.
func (p *parser) include(name string, at waxseal.Source, kind fileKind) {
	if name == "" {
		return
	}
	list := p.pieces(p.relative(name), cfEnd, kind, at)
	current := p.current
	if current != "" {
		p.push(piece{begin: current})
	}
	for i := len(list) - 1; i >= 0; i-- {
		p.push(list[i])
	}
	if current != "" {
		p.finish()
	}
}

// relative makes a name that a file has one of the tree.
func (p *parser) relative(name string) string {
	name = p.conf.expand(name)
	if path.IsAbs(name) || strings.HasPrefix(name, "~") {
		return name
	}
	dir, _ := path.Split(p.current)
	return dir + name
}

// setting takes a line that counts.
func (p *parser) setting(key, value string, at waxseal.Source, kind fileKind) {
	switch key {
	case "loadplugin", "tryplugin":
		p.plugin(key, value, at, kind)
		return
	case "require_version":
		if value != "" && value != "@@VERSION@@" && value != p.conf.Version {
			p.conf.problem(at, "the rest of the file is passed over: it is for version "+clip(value)+", and this is "+p.conf.Version)
			p.skip = true
		}
		return
	case "enable_compat":
		p.conf.compat["compat_"+value] = true
	}
	if key = canonical(key); kind == siteFile || p.keep(key) {
		p.conf.Lines = append(p.conf.Lines, Line{Key: key, Value: value, Source: at, Stock: kind != siteFile, at: p.conf.next()})
	}
}

// next counts what is met: files, lines and plug-ins together.
func (c *Config) next() int {
	c.events++
	return c.events
}
