package agent_test

import (
	"fmt"
	"os"
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
