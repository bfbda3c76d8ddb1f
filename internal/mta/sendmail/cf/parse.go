package cf

import (
	"strconv"
	"strings"
)

const (
	maxLines    = 400_000
	maxProblems = 1_000
)

// Given are macros that Sendmail sets before it reads the file: j, w, m, v, b.
type Given map[string]string

// reading is a configuration being read: what a line means depends on the lines
// before it.
type reading struct {
	*Config
	given   Given
	current *Ruleset
	lines   int
	// size is what all expansions have given so far.
	size int
}

// maxExpanded bounds what all the macros of a file may expand to: a small multiple
// of any file that Sendmail itself could hold.
const maxExpanded = 32 << 20

// Parse reads a configuration file. It never fails: what Sendmail would complain
// about is a problem, and loses nothing else.
func Parse(text string, given Given) *Config {
	c := &Config{Macros: map[string]Macro{}, Classes: map[string]*Class{}, byName: map[string]*Ruleset{}, byNumber: map[int]*Ruleset{}, byMap: map[string]int{}}
	r := &reading{Config: c, given: given}
	if _, ok := given["n"]; !ok {
		c.Macros["n"] = Macro{Name: "n", Value: "MAILER-DAEMON"}
	}
	eachLine(text, r.line, func(number int) { r.problem(number, "the line is longer than is read") })
	r.tokenise()
	return c
}

func (r *reading) problem(line int, message string) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, Problem{line, message})
	}
}

func (r *reading) line(l line) {
	if r.lines++; r.lines > maxLines {
		if r.lines == maxLines+1 {
			r.problem(l.number, "the file has more lines than are read: the rest is not known")
		}
		return
	}
	if r.Level >= 3 || l.text[0] == 'V' {
		l.text = uncomment(l.text)
	} else {
		l.text = strings.TrimRight(l.text, blanks)
	}
	if l.text == "" || l.text[0] == '#' {
		return
	}
	switch body := l.text[1:]; l.text[0] {
	case 'R':
		r.rule(l, body)
	case 'S':
		r.rulesetLine(l, body)
	case 'D':
		r.macro(l, body)
	case 'C':
		if name, words := macroName(body); name != "" {
			r.classLine(l, name, words)
		}
	case 'T':
		r.classLine(l, "t", body)
	case 'F':
		r.fileLine(l, body)
	case 'O':
		r.option(l, body)
	case 'M':
		r.mailer(l, body)
	case 'K':
		r.mapLine(l, body)
	case 'X':
		r.filter(l, body)
	case 'Q':
		r.queue(l, body)
	case 'H':
		r.header(l, body)
	default:
		r.other(l, body)
	}
}

// other reads the lines that set one thing.
func (r *reading) other(l line, body string) {
	switch l.text[0] {
	case 'E':
		name, value, _ := strings.Cut(body, "=")
		r.Environ = append(r.Environ, Variable{name, value, l.number})
	case 'P':
		name, value, _ := strings.Cut(body, "=")
		r.Levels = append(r.Levels, Priority{name, value, l.number})
	case 'V':
		digits, _ := leading(strings.TrimLeft(body, blanks), func(c byte) bool { return c >= '0' && c <= '9' })
		if n, err := strconv.Atoi(digits); err == nil {
			r.Level = n
		} else {
			r.problem(l.number, "the version of the file is no number")
		}
	case 'L': // the extended load average: no version in use has it
	case ' ', '\t':
		r.problem(l.number, "the line continues nothing: "+clip(strings.TrimSpace(l.text)))
	default:
		r.problem(l.number, "unknown line, which Sendmail does not use: "+clip(l.text))
	}
}

func (r *reading) macro(l line, body string) {
	name, value := macroName(body)
	if name == "" {
		r.problem(l.number, "a macro without a name is not used: "+clip(body))
		return
	}
	value, _ = munch(value, 0)
	r.Macros[name] = Macro{Name: name, Value: value, Line: l.number}
}

// header reads "H?flags?Name: value" (chompheader in headers.c).
func (r *reading) header(l line, body string) {
	h := Header{Line: l.number}
	if strings.HasPrefix(body, "?") {
		end := strings.IndexByte(body[1:], '?')
		if end < 0 {
			r.problem(l.number, "a header line whose flags do not end is not used: "+clip(body))
			return
		}
		h.Flags, body = body[1:end+1], body[end+2:]
	}
	name, value, ok := strings.Cut(body, ":")
	if !ok {
		r.problem(l.number, "a header line without a colon is not used: "+clip(body))
		return
	}
	h.Name, h.Value = strings.TrimSpace(name), strings.TrimSpace(value)
	if rest, call := strings.CutPrefix(h.Value, "$>"); call {
		rest = strings.TrimPrefix(strings.TrimLeft(rest, blanks), "+")
		h.Ruleset, _ = leading(strings.TrimLeft(rest, blanks), func(c byte) bool { return isAlnum(c) || c == '_' })
	}
	r.Headers = append(r.Headers, h)
}

// Macro is the value of a macro as written; "" where it has none.
func (c *Config) Macro(name string) string { return c.Macros[name].Value }

// value is what a macro has while the file is read.
func (r *reading) value(name string) string {
	if m, ok := r.Macros[name]; ok {
		return m.Value
	}
	return r.given[name]
}

// expanded puts macros in place as they are at this line.
func (r *reading) expanded(list []piece, line int) []piece {
	if r.size > maxExpanded {
		return nil
	}
	m := macros{value: r.value}
	out := m.expand(list)
	r.size += m.size
	switch {
	case m.deep:
		r.problem(line, "macros name each other in a circle, or more than "+strconv.Itoa(maxDepth)+" deep")
	case m.long:
		r.problem(line, "macros expand to more text than is read")
	case r.size > maxExpanded:
		r.problem(line, "the macros of this file expand to more than is read: from here on they are not known")
	}
	return out
}

func (r *reading) text(list []piece, line int) string { return flat(r.expanded(list, line)) }

// Expand puts the values of macros into a text, as they are at the end of the
// file.
func (c *Config) Expand(text string, given Given) string {
	m := macros{value: func(name string) string {
		if v, ok := c.Macros[name]; ok {
			return v.Value
		}
		return given[name]
	}}
	return flat(m.expand(pieces(text)))
}
