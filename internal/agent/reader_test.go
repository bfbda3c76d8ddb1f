package agent_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"waxseal"
)

// reader is the process that reads for a running agent.
func (w *watch) reader() int {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", w.cmd.Process.Pid))
		for _, file := range children {
			text, _ := os.ReadFile(file) // a thread that has just ended has none
			for _, word := range strings.Fields(string(text)) {
				if line, _ := os.ReadFile("/proc/" + word + "/cmdline"); strings.Contains(string(line), "read-for-watch") {
					pid, _ := strconv.Atoi(word)
					return pid
				}
			}
		}
	}
	w.t.Fatalf("nobody reads for the agent: %s", w.errs)
	return 0
}

// TestReaderIsShutIn: what parses the files of a host has one capability and no other, a
// user of its own and a filter of its system calls, and the agent keeps what it had.
func TestReaderIsShutIn(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.reader()))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Name:\twaxseal-reader\n", "\nUid:\t65530\t65530\t65530\t65530\n", "\nCapPrm:\t0000000000000004\n", "\nCapEff:\t0000000000000004\n", "\nCapBnd:\t0000000000000004\n", "\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
	if strings.Contains(w.errs.String(), "could do more than it should") {
		t.Errorf("a wall is missing: %s", w.errs)
	}
	// main.cf is root's and nobody else's: the reader reads it all the same.
	if err := os.Chmod(h.path("/etc/postfix/main.cf"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.append("/etc/postfix/main.cf", "smtpd_milters = inet:203.0.113.9:8891\n")
	f := w.find("the milter", func(f told) bool { return f.News == "" && f.Change != nil && hands(f, "inet:203.0.113.9:8891") })
	if f.Actor == nil || f.Actor.Process.Grade == waxseal.Unknown {
		t.Errorf("the sensors are as they were, and nobody is named: %+v", f.Actor)
	}
}

// TestReaderKilled: a reader that is killed, idle or in the middle of a reading, or hangs,
// is a gap; the change is told all the same, and so is the next.
func TestReaderKilled(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	first := w.reader()
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.append("/etc/postfix/main.cf", "smtpd_milters = inet:203.0.113.1:8891\n")
	w.find("the change after the kill", func(f told) bool { return f.Change != nil && hands(f, "inet:203.0.113.1:8891") })

	second := w.reader()
	if err := syscall.Kill(second, syscall.SIGSTOP); err != nil { // so that the next request meets it in the middle
		t.Fatal(err)
	}
	h.append("/etc/postfix/main.cf", "smtpd_milters = inet:203.0.113.2:8891\n")
	time.Sleep(time.Second)
	if err := syscall.Kill(second, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.find("the change that a killed reader was asked for", func(f told) bool { return f.Change != nil && hands(f, "inet:203.0.113.2:8891") })

	third := w.reader()
	if err := syscall.Kill(third, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	h.append("/etc/postfix/main.cf", "smtpd_milters = inet:203.0.113.3:8891\n")
	w.findWithin(40*time.Second, "the change while the reader hangs", func(f told) bool { return f.Change != nil && hands(f, "inet:203.0.113.3:8891") })
	w.stop()
	if n := strings.Count(w.errs.String(), "gap: the process that reads the mail path was lost"); n != 3 {
		t.Errorf("%d gaps of 3 were told: %s", n, w.errs)
	}
	if !strings.Contains(w.errs.String(), "gave no answer for") || !strings.Contains(w.errs.String(), "SIGKILL") {
		t.Errorf("it is not said how: %s", w.errs)
	}
	if out := h.must("ledger", "verify", "--format", "json"); !json.Valid([]byte(out)) {
		t.Errorf("no document: %s", out)
	}
}

// TestReaderEndsWithTheAgent: nothing of it stays, however the agent ends.
func TestReaderEndsWithTheAgent(t *testing.T) {
	h := postfixTree(t, nil)
	h.must("seal")
	// In this order: an agent that is killed leaves audit rules, which the next one takes away.
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		w := h.watch()
		pid := w.reader()
		w.end(sig)
		for deadline := time.Now().Add(5 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("after %s the reader stays", sig)
			}
		}
		if strings.Contains(w.errs.String(), "was lost") {
			t.Errorf("the end of the agent is told as a loss: %s", w.errs)
		}
	}
}
