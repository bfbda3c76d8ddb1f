package readroom

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"waxseal"
)

// filled is a value of a type in which nothing is zero: n makes two that differ in all.
// Types that hold themselves end somewhere.
func filled(t reflect.Type, n int) reflect.Value { return fill(t, n, 0) }

func fill(t reflect.Type, n, depth int) reflect.Value {
	const deep = 12
	v := reflect.New(t).Elem()
	switch {
	case t == timeType:
		v.Set(reflect.ValueOf(time.Unix(int64(1_700_000_000+n), int64(n)).UTC()))
		return v
	case t.Kind() == reflect.Struct:
		for i := range v.NumField() {
			v.Field(i).Set(fill(t.Field(i).Type, n, depth+1))
		}
		return v
	}
	switch t.Kind() {
	case reflect.Bool:
		v.SetBool(n%2 == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(-n))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(n))
	case reflect.String:
		v.SetString("text " + string(rune('a'+n)))
	case reflect.Slice:
		if depth < deep {
			v.Set(reflect.Append(v, fill(t.Elem(), n, depth+1), fill(t.Elem(), n+2, depth+1)))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(fill(t.Key(), n, depth+1), fill(t.Elem(), n, depth+1))
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(fill(t.Elem(), n, depth+1))
	}
	return v
}

// TestCodec: every type that goes over the socket comes back as it was, the empty and the
// absent told apart.
func TestCodec(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[hello](), reflect.TypeFor[ready](), reflect.TypeFor[request](), reflect.TypeFor[answer](), reflect.TypeFor[waxseal.State]()} {
		for _, v := range []reflect.Value{reflect.Zero(typ), filled(typ, 1), filled(typ, 2)} {
			got := reflect.New(typ)
			if err := decode(appendValue(nil, v), budget, cleanText, got.Interface()); err != nil {
				t.Errorf("%s: %v", typ, err)
			}
			if diff := cmp.Diff(v.Interface(), got.Elem().Interface(), cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
				t.Errorf("%s: %s", typ, diff)
			}
		}
	}
	empty := waxseal.Hook{Effects: []waxseal.Effect{}, Modifiers: map[string]string{}, Closure: nil}
	var got waxseal.Hook
	if err := decode(appendValue(nil, reflect.ValueOf(empty)), budget, cleanText, &got); err != nil || got.Effects == nil || got.Modifiers == nil || got.Closure != nil {
		t.Errorf("the empty and the absent are mixed up: %+v, %v", got, err)
	}
}

// TestCodecDepth: a state in a state in a state ends before the memory of who reads it does.
func TestCodecDepth(t *testing.T) {
	var s waxseal.State
	for range 100 {
		s = waxseal.State{Containers: []waxseal.Contained{{Name: "x", State: s}}}
	}
	message := appendValue(nil, reflect.ValueOf(s))
	if err := decode(message, budget, cleanText, &waxseal.State{}); !errors.Is(err, errDeep) {
		t.Errorf("read with %v", err)
	}
}

// TestCodecBounds: what is no answer is refused, before memory is made for it.
func TestCodecBounds(t *testing.T) {
	whole := appendValue(nil, filled(reflect.TypeFor[waxseal.State](), 1))
	for n := range whole {
		var s waxseal.State
		if decode(whole[:n], budget, cleanText, &s) == nil {
			t.Fatalf("%d of %d bytes are taken for a whole", n, len(whole))
		}
	}
	for _, tt := range []struct {
		name    string
		message []byte
		budget  int
		into    any
		want    error
	}{
		{"a list longer than the message", []byte{0xff, 0xff, 0x03}, budget, &[]waxseal.FileState{}, errShort},
		{"a list that costs more than it may", append([]byte{101}, make([]byte, 5000)...), 1000, &[]waxseal.FileState{}, errBudget},
		{"a text longer than the message", []byte{4, 'a', 'b'}, budget, new(string), errShort},
		{"a text that costs more than it may", []byte{4, 'a', 'b', 'c', 'd'}, 3, new(string), errBudget},
		{"a text that is none", []byte{1, 0xff}, budget, new(string), errText},
		{"a truth that is neither", []byte{2}, budget, new(bool), errShort},
		{"a number that is too large", []byte{0xff, 0xff, 0x03}, budget, new(uint8), errValue},
		{"a time after all times", appendValue(nil, reflect.ValueOf(struct{ A, B int64 }{1 << 60, 0})), budget, &time.Time{}, errValue},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := decode(tt.message, tt.budget, cleanText, tt.into); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// FuzzAnswer: whatever a reader that was taken over answers, the one who asks neither
// panics nor takes more memory than it may.
func FuzzAnswer(f *testing.F) {
	f.Add(appendValue(nil, reflect.ValueOf(answer{})))
	f.Add(appendValue(nil, filled(reflect.TypeFor[answer](), 1)))
	base := filled(reflect.TypeFor[waxseal.State](), 1).Interface().(waxseal.State)
	f.Add(appendValue(nil, reflect.ValueOf(answer{State: deltaOf(base, base)})))
	f.Fuzz(func(t *testing.T, message []byte) {
		var a answer
		if decode(message, 1<<20, cleanText, &a) != nil {
			return
		}
		s, err := a.State.state(base, 1<<20)
		if err == nil && inOrder(s) == nil {
			_ = deltaOf(base, s)
		}
	})
}
