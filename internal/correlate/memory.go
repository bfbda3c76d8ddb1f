// Package correlate joins what the sensors saw separately: which process made a
// change, for which login, from which address, and how far the change has come
// into the running mail system.
//
// Memory keeps the recent past in bounded rings: programs started, audited file
// operations, logins. It is fed every observation in the order in which they are
// recorded, and asks no clock, so the same observations always give the same
// answer. What has fallen out of a ring is unknown, never guessed.
//
// It does not decide whether a change was expected.
package correlate

import (
	"slices"
	"strconv"
	"time"

	"waxseal"
	"waxseal/internal/logline"
	"waxseal/internal/utmp"
)

const (
	maxSeen    = 1 << 14
	maxTouches = 1 << 12
	maxLogins  = 1 << 10
)

// Memory is the recent past of one host.
type Memory struct {
	programs map[int]*program     // by pid, the latest of each
	order    []*program           // every program remembered, oldest first
	bytes    int                  // what they take
	doubt    time.Time            // until when records of processes were lost
	touches  []waxseal.AuditEvent // audited operations on watched files
	logins   []waxseal.AuditEvent // USER_LOGIN and USER_START with an address
	opened   map[uint32]int       // by session, the pid that set its login uid
	// sessions is how each was opened; shed, by pid, who took his login uid off.
	sessions map[uint32]session
	shed     map[int]session
	lines    []accepted // sshd's "Accepted …"
	changes  []became   // who became whom, by the logs
	jobs     []said[logline.Job]
	consoles []said[logline.Console]
	openings []said[logline.Opened]
	grants   []said[logline.Granted]
	// registered are the sessions that systemd-logind told of.
	registered []said[logline.Session]
	older      []utmp.Record    // sessions that were written down
	seen       map[int]sighting // processes that only /proc showed, by pid
	names      func(uid uint32) string
	intact     Intact // nil: what the records say is all
	matters    func(p waxseal.AuditPath) bool
	mask       func(argv []string) []string
}

// sighting is what /proc showed of a process, and of its session.
type sighting struct {
	waxseal.Process
	origin  waxseal.Origin
	session uint32 // of the process that it was seen above
}

type accepted struct {
	logline.Accepted
	pid int
	at  time.Time
	by  *waxseal.LogSource // who wrote it, by journald's word
}

// became is a line of sudo(8) or the like.
type became struct {
	logline.Became
	pid int
	at  time.Time
	by  *waxseal.LogSource
}

// NewMemory returns an empty memory. names gives the name of a uid, "" if it has
// none.
func NewMemory(names func(uid uint32) string) *Memory {
	return &Memory{programs: map[int]*program{}, seen: map[int]sighting{}, opened: map[uint32]int{}, sessions: map[uint32]session{}, shed: map[int]session{}, names: names}
}

// MaskWith sets what masks the arguments of programs that [Memory.AddProcess] was
// given: thousands start in a second, and few are ever asked for.
func (m *Memory) MaskWith(mask func(argv []string) []string) { m.mask = mask }

// Trust says which programs nobody but root can have put where they are.
func (m *Memory) Trust(intact Intact) { m.intact = intact }

// Matter says which files' operations are remembered longest: in a flood of others these
// are the ones that are asked for.
func (m *Memory) Matter(matters func(p waxseal.AuditPath) bool) { m.matters = matters }

// thinned drops the older half of the operations, but for the latest of those that matter.
func (m *Memory) thinned() []waxseal.AuditEvent {
	old, kept := m.touches[:maxTouches/2], []waxseal.AuditEvent{}
	for i := len(old) - 1; i >= 0 && len(kept) < maxTouches/4 && m.matters != nil; i-- {
		if slices.ContainsFunc(old[i].Paths, m.matters) {
			kept = append(kept, old[i])
		}
	}
	slices.Reverse(kept)
	return append(kept, m.touches[maxTouches/2:]...)
}

// Syscall numbers of execve and execveat (x86_64, aarch64 and the 32-bit tables
// of both): execve(2), execveat(2).
var execSyscalls = map[string][]int{
	"x86_64": {59, 322}, "c000003e": {59, 322},
	"aarch64": {221, 281}, "c00000b7": {221, 281},
	"i386": {11, 358}, "40000003": {11, 358},
	"arm": {11, 387}, "40000028": {11, 387},
}

// IsExec reports whether an audit event is a program start.
func IsExec(e *waxseal.AuditEvent) bool {
	return e.Syscall >= 0 && (len(e.Argv) > 0 || slices.Contains(execSyscalls[e.Arch], e.Syscall))
}

// Add takes an observation into memory.
func (m *Memory) Add(o waxseal.Observation) {
	switch {
	case o.Audit != nil:
		m.addAudit(*o.Audit)
	case o.Process != nil:
		m.AddProcess(*o.Process)
	case o.Gap != nil && o.Gap.Sensor == bpfSensor:
		m.doubt = o.Gap.Until
	case o.Log != nil:
		m.addLine(o)
	}
}

func (m *Memory) addAudit(e waxseal.AuditEvent) {
	switch {
	case e.Type == "LOGIN":
		m.addLogin(e)
		m.see(e.Actor)
	case e.Type == "USER_LOGIN" || e.Type == "USER_START":
		if a := e.Fields["addr"]; a != "" && a != "?" {
			m.logins = append(bounded(m.logins, maxLogins), e)
		}
	case IsExec(&e) && e.Success:
		e.Raw = nil
		m.remember(&program{ProcessEvent: startOf(&e), audit: &e, grade: waxseal.Proven})
		e.Paths = nil
	case len(e.Paths) > 0:
		if len(m.touches) >= maxTouches {
			m.touches = m.thinned()
		}
		m.touches = append(m.touches, e)
	}
}

// see remembers the processes that came with a program start or a login.
func (m *Memory) see(a *waxseal.Actor) {
	if a == nil {
		return
	}
	if len(m.seen) > maxSeen {
		clear(m.seen)
	}
	if a.Process.PID > 0 && a.Process.Grade != waxseal.Unknown {
		m.seen[a.Process.PID] = sighting{a.Process, a.Origin, a.Login.Session}
	}
	for _, p := range a.Ancestors {
		m.seen[p.PID] = sighting{p, a.Origin, a.Login.Session}
	}
}

// bounded drops the oldest half of a full ring.
func bounded[T any](s []T, most int) []T {
	if len(s) < most {
		return s
	}
	return slices.Clone(s[most/2:])
}

func (m *Memory) nameOf(uid uint32) string {
	if uid == waxseal.Unset {
		return ""
	}
	if m.names != nil {
		if n := m.names(uid); n != "" {
			return n
		}
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// number reads a uid or session of a record; what is none is unset.
func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return waxseal.Unset
	}
	return uint32(n)
}
