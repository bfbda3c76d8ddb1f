package mailpath_test

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// TestLoaded: which processes belong to the mail path, and what is said of what they
// have loaded. Without a package database a library counts by where it lies.
func TestLoaded(t *testing.T) {
	const smtpd, other = "/usr/lib/postfix/sbin/smtpd", "/usr/sbin/nginx"
	files := map[string]string{"/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/postfix/main.cf": "mydestination = localhost\n", "/usr/lib/x/liba.so.1": "ELF", "/opt/b/libb.so": "ELF", "/usr/local/bin/filter.py": "#!/usr/bin/python3\n", "/usr/bin/python3": "ELF",
		"/etc/postfix/master.cf": "f unix - n n - - pipe user=nobody argv=/usr/local/bin/filter.py\n"}
	process := func(exe waxseal.Path, script waxseal.Path, f waxseal.Mapped) waxseal.Running {
		return waxseal.Running{PID: 7, Exe: exe, Script: script, User: "nobody", Code: []waxseal.Mapped{f}}
	}
	for _, c := range []struct {
		name    string
		running waxseal.Running
		want    string // state, or "" for nothing
	}{
		{"a library of the system", process(smtpd, "", waxseal.Mapped{Path: "/usr/lib/x/liba.so.1"}), ""},
		{"a library from elsewhere", process(smtpd, "", waxseal.Mapped{Path: "/opt/b/libb.so"}), "stranger"},
		{"of another program", process(other, "", waxseal.Mapped{Path: "/opt/b/libb.so"}), ""},
		{"of an interpreter that runs a filter", process("/usr/bin/python3", "/usr/local/bin/filter.py", waxseal.Mapped{Path: "/opt/b/libb.so"}), "stranger"},
		{"of an interpreter that runs something else", process("/usr/bin/python3", "/usr/bin/apt-listchanges", waxseal.Mapped{Path: "/opt/b/libb.so"}), ""},
		{"a file that is gone", process(smtpd, "", waxseal.Mapped{Path: "/usr/lib/x/libc.so", Gone: true}), "gone"},
		{"a file that is another", process(smtpd, "", waxseal.Mapped{Path: "/usr/lib/x/liba.so.1", Replaced: true}), "replaced"},
		{"no file", process(smtpd, "", waxseal.Mapped{Path: "/memfd:x", Memory: true}), "memory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			state := mailpath.NewReader(mask.New([]byte("key"))).ReadLive(snapshot.Files(files), mailpath.Live{Running: []waxseal.Running{c.running}})
			got := ""
			for _, h := range state.Hooks {
				if h.Directive == "loaded" || h.Directive == "running" {
					got += h.Modifiers["state"]
					if !strings.Contains(h.Explain, "The process 7") || !strings.Contains(h.Scope, "pid 7") {
						t.Errorf("%s, %s", h.Explain, h.Scope)
					}
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestPythonStarts: what Python loads first counts where a program of the mail path is
// run by Python.
func TestPythonStarts(t *testing.T) {
	files := map[string]string{"/etc/postfix/main.cf": "mydestination = localhost\n", "/usr/bin/x": "ELF", "/usr/bin/python3": "ELF", "/usr/lib/python3/dist-packages/z.pth": "import z\n"}
	active := func() bool {
		for _, h := range mailpath.NewReader(mask.New([]byte("key"))).Read(snapshot.Files(files)).Hooks {
			if h.Directive == "site" {
				return h.Active
			}
		}
		t.Fatal("no hook")
		return false
	}
	if active() {
		t.Error("no program of the mail path is in Python")
	}
	files["/etc/postfix/master.cf"] = "f unix - n n - - pipe user=nobody argv=/usr/local/bin/filter.py\n"
	files["/usr/local/bin/filter.py"] = "#!/usr/bin/python3\n"
	if !active() {
		t.Error("a filter is in Python")
	}
}
