package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/sensor/bpf"
	"waxseal/internal/sensor/control"
	"waxseal/internal/sensor/fanotify"
	"waxseal/internal/sensor/inotify"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/sensor/pulse"
)

// senses are the running sensors; one that could not be had is nil.
type senses struct {
	files     *fanotify.Sensor
	hints     *inotify.Sensor // where files is nil
	audit     *kaudit.Sensor
	processes *bpf.Sensor
	control   *control.Socket
	logs      chan chan struct{} // asks the tail to read at once
	journal   chan chan struct{} // … and the journal
	logsAt    time.Time          // when they were last asked; of fanotify's goroutine
	people    *proc.Reader
	parents   map[int]time.Time // when a pid was last known for sure; of the audit goroutine
	sessions  map[uint32]bool   // those whose origin was looked up; of the bpf sensor, one call at a time
	cancel    context.CancelFunc
	done      sync.WaitGroup
}

// AuditKey marks the audit rules of a watching agent.
const AuditKey = "waxseal"

// blindPoll is how often the mail set is read where no sensor tells of changes.
const blindPoll = 2 * time.Second

// wakeSenses gets ready for the sensors, which run in the context that it returns.
func (a *Agent) wakeSenses(ctx context.Context) context.Context {
	ctx, a.senses.cancel = context.WithCancel(ctx)
	a.senses.people = proc.New(proc.Options{Names: a.names.user, Root: a.tree.Dir()})
	a.senses.logs, a.senses.journal = make(chan chan struct{}), make(chan chan struct{})
	a.senses.parents, a.senses.sessions = map[int]time.Time{}, map[uint32]bool{}
	if by := proc.Confined(); by != "" {
		a.opts.Warn("this process is confined by " + by + ": what that forbids looks like a right that is missing; its denials are in the records of audit (ausearch -m AVC) and are told")
	}
	return ctx
}

// watchFiles starts what tells that files of the last state change, and whose the
// processes are; what it returns reads the tree, so that what changes from then on is seen.
//
// To read takes longer than all else at a start, so it begins as soon as fanotify listens,
// in the process that reads, and the other sensors are started meanwhile. A change of these
// milliseconds is seen with a hand that may not be proven.
func (a *Agent) watchFiles(ctx context.Context, now time.Time) (read func() waxseal.State) {
	a.startFiles(ctx)
	if a.senses.files == nil || a.room == nil {
		return func() waxseal.State { return a.readAll(now) }
	}
	return a.readBeside(now)
}

// startOthers starts the sensors that are not needed to see that a file changes. For each
// that can't be had, a gap is recorded and a person is told what that costs.
func (a *Agent) startOthers(ctx context.Context) {
	a.startControl(ctx)
	a.knowSessions()
	a.knowProcesses()
	a.startOwn(ctx)
	a.run(pulse.Sensor, "that the agent was stopped, or the clock set, is not noticed", func() error { return pulse.Run(ctx, a.queue.gap) })
	a.startAudit(ctx)
	if a.senses.files == nil && a.senses.audit == nil { // else audit leads to the files, and names the hand
		a.startHints(ctx)
	}
	a.startTail(ctx, logPaths(a.last, a.opts.Logs), a.senses.logs)
	a.startJournal(ctx)
	if a.senses.files == nil && a.senses.audit == nil {
		a.opts.Poll = min(a.opts.Poll, blindPoll)
	}
	if a.senses.hints != nil {
		a.aimAtFiles()
	}
	a.aimAudit()
}

// without records that a sensor is missing.
func (a *Agent) without(sensor waxseal.SensorName, why, cost string) {
	now := time.Now()
	reason := why + ": " + cost
	a.opts.Warn("without " + string(sensor) + ": " + reason)
	a.note(now, waxseal.Observation{Sensor: sensor, Gap: &waxseal.Gap{Sensor: sensor, From: now, Reason: reason}})
}

const (
	withoutFiles     = "changes are found by audit, inotify or by reading the files again, so short-lived contents can be missed and processes are named less surely"
	withoutProcesses = "which programs start is taken from audit's records, which cost more and enter the host's own audit log too; a process that only forks stays unknown"
	withoutAudit     = "who made a change is taken from /proc after the event and is inferred at best; a process that has already ended stays unknown"
)

// openProcesses has the kernel load what tells of processes, which takes it a while; what
// it returns waits for that, and hears of every process from then on.
func (a *Agent) openProcesses(ctx context.Context) (start func()) {
	if !a.opts.BPF {
		return func() { a.without(bpf.Name, "it is switched off", withoutProcesses) }
	}
	var s *bpf.Sensor
	var err error
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		s, err = bpf.Open()
	}()
	return func() {
		if <-opened; err != nil {
			a.without(bpf.Name, err.Error(), withoutProcesses)
			return
		}
		a.senses.processes = s
		a.run(bpf.Name, withoutProcesses, func() error { return s.Run(ctx, a.processEvents, a.queue.gap) })
	}
}

