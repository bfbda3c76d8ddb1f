package eximconf

import (
	"path"
	"strings"

	"waxseal"
)

const (
	// maxLine bounds a logical line. Exim has no bound.
	maxLine = 1 << 20
	// maxText bounds all lines together, macros replaced.
	maxText = 16 << 20
	// maxDepth bounds files that include each other, and maxIncludes all of them.
	maxDepth    = 32
	maxIncludes = 2_000
	// maxConditions is how deep .ifdef may be nested (readconf.c CSTATE_STACK_SIZE).
	maxConditions = 10
)

// reader reads one configuration.
type reader struct {
	source Source
	config *Config
	macros *macros

	files []*file // those that are open, the innermost last
	state condition
	stack []condition
	text  int  // bytes of lines so far
	ended bool // a bound was met: the rest is not read

	section string // that which "begin" named last
	lists   map[string]bool
	// index finds the options of the list that is being filled.
	index   map[string]int
	indexed *[]Option
}

// file is one that is being read.
type file struct {
	path    waxseal.Path
	rest    string
	line    int
	origins []Place
}

func (f *file) place() Place {
	if f.line > 0 && f.line <= len(f.origins) {
		return f.origins[f.line-1]
	}
	return Place{f.path, f.line}
}

// condition is whether lines are read (readconf.c next_cstate).
type condition int

const (
	reading   condition = iota
	skipping            // until .else or .endif
	finishing           // until .endif
)

func (r *reader) problem(at Place, message string) {
	const most = 1000
	if len(r.config.Problems) < most {
		r.config.Problems = append(r.config.Problems, Problem{at, message})
	}
}

// open starts to read the configuration itself.
func (r *reader) open() {
	text := r.source.Text
	if r.source.Origins == nil && text == "" {
		var err error
		if text, err = r.source.Open(r.source.Path); err != nil {
			r.problem(Place{Path: r.source.Path}, "the configuration can't be read: "+err.Error())
			return
		}
	}
	if rest, ok := strings.CutPrefix(text, "\xef\xbb\xbf"); ok {
		r.problem(Place{r.source.Path, 1}, "Exim takes no byte order mark")
		text = rest
	}
	r.files = append(r.files, &file{path: r.source.Path, rest: text, origins: r.source.Origins})
}

// next returns the next logical line of a section; ok is false at its end.
func (r *reader) next() (line Line, ok bool) {
	line, ok = r.logical()
	if !ok {
		r.section = ""
		return Line{}, false
	}
	r.config.Lines = append(r.config.Lines, line)
	if len(line.Text) >= 6 && strings.EqualFold(line.Text[:6], "begin ") {
		r.section = strings.TrimLeft(line.Text[6:], blanks)
		return Line{}, false
	}
	return line, true
}

// logical returns the next logical line: physical ones that are in force, joined
// where one ends with a backslash.
func (r *reader) logical() (line Line, ok bool) {
	var text []byte
	for {
		f, physical, more := r.physical()
		if !more {
			line.Text = string(text)
			return line, len(text) > 0
		}
		kept, inForce := r.inForce(f, physical, len(text) == 0)
		if !inForce {
			continue
		}
		if len(text) == 0 {
			line.Place = f.place()
		}
		text = trimRight(append(text, kept...))
		if len(text) > maxLine {
			r.problem(line.Place, "the line is longer than what is read of one")
			text = text[:maxLine]
		}
		if n := len(text); n > 0 {
			if text[n-1] != '\\' {
				line.Text = string(text)
				return line, true
			}
			text = text[:n-1]
		}
	}
}

func trimRight(b []byte) []byte {
	n := len(b)
	for n > 0 && isSpace(b[n-1]) {
		n--
	}
	return b[:n]
}

// physical takes the next line of the innermost file; at the end of an included
// one it goes on behind the line that named it.
func (r *reader) physical() (f *file, line string, ok bool) {
	for len(r.files) > 0 && !r.ended {
		f := r.files[len(r.files)-1]
		if f.rest == "" {
			r.files = r.files[:len(r.files)-1]
			continue
		}
		line, f.rest, _ = strings.Cut(f.rest, "\n")
		f.line++
		if text, _, hidden := strings.Cut(line, "\x00"); hidden {
			r.problem(f.place(), "a null byte hides the rest of the line") // C ends a string there
			line = text
		}
		return f, line, true
	}
	if len(r.stack) > 0 && !r.ended {
		r.problem(Place{Path: r.source.Path}, ".endif is missing at the end of the configuration")
		r.stack = nil
	}
	return nil, "", false
}

