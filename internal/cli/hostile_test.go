package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"waxseal/internal/cli"
)

// soundFiles are a small mail server's.
var soundFiles = map[string]string{
	"etc/hostname":          "mail.example.test\n",
	"etc/postfix/main.cf":   "myhostname = mail.example.test\nmydestination = example.test\nalias_maps = hash:/etc/aliases\nsmtpd_milters = inet:127.0.0.1:8891\n",
	"etc/postfix/master.cf": "smtp inet n - y - - smtpd\ncleanup unix n - y - 0 cleanup\nlocal unix - n n - - local\nvacation unix - n n - - pipe user=vacation argv=/usr/bin/vacation\n",
	"etc/aliases":           "postmaster: root\nroot: alice\n",
}

func soundTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range soundFiles {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// waxseal runs one command line; one that takes a minute hangs.
func waxseal(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	done := make(chan int)
	go func() { done <- cli.Run(context.Background(), args, &out, &err, "test") }()
	select {
	case code = <-done:
		return code, out.String(), err.String()
	case <-time.After(time.Minute):
		t.Fatalf("waxseal %v does not end", args)
		return 0, "", ""
	}
}

// broken are trees in which something is not as it should be. What they share:
// scan says it in words, with the code, and lists the hooks that it can read.
var broken = []struct {
	name string
	do   func(t *testing.T, root string) // nil error or skip
	code int                             // of scan with --fail-on critical; -1 is any
	say  []string                        // words of scan
	keep string                          // part of the id of a hook that is listed all the same
}{
	{"main.cf is a FIFO", place("etc/postfix/main.cf", fifo), 3, []string{"/etc/postfix/main.cf: not a regular file"}, "/etc/postfix/master.cf:vacation"},
	{"main.cf is a directory", place("etc/postfix/main.cf", directory), 3, []string{"/etc/postfix/main.cf: not a regular file"}, "/etc/postfix/master.cf:vacation"},
	{"main.cf is a device", place("etc/postfix/main.cf", device), 3, []string{"/etc/postfix/main.cf: not a regular file"}, "/etc/postfix/master.cf:vacation"},
	{"main.cf leads to itself", place("etc/postfix/main.cf", link("main.cf")), 3, []string{"/etc/postfix/main.cf: too many levels of symbolic links"}, "/etc/postfix/master.cf:vacation"},
	{"main.cf leads nowhere", place("etc/postfix/main.cf", link("/srv/main.cf")), 3, []string{"/etc/postfix/main.cf: a symbolic link to /srv/main.cf, which is not in this tree"}, "/etc/postfix/master.cf:vacation"},
	{"main.cf leads out of the root", place("etc/postfix/main.cf", link("/etc/passwd")), 3, []string{"a symbolic link to /etc/passwd, which is not in this tree"}, "/etc/postfix/master.cf:vacation"},
	{"main.cf is huge", place("etc/postfix/main.cf", huge(100<<20)), 3, []string{"/etc/postfix/main.cf: file is too large to read"}, "/etc/postfix/master.cf:vacation"},
	{"main.cf is a program", place("etc/postfix/main.cf", file(strings.Repeat("\x7fELF\x00\x01\x02\n\xff\xfe\x00", 5000))), 3,
		[]string{"/etc/postfix/main.cf: it holds null bytes and is not text", "more problems"}, "/etc/postfix/master.cf:vacation"},
	{"master.cf is a FIFO", place("etc/postfix/master.cf", fifo), 3, []string{"/etc/postfix/master.cf: not a regular file"}, "main.cf:smtpd_milters:1"},
	{"aliases is a FIFO", place("etc/aliases", fifo), 3, []string{"/etc/aliases: not a regular file"}, "main.cf:smtpd_milters:1"},
	{"aliases is a directory", place("etc/aliases", directory), 3, []string{"/etc/aliases: not a regular file"}, "main.cf:smtpd_milters:1"},
	{"a map of five million lines", both(add("virtual_alias_maps = hash:/etc/postfix/virtual\n"), place("etc/postfix/virtual", file(strings.Repeat("a b\n", 5_000_000)))), 0,
		nil, "main.cf:smtpd_milters:1"},
	{"a map is huge", both(add("virtual_alias_maps = hash:/etc/postfix/virtual\n"), place("etc/postfix/virtual", huge(300<<20))), 3,
		[]string{"/etc/postfix/virtual: file is too large to read"}, "main.cf:smtpd_milters:1"},
	{"a map of junk", both(add("virtual_alias_maps = hash:/etc/postfix/virtual\n"), place("etc/postfix/virtual", file("a\x00b c\xff\n\x1b[31m \x00\n"))), -1,
		[]string{"/etc/postfix/virtual"}, "main.cf:smtpd_milters:1"},
	{"no setting at all", add("this is no setting\n"), 0, []string{`/etc/postfix/main.cf:5: expected name = value, found "this is no setting"`}, "main.cf:smtpd_milters:1"},
	{"names in a ring", add("a = $b\nb = ${a}\nsmtpd_client_restrictions = $a\n"), 0, []string{"/etc/postfix/main.cf:5: $a expands to itself through a, b"}, "main.cf:smtpd_milters:1"},
	{"names nested deeply", add(nested(5000)), 0, nil, "main.cf:smtpd_milters:1"},
	{"lists that include themselves", both(place("etc/aliases", file("all: :include:/etc/list\n")), place("etc/list", file(":include:/etc/list\nbob\n"))), 0,
		[]string{"/etc/list:1: the list /etc/list includes itself"}, "main.cf:smtpd_milters:1"},
	{"escape sequences", both(add("always_bcc = \x1b]0;owned\x07\xff\xfe\u202etset@evil.example\nx\x1b[2J = y\n"), place("etc/postfix/a\x1b[2J\xff\nb", file("x"))), 1,
		[]string{`\x1b]0;owned\x07`}, "main.cf:always_bcc"},
}

func TestBrokenTrees(t *testing.T) {
	for _, tc := range broken {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			root, state := soundTree(t), filepath.Join(t.TempDir(), "state")
			before := soundTree(t)
			if code, _, err := waxseal(t, "seal", "--root", root, "--state", state); code != 0 {
				t.Fatalf("seal of the sound tree: %d, %s", code, err)
			}
			tc.do(t, root)
			scanBroken(t, root, tc.code, tc.say, tc.keep)
			for _, args := range [][]string{
				{"check", "--root", root, "--state", state},
				{"diff", before, root},
				{"seal", "--root", root, "--state", filepath.Join(t.TempDir(), "fresh")},
				{"doctor", "--root", root},
				{"seal", "--root", root, "--state", state},
				{"findings", "list", "--state", state},
			} {
				answers(t, tc.code, append(args, "--fail-on", "critical")...)
			}
			intact(t, state)
		})
	}
}