// knowProcesses takes the processes that run already from /proc.
func (a *Agent) knowProcesses() {
	if a.senses.processes == nil {
		return
	}
	for _, p := range a.senses.people.All() {
		a.memory.Know(*a.scrubActor(p))
	}
}

func (a *Agent) processEvents(batch []waxseal.ProcessEvent) {
	for i := range batch {
		a.senses.lookUpLogin(&batch[i])
	}
	a.queue.put(arrival{processes: batch})
}

// lookUpLogin adds to the first program of a login where that came from, which
// /proc shows while the connection lasts: the kernel's records have no addresses.
func (s *senses) lookUpLogin(e *waxseal.ProcessEvent) {
	if e.Step != waxseal.ProcessExec || e.Session == waxseal.Unset || s.sessions[e.Session] {
		return
	}
	if len(s.sessions) > maxParents {
		clear(s.sessions)
	}
	s.sessions[e.Session] = true
	p := s.people.Snapshot(e.PPID)
	if p == nil || p.Process.Started.After(e.Started.Add(time.Second)) {
		return
	}
	e.Actor = asParent(p)
}

// asParent is the parent that /proc showed, as what is above a process.
func asParent(p *waxseal.Actor) *waxseal.Actor {
	return &waxseal.Actor{
		Login: p.Login, Origin: p.Origin, Sudo: p.Sudo, Place: p.Place, Process: waxseal.Process{Grade: waxseal.Unknown},
		Ancestors: append([]waxseal.Process{p.Process}, p.Ancestors...),
	}
}

// drain takes in every process that is there by now.
func (s *senses) drain(gap func(waxseal.Gap)) {
	if s.processes == nil {
		return
	}
	if err := s.processes.Drain(); err != nil {
		gap(waxseal.Gap{Sensor: bpf.Name, From: time.Now(), Reason: err.Error() + ": " + withoutProcesses})
	}
}

// startFiles hears of changes of files, and of processes, which say whose they are.
func (a *Agent) startFiles(ctx context.Context) {
	startProcesses := a.openProcesses(ctx)
	a.openFiles()
	a.aimAtFiles()
	startProcesses()
	if s := a.senses.files; s != nil {
		a.run(fanotify.Name, withoutFiles, func() error { return s.Run(ctx, a.fileEvent, a.queue.gap) })
	}
}

func (a *Agent) openFiles() {
	if !a.opts.Fanotify {
		a.without(fanotify.Name, "it is switched off", withoutFiles)
		return
	}
	s, err := fanotify.Open(fanotify.Options{Root: a.tree.Dir(), Snapshot: a.senses.people.SnapshotPidfd, Hint: a.ahead.hint})
	if err != nil {
		a.without(fanotify.Name, err.Error(), withoutFiles)
		return
	}
	for _, n := range s.Notes() {
		a.without(fanotify.Name, n, "events of this kind are told less exactly")
	}
	a.senses.files = s
}

// startHints hears that something changed, where fanotify can't say what.
func (a *Agent) startHints(ctx context.Context) {
	s, err := inotify.Open(a.tree.Dir())
	if err != nil {
		a.without(inotify.Name, err.Error(), "changes are found when the files are read again, every "+blindPoll.String())
		return
	}
	a.senses.hints = s
	a.opts.Warn(WithInotify)
	a.run(inotify.Name, "changes are found when the files are read again", func() error {
		return s.Run(ctx, func(e inotify.Event) {
			event := e.FileEvent
			a.queue.put(arrival{Observation: waxseal.Observation{Time: e.Time, Sensor: inotify.Name, File: &event}, note: "inotify tells neither content nor process"})
		}, a.queue.gap)
	})
}

// WithInotify says what it means that inotify is all there is.
const WithInotify = "inotify takes the place of fanotify: that a file changed is seen at once and what it holds then is read, but who changed it, what was there for a moment, and changes through hard links, memory maps and mounts are not seen; for these the files are read again and again"

func (a *Agent) fileEvent(e fanotify.Event) {
	event := e.FileEvent
	a.senses.drain(a.queue.gap) // who it was comes first
	a.senses.readLogs()         // and how he came in
	a.queue.put(arrival{
		Observation: waxseal.Observation{Time: e.Time, Sensor: fanotify.Name, File: &event},
		content:     e.Content, copied: e.Captured, note: e.Note, late: e.Late, number: e.Number,
	})
}

