package correlate

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"waxseal"
)

// near is how far apart the kernel's two reports of one operation may lie: the
// file event and the audit event travel on different queues.
const near = 2 * time.Second

// startSlack is how much later than its record a process may seem to have started:
// /proc counts in hundredths of a second from a boot time in whole seconds.
const startSlack = 1100 * time.Millisecond

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
		recent := at.Sub(t.Time) < near
		if t.PID == f.PID && (recent || sameProcess(f.Actor, t.Time)) {
			return t, true, true
		}
		if !found && recent {
			e, found = t, true
		}
	}
	return e, false, found
}

// sameProcess reports whether a process that /proc showed was there already at a
// time: else its number was another's then.
func sameProcess(seen *waxseal.Actor, then time.Time) bool {
	return seen != nil && !seen.Process.Started.IsZero() && !seen.Process.Started.After(then.Add(startSlack))
}

// Writes counts the audited operations among the given system calls that
// concerned a file, by inode and name, since a time. The name counts too, since
// the same inode may have been written under a temporary one before.
func (m *Memory) Writes(file waxseal.Path, inode uint64, syscalls []int, since, until time.Time) (n int) {
	named := func(p waxseal.AuditPath) bool {
		return p.Inode == inode && p.NameType != "PARENT" && path.Base(p.Name) == path.Base(string(file))
	}
	for _, t := range m.touches {
		if t.Success && t.Time.After(since) && !t.Time.After(until) && slices.Contains(syscalls, t.Syscall) && slices.ContainsFunc(t.Paths, named) {
			n++
		}
	}
	return n
}

// Openers are the records of processes that opened a file by one of the system calls
// from one time to another.
func (m *Memory) Openers(inode uint64, syscalls []int, from, until time.Time) (list []waxseal.AuditEvent) {
	opened := func(p waxseal.AuditPath) bool { return p.Inode == inode && p.NameType != "PARENT" }
	for _, t := range m.touches {
		if t.Success && !t.Time.Before(from) && !t.Time.After(until) && slices.Contains(syscalls, t.Syscall) && slices.ContainsFunc(t.Paths, opened) {
			list = append(list, t)
		}
	}
	return list
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
	case audited && samePID && at.Sub(touch.Time) < near:
		return m.fromAudit(touch, f.Actor, waxseal.Proven)
	case audited && samePID:
		a := m.fromAudit(touch, f.Actor, waxseal.Inferred)
		a.Process.Basis = "it opened the file at " + touch.Time.UTC().Format(time.TimeOnly) + " and wrote later; what is written through an open file leaves no audit record"
		return a
	case audited && f.PID == 0:
		return m.fromAudit(touch, nil, waxseal.Inferred)
	}
	x := m.image(f.PID, at)
	switch { // whoever opened the file, it was this one that wrote
	case f.Actor != nil && (x == nil || x.audit != nil || sameProgram(f.Actor.Process.Exe, x.Exe)):
		a := m.complete(*f.Actor, snapshots(f.Actor))
		a.Process.Basis = "fanotify named the process, and /proc showed it; " + m.opener(touch, audited)
		return a
	case x != nil:
		a := m.fromProgram(x, f.Actor, waxseal.Inferred)
		a.Process.Basis = "fanotify named the process; " + m.basisOf(x) + "; " + m.opener(touch, audited)
		return a
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
		Login:     waxseal.Login{UID: waxseal.Unset, Session: waxseal.Unset, Grade: waxseal.Unknown, Basis: "the process is not known"},
		Process:   waxseal.Process{PID: pid, Grade: waxseal.Unknown, Basis: "/proc did not show it in time, and no record of it was seen"},
		Ancestors: []waxseal.Process{},
		Origin:    waxseal.Origin{Kind: waxseal.OriginUnknown, Grade: waxseal.Unknown},
	}
}

// Nobody is the actor of whom nothing is known, and why.
func (m *Memory) Nobody(why string) waxseal.Actor {
	a := m.unseen(0)
	a.Login.Basis, a.Process.Basis, a.Process.Argv = why, why, []string{}
	a.Process.UID, a.Process.EUID, a.Process.GID = waxseal.Unset, waxseal.Unset, waxseal.Unset
	return a
}

// Doer says who made an audited operation.
func (m *Memory) Doer(e waxseal.AuditEvent, g waxseal.Grade) waxseal.Actor {
	a := m.fromAudit(e, nil, g)
	a.Process.Basis = strings.TrimSuffix(a.Process.Basis, " on the same inode") // it may be no file's: a mount, a rule
	return a
}

