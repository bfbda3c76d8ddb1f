package mailpath

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
)

// TestTooLarge: how much is read of files that anybody may make as large as he likes.
func TestTooLarge(t *testing.T) {
	const gib, mib = 1 << 30, 1 << 20
	var s spent
	for i, step := range []struct {
		uid  uint32
		size int64
		want bool
	}{
		{0, 512*mib + 1, true}, {1000, 8192 * gib, true},
		{1000, 500 * mib, false}, {1000, 13 * mib, true}, {1000, 11 * mib, false}, {1000, mib + 1, true}, {1000, mib, false}, {1000, 8 * mib, true},
		{1001, 512 * mib, false}, {1002, 512 * mib, false}, {1003, 400 * mib, false}, {1004, 200 * mib, true}, {1004, mib, false},
		{0, 512 * mib, false}, {0, 512 * mib, false}, {0, 512 * mib, false}, {0, 508 * mib, false}, {0, 5 * mib, true}, {0, 4 * mib, false}, {0, 0, false},
	} {
		if got := s.tooLarge(waxseal.File{UID: step.uid, Size: step.size}); got != step.want {
			t.Errorf("step %d, %d bytes of %d: too large is %t", i, step.size, step.uid, got)
		}
	}
}

// TestUnread: a program of a user that is of a terabyte of nothing is not read, and a write
// into it shows all the same, also where its times are set back.
func TestUnread(t *testing.T) {
	root := t.TempDir()
	for p, text := range map[string]string{
		"/etc/passwd": "bob:x:1001:1001::/home/bob:/bin/sh\n", "/home/bob/.forward": "|/home/bob/x\n", "/home/bob/x": "#!/bin/sh\nexec /bin/sh\n",
		"/etc/postfix/main.cf":   "myhostname = mail.example.test\n",
		"/etc/postfix/master.cf": "smtp inet n - y - - smtpd\nlocal unix - n n - - local\n",
	} {
		name := filepath.Join(root, p)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	large := filepath.Join(root, "/home/bob/x")
	if err := os.Truncate(large, 1<<40); err != nil {
		t.Skip("this file system has no file of a terabyte: ", err)
	}
	before, err := os.Stat(large)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	masker := mask.New([]byte("key"))
	read := func() (f waxseal.FileState) {
		s := NewReader(masker).Read(tree)
		for _, p := range s.Problems {
			if p.Path == "/home/bob/x" && strings.Contains(p.Message, "too many to be read") {
				f.Text = "told"
			}
		}
		for _, known := range s.Files {
			if known.Path == "/home/bob/x" {
				f.File, f.Digest, f.Keyed = known.File, known.Digest, known.Keyed
			}
		}
		if f.Digest == "" || !f.Keyed || f.Text != "told" || f.Size != 1<<40 {
			t.Fatalf("the state has %+v; problems %v", f, s.Problems)
		}
		return f
	}
	first := read()
	if again := read(); again.Digest != first.Digest {
		t.Error("two readings of the same have two digests")
	}
	f, err := os.OpenFile(large, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("x"), 1<<39)
	if err := errors.Join(err, f.Close(), os.Chtimes(large, before.ModTime(), before.ModTime())); err != nil {
		t.Fatal(err)
	}
	if later := read(); later.Digest == first.Digest {
		t.Error("a write into it does not show")
	}
}
