package agent

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/permit"
)

func (d desk) signs(name string, s permit.Step) permit.Step {
	s.Key = d.key(name)
	s.Signature = ed25519.Sign(d.private[name], s.Message())
	return s
}

// TestReplay: steps that were taken are taken again, as whoever reads the ledger can. None
// brings a permit back to life, and none is for another permit.
func TestReplay(t *testing.T) {
	d := newDesk(t, "alice", "bob")
	ask := d.signs("alice", permit.Step{Kind: permit.Open, Ask: &permit.Request{Ticket: "T", Reason: "r", NotBefore: noon, NotAfter: noon.Add(time.Hour), Scope: permit.Scope{Paths: []waxseal.Path{"/etc/x"}}}})
	p, err := d.TakeStep(ask, noon)
	if err != nil {
		t.Fatal(err)
	}
	approve := d.signs("bob", permit.Step{Kind: permit.Approve, Permit: p.ID, Digest: p.Digest})
	if _, err := d.TakeStep(approve, noon); err != nil {
		t.Fatal(err)
	}
	d.step("bob", noon, permit.Step{Kind: permit.Close, Permit: p.ID, Digest: p.Digest})
	if _, err := d.TakeStep(approve, noon); err == nil {
		t.Error("approved again when it was closed")
	}
	again, err := d.TakeStep(ask, noon)
	if err != nil || again.ID == p.ID || again.State(noon) != permit.Requested {
		t.Fatalf("asked for again: %+v, %v", again, err)
	}
	other := approve
	other.Permit = again.ID
	if _, err := d.TakeStep(other, noon); !errors.Is(err, permit.ErrSignature) {
		t.Errorf("the approval of one for another: %v", err)
	}
	if _, err := d.TakeStep(ask, noon.Add(2*time.Hour)); !errors.Is(err, permit.ErrBackDated) {
		t.Errorf("asked for again when its window had ended: %v", err)
	}
	book, problems, err := d.Office(d.Rules)
	if got, _ := book.Permit(again.ID); err != nil || len(problems) != 0 || got.Approved != nil {
		t.Errorf("%+v, %v, %v", got, problems, err)
	}
}

// TestBackDated: a change is there first. A permit for it is made by a clock that was set
// back, or in a window that nobody can tell it lay in; neither explains it.
func TestBackDated(t *testing.T) {
	request := func(from time.Time) permit.Step {
		return permit.Step{Kind: permit.Open, Ask: &permit.Request{Ticket: "T", Reason: "r", NotBefore: from, NotAfter: from.Add(2 * time.Hour)}}
	}
	d := newDesk(t, "alice", "bob")
	d.judged(noon.Add(time.Hour), nil) // the ledger is an hour further
	if _, err := d.TakeStep(d.signs("alice", request(noon)), noon); !errors.Is(err, ErrClock) {
		t.Errorf("asked for by a clock that was set back: %v", err)
	}
	looked := noon.Add(70 * time.Minute)
	p := d.step("alice", looked.Add(-time.Minute), request(looked.Add(-time.Minute)))
	for name, approved := range map[string]time.Duration{"after the last look": time.Minute, "before it": -30 * time.Second} {
		at := looked.Add(approved)
		d := d
		if approved < 0 {
			d = newDesk(t, "alice", "bob")
			p = d.step("alice", looked.Add(-time.Minute), request(looked.Add(-time.Minute)))
		}
		d.step("bob", at, permit.Step{Kind: permit.Approve, Permit: p.ID, Digest: p.Digest})
		w, err := d.without("mail", looked.Add(10*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		w.unseen.From, w.setBy = looked, 0
		f, err := w.judge(waxseal.Change{Path: "/etc/x", Kind: waxseal.Modified, Severity: waxseal.High, AfterDigest: "cc"})
		if err != nil || (f.Rung == waxseal.RungNone) != (approved > 0) || approved > 0 && !strings.Contains(f.Expected, "may have been there before it was approved") {
			t.Errorf("approved %s: %s, %s, %v", name, f.Rung, f.Expected, err)
		}
	}
}

// TestRevertedAfterAMinute: a change in a window, and its revert a minute later, are told as
// a pair with that minute.
func TestRevertedAfterAMinute(t *testing.T) {
	d := newDesk(t, "alice", "bob")
	p := d.step("alice", noon, permit.Step{Kind: permit.Open, Ask: &permit.Request{Ticket: "T", Reason: "r", NotBefore: noon, NotAfter: noon.Add(time.Hour)}})
	d.step("bob", noon, permit.Step{Kind: permit.Approve, Permit: p.ID, Digest: p.Digest})
	if _, err := d.Seal(stateWith("aa"), noon.Add(time.Minute), SealAsk{}, waxseal.Actor{}); err != nil {
		t.Fatal(err)
	}
	hook := waxseal.Hook{ID: "h", Kind: waxseal.KindCopy, Active: true, Effects: []waxseal.Effect{waxseal.Copy}, Scope: "all",
		Target: waxseal.Target{Value: "drop@evil.example.net"}, Source: waxseal.Source{Path: "/etc/postfix/main.cf"}}
	changed := stateWith("bb", hook)
	c, err := d.Check(changed, noon.Add(2*time.Minute))
	if err != nil || len(c.Findings) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	f, err := d.Finding(c.Findings[0])
	if err != nil || f.Rung != waxseal.RungWindow {
		t.Fatalf("in the window: %s, %s, %v", f.Rung, f.Expected, err)
	}
	if c, err = d.Check(stateWith("aa"), noon.Add(3*time.Minute)); err != nil || len(c.Findings) != 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	if f, err = d.Finding(f.ID); err != nil || f.Pair == nil || f.Pair.Seconds != 60 || !strings.Contains(strings.Join(f.Reasons, "\n"), "in force for 60 seconds at most") || !f.Status.Open() {
		t.Errorf("%+v, %q, %s, %v", f.Pair, f.Reasons, f.Status, err)
	}
}

// TestClockOfTheAgent: the agent holds each change against the clock as it ran before, and
// against the latest time that it has seen.
func TestClockOfTheAgent(t *testing.T) {
	h := newHosting(t)
	a := h.agent
	none := waxseal.NoIndex
	event := func(at time.Time) *told {
		return &told{change: waxseal.Change{Path: "/etc/postfix/main.cf"}, at: at, event: &touch{index: &none,
			Observation: waxseal.Observation{Time: at, File: &waxseal.FileEvent{Path: "/etc/postfix/main.cf"}}}}
	}
	a.newest = noon
	if c := a.caseOf(event(noon.Add(time.Minute)), waxseal.Finding{Seen: noon.Add(time.Minute)}); c.ClockDoubt || c.SetBy != 0 {
		t.Errorf("as it should be: %+v", c)
	}
	if c := a.caseOf(event(noon.Add(-time.Hour)), waxseal.Finding{Seen: noon.Add(-time.Hour)}); !c.ClockDoubt {
		t.Error("an hour before the newest event")
	}
	if c := a.caseOf(&told{}, waxseal.Finding{Seen: noon.Add(-time.Hour)}); !c.ClockDoubt {
		t.Error("not seen, and found an hour before the newest event")
	}
	setClock(t, a.books, -time.Hour)
	a.watchClock(time.Now())
	if c := a.caseOf(event(time.Now()), waxseal.Finding{Seen: time.Now()}); c.SetBy > -59*time.Minute || c.SetBy < -61*time.Minute || !a.all {
		t.Errorf("set back by an hour: %s, read all %t", c.SetBy, a.all)
	}
}
