package readroom_test

import (
	"debug/elf"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/loader/loadertest"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/readroom"
	"waxseal/internal/rootfs"
	"waxseal/internal/snapshot"
)

// TestAgainApart: what was forgotten is asked of the disk, here and apart, and nothing else;
// where a directory was touched all is to be read.
func TestAgainApart(t *testing.T) {
	s := open(t, nil)
	here := readroom.NewHere(s.tree, mailpath.NewReader(mask.New(key)))
	readers := map[string]interface {
		ReadLive(waxseal.Tree, mailpath.Live) waxseal.State
		ReadAgain(mailpath.Live) (waxseal.State, bool)
		Forget(waxseal.Path)
	}{"here": here, "apart": s.room}
	before := s.same(s.tree)
	for name, r := range readers {
		if _, ok := r.ReadAgain(mailpath.Live{}); ok && name == "here" {
			t.Errorf("%s: a tree that was never read is remembered", name)
		}
		r.ReadLive(s.tree, mailpath.Live{})
	}
	s.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nalways_bcc = box@example.net\n")
	s.write("/etc/aliases", "postmaster: box@example.net\n")
	now := s.here.ReadLive(s.tree, mailpath.Live{})
	for name, r := range readers {
		if got, ok := r.ReadAgain(mailpath.Live{}); !ok || cmp.Diff(before, got) != "" {
			t.Errorf("%s: nothing was forgotten, and it is another state: %s", name, cmp.Diff(before, got))
		}
		for _, p := range []waxseal.Path{"/etc/postfix/main.cf", "/etc/aliases"} {
			r.Forget(p)
		}
		if got, ok := r.ReadAgain(mailpath.Live{}); !ok || cmp.Diff(now, got) != "" {
			t.Errorf("%s: %v, it is not what lies there: %s", name, ok, cmp.Diff(now, got))
		}
		r.Forget("/etc/postfix")
		if _, ok := r.ReadAgain(mailpath.Live{}); ok {
			t.Errorf("%s: a directory was touched, and not all is to be read", name)
		}
	}
	if err := os.Remove(filepath.Join(s.root, "/etc/aliases")); err != nil {
		t.Fatal(err)
	}
	s.same(s.tree) // after an answer that was none
}

// TestAgainIsAnew: on a server with all that Debian's packages bring, whatever is done to
// single files, what is remembered and read again is what a reader finds that reads all.
func TestAgainIsAnew(t *testing.T) {
	root := lab.Root(t, lab.Stock)
	throughLink(t, root)
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	fresh := func() *readroom.Here {
		r := mailpath.NewReader(mask.New(key))
		r.Otherwise(rpm.Open)
		return readroom.NewHere(tree, r)
	}
	here, anew := fresh(), fresh() // both know what programs need from before
	anew.ReadLive(tree, mailpath.Live{})
	state := here.ReadLive(tree, mailpath.Live{})
	texts, codes := ofState(state)
	texts = append(texts, "/etc/passwd", "/etc/group", "/etc/rspamd/local.d/milter_headers.conf", "/etc/postfix/header_checks")
	seed := lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; %d files", seed, len(texts))
	rnd := rand.New(rand.NewPCG(seed, 1))
	cases, again := lab.Cases(t, 16), 0
	for i := range cases {
		var did []string
		for range 1 + rnd.IntN(3)/2 {
			p := texts[rnd.IntN(len(texts))]
			if rnd.IntN(5) == 0 {
				p = codes[rnd.IntN(len(codes))]
			}
			did = append(did, edit(t, root, rnd, p, texts[rnd.IntN(len(texts))])+" of "+string(p))
			here.Forget(p)
			anew.Forget(p)
		}
		if rnd.IntN(4) == 0 { // a content that was there for a moment is read in between
			here.ReadLive(snapshot.Over(tree, map[waxseal.Path]snapshot.Object{"/etc/postfix/main.cf": {Content: []byte("always_bcc = box@example.net\n")}}), mailpath.Live{})
			did = append(did, "a passing content")
		}
		got, enough := here.ReadAgain(mailpath.Live{})
		if enough {
			again++
		} else {
			got = here.ReadLive(tree, mailpath.Live{})
		}
		want := anew.ReadLive(tree, mailpath.Live{})
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("after %d rounds, %s: what was remembered is not what lies there: %s", i+1, strings.Join(did, ", "), d)
		}
	}
	if again < cases/2 {
		t.Errorf("only %d of %d were read again, the others anew", again, cases)
	}
}

