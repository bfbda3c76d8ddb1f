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
