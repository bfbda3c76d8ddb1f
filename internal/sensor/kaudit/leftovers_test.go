package kaudit

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestRemoveLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, Options{Watches: []string{dir}, Exec: true})
	wantRules(t, testKey(t), perWatch+len(s.calls))
	n, err := RemoveLeftovers(testKey(t), false)
	if err != nil || n != perWatch+len(s.calls) {
		t.Errorf("%d removed, %v", n, err)
	}
}

// TestAfterAKill: the next run takes over what it still wants, removes the rest,
// and switches audit off at its end if it is told that the killed one had it on.
func TestAfterAKill(t *testing.T) {
	needAudit(t)
	wasOff := Probe().Enabled == 0
	kept, gone := t.TempDir(), t.TempDir()
	killed, err := Open(Options{Key: testKey(t), Watches: []string{kept, gone}})
	if err != nil {
		t.Fatal(err)
	}
	// Only what the kernel takes back by itself at a kill.
	if err := errors.Join(killed.listen.Close(), killed.control.close()); err != nil {
		t.Fatal(err)
	}
	wantRules(t, testKey(t), 2*perWatch)
	s, err := Open(Options{Key: testKey(t), Watches: []string{kept}, WasOff: wasOff})
	if err != nil {
		t.Fatal(err)
	}
	wantRules(t, testKey(t), perWatch)
	if missing := s.Check(); len(missing) != 0 {
		t.Errorf("check says %q", missing)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if after := Probe(); wasOff && after.Enabled != 0 {
		t.Error("audit is still on")
	}
}

// TestFlood: a small queue overflows, and the loss is told with its number.
func TestFlood(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, Options{Watches: []string{dir}, ReceiveBuffer: 16 << 10})
	for i := range 300 {
		shell(t, fmt.Sprintf("echo > %s/f%d", dir, i))
	}
	h := run(t, s)
	g := h.awaitGap(t, "faster than they were read", 5*time.Second)
	if g.Lost == 0 || g.Until.IsZero() || g.From.After(g.Until) {
		t.Errorf("gap is %+v", g)
	}
}
