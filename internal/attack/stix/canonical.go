package stix

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Canonical appends the value in the form of RFC 8785 (JSON Canonicalization
// Scheme): no white space, members sorted by the UTF-16 units of their names,
// numbers as ECMAScript writes them, strings with as few escapes as JSON allows.
func (v Value) Canonical(to []byte) ([]byte, error) {
	switch v.Kind {
	case StringKind:
		return appendString(to, v.text), nil
	case NumberKind:
		return appendNumber(to, v.text)
	case ArrayKind:
		return v.canonicalArray(to)
	case ObjectKind:
		return v.canonicalObject(to)
	case BoolKind:
		return append(to, v.text...), nil
	}
	return append(to, "null"...), nil
}

func (v Value) canonicalArray(to []byte) (_ []byte, err error) {
	to = append(to, '[')
	for i, item := range v.items {
		if i > 0 {
			to = append(to, ',')
		}
		if to, err = item.Canonical(to); err != nil {
			return to, err
		}
	}
	return append(to, ']'), nil
}

func (v Value) canonicalObject(to []byte) (_ []byte, err error) {
	members := v.members
	byName := func(a, b Member) int { return compareUTF16(a.Name, b.Name) }
	if !slices.IsSortedFunc(members, byName) {
		members = slices.Clone(members)
		slices.SortFunc(members, byName)
	}
	to = append(to, '{')
	for i, m := range members {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(appendString(to, m.Name), ':')
		if to, err = m.Value.Canonical(to); err != nil {
			return to, err
		}
	}
	return append(to, '}'), nil
}

// compareUTF16 orders by UTF-16 code units (RFC 8785 §3.2.3). That is the order of
// the code points, but for those above U+FFFF, whose units are surrogates and come
// before U+E000 to U+FFFF.
func compareUTF16(a, b string) int {
	for a != "" && b != "" {
		r, n := utf8.DecodeRuneInString(a)
		s, m := utf8.DecodeRuneInString(b)
		if r != s {
			if high := r > 0xffff; high != (s > 0xffff) {
				if high {
					return cmp.Compare(0xd800, s)
				}
				return cmp.Compare(r, 0xd800)
			}
			return cmp.Compare(r, s)
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

// shortEscapes are the escapes of two characters (RFC 8785 §3.2.2.2).
var shortEscapes = map[byte]byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\'}

func appendString(to []byte, s string) []byte {
	to = append(to, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		to = append(to, s[from:i]...)
		if short, ok := shortEscapes[c]; ok {
			to = append(to, '\\', short)
		} else {
			to = fmt.Appendf(to, `\u%04x`, c)
		}
		from = i + 1
	}
	return append(append(to, s[from:]...), '"')
}

// appendNumber writes a number as ECMAScript's Number::toString does, which
// RFC 8785 §3.2.2.3 asks for: the shortest digits that give the same double, with
// an exponent below 1e-6 and from 1e21 on.
func appendNumber(to []byte, text string) ([]byte, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return to, fmt.Errorf("number %.40s is too large for a canonical form", text)
	}
	if f == 0 {
		return append(to, '0'), nil // also -0
	}
	if size := math.Abs(f); size >= 1e-6 && size < 1e21 {
		return strconv.AppendFloat(to, f, 'f', -1, 64), nil
	}
	digits := strconv.AppendFloat(nil, f, 'e', -1, 64)
	digits = bytes.Replace(digits, []byte("e-0"), []byte("e-"), 1) // Go pads the exponent to two digits
	digits = bytes.Replace(digits, []byte("e+0"), []byte("e+"), 1)
	return append(to, digits...), nil
}
