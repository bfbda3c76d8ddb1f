package agent

import (
	"time"

	"waxseal"
	"waxseal/internal/parcel"
	"waxseal/internal/sensor/proc"
)

const (
	// longestHold bounds how long a look waits for a package manager to come to the end
	// of a package.
	longestHold = 15 * time.Second
	holdStep    = 100 * time.Millisecond
)

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
		return !a.all && !a.parcels.asked.IsZero() && time.Since(a.parcels.asked) < longestHold && a.locked()
	}
	for _, t := range a.touched {
		if k := a.handOfTouch(t).Kind; k != parcel.Manager && k != parcel.Script {
			return false
		}
	}
	if a.locked() {
		return true
	}
	if last := a.touched[len(a.touched)-1].Time; a.parcels.asked.Before(last) {
		a.fetchParcels(time.Now()) // what came into the cache only after the first program had started
	}
	return a.parcels.reading
}

func (a *Agent) locked() bool {
	for _, p := range locks {
		if f, err := a.tree.Stat(p); err == nil && proc.Locked(f.Device, f.Inode) {
			return true
		}
	}
	return false
}