// TestAgainBehindLink: what came to be is found under each name of its directory, also where
// nobody listed anything of it before.
func TestAgainBehindLink(t *testing.T) {
	s := open(t, nil)
	s.write("/etc/postfix/main.cf", "myhostname = mail.example.test\nheader_checks = regexp:/etc/mail.d/header_checks\n")
	if err := os.Symlink("postfix", filepath.Join(s.root, "etc/mail.d")); err != nil {
		t.Fatal(err)
	}
	here := readroom.NewHere(s.tree, mailpath.NewReader(mask.New(key)))
	here.ReadLive(s.tree, mailpath.Live{})
	for _, text := range []string{"/x/ REDIRECT box@example.net\n", ""} {
		if text != "" {
			s.write("/etc/postfix/header_checks", text)
		} else if err := os.Remove(filepath.Join(s.root, "etc/postfix/header_checks")); err != nil {
			t.Fatal(err)
		}
		here.Forget("/etc/postfix/header_checks")
		got, ok := here.ReadAgain(mailpath.Live{})
		if d := cmp.Diff(s.here.ReadLive(s.tree, mailpath.Live{}), got); !ok || d != "" {
			t.Errorf("with %q there, again is enough: %v; it is not what lies there: %s", text, ok, d)
		}
	}
}

// TestAgainWithOtherNames: whose a file is is told anew where the list of users is another
// one, under whatever name that was written.
func TestAgainWithOtherNames(t *testing.T) {
	s := open(t, nil)
	passwd := filepath.Join(s.root, "etc/passwd")
	if err := errors.Join(os.Rename(passwd, passwd+".real"), os.Symlink("passwd.real", passwd)); err != nil {
		t.Fatal(err)
	}
	here := readroom.NewHere(s.tree, mailpath.NewReader(mask.New(key)))
	here.ReadLive(s.tree, mailpath.Live{})
	s.write("/etc/passwd.real", "chief:x:0:0::/root:/bin/sh\n")
	here.Forget("/etc/passwd.real")
	got, ok := here.ReadAgain(mailpath.Live{})
	if d := cmp.Diff(mailpath.NewReader(mask.New(key)).ReadLive(s.tree, mailpath.Live{}), got); !ok || d != "" {
		t.Errorf("again is enough: %v; it is not what lies there: %s", ok, d)
	}
}

// TestAgainWithOtherLibraries: where a library asks for another one than before, each program
// that loads it does, whichever is asked about first, and whether it was known before.
func TestAgainWithOtherLibraries(t *testing.T) {
	needs := func(library string) string {
		return string(loadertest.Program("", loadertest.Tag{Tag: elf.DT_NEEDED, Text: library}, loadertest.Tag{Tag: elf.DT_RUNPATH, Text: "/opt/l"}))
	}
	s := open(t, nil)
	for name, text := range map[string]string{"/opt/l/liba.so": needs("libb.so"), "/opt/l/libb.so": needs(""), "/opt/l/libc.so": needs("")} {
		s.write(name, text)
	}
	filters := ""
	for _, name := range []string{"1", "2"} {
		s.write("/usr/local/bin/"+name, needs("liba.so"))
		filters += name + ": \"|/usr/local/bin/" + name + "\"\n"
	}
	s.write("/etc/aliases", filters)
	s.write("/usr/local/bin/0", needs("liba.so"))
	here := readroom.NewHere(s.tree, mailpath.NewReader(mask.New(key)))
	if first := here.ReadLive(s.tree, mailpath.Live{}); !has(first, "/opt/l/libb.so") {
		t.Fatal("no program loads the library")
	}
	for _, step := range []struct {
		path, text string
		loaded     waxseal.Path
	}{
		{"/opt/l/liba.so", needs("libc.so"), "/opt/l/libc.so"},
		{"/etc/aliases", "0: \"|/usr/local/bin/0\"\n" + filters, "/opt/l/libc.so"}, // a program that was not known
		{"/opt/l/liba.so", needs("libb.so"), "/opt/l/libb.so"},
		{"/usr/local/bin/1", needs("libc.so"), "/opt/l/libc.so"},
	} {
		s.write(step.path, step.text)
		here.Forget(waxseal.Path(step.path))
		got, ok := here.ReadAgain(mailpath.Live{})
		if d := cmp.Diff(mailpath.NewReader(mask.New(key)).ReadLive(s.tree, mailpath.Live{}), got); !ok || d != "" || !has(got, step.loaded) {
			t.Errorf("%s: again is enough: %v; it is not what lies there: %s", step.path, ok, d)
		}
	}
}

