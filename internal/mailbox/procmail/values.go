package procmail

import (
	"slices"
	"strings"

	"waxseal/internal/mailbox/possible"
)

// Value is a text as procmail may come to see it.
type Value = possible.Value

// variables holds what each variable can hold. One that has no entry is empty,
// but for what the command line and the last match gave.
type variables struct{ possible.Variables }

func (v *variables) get(name string) []Value {
	values, _ := v.Get(name)
	switch {
	case len(values) > 0:
		return values
	case len(name) == 1 && !isAlpha(name[0]) || name == "MATCH":
		return []Value{{Text: "$" + name}}
	}
	return []Value{{Known: true}}
}

// between parts the words of a value: a blank may be in a word.
const between = "\x00"

// expand gives every value that a text can have.
func (v *variables) expand(t Text) []Value {
	out := []Value{{Known: true}}
	for _, p := range t {
		out = possible.Product(out, v.piece(p))
	}
	return out
}

func (v *variables) piece(p Piece) []Value {
	switch p.Kind {
	case Literal:
		return []Value{{Text: p.Text, Known: true}}
	case Break:
		return []Value{{Text: between, Known: true}}
	case Command:
		return []Value{{Text: "`" + p.Text + "`"}}
	}
	values := v.get(p.Text)
	switch p.Or {
	case ":-", "-":
		if slices.ContainsFunc(values, func(x Value) bool { return x.Text == "" }) {
			return possible.Union(notEmpty(values), v.expand(p.Else))
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
			next = i + 1
		case c == '$' && !single:
			name, next = nameIn(line, next)
		}
		switch values := v.get(name); {
		case name == "":
			b.WriteString(line[i:next])
		case len(values) == 1 && values[0].Known && b.Len()+len(values[0].Text) <= possible.MaxText:
			b.WriteString(values[0].Text)
		default:
			known = false
			b.WriteString(line[i:next])
		}
		i = next
	}
	return Value{Text: b.String(), Known: known}
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