// opener says what audit knows where it did not see the writer.
func (m *Memory) opener(touch waxseal.AuditEvent, audited bool) string {
	if !audited {
		return "no audit record names it"
	}
	return fmt.Sprintf("the file had been opened by %s (process %d, login uid %s), which handed it on", touch.Exe, touch.PID, uidWord(touch.AUID))
}

func uidWord(uid uint32) string {
	if uid == waxseal.Unset {
		return "unset"
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// Shared lowers the grade of an actor that was not the only one to write in that moment:
// what is left was read once, and may be the other's.
func Shared(a *waxseal.Actor, other int) {
	why := fmt.Sprintf("process %d wrote the same file in the same moment, and what each of them wrote was not read apart", other)
	a.Process.Grade, a.Process.Basis = atMost(a.Process.Grade, waxseal.Inferred), why
	a.Login.Grade, a.Login.Basis = atMost(a.Login.Grade, waxseal.Inferred), why
}

// Overtaken lowers the grade of an actor after whom somebody changed the file again
// before it was read.
func Overtaken(a *waxseal.Actor) {
	const why = "the file was changed once more before it was read, and no event told of that"
	a.Process.Grade, a.Process.Basis = atMost(a.Process.Grade, waxseal.Inferred), why
	a.Login.Grade, a.Login.Basis = atMost(a.Login.Grade, waxseal.Inferred), why
}

// Unseen lowers the grade of an actor that can have made a change, and that nobody saw
// making it.
func Unseen(a *waxseal.Actor) {
	const why = "it has the file in its memory and can write there, which no event tells of"
	a.Process.Grade, a.Process.Basis = atMost(a.Process.Grade, waxseal.Inferred), why
	a.Login.Grade, a.Login.Basis = atMost(a.Login.Grade, waxseal.Inferred), why
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
	a.Process.Basis = fmt.Sprintf("audit record %d of this operation on the same inode", e.Serial)
	if e.Type == "URINGOP" && e.AUID == waxseal.Unset {
		m.ringDoer(&a, e.Time)
	}
	known := snapshots(e.Actor, seen)
	s, shown := known[e.PID]
	a.Process.Started, a.Process.Tracer = s.Started, s.Tracer
	if x := m.running(e.PID, e.Exe, e.Time); x != nil {
		a.Process.Argv = m.words(x)
		if x.audit == nil {
			a.Process.PPID, a.Process.Started = x.PPID, x.Started
		}
	} else if shown && len(a.Process.Argv) == 0 && s.Exe == e.Exe {
		a.Process.Argv = s.Argv
	}
	shownBy(&a, seen, e.Actor)
	return m.complete(a, known)
}

// shownBy adds the last origin and place that /proc showed.
func shownBy(a *waxseal.Actor, shown ...*waxseal.Actor) {
	for _, s := range shown {
		if s == nil {
			continue
		}
		if !unknownOrigin(s.Origin) {
			a.Origin = s.Origin
		}
		switch {
		case s.Place.Grade == "":
		case s.Process.Grade != waxseal.Unknown:
			a.Place = s.Place
		case a.Place.Grade == "": // of a parent, which may have started it in a unit of its own
			a.Place = s.Place
			if a.Place.Unit == "init.scope" || len(s.Ancestors) > 0 && wayOf(s.Ancestors[0]) != "" {
				a.Place.Unit = ""
			}
		}
	}
}

// ringDoer adds what the record of an operation of io_uring lacks, from the start of
// the program.
func (m *Memory) ringDoer(a *waxseal.Actor, at time.Time) {
	x := m.image(a.Process.PID, at)
	if x == nil {
		a.Login.Grade, a.Login.Basis = waxseal.Unknown, "records of io_uring name no login, and the start of the program was not seen"
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

// linked grades the start of a parent's program by the session that its child is in.
func (m *Memory) linked(x *program, session uint32, confirmed bool) (g waxseal.Grade, basis string, ok bool) {
	record := m.basisOf(x)
	opener := m.above(x.PID, session) != session
	switch {
	case x.audit == nil:
		return m.gradeOf(x), record, true
	case confirmed:
		return waxseal.Proven, record + ", and /proc showed the same process", true
	case opener && (x.Session == session || x.Session == m.above(x.PID, session)):
		return waxseal.Proven, record + "; it opened the session", true
	case x.Session != session:
		return waxseal.Unknown, "", false // a start of another session's: the number was used again
	case session != waxseal.Unset:
		return waxseal.Proven, record + " in the same session", true
	}
	return waxseal.Inferred, record + "; whether its number was another's since is not known", true
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
