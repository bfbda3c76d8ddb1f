package mta

import (
	"fmt"
	"io/fs"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
)

// owned is a tree that knows who owns its files, and nothing else.
type owned struct {
	waxseal.Tree
	by map[waxseal.Path]uint32
}

func (o owned) Stat(p waxseal.Path) (waxseal.File, error) {
	uid, ok := o.by[p]
	if !ok {
		return waxseal.File{}, fs.ErrNotExist
	}
	return waxseal.File{Path: p, UID: uid}, nil
}

// TestRoomOfUsers: what one user writes leaves room for what others do, and is told where
// it ends; the superuser's files may have more.
func TestRoomOfUsers(t *testing.T) {
	tree := owned{by: map[waxseal.Path]uint32{"/etc/aliases": 0, "/home/bob/.forward": 1001, "/home/bob/list": 1001, "/home/carol/.forward": 1002}}
	b := NewBook("postfix", tree, mask.New([]byte("key")))
	emit := func(p waxseal.Path, n int) (added int) {
		before := len(b.result.Hooks)
		for i := range n {
			b.Emit(waxseal.Hook{ID: waxseal.HookID(fmt.Sprint(p, before, i)), Source: waxseal.Source{Path: p}})
		}
		return len(b.result.Hooks) - before
	}
	for i, step := range []struct {
		path    waxseal.Path
		n, want int
	}{
		{"/home/bob/.forward", 45_000, 45_000},
		{"/etc/aliases", 60_000, 60_000},
		{"/home/bob/list", 10_000, 5_001}, // the last says that there are more
		{"/home/bob/.forward", 10, 0},
		{"/home/carol/.forward", 20_000, 20_000},
		{"/gone", 50_000, 50_000},
		{"/etc/aliases", 100_000, 19_999 + 1}, // which fill it up
		{"/home/carol/.forward", 1, 0},
	} {
		if got := emit(step.path, step.n); got != step.want {
			t.Errorf("step %d: %d of %d hooks of %s were taken, want %d", i, got, step.n, step.path, step.want)
		}
	}
	if !b.Full() {
		t.Error("the book is not full")
	}
	var said []string
	for _, p := range b.result.Problems {
		said = append(said, fmt.Sprint(p.Path, " ", p.Unreadable))
	}
	if want := "[/home/bob/list true /etc/aliases true]"; fmt.Sprint(said) != want {
		t.Errorf("problems are %v, want %s", said, want)
	}
}
