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

func (o owned) ReadFile(p waxseal.Path, _ int64) ([]byte, error) {
	return []byte("root:x:0:0::/root:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/bash\ncarol:x:1002:1002::/home/carol:\nvmail:x:5000:5000::/var/vmail:/usr/sbin/nologin\n"), nil
}

// TestRoomOfUsers: what one user writes leaves room for what others do, and is told where
// it ends; the superuser's files may have more.
func TestRoomOfUsers(t *testing.T) {
	tree := owned{by: map[waxseal.Path]uint32{"/etc/aliases": 0, "/home/bob/.forward": 1001, "/home/bob/list": 1001, "/home/carol/.forward": 1002, "/var/vmail/a": 5000}}
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
		{"/home/bob/.forward", 4_500, 4_500},
		{"/etc/aliases", 60_000, 60_000},
		{"/home/bob/list", 1_000, 501}, // the last says that there are more
		{"/home/bob/.forward", 10, 0},
		{"/home/carol/.forward", 6_000, 5_001},
		{"/var/vmail/a", 60_000, 50_001},
		{"/gone", 60_000, 60_000},
		{"/etc/aliases", 100_000, 19_997 + 1}, // which fill it up
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
	if want := "[/home/bob/list true /home/carol/.forward true /var/vmail/a true /etc/aliases true]"; fmt.Sprint(said) != want {
		t.Errorf("problems are %v, want %s", said, want)
	}
}
