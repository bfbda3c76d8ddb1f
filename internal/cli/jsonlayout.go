package cli

import (
	"bytes"
	"encoding"
	"encoding/json"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// layout appends a value of one type as encoding/json writes it at one depth, indented
// by two blanks and without escaping for HTML.
type layout func(b []byte, v reflect.Value) ([]byte, error)

// layouts are made once for each type and depth. They may be asked for by several
// goroutines.
type layouts struct{ made sync.Map }

type typeAt struct {
	reflect.Type
	depth int
}

// of returns the layout of a type. It knows those of which the documents of large
// servers consist; the rest is left to encoding/json.
func (l *layouts) of(t reflect.Type, depth int) layout {
	at := typeAt{t, depth}
	if known, ok := l.made.Load(at); ok {
		return known.(layout)
	}
	made := l.make(t, depth)
	l.made.Store(at, made)
	return made
}

func (l *layouts) make(t reflect.Type, depth int) layout {
	switch {
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && !t.Implements(reflect.TypeFor[json.Marshaler]()) && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface:
		return text
	case special(t):
		return leave(depth)
	}
	switch t.Kind() {
	case reflect.String:
		return func(b []byte, v reflect.Value) ([]byte, error) { return appendString(b, v.String()) }
	case reflect.Bool:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(b, v.Bool()), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(b, v.Int(), 10), nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendUint(b, v.Uint(), 10), nil }
	case reflect.Pointer:
		return l.pointer(t, depth)
	case reflect.Slice:
		return l.list(t, depth)
	case reflect.Map:
		if t.Key().Kind() == reflect.String && !special(t.Key()) {
			return l.object(t, depth)
		}
	case reflect.Struct:
		if plain(t) {
			return l.fields(t, depth)
		}
	}
	return leave(depth)
}

// special reports whether a type says itself how it is written, or is written as
// something else than what it is: bytes.
func special(t reflect.Type) bool {
	for _, own := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if t.Implements(own) || reflect.PointerTo(t).Implements(own) {
			return true
		}
	}
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 || t == reflect.TypeFor[json.Number]()
}

// text is the layout of what turns itself into text.
func text(b []byte, v reflect.Value) ([]byte, error) {
	said, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return b, err
	}
	return appendString(b, string(said))
}

// leave leaves a value to encoding/json.
func leave(depth int) layout {
	return func(b []byte, v reflect.Value) ([]byte, error) {
		if v.CanAddr() { // an element of a list is not copied
			v = v.Addr()
		}
		var plain, indented bytes.Buffer
		enc := json.NewEncoder(&plain)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v.Interface()); err != nil {
			return b, err
		}
		err := json.Indent(&indented, bytes.TrimSuffix(plain.Bytes(), []byte("\n")), strings.Repeat("  ", depth), "  ")
		return append(b, indented.Bytes()...), err
	}
}

func (l *layouts) pointer(t reflect.Type, depth int) layout {
	return func(b []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return l.of(t.Elem(), depth)(b, v.Elem()) // asked for late: a type may hold itself
	}
}

func (l *layouts) list(t reflect.Type, depth int) layout {
	lead, end := line(depth+1), line(depth)+"]"
	return func(b []byte, v reflect.Value) (_ []byte, err error) {
		switch n := v.Len(); {
		case v.IsNil():
			return append(b, "null"...), nil
		case n == 0:
			return append(b, "[]"...), nil
		}
		element := l.of(t.Elem(), depth+1)
		for i := range v.Len() {
			b = append(append(b, between(i)...), lead...)
			if b, err = element(b, v.Index(i)); err != nil {
				return b, err
			}
		}
		return append(b, end...), nil
	}
}

// object is the layout of a map: its keys are sorted.
func (l *layouts) object(t reflect.Type, depth int) layout {
	lead, end := line(depth+1), line(depth)+"}"
	return func(b []byte, v reflect.Value) (_ []byte, err error) {
		switch {
		case v.IsNil():
			return append(b, "null"...), nil
		case v.Len() == 0:
			return append(b, "{}"...), nil
		}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		element := l.of(t.Elem(), depth+1)
		before := byte('{')
		for _, k := range keys {
			b = append(append(b, before), lead...)
			before = ','
			if b, err = appendString(b, k.String()); err != nil {
				return b, err
			}
			if b, err = element(append(b, ": "...), v.MapIndex(k)); err != nil {
				return b, err
			}
		}
		return append(b, end...), nil
	}
}

// fields is the layout of a plain struct.
func (l *layouts) fields(t reflect.Type, depth int) layout {
	o := objectOf(l, t, depth)
	return func(b []byte, v reflect.Value) (_ []byte, err error) {
		end := "{}"
		for f, lead := range o.present(v) {
			if b, err = f.layout(append(b, lead...), v.Field(f.index)); err != nil {
				return b, err
			}
			end = o.end
		}
		return append(b, end...), nil
	}
}

// object is how the fields of a struct are laid out.
type object struct {
	fields []field
	end    string
}

type field struct {
	index  int
	first  string // `{`, and a line that begins with `"name": `
	next   string // the same with a comma
	layout layout
	omit   func(reflect.Value) bool // nil for never
}

// present are the fields of a struct that are not left out, each with what stands
// before it.
func (o *object) present(v reflect.Value) iter.Seq2[*field, string] {
	return func(yield func(*field, string) bool) {
		any := false
		for i := range o.fields {
			f := &o.fields[i]
			if f.omit != nil && f.omit(v.Field(f.index)) {
				continue
			}
			lead := f.next
			if !any {
				lead = f.first
			}
			any = true
			if !yield(f, lead) {
				return
			}
		}
	}
}

func objectOf(l *layouts, t reflect.Type, depth int) *object {
	o := &object{end: line(depth) + "}"}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		lead := line(depth+1) + `"` + name + `": `
		f := field{index: i, first: "{" + lead, next: "," + lead, layout: l.of(t.Field(i).Type, depth+1)}
		switch options {
		case "omitempty":
			f.omit = empty
		case "omitzero":
			f.omit = zero
		}
		o.fields = append(o.fields, f)
	}
	return o
}

// plain reports whether a struct has only fields whose names and omission objectOf
// knows of: no embedded ones, no marshaller of its own.
func plain(t reflect.Type) bool {
	if special(t) {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" || name == "-" || options != "" && options != "omitempty" && options != "omitzero" {
			return false
		}
	}
	return t.NumField() > 0
}

// empty is what omitempty leaves out (encoding/json, Marshal).
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func zero(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

func line(depth int) string { return "\n" + strings.Repeat("  ", depth) }

// appendString appends a string in quotes. What has anything to be escaped is left to
// encoding/json.
func appendString(b []byte, s string) ([]byte, error) {
	if !asItIs(s) {
		var quoted bytes.Buffer
		enc := json.NewEncoder(&quoted)
		enc.SetEscapeHTML(false)
		err := enc.Encode(s)
		return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...), err
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"'), nil
}

// asItIs reports whether nothing in a string has to be escaped in JSON: no control
// characters, quotes and backslashes, and of what is not ASCII nothing that is broken or
// that JavaScript takes for the end of a line.
func asItIs(s string) bool {
	wide := false
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == '"' || c == '\\':
			return false
		case c >= utf8.RuneSelf:
			wide = true
		}
	}
	return !wide || utf8.ValidString(s) && !strings.ContainsAny(s, "\u2028\u2029")
}
