// Package milterconf reads the configuration languages of mail filters written in
// C: those of OpenDKIM and OpenDMARC, of ClamAV's three programs, of
// milter-greylist and of milter-regex. It is handed text and says which values
// count, and what the program would refuse to start with.
//
// The formats are those of opendkim.conf(5), opendmarc.conf(5), clamd.conf(5),
// clamav-milter.conf(5), freshclam.conf(5), greylist.conf(5) and milter-regex(8),
// with what the programs do where the pages are silent. It does not say what a
// value does to mail.
package milterconf

import (
	"strconv"
	"strings"

	"waxseal"
)

// Type is what a parameter of OpenDKIM or OpenDMARC takes.
type Type byte

// The types of parameter.
const (
	Text Type = iota
	Boolean
	Number
	Include
)

// Grammar is the language of one program of the Trusted Domain Project: a parameter
// and its value on each line, and what follows a hash is a comment.
type Grammar struct {
	parameters map[string]parameter
	// longest is how much of a line is read as one: what is beyond is another line.
	longest int
	// returns says that a carriage return ends a line.
	returns bool
	built   map[string]bool
}

// parameter is a row of a table: what must have been compiled in, if anything.
type parameter struct {
	name  string
	kind  Type
	build string
}

// Entry is one line that counts.
type Entry struct {
	// Name is spelled as its documentation spells it.
	Name string
	// Value has the type's own spelling: "true" or "false", a decimal number.
	Value  string
	Source waxseal.Source
}

// Refusal is why a program does not start. The daemon that runs goes on as it was.
type Refusal struct {
	Source waxseal.Source
	Reason string
	// Missing says that it is about a file that is not there. The tree may be a part of
	// a host.
	Missing bool
}

// Config is a configuration as its program takes it.
type Config struct {
	Entries []Entry
	// Includes are the files that lines named, each with the line.
	Includes []Entry
	// Refusals begin with the one that the program tells; it goes no further.
	Refusals []Refusal
}

const (
	deepest    = 5   // levels of Include (opendkim.conf(5))
	mostFiles  = 200 // files of one configuration
	mostValues = 20_000
)

// Load reads a configuration and what it includes. read gives the text of a file.
func (g Grammar) Load(p waxseal.Path, read func(waxseal.Path) (string, bool)) Config {
	l := loader{Grammar: g, read: read}
	l.file(string(p), waxseal.Source{Path: p}, 0)
	return l.config
}

type loader struct {
	Grammar
	read   func(waxseal.Path) (string, bool)
	config Config
	files  int
}

func (l *loader) refuse(at waxseal.Source, reason string) {
	if len(l.config.Refusals) < 100 {
		l.config.Refusals = append(l.config.Refusals, Refusal{Source: at, Reason: reason})
	}
}

func (l *loader) file(name string, from waxseal.Source, level int) {
	p := absolute(name)
	l.files++
	switch {
	case level > deepest:
		l.refuse(from, "nesting too deep")
		return
	case l.files > mostFiles:
		l.refuse(from, "more files than are read")
		return
	}
	text, ok := l.read(p)
	if !ok {
		l.refuse(waxseal.Source{Path: p}, "error reading configuration file")
		return
	}
	n := 0
	for line := range strings.Lines(text) {
		for _, part := range l.pieces(strings.TrimSuffix(line, "\n")) {
			n++
			l.line(part, waxseal.Source{Path: p, Line: n}, level)
		}
		if len(l.config.Entries) >= mostValues {
			l.refuse(waxseal.Source{Path: p, Line: n}, "more parameters than are read")
			return
		}
	}
}

// pieces splits a line where the program's buffer ends.
func (g Grammar) pieces(line string) []string {
	if g.longest == 0 || len(line) < g.longest {
		return []string{line}
	}
	var list []string
	for len(line) > g.longest {
		list, line = append(list, line[:g.longest]), line[g.longest:]
	}
	return append(list, line)
}

const blanks = " \t"

// line takes one line; what is wrong with it does not keep the others from being
// looked at.
func (l *loader) line(line string, at waxseal.Source, level int) {
	ends := "#\x00"
	if l.returns {
		ends += "\r"
	}
	if i := strings.IndexAny(line, ends); i >= 0 {
		line = line[:i]
	}
	line = strings.Trim(line, blanks)
	if line == "" {
		return
	}
	name, value := line, ""
	if i := strings.IndexAny(line, blanks); i >= 0 {
		name, value = line[:i], strings.Trim(line[i:], blanks)
	}
	row, known := l.parameters[strings.ToLower(name)]
	switch {
	case !known || row.build != "" && l.built != nil && !l.built[row.build]:
		l.refuse(at, "unrecognized parameter")
		return
	case value == "":
		l.refuse(at, "required value missing")
		return
	}
	value, ok := row.kind.value(value)
	if !ok {
		l.refuse(at, "illegal value")
		return
	}
	e := Entry{row.name, value, at}
	if row.kind == Include {
		l.config.Includes = append(l.config.Includes, e)
		l.file(value, at, level+1)
		return
	}
	l.config.Entries = append(l.config.Entries, e)
}

// value gives a value the spelling of its type.
func (t Type) value(s string) (value string, ok bool) {
	switch t {
	case Boolean:
		switch s[0] {
		case 't', 'T', 'y', 'Y', '1':
			return "true", true
		case 'f', 'F', 'n', 'N', '0':
			return "false", true
		}
		return "", false
	case Number:
		n, rest := strtol(s)
		return strconv.Itoa(int(int32(n))), rest == ""
	}
	return s, true
}

// strtol reads a number as strtol(3) does with base 0, and gives what is behind it.
func strtol(s string) (n int64, rest string) {
	digits := strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	base := 10
	switch {
	case len(digits) > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') && digit(digits[2]) < 16:
		base, digits = 16, digits[2:]
	case strings.HasPrefix(digits, "0"):
		base = 8
	}
	i := 0
	for i < len(digits) && digit(digits[i]) < base {
		i++
	}
	if i == 0 {
		return 0, s
	}
	n, _ = strconv.ParseInt(digits[:i], base, 64) // too large a number is the largest
	if negative {
		n = -n
	}
	return n, digits[i:]
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return 99
}

// Get returns the entry that counts, the last one of its name.
func (c Config) Get(name string) (Entry, bool) {
	for i := len(c.Entries) - 1; i >= 0; i-- {
		if strings.EqualFold(c.Entries[i].Name, name) {
			return c.Entries[i], true
		}
	}
	return Entry{}, false
}

// Value is the text that counts, "" where nothing is said.
func (c Config) Value(name string) string {
	e, _ := c.Get(name)
	return e.Value
}

// Yes reports whether a parameter is said to be true.
func (c Config) Yes(name string) bool { return c.Value(name) == "true" }

// Effective are the entries that count, in the order in which they are written.
func (c Config) Effective() []Entry {
	last := map[string]int{}
	for i, e := range c.Entries {
		last[e.Name] = i
	}
	var list []Entry
	for i, e := range c.Entries {
		if last[e.Name] == i {
			list = append(list, e)
		}
	}
	return list
}
