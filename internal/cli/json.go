package cli

import (
	"bufio"
	"bytes"
	"encoding"
	"encoding/json"
	"io"
	"reflect"
	"runtime"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// manyElements is how long a list is that is written in portions of so many elements.
const manyElements = 256

// step is by how much what stands inside is moved in.
const step = "  "

// layout is that of encoding/json's Encoder with two blanks, and < for <.
var layout = jsonv2.JoinOptions(jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false), jsontext.WithIndent(step))

// printJSON prints one document, indented as encoding/json does. A document of a large
// server has a hundred megabytes, of which no two copies are made: a long list in it is
// written in portions, which all processors make.
func (d *door) printJSON(v any) error {
	w := bufio.NewWriterSize(d.out, 1<<16)
	if err := writeJSON(w, reflect.ValueOf(v), 0); err != nil {
		return err
	}
	w.WriteByte('\n') // its error stays until Flush
	return w.Flush()
}

// writeJSON writes a value that stands at a depth.
func writeJSON(w *bufio.Writer, v reflect.Value, depth int) error {
	switch {
	case !v.IsValid():
		_, err := w.WriteString("null")
		return err
	case v.Kind() == reflect.Struct && plain(v.Type()):
		return writeStruct(w, v, depth)
	case v.Kind() == reflect.Slice && v.Len() >= manyElements && !special(v.Type()):
		return writeList(w, v, depth)
	}
	return jsonv2.MarshalWrite(w, whole(v), layoutAt(depth))
}

// layoutAt is the layout at a depth.
func layoutAt(depth int) jsonv2.Options {
	return jsonv2.JoinOptions(layout, jsontext.WithIndentPrefix(strings.Repeat(step, depth)))
}

// line begins a new one.
func line(depth int) string { return "\n" + strings.Repeat(step, depth) }

// whole is what is handed on for a value: an element of a list is not copied.
func whole(v reflect.Value) any {
	if v.CanAddr() {
		v = v.Addr()
	}
	return v.Interface()
}

// piece is a part of a document, ready to be written.
type piece struct {
	text *bytes.Buffer // one of pieces
	err  error
}

// pieces are the texts of portions, used again: a large document has hundreds, and each
// would grow from nothing.
var pieces = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// writeList writes a long list. Its portions are made by all processors, and written in
// their order.
func writeList(w *bufio.Writer, v reflect.Value, depth int) (err error) {
	made := make(chan chan piece, runtime.GOMAXPROCS(0)-1)
	go func() {
		defer close(made)
		for from := 0; from < v.Len(); from += manyElements {
			one := make(chan piece, 1)
			made <- one
			go func() { one <- portion(v.Slice(from, min(from+manyElements, v.Len())), depth) }()
		}
	}()
	begin := "["
	for one := range made { // to the end, whatever happens: who makes them waits
		p := <-one
		if err == nil {
			err = p.err
			w.WriteString(begin)
			w.Write(p.text.Bytes())
			begin = ","
		}
		pieces.Put(p.text)
	}
	w.WriteString(line(depth) + "]")
	return err
}

// portion makes some elements of a list that stands at a depth: it is a list of its own
// without the brackets.
func portion(v reflect.Value, depth int) piece {
	text := pieces.Get().(*bytes.Buffer)
	text.Reset()
	if err := jsonv2.MarshalWrite(text, v.Interface(), layoutAt(depth)); err != nil {
		return piece{text, err}
	}
	text.Next(len("["))
	text.Truncate(text.Len() - len(line(depth)+"]"))
	return piece{text, nil}
}

// special reports whether a type says itself how it is written.
func special(t reflect.Type) bool {
	for _, own := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if reflect.PointerTo(t).Implements(own) {
			return true
		}
	}
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 // base64
}

// plain reports whether a struct has only fields whose names and omission writeStruct
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

func writeStruct(w *bufio.Writer, v reflect.Value, depth int) error {
	between, end := "{", "{}"
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if options == "omitempty" && empty(v.Field(i)) || options == "omitzero" && zero(v.Field(i)) {
			continue
		}
		w.WriteString(between + line(depth+1) + `"` + name + `": `)
		if err := writeJSON(w, v.Field(i), depth+1); err != nil {
			return err
		}
		between, end = ",", line(depth)+"}"
	}
	_, err := io.WriteString(w, end)
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
