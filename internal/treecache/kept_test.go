package treecache

import (
	"fmt"
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

func TestKept(t *testing.T) {
	below := &changing{objects("before", nil)}
	k := Keep(below)
	if k.Again() != nil {
		t.Fatal("a tree that was never read is remembered")
	}
	read := func(tr *Tree, p waxseal.Path, want string) {
		t.Helper()
		if got, err := tr.ReadFile(p, 100); string(got) != want {
			t.Errorf("%s is %q, %v; want %q", p, got, err, want)
		}
	}
	first := k.Anew()
	read(first, "/etc/a", "before")
	read(first, "/etc/other", "before")
	below.Tree = objects("after", nil)
	k.Forget("/etc/a")
	again := k.Again()
	if again == nil {
		t.Fatal("one file was touched, and all was forgotten")
	}
	read(again, "/etc/a", "after")
	read(again, "/etc/other", "before")
	for i := range maxForgotten + 1 {
		k.Forget(waxseal.Path(fmt.Sprintf("/etc/%d", i)))
	}
	if k.Again() != nil {
		t.Error("many files were touched, and single ones forgotten")
	}
	read(k.Anew(), "/etc/other", "after")
	k.Forget("/etc/dir")
	if k.Again() != nil {
		t.Error("a directory was touched, and not all forgotten")
	}
}

// TestForgetBehindLink: a file that is made in a directory is listed under each name of that.
func TestForgetBehindLink(t *testing.T) {
	link := map[waxseal.Path]snapshot.Object{"/srv": {File: waxseal.File{Type: waxseal.Symlink, Link: "etc/dir"}}}
	below := &changing{objects("before", link)}
	tr := New(below)
	if names, err := tr.ReadDir("/srv"); err != nil || len(names) != 1 {
		t.Fatalf("%q, %v", names, err)
	}
	link["/etc/dir/new"] = snapshot.Object{Content: []byte("after")}
	below.Tree = objects("after", link)
	if !tr.Forget("/etc/dir/new") {
		t.Fatal("a file was made, and all was forgotten")
	}
	if names, err := tr.ReadDir("/srv"); err != nil || len(names) != 2 {
		t.Errorf("behind the link there is %q, %v", names, err)
	}
	if got, err := tr.ReadFile("/srv/new", 100); string(got) != "after" {
		t.Errorf("behind the link: %q, %v", got, err)
	}
}
