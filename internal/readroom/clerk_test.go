package readroom

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestClerkCodec: questions and replies go over as they are.
func TestClerkCodec(t *testing.T) {
	for _, kind := range []reflect.Type{reflect.TypeFor[question](), reflect.TypeFor[reply]()} {
		for n := range 3 {
			v := filled(kind, n)
			got := reflect.New(kind)
			if err := decode(appendValue(nil, v), paperBudget, cleanText, got.Interface()); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(v.Interface(), got.Elem().Interface()); d != "" {
				t.Error(d)
			}
		}
	}
}

// FuzzReply: whatever a process answers that was taken over is an error, or a reply.
func FuzzReply(f *testing.F) {
	f.Add(appendValue(nil, reflect.ValueOf(reply{})))
	f.Add(appendValue(nil, filled(reflect.TypeFor[reply](), 1)))
	f.Fuzz(func(t *testing.T, message []byte) {
		var a reply
		if decode(message, 1<<20, cleanText, &a) == nil && len(a.Archives)+len(a.Log)+len(a.Keys) > 1<<20 {
			t.Error("it is more than it may be")
		}
	})
}
