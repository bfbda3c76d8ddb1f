package mailpath_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// with is the small server with other files; nil takes one away.
func with(changes map[waxseal.Path]snapshot.Object) map[waxseal.Path]snapshot.Object {
	objects := maps.Clone(server())
	for p, o := range changes {
		objects[p] = o
	}
	return objects
}

func object(uid, gid, mode uint32, content string) snapshot.Object {
	return snapshot.Object{File: waxseal.File{UID: uid, GID: gid, Mode: mode}, Content: []byte(content)}
}

func paths(h waxseal.Hook) []string {
	var list []string
	for _, p := range h.Closure {
		list = append(list, string(p.Path))
	}
	return list
}

// TestImports: what a script brings in from beside it is part of the hook.
func TestImports(t *testing.T) {
	const script, dir = waxseal.Path("/usr/local/bin/filter.sh"), waxseal.Path("/usr/local/bin/")
	for _, tc := range []struct {
		name, script string
		beside       []string // names beside the script, or absolute
		want         []string
	}{
		{"python", "#!/usr/bin/python3\nimport os, greylib as g\nfrom pack.sub import thing\n", []string{"greylib.py", "pack/__init__.py", "pack/sub.py", "other.py"}, []string{"greylib.py", "pack/__init__.py", "pack/sub.py"}},
		{"python that imports in turn", "#!/usr/bin/python3\nimport a\n", []string{"a.py:import b\n", "b.py:import a\n", "c.py"}, []string{"a.py", "b.py"}},
		{"python with another path", "#!/usr/bin/python3\nimport sys\nsys.path.insert(0, '/opt/m')\nimport m\n", []string{"/opt/m/m.py"}, []string{"/opt/m/m.py"}},
		{"perl", "#!/usr/bin/perl\nuse strict;\nuse lib '/opt/p';\nuse My::Mod qw(x);\nrequire \"conf.pl\";\n", []string{"/opt/p/My/Mod.pm", "conf.pl"}, []string{"/opt/p/My/Mod.pm", "conf.pl"}},
		{"perl beside", "#!/usr/bin/perl\nuse FindBin;\nuse lib \"$FindBin::Bin/lib\";\nuse Deep;\n", []string{"lib/Deep.pm"}, []string{"lib/Deep.pm"}},
		{"shell", "#!/bin/sh\n. ./a.sh\nsource \"$(dirname \"$0\")/b.sh\"\n. ${DIR}/c.sh\nexec helper2 \"$@\"\n", []string{"a.sh", "b.sh", "c.sh", "d.sh", "helper2"}, []string{"a.sh", "b.sh", "c.sh", "helper2"}},
		{"in a comment", "#!/usr/bin/python3\n# import greylib\n", []string{"greylib.py"}, nil},
	} {
		changes := map[waxseal.Path]snapshot.Object{script: object(0, 0, 0o755, tc.script), "/bin/sh": object(0, 0, 0o755, elf)}
		at := func(name string) waxseal.Path {
			if strings.HasPrefix(name, "/") {
				return waxseal.Path(name)
			}
			return dir + waxseal.Path(name)
		}
		for _, b := range tc.beside {
			name, content, _ := strings.Cut(b, ":")
			changes[at(name)] = object(0, 0, 0o644, content)
		}
		got := paths(hook(t, read(with(changes)), "master.cf:filter"))
		for _, b := range tc.beside {
			name, _, _ := strings.Cut(b, ":")
			if in := slices.Contains(got, string(at(name))); in != slices.Contains(tc.want, name) {
				t.Errorf("%s: %s in the closure: %v; %v", tc.name, name, in, got)
			}
		}
	}
}

// TestDirectoryChain: a directory that others than root can write is part of the
// hook below it; one that only root can is not.
func TestDirectoryChain(t *testing.T) {
	directory := func(uid, gid, mode uint32) snapshot.Object {
		return snapshot.Object{File: waxseal.File{Type: waxseal.Directory, UID: uid, GID: gid, Mode: mode}}
	}
	for _, tc := range []struct {
		name string
		dir  waxseal.Path
		as   snapshot.Object
		want bool
	}{
		{"root's", "/usr/local/bin", directory(0, 0, 0o755), false},
		{"of root's group", "/usr/local/bin", directory(0, 0, 0o775), false},
		{"of another group", "/usr/local/bin", directory(0, 50, 0o2775), true},
		{"of a user", "/usr/local", directory(1000, 0, 0o755), true},
		{"of everyone, sticky", "/usr/local", directory(0, 0, 0o1777), true},
		{"the root", "/", directory(0, 0, 0o777), true},
		{"beside", "/usr/lib", directory(1000, 0, 0o777), false},
	} {
		h := hook(t, read(with(map[waxseal.Path]snapshot.Object{tc.dir: tc.as})), "master.cf:filter")
		i := slices.IndexFunc(h.Closure, func(p waxseal.Part) bool { return p.Path == tc.dir })
		if (i >= 0) != tc.want {
			t.Errorf("%s: %v", tc.name, paths(h))
		} else if tc.want && (h.Closure[i].Role != waxseal.RoleDirectory || h.Closure[i].Mode == "" || h.Closure[i].Owner == "") {
			t.Errorf("%s: %+v", tc.name, h.Closure[i])
		}
	}
}

