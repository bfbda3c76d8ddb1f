package correlate

import (
	"cmp"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
)

// near is how far apart the kernel's two reports of one operation may lie: the
// file event and the audit event travel on different queues.
const near = 2 * time.Second

// Touch finds the audited operation that a file event reports: made by the same
// process on the same inode, or on a file of the same name. Where the process
// differs (it inherited a descriptor, or was handed one) samePID is false, and the
// operation is somebody else's. The last result is false if audit saw nothing.
func (m *Memory) Touch(f waxseal.FileEvent, at time.Time) (e waxseal.AuditEvent, samePID, found bool) {
	for i := len(m.touches) - 1; i >= 0; i-- {
		t := m.touches[i]
		if !t.Success || t.Time.After(at.Add(near)) || !touches(t, f) {
			continue
		}
		if t.PID == f.PID {
			return t, true, true
		}
		if !found && at.Sub(t.Time) < near {
			e, found = t, true
		}
	}
	return e, false, found
}

// Writes counts the audited operations among the given system calls that
// concerned a file, by inode and name, since a time. The name counts too, since
// the same inode may have been written under a temporary one before.
func (m *Memory) Writes(file waxseal.Path, inode uint64, syscalls []int, since time.Time) (n int) {
	named := func(p waxseal.AuditPath) bool {
		return p.Inode == inode && p.NameType != "PARENT" && path.Base(p.Name) == path.Base(string(file))
	}
	for _, t := range m.touches {
		if t.Success && t.Time.After(since) && slices.Contains(syscalls, t.Syscall) && slices.ContainsFunc(t.Paths, named) {
			n++
		}
	}
	return n
}

func touches(e waxseal.AuditEvent, f waxseal.FileEvent) bool {
	for _, p := range e.Paths {
		if p.NameType == "PARENT" {
			continue
		}
		if f.Inode != 0 && p.Inode == f.Inode && (p.Device == f.Device || f.Device == 0) {
			return true
		}
		if p.Name != "" && path.Base(p.Name) == path.Base(string(f.Path)) && e.PID == f.PID {
			return true
		}
	}
	return false
}

// Actor says who made a file event. Kernel audit records prove a hop; what only
// /proc showed, after the event, is inferred; a hop nobody saw is unknown.
func (m *Memory) Actor(f waxseal.FileEvent, at time.Time) waxseal.Actor {
	touch, samePID, audited := m.Touch(f, at)
	switch {
	case audited && samePID:
		return m.fromAudit(touch, f.Actor, waxseal.Proven)
	case audited && f.PID == 0:
		return m.fromAudit(touch, nil, waxseal.Inferred)
	}
	x := m.image(f.PID, at)
	switch {
	case f.Actor != nil && (x == nil || x.audit != nil || sameProgram(f.Actor.Process.Exe, x.Exe)):
		// whoever opened the file, it was this one that wrote
		return m.complete(*f.Actor, snapshots(f.Actor))
	case x != nil: // that it was this process, only the file event says
		return m.fromProgram(x, f.Actor, waxseal.Inferred)
	default:
		return m.unseen(f.PID)
	}
}

// sameProgram: /proc shows a path of the host, the kernel's records one inside the
// root of the process.
func sameProgram(host, inside string) bool {
	return host == inside || host == "" || inside != "" && strings.HasSuffix(host, inside)
}

// unseen is the actor of which only a pid is known.
func (m *Memory) unseen(pid int) waxseal.Actor {
	return waxseal.Actor{
		Login:     waxseal.Login{UID: waxseal.Unset, Session: waxseal.Unset, Grade: waxseal.Unknown},
		Process:   waxseal.Process{PID: pid, Grade: waxseal.Unknown},
		Ancestors: []waxseal.Process{},
		Origin:    waxseal.Origin{Kind: waxseal.OriginUnknown, Grade: waxseal.Unknown},
	}
}

// Doer says who made an audited operation.
func (m *Memory) Doer(e waxseal.AuditEvent, g waxseal.Grade) waxseal.Actor {
	return m.fromAudit(e, nil, g)
}

