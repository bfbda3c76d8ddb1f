package readroom_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/papers"
	"waxseal/internal/readroom"
)

// TestPapersApart: what papers say is the same, read here and apart; and who reads them
// starts when it is asked, has its own user, one capability and a filter, and ends when
// nothing more is asked.
func TestPapersApart(t *testing.T) {
	needRoot(t)
	h := apartBy(t)
	good := h.archive("mailtool", debOf("mailtool", "data.tar.gz", tarGz("./usr/bin/x", "#!/bin/sh\n", "./usr/bin/\xff", "y")))
	unsigned := waxseal.Path("/var/cache/apt/archives/other_1%3a2_all.deb")
	h.write(string(unsigned), debOf("other", "data.tar.gz", "no archive"))
	h.sign()
	h.write("/usr/lib/sysimage/rpm/Packages.db", unpacked(t, "../pkgdb/rpm/testdata/sle15-Packages.db.gz"))
	h.git("add", "apt")
	h.git("commit", "-q", "-m", "saving uncommitted changes")
	if h.apart.PID() != 0 {
		t.Error("there is a process, and nothing was asked")
	}
	for _, tt := range []struct {
		name string
		ask  func(papers.Source) (any, error)
		says string
	}{
		{"logs", func(s papers.Source) (any, error) { return s.Transactions() }, "mailtool"},
		{"an archive", func(s papers.Source) (any, error) { return s.Archive(good, h.trust) }, "signed by Example"},
		{"one that nobody signed", func(s papers.Source) (any, error) { return s.Archive(unsigned, h.trust) }, "no signed index names it"},
		{"rpm's database", func(s papers.Source) (any, error) {
			archives, log, err := s.Headers(map[string]bool{"libcap2": true}, h.trust)
			return []any{archives, log}, err
		}, "libcap2"},
		{"keys", func(s papers.Source) (any, error) { return s.Keys() }, "Example"},
		{"history", func(s papers.Source) (any, error) { return s.History("/etc/apt/sources.list") }, "the history of /etc has this content since"},
		{"no history", func(s papers.Source) (any, error) { return s.History("/usr/x") }, ""},
	} {
		want, err := tt.ask(h.here)
		got, apart := tt.ask(h.apart)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || apart != nil || !strings.Contains(fmt.Sprintf("%+v", got), tt.says) {
			t.Errorf("%s: %v, %v: %s\n%+v", tt.name, err, apart, diff, got)
		}
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.apart.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Name:\twaxseal-papers\n", "\nUid:\t65530\t65530\t65530\t65530\n", "\nCapPrm:\t0000000000000004\n", "\nCapBnd:\t0000000000000004\n", "\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
	readroom.Tire(h.apart, 10*time.Millisecond)
	if _, err := h.apart.Keys(); err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(10 * time.Second); h.apart.PID() != 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	if gaps := h.told(); h.apart.PID() != 0 || gaps != "" {
		t.Errorf("process %d, gaps: %s", h.apart.PID(), gaps)
	}
}

// TestPapersHostile: papers that were made to hurt who reads them, each signed for, so that
// it is read: the answer is an error in words, in bounded memory, and the next is as if
// nothing had been.
func TestPapersHostile(t *testing.T) {
	needRoot(t)
	h := apartBy(t)
	whole := debOf("mailtool", "data.tar.gz", tarGz("./usr/bin/x", strings.Repeat("x", 5000)))
	good := h.archive("mailtool", whole)
	for _, tt := range []struct{ name, content, says, gap string }{
		{"cut-off", whole[:len(whole)-90], "unexpected EOF", ""},
		{"no-archive", "PK\x03\x04", "not a Debian package archive", ""},
		{"bomb", ar("debian-binary", "2.0\n", "control.tar.gz", tarGz("./control", "Package: bomb\nVersion: 1.0\n"+strings.Repeat("\n", 8<<20))), "unpacks to more than is read", ""},
		{"dictionary", debOf("dictionary", "data.tar.xz", bigDictionary()), "exit code 2 (\"fatal error: runtime: out of memory\")", "dictionary_1.0_all.deb"},
		{"window", debOf("window", "data.tar.zst", "\x28\xb5\x2f\xfd\x00\xff"+strings.Repeat("\x00", 50)), "window size exceeded", ""},
		{"another", whole + "\n", "", ""},
	} {
		p := h.archive(tt.name, tt.content)
		h.sign()
		h.trust.At = h.trust.At.Add(time.Second) // lists are remembered for one moment
		a, err := h.apart.Archive(p, h.trust)
		if a.Signed || len(a.Entries) > 0 && tt.says != "" || err == nil != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, signed %v: %s", tt.name, err, a.Signed, a.Voucher)
		}
		if gaps := h.told(); (gaps == "") != (tt.gap == "") || !strings.Contains(gaps, tt.gap) {
			t.Errorf("%s: gaps: %s", tt.name, gaps)
		}
		h.gaps = nil
		if a, err := h.apart.Archive(good, h.trust); err != nil || !a.Signed || len(a.Entries) != 1 {
			t.Errorf("after %s: %v: %+v", tt.name, err, a)
		}
		if most := peak(t, h.apart.PID()); most > 200 {
			t.Errorf("%s took %d MB", tt.name, most)
		}
	}
}

