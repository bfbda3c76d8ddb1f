package policy

import (
	"slices"
	"strings"
)

// takes says whether an option of a command line has a value.
type takes int

const (
	nothing takes = iota
	value
	maybe // it may
)

// grammar is how a program reads its command line, with Getopt::Long of Perl. Each
// option has its names, of which the first is the one that is told: "file|f".
type grammar struct {
	options map[string]takes
	// bundled: a single dash begins options of one letter, and long ones may be
	// shortened; without it a single dash is as good as two, no option may be
	// shortened, and the first word that is no option ends them.
	bundled bool
}

// given is one option of a command line.
type given struct{ name, value string }

// parse reads the words behind the name of a program.
func (g grammar) parse(argv []string) []given {
	var list []given
	for i := 0; i < len(argv) && len(list) < 10_000; i++ {
		word := argv[i]
		if word == "--" {
			break
		}
		if len(word) < 2 || word[0] != '-' {
			if g.bundled {
				continue
			}
			break
		}
		for _, one := range g.split(word) {
			if one.kind == value && !one.has && i+1 < len(argv) || one.kind == maybe && !one.has && i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-") {
				i++
				one.value, one.has = argv[i], true
			}
			if one.kind == value && !one.has {
				continue
			}
			list = append(list, one.given)
		}
	}
	return list
}

// found is an option as a word gives it.
type found struct {
	given
	kind takes
	has  bool // the value stands in the same word
}

// split finds the options of one word: several where letters are bundled.
func (g grammar) split(word string) []found {
	long, ok := strings.CutPrefix(word, "--")
	if !ok && !g.bundled {
		long, ok = word[1:], true
	}
	if ok {
		name, v, has := strings.Cut(long, "=")
		if key, kind, known := g.find(name); known {
			return []found{{given{key, v}, kind, has}}
		}
		return nil
	}
	var list []found
	for at := 1; at < len(word); at++ {
		key, kind, known := g.find(word[at : at+1])
		if !known {
			continue
		}
		one := found{given: given{name: key}, kind: kind}
		if kind != nothing && at+1 < len(word) {
			one.value, one.has = strings.TrimPrefix(word[at+1:], "="), true
			at = len(word)
		}
		list = append(list, one)
	}
	return list
}

// find looks an option up by its name, or by the beginning of one only.
func (g grammar) find(name string) (key string, kind takes, ok bool) {
	var begun []string
	for names, kind := range g.options {
		list := strings.Split(names, "|")
		if slices.Contains(list, name) {
			return list[0], kind, true
		}
		if slices.ContainsFunc(list, func(n string) bool { return len(n) > 1 && len(name) > 1 && strings.HasPrefix(n, name) }) {
			begun = append(begun, names)
		}
	}
	if len(begun) != 1 || !g.bundled {
		return "", nothing, false
	}
	return strings.Split(begun[0], "|")[0], g.options[begun[0]], true
}

// last is the last value of an option.
func last(list []given, name, otherwise string) string {
	for _, g := range slices.Backward(list) {
		if g.name == name {
			return g.value
		}
	}
	return otherwise
}
