package ucl

import (
	"iter"
	"strconv"
	"strings"

	"waxseal"
)

// Kind is what a value is.
type Kind uint8

// The kinds of value. Time is a number of seconds.
const (
	Null Kind = iota
	Object
	Array
	Int
	Float
	Time
	String
	Boolean
)

// Value is one value of a configuration.
type Value struct {
	Kind   Kind
	Key    string
	Source waxseal.Source
	// Priority is that of the file that sets it, 0 to 15.
	Priority int

	text   string
	number float64
	whole  int64 // of an Int
	yes    bool

	keys   []string
	fields map[string]*Value
	items  []*Value
	// next is the next of an implicit array: of values that stand under one key.
	next, last *Value
	inherited  bool
}

// Get is the value under a key, nil where there is none; of an implicit array it
// is the first.
func (v *Value) Get(key string) *Value {
	if v == nil {
		return nil
	}
	return v.fields[key]
}

// Path is the value that keys lead to, nil where they lead nowhere.
func (v *Value) Path(keys ...string) *Value {
	for _, k := range keys {
		v = v.Get(k)
	}
	return v
}

// Fields are the keys and values of a section, in the order in which they were
// first set.
func (v *Value) Fields() iter.Seq2[string, *Value] {
	return func(yield func(string, *Value) bool) {
		if v == nil {
			return
		}
		for _, k := range v.keys {
			if !yield(k, v.fields[k]) {
				return
			}
		}
	}
}

// Each gives the values of an implicit array, or the value itself.
func (v *Value) Each() iter.Seq[*Value] {
	return func(yield func(*Value) bool) {
		for ; v != nil; v = v.next {
			if !yield(v) {
				return
			}
		}
	}
}

// All gives the values of arrays of both sorts: what stands in brackets, and what
// stands under a key that is set several times.
func (v *Value) All() iter.Seq[*Value] {
	return func(yield func(*Value) bool) {
		for e := range v.Each() {
			if e.Kind != Array {
				if !yield(e) {
					return
				}
				continue
			}
			for _, item := range e.items {
				if !yield(item) {
					return
				}
			}
		}
	}
}

// Items are what stands in the brackets of an array.
func (v *Value) Items() []*Value {
	if v == nil {
		return nil
	}
	return v.items
}

// Len is how many keys a section has.
func (v *Value) Len() int {
	if v == nil {
		return 0
	}
	return len(v.keys)
}

// Text is a scalar as text, "" for a section, an array and nil.
func (v *Value) Text() string {
	switch {
	case v == nil:
		return ""
	case v.Kind == String:
		return v.text
	case v.Kind == Int:
		return strconv.FormatInt(v.whole, 10)
	case v.Kind == Float || v.Kind == Time:
		return strconv.FormatFloat(v.number, 'f', -1, 64)
	case v.Kind == Boolean:
		return strconv.FormatBool(v.yes)
	case v.Kind == Null:
		return "null"
	}
	return ""
}

// Number is a scalar as a number; ok is false where it is none. A number in quotes
// is one.
func (v *Value) Number() (n float64, ok bool) {
	switch {
	case v == nil:
		return 0, false
	case v.Kind == Int:
		return float64(v.whole), true
	case v.Kind == Float || v.Kind == Time:
		return v.number, true
	case v.Kind == String:
		n, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64)
		return n, err == nil
	}
	return 0, false
}

// Bool is a scalar as yes or no; ok is false where it is neither. rspamd takes
// numbers and text too (rspamd_rcl_parse_struct_boolean).
func (v *Value) Bool() (yes, ok bool) {
	switch {
	case v == nil:
		return false, false
	case v.Kind == Boolean:
		return v.yes, true
	case v.Kind == Int:
		return v.whole != 0, true
	case v.Kind == String:
		return parseBool(v.text)
	}
	return false, false
}

// Is reports whether the value is yes.
func (v *Value) Is(yes bool) bool {
	got, ok := v.Bool()
	return ok && got == yes
}

// Words are the texts of a list, however it is written: in brackets, under a key
// that is set several times, or with commas in one text.
func (v *Value) Words() []string {
	var list []string
	for e := range v.All() {
		for w := range strings.FieldsFuncSeq(e.Text(), func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }) {
			list = append(list, w)
		}
	}
	return list
}

// set puts a value under its key, in the place of what stood there.
func (v *Value) set(e *Value) {
	if v.fields == nil {
		v.fields = map[string]*Value{}
	}
	if _, ok := v.fields[e.Key]; !ok {
		v.keys = append(v.keys, e.Key)
	}
	v.fields[e.Key] = e
	e.next, e.last = nil, nil
}

// chain makes e the last of the implicit array that begins with v.
func (v *Value) chain(e *Value) {
	e.next, e.last = nil, nil
	if v.last == nil {
		v.next = e
	} else {
		v.last.next = e
	}
	v.last = e
}

// become makes the value a scalar or container of another kind.
func (v *Value) become(k Kind) {
	v.Kind = k
	v.text, v.number, v.whole, v.yes = "", 0, 0, false
	if k != Object {
		v.keys, v.fields = nil, nil
	}
	if k != Array {
		v.items = nil
	}
}
