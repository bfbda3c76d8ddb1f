package mailpath

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/treecache"
)

// TestWhatCameBehindLink: a name that a list lacked is asked for again when one came, under
// whatever name of its directory; and a reader whose questions were not touched stands.
func TestWhatCameBehindLink(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(root, "srv"), 0o755), os.Symlink("srv", filepath.Join(root, "mx"))); err != nil {
		t.Fatal(err)
	}
	write("srv/a", "a")
	below, err := rootfs.Open(root) // which knows when a list is whole
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { below.Close() })
	kept := treecache.Keep(below)
	r := NewReader(mask.New([]byte("k")))
	r.Remember()
	runs := 0
	there := func(tree *treecache.Tree, again bool) bool {
		r.memos.reading++
		c := &closer{reader: r, tree: tree, again: again}
		return remember(c, "test", tree, nil, func(b bool) bool { return b }, func(tree waxseal.Tree, _ *record) bool {
			runs++
			if _, err := tree.ReadDir("/mx"); err != nil {
				t.Fatal(err)
			}
			_, err := tree.Stat("/mx/new")
			return err == nil
		})
	}
	change := func(name, text string) {
		write(name, text)
		kept.Forget(waxseal.Path("/" + name))
	}
	if there(kept.Anew(), false) {
		t.Fatal("it is there from the start")
	}
	change("srv/a", "b")
	if there(kept.Again(), true) || runs != 1 {
		t.Errorf("another file was written, and it ran %d times", runs)
	}
	change("srv/new", "c")
	if !there(kept.Again(), true) {
		t.Error("what came is not seen")
	}
	kept.Forget("/srv/a")
	kept.Again() // a reading that did not ask
	r.memos.reading++
	change("srv/b", "")
	if before := runs; !there(kept.Again(), true) || runs == before {
		t.Error("it stands by what was touched since a reading that did not ask it")
	}
}
