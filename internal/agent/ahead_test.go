package agent

import (
	"testing"

	"waxseal"
	"waxseal/internal/sensor/fanotify"
)

func TestOlder(t *testing.T) {
	const p, other waxseal.Path = "/etc/aliases", "/etc/postfix/main.cf"
	state := waxseal.State{Files: []waxseal.FileState{{File: waxseal.File{Path: p}, Digest: digestOf("b")}, {File: waxseal.File{Path: other}, Digest: digestOf("c")}}}
	event := func(p waxseal.Path, content string) touch {
		return touch{Observation: waxseal.Observation{File: &waxseal.FileEvent{Path: p}}, content: []byte(content), copied: content != ""}
	}
	for _, tc := range []struct {
		name    string
		touched []touch
		want    bool
	}{
		{"what came with the event is what was read", []touch{event(p, "b")}, false},
		{"somebody wrote between the question and the copy", []touch{event(p, "B")}, true},
		{"one of two files", []touch{event(p, "b"), event(other, "C")}, true},
		{"an event without a content", []touch{event(p, ""), event(p, "b")}, false},
		{"a file that was not read", []touch{event("/etc/new", "n")}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := older(state, tc.touched); got != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}

// TestHints: only the event that a question went out for is not forgotten once more, and
// where hints wait too long, they are let go.
func TestHints(t *testing.T) {
	h := newAhead()
	h.number = 2
	if h.has(1) || h.has(0) || !h.has(2) || h.has(3) {
		t.Error("it is not the event that a question went out for")
	}
	if h.taken != 3 {
		t.Errorf("event %d was the last, want 3", h.taken)
	}
	if !h.end() || h.end() || h.has(2) {
		t.Error("what was read ahead counts twice")
	}
	for range 2 * maxHints {
		h.hint(fanotify.Event{}) // it does not wait
	}
	if len(h.hints) != maxHints {
		t.Errorf("%d hints wait", len(h.hints))
	}
}