// scanBroken scans a tree as text and as a document.
func scanBroken(t *testing.T, root string, want int, say []string, keep string) {
	t.Helper()
	code, out, errs := waxseal(t, "scan", "--root", root, "--fail-on", "critical")
	if code != want && want >= 0 {
		t.Errorf("scan: code %d, want %d", code, want)
	}
	for _, words := range say {
		if !strings.Contains(out, words) {
			t.Errorf("scan does not say %q:\n%s%s", words, out, errs)
		}
	}
	if strings.Contains(out, "root:x:0:") {
		t.Errorf("scan read a file outside the root:\n%s", out)
	}
	_, out, _ = waxseal(t, "scan", "--root", root, "--format", "json")
	if !strings.Contains(out, keep) {
		t.Errorf("scan no longer lists %s:\n%.2000s", keep, out)
	}
}

// answers runs a command as text and as a document: both end, with a code that
// says no internal error, and are fit for a terminal and a parser. Where a
// thing could not be read (code 3) each says so, one way or the other.
func answers(t *testing.T, want int, args ...string) {
	t.Helper()
	code, out, errs := waxseal(t, args...)
	if code > 3 || code == 2 {
		t.Errorf("%v: code %d\n%s%s", args, code, out, errs)
	}
	if problem := notPlain(strings.ReplaceAll(out+errs, t.TempDir(), "")); problem != "" && !strings.Contains(problem, "wide") {
		t.Errorf("%v: %s", args, problem)
	}
	if want == 3 && args[0] == "check" && code != 3 {
		t.Errorf("check of what can't be read: code %d\n%s%s", code, out, errs)
	}
	code, out, errs = waxseal(t, append(args, "--format", "json")...)
	if !utf8.ValidString(out) || !json.Valid([]byte(out)) {
		t.Errorf("%v: no JSON in UTF-8: %.200q", args, out)
	}
	if code == 3 && args[0] != "doctor" && !strings.Contains(out+errs, "/etc/") {
		t.Errorf("%v as JSON: code 3, and nothing says what could not be read", args)
	}
}