func has(s waxseal.State, p waxseal.Path) bool {
	return slices.ContainsFunc(s.Files, func(f waxseal.FileState) bool { return f.Path == p && !f.Missing })
}

// TestAgainWithoutRoom: a file for which a reading had no room has none in the next, which
// takes over what had filled it up.
func TestAgainWithoutRoom(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: the files are a user's")
	}
	s := open(t, nil)
	s.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n")
	if err := os.MkdirAll(filepath.Join(s.root, "home/bob"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write("/home/bob/.forward", "|/home/bob/a\n|/home/bob/b\n")
	for _, name := range []string{"a", "b", ".forward"} {
		at := filepath.Join(s.root, "home/bob", name)
		if name != ".forward" {
			s.write("/home/bob/"+name, "#!/bin/sh\n")
			if err := os.Truncate(at, 300<<20); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(at, 1001, 1001); err != nil {
			t.Fatal(err)
		}
	}
	here := readroom.NewHere(s.tree, mailpath.NewReader(mask.New(key)))
	first := here.ReadLive(s.tree, mailpath.Live{})
	if !slices.ContainsFunc(first.Problems, func(p waxseal.Problem) bool { return p.Path == "/home/bob/b" }) {
		t.Fatalf("there was room for both: %v", first.Problems)
	}
	s.write("/etc/postfix/main.cf", "myhostname = other.example.test\n")
	here.Forget("/etc/postfix/main.cf")
	got, ok := here.ReadAgain(mailpath.Live{})
	if d := cmp.Diff(mailpath.NewReader(mask.New(key)).ReadLive(s.tree, mailpath.Live{}), got); !ok || d != "" {
		t.Errorf("again is enough: %v; it is not what lies there: %s", ok, d)
	}
}

// throughLink has Postfix ask for a table that is not there yet, through a link.
func throughLink(t *testing.T, root string) {
	t.Helper()
	main := filepath.Join(root, "etc/postfix/main.cf")
	text, err := os.ReadFile(main)
	err = errors.Join(err, os.Symlink("postfix", filepath.Join(root, "etc/mail.d")), os.WriteFile(main, append(text, "header_checks = regexp:/etc/mail.d/header_checks\n"...), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

// ofState are files of a state that are read as text, with those that are not there, and
// small ones that are code.
func ofState(s waxseal.State) (texts, codes []waxseal.Path) {
	for _, f := range s.Files {
		switch {
		case f.Resolved != "" || f.Link != "" || !f.Missing && f.Type != waxseal.Regular:
		case f.Role.Text():
			texts = append(texts, f.Path)
		case f.Size < 1<<16:
			codes = append(codes, f.Path)
		}
	}
	return texts, codes
}

// edit does something to a file of a tree, and says what.
func edit(t *testing.T, root string, rnd *rand.Rand, p, other waxseal.Path) string {
	t.Helper()
	file := filepath.Join(root, string(p))
	text, _ := os.ReadFile(file) // it may not be there yet
	lines := strings.SplitAfter(string(text), "\n")
	at := rnd.IntN(len(lines))
	write := func(s string) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(s), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	switch rnd.IntN(6) {
	case 0:
		more, _ := os.ReadFile(filepath.Join(root, string(other)))
		write(string(text) + "\n" + string(more))
		return "another file's text behind that"
	case 1:
		write(strings.Join(lines[:at], "") + strings.Join(lines[at+1:], ""))
		return "a removal of a line"
	case 2:
		for i := range lines {
			lines[i] = strings.TrimLeft(lines[i], "#; ")
		}
		write(strings.Join(lines, ""))
		return "an awakening of what was a comment"
	case 3:
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return "a removal"
	case 4:
		if err := os.Chmod(file, 0o666); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return "a change of mode"
	}
	write(string(text) + "smtpd_milters = inet:203.0.113.9:8891\nalice: |/tmp/x\nSocket inet:8891@203.0.113.9\nprivate:x:0:0::/home/private:/bin/sh\n")
	return "lines behind that"
}
