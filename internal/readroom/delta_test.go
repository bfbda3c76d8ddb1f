package readroom

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
)

// TestSame: no field of an element may be forgotten when two are compared, or a change of
// it would not be told.
func TestSame(t *testing.T) {
	everyField(t, sameHook)
	everyField(t, sameFile)
}

func everyField[T any](t *testing.T, same func(a, b *T) bool) {
	t.Helper()
	typ := reflect.TypeFor[T]()
	one, two := filled(typ, 1), filled(typ, 2)
	a := one.Interface().(T)
	if b := filled(typ, 1).Interface().(T); !same(&a, &b) {
		t.Errorf("%s: not the same as itself", typ)
	}
	each(typ, nil, func(path []int, name string) {
		changed := reflect.New(typ).Elem()
		changed.Set(one)
		changed.FieldByIndex(path).Set(two.FieldByIndex(path))
		if b := changed.Interface().(T); same(&a, &b) {
			t.Errorf("%s: a change of %s is not seen", typ, name)
		}
	})
}

// each calls do for each field, those of structs in it too.
func each(typ reflect.Type, above []int, do func([]int, string)) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		path := append(append([]int{}, above...), i)
		if f.Type.Kind() == reflect.Struct && f.Type != timeType {
			each(f.Type, path, do)
			continue
		}
		do(path, f.Name)
	}
}

// TestDelta: a state comes out as it was, whatever moved, went and came.
func TestDelta(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	was := waxseal.State{}
	for range 300 {
		now := changed(dice, was)
		d := deltaOf(was, now)
		got, err := d.state(was, budget)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(now, got) {
			t.Fatal(cmp.Diff(now, got))
		}
		was = now
	}
}

// changed is a state with some changes.
func changed(dice *rand.Rand, was waxseal.State) waxseal.State {
	now := apart(was)
	for range dice.IntN(6) {
		name := fmt.Sprint(dice.IntN(40))
		now.Hooks = edited(dice, now.Hooks, waxseal.Hook{ID: waxseal.HookID(name), Explain: fmt.Sprint(dice.IntN(3))})
		now.Files = edited(dice, now.Files, waxseal.FileState{File: waxseal.File{Path: waxseal.Path(name), Size: dice.Int64N(3)}})
		now.Settings = edited(dice, now.Settings, waxseal.Setting{Name: name, Value: fmt.Sprint(dice.IntN(3))})
		now.Packages = edited(dice, now.Packages, waxseal.Package{Name: name})
	}
	return now
}

func edited[T any](dice *rand.Rand, list []T, v T) []T {
	at := dice.IntN(len(list) + 1)
	switch {
	case dice.IntN(2) == 0:
		return append(append(append([]T{}, list[:at]...), v), list[at:]...)
	case at < len(list) && dice.IntN(2) == 0:
		list[at] = v
	case at < len(list):
		list = append(append([]T{}, list[:at]...), list[at+1:]...)
	}
	if len(list) > 1 && dice.IntN(4) == 0 {
		list[0], list[len(list)-1] = list[len(list)-1], list[0]
	}
	return list
}

// TestDeltaIsShort: one change costs one element.
func TestDeltaIsShort(t *testing.T) {
	was := waxseal.State{}
	for i := range 1000 {
		was.Files = append(was.Files, waxseal.FileState{File: waxseal.File{Path: waxseal.Path(fmt.Sprintf("/f%04d", i))}})
	}
	now := apart(was)
	now.Files[500].Size = 1
	d := deltaOf(was, now)
	if len(d.Files) != 2 || len(d.Files[0].New) != 1 || d.Files[0].Count != 500 || d.Files[1].From != 501 || d.Files[1].Count != 499 {
		t.Errorf("%d pieces: %+v", len(d.Files), d.Files)
	}
}

// TestDeltaBounds: references to what is not there are refused, and so is what would take
// too much memory: one element may be named a million times in a few bytes.
func TestDeltaBounds(t *testing.T) {
	was := waxseal.State{Files: make([]waxseal.FileState, 1000)}
	for _, p := range []piece[waxseal.FileState]{{From: 1000, Count: 1}, {From: -1, Count: 1}, {From: 0, Count: 1001}, {From: 5, Count: -1}, {From: 1 << 62, Count: 1 << 62}} {
		if _, err := (delta{Files: []piece[waxseal.FileState]{p}}).state(was, budget); err == nil {
			t.Errorf("%+v is taken", p)
		}
	}
	many := make([]piece[waxseal.FileState], 10_000)
	for i := range many {
		many[i].Count = 1000
	}
	if _, err := (delta{Files: many}).state(was, budget); err == nil {
		t.Error("ten million files are taken")
	}
}
