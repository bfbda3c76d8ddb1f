package agent

import (
	"maps"
	"slices"
	"strings"
	"time"

	"waxseal"
)

// Audit proves who was at work, and where fanotify is missing, on the whole or on one
// file system, it also is what leads to a look.

// overdue is an audited operation whose file event has not come.
type overdue struct {
	event waxseal.AuditEvent
	since time.Time
}

const (
	maxOverdue = 256
	// sameMoment is how far apart the two reports of one operation may be.
	sameMoment = time.Second
	// eventsFor is how long file events are remembered for that.
	eventsFor = 5 * time.Second
)

// takeTouch: audit's report of an operation on a watched file.
func (a *Agent) takeTouch(o waxseal.Observation) {
	if a.ofRooms(o.Audit) {
		a.basis.add(touchKey(o.Audit), a.note(o.Time, o))
		a.proves(o)
		return
	}
	if !a.mailTouch(o.Audit) {
		return
	}
	if !slices.ContainsFunc(o.Audit.Paths, a.matters) && a.fold(o.Time) {
		return
	}
	a.basis.add(touchKey(o.Audit), a.note(o.Time, o))
	a.holdOpened(o.Audit)
	if a.senses.files == nil {
		a.touchedBy(*o.Audit, time.Now().Add(settleOpen))
	} else if len(a.overdue) < maxOverdue {
		a.overdue = append(a.overdue, overdue{*o.Audit, time.Now()})
	} else {
		a.all = true // which of them fanotify did not tell is not asked one by one
		a.dueAt(time.Now().Add(settleOpen))
	}
	a.proves(o)
}

// touchedBy makes a file event of an audited operation, and has it looked at.
func (a *Agent) touchedBy(e waxseal.AuditEvent, when time.Time) {
	if f, ok := a.fileFromAudit(&e); ok {
		index := waxseal.NoIndex
		a.touched = append(a.touched, touch{Observation: waxseal.Observation{Time: e.Time, Sensor: "kaudit", File: &f}, index: &index})
		a.forgetFile(f.Path)
		a.dueAt(when)
	}
}

// chase looks at files of which audit told and fanotify did not: they may lie on a file
// system that it can't watch.
func (a *Agent) chase(now time.Time) {
	a.lately.forget(now.Add(-eventsFor))
	a.chased.forget(now.Add(-eventsFor))
	a.overdue = slices.DeleteFunc(a.overdue, func(d overdue) bool {
		if now.Sub(d.since) < settleOpen {
			return false
		}
		f, ok := a.fileFromAudit(&d.event)
		if !ok || a.lately.told(f, d.event.Time, sameMoment) || a.chased.told(f, now, sameMoment) {
			return true
		}
		a.chased.add(f, now) // once in a while is enough
		a.touchedBy(d.event, now)
		return true
	})
}

// lately is when fanotify last told of a file, for a few seconds.
type lately struct {
	inodes map[uint64]time.Time
	paths  map[waxseal.Path]time.Time
}

func (l *lately) add(f waxseal.FileEvent, at time.Time) {
	if l.inodes == nil || len(l.paths) > maxBasis {
		l.inodes, l.paths = map[uint64]time.Time{}, map[waxseal.Path]time.Time{}
	}
	if f.Inode != 0 {
		l.inodes[f.Inode] = at
	}
	l.paths[f.Path] = at
	if f.OldPath != "" {
		l.paths[f.OldPath] = at
	}
}

// told reports whether fanotify told of the file at that moment.
func (l *lately) told(f waxseal.FileEvent, at time.Time, near time.Duration) bool {
	return l.inodes[f.Inode].Sub(at).Abs() < near || l.paths[f.Path].Sub(at).Abs() < near
}

func (l *lately) forget(before time.Time) {
	maps.DeleteFunc(l.inodes, func(_ uint64, at time.Time) bool { return at.Before(before) })
	maps.DeleteFunc(l.paths, func(_ waxseal.Path, at time.Time) bool { return at.Before(before) })
}

// fileFromAudit makes a file event of an audited operation, by its last path.
func (a *Agent) fileFromAudit(e *waxseal.AuditEvent) (waxseal.FileEvent, bool) {
	for i := len(e.Paths) - 1; i >= 0; i-- {
		p := e.Paths[i]
		if p.NameType == "PARENT" || p.Name == "" {
			continue
		}
		return waxseal.FileEvent{
			Operations: []waxseal.Operation{waxseal.OpWrite}, Path: a.meant(e, p),
			Device: p.Device, Inode: p.Inode, PID: e.PID, Actor: e.Actor,
		}, true
	}
	return waxseal.FileEvent{}, false
}

// meant is the path in the tree of what an audit event names. The process may have
// named it inside a root of its own: then it is the file of the mail set with that
// inode, or the one whose name ends the same.
func (a *Agent) meant(e *waxseal.AuditEvent, p waxseal.AuditPath) waxseal.Path {
	at := a.pathOf(e, p)
	if _, known := fileIn(a.last, at); known {
		return at
	}
	for _, f := range a.last.Files {
		if p.Inode != 0 && f.Inode == p.Inode && f.Device == p.Device {
			return f.Path
		}
	}
	for _, f := range a.last.Files {
		if strings.HasSuffix(string(at), string(f.Path)) {
			return f.Path
		}
	}
	return at
}
