package correlate

import (
	"slices"
	"time"

	"waxseal"
)

// snapshots indexes by pid what /proc showed.
func snapshots(actors ...*waxseal.Actor) map[int]waxseal.Process {
	known := map[int]waxseal.Process{}
	for _, a := range actors {
		if a == nil {
			continue
		}
		for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
			if _, ok := known[p.PID]; !ok && p.PID > 0 {
				known[p.PID] = p
			}
		}
	}
	return known
}

// Complete adds to what /proc showed of a process what memory knows of it.
func (m *Memory) Complete(a waxseal.Actor) waxseal.Actor { return m.complete(a, snapshots(&a)) }

// maxAncestors bounds a chain of parents, which a reused pid could close to a
// ring.
const maxAncestors = 32

// complete adds the ancestors, the origin, the sudo and the names.
func (m *Memory) complete(a waxseal.Actor, known map[int]waxseal.Process) waxseal.Actor {
	a.Ancestors = m.ancestors(a.Process, a.Login.Session, known)
	m.bridge(&a, known)
	m.login(&a)
	traced(&a)
	if m.names != nil {
		a.Process.User = m.names(a.Process.EUID)
	}
	if a.Process.Argv == nil {
		a.Process.Argv = []string{}
	}
	a.Sudo = sudoOf(a)
	a.Tool = ToolOf(a)
	a.Steps = m.steps(a)
	m.origin(&a)
	return a
}

func (m *Memory) ancestors(p waxseal.Process, session uint32, known map[int]waxseal.Process) []waxseal.Process {
	chain, session := []waxseal.Process{}, m.above(p.PID, session)
	seen, child := map[int]bool{p.PID: true}, p.Started
	for pid := m.born(p, session); pid > 0 && !seen[pid] && len(chain) < maxAncestors; {
		seen[pid] = true
		parent, ok := m.process(pid, child, &session, known)
		if !ok {
			chain = append(chain, waxseal.Process{PID: pid, Argv: []string{}, Grade: waxseal.Unknown, Basis: "no program start of it was seen, and /proc was not asked in time"})
			break
		}
		chain = append(chain, parent)
		pid, child = parent.PPID, parent.Started
	}
	return chain
}

// born is the parent that a process had when its program started. It may have ended
// since, and the process been given to another, as who wants to hide his parents lets
// it be (daemon(3)).
func (m *Memory) born(p waxseal.Process, session uint32) int {
	switch x := m.running(p.PID, p.Exe, time.Time{}); {
	case x == nil || x.PPID == 0:
	case x.audit == nil || x.Session == session && m.programs[x.PPID] != nil:
		return x.PPID
	}
	return p.PPID
}

// bridge goes on where a chain does not lead to the process that opened the login
// session: it broke off at one that was forked, started no program of its own and has
// gone, or a parent ended and the child was given to process 1. That the opener is above
// is inferred, not seen.
func (m *Memory) bridge(a *waxseal.Actor, known map[int]waxseal.Process) {
	opener, ok := m.opened[a.Login.Session]
	if !ok || a.Login.Session == waxseal.Unset || a.Process.PID == opener {
		return
	}
	if slices.ContainsFunc(a.Ancestors, func(p waxseal.Process) bool { return p.PID == opener }) {
		return
	}
	session := a.Login.Session
	p, ok := m.process(opener, time.Time{}, &session, known)
	if !ok {
		return
	}
	p.Grade, p.Basis = waxseal.Inferred, "it opened the login session; what lies between has gone"
	a.Ancestors = append(append(a.Ancestors, p), m.ancestors(p, session, known)...)
}

// process describes a parent: as the kernel saw it start, else as /proc showed it. child
// is when its child was forked, zero if that is not known. The session is that of the
// child, and becomes the parent's.
//
// Audit tells of no forks, so a number may be used again by a process that leaves no
// record. Then a program start proves who a parent is only where it is of the child's own
// session, or of the one that this was opened from, or where /proc showed, with the
// event, a process that had not started later. BPF tells of every process.
func (m *Memory) process(pid int, child time.Time, session *uint32, known map[int]waxseal.Process) (waxseal.Process, bool) {
	snap, now := known[pid]
	seen := now
	if !seen {
		var s sighting
		s, seen = m.seen[pid]
		snap = s.Process
	}
	x := m.parent(pid, child)
	if x != nil && x.audit != nil && seen && (snap.Started.After(x.Time.Add(startSlack)) || !sameProgram(snap.Exe, x.Exe)) {
		x = nil // its number was used again, or it runs another program than audit saw start
	}
	if x == nil {
		return m.sighted(snap, seen, child, session)
	}
	grade, basis, linked := m.linked(x, *session, now && !snap.Started.IsZero())
	if !linked {
		return waxseal.Process{}, false
	}
	*session = m.above(pid, x.Session)
	p := m.describe(x)
	p.Tracer, p.Grade, p.Basis = snap.Tracer, grade, basis
	if p.Started.IsZero() {
		p.Started = snap.Started
	}
	return p, true
}

// parent is what a process ran when it forked a child. When that was is known less well
// where only /proc showed the child.
func (m *Memory) parent(pid int, child time.Time) *program {
	x := m.image(pid, child)
	if x == nil && !child.IsZero() {
		if x = m.image(pid, child.Add(startSlack)); x != nil && x.audit == nil {
			return nil
		}
	}
	return x
}

// sighted is a parent that only /proc showed. One that started after its child took the
// number of the one that is meant.
func (m *Memory) sighted(snap waxseal.Process, seen bool, child time.Time, session *uint32) (waxseal.Process, bool) {
	if seen && !child.IsZero() && snap.Started.After(child.Add(startSlack)) {
		return waxseal.Process{}, false
	}
	*session = m.above(snap.PID, *session)
	snap.Argv = nonNil(snap.Argv)
	if seen && snap.Basis == "" && snap.Grade == waxseal.Inferred {
		snap.Basis = "/proc showed it as a parent"
	}
	return snap, seen
}
