package kaudit

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"waxseal"
)

const (
	// probeEvery is how often a file of our own is written, probeWait how long the
	// record of that may take.
	probeEvery = 10 * time.Second
	probeWait  = 2 * time.Second
	// maxAgain is how often another is written because records were lost, which takes a
	// minute: losses that never end would hide that rules do not report.
	maxAgain  = 20
	probeName = "audit-probe"
)

// probing is where the proof stands that rules report.
type probing struct {
	sent, heard time.Time
	due         bool // no record had come in time, with none left in the kernel's queue
	silent      bool // it was told that no record came
	lossy       bool // records were lost since, and that of our own may be one of them
	again       int  // so many were written in place of one that may have been lost
}

// probe writes a file of our own and tells if no record of the last time came. A rule
// "never" of somebody else silences ours without any error, and the kernel audits no
// process that was started under a rule "never,task".
func (r *reader) probe(now time.Time) {
	p := &r.probing
	if r.s.options.Probe == "" || r.s.isLocked() {
		return
	}
	heard := p.heard.After(p.sent) || p.sent.IsZero()
	switch {
	case heard:
		p.due, p.silent, p.again = false, false, 0
	case p.due && p.lossy && p.again < maxAgain: // that some were lost is told already
		p.again++
		r.sendProbe()
	case p.due && !p.silent:
		p.silent = true
		r.gap(waxseal.Gap{Sensor: Name, From: p.sent, Until: now, Silenced: true, Reason: r.s.whySilent()})
	default: // what the kernel has passed on by now is read once more before it is told
		late := now.Sub(p.sent)
		p.due = late > probeWait && (r.waiting == 0 || late > probeEvery)
	}
	if now.Sub(p.sent) >= probeEvery && (heard || p.silent) {
		r.sendProbe()
	}
}

func (r *reader) sendProbe() {
	writeProbe(r.s.options.Probe)
	r.probing.sent, r.probing.due, r.probing.lossy = time.Now(), false, false
}

// writeProbe writes on a thread that ends with it, so that the next time another one is
// made, which rules on tasks apply to.
func writeProbe(dir string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		_ = os.WriteFile(filepath.Join(dir, probeName), nil, 0o600) // if it fails no record comes, and that is told
	}()
	<-done
}

// isProbe reports whether an event is that of our own file. The lock is held.
func (s *Sensor) isProbe(e *waxseal.AuditEvent) bool {
	for _, p := range e.Paths {
		if s.options.Probe != "" && strings.HasSuffix(p.Name, "/"+probeName) {
			return true
		}
	}
	return false
}

func (s *Sensor) isLocked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locked
}

func (s *Sensor) whySilent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	why := "nothing that is listed explains it"
	if len(s.inTheWay) > 0 {
		why = strings.Join(s.inTheWay, "; ")
	}
	return fmt.Sprintf("a change of our own made no audit record: the rules are loaded and do not report (%s). Who makes changes is not proven until they do", why)
}
