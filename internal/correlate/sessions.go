package correlate

import (
	"fmt"
	"slices"
	"time"

	"waxseal"
)

// session is how a login session was opened, by the kernel's LOGIN record: a process
// wrote a login uid to /proc/self/loginuid (pam_loginuid(8)).
type session struct {
	uid     uint32
	before  uint32 // the login uid that it replaced
	earlier uint32 // the session that it replaced
	pid     int
	by      string // the program that did it
	sound   bool   // a login program, and nobody but root can have put it there
	serial  uint64
	at      time.Time
}

// logins are the programs that open sessions, by the places where distributions put
// them. A process calls itself what it likes; these are the files that run.
var logins = []string{
	"/usr/sbin/sshd", "/usr/lib/openssh/sshd-session", "/usr/libexec/openssh/sshd-session", "/usr/lib/ssh/sshd-session",
	"/usr/bin/login", "/bin/login", "/usr/sbin/cron", "/usr/sbin/crond", "/usr/sbin/atd",
	"/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/usr/lib/systemd/systemd-executor",
	"/usr/sbin/lightdm", "/usr/lib/gdm3/gdm-session-worker", "/usr/libexec/gdm-session-worker",
	"/usr/lib/cockpit/cockpit-session", "/usr/libexec/cockpit-session", "/usr/libexec/sddm-helper",
}

// sshds are those of them that are sshd(8).
var sshds = logins[:4]

// addLogin remembers how a session was opened, or given up.
func (m *Memory) addLogin(e waxseal.AuditEvent) {
	if len(m.sessions) > maxSeen {
		clear(m.sessions)
		clear(m.opened)
	}
	if len(m.shed) > maxSeen {
		clear(m.shed)
	}
	s := session{uid: e.AUID, before: number(e.Fields["old-auid"]), earlier: number(e.Fields["old-ses"]), pid: e.PID, by: e.Exe, serial: e.Serial, at: e.Time}
	if x := m.image(e.PID, e.Time); x != nil && s.by == "" && (x.audit == nil || x.Session == s.earlier) {
		s.by = x.Exe
	}
	if s.by == "" && e.Actor != nil {
		s.by = e.Actor.Process.Exe
	}
	s.sound = e.UID == 0 && slices.Contains(logins, s.by) && m.sound(e.PID, s.by)
	if e.AUID == waxseal.Unset {
		m.shed[e.PID] = s
		return
	}
	delete(m.shed, e.PID)
	m.sessions[e.Session], m.opened[e.Session] = s, e.PID
}

// sound reports whether nobody but root can have put a program where it is: by the
// owner and mode that the kernel recorded when it started, and by the tree as it is.
func (m *Memory) sound(pid int, exe string) bool {
	if x := m.running(pid, exe, time.Time{}); x != nil && x.Inode != 0 && (x.Owner != 0 || x.Mode&0o022 != 0) {
		return false
	}
	return m.intact == nil || m.intact(waxseal.Path(exe))
}

// above is the session of a process's parent, where the process itself opened its own.
func (m *Memory) above(pid int, of uint32) uint32 {
	if s, ok := m.sessions[of]; ok && s.pid == pid {
		return s.earlier
	}
	if s, ok := m.shed[pid]; ok && of == waxseal.Unset {
		return s.earlier
	}
	return of
}

// login grades the login of an actor by how its session was opened. The kernel's word
// for a login uid is only as good as the program that set it: root may write any.
func (m *Memory) login(a *waxseal.Actor) {
	l := &a.Login
	l.Name, l.Interactive = m.nameOf(l.UID), l.TTY != ""
	switch {
	case l.Grade == waxseal.Unknown:
	case l.UID == waxseal.Unset:
		m.noLogin(a)
	default:
		m.opening(l, 0)
	}
}

