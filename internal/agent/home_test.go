package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"waxseal"
)

// homesTree is a server with users who forward their mail.
func homesTree(t *testing.T) host {
	passwd := "root:x:0:0::/root:/bin/sh\n"
	files := map[string]string{"/etc/postfix/master.cf": "smtp inet n - y - - smtpd\nlocal unix - n n - - local\n"}
	for i := range 50 {
		passwd += fmt.Sprintf("u%d:x:%d:%d::/home/u%d:/bin/sh\n", i, 2000+i, 2000+i, i)
		files[fmt.Sprintf("/home/u%d/.forward", i)] = fmt.Sprintf("\\u%d\n", i)
	}
	files["/etc/passwd"] = passwd
	h := postfixTree(t, files)
	for i := range 50 {
		for _, name := range []string{"", "/.forward"} {
			if err := os.Chown(h.path(fmt.Sprintf("/home/u%d%s", i, name)), 2000+i, 2000+i); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

// TestOneHome: a change in one home is judged by reading that home, is not told again
// after a kill, and does not keep what happens elsewhere from being seen.
func TestOneHome(t *testing.T) {
	needRoot(t)
	h := homesTree(t)
	h.must("seal")
	w := h.watch()
	of := func(word string) func(told) bool {
		return func(f told) bool { return f.News == "" && strings.Contains(fmt.Sprint(f.Reasons), word) }
	}
	h.append("/home/u7/.forward", "one@evil.example.net\n")
	f := w.find("the forward", of("one@evil.example.net"))
	if f.Severity != waxseal.High || f.Actor == nil || f.Actor.Process.Grade != waxseal.Proven || !strings.Contains(fmt.Sprint(f.Reasons), "another hand") {
		t.Errorf("%s by %+v: %q", f.Severity, f.Actor, f.Reasons)
	}
	h.append("/home/u8/.forward", "two@evil.example.net\n")
	w.find("the next forward", of("two@evil.example.net"))
	if n := strings.Count(unpack(t, filepath.Join(h.state, "waxseal.db")), "file event in one home"); n != 2 {
		t.Errorf("%d homes were read by themselves, want 2", n)
	}
	w.end(syscall.SIGKILL)
	w = h.watch()
	h.append("/etc/aliases", "x: three@evil.example.net\n")
	w.find("an alias", of("three@evil.example.net"))
	h.append("/home/u7/.forward", "four@evil.example.net\n")
	w.find("another forward", of("four@evil.example.net"))
	w.stop()
	h.watch().stop()
	out := h.must("findings", "list", "--format", "json")
	for _, address := range []string{"one", "two", "three", "four"} {
		if n := strings.Count(out, ": "+address+"@evil"); n == 0 {
			t.Errorf("%s@evil is in no finding", address)
		}
	}
	if n := strings.Count(out, `"id": "F`); n != 4 {
		t.Errorf("%d findings for four changes:\n%s", n, out)
	}
	h.must("ledger", "verify")
}

// TestNewInHomes: what comes up in homes that had nothing of the kind is told at once, with
// who wrote it, and so is what lies in a directory that was made a moment before it.
func TestNewInHomes(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, map[string]string{
		"/etc/passwd":                        "root:x:0:0::/root:/bin/sh\nal:x:2001:2001::/home/al:/bin/sh\nbo:x:2002:2002::/home/bo:/bin/sh\n",
		"/etc/postfix/master.cf":             "smtp inet n - y - - smtpd\nlocal unix - n n - - local\n",
		"/etc/postfix/main.cf":               "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\nforward_path = $home/.mail-to, $home/.forward\n",
		"/etc/systemd/system/other.service":  "[Service]\nExecStart=/bin/true\n",
		"/home/al/.profile":                  "umask 022\n",
		"/etc/systemd/system/a.wants/README": "\n",
	})
	h.must("seal")
	w := h.watch()
	for i, tc := range []struct {
		script string
		race   bool // the file may be there before its directory is watched: then nobody is named
	}{
		{"echo TEXT >home/al/.forward; chown 2001 home/al/.forward", false},
		{"echo TEXT >new; exec mv new home/al/.mail-to", false},
		{"mkdir home/bo; echo TEXT >home/bo/.forward", true},
		{"mkdir srv; mkdir srv/di; echo 'di:x:2003:2003::/srv/di:/bin/sh' >>etc/passwd; sleep 1; echo TEXT >srv/di/.forward", false},
		{"mkdir etc/systemd/system/postfix.service.d; echo '[Service]\nExecStartPre=/opt/TEXT' >etc/systemd/system/postfix.service.d/x.conf", true},
	} {
		mark := fmt.Sprintf("box%d@evil.example.net", i)
		cmd := exec.Command("/bin/sh", "-c", strings.ReplaceAll(tc.script, "TEXT", mark))
		cmd.Dir = h.root
		fine(t, cmd.Run())
		f := w.find(tc.script, func(f told) bool { return f.News == "" && f.Change != nil && strings.Contains(f.text(), mark) })
		if f.Unobserved != nil {
			t.Errorf("%s: it was found, not seen", tc.script)
		}
		if p := f.Actor.Process; p.Grade == waxseal.Unknown && !tc.race || p.Grade != waxseal.Unknown && p.PID != cmd.Process.Pid {
			t.Errorf("%s: process %d, told is %+v", tc.script, cmd.Process.Pid, p)
		}
	}
	// What looks alike and decides nothing stays quiet, as do mail and new users.
	for _, script := range []string{
		"echo al@evil.example.net >home/al/.forwarding-notes; echo x >home/al/.profile; echo mail >>home/al/mbox; mkdir -p home/al/Maildir/new; echo mail >home/al/Maildir/new/1",
		"mkdir home/ed; echo 'ed:x:2004:2004::/home/ed:/bin/sh' >>etc/passwd; cp home/al/.profile home/ed/.profile",
	} {
		cmd := exec.Command("/bin/sh", "-c", script)
		cmd.Dir = h.root
		fine(t, cmd.Run())
	}
	const end = "end@evil.example.net"
	h.append("/etc/aliases", "x: "+end+"\n")
	w.find("the end", func(f told) bool {
		if f.News == "" && f.Change != nil && !strings.Contains(f.text(), end) {
			t.Errorf("told is %s", f.Title)
		}
		return strings.Contains(f.text(), end)
	})
	w.stop()
}
