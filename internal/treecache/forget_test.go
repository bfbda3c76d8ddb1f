package treecache

import (
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

// changing is a tree that is another one from some moment on.
type changing struct{ waxseal.Tree }

func objects(content string, more map[waxseal.Path]snapshot.Object) waxseal.Tree {
	all := map[waxseal.Path]snapshot.Object{
		"/etc/a": {Content: []byte(content)}, "/etc/other": {Content: []byte(content)},
		"/etc/link":     {File: waxseal.File{Type: waxseal.Symlink, Link: "a"}},
		"/etc/dangling": {File: waxseal.File{Type: waxseal.Symlink, Link: "new"}},
		"/etc/dir/file": {Content: []byte(content)},
	}
	for p, o := range more {
		all[p] = o
	}
	return snapshot.New(all)
}

func TestForget(t *testing.T) {
	for _, tc := range []struct {
		name   string
		path   waxseal.Path
		after  map[waxseal.Path]snapshot.Object
		all    bool
		seen   waxseal.Path // is as it is now
		unseen waxseal.Path // is as it was
	}{
		{name: "written", path: "/etc/a", all: true, seen: "/etc/a", unseen: "/etc/other"},
		{name: "seen through a link", path: "/etc/a", all: true, seen: "/etc/link", unseen: "/etc/other"},
		{name: "made where a link led nowhere", path: "/etc/new", after: map[waxseal.Path]snapshot.Object{"/etc/new": {Content: []byte("after")}}, all: true, seen: "/etc/dangling", unseen: "/etc/other"},
		{name: "a link", path: "/etc/link", all: false},
		{name: "a directory", path: "/etc/dir", all: false},
		{name: "a file that is a directory now", path: "/etc/other", after: map[waxseal.Path]snapshot.Object{"/etc/other": {File: waxseal.File{Type: waxseal.Directory}}}, all: false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			below := &changing{objects("before", nil)}
			tr := New(below)
			for _, p := range []waxseal.Path{"/etc/a", "/etc/other", "/etc/link", "/etc/dangling", "/etc/dir/file"} {
				_, _ = tr.Lstat(p)
				_, _ = tr.ReadFile(p, 100)
			}
			_, _ = tr.Stat("/etc/dir")
			below.Tree = objects("after", tc.after)
			if all := tr.Forget(tc.path); all != tc.all {
				t.Fatalf("that is all: %v, want %v", all, tc.all)
			}
			if !tc.all {
				return
			}
			if got, err := tr.ReadFile(tc.seen, 100); string(got) != "after" {
				t.Errorf("%s is still %q, %v", tc.seen, got, err)
			}
			if got, _ := tr.ReadFile(tc.unseen, 100); string(got) != "before" {
				t.Errorf("%s was read again: %q", tc.unseen, got)
			}
		})
	}
}

// TestForgetGivesRoom: what is forgotten takes no room.
func TestForgetGivesRoom(t *testing.T) {
	tr := New(objects("before", nil))
	for range 3 {
		if _, err := tr.ReadFile("/etc/a", 100); err != nil {
			t.Fatal(err)
		}
		tr.Forget("/etc/a")
	}
	if tr.held != 0 {
		t.Errorf("%d bytes are held of nothing", tr.held)
	}
}
