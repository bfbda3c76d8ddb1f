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
)

const (
	maxExecs   = 1 << 14
	maxTouches = 1 << 12
	maxLogins  = 1 << 10
)

// Memory is the recent past of one host.
type Memory struct {
	execs   map[int]*waxseal.AuditEvent // by pid, the last execve of each
	order   []*waxseal.AuditEvent       // every execve remembered, oldest first
	touches []waxseal.AuditEvent        // audited operations on watched files
	logins  []waxseal.AuditEvent        // USER_LOGIN and USER_START with an address
	opened  map[uint32]int              // by session, the pid that set its login uid
	// sessions is how each was opened; shed, by pid, who took his login uid off.
	sessions map[uint32]session
	shed     map[int]session
	lines    []accepted       // sshd's "Accepted …"
	seen     map[int]sighting // parents that only /proc showed, by pid
	names    func(uid uint32) string
	intact   Intact // nil: what the records say is all
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
}

// NewMemory returns an empty memory. names gives the name of a uid, "" if it has
// none.
func NewMemory(names func(uid uint32) string) *Memory {
	return &Memory{execs: map[int]*waxseal.AuditEvent{}, seen: map[int]sighting{}, opened: map[uint32]int{}, sessions: map[uint32]session{}, shed: map[int]session{}, names: names}
}

// Trust says which programs nobody but root can have put where they are.
func (m *Memory) Trust(intact Intact) { m.intact = intact }

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
	case o.Log != nil:
		if l, ok := logline.Parse(o.Log.Text); ok {
			if a, ok := logline.ParseAccepted(l); ok {
				m.lines = append(bounded(m.lines, maxLogins), accepted{a, l.PID, o.Time})
			}
		}
	}
}

func (m *Memory) addAudit(e waxseal.AuditEvent) {
	switch {
	case e.Type == "LOGIN":
		m.addLogin(e)
	case e.Type == "USER_LOGIN" || e.Type == "USER_START":
		if a := e.Fields["addr"]; a != "" && a != "?" {
			m.logins = append(bounded(m.logins, maxLogins), e)
		}
	case IsExec(&e) && e.Success:
		m.addExec(e)
	case len(e.Paths) > 0:
		m.touches = append(bounded(m.touches, maxTouches), e)
	}
}

func (m *Memory) addExec(e waxseal.AuditEvent) {
	if len(m.order) >= maxExecs {
		old := m.order[0]
		m.order = m.order[1:]
		if m.execs[old.PID] == old { // the pid has not run, or been used, again
			delete(m.execs, old.PID)
		}
	}
	m.see(e.Actor)
	delete(m.seen, e.PID)
	e.Raw, e.Paths = nil, programFile(e.Paths)
	m.execs[e.PID] = &e
	m.order = append(m.order, &e)
}

// see remembers the ancestors that came with a program start.
func (m *Memory) see(a *waxseal.Actor) {
	if a == nil {
		return
	}
	if len(m.seen) > maxExecs {
		clear(m.seen)
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

// Exec returns the program start of a process, if it is remembered.
func (m *Memory) Exec(pid int) (waxseal.AuditEvent, bool) {
	e, ok := m.execs[pid]
	if !ok {
		return waxseal.AuditEvent{}, false
	}
	return *e, true
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

// programFile is the file that a program start was asked for: the first that the kernel
// looked up (audit, fs/exec.c). A script comes before its interpreter.
func programFile(paths []waxseal.AuditPath) []waxseal.AuditPath {
	for _, p := range paths {
		if p.Item == 0 {
			return []waxseal.AuditPath{p}
		}
	}
	return nil
}

// number reads a uid or session of a record; what is none is unset.
func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return waxseal.Unset
	}
	return uint32(n)
}
