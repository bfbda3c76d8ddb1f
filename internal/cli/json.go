package cli

import (
	"bufio"
	"io"
	"reflect"
	"runtime"
	"sync"
)

// manyElements is how long a list is that is written in portions of so many elements.
const manyElements = 256

// printJSON prints one document, indented as encoding/json does. A document of a large
// server has a hundred megabytes, of which no two copies are made: a long list in it is
// written in portions.
func (d *door) printJSON(v any) error {
	p := &printer{out: bufio.NewWriterSize(d.out, 1<<16)}
	if err := p.value(reflect.ValueOf(v), 0); err != nil {
		return err
	}
	p.out.WriteByte('\n') // its error stays until Flush
	return p.out.Flush()
}

// printer writes a document piece by piece.
type printer struct {
	out     *bufio.Writer // its error stays until Flush
	layouts layouts
	buffers sync.Pool // of *[]byte
}

// value writes what stands at a depth.
func (p *printer) value(v reflect.Value, depth int) error {
	switch {
	case !v.IsValid():
		_, err := io.WriteString(p.out, "null")
		return err
	case v.Kind() == reflect.Struct && plain(v.Type()):
		return p.fields(v, depth)
	case v.Kind() == reflect.Slice && v.Len() >= manyElements && !special(v.Type()):
		return p.list(v, depth)
	}
	piece := p.portion(func(b []byte) ([]byte, error) { return p.layouts.of(v.Type(), depth)(b, v) })
	return p.write(piece)
}

func (p *printer) fields(v reflect.Value, depth int) error {
	o := objectOf(&p.layouts, v.Type(), depth)
	end := "{}"
	for f, lead := range o.present(v) {
		p.out.WriteString(lead)
		if err := p.value(v.Field(f.index), depth+1); err != nil {
			return err
		}
		end = o.end
	}
	p.out.WriteString(end)
	return nil
}

// piece is a part of a document, ready to be written.
type piece struct {
	text *[]byte
	err  error
}

// portion makes a piece.
func (p *printer) portion(put func([]byte) ([]byte, error)) piece {
	b, ok := p.buffers.Get().(*[]byte)
	if !ok {
		b = new([]byte)
	}
	text, err := put((*b)[:0])
	*b = text
	return piece{b, err}
}

func (p *printer) write(x piece) error {
	if x.err == nil {
		p.out.Write(*x.text)
	}
	p.buffers.Put(x.text)
	return x.err
}

// list writes a long list. Its portions are made by all processors, and written in
// their order.
func (p *printer) list(v reflect.Value, depth int) (err error) {
	element := p.layouts.of(v.Type().Elem(), depth+1)
	lead := line(depth + 1)
	made := make(chan chan piece, runtime.GOMAXPROCS(0)-1)
	go func() {
		defer close(made)
		for from := 0; from < v.Len(); from += manyElements {
			one := make(chan piece, 1)
			made <- one
			go func() {
				one <- p.portion(func(b []byte) (_ []byte, err error) {
					for i := from; i < min(from+manyElements, v.Len()) && err == nil; i++ {
						b = append(append(b, between(i)...), lead...)
						b, err = element(b, v.Index(i))
					}
					return b, err
				})
			}()
		}
	}()
	for one := range made { // to the end, whatever happens: who makes them waits
		if failed := p.write(<-one); err == nil {
			err = failed
		}
	}
	p.out.WriteString(line(depth) + "]")
	return err
}

// between is what stands before an element of a list.
func between(i int) string {
	if i == 0 {
		return "["
	}
	return ","
}
