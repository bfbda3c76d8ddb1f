package proc

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

func TestParseFlags(t *testing.T) {
	for text, want := range map[string]uint64{"pos:\t0\nflags:\t0102001\nmnt_id:\t29\n": 0o102001, "flags: 0\n": 0} {
		if got, ok := parseFlags([]byte(text)); !ok || got != want {
			t.Errorf("%q: %o, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "pos: 0\n", "flags: 9\n", "flags:\n"} {
		if got, ok := parseFlags([]byte(text)); ok {
			t.Errorf("%q: %o", text, got)
		}
	}
}

func FuzzParseFlags(f *testing.F) {
	f.Add([]byte("pos:\t0\nflags:\t0100002\nmnt_id:\t9\n"))
	f.Add([]byte("flags:777777777777777777777777\n"))
	f.Fuzz(func(t *testing.T, b []byte) { parseFlags(b) })
}

// held are files as a process may hold them, made in dir by name, and what is to be
// said of each.
var held = []struct {
	name  string
	flags int
	then  func(t *testing.T, name string) // after it was opened
	want  waxseal.Opened
}{
	{"read", os.O_RDONLY, nil, waxseal.Opened{}},
	{"appended", os.O_WRONLY | os.O_APPEND, nil, waxseal.Opened{Writes: true, Appends: true}},
	{"both", os.O_RDWR, nil, waxseal.Opened{Writes: true}},
	{"gone", os.O_RDONLY, removed, waxseal.Opened{Gone: true}},
	{"ends (deleted)", os.O_RDONLY, nil, waxseal.Opened{}},
	{"updated", os.O_RDONLY, func(t *testing.T, name string) { replaced(t, name, time.Now().Add(time.Minute)) }, waxseal.Opened{Replaced: true}},
	{"put back", os.O_RDONLY, func(t *testing.T, name string) { replaced(t, name, time.Now().Add(-time.Hour)) }, waxseal.Opened{Replaced: true, Later: true}},
	{"emptied", os.O_RDWR, func(t *testing.T, name string) { must(t, os.Truncate(name, 0)) }, waxseal.Opened{Writes: true, Empty: true}},
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func removed(t *testing.T, name string) { must(t, os.Remove(name)) }

// replaced puts another file in the place of one, of a certain time.
func replaced(t *testing.T, name string, modified time.Time) {
	other := name + ".new"
	must(t, os.WriteFile(other, []byte("x"), 0o600))
	must(t, os.Chtimes(other, modified, modified))
	must(t, os.Rename(other, name))
}

// TestOpened: this very process holds files open that are there, gone, replaced, and
// one that never was in a directory.
func TestOpened(t *testing.T) {
	dir := t.TempDir()
	var want []waxseal.Opened
	for _, h := range held {
		name := filepath.Join(dir, h.name)
		must(t, os.WriteFile(name, []byte("x"), 0o600))
		f, err := os.OpenFile(name, h.flags, 0)
		must(t, err)
		t.Cleanup(func() { f.Close() })
		if h.then != nil {
			h.then(t, name)
		}
		h.want.Path = waxseal.Path(name)
		want = append(want, h.want)
	}
	fd, err := unix.MemfdCreate("kept", 0)
	must(t, err)
	defer unix.Close(fd)
	want = append(want, waxseal.Opened{Path: "/memfd:kept", Memory: true, Writes: true, Empty: true})
	pipe(t, dir)
	me, err := os.Executable()
	must(t, err)
	p := running(t, waxseal.Path(me))
	for _, w := range want {
		if !slices.Contains(p.Open, w) {
			t.Errorf("%+v is not among %+v", w, p.Open)
		}
	}
	if p.Hidden || slices.ContainsFunc(p.Open, func(o waxseal.Opened) bool { return filepath.Base(string(o.Path)) == "pipe" }) {
		t.Errorf("%v %+v", p.Hidden, p.Open)
	}
}

// pipe holds a named pipe open, which is no file.
func pipe(t *testing.T, dir string) {
	name := filepath.Join(dir, "pipe")
	must(t, unix.Mkfifo(name, 0o600))
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { f.Close() })
}

// TestOpenedOfOthers: who may not look says so.
func TestOpenedOfOthers(t *testing.T) {
	l := &looking{reader: New(Options{}), held: map[descriptor]waxseal.Opened{}}
	if _, hidden := l.opened(1 << 30); !hidden {
		t.Error("a process that is not there has nothing to show")
	}
}
