package possible

import (
	"fmt"
	"testing"
)

func TestBranches(t *testing.T) {
	known := func(s string) Value { return Value{s, true} }
	var v Variables
	v.Set("a", known("1"))
	v.Enter()
	v.Set("a", known("2"))
	v.Set("b", known("3"))
	v.Enter()
	v.Set("a", known("4"))
	v.Leave()
	v.Leave()
	a, _ := v.Get("a")
	b, _ := v.Get("b")
	if got := fmt.Sprint(a, b); got != "[{4 true} {2 true} {1 true}] [{3 true} { true}]" {
		t.Errorf("after the branch: %s", got)
	}
}

func TestBounds(t *testing.T) {
	many := make([]Value, MaxValues)
	for i := range many {
		many[i] = Value{fmt.Sprint(i), true}
	}
	if n := len(Product(many, many)); n != MaxValues {
		t.Errorf("%d values", n)
	}
	if got := Union(many, []Value{{"x", true}}); len(got) != MaxValues || got[0].Text != "x" {
		t.Errorf("union %v", got)
	}
	long := []Value{{string(make([]byte, MaxText)), true}}
	if got := Product(long, long); len(got[0].Text) > MaxText || got[0].Known {
		t.Errorf("a value of %d bytes, known %v", len(got[0].Text), got[0].Known)
	}
}
