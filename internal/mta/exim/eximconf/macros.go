package eximconf

import (
	_ "embed"
	"slices"
	"sort"
	"strings"
	"sync"
)

// builtinText has the macros that Exim defines itself, in its order, as
// "exim -bP macros" of release 4.96 with all features prints them: "_HAVE_SPF".
// One without a value stands for "y".
//
//go:embed builtin.txt
var builtinText string

var builtin = sync.OnceValue(func() []Macro {
	var list []Macro
	for line := range strings.Lines(builtinText) {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\n"), "=")
		if !ok {
			value = "y"
		}
		list = append(list, Macro{Name: name, Value: value})
	}
	return list
})

const (
	// maxMacros bounds the definitions of one configuration.
	maxMacros = 20_000
	// maxName is the longest name of a macro or driver (EXIM_DRIVERNAME_MAX).
	maxName = 64
	// maxAgain bounds how much is looked at again for macros in macros.
	maxAgain = 16 << 20
)

// macros are the definitions in force, in the order of their definition: each
// looks for its name in what those before it left.
type macros struct {
	defined []macro
	index   map[string]int
	lengths []int // those that names have, in order
	// starts has the lengths of names by their first two bytes.
	starts map[[2]byte][]int
	again  int // bytes that were looked at more than once, because macros were found
}

type macro struct {
	Macro
	commandLine bool
	builtin     bool
}

func newMacros(defines map[string]string) *macros {
	m := &macros{index: map[string]int{}, starts: map[[2]byte][]int{}}
	for _, b := range builtin() {
		m.add(macro{Macro: b, builtin: true})
	}
	names := make([]string, 0, len(defines))
	for name := range defines {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		m.add(macro{Macro: Macro{Name: name, Value: defines[name]}, commandLine: true})
	}
	return m
}

func (m *macros) add(d macro) {
	m.index[d.Name] = len(m.defined)
	m.defined = append(m.defined, d)
	m.lengths = withLength(m.lengths, len(d.Name))
	m.starts[startOf(d.Name)] = withLength(m.starts[startOf(d.Name)], len(d.Name))
}

// withLength puts a number into a list in order, once.
func withLength(list []int, n int) []int {
	if i := sort.SearchInts(list, n); i == len(list) || list[i] != n {
		return slices.Insert(list, i, n)
	}
	return list
}

// startOf are the first two bytes of a name, or of a text from a place on.
func startOf(s string) [2]byte {
	if len(s) < 2 {
		return [2]byte{s[0]}
	}
	return [2]byte{s[0], s[1]}
}

// list gives the macros that are no built-in ones.
func (m *macros) list() []Macro {
	var list []Macro
	for _, d := range m.defined {
		if !d.builtin {
			list = append(list, d.Macro)
		}
	}
	return list
}

// define reads "NAME = text" or "NAME == text"; a message says why Exim would
// stop (readconf.c macro_read_assignment).
func (m *macros) define(line Line) (message string) {
	name, rest := readName(line.Text)
	rest = strings.TrimLeft(rest, blanks)
	value, ok := strings.CutPrefix(rest, "=")
	switch {
	case !ok:
		return "malformed macro definition"
	case len(name) >= maxName:
		return "the name of a macro is too long"
	case len(m.defined) >= maxMacros:
		return "more macros than are read"
	}
	value, redefine := strings.CutPrefix(value, "=")
	value = strings.TrimLeft(value, blanks)
	i, known := m.index[name]
	switch {
	case known && m.defined[i].commandLine:
		return ""
	case known && !redefine:
		return "macro " + name + " is already defined"
	case !known && redefine:
		return "an undefined macro can't be redefined: " + name
	case known:
		m.defined[i].Value, m.defined[i].Place = value, line.Place
		return ""
	}
	if other := m.inside(name); other != "" {
		return "macro " + name + " can't be defined, because " + other + " is a part of its name"
	}
	m.add(macro{Macro: Macro{Place: line.Place, Name: name, Value: value}})
	return ""
}

// inside finds a macro whose name is a part of another name.
func (m *macros) inside(name string) string {
	for i := range name {
		for _, n := range m.lengths {
			if i+n > len(name) || n == len(name) {
				break
			}
			if _, ok := m.index[name[i:i+n]]; ok {
				return name[i : i+n]
			}
		}
	}
	return ""
}

// startsMacro reports whether a name of a macro can start at a place in a text:
// a capital, or one behind an underscore.
func startsMacro(s string, i int) bool {
	return isUpper(s[i]) || s[i] == '_' && i+1 < len(s) && isUpper(s[i+1])
}

func firstStart(s string) int {
	for i := range len(s) {
		if startsMacro(s, i) {
			return i
		}
	}
	return len(s)
}

// expand replaces macros in a physical line. The name of a macro that the line
// defines is not replaced, nor is what a macro brought searched for that macro
// again (readconf.c macros_expand). limit bounds the length of what comes out;
// over says that it was met, or
// that macros in macros take too long.
func (m *macros) expand(line string, defining bool, limit int) (out string, found, over bool) {
	from := 0
	if defining {
		from = definitionEnd(line)
	}
	first := from + firstStart(line[from:])
	if first == len(line) {
		return line, false, false
	}
	next := 0
	if line[first] != '_' {
		next = len(builtin()) // the built-in ones are looked for only where the first may be one
	}
	for {
		i := m.first(line[from:], next)
		if i < 0 {
			return line, found, false
		}
		d := m.defined[i]
		m.again += len(line)
		if grown := len(line) + strings.Count(line[from:], d.Name)*(len(d.Value)-len(d.Name)); grown > limit || m.again > maxAgain {
			return line, true, true
		}
		line, found, next = line[:from]+strings.ReplaceAll(line[from:], d.Name, d.Value), true, i+1
	}
}

// first finds the macro that comes first in order, from a place in the order on,
// among those whose name a text holds; -1 if there is none.
func (m *macros) first(s string, from int) int {
	best := -1
	for i := 0; i < len(s); i++ {
		if !startsMacro(s, i) {
			continue
		}
		for _, start := range [2][2]byte{startOf(s[i:]), {s[i]}} {
			for _, n := range m.starts[start] {
				if i+n > len(s) {
					break
				}
				if at, ok := m.index[s[i:i+n]]; ok && at >= from && (best < 0 || at < best) {
					best = at
				}
			}
		}
	}
	return best
}

// definitionEnd is where "NAME =" ends, 0 where a line does not start so.
func definitionEnd(line string) int {
	if line == "" || !isUpper(line[0]) {
		return 0
	}
	i := 0
	for i < len(line) && isNameByte(line[i]) {
		i++
	}
	for i < len(line) && isSpace(line[i]) {
		i++
	}
	if i < len(line) && line[i] == '=' {
		return i
	}
	return 0
}
