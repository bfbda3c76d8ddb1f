package procmail

import (
	"slices"
	"strings"
)

// Value is a text as procmail may come to see it.
type Value struct {
	Text string
	// Known is false where the text depends on what no file tells: what a command
	// prints, an argument, what was found in the message. It has the names then:
	// "$1", "`date`".
	Known bool
}

const (
	// maxValues bounds what a variable is thought to be able to hold.
	maxValues = 8
	// maxValue bounds one value; procmail itself stops at LINEBUF, 2048.
	maxValue = 8192
)

// variables holds what each variable can hold. One that has no entry is empty.
type variables struct {
	values map[string][]Value
	// undo has, for each open branch, what the variables held before it that were
	// assigned within it.
	undo []map[string][]Value
}

func (v *variables) get(name string) []Value {
	switch {
	case len(v.values[name]) > 0:
		return v.values[name]
	case len(name) == 1 && !isAlpha(name[0]) || name == "MATCH":
		return []Value{{Text: "$" + name}}
	}
	return []Value{{Known: true}}
}

func (v *variables) set(name string, values []Value) {
	if n := len(v.undo); n > 0 {
		if _, saved := v.undo[n-1][name]; !saved {
			v.undo[n-1][name] = v.get(name)
		}
	}
	v.values[name] = values
}

// enter opens a branch that may or may not be taken.
func (v *variables) enter() { v.undo = append(v.undo, map[string][]Value{}) }

// leave closes a branch: what was assigned in it, its variables may hold now. One
// that another process took leaves nothing behind.
func (v *variables) leave(forget bool) {
	n := len(v.undo) - 1
	saved := v.undo[n]
	v.undo = v.undo[:n]
	for name, before := range saved {
		after := before
		if !forget {
			after = union(before, v.values[name])
		}
		v.values[name] = before
		v.set(name, after)
	}
}

// union keeps what came last where there is more than is kept.
func union(a, b []Value) []Value {
	out := slices.Clone(b)
	for _, v := range a {
		if !slices.Contains(out, v) && len(out) < maxValues {
			out = append(out, v)
		}
	}
	return out
}

// expand gives every value that a text can have.
func (v *variables) expand(t Text) []Value {
	out := []Value{{Known: true}}
	for _, p := range t {
		out = product(out, v.piece(p))
	}
	return out
}

func (v *variables) piece(p Piece) []Value {
	switch p.Kind {
	case Literal:
		return []Value{{p.Text, true}}
	case Break:
		return []Value{{" ", true}}
	case Command:
		return []Value{{Text: "`" + p.Text + "`"}}
	}
	values := v.get(p.Text)
	switch p.Or {
	case ":-", "-":
		if slices.ContainsFunc(values, func(x Value) bool { return x.Text == "" }) {
			return union(notEmpty(values), v.expand(p.Else))
		}
	case ":+", "+":
		if slices.ContainsFunc(values, func(x Value) bool { return x.Text != "" }) {
			return v.expand(p.Else)
		}
		return []Value{{Known: true}}
	}
	return values
}

func notEmpty(values []Value) []Value {
	return slices.DeleteFunc(slices.Clone(values), func(x Value) bool { return x.Text == "" })
}

func product(a, b []Value) []Value {
	if len(b) == 1 {
		for i := range a {
			a[i] = appended(a[i], b[0])
		}
		return a
	}
	var out []Value
	for _, x := range a {
		for _, y := range b {
			if len(out) < maxValues {
				out = append(out, appended(x, y))
			}
		}
	}
	return out
}

func appended(a, b Value) Value {
	if len(a.Text)+len(b.Text) > maxValue {
		return Value{Text: a.Text}
	}
	return Value{a.Text + b.Text, a.Known && b.Known}
}

// command gives a command line with the variables in it that have one known
// value; the shell gets them from the environment.
func (v *variables) command(line string) Value {
	line = unfold(line)
	var b strings.Builder
	known, single := true, false
	for i := 0; i < len(line); {
		c := line[i]
		name, next := "", i+1
		switch {
		case c == '\'':
			single = !single
		case c == '\\' && !single && next < len(line):
			b.WriteByte(c)
			i++
			c, next = line[i], i+1
		case c == '$' && !single:
			name, next = nameIn(line, next)
		}
		switch values := v.get(name); {
		case name == "":
			b.WriteString(line[i:next])
		case len(values) == 1 && values[0].Known && b.Len()+len(values[0].Text) <= maxValue:
			b.WriteString(values[0].Text)
		default:
			known = false
			b.WriteString(line[i:next])
		}
		i = next
	}
	return Value{b.String(), known}
}

// nameIn finds name or {name} at a place, and where it ends.
func nameIn(s string, i int) (string, int) {
	brace := i < len(s) && s[i] == '{'
	start := i
	if brace {
		start++
	}
	end := start
	for end < len(s) && isAlnum(s[end]) {
		end++
	}
	switch {
	case end == start:
		return "", i
	case !brace:
		return s[start:end], end
	case end < len(s) && s[end] == '}':
		return s[start:end], end + 1
	}
	return "", i
}
