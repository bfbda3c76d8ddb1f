package readroom

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"
)

// What goes between the two processes is written value by value, as the Go types lie:
// both are the same program, and no field has a name on the way. Numbers are varints
// (encoding/binary), texts and lists have their length in front, a list that is nil is
// told from one that is empty, and a pointer is a list of none or one.
//
// The reader of it believes nothing: each length is held against what is there, and
// whatever it makes is paid from a budget before it is made.

var (
	errShort  = errors.New("it ends in the middle of a value")
	errBudget = errors.New("it would take more memory than it may")
	errText   = errors.New("a text is not valid UTF-8")
	errValue  = errors.New("a number is larger than its type")
	errDeep   = errors.New("its values lie in each other too deep")
)

var timeType = reflect.TypeFor[time.Time]()

// appendValue writes a value behind b.
func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(b, v.Uint())
	case reflect.String:
		return append(binary.AppendUvarint(b, uint64(v.Len())), v.String()...)
	case reflect.Slice:
		return appendList(b, v)
	case reflect.Map:
		return appendMap(b, v)
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return appendValue(append(b, 1), v.Elem())
	case reflect.Struct:
		return appendStruct(b, v)
	}
	panic("readroom: no way to write a " + v.Type().String()) // a mistake in our own types, and a test finds it
}

func appendList(b []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(v.Len())+1)
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return append(b, v.Bytes()...)
	}
	for i := range v.Len() {
		b = appendValue(b, v.Index(i))
	}
	return b
}

func appendMap(b []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(v.Len())+1)
	for it := v.MapRange(); it.Next(); {
		b = appendValue(appendValue(b, it.Key()), it.Value())
	}
	return b
}

func appendStruct(b []byte, v reflect.Value) []byte {
	if v.Type() == timeType {
		t, _ := v.Interface().(time.Time)
		return binary.AppendVarint(binary.AppendVarint(b, t.Unix()), int64(t.Nanosecond()))
	}
	for i := range v.NumField() {
		b = appendValue(b, v.Field(i))
	}
	return b
}

// decoder reads values from a message.
type decoder struct {
	rest   []byte
	budget int // bytes of memory that may still be made
	// raw says that texts may be anything: names of files are.
	raw   bool
	depth int // of structs in each other
}

// maxDepth is more than our types have, but for those that hold themselves.
const maxDepth = 32

// decode reads one value, which must be all of a message.
func decode(message []byte, budget int, raw rawTexts, into any) error {
	d := &decoder{rest: message, budget: budget, raw: bool(raw)}
	err := d.value(reflect.ValueOf(into).Elem())
	if err == nil && len(d.rest) > 0 {
		err = fmt.Errorf("%d bytes are left over", len(d.rest))
	}
	return err
}

// rawTexts says whether texts may be other than UTF-8.
type rawTexts bool

const (
	anyText   rawTexts = true
	cleanText rawTexts = false
)

func (d *decoder) spend(n int) error {
	if n > d.budget {
		return errBudget
	}
	d.budget -= n
	return nil
}

func (d *decoder) value(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Bool:
		n, err := d.length(1)
		v.SetBool(n == 1)
		return err
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return d.int(v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := d.uvarint()
		if err == nil && v.OverflowUint(n) {
			err = errValue
		}
		v.SetUint(n)
		return err
	case reflect.String:
		return d.text(v)
	case reflect.Slice:
		return d.list(v)
	case reflect.Map:
		return d.table(v)
	case reflect.Pointer:
		n, err := d.length(1)
		if err != nil || n == 0 {
			return err
		}
		if err := d.spend(int(v.Type().Elem().Size())); err != nil {
			return err
		}
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(v.Elem())
	case reflect.Struct:
		if d.depth++; d.depth > maxDepth {
			return errDeep
		}
		err := d.fields(v)
		d.depth--
		return err
	}
	panic("readroom: no way to read a " + v.Type().String())
}

func (d *decoder) uvarint() (uint64, error) {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		return 0, errShort
	}
	d.rest = d.rest[size:]
	return n, nil
}

func (d *decoder) varint() (int64, error) {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		return 0, errShort
	}
	d.rest = d.rest[size:]
	return n, nil
}

// length reads a number that is at most this.
func (d *decoder) length(most int) (int, error) {
	n, err := d.uvarint()
	if err == nil && n > uint64(most) {
		err = errShort
	}
	if err != nil {
		return 0, err
	}
	return int(n), nil
}

func (d *decoder) int(v reflect.Value) error {
	n, err := d.varint()
	if err == nil && v.OverflowInt(n) {
		err = errValue
	}
	v.SetInt(n)
	return err
}

// bytes takes a piece of the message.
func (d *decoder) bytes(n int) []byte {
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) text(v reflect.Value) error {
	n, err := d.length(len(d.rest))
	if err != nil {
		return err
	}
	if n > len(d.rest) { // the length itself took some of it
		return errShort
	}
	if err := d.spend(n); err != nil {
		return err
	}
	b := d.bytes(n)
	if !d.raw && !utf8.Valid(b) {
		return errText
	}
	v.SetString(string(b))
	return nil
}

// count reads how many elements a list has, of which each takes at least one byte of the
// message and this much memory; −1 is nil.
func (d *decoder) count(size int) (int, error) {
	n, err := d.length(len(d.rest) + 1)
	if err != nil || n == 0 {
		return -1, err
	}
	if n-1 > len(d.rest) {
		return 0, errShort
	}
	return n - 1, d.spend((n - 1) * size)
}

func (d *decoder) list(v reflect.Value) error {
	elem := v.Type().Elem()
	n, err := d.count(int(elem.Size()))
	if err != nil || n < 0 {
		return err
	}
	if elem.Kind() == reflect.Uint8 {
		v.SetBytes(append([]byte{}, d.bytes(n)...))
		return nil
	}
	list := reflect.MakeSlice(v.Type(), n, n)
	v.Set(list)
	for i := range n {
		if err := d.value(list.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) table(v reflect.Value) error {
	t := v.Type()
	const each = 64 // what a map takes beside its keys and values, at most
	n, err := d.count(int(t.Key().Size()+t.Elem().Size()) + each)
	if err != nil || n < 0 {
		return err
	}
	v.Set(reflect.MakeMapWithSize(t, n))
	for range n {
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		if err := errors.Join(d.value(key), d.value(value)); err != nil {
			return err
		}
		v.SetMapIndex(key, value)
	}
	return nil
}

func (d *decoder) fields(v reflect.Value) error {
	if v.Type() == timeType {
		return d.time(v)
	}
	for i := range v.NumField() {
		if err := d.value(v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) time(v reflect.Value) error {
	seconds, err := d.varint()
	if err != nil {
		return err
	}
	nanos, err := d.varint()
	if err == nil && (nanos < 0 || nanos >= int64(time.Second) || seconds < minTime || seconds > maxTime) {
		err = errValue
	}
	v.Set(reflect.ValueOf(time.Unix(seconds, nanos).UTC()))
	return err
}

// The years 0001 to 9999: JSON has no other (RFC 3339).
const minTime, maxTime = -62135596800, 253402300799