// inForce replaces the macros of a physical line and obeys it where it is a
// directive. ok is false where nothing of it belongs to a logical line.
func (r *reader) inForce(f *file, line string, starts bool) (kept string, ok bool) {
	line = strings.TrimLeft(line, blanks)
	if strings.HasPrefix(line, "#") {
		return "", false
	}
	line, found, over := r.macros.expand(line, starts, maxLine)
	line = strings.TrimLeft(line, blanks)
	r.text += len(line)
	switch {
	case over:
		r.problem(f.place(), "macros make the line longer than what is read of one, or stand in each other too often")
	case r.text > maxText:
		r.problem(f.place(), "macros make the configuration longer than what is read: the rest is not read")
		r.ended = true
		return "", false
	}
	switch {
	case strings.HasPrefix(line, "#"):
		return "", false
	case strings.HasPrefix(line, "."):
		if r.conditional(f, line, found) || r.state == reading && r.include(f, line) {
			return "", false
		}
	}
	return line, r.state == reading
}

// conditionals are the directives: whether each wants a macro or none, and
// whether it opens, goes on, or closes.
var conditionals = []struct {
	name       string
	opens      bool
	wantsNone  bool
	alwaysElse bool
}{
	{name: "ifdef", opens: true}, {name: "ifndef", opens: true, wantsNone: true},
	{name: "elifdef"}, {name: "elifndef", wantsNone: true}, {name: "else", alwaysElse: true},
}

// conditional obeys .ifdef and its kin: a condition holds where a macro was
// replaced in the line (spec 6.8).
func (r *reader) conditional(f *file, line string, found bool) bool {
	word, _, _ := strings.Cut(line[1:], " ")
	if word == "endif" {
		if len(r.stack) == 0 {
			r.problem(f.place(), ".endif without .ifdef")
			return true
		}
		r.state, r.stack = r.stack[len(r.stack)-1], r.stack[:len(r.stack)-1]
		return true
	}
	for _, c := range conditionals {
		if c.name != word {
			continue
		}
		holds := found != c.wantsNone || c.alwaysElse
		if c.opens {
			r.begin(f, holds)
		} else {
			r.otherwise(f, word, holds)
		}
		return true
	}
	return false
}

func (r *reader) begin(f *file, holds bool) {
	if len(r.stack) >= maxConditions {
		r.problem(f.place(), "conditions are nested too deeply")
		if len(r.stack) > 10_000 {
			r.ended = true
			return
		}
	}
	r.stack = append(r.stack, r.state)
	switch {
	case r.state != reading:
		r.state = finishing
	case !holds:
		r.state = skipping
	}
}

func (r *reader) otherwise(f *file, word string, holds bool) {
	switch {
	case len(r.stack) == 0:
		r.problem(f.place(), "."+word+" without .ifdef")
	case r.state == skipping && holds:
		r.state = reading
	case r.state != skipping:
		r.state = finishing
	}
}

// include obeys .include and .include_if_exists (spec 6.3).
func (r *reader) include(f *file, line string) bool {
	word, name := line, ""
	if i := strings.IndexAny(line, blanks); i >= 0 {
		word, name = line[:i], strings.Trim(line[i:], blanks)
	}
	if word != ".include" && word != ".include_if_exists" || len(word) == len(line) {
		return false
	}
	if len(name) > 1 && name[0] == '"' && name[len(name)-1] == '"' {
		name = name[1 : len(name)-1]
	}
	inc := Include{Place: f.place(), IfExists: word != ".include"}
	if !path.IsAbs(name) {
		if inc.IfExists {
			r.problem(inc.Place, word+" wants an absolute path")
			return true
		}
		name = path.Dir(string(f.path)) + "/" + name
	}
	inc.File = waxseal.Path(path.Clean(name))
	r.enter(inc)
	return true
}

func (r *reader) enter(inc Include) {
	if len(r.files) >= maxDepth || len(r.config.Includes) >= maxIncludes {
		r.problem(inc.Place, "more files include each other than are read: "+string(inc.File))
		return
	}
	text, err := r.source.Open(inc.File)
	inc.Missing = err != nil && r.source.Missing(err)
	r.config.Includes = append(r.config.Includes, inc)
	switch {
	case err == nil:
		r.files = append(r.files, &file{path: inc.File, rest: text})
	case !inc.Missing || !inc.IfExists:
		r.problem(inc.Place, "the included file "+string(inc.File)+" can't be read: "+err.Error())
	}
}
