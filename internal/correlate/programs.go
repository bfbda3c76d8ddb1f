package correlate

import (
	"fmt"
	"slices"
	"time"

	"waxseal"
)

// bpfSensor is the sensor whose records tell of every process; where it is
// missing, audit's tell of program starts.
const bpfSensor waxseal.SensorName = "bpf"

const (
	maxPrograms = 1 << 16
	// maxProgramBytes bounds what the remembered programs take, with their
	// arguments; programSize is what each takes without these.
	maxProgramBytes = 8 << 20
	programSize     = 448
	// maxBefore bounds how many earlier programs of one process are looked through.
	maxBefore = 4
	// coarse is by how much audit's clock may be behind: it counts in ticks of the
	// scheduler (ktime_get_coarse_real_ts64), a hundred a second at least.
	coarse = 10 * time.Millisecond
)

// program is what a process runs, from one moment on.
type program struct {
	waxseal.ProcessEvent
	audit  *waxseal.AuditEvent // the record, where audit told of it
	grade  waxseal.Grade       // that the process runs this program
	plain  bool                // its arguments have not been masked yet
	before *program            // what the pid ran before
	ended  time.Time
	size   int
}

// slack is how much later than an event of audit a program may have started by the
// other's clock.
func (p *program) slack() time.Duration {
	if p.audit != nil {
		return 0
	}
	return coarse
}

// Started is a program start that an observation tells of.
func Started(o waxseal.Observation) (waxseal.ProcessEvent, bool) {
	switch {
	case o.Process != nil:
		return *o.Process, o.Process.Step == waxseal.ProcessExec
	case o.Audit != nil && IsExec(o.Audit) && o.Audit.Success:
		return startOf(o.Audit), true
	}
	return waxseal.ProcessEvent{}, false
}

// startOf is audit's report of a program start. The name that execve(2) was given is
// the first path of its records.
func startOf(e *waxseal.AuditEvent) waxseal.ProcessEvent {
	p := waxseal.ProcessEvent{
		Step: waxseal.ProcessExec, Time: e.Time, PID: e.PID, PPID: e.PPID, UID: e.UID, EUID: e.EUID, GID: e.GID,
		AUID: e.AUID, Session: e.Session, TTY: e.TTY, Comm: e.Comm, Exe: e.Exe, CWD: e.CWD, Argv: e.Argv, OfTree: e.OfTree, Actor: e.Actor,
	}
	if i := slices.IndexFunc(e.Paths, func(p waxseal.AuditPath) bool { return p.Item == 0 }); i >= 0 {
		f := e.Paths[i]
		p.File, p.Device, p.Inode, p.Owner, p.Mode = f.Name, f.Device, f.Inode, f.UID, f.Mode
	}
	return p
}

// AddProcess takes in a step in the life of a process. Its arguments need not be
// masked: that is done where one is asked for, see [Memory.MaskWith].
func (m *Memory) AddProcess(e waxseal.ProcessEvent) {
	switch e.Step {
	case waxseal.ProcessFork:
		m.fork(e)
	case waxseal.ProcessExec:
		p := &program{ProcessEvent: e, grade: waxseal.Proven, plain: true}
		if was := m.programs[e.PID]; was != nil && was.Started.Equal(e.Started) {
			p.PPID = was.PPID // who made it, though that may have ended and another have taken it over
		}
		m.remember(p)
	case waxseal.ProcessExit:
		if p := m.programs[e.PID]; p != nil && p.Started.Equal(e.Started) {
			p.ended = e.Time
		}
	}
}

// fork: the child runs what its maker runs. Where only /proc showed what that is, it
// is inferred.
func (m *Memory) fork(e waxseal.ProcessEvent) {
	p := &program{ProcessEvent: e, grade: waxseal.Inferred}
	if from := m.image(e.From, e.Time); from != nil {
		p.Exe, p.CWD, p.File, p.Argv, p.Cut = from.Exe, from.CWD, from.File, from.Argv, from.Cut
		p.plain, p.grade = from.plain, m.gradeOf(from)
	} else if s, ok := m.seen[e.From]; ok {
		p.Exe, p.CWD, p.Argv = s.Exe, s.CWD, s.Argv
	}
	m.remember(p)
}

// remember makes a program the latest of its pid, and forgets old ones.
func (m *Memory) remember(p *program) {
	m.see(p.Actor)
	delete(m.seen, p.PID)
	p.size = programSize + len(p.Exe) + len(p.CWD) + len(p.File)
	for _, word := range p.Argv {
		p.size += len(word) + 16
	}
	p.before = m.programs[p.PID]
	for q, n := p, 0; q != nil; q, n = q.before, n+1 {
		if n == maxBefore {
			q.before = nil
		}
	}
	m.programs[p.PID] = p
	m.order = append(m.order, p)
	m.bytes += p.size
	for len(m.order) > maxPrograms || m.bytes > maxProgramBytes {
		m.forget()
	}
}

// forget lets the oldest program go, rather one that has ended than one that runs.
func (m *Memory) forget() {
	for range 64 {
		if old := m.order[0]; !m.runs(old) {
			break
		}
		m.order = append(m.order[1:], m.order[0])
	}
	old := m.order[0]
	m.order[0] = nil
	m.order = m.order[1:]
	m.bytes -= old.size
	if m.programs[old.PID] == old { // the pid has not run, or been used, again
		delete(m.programs, old.PID)
	}
	*old = program{} // one that came later may still point at it
}