// TestLibraries: a program brings its libraries into the state; into the closure
// come those that nothing vouches for.
func TestLibraries(t *testing.T) {
	content, err := os.ReadFile("/bin/cat") // a real program, linked to libc.so.6
	if err != nil || !strings.Contains(string(content), "libc.so.6") {
		t.Skip("no dynamically linked /bin/cat here")
	}
	changes := map[waxseal.Path]snapshot.Object{
		"/usr/local/bin/filter.sh": object(0, 0, 0o755, string(content)),
		"/lib64/libc.so.6":         object(0, 0, 0o755, elf),
		"/etc/ld.so.conf":          object(0, 0, 0o644, ""),
	}
	s := read(with(changes))
	file(t, s, "/lib64/libc.so.6")
	if got := paths(hook(t, s, "master.cf:filter")); slices.Contains(got, "/lib64/libc.so.6") {
		t.Errorf("a library of the system is in a closure: %v", got)
	}
	changes["/etc/ld.so.conf"] = object(0, 0, 0o644, "/opt/l\n")
	changes["/opt/l/libc.so.6"] = object(0, 0, 0o755, elf)
	if p := part(t, hook(t, read(with(changes)), "master.cf:filter"), "/opt/l/libc.so.6"); p.Role != waxseal.RoleLibrary || p.Digest == "" {
		t.Errorf("%+v", p)
	}
	delete(changes, "/opt/l/libc.so.6")
	changes["/lib64/libc.so.6"] = object(0, 0, 0o666, elf)
	part(t, hook(t, read(with(changes)), "master.cf:filter"), "/lib64/libc.so.6")
}

// TestListeners: a hook on a local socket says who listens there.
func TestListeners(t *testing.T) {
	listens := func(network, address string, pid int, exe waxseal.Path) waxseal.Listener {
		return waxseal.Listener{Network: network, Address: address, PID: pid, Exe: exe}
	}
	live := mailpath.Live{Listeners: []waxseal.Listener{
		listens("tcp", "127.0.0.1:8891", 11, "/usr/local/bin/helper"), listens("tcp", "0.0.0.0:8893", 12, "/usr/local/bin/helper"), listens("tcp", "[::1]:8894", 13, "/x"), listens("tcp", "192.0.2.9:8895", 14, "/x"),
		listens("unix", "/var/spool/postfix/var/run/x/sock", 15, "/usr/local/bin/helper"), listens("unix", "/var/spool/postfix/m.sock", 16, "/x"), listens("unix", "/m.sock", 17, "/x"), listens("tcp", "127.0.0.1:10024", 18, "/x"),
	}}
	for milter, want := range map[string]int{
		"inet:127.0.0.1:8891": 11, "inet:localhost:8891": 11, "inet:8891@127.0.0.1": 11, "inet:[127.0.0.1]:8893": 12, "inet:[::1]:8894": 13, "inet:localhost:8894": 13, "inet:localhost:8895": 0,
		"unix:/var/run/x/sock": 15, "unix:m.sock": 16, "unix:/m.sock": 16, "inet:localhost:1": 0, "inet:203.0.113.5:8891": 0, "inet:203.0.113.5:8893": 0,
	} {
		objects := with(map[waxseal.Path]snapshot.Object{"/etc/postfix/main.cf": object(0, 0, 0o644, mainCF+"smtpd_milters = "+milter+"\n")})
		h := hook(t, mailpath.NewReader(mask.New([]byte("key"))).ReadLive(snapshot.New(objects), live), "smtpd_milters")
		switch {
		case want == 0 && h.Listener != nil, want != 0 && (h.Listener == nil || h.Listener.PID != want):
			t.Errorf("%s: %+v, want %d", milter, h.Listener, want)
		case want == 11:
			if p := part(t, h, "/usr/local/bin/helper"); p.Role != waxseal.RoleBinary || h.Listener.PackageState == "" {
				t.Errorf("%+v %+v", p, h.Listener)
			}
		}
	}
	if h := hook(t, read(server()), "master.cf:filter"); h.Listener != nil {
		t.Errorf("%+v", h.Listener)
	}
}

// TestSurroundings: what lies around Postfix is in the same picture.
func TestSurroundings(t *testing.T) {
	s := read(with(map[waxseal.Path]snapshot.Object{
		"/etc/ld.so.preload":   object(0, 0, 0o644, "/lib/e.so\n"),
		"/lib/e.so":            object(0, 0, 0o755, elf),
		"/etc/hosts":           object(0, 0, 0o644, "203.0.113.9 filter.example.test\n198.51.100.4 smart.example.test\n"),
		"/etc/postfix/main.cf": object(0, 0, 0o644, mainCF+"smtpd_milters = inet:filter.example.test:8891\nrelayhost = [smart.example.test]:587\n"),
	}))
	if h := hook(t, s, "host:/etc/ld.so.preload"); h.MTA != waxseal.HostStack || part(t, h, "/lib/e.so").Digest == "" {
		t.Errorf("%+v", h)
	}
	if h := hook(t, s, "host:/etc/hosts:filter.example.test"); !h.Active || h.Modifiers["used_by"] == "" {
		t.Errorf("%+v", h)
	}
	if h := hook(t, s, "host:/etc/hosts:smart.example.test"); h.Active {
		t.Errorf("smtp(8) asks the DNS only: %+v", h)
	}
}

// FuzzBesides: whatever a script says, its closure ends.
func FuzzBesides(f *testing.F) {
	for _, s := range []string{"import a.b as c, d\nfrom .x import (y, z)\n", "use lib '/p';\nuse A::B;\n", ". \"$(dirname \"$0\")/x\"\nexec -a b c\n", "sys.path.append(\"/\")\nimport x", "source ..\nimport ..\nfrom ... import *\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		objects := with(map[waxseal.Path]snapshot.Object{"/usr/local/bin/filter.sh": object(0, 0, 0o755, "#!/bin/sh\n"+text), "/usr/local/bin/a.py": object(0, 0, 0o644, text), "/x": object(0, 0, 0o644, text)})
		for _, p := range hook(t, read(objects), "master.cf:filter").Closure {
			if !strings.HasPrefix(string(p.Path), "/") {
				t.Errorf("%q", p.Path)
			}
		}
	})
}
