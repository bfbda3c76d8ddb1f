package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"waxseal"
)

// tree makes a directory with files for a test; names ending in "/" are
// directories, values beginning with "->" are symbolic links.
func tree(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := cutArrow(content); ok {
			err = os.Symlink(target, p)
		} else {
			err = os.WriteFile(p, []byte(content), 0o640)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tr, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

func cutArrow(s string) (string, bool) {
	if len(s) > 2 && s[:2] == "->" {
		return s[2:], true
	}
	return "", false
}

func TestLinksStayInside(t *testing.T) {
	tr := tree(t, map[string]string{
		"etc/postfix/main.cf": "inside",
		"etc/abs":             "->/etc/postfix/main.cf",
		"etc/up":              "->../../../../../../etc/postfix/main.cf",
		"etc/out":             "->/../../etc/passwd",
		"etc/dirlink":         "->/etc/postfix",
		"etc/loop":            "->/etc/loop",
	})
	for _, p := range []waxseal.Path{"/etc/abs", "/etc/up", "/etc/dirlink/main.cf", "/../../etc/postfix/main.cf"} {
		got, err := tr.ReadFile(p, 100)
		if err != nil || string(got) != "inside" {
			t.Errorf("ReadFile(%s) = %q, %v", p, got, err)
		}
		st, err := tr.Stat(p)
		if err != nil {
			t.Errorf("Stat(%s): %v", p, err)
		} else if p != "/../../etc/postfix/main.cf" && st.Resolved != "/etc/postfix/main.cf" {
			t.Errorf("Stat(%s).Resolved = %q", p, st.Resolved)
		}
	}
	if _, err := tr.ReadFile("/etc/out", 1<<20); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a link out of the tree was followed: %v", err)
	}
	if _, err := tr.Stat("/etc/loop"); !errors.Is(err, waxseal.ErrLoop) {
		t.Errorf("loop: %v", err)
	}
	st, err := tr.Lstat("/etc/abs")
	if err != nil || st.Type != waxseal.Symlink || st.Link != "/etc/postfix/main.cf" {
		t.Errorf("Lstat = %+v, %v", st, err)
	}
}

func TestOddObjectsAreNotOpened(t *testing.T) {
	tr := tree(t, map[string]string{"big": "0123456789", "d/x": ""})
	if err := unix.Mkfifo(filepath.Join(tr.Dir(), "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[waxseal.Path]error{
		"/fifo":  waxseal.ErrNotRegular, // would block for ever if it were opened
		"/d":     waxseal.ErrNotRegular,
		"/big":   waxseal.ErrTooLarge,
		"/none":  fs.ErrNotExist,
		"/big/x": fs.ErrNotExist,
	} {
		if _, err := tr.ReadFile(p, 9); !errors.Is(err, want) {
			t.Errorf("ReadFile(%s) = %v, want %v", p, err, want)
		}
	}
	if st, err := tr.Stat("/fifo"); err != nil || st.Type != waxseal.FIFO {
		t.Errorf("Stat(fifo) = %v, %v", st.Type, err)
	}
}

func TestMetadataAndDigest(t *testing.T) {
	tr := tree(t, map[string]string{"f": "abc"})
	p := filepath.Join(tr.Dir(), "f")
	if err := unix.Setxattr(p, "user.note", []byte("x"), 0); err != nil {
		t.Logf("no user xattrs here: %v", err)
	}
	if err := os.Chmod(p, 0o4755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chmod(p, 0o4755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(p, p+"2"); err != nil {
		t.Fatal(err)
	}
	st, err := tr.Stat("/f")
	if err != nil || st.Mode != 0o4755 || st.Links != 2 || st.Size != 3 || st.ChangeTime.IsZero() {
		t.Errorf("Stat = %+v, %v", st, err)
	}
	d, err := tr.Digest("/f")
	if err != nil || d != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("Digest = %s, %v", d, err)
	}
	names, err := tr.ReadDir("/")
	if err != nil || len(names) != 2 || names[0] != "f" {
		t.Errorf("ReadDir = %v, %v", names, err)
	}
}

// TestLook: it says what Stat says, and opens what ReadFile reads.
func TestLook(t *testing.T) {
	tree := tree(t, map[string]string{"usr/lib/a": "abc", "lib": "->usr/lib", "usr/lib/b": "->a", "c": "->/none"})
	if err := unix.Mkfifo(filepath.Join(tree.Dir(), "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = unix.Setxattr(filepath.Join(tree.Dir(), "usr/lib/a"), "user.x", []byte("1"), 0) // where there are any
	for _, p := range []waxseal.Path{"/usr/lib/a", "/lib/a", "/lib/b", "/usr/lib/../lib/b", "/usr", "/c", "/pipe", "/usr/lib/a/x", "/lib/none", "/"} {
		want, wantErr := tree.Stat(p)
		got, file, err := tree.Look(p)
		if d := cmp.Diff(want, got); d != "" || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: %v, want %v: %s", p, err, wantErr, d)
		}
		if (file != nil) != (err == nil && got.Type == waxseal.Regular) {
			t.Errorf("%s is open: %v", p, file)
		}
		if file == nil {
			continue
		}
		if content, err := io.ReadAll(file); string(content) != "abc" || err != nil {
			t.Errorf("%s: %q, %v", p, content, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestList: a directory of a local file system lists all that is found in it, procfs
// does not.
func TestList(t *testing.T) {
	tree := tree(t, map[string]string{"d/b": "", "d/a": "", "e": "->d"})
	for _, p := range []waxseal.Path{"/d", "/e"} {
		names, all, err := tree.List(p)
		if d := cmp.Diff([]string{"a", "b"}, names); d != "" || !all || err != nil {
			t.Errorf("%s: %v, %v, %v", p, names, all, err)
		}
	}
	host, err := Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if names, all, err := host.List("/proc"); len(names) == 0 || all || err != nil {
		t.Errorf("/proc: %v, %v, %v", names, all, err)
	}
}