// fromAudit builds the actor of an audited operation; seen is what /proc showed
// of the process, nil if it had gone.
func (m *Memory) fromAudit(e waxseal.AuditEvent, seen *waxseal.Actor, g waxseal.Grade) waxseal.Actor {
	a := waxseal.Actor{
		Login: waxseal.Login{UID: e.AUID, Session: e.Session, TTY: tty(e.TTY), Grade: g},
		Process: waxseal.Process{
			PID: e.PID, PPID: e.PPID, Exe: e.Exe, Comm: e.Comm, CWD: e.CWD, UID: e.UID, EUID: e.EUID, GID: e.GID, Grade: g,
			Argv: e.Argv,
		},
		Origin: waxseal.Origin{Kind: waxseal.OriginUnknown, Grade: waxseal.Unknown},
	}
	if e.Type == "URINGOP" && e.AUID == waxseal.Unset {
		m.ringDoer(&a, e.Time)
	}
	known := snapshots(e.Actor, seen)
	s, shown := known[e.PID]
	a.Process.Started = s.Started
	if x := m.running(e.PID, e.Exe, e.Time); x != nil {
		a.Process.Argv = m.words(x)
		if x.audit == nil {
			a.Process.PPID, a.Process.Started = x.PPID, x.Started
		}
	} else if shown && len(a.Process.Argv) == 0 && s.Exe == e.Exe {
		a.Process.Argv = s.Argv
	}
	a.Origin = originOf(a.Origin, seen, e.Actor)
	return m.complete(a, known)
}

// originOf is the last origin that /proc showed.
func originOf(o waxseal.Origin, shown ...*waxseal.Actor) waxseal.Origin {
	for _, s := range shown {
		if s != nil && s.Origin.Kind != waxseal.OriginUnknown && s.Origin.Kind != "" {
			o = s.Origin
		}
	}
	return o
}

// ringDoer adds what the record of an operation of io_uring lacks, from the start of
// the program.
func (m *Memory) ringDoer(a *waxseal.Actor, at time.Time) {
	x := m.image(a.Process.PID, at)
	if x == nil {
		a.Login.Grade = waxseal.Unknown
		return
	}
	a.Login.UID, a.Login.Session, a.Login.TTY = x.AUID, x.Session, tty(x.TTY)
	a.Process.Exe, a.Process.Comm, a.Process.CWD = x.Exe, x.Comm, x.CWD
}

func tty(s string) string {
	if s == "(none)" || s == "?" {
		return ""
	}
	return s
}

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
	a.Ancestors = m.ancestors(a.Process, known)
	m.bridge(&a, known)
	a.Login.Name = cmp.Or(a.Login.Name, m.nameOf(a.Login.UID))
	if m.names != nil {
		a.Process.User = m.names(a.Process.EUID)
	}
	if a.Process.Argv == nil {
		a.Process.Argv = []string{}
	}
	a.Sudo = sudoOf(a)
	a.Tool = ToolOf(a)
	m.origin(&a)
	return a
}

func (m *Memory) ancestors(p waxseal.Process, known map[int]waxseal.Process) []waxseal.Process {
	chain := []waxseal.Process{}
	seen := map[int]bool{p.PID: true}
	child := p.Started
	for pid := p.PPID; pid > 0 && !seen[pid] && len(chain) < maxAncestors; {
		seen[pid] = true
		parent, ok := m.process(pid, child, known)
		if !ok {
			chain = append(chain, waxseal.Process{PID: pid, Argv: []string{}, Grade: waxseal.Unknown})
			break
		}
		chain = append(chain, parent)
		pid, child = parent.PPID, parent.Started
	}
	return chain
}

// bridge goes on where a chain breaks off at a process that was forked, started
// no program of its own and has gone: the process that opened the login session
// is above it. That it is the parent is inferred, not seen.
func (m *Memory) bridge(a *waxseal.Actor, known map[int]waxseal.Process) {
	opener, ok := m.opened[a.Login.Session]
	if !ok || a.Login.Session == waxseal.Unset || len(a.Ancestors) == 0 {
		return
	}
	broken := a.Ancestors[len(a.Ancestors)-1].Grade == waxseal.Unknown
	if !broken || slices.ContainsFunc(a.Ancestors, func(p waxseal.Process) bool { return p.PID == opener }) {
		return
	}
	p, ok := m.process(opener, time.Time{}, known)
	if !ok {
		return
	}
	p.Grade = waxseal.Inferred
	a.Ancestors = append(append(a.Ancestors, p), m.ancestors(p, known)...)
}

