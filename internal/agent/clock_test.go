package agent

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/permit"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/store"
)

// TestClock: what is told of a clock that is set, by one that can't be.
func TestClock(t *testing.T) {
	for _, tc := range []struct {
		name  string
		looks []time.Duration // how far the clock lies ahead, a minute after another
		want  time.Duration   // lately, in all
	}{
		{"as it should be", []time.Duration{0, 0, 0}, 0},
		{"as NTP keeps it", []time.Duration{0, time.Second, -3 * time.Second}, 0},
		{"back by an hour", []time.Duration{0, -time.Hour, -time.Hour}, -time.Hour},
		{"forward, and back again", []time.Duration{0, time.Hour, 0}, 0},
		{"in small steps", []time.Duration{0, 40 * time.Second, 80 * time.Second, 80 * time.Second}, 80 * time.Second},
	} {
		var c clock
		since := time.Hour
		for _, ahead := range tc.looks {
			since += time.Minute
			c.look(noon.Add(since+ahead), "a boot", since)
		}
		if got := c.setBy(since); got != tc.want {
			t.Errorf("%s: set by %s, want %s", tc.name, got, tc.want)
		}
		if got := c.setBy(since + 25*time.Hour); got != 0 {
			t.Errorf("%s: a day later %s", tc.name, got)
		}
		if c.look(noon.Add(90*time.Hour), "another boot", time.Minute); c.setBy(time.Minute) != 0 || len(c.Sets) != 0 {
			t.Errorf("%s: after a boot: %+v", tc.name, c)
		}
	}
}

// setClock has the state directory remember that the clock was otherwise, as if somebody
// had just set it by that much.
func setClock(t *testing.T, b *Books, by time.Duration) {
	t.Helper()
	since, boot, err := proc.SinceBoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(clock{Boot: boot, Zero: time.Now().Add(-since - by)})
	if err == nil {
		err = b.Append(func(tx *store.Tx) error { return tx.SetValue(clockValue, string(text)) })
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestClockSet: a window into which the clock was set, or out of which, explains nothing.
func TestClockSet(t *testing.T) {
	for _, tc := range []struct {
		name        string
		set         time.Duration
		from, until time.Duration // of the window, from now
		want        waxseal.Rung
	}{
		{"not set", 0, 0, time.Hour, waxseal.RungWindow},
		{"set forward into it", time.Hour, 0, time.Hour, waxseal.RungNone},
		{"set back into it", -2 * time.Hour, 0, time.Hour, waxseal.RungNone},
		{"set forward within it", time.Hour, -2 * time.Hour, time.Hour, waxseal.RungWindow},
	} {
		now := time.Now()
		asked := now.Add(min(tc.from, 0) - time.Minute)
		d := newDeskAt(t, asked, "alice", "bob")
		p := d.step("alice", asked, permit.Step{Kind: permit.Open, Ask: &permit.Request{Ticket: "T", Reason: "r", NotBefore: now.Add(tc.from - time.Second), NotAfter: now.Add(tc.until)}})
		d.step("bob", asked, permit.Step{Kind: permit.Approve, Permit: p.ID, Digest: p.Digest})
		setClock(t, d.Books, tc.set)
		w, err := d.without("mail", now)
		if err != nil {
			t.Fatal(err)
		}
		w.unseen.From = now
		f, err := w.judge(waxseal.Change{Path: "/etc/x", Kind: waxseal.Modified, Severity: waxseal.High, AfterDigest: "cc"})
		if err != nil || f.Rung != tc.want || f.Rung == waxseal.RungNone && !strings.Contains(f.Expected, "the clock was set") {
			t.Errorf("%s: %s, %s, %v", tc.name, f.Rung, f.Expected, err)
		}
	}
}
