package treecache_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/treecache"
)

// TestAhead: that files of many homes are looked for while others read changes nothing
// of what is read.
func TestAhead(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	put("etc/postfix/main.cf", "mydestination = localhost\nmailbox_command = /usr/bin/procmail\n")
	var passwd strings.Builder
	for i := range 700 {
		fmt.Fprintf(&passwd, "u%d:x:%d:%d::/home/u%d:/bin/sh\n", i, 2000+i, 2000+i, i)
		switch home := fmt.Sprintf("home/u%d/", i); i % 4 {
		case 0:
			put(home+".forward", "a@b.example\n")
		case 1:
			put(home+".procmailrc", ":0\nx/\n")
		case 2:
			put(home+"rules", "a@b.example\n")
			if err := errors.Join(os.Symlink("rules", filepath.Join(root, home, ".forward")), os.Symlink("nowhere", filepath.Join(root, home, ".procmailrc"))); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("etc/passwd", passwd.String())
	below, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer below.Close()
	want := mailpath.NewReader(mask.New([]byte("k"))).Read(below)
	got := mailpath.NewReader(mask.New([]byte("k"))).Read(treecache.New(below))
	if d := cmp.Diff(want, got); d != "" || len(want.Hooks) < 500 {
		t.Errorf("%d hooks, %.2000s", len(want.Hooks), d)
	}
}
