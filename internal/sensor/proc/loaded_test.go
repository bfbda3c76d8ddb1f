package proc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/testtime"
)

func TestParseMaps(t *testing.T) {
	const text = "55d0c0a00000-55d0c0a10000 r--p 00000000 fe:00 393 /usr/lib/postfix/sbin/smtpd\n" +
		"55d0c0a10000-55d0c0a80000 r-xp 00010000 fe:00 393                        /usr/lib/postfix/sbin/smtpd\n" +
		"7f0c5e000000-7f0c5e021000 rwxp 00000000 00:00 0 \n7f0c5e100000-7f0c5e121000 r-xp 00000000 00:01 12   /memfd:a b (deleted)\n" +
		"7f0c5f000000-7f0c5f001000 r-xp 00000000 103:0a 77   /tmp/x\\012y.so (deleted)\n7ffd0-7ffd1 r-xp 00000000 00:00 0   [vdso]\nbroken\nr r-xp 0 zz:0 1 /x\n" +
		"7f0c5f000000-7f0c5f001000 r-xp 00000000 00:01 5   /dev/zero (deleted)\n"
	want := []mapping{
		{"55d0c0a10000-55d0c0a80000", 0xfe, 0, 393, "/usr/lib/postfix/sbin/smtpd"}, {"7f0c5e100000-7f0c5e121000", 0, 1, 12, "/memfd:a b (deleted)"},
		{"7f0c5f000000-7f0c5f001000", 0x103, 10, 77, "/tmp/x\ny.so (deleted)"},
	}
	if got := parseMaps([]byte(text)); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func FuzzParseMaps(f *testing.F) {
	f.Add([]byte("55d0c0a10000-55d0c0a80000 r-xp 00010000 fe:00 393    /usr/sbin/x (deleted)\n"))
	f.Add([]byte("a r-xp 0 0:0 0 /\\012\n\n     \n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range parseMaps(b) {
			if !strings.HasPrefix(m.path, "/") {
				t.Errorf("%+v", m)
			}
		}
	})
}

func TestScriptOf(t *testing.T) {
	for line, want := range map[string]string{
		"/usr/bin/perl -T -w /usr/sbin/spamd -d": "/usr/sbin/spamd", "python3 policyd.py": "/srv/policyd.py", "python3 -m http.server": "", "perl": "", "/usr/sbin/spamd": "", "python3 -c pass": "",
	} {
		if got := scriptOf(strings.Fields(line), "/srv"); got != want {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// mapped maps a file so that its code could be run.
func mapped(t *testing.T, fd int) {
	t.Helper()
	m, err := unix.Mmap(fd, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	if err != nil {
		t.Skip("a file can't be mapped to be run here:", err)
	}
	t.Cleanup(func() { _ = unix.Munmap(m) })
}

// TestLoaded: this very process has files in its memory that are there, gone,
// replaced, and that never were a file.
func TestLoaded(t *testing.T) {
	dir := t.TempDir()
	page := make([]byte, os.Getpagesize())
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), page, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"there.so", "gone.so", "replaced.so"} {
		write(name)
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		mapped(t, int(f.Fd()))
		f.Close()
	}
	if err := os.Remove(filepath.Join(dir, "gone.so")); err != nil {
		t.Fatal(err)
	}
	write("other")
	if err := os.Rename(filepath.Join(dir, "other"), filepath.Join(dir, "replaced.so")); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.MemfdCreate("secret", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, page); err != nil {
		t.Fatal(err)
	}
	mapped(t, fd)
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := running(t, waxseal.Path(me))
	for name, want := range map[string]waxseal.Mapped{
		"there.so": {}, "gone.so": {Gone: true}, "replaced.so": {Replaced: true}, "/memfd:secret": {Memory: true},
	} {
		if want.Path = waxseal.Path(filepath.Join(dir, name)); want.Memory {
			want.Path = waxseal.Path(name)
		}
		if !slices.Contains(p.Code, want) {
			t.Errorf("%+v is not among %+v", want, p.Code)
		}
	}
}

// running finds this process among those whose program is the test's.
func running(t *testing.T, me waxseal.Path) waxseal.Running {
	t.Helper()
	list := New(Options{}).Loaded(func(exe waxseal.Path) bool { return exe == me }, func(string) bool { return false }, nil)
	i := slices.IndexFunc(list, func(p waxseal.Running) bool { return p.PID == os.Getpid() })
	if i < 0 {
		t.Fatalf("this process is not among %+v", list)
	}
	if p := list[i]; p.Exe != me || p.Blind || int(p.UID) != os.Geteuid() || len(p.Code) == 0 {
		t.Errorf("%+v", p)
	}
	return list[i]
}

// TestLoadedCosts: to look at every process of this host takes little of the
// processor, by what there is to be read.
func TestLoadedCosts(t *testing.T) {
	r := New(Options{})
	looked := 0
	spent := testtime.Spent(func() {
		looked = len(r.Loaded(func(waxseal.Path) bool { return true }, func(string) bool { return true }, nil))
	})
	t.Logf("%d processes in %s", looked, spent)
	if each := spent.Milliseconds() / int64(max(looked, 50)); each > 2 {
		t.Errorf("%d ms for each of %d processes", each, looked)
	}
}