// TestLogsHostile: logs without an end are read as far as they go, and what is not known of
// them is said.
func TestLogsHostile(t *testing.T) {
	needRoot(t)
	h := apartBy(t)
	const line = "2026-11-30 05:20:00 upgrade mailtool:all 1.0 1.1\n2026-11-30 05:20:01 status installed mailtool:all 1.1\n"
	var zip bytes.Buffer
	z := gzip.NewWriter(&zip)
	_, err := z.Write([]byte(line + strings.Repeat("\x00", 40<<20)))
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(h.root, "/var/log/dpkg.log")
	for _, tt := range []struct {
		name string
		make func() error
		says string
		want int
	}{
		{"the end of a large one", func() error {
			return errors.Join(os.Truncate(log, 50<<20), appendTo(log, "\n"+line))
		}, "dpkg.log: file is too large to read: of it the last 32 MB were read", 1},
		{"larger than any", func() error { return os.Truncate(log, 8<<40) }, "dpkg.log: file is too large to read", 0},
		{"packed", func() error {
			return errors.Join(os.Remove(log), os.WriteFile(log+".2.gz", zip.Bytes(), 0o600))
		}, "dpkg.log.2.gz: file is too large to read", 1},
		{"no log", func() error { return errors.Join(os.Remove(log+".2.gz"), syscall.Mkfifo(log, 0o600)) }, "dpkg.log: not a regular file", 0},
		{"elsewhere", func() error {
			h.write("/home/alice/log", line)
			return errors.Join(os.Remove(log), os.Symlink("../../home/alice/log", log))
		}, "dpkg.log: permission denied", 0},
	} {
		if err := tt.make(); err != nil {
			t.Fatal(err)
		}
		list, err := h.apart.Transactions()
		if len(list) != tt.want || err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %d transactions, %v", tt.name, len(list), err)
		}
	}
	if gaps := h.told(); gaps != "" || peak(t, h.apart.PID()) > 500 {
		t.Errorf("%d MB, gaps: %s", peak(t, h.apart.PID()), gaps)
	}
}

