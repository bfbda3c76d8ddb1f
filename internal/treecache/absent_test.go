package treecache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/rootfs"
	"waxseal/internal/snapshot"
)

// TestListed: a tree of which directories have been listed says what it said before.
func TestListed(t *testing.T) {
	root := t.TempDir()
	err := errors.Join(os.MkdirAll(filepath.Join(root, "home/u/sub"), 0o755), os.WriteFile(filepath.Join(root, "home/u/.forward"), []byte("a"), 0o644),
		os.Symlink("none", filepath.Join(root, "home/u/dangling")), os.Symlink("u", filepath.Join(root, "home/link")), os.WriteFile(filepath.Join(root, "home/u/sub/é"), nil, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	below, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer below.Close()
	listed := New(below)
	for _, dir := range []waxseal.Path{"/", "/home", "/home/u", "/home/u/sub", "/home/link"} {
		if _, err := listed.ReadDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []waxseal.Path{"/home/u/.forward", "/home/u/.qmail", "/home/u/.config/a/b", "/home/u/dangling", "/home/u/dangling/x", "/home/u/.", "/home/u/..", "/home/u/../u/.x",
		"/home/u/", "/home//u/.y", "/home/link/.forward", "/home/link/.qmail", "/home/u/.forward/x", "/home/u/sub/e", "/home/u/sub/é", "/none", "none", "/home/u/.Forward", "/home/../x", "/"} {
		fresh := New(below)
		for name, ask := range map[string]func(*Tree) (any, error){
			"Stat":    func(t *Tree) (any, error) { return t.Stat(p) },
			"Lstat":   func(t *Tree) (any, error) { return t.Lstat(p) },
			"ReadDir": func(t *Tree) (any, error) { return t.ReadDir(p) },
		} {
			want, wantErr := ask(fresh)
			got, err := ask(listed)
			if d := cmp.Diff(want, got); d != "" || fmt.Sprint(err) != fmt.Sprint(wantErr) || errors.Is(err, fs.ErrNotExist) != errors.Is(wantErr, fs.ErrNotExist) {
				t.Errorf("%s(%s): %v, want %v: %s", name, p, err, wantErr, d)
			}
		}
	}
}

// shown is a tree whose root lists what it is told to.
type shown struct {
	*counting
	listing
}

func (s shown) List(waxseal.Path) ([]string, bool, error) { return s.names, s.all, nil }

// TestUnlisted: the tree is asked for a name unless its list leaves no doubt.
func TestUnlisted(t *testing.T) {
	for _, tc := range []struct {
		name  string
		list  listing
		path  waxseal.Path
		asked int
	}{
		{"it is not there", listing{[]string{"a", "c"}, true}, "/b", 0},
		{"nor is what would be below it", listing{[]string{"a", "c"}, true}, "/b/c/d", 0},
		{"it is there", listing{[]string{"a", "b"}, true}, "/b", 1},
		{"something else is below", listing{[]string{"a", "b"}, true}, "/b/c", 1},
		{"more is found than is listed", listing{[]string{"a"}, false}, "/b", 1},
		{"another case", listing{[]string{"B"}, true}, "/b", 1},
		{"no ASCII is listed", listing{[]string{"\u212a"}, true}, "/b", 1},
		{"no ASCII is asked for", listing{[]string{"k"}, true}, "/\u212a", 1},
		{"a long list", listing{make([]string, maxSure+1), true}, "/b", 1},
	} {
		below := shown{&counting{reads: map[waxseal.Path]int{}, Tree: snapshot.New(nil)}, tc.list}
		tree := New(below)
		if _, err := tree.ReadDir("/"); err != nil {
			t.Fatal(err)
		}
		if _, err := tree.Stat(tc.path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if below.stats != tc.asked {
			t.Errorf("%s: asked %d times, want %d", tc.name, below.stats, tc.asked)
		}
	}
}
