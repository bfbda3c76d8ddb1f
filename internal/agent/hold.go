package agent

import (
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/parcel"
)

const (
	// longestHold bounds how long a look waits for a package manager to come to the end
	// of a package.
	longestHold = 15 * time.Second
	holdStep    = 100 * time.Millisecond
	// auditLate is how long audit may take to name a process while much is going on.
	auditLate = 2 * time.Second
)

// busy reports whether a package manager started something a moment ago: only then does
// anything wait for it.
func (p parcels) busy(now time.Time) bool {
	return !p.asked.IsZero() && now.Sub(p.asked) < longestHold
}

// locks are what package managers hold while they work: apt(8) and dpkg(1), rpm(8).
var locks = []waxseal.Path{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock"}

// holds reports whether to let a package manager finish first: while it unpacks, a file
// is new and its digest is still the old one's. It waits only where nobody else has
// touched anything, and not for long: another hand, or its own after that time, is
// looked at at once.
func (a *Agent) holds(now time.Time) bool {
	if !a.packagesAtWork() {
		a.parcels.held = time.Time{}
		return false
	}
	if a.parcels.held.IsZero() {
		a.parcels.held = now
	}
	if now.Sub(a.parcels.held) > longestHold {
		return false
	}
	a.due = now.Add(holdStep)
	return true
}

// packagesAtWork reports whether all that waits to be looked at is a package manager's
// work, and it is not done.
func (a *Agent) packagesAtWork() bool {
	if len(a.touched) == 0 {
		return !a.all && a.parcels.busy(time.Now()) && a.locked()
	}
	if !a.parcels.busy(time.Now()) && !a.locked() {
		return false
	}
	late := false
	for _, t := range a.touched {
		switch a.waitsFor(t) {
		case nobodyElse:
			return false
		case auditToCome:
			late = true
		}
	}
	if late {
		return a.parcels.busy(time.Now())
	}
	if a.locked() {
		return true
	}
	if last := a.touched[len(a.touched)-1].Time; a.parcels.asked.Before(last) {
		a.fetchParcels(time.Now()) // what came into the cache only after the first program had started
	}
	return a.parcels.reading
}

// waiting is why an event lets a look wait.
type waiting int

const (
	nobodyElse  waiting = iota // it does not: somebody else is at work
	theManager                 // it is the package manager's
	auditToCome                // who it was audit may still say
)

func (a *Agent) waitsFor(t touch) waiting {
	hand := a.handOfTouch(t)
	manager := hand.Kind == parcel.Manager || hand.Kind == parcel.Script
	unknown := !manager && a.memory.Actor(*t.File, t.Time).Process.Grade == waxseal.Unknown
	switch {
	case manager && hand.Grade == waxseal.Proven:
		return theManager
	case (manager || unknown) && a.senses.audit != nil && time.Since(t.Time) < auditLate:
		return auditToCome
	case manager || unknown && trifle(t):
		return theManager
	}
	return nobodyElse
}

// trifle reports whether an event is about no more than the metadata of something: a
// maintainer script calls chown(1) a dozen times, which has ended before anybody looks.
func trifle(t touch) bool {
	return !slices.ContainsFunc(t.File.Operations, func(op waxseal.Operation) bool { return op != waxseal.OpMetadata })
}

func (a *Agent) locked() bool {
	return slices.ContainsFunc(locks, a.tree.Locked)
}