// runs reports whether a program is known to run still.
func (m *Memory) runs(p *program) bool {
	return p.audit == nil && p.ended.IsZero() && m.programs[p.PID] == p
}

// image is what a pid ran at a time; at the latest if no time is given.
func (m *Memory) image(pid int, at time.Time) *program {
	for p := m.programs[pid]; p != nil && p.size > 0; p = p.before { // 0: it is forgotten
		if at.IsZero() || !p.Time.After(at.Add(p.slack())) {
			return p
		}
	}
	return nil
}

// running is the latest program of a pid at a time that is this file; "" stands for
// any.
func (m *Memory) running(pid int, exe string, at time.Time) *program {
	for p := m.image(pid, at); p != nil && p.size > 0; p = p.before {
		if exe == "" || p.Exe == exe {
			return p
		}
	}
	return nil
}

// gradeOf is how surely a process still runs a program: what was lost may have been
// its next one.
func (m *Memory) gradeOf(p *program) waxseal.Grade {
	if p.audit == nil && p.ended.IsZero() && m.doubt.After(p.Time) {
		return waxseal.Inferred
	}
	return p.grade
}

// basisOf is what tells that a process runs a program.
func (m *Memory) basisOf(p *program) string {
	switch {
	case p.audit != nil:
		return fmt.Sprintf("audit record %d of its program start", p.audit.Serial)
	case m.gradeOf(p) != p.grade:
		return "BPF told what it ran; records of processes were lost since"
	case p.Step == waxseal.ProcessFork && p.grade != waxseal.Proven:
		return "BPF told of its fork, and /proc what its parent ran"
	case p.Step == waxseal.ProcessFork:
		return "BPF told of its fork, and what its parent ran"
	}
	return "BPF told of its program start"
}

// words are the masked arguments of a program.
func (m *Memory) words(p *program) []string {
	if p.plain && m.mask != nil {
		p.Argv = m.mask(p.Argv)
	}
	p.plain = false
	return nonNil(p.Argv)
}

// describe is a process that runs a program.
func (m *Memory) describe(p *program) waxseal.Process {
	return waxseal.Process{
		PID: p.PID, PPID: p.PPID, Exe: p.Exe, Comm: p.Comm, Argv: m.words(p), CWD: p.CWD,
		UID: p.UID, EUID: p.EUID, GID: p.GID, Started: p.Started, Grade: m.gradeOf(p),
	}
}

// fromProgram is the actor of which it is known what it runs; g is how surely it is
// the one that is asked for.
func (m *Memory) fromProgram(p *program, seen *waxseal.Actor, g waxseal.Grade) waxseal.Actor {
	a := waxseal.Actor{
		Login:   waxseal.Login{UID: p.AUID, Session: p.Session, TTY: tty(p.TTY), Grade: g},
		Process: m.describe(p),
		Origin:  waxseal.Origin{Kind: waxseal.OriginUnknown, Grade: waxseal.Unknown},
	}
	a.Process.Grade, a.Process.Basis = g, m.basisOf(p)
	known := snapshots(p.Actor, seen)
	if s, ok := known[p.PID]; ok {
		a.Process.Tracer = s.Tracer
		if a.Process.Started.IsZero() {
			a.Process.Started = s.Started
		}
	}
	shownBy(&a, seen, p.Actor)
	return m.complete(a, known)
}

// ProcessAt is who a process was at a time, by its own records.
func (m *Memory) ProcessAt(pid int, at time.Time) (waxseal.Actor, bool) {
	p := m.image(pid, at)
	if p == nil {
		return waxseal.Actor{}, false
	}
	return m.fromProgram(p, nil, m.gradeOf(p)), true
}

// Start is the record of the program that a process ran, if it is remembered: that
// file, or, where none is named, the latest.
func (m *Memory) Start(of waxseal.Process) (waxseal.Observation, bool) {
	p := m.running(of.PID, of.Exe, time.Time{})
	if p == nil {
		return waxseal.Observation{}, false
	}
	if p.audit != nil {
		return waxseal.Observation{Time: p.Time, Sensor: "kaudit", Audit: p.audit}, true
	}
	e := p.ProcessEvent
	if e.Argv = m.words(p); e.Step == waxseal.ProcessFork { // the record of a fork says nothing of the program
		e.Exe, e.CWD, e.File, e.Argv, e.Cut = "", "", "", nil, false
	}
	return waxseal.Observation{Time: e.Time, Sensor: bpfSensor, Process: &e}, true
}

// Know takes in a process that ran before anybody told of it, as /proc shows it.
func (m *Memory) Know(a waxseal.Actor) {
	if a.Process.PID > 0 {
		m.seen[a.Process.PID] = sighting{a.Process, a.Origin, a.Login.Session}
	}
}

// maxRan bounds how many of the latest programs are looked through.
const maxRan = 4096

// Ran are the processes that started certain programs since a time, as far as is
// remembered. That they did what is asked about is inferred.
func (m *Memory) Ran(since time.Time, is func(exe string) bool) (list []waxseal.Actor) {
	for i := len(m.order) - 1; i >= 0 && i >= len(m.order)-maxRan; i-- {
		x := m.order[i]
		if x.Step == waxseal.ProcessExec && !x.Time.Before(since) && is(x.Exe) {
			list = append(list, m.fromProgram(x, nil, waxseal.Inferred))
		}
	}
	return list
}
