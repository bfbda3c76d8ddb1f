package treecache

import (
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

// TestForgetOtherNames: a file that has two names without a link between them, as under a
// bind mount, is forgotten under both, each time that something happens to it.
func TestForgetOtherNames(t *testing.T) {
	at := func(inode uint64, content string) snapshot.Object {
		return snapshot.Object{File: waxseal.File{Type: waxseal.Regular, Device: 1, Inode: inode}, Content: []byte(content)}
	}
	tree := func(content string) waxseal.Tree {
		return snapshot.New(map[waxseal.Path]snapshot.Object{"/etc/a": at(7, content), "/srv/a": at(7, content), "/etc/other": at(8, content)})
	}
	below := &changing{tree("0")}
	tr := New(below)
	for _, now := range []string{"1", "2", "3"} {
		for _, p := range []waxseal.Path{"/etc/a", "/srv/a", "/etc/other"} {
			if _, err := tr.ReadFile(p, 100); err != nil {
				t.Fatal(err)
			}
		}
		below.Tree = tree(now)
		if !tr.Forget("/etc/a") {
			t.Fatal("a file was written, and all forgotten")
		}
		for p, want := range map[waxseal.Path]string{"/etc/a": now, "/srv/a": now, "/etc/other": "0"} {
			if got, err := tr.ReadFile(p, 100); string(got) != want {
				t.Errorf("%s is %q, %v; want %q", p, got, err, want)
			}
		}
	}
}

// TestForgetTwice: what happens to a file in two steps brings no new file about; one that
// is there at one step and not at the other does, and one that was not there before.
func TestForgetTwice(t *testing.T) {
	for _, tc := range []struct {
		name     string
		path     waxseal.Path
		missing  [2]bool // at each step
		relisted bool
	}{
		{"written twice", "/etc/a", [2]bool{}, false},
		{"made and written", "/etc/new", [2]bool{}, true},
		{"removed and made again", "/etc/a", [2]bool{true, false}, true},
		{"written and removed", "/etc/a", [2]bool{false, true}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree := func(missing bool) waxseal.Tree {
				all := map[waxseal.Path]snapshot.Object{"/etc/other": {Content: []byte("x")}}
				if !missing {
					all[tc.path] = snapshot.Object{Content: []byte("x")}
				}
				return snapshot.New(all)
			}
			below := &changing{tree(tc.path == "/etc/new")}
			k := Keep(below)
			_, _ = k.Anew().ReadFile(tc.path, 100)
			for _, missing := range tc.missing {
				below.Tree = tree(missing)
				k.Forget(tc.path)
			}
			if again := k.Again(); again == nil || again.Relisted() != tc.relisted || !again.Touched(tc.path) {
				t.Errorf("again %v, a name came or went %v", again != nil, again != nil && again.Relisted())
			}
		})
	}
}