// process describes a parent: as the kernel saw it start, else as /proc showed it. A
// process that started after its child took the pid of one that has ended.
func (m *Memory) process(pid int, child time.Time, known map[int]waxseal.Process) (waxseal.Process, bool) {
	snap, seen := known[pid]
	if !seen {
		var s sighting
		s, seen = m.seen[pid]
		snap = s.Process
	}
	x := m.image(pid, child)
	if x != nil && (x.audit == nil || !seen || sameProgram(snap.Exe, x.Exe)) {
		p := m.describe(x)
		if p.Started.IsZero() {
			p.Started = snap.Started
		}
		return p, true
	}
	if seen && !child.IsZero() && snap.Started.After(child.Add(startSlack)) {
		return waxseal.Process{}, false
	}
	snap.Argv = nonNil(snap.Argv)
	return snap, seen
}

// startSlack is how far apart two sensors may see one process start: /proc counts
// from a boot time in whole seconds.
const startSlack = 2 * time.Second

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// sudoOf finds the nearest sudo(8), su(1), doas(1) or pkexec(1) above a process.
func sudoOf(a waxseal.Actor) *waxseal.Sudo {
	for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
		switch path.Base(p.Exe) {
		case "sudo", "su", "doas", "pkexec":
			return &waxseal.Sudo{Argv: nonNil(p.Argv), UID: callerOf(p, a), Grade: p.Grade}
		}
	}
	return nil
}

// callerOf is who called sudo: the real uid at its start, which sudo itself
// changes later; then the nearest parent's that is not root.
func callerOf(sudo waxseal.Process, a waxseal.Actor) uint32 {
	if sudo.UID != 0 {
		return sudo.UID
	}
	below := false
	for _, p := range a.Ancestors {
		if below && p.UID != 0 && p.Grade != waxseal.Unknown {
			return p.UID
		}
		below = below || p.PID == sudo.PID
	}
	return sudo.UID
}

// origin adds what logins said about where the session came from.
func (m *Memory) origin(a *waxseal.Actor) {
	if a.Origin.Kind == "" {
		a.Origin = waxseal.Origin{Kind: waxseal.OriginUnknown, Grade: waxseal.Unknown}
	}
	for _, p := range a.Ancestors {
		if s, ok := m.seen[p.PID]; ok && a.Origin.Kind == waxseal.OriginUnknown {
			a.Origin = s.origin
		}
	}
	if a.Origin.Address == "" {
		m.originFromLogin(a)
	}
	if a.Origin.Kind != waxseal.OriginSSH {
		return
	}
	for i := len(m.lines) - 1; i >= 0; i-- {
		l := m.lines[i]
		if l.Address == a.Origin.Address && (l.Port == a.Origin.Port || a.Origin.Port == 0 && l.User == a.Login.Name) {
			a.Origin.Method, a.Origin.Key, a.Origin.KeyGrade = l.Method, l.Key, waxseal.Inferred
			return
		}
	}
}

// originFromLogin uses the login record of the session. The kernel stamped its
// session and process; the address is what that process said, so it is proven
// only if the process is known to be sshd.
func (m *Memory) originFromLogin(a *waxseal.Actor) {
	if a.Login.Session == waxseal.Unset {
		return
	}
	for i := len(m.logins) - 1; i >= 0; i-- {
		e := m.logins[i]
		if e.Session != a.Login.Session {
			continue
		}
		address, err := netip.ParseAddr(e.Fields["addr"])
		if err != nil {
			continue
		}
		said := strings.Trim(e.Fields["exe"], `"`)
		kind := waxseal.OriginUnknown
		if strings.HasPrefix(path.Base(said), "sshd") {
			kind = waxseal.OriginSSH
		}
		grade := waxseal.Inferred
		if x := m.image(e.PID, time.Time{}); x != nil && strings.HasPrefix(path.Base(x.Exe), "sshd") && x.EUID == 0 && m.gradeOf(x) == waxseal.Proven {
			grade = waxseal.Proven
		}
		a.Origin = waxseal.Origin{Kind: kind, Address: address.Unmap().String(), Grade: grade}
		return
	}
}
