package archive_test

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/archive"
	"waxseal/internal/rootfs"
)

// TestSameAsDirectory packs a directory with the tar of this machine, in each of
// its formats, and holds the two trees against each other.
func TestSameAsDirectory(t *testing.T) {
	dir := furnished(t)
	want, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	for _, args := range [][]string{
		{"--format=gnu"}, {"--format=gnu", "--sparse"}, {"--format=posix", "--xattrs", "--xattrs-include=*"},
		{"--format=posix", "--sparse", "--xattrs", "--xattrs-include=*"}, {"--format=posix", "--sparse", "--sparse-version=0.1"},
		{"--format=posix", "--sparse", "--sparse-version=0.0"}, {"--format=gnu", "--gzip"}, {"--format=gnu", "-P", "--transform=s,^,/,SH"},
	} {
		name := filepath.Join(t.TempDir(), "a.tar")
		out, err := exec.Command("tar", append(args, "-C", dir, "-cf", name, ".")...).CombinedOutput()
		if err != nil {
			t.Fatalf("tar %v: %v: %s", args, err, out)
		}
		got, err := archive.Open(name)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		for _, p := range got.Problems() {
			t.Errorf("%v: %s: %s", args, p.Path, p.Message)
		}
		same(t, args, want, got, "/", slices.Contains(args, "--xattrs"))
		got.Close()
	}
}

// furnished makes a directory with one of everything that tar can hold.
func furnished(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o751); err != nil {
			t.Fatal(err)
		}
		return p
	}
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	long := string(bytes.Repeat([]byte("long-name/"), 30)) + "file"
	for name, content := range map[string]string{
		"etc/postfix/main.cf": "myhostname = mail\n", "usr/sbin/postfix": "\x7fELF", long: "deep", "empty": "", "block": string(make([]byte, 512)),
		"etc/Ü \x01\xff": "odd name",
	} {
		check(os.WriteFile(at(name), []byte(content), 0o640))
	}
	check(os.Chmod(at("usr/sbin/postfix"), 0o755|os.ModeSetgid))
	check(os.Symlink("/etc/postfix/main.cf", at("etc/absolute")))
	check(os.Symlink("../../../"+long, at("etc/relative")))
	check(os.Link(at("etc/postfix/main.cf"), at("zz/hard")))
	check(unix.Mkfifo(at("var/pipe"), 0o600))
	for _, name := range []string{"var/sparse1", "var/sparse2", "var/sparse3"} { // in a row
		f, err := os.Create(at(name))
		check(err)
		for i := range int64(6) {
			_, err = f.WriteAt([]byte(name), i<<20+4096)
			check(err)
		}
		check(f.Truncate(8 << 20))
		check(f.Close())
	}
	if err := unix.Setxattr(at("etc/postfix/main.cf"), "user.note", []byte("x\x00y"), 0); err != nil {
		t.Logf("no user xattrs here: %v", err)
	}
	return dir
}

func same(t *testing.T, args []string, want, got waxseal.Tree, p waxseal.Path, xattrs bool) {
	t.Helper()
	a, err := want.Lstat(p)
	if err != nil {
		t.Fatal(err)
	}
	b, err := got.Lstat(p)
	if err != nil {
		t.Errorf("%v: %v", args, err)
		return
	}
	if xattrs && !maps.Equal(a.XAttrs, b.XAttrs) {
		t.Errorf("%v: %s: attributes %v, want %v", args, p, b.XAttrs, a.XAttrs)
	}
	if a.Type != b.Type || a.Mode != b.Mode || a.UID != b.UID || a.Link != b.Link || a.ModTime.Unix() != b.ModTime.Unix() && a.Type != waxseal.Directory {
		t.Errorf("%v: %q: %+v, want %+v", args, p, b, a)
	}
	switch a.Type {
	case waxseal.Directory:
		names, _ := want.ReadDir(p)
		if have, err := got.ReadDir(p); !slices.Equal(names, have) || err != nil {
			t.Errorf("%v: %s: %q, want %q", args, p, have, names)
		}
		for _, n := range names {
			same(t, args, want, got, waxseal.Path(path.Join(string(p), n)), xattrs)
		}
	case waxseal.Regular:
		x, _ := want.Digest(p)
		if y, err := got.Digest(p); x != y || err != nil || a.Size != b.Size || max(b.Links, 1) != a.Links {
			t.Errorf("%v: %s: %s %v, %d bytes %d links, want %s %d %d", args, p, y, err, b.Size, b.Links, x, a.Size, a.Links)
		}
	case waxseal.Symlink:
		x, _ := want.Stat(p)
		if y, _ := got.Stat(p); x.Resolved != y.Resolved {
			t.Errorf("%v: %s leads to %s, want %s", args, p, y.Resolved, x.Resolved)
		}
	}
}
