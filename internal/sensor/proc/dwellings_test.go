package proc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"waxseal"
)

// fakeProc is a /proc with processes made of files.
type fakeProc struct {
	*testing.T
	dir string
}

func (p fakeProc) process(pid, exe, root, group, comm string, sockets ...string) {
	p.Helper()
	dir := filepath.Join(p.dir, pid)
	p.must(os.MkdirAll(filepath.Join(dir, "ns"), 0o755))
	p.must(os.MkdirAll(filepath.Join(dir, "net"), 0o755))
	p.must(os.MkdirAll(filepath.Join(dir, "fd"), 0o755))
	p.must(os.Symlink(exe, filepath.Join(dir, "exe")))
	p.must(os.Symlink(root, filepath.Join(dir, "root")))
	p.must(os.Symlink("mnt:[402653"+pid+"]", filepath.Join(dir, "ns/mnt")))
	p.must(os.Symlink("net:[402653"+pid+"]", filepath.Join(dir, "ns/net")))
	p.must(os.WriteFile(filepath.Join(dir, "cgroup"), []byte("0::"+group+"\n"), 0o644))
	p.must(os.WriteFile(filepath.Join(dir, "comm"), []byte(comm+"\n"), 0o644))
	for i, s := range sockets {
		p.must(os.Symlink("socket:[77]", filepath.Join(dir, "fd", string(rune('0'+i)))))
		p.must(os.WriteFile(filepath.Join(dir, "net/tcp"), []byte("  sl  local_address\n   0: "+s+" 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0\n"), 0o644))
	}
}

func (p fakeProc) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// TestDwellings: what counts is where a program lies and what it listens to, by whatever
// name it goes.
func TestDwellings(t *testing.T) {
	p := fakeProc{t, t.TempDir()}
	srv := t.TempDir()
	spool := t.TempDir()
	const docker = "/system.slice/docker-3f5a9c0e1b2d4c5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6.scope"
	p.process("self", "/usr/bin/waxseal", "/", "/user.slice", "waxseal")
	p.process("1", "/sbin/init", "/", "/init.scope", "init")
	p.process("20", "/usr/lib/postfix/sbin/master", "/", "/system.slice/postfix.service", "master")                  // the host's own
	p.process("21", "/usr/lib/postfix/sbin/smtpd", spool, "/system.slice/postfix.service", "smtpd")                  // it confines itself
	p.process("30", srv+"/usr/lib/postfix/sbin/master", srv, "/user.slice", "master", "00000000:0019")               // a chroot
	p.process("31", srv+"/usr/bin/python3", srv, "/user.slice", "python3", "00000000:1F90")                          // what it does besides
	p.process("40", srv+"/opt/x/harmless", srv, docker, "harmless", "0100007F:024B")                                 // by what it listens to
	p.process("41", srv+"/usr/sbin/nginx", srv, "/system.slice/docker-aaaaaaaaaaaa.scope", "nginx", "00000000:0050") // no mail
	r := New(Options{})
	r.proc = p.dir
	got := r.Dwellings(
		func(exe waxseal.Path) bool { return strings.HasPrefix(string(exe), "/usr/lib/postfix/sbin/") },
		func(comm string) bool { return comm == "master" || comm == "smtpd" })
	want := []Dwelling{
		{Name: "root " + srv, PID: 30, At: nodeOf(t, srv), Root: p.dir + "/30/root", Programs: []waxseal.Path{"/usr/lib/postfix/sbin/master"}, Listens: []string{"tcp 0.0.0.0:25"}},
		{Name: "docker 3f5a9c0e1b2d", PID: 40, At: nodeOf(t, srv), Root: p.dir + "/40/root", Programs: []waxseal.Path{"/opt/x/harmless"}, Listens: []string{"tcp 127.0.0.1:587"}},
	}
	for i := range got {
		got[i].Mount = 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDwellingsUnprivileged: who may not look at a process goes by its name and control
// group, and says so by an empty root.
func TestDwellingsUnprivileged(t *testing.T) {
	p := fakeProc{t, t.TempDir()}
	const docker = "/system.slice/docker-3f5a9c0e1b2d4c5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6.scope"
	p.process("50", "/usr/lib/postfix/sbin/master", "/", docker, "qmgr")
	p.process("51", "/usr/sbin/nginx", "/", docker, "nginx")
	r := New(Options{})
	r.proc = p.dir
	l := &lodger{reader: r, named: func(comm string) bool { return comm == "qmgr" }, found: map[string]*Dwelling{}}
	l.guess(50, "50")
	l.guess(51, "51")
	if d := l.found["docker 3f5a9c0e1b2d"]; len(l.found) != 1 || d == nil || d.Root != "" || d.PID != 50 || len(d.Programs) != 1 {
		t.Errorf("found is %+v", l.found)
	}
}

func nodeOf(t *testing.T, dir string) Node {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	return Node{st.Dev, st.Ino}
}

func TestRootMount(t *testing.T) {
	for _, tc := range []struct{ name, line, want string }{
		{"an overlay", "67 42 0:39 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/srv/c\\0401/upper,workdir=/w", "overlay /srv/c 1/upper"},
		{"one that is only read", "67 42 0:39 / / ro - overlay overlay ro,lowerdir=/l:/m", ""},
		{"a directory", "67 42 8:1 /srv/mail / rw - ext4 /dev/sda1 rw", "root /srv/mail"},
		{"a device", "67 42 253:3 / / rw - ext4 /dev/mapper/mail rw", "device /dev/mapper/mail"},
		{"memory", "67 42 0:40 / / rw - tmpfs tmpfs rw", ""},
		{"no line", "", ""},
	} {
		if got, _ := rootMount([]byte(tc.line + "\n")); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
