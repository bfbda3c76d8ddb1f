package cli

import (
	"bufio"
	"bytes"
	"encoding"
	"encoding/json"
	"io"
	"reflect"
	"strings"
)

// manyElements is how long a list is whose elements are written one by one.
const manyElements = 256

// printJSON prints one document, indented as encoding/json does. A document of a large
// server has a hundred megabytes, of which no two copies are made: a long list in it is
// written element by element.
func (d *door) printJSON(v any) error {
	w := bufio.NewWriterSize(d.out, 1<<16)
	in := &indenter{w: w}
	if err := writeJSON(in, reflect.ValueOf(v)); err != nil {
		return err
	}
	w.WriteByte('\n') // its error stays until Flush
	return w.Flush()
}

// writeJSON writes what json.Marshal makes of a value.
func writeJSON(w io.Writer, v reflect.Value) error {
	switch {
	case !v.IsValid():
		_, err := io.WriteString(w, "null")
		return err
	case v.Kind() == reflect.Struct && plain(v.Type()):
		return writeStruct(w, v)
	case v.Kind() == reflect.Slice && v.Len() >= manyElements:
		return writeList(w, v)
	}
	return encode(w, &bytes.Buffer{}, v)
}

// encode writes a value at once.
func encode(w io.Writer, b *bytes.Buffer, v reflect.Value) error {
	b.Reset()
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if v.CanAddr() { // an element of a list is not copied
		v = v.Addr()
	}
	if err := enc.Encode(v.Interface()); err != nil {
		return err
	}
	_, err := w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return err
}

func writeList(w io.Writer, v reflect.Value) error {
	var b bytes.Buffer
	between := "["
	for i := range v.Len() {
		if _, err := io.WriteString(w, between); err != nil {
			return err
		}
		if err := encode(w, &b, v.Index(i)); err != nil {
			return err
		}
		between = ","
	}
	_, err := io.WriteString(w, "]")
	return err
}

// plain reports whether a struct has only fields whose names and omission writeStruct
// knows of: no embedded ones, no marshaller of its own.
func plain(t reflect.Type) bool {
	for _, own := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if reflect.PointerTo(t).Implements(own) {
			return false
		}
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

func writeStruct(w io.Writer, v reflect.Value) error {
	between := "{"
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if options == "omitempty" && empty(v.Field(i)) || options == "omitzero" && zero(v.Field(i)) {
			continue
		}
		if _, err := io.WriteString(w, between+`"`+name+`":`); err != nil {
			return err
		}
		if err := writeJSON(w, v.Field(i)); err != nil {
			return err
		}
		between = ","
	}
	if between == "{" {
		between = "{}"
	} else {
		between = "}"
	}
	_, err := io.WriteString(w, between)
	return err
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

// indenter writes JSON without white space so that people can read it, as json.Indent
// does with two blanks.
type indenter struct {
	w        *bufio.Writer
	depth    int
	inString bool
	escaped  bool // the character before, in a string, was a backslash
	opened   bool // the character before opened an object or a list
}

const blanks = "\n                                                                "

func (in *indenter) Write(p []byte) (int, error) {
	for i := 0; i < len(p); i++ {
		c := p[i]
		if in.inString {
			i += in.string(p[i:]) - 1
			continue
		}
		if in.opened && c != '}' && c != ']' {
			in.line()
		}
		was := in.opened
		in.opened = false
		switch c {
		case '"':
			in.inString = true
			in.w.WriteByte(c)
		case '{', '[':
			in.depth++
			in.opened = true
			in.w.WriteByte(c)
		case '}', ']':
			in.depth--
			if !was {
				in.line()
			}
			in.w.WriteByte(c)
		case ',':
			in.w.WriteByte(c)
			in.line()
		case ':':
			in.w.WriteString(": ")
		default:
			in.w.WriteByte(c)
		}
	}
	return len(p), nil // an error of the writer below stays until Flush
}

// string writes the rest of a string, as far as p has it, and returns its length.
func (in *indenter) string(p []byte) int {
	for i, c := range p {
		switch {
		case in.escaped:
			in.escaped = false
		case c == '\\':
			in.escaped = true
		case c == '"':
			in.inString = false
			in.w.Write(p[:i+1])
			return i + 1
		}
	}
	in.w.Write(p)
	return len(p)
}

func (in *indenter) line() {
	if n := 1 + 2*in.depth; n <= len(blanks) {
		in.w.WriteString(blanks[:n])
		return
	}
	in.w.WriteString("\n" + strings.Repeat("  ", in.depth))
}
