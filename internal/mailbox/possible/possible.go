// Package possible holds what the variables of a mail filter can hold where nobody
// runs it: a variable that is set in one branch has the value of before or that
// one, and a rule that uses it does either.
//
// It is shared by the readers of filter languages. It knows none of them, and
// bounds how many values it remembers.
package possible

import "slices"

// Value is a text as a filter may come to see it.
type Value struct {
	Text string
	// Known is false where the text depends on what no file tells: what a command
	// prints, an argument, what was found in the message. It has the names then:
	// "$1", "`date`".
	Known bool
}

const (
	// MaxValues bounds what a variable is thought to be able to hold.
	MaxValues = 8
	// MaxText bounds one value.
	MaxText = 8192
)

// Variables holds what each variable can hold.
type Variables struct {
	values map[string][]Value
	// undo has, for each open branch, what the variables held before it that were
	// assigned within it.
	undo []map[string]held
}

type held struct {
	values []Value
	ok     bool
}

// Get gives what a variable can hold, the latest first; ok is false where it was
// never set.
func (v *Variables) Get(name string) (values []Value, ok bool) {
	values, ok = v.values[name]
	return values, ok
}

// Set lets a variable hold one of some values.
func (v *Variables) Set(name string, values ...Value) {
	if v.values == nil {
		v.values = map[string][]Value{}
	}
	if n := len(v.undo); n > 0 {
		if _, saved := v.undo[n-1][name]; !saved {
			before, ok := v.values[name]
			v.undo[n-1][name] = held{before, ok}
		}
	}
	v.values[name] = values
}

// Enter opens a branch that may or may not be taken.
func (v *Variables) Enter() { v.undo = append(v.undo, map[string]held{}) }

// Leave closes a branch: its variables may hold what was assigned in it, or what
// they held before.
func (v *Variables) Leave() {
	n := len(v.undo) - 1
	saved := v.undo[n]
	v.undo = v.undo[:n]
	for name, before := range saved {
		now := v.values[name]
		if v.values[name] = before.values; !before.ok {
			delete(v.values, name)
			before.values = []Value{{Known: true}}
		}
		v.Set(name, Union(before.values, now)...)
	}
}

// Union keeps what came last, b, where there is more than is kept.
func Union(a, b []Value) []Value {
	out := slices.Clone(b)
	for _, v := range a {
		if !slices.Contains(out, v) && len(out) < MaxValues {
			out = append(out, v)
		}
	}
	return out
}

// Product writes each of b behind each of a.
func Product(a, b []Value) []Value {
	var out []Value
	for _, x := range a {
		for _, y := range b {
			if len(out) < MaxValues {
				out = append(out, joined(x, y))
			}
		}
	}
	return out
}

func joined(a, b Value) Value {
	if len(a.Text)+len(b.Text) > MaxText {
		return Value{Text: a.Text}
	}
	return Value{a.Text + b.Text, a.Known && b.Known}
}
