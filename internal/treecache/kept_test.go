package treecache

import (
	"fmt"
	"testing"

	"waxseal"
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
