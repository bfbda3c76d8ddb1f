package treecache_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/treecache"
)

// opens counts by inode how often the contents of a real tree are opened.
type opens struct {
	*rootfs.Tree
	mu    sync.Mutex
	count map[uint64]int
	names map[uint64]waxseal.Path
}

func (o *opens) note(p waxseal.Path) {
	st, err := o.Tree.Stat(p)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.count[st.Inode]++
		o.names[st.Inode] = p
	}
}

func (o *opens) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	o.note(p)
	return o.Tree.ReadFile(p, limit)
}

func (o *opens) Digest(p waxseal.Path) (waxseal.Digest, error) {
	o.note(p)
	return o.Tree.Digest(p)
}

func (o *opens) CopyTo(p waxseal.Path, w io.Writer, limit int64) error {
	o.note(p)
	return o.Tree.CopyTo(p, w, limit)
}

func (o *opens) OpenFile(p waxseal.Path) (io.ReadCloser, error) {
	o.note(p)
	return o.Tree.OpenFile(p)
}

func (o *opens) Look(p waxseal.Path) (waxseal.File, io.ReadCloser, error) {
	st, file, err := o.Tree.Look(p)
	if file != nil {
		o.note(p)
	}
	return st, file, err
}

func TestScanOpensEachFileOnce(t *testing.T) {
	dir := server(t)
	below, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer below.Close()
	for _, cached := range []bool{false, true} {
		o := &opens{Tree: below, count: map[uint64]int{}, names: map[uint64]waxseal.Path{}}
		var tree waxseal.Tree = o
		if cached {
			tree = treecache.New(o)
		}
		state := mailpath.NewReader(mask.New([]byte("0123456789abcdef0123456789abcdef"))).Read(tree)
		if len(state.Hooks) < 3 || len(o.count) < 10 {
			t.Fatalf("nothing much was read: %d hooks, %d files, %v", len(state.Hooks), len(o.count), state.Problems)
		}
		again := 0
		for inode, n := range o.count {
			if n > 1 {
				again++
			}
			if n > 1 && cached {
				t.Errorf("%s was opened %d times", o.names[inode], n)
			}
		}
		if !cached && again == 0 {
			t.Error("the readers open nothing twice: this test shows nothing")
		}
	}
}

// server writes a small mail server to disk, with many names for the same files.
func server(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/hostname", "mail\n", 0o644)
	write("etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644)
	write("etc/group", "root:x:0:\n", 0o644)
	write("etc/aliases", "root: alice\nx: |/usr/local/bin/a\ny: |/usr/local/bin/b\ninc: :include:/etc/list\n", 0o644)
	write("etc/list", "bob\ncarol@example.net\n", 0o644)
	write("etc/postfix/main.cf", "mydestination = example.test, /etc/domains\nalias_maps = hash:/etc/aliases\nvirtual_alias_maps = hash:/etc/postfix/v\n"+
		"virtual_alias_domains = /etc/domains\ncontent_filter = f:\n", 0o644)
	write("etc/postfix/master.cf", "smtp inet n - y - - smtpd\nf unix - n n - - pipe user=mail argv=/usr/local/bin/a ${recipient}\nlocal unix - n n - - local\n", 0o644)
	write("etc/domains", "example.test\n", 0o644)
	write("srv/v", "sales@example.test bob\n", 0o644)
	for _, name := range []string{"a", "b"} {
		write("usr/local/bin/"+name, "#!/bin/sh\n. /etc/"+name+".conf\n/usr/bin/python3 /etc/a.conf\n", 0o755)
		write("etc/"+name+".conf", "x\n", 0o644)
	}
	write("usr/bin/python3.11", "\x7fELF", 0o755)
	write("usr/bin/dash", "\x7fELF", 0o755)
	for link, target := range map[string]string{"bin": "usr/bin", "usr/bin/python3": "python3.11", "usr/bin/sh": "dash", "etc/postfix/v": "/srv/v"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		write(fmt.Sprintf("var/lib/dpkg/info/p%d.list", i), "/.\n/usr/bin/dash\n", 0o644)
	}
	write("var/lib/dpkg/status", "Package: p1\nStatus: install ok installed\nVersion: 1\n", 0o644)
	return dir
}
