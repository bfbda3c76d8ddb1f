package calls

import (
	"strconv"
	"strings"
)

// Sort is what sort of value Perl has.
type Sort string

// The sorts of a value. Unknown is one that is worked out by code: its text is that
// code.
const (
	Scalar  Sort = "scalar"
	List    Sort = "list"
	Hash    Sort = "hash"
	Routine Sort = "routine" // \&name, sub { }, a pattern, an object that a function makes
	Undef   Sort = "undef"
	Unknown Sort = "unknown"
)

// Value is what a variable of Perl is set to.
type Value struct {
	Sort  Sort
	Text  string  // of a scalar, or the code
	Items []Value // of a list; of a hash key and value by turns
	Line  int
}

// Known reports whether nothing in the value is worked out by code.
func (v Value) Known() bool {
	if v.Sort == Unknown {
		return false
	}
	for _, item := range v.Items {
		if !item.Known() {
			return false
		}
	}
	return true
}

// Lookup is what a hash has under a key; the last of one name counts.
func (v Value) Lookup(key string) (Value, bool) {
	if v.Sort != Hash {
		return Value{}, false
	}
	for i := len(v.Items) - len(v.Items)%2 - 2; i >= 0; i -= 2 {
		if v.Items[i].Text == key {
			return v.Items[i+1], true
		}
	}
	return Value{}, false
}

// True reports whether Perl takes a value for true.
func (v Value) True() bool {
	switch v.Sort {
	case Undef, "":
		return false
	case Scalar:
		return v.Text != "" && v.Text != "0"
	}
	return true
}

// String writes a value as Perl would, on one line.
func (v Value) String() string {
	var b strings.Builder
	v.write(&b, 0)
	return b.String()
}

func (v Value) write(b *strings.Builder, depth int) {
	switch {
	case v.Sort == Undef || v.Sort == "":
		b.WriteString("undef")
	case depth > maxNesting || b.Len() > maxValue:
		b.WriteString("…")
	case v.Sort == List:
		v.writeItems(b, depth, "(", ")")
	case v.Sort == Hash:
		v.writeItems(b, depth, "{", "}")
	default:
		b.WriteString(v.Text)
	}
}

func (v Value) writeItems(b *strings.Builder, depth int, open, end string) {
	b.WriteString(open)
	for i, item := range v.Items {
		switch {
		case i > 0 && v.Sort == Hash && i%2 == 1:
			b.WriteString(" => ")
		case i > 0:
			b.WriteString(", ")
		}
		item.write(b, depth+1)
	}
	b.WriteString(end)
}

const (
	// maxNesting bounds lists inside lists.
	maxNesting = 32
	// maxValue bounds the text of a value.
	maxValue = 16 << 10
)

// number is the value of a scalar in arithmetic.
func (v Value) number() (float64, bool) {
	if v.Sort != Scalar {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(v.Text), "_", ""), 64)
	return n, err == nil
}

func ofNumber(n float64, line int) Value {
	return Value{Sort: Scalar, Text: strconv.FormatFloat(n, 'g', 15, 64), Line: line}
}

// set puts a value under keys of nested hashes, and returns the whole.
func (v Value) set(keys []string, to Value) Value {
	if len(keys) == 0 {
		return to
	}
	if v.Sort != Hash {
		v = Value{Sort: Hash, Line: to.Line}
	}
	items := append([]Value(nil), v.Items...)
	for i := 0; i+1 < len(items); i += 2 {
		if items[i].Text == keys[0] {
			items[i+1] = items[i+1].set(keys[1:], to)
			v.Items = items
			return v
		}
	}
	v.Items = append(items, Value{Sort: Scalar, Text: keys[0], Line: to.Line}, Value{}.set(keys[1:], to))
	return v
}