func (a *Agent) startAudit(ctx context.Context) {
	if !a.opts.Audit {
		a.without(kaudit.Name, "it is switched off", withoutAudit)
		return
	}
	wasOff := a.books.AuditWasOff() // an earlier run was killed after it had switched audit on
	if p := kaudit.Probe(); p.Usable && p.Enabled == 0 {
		a.setAuditWasOff(true) // before it is switched on: a kill may come at any moment
	}
	s, err := kaudit.Open(kaudit.Options{Key: AuditKey, Watches: a.auditPaths(), Exec: a.senses.processes == nil, Calls: true, Session: true, Probe: a.probeDir(), WasOff: wasOff, Snapshot: a.senses.people.Snapshot})
	if err != nil {
		a.without(kaudit.Name, err.Error(), withoutAudit)
		return
	}
	for _, n := range s.Notes() {
		a.opts.Warn("kaudit: " + n)
	}
	if s.SwitchedOn() && !wasOff {
		a.noteBlind()
	}
	a.senses.audit = s
	a.run(kaudit.Name, withoutAudit, func() error { return s.Run(ctx, a.auditEvent, a.queue.gap) })
}

// noteBlind writes down which processes audit may be blind to: those that ran when it was
// switched on, if that was the first time since the boot.
func (a *Agent) noteBlind() {
	now := time.Now()
	names := a.senses.people.Older()
	slices.Sort(names)
	const most = 200
	a.note(now, waxseal.Observation{Sensor: kaudit.Name, Gap: &waxseal.Gap{Sensor: kaudit.Name, From: now,
		Reason: fmt.Sprintf("audit was off until now: if it was never on since the boot, these %d processes make no records of what they do themselves: %s", len(names), strings.Join(names[:min(len(names), most)], ", "))}})
}

// probeDir is where the audit sensor writes to prove that its rules report, "" where it
// can't be had: then that is not proven.
func (a *Agent) probeDir() string {
	dir := filepath.Join(a.opts.State, "probe")
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir) // a rule is on a directory, not on a name
	}
	if err != nil {
		a.opts.Warn("whether audit rules report is not tried out: " + err.Error())
		return ""
	}
	return dir
}

func (a *Agent) auditEvent(e waxseal.AuditEvent) {
	a.senses.lookUpParent(&e)
	if e.Type == "LOGIN" && e.Actor == nil { // the one moment at which who logs in is surely there
		e.Actor = a.senses.people.Snapshot(e.PID)
	}
	a.queue.put(arrival{Observation: waxseal.Observation{Time: e.Time, Sensor: kaudit.Name, Audit: &e}})
}

const (
	// maxParents bounds the pids that lookUpParent remembers.
	maxParents = 1 << 15
	// parentFor is how long a pid is taken to be the process that it was: a shell
	// that starts a thousand programs is looked at once, and a pid that went to
	// another process is noticed.
	parentFor = 10 * time.Second
)

// lookUpParent adds to a program start who its parent is, where no program start
// told that before: a daemon older than the agent, or a child that was forked
// and never started a program of its own, such as sshd's for a session. It is
// done where the event comes in, since such a child may live for milliseconds.
func (s *senses) lookUpParent(e *waxseal.AuditEvent) {
	if !correlate.IsExec(e) || !e.Success {
		return
	}
	if len(s.parents) > maxParents {
		clear(s.parents)
	}
	known := e.Time.Sub(s.parents[e.PPID]) < parentFor
	s.parents[e.PID] = e.Time
	if known || e.Actor != nil {
		return
	}
	s.parents[e.PPID] = e.Time
	p := s.people.Snapshot(e.PPID)
	if p == nil {
		return
	}
	e.Actor = asParent(p)
}

// run keeps a sensor running; one that ends with an error is a gap.
func (a *Agent) run(name waxseal.SensorName, cost string, work func() error) {
	a.senses.done.Go(func() {
		if err := work(); err != nil {
			a.queue.gap(waxseal.Gap{Sensor: name, From: time.Now(), Reason: err.Error() + ": " + cost})
		}
	})
}

// stop ends all sensors and takes away what they left in the kernel.
func (s *senses) stop() error {
	var errs []error
	s.cancel()
	if s.control != nil {
		errs = append(errs, s.control.Close())
	}
	s.done.Wait()
	if s.files != nil {
		errs = append(errs, s.files.Close())
	}
	if s.hints != nil {
		errs = append(errs, s.hints.Close())
	}
	if s.audit != nil {
		errs = append(errs, s.audit.Close())
	}
	if s.processes != nil {
		errs = append(errs, s.processes.Close())
	}
	return errors.Join(errs...)
}