func (m *Memory) opening(l *waxseal.Login, depth int) {
	s, ok := m.sessions[l.Session]
	doubt := func(why string) { l.Grade, l.Basis = atMost(l.Grade, waxseal.Inferred), why }
	record := fmt.Sprintf("audit record %d: %s (process %d) set the login uid of session %d", s.serial, orUnknown(s.by), s.pid, l.Session)
	switch {
	case !ok || s.uid != l.UID:
		doubt("the kernel keeps this login uid; who set it was not seen, since the session was opened before the agent watched or the record is lost" + m.registration(l.Session))
	case s.before != waxseal.Unset:
		doubt(record + ", which had one already")
		l.Before = m.replaced(s, depth)
	case !s.sound:
		doubt(record + ", and is no login program that only root could have put there")
		if above, ok := m.shedAbove(s.pid); ok {
			l.Before = m.replaced(above, depth)
		}
	default:
		l.Basis = record
	}
}

// replaced is the login that was there before a session was opened over it.
func (m *Memory) replaced(s session, depth int) *waxseal.Login {
	old := &waxseal.Login{UID: s.before, Name: m.nameOf(s.before), Session: s.earlier, Grade: waxseal.Proven}
	if depth >= maxAncestors { // records that can't be true
		old.Grade, old.Basis = waxseal.Unknown, "too many logins replaced one another"
		return old
	}
	m.opening(old, depth+1)
	return old
}

// noLogin says of a process without a login uid whether somebody took it off.
func (m *Memory) noLogin(a *waxseal.Actor) {
	a.Login.Basis = "the kernel says that no login uid was ever set"
	for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
		s, ok := m.shed[p.PID]
		if !ok || s.before == waxseal.Unset {
			continue
		}
		a.Login.Grade = atMost(a.Login.Grade, waxseal.Inferred)
		a.Login.Basis = fmt.Sprintf("audit record %d: %s (process %d) took the login uid off", s.serial, orUnknown(s.by), s.pid)
		a.Login.Before = m.replaced(s, 0)
		return
	}
}

// shedAbove finds who took a login uid off, from a process upwards.
func (m *Memory) shedAbove(pid int) (session, bool) {
	for range maxAncestors {
		if s, ok := m.shed[pid]; ok {
			return s, true
		}
		x := m.image(pid, time.Time{})
		if x == nil {
			break
		}
		pid = x.PPID
	}
	return session{}, false
}

// Forged reports whether a LOGIN record is of a login uid that no login program set, and
// says so in words.
func (m *Memory) Forged(e *waxseal.AuditEvent) (words string, forged bool) {
	s, ok := m.sessions[e.Session]
	if e.Type != "LOGIN" || e.AUID == waxseal.Unset || !ok || s.sound || s.serial != e.Serial {
		return "", false
	}
	l := waxseal.Login{UID: e.AUID, Session: e.Session, Grade: waxseal.Proven}
	m.opening(&l, 0)
	return l.Basis, true
}

// Opener says who opened the session of a LOGIN record.
func (m *Memory) Opener(e waxseal.AuditEvent) waxseal.Actor {
	a := m.fromAudit(e, nil, waxseal.Proven)
	if x := m.image(e.PID, e.Time); x != nil && a.Process.Exe == "" {
		a.Process.Exe, a.Process.Comm, a.Process.PPID = x.Exe, x.Comm, x.PPID
	}
	if a.Process.Exe == "" && e.Actor != nil {
		a.Process = e.Actor.Process
	}
	return a
}

// traced lowers what a process under ptrace(2) did: who traces it can make it do
// anything.
func traced(a *waxseal.Actor) {
	if t := a.Process.Tracer; t > 0 {
		a.Process.Grade, a.Process.Basis = atMost(a.Process.Grade, waxseal.Inferred), fmt.Sprintf("process %d had it under ptrace(2), and could make it do anything", t)
		a.Login.Grade, a.Login.Basis = atMost(a.Login.Grade, waxseal.Inferred), a.Process.Basis
	}
}

var ranks = map[waxseal.Grade]int{waxseal.Unknown: 0, waxseal.Inferred: 1, waxseal.Proven: 2}

// atMost lowers a grade to another.
func atMost(g, most waxseal.Grade) waxseal.Grade {
	if ranks[g] > ranks[most] {
		return most
	}
	return g
}

func orUnknown(exe string) string {
	if exe == "" {
		return "an unknown program"
	}
	return exe
}
