package stix

import (
	"slices"
	"strconv"
)

// Kind is what sort of JSON value it is (RFC 8259 §3).
type Kind uint8

// The kinds. Missing is that of a member that is not there.
const (
	Missing Kind = iota
	NullKind
	BoolKind
	NumberKind
	StringKind
	ArrayKind
	ObjectKind
)

var kindNames = [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}

func (k Kind) String() string { return kindNames[k] }

// Value is a JSON value as it was written: members keep their order.
type Value struct {
	Kind Kind
	// text is the string, decoded; or the number, "true" or "false" as written.
	text    string
	items   []Value
	members []Member
}

// Member is one member of a JSON object.
type Member struct {
	Name  string
	Value Value
}

// Text is the content of a string, and how a number or a boolean is written; "" for
// every other kind.
func (v Value) Text() string { return v.text }

// True reports whether the value is true.
func (v Value) True() bool { return v.Kind == BoolKind && v.text == "true" }

// Items are the elements of an array.
func (v Value) Items() []Value { return v.items }

// Members are the members of an object, in the order of the source.
func (v Value) Members() []Member { return v.members }

// Get returns a member of an object; its Kind is Missing where there is none.
func (v Value) Get(name string) Value {
	for i := range v.members {
		if v.members[i].Name == name {
			return v.members[i].Value
		}
	}
	return Value{}
}

// Texts are the strings of an array; what is no string is left out.
func (v Value) Texts() []string {
	var list []string
	for _, i := range v.items {
		if i.Kind == StringKind {
			list = append(list, i.text)
		}
	}
	return list
}

// Equal reports whether two values have the same content: members in any order,
// numbers by value.
func (v Value) Equal(w Value) bool {
	a, errA := v.Canonical(nil)
	b, errB := w.Canonical(nil)
	return v.Kind == w.Kind && errA == nil && errB == nil && slices.Equal(a, b)
}

// String is the value in canonical form, for people to compare; a string stands
// without quotes.
func (v Value) String() string {
	switch v.Kind {
	case Missing:
		return ""
	case StringKind:
		return v.text
	}
	b, err := v.Canonical(nil)
	if err != nil {
		return strconv.Quote(err.Error()) // a number beyond every bound
	}
	return string(b)
}

// MarshalJSON writes the value in canonical form.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.Kind == Missing {
		return []byte("null"), nil
	}
	return v.Canonical(nil)
}

// ObjectOf makes an object of members.
func ObjectOf(members []Member) Value { return Value{Kind: ObjectKind, members: members} }

// ArrayOf makes an array of values.
func ArrayOf(items []Value) Value { return Value{Kind: ArrayKind, items: items} }
