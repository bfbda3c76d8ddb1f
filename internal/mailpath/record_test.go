package mailpath

import (
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
	"waxseal/internal/treecache"
)

// TestWhatCameBehindLink: a name that a list lacked is asked for again when one came, under
// whatever name of its directory; and a reader whose questions were not touched stands.
func TestWhatCameBehindLink(t *testing.T) {
	objects := map[waxseal.Path]snapshot.Object{
		"/srv/a":  {Content: []byte("a")},
		"/etc/mx": {File: waxseal.File{Type: waxseal.Symlink, Link: "../srv"}},
	}
	below := &changing{snapshot.New(objects)}
	kept := treecache.Keep(below)
	r := NewReader(mask.New([]byte("k")))
	r.Remember()
	runs := 0
	there := func(tree *treecache.Tree, again bool) bool {
		r.memos.reading++
		c := &closer{reader: r, tree: tree, again: again}
		return remember(c, "test", tree, nil, func(b bool) bool { return b }, func(tree waxseal.Tree, _ *record) bool {
			runs++
			if _, err := tree.ReadDir("/etc/mx"); err != nil {
				t.Fatal(err)
			}
			_, err := tree.Stat("/etc/mx/new")
			return err == nil
		})
	}
	change := func(p waxseal.Path, o snapshot.Object) {
		objects[p] = o
		below.Tree = snapshot.New(objects)
		kept.Forget(p)
	}
	if there(kept.Anew(), false) {
		t.Fatal("it is there from the start")
	}
	change("/srv/a", snapshot.Object{Content: []byte("b")})
	if there(kept.Again(), true) || runs != 1 {
		t.Errorf("another file was written, and it ran %d times", runs)
	}
	change("/srv/new", snapshot.Object{Content: []byte("c")})
	if !there(kept.Again(), true) {
		t.Error("what came is not seen")
	}
	kept.Forget("/srv/a")
	kept.Again() // a reading that did not ask
	r.memos.reading++
	change("/srv/b", snapshot.Object{})
	if before := runs; !there(kept.Again(), true) || runs == before {
		t.Error("it stands by what was touched since a reading that did not ask it")
	}
}

type changing struct{ waxseal.Tree }
