package tail

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// follower runs Follow and collects what it says.
type follower struct {
	mu    sync.Mutex
	lines []string
	gaps  []string
}

func follow(t *testing.T, o Options) *follower {
	t.Helper()
	o.Interval = 5 * time.Millisecond
	f := &follower{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Follow(ctx, o,
			func(l waxseal.LogLine, _ time.Time) { f.mu.Lock(); f.lines = append(f.lines, l.Text); f.mu.Unlock() },
			func(g waxseal.Gap) { f.mu.Lock(); f.gaps = append(f.gaps, g.Reason); f.mu.Unlock() })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	time.Sleep(20 * time.Millisecond) // so that it has seen what is there
	return f
}

func (f *follower) want(t *testing.T, lines ...string) {
	t.Helper()
	want, got := strings.Join(lines, "\n"), ""
	for range 400 {
		f.mu.Lock()
		got = strings.Join(f.lines, "\n")
		f.mu.Unlock()
		if got == want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("lines are\n%.300q\nwant\n%.300q", got, want)
}

func (f *follower) wantGap(t *testing.T, part string) {
	t.Helper()
	for range 400 {
		f.mu.Lock()
		got := strings.Join(f.gaps, "\n")
		f.mu.Unlock()
		if strings.Contains(got, part) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("no gap with %q in %q", part, f.gaps)
}

func write(t *testing.T, name, text string, flag int) {
	t.Helper()
	h, err := os.OpenFile(name, os.O_WRONLY|flag, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

func logAt(t *testing.T, text string) (root, name string) {
	t.Helper()
	root = t.TempDir()
	name = filepath.Join(root, "mail.log")
	write(t, name, text, os.O_CREATE)
	return root, name
}

func TestAppendFromEnd(t *testing.T) {
	root, name := logAt(t, "old\n")
	f := follow(t, Options{Root: root, Paths: []waxseal.Path{"/mail.log"}})
	write(t, name, "one\ntwo\n", os.O_APPEND)
	f.want(t, "one", "two")
}

// TestAsked: who asks has every line that is there by then.
func TestAsked(t *testing.T) {
	dir, asked := t.TempDir(), make(chan chan struct{})
	name := filepath.Join(dir, "mail.log")
	if err := os.WriteFile(name, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lines, ended := make(chan string, 10), make(chan error, 1)
	go func() {
		ended <- Follow(ctx, Options{Root: dir, Paths: []waxseal.Path{"/mail.log"}, FromStart: true, Interval: time.Hour, Ask: asked},
			func(l waxseal.LogLine, _ time.Time) { lines <- l.Text }, func(waxseal.Gap) {})
	}()
	if got := <-lines; got != "one" {
		t.Errorf("first %q", got)
	}
	if err := os.WriteFile(name, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	asked <- done
	<-done
	select {
	case got := <-lines:
		if got != "two" {
			t.Errorf("then %q", got)
		}
	default:
		t.Error("the line was not there when the answer came")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFromStart(t *testing.T) {
	root, name := logAt(t, "old\n")
	f := follow(t, Options{Root: root, Paths: []waxseal.Path{"/mail.log"}, FromStart: true})
	write(t, name, "new\n", os.O_APPEND)
	f.want(t, "old", "new")
}

func TestPartialLineWaits(t *testing.T) {
	root, name := logAt(t, "")
	f := follow(t, Options{Root: root, Paths: []waxseal.Path{"/mail.log"}})
	write(t, name, "half", os.O_APPEND)
	time.Sleep(30 * time.Millisecond)
	f.want(t)
	write(t, name, " whole\n", os.O_APPEND)
	f.want(t, "half whole")
}

func TestRotationByRename(t *testing.T) {
	root, name := logAt(t, "")
	f := follow(t, Options{Root: root, Paths: []waxseal.Path{"/mail.log"}})
	write(t, name, "before\nno newline", os.O_APPEND)
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, name+".1", " at first\n", os.O_APPEND) // the daemon still has the old one open
	write(t, name, "after\n", os.O_CREATE)
	f.want(t, "before", "no newline at first", "after")
}

func TestCopyTruncate(t *testing.T) {
	root, name := logAt(t, "")
	f := follow(t, Options{Root: root, Paths: []waxseal.Path{"/mail.log"}})
	write(t, name, "a long line before\n", os.O_APPEND)
	f.want(t, "a long line before")
	write(t, name, "short\n", os.O_TRUNC)
	f.want(t, "a long line before", "short")
	f.wantGap(t, "truncated")
}

func TestFileAppearsLater(t *testing.T) {
	root := t.TempDir()
	f := follow(t, Options{Root: root, Paths: []waxseal.Path{"/var/log/mail.log"}})
	if err := os.MkdirAll(filepath.Join(root, "var/log"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "var/log/mail.log"), "first\n", os.O_CREATE)
	f.want(t, "first")
}

func TestOverlongLineIsCut(t *testing.T) {
	root, name := logAt(t, "")
	f := follow(t, Options{Root: root, Paths: []waxseal.Path{"/mail.log"}})
	write(t, name, strings.Repeat("x", 3*maxLine)+"\nnext\n", os.O_APPEND)
	f.want(t, strings.Repeat("x", maxLine)+Cut, "next")
}

func TestFIFOIsNotOpened(t *testing.T) {
	root := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(root, "mail.log"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := follow(t, Options{Root: root, Paths: []waxseal.Path{"/mail.log"}})
	f.wantGap(t, "not a regular file")
}

func TestLinksStayInside(t *testing.T) {
	root := t.TempDir()
	if err := os.Symlink("/logs/real", filepath.Join(root, "mail.log")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := follow(t, Options{Root: root, Paths: []waxseal.Path{"/mail.log"}})
	write(t, filepath.Join(root, "logs/real"), "inside\n", os.O_CREATE)
	f.want(t, "inside")
}

func TestRootMissing(t *testing.T) {
	err := Follow(context.Background(), Options{Root: filepath.Join(t.TempDir(), "none")}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "follow logs below") {
		t.Fatalf("error is %v", err)
	}
}

// A log that grows past its old end before anybody looks again is not taken for one that
// only grew.
func TestTruncatedAndLonger(t *testing.T) {
	root, name := logAt(t, "")
	f := &file{path: "/mail.log", emit: func(waxseal.LogLine, time.Time) {}, gap: func(waxseal.Gap) {}}
	var lines, gaps []string
	f.emit = func(l waxseal.LogLine, _ time.Time) { lines = append(lines, l.Text) }
	f.gap = func(g waxseal.Gap) { gaps = append(gaps, g.Reason) }
	var err error
	if f.root, err = unix.Open(root, unix.O_PATH|unix.O_DIRECTORY, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(f.root)
	defer f.close()
	write(t, name, "one\ntwo\n", os.O_APPEND)
	f.poll()
	write(t, name, "three\nfour\nfive\n", os.O_TRUNC)
	f.poll()
	write(t, name, "six\n", os.O_APPEND)
	f.poll()
	if got := strings.Join(lines, " "); got != "one two three four five six" {
		t.Errorf("lines are %s", got)
	}
	if len(gaps) != 1 || !strings.Contains(gaps[0], "truncated") {
		t.Errorf("gaps are %q", gaps)
	}
}
