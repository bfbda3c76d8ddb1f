package agent

import (
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"waxseal"
)

// When to look: at once where an event brings an edit to its end, later where more of it is
// likely to come.

const (
	// settle is how long a look waits for the other half of an edit: an editor's
	// temporary file, a table and the line that names it.
	settle = 40 * time.Millisecond
	// settleOpen is the wait after a write by a process that has not closed the
	// file, or after a name has gone that may come back.
	settleOpen = 250 * time.Millisecond
	// patience is how long a look waits for audit to name the process.
	patience = 200 * time.Millisecond
	// maxPatient bounds for how many events a look waits for audit: in a flood it comes
	// later, and is added to what was told.
	maxPatient = 256
	// share is the part of a processor that looks at once may take, as one in so many;
	// beyond maxSpent events are gathered. What the disk takes does not count.
	share    = 2
	maxSpent = 100 * time.Millisecond
)

// pace is when looks were made and what they took.
type pace struct {
	wake  time.Time       // when the loop asks again whether to look; zero for never
	named int             // so many of the touches wait for nothing more
	last  time.Time       // when the last look began that events led to
	since time.Time       // … and the one before this
	told  time.Time       // when the last look had told what it found
	began time.Time       // when it began
	used  time.Duration   // processor time when it began
	spent time.Duration   // … on looks lately
	cited map[uint64]bool // audit records that earlier looks rest on, by serial
}

// dueAt asks for a look, not later than t.
func (a *Agent) dueAt(t time.Time) {
	if a.due.IsZero() || t.Before(a.due) {
		a.due = t
	}
}

// whenDue fires when a look is due, or may be; it never does while none is.
func (a *Agent) whenDue() <-chan time.Time {
	if a.due.IsZero() {
		return nil
	}
	return time.After(time.Until(a.pace.wake))
}

// wait is how long a look waits after an event: not at all where it brings an edit of a
// file of the mail path to its end, and nothing else is under way.
func (a *Agent) wait(t touch) time.Duration {
	switch {
	case unfinished(t):
		return settleOpen
	case a.completes(t) && !a.crowded(t):
		return 0
	}
	return settle
}

// completes reports whether an event leaves a file of the mail path as it was meant to be:
// closed after a write, with another's name, with another mode. A file that is not of it
// may be an editor's, and what the editor does with it is still to come.
func (a *Agent) completes(t touch) bool {
	f, known := fileIn(a.last, t.File.Path)
	return known && f.Role != waxseal.RoleUnused && !slices.Contains(t.File.Operations, waxseal.OpDelete)
}

// crowded reports whether an event is one of many: it came while the last look was under
// way, or looks have taken their share of the time.
func (a *Agent) crowded(t touch) bool {
	return t.Time.Before(a.pace.told) || a.pace.spent-time.Since(a.pace.told)/share > maxSpent
}

// begins notes that a look begins.
func (p *pace) begins(now time.Time) { p.named, p.began, p.used = 0, now, processorTime() }

// looked notes that a look has told what it found.
func (p *pace) looked(now time.Time) {
	p.spent = max(0, p.spent-p.began.Sub(p.told)/share) + processorTime() - p.used
	p.told = now
}

// processorTime is what this process has used; 0 where the kernel does not say.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// isDue reports whether to look now. While audit has not said who made a change, the look
// waits a little longer: its record wakes the loop.
func (a *Agent) isDue(now time.Time) bool {
	a.pace.wake = a.due
	if a.due.IsZero() || now.Before(a.due) {
		return false
	}
	if a.unnamed(now) {
		return false
	}
	if a.holds(now) {
		a.pace.wake = a.due
		return false
	}
	return true
}

// unnamed reports whether audit is still to say who made one of the changes.
func (a *Agent) unnamed(now time.Time) bool {
	for ; a.senses.audit != nil && a.pace.named < len(a.touched) && len(a.touched) <= maxPatient; a.pace.named++ {
		t := a.touched[a.pace.named]
		if until := t.Time.Add(patience); now.Before(until) && !t.auditBlind() && !a.named(t) && !a.isNew(t) && a.audits(t.File.Path) {
			a.pace.wake = until
			return true
		}
	}
	return false
}

// isNew reports whether an event is about the metadata of a file that is not known yet. A
// rule on the entries of its directory tells who made it, not who gave it another owner.
func (a *Agent) isNew(t touch) bool {
	_, known := fileIn(a.last, t.File.Path)
	return !known && onlyMetadata(t)
}

// named reports whether audit has told of an event: of this process, and of an edit by a
// record that no earlier look rests on.
func (a *Agent) named(t touch) bool {
	e, samePID, found := a.memory.Touch(*t.File, t.Time)
	return found && samePID && !(isEdit(t) && a.pace.cited[e.Serial])
}

// isEdit reports whether an event has a record of its own: a file that was opened for
// writing is closed once, and a rename is one call. Metadata may also change because of
// what was done to another file.
func isEdit(t touch) bool {
	return t.copied || slices.Contains(t.File.Operations, waxseal.OpRename)
}

// cite remembers which audit records a look rests on.
func (a *Agent) cite(touched []touch) {
	if a.pace.cited == nil || len(a.pace.cited) > maxBasis {
		a.pace.cited = map[uint64]bool{}
	}
	for _, t := range touched {
		if !isEdit(t) {
			continue
		}
		if e, samePID, found := a.memory.Touch(*t.File, t.Time); found && samePID {
			a.pace.cited[e.Serial] = true
		}
		for _, o := range a.memory.Openers(t.File.Inode, opens, a.pace.since.Add(-coarse), t.Time) {
			if o.PID == t.File.PID && t.copied { // a process that wrote elsewhere first, and renamed
				a.pace.cited[o.Serial] = true
			}
		}
	}
}

// audits reports whether audit has a rule for a file, so that a record is to come.
func (a *Agent) audits(p waxseal.Path) bool {
	if a.senses.audit.Watches(filepath.Join(a.tree.Dir(), string(p))) {
		return true
	}
	f, known := fileIn(a.last, p)
	return known && f.Resolved != "" && a.senses.audit.Watches(filepath.Join(a.tree.Dir(), string(f.Resolved)))
}