// TestDatabaseHostile: a database of rpm's that is none, or that asks for something else
// than packages, is an error in words.
func TestDatabaseHostile(t *testing.T) {
	needRoot(t)
	h := apartBy(t)
	const at = "/var/lib/rpm/rpmdb.sqlite"
	h.write(at, "SQLite format 3\x00"+strings.Repeat("\xff", 1<<20))
	for _, tt := range []struct {
		name, sql, says string
	}{
		{"damaged", "", "file is not a database"},
		{"a view without end", "CREATE VIEW Packages AS WITH RECURSIVE c(blob) AS (SELECT 1 UNION ALL SELECT blob+1 FROM c) SELECT blob FROM c", "not rpm's database"},
	} {
		if tt.sql != "" {
			if err := os.Remove(filepath.Join(h.root, at)); err != nil {
				t.Fatal(err)
			}
			sqlite(t, filepath.Join(h.root, at), tt.sql)
		}
		archives, log, err := h.apart.Headers(map[string]bool{"mailtool": true}, h.trust)
		if err == nil || !strings.Contains(err.Error(), tt.says) || len(archives)+len(log) > 0 {
			t.Errorf("%s: %v: %+v, %+v", tt.name, err, archives, log)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(filepath.Dir(h.root), "scratch")); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

// TestPapersLost: a process that is killed is asked again, and one that hangs is a gap that
// names the file, and what it was asked is not known, once and for a while.
func TestPapersLost(t *testing.T) {
	needRoot(t)
	h := apartBy(t)
	if list, err := h.apart.Transactions(); err != nil || len(list) != 1 {
		t.Fatalf("%v: %+v", err, list)
	}
	if err := syscall.Kill(h.apart.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if list, err := h.apart.Transactions(); err != nil || len(list) != 1 {
		t.Fatalf("after a kill: %v: %+v", err, list)
	}
	h.stop()
	readroom.Hurry(t, 200*time.Millisecond)
	for range 2 {
		if list, err := h.apart.Transactions(); !errors.Is(err, papers.ErrLost) || len(list) > 0 {
			t.Errorf("while it hangs: %v: %+v", err, list)
		}
	}
	if gaps := h.told(); strings.Count(gaps, "gave no answer") != 1 || !strings.Contains(gaps, "it had last opened /var/log/") {
		t.Errorf("gaps: %s", gaps)
	}
}

// TestPapersAbandoned: who asks need not wait for the end of an answer.
func TestPapersAbandoned(t *testing.T) {
	needRoot(t)
	h := apartBy(t)
	if _, err := h.apart.Transactions(); err != nil {
		t.Fatal(err)
	}
	h.stop()
	asked := make(chan error)
	go func() { _, err := h.apart.Transactions(); asked <- err }()
	time.Sleep(50 * time.Millisecond)
	h.apart.Abandon()
	if err := <-asked; !errors.Is(err, papers.ErrLost) || h.told() != "" {
		t.Errorf("%v, gaps: %s", err, h.told())
	}
}

// buildProbe builds a process that was taken over, in a directory of its own.
func buildProbe(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "waxseal-probe-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	bin := filepath.Join(dir, "probe")
	cmd := exec.Command("go", "build", "-o", bin, "./testdata/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return bin
}

// TestPapersAreShutIn: somebody who has taken over what parses papers can reach nothing.
func TestPapersAreShutIn(t *testing.T) {
	needRoot(t)
	bin := buildProbe(t)
	dir := filepath.Dir(bin)
	for attempt, want := range map[string]string{"socket": "SIGSYS", "exec": "SIGSYS", "agent": "SIGSYS", "write": "exit code 40", "read": "exit code 40", "log": "exit code 41"} {
		t.Run(attempt, func(t *testing.T) {
			as := filepath.Join(dir, attempt)
			if err := os.Link(bin, as); err != nil {
				t.Fatal(err)
			}
			h := newPaperHost(t, as)
			h.write("/home/alice/secret", "x")
			all := filepath.Join(filepath.Dir(h.root), "all")
			if err := errors.Join(os.Mkdir(all, 0o777), os.Chmod(all, 0o777)); err != nil {
				t.Fatal(err)
			}
			var err error
			for deadline := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(deadline); { // it ends at some moment after the walls are up
				_, err = h.apart.History("/etc/apt/sources.list")
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v; want %s", err, want)
			}
			if _, err := os.Stat(filepath.Join(all, "x")); err == nil {
				t.Error("it wrote a file")
			}
		})
	}
}