// intact: nothing recorded is lost, and a seal is compared with as it was made:
// what was read twice without a change is no change.
func intact(t *testing.T, state string) {
	t.Helper()
	if code, out, errs := waxseal(t, "ledger", "verify", "--state", state); code != 0 || !strings.Contains(out, "ok: ") {
		t.Errorf("ledger verify: code %d\n%s%s", code, out, errs)
	}
}

// TestSealedAsRead: whatever a tree holds, it is the same when nobody touched it.
func TestSealedAsRead(t *testing.T) {
	for _, tc := range broken {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			root, state := soundTree(t), filepath.Join(t.TempDir(), "state")
			tc.do(t, root)
			if code, out, errs := waxseal(t, "seal", "--root", root, "--state", state); code != tc.code && tc.code == 3 {
				t.Fatalf("seal: code %d, want %d\n%s%s", code, tc.code, out, errs)
			}
			_, out, _ := waxseal(t, "check", "--root", root, "--state", state)
			if !strings.Contains(out, "nothing changed for mail") {
				t.Errorf("check sees a change that nobody made:\n%s", out)
			}
		})
	}
}

type breaker func(t *testing.T, file string)

// place puts something else in the place of a file.
func place(name string, make breaker) func(*testing.T, string) {
	return func(t *testing.T, root string) {
		t.Helper()
		p := filepath.Join(root, name)
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		make(t, p)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fifo(t *testing.T, p string)      { must(t, unix.Mkfifo(p, 0o644)) }
func directory(t *testing.T, p string) { must(t, os.Mkdir(p, 0o755)) }

func device(t *testing.T, p string) {
	t.Helper()
	const null = 1<<8 | 3 // major 1, minor 3 (null(4))
	if err := unix.Mknod(p, unix.S_IFCHR|0o666, null); err != nil {
		t.Skip("a device can't be made here: ", err)
	}
}

func link(target string) breaker {
	return func(t *testing.T, p string) { must(t, os.Symlink(target, p)) }
}

func file(content string) breaker {
	return func(t *testing.T, p string) { must(t, os.WriteFile(p, []byte(content), 0o644)) }
}

func huge(size int64) breaker {
	return func(t *testing.T, p string) { must(t, errors.Join(os.WriteFile(p, nil, 0o644), os.Truncate(p, size))) }
}

func add(text string) func(*testing.T, string) {
	return place("etc/postfix/main.cf", file(soundFiles["etc/postfix/main.cf"]+text))
}

func both(a, b func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, root string) { a(t, root); b(t, root) }
}

func nested(n int) string {
	var b strings.Builder
	b.WriteString("x0 = permit\n")
	for i := range n {
		fmt.Fprintf(&b, "x%d = $x%d\n", i+1, i)
	}
	fmt.Fprintf(&b, "smtpd_client_restrictions = $x%d\n", n)
	return b.String()
}
