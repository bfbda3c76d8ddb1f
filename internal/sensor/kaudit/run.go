package kaudit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/auditrec"
	"waxseal/internal/beat"
)

const (
	// idle is how long an event may wait for more of its records while none come.
	// The kernel writes the records of one event in one go.
	idle = 50 * time.Millisecond
	// poll is how often the kernel's state is asked for, upkeep how often its rules are,
	// without a sign that they changed: the kernel itself tells of each change while
	// audit is on.
	poll   = time.Second
	upkeep = 5 * time.Second
	// maxSnapshots bounds the actors that wait for their events.
	maxSnapshots = 1024
)

// sessionTypes are delivered with Options.Session.
var sessionTypes = map[string]bool{
	"LOGIN": true, "USER_LOGIN": true, "USER_START": true, "USER_END": true, "USER_AUTH": true, "USER_CMD": true,
}

// Run receives until the context ends and returns nil then. It calls emit for
// each event that carries one of our keys or touches a watched path, for the
// session events if they were asked for, for changes of the packet filter, and for every
// CONFIG_CHANGE that is not this sensor's own doing: rules removed and audit switched off by others
// are among them. Everything else is dropped.
//
// Actor is set on watch events: as soon as the SYSCALL record is there,
// Snapshot(pid) is called, from a goroutine of its own. Where that process has gone, or has been replaced by
// one that started after the event, Snapshot(ppid) is: the Actor then has an
// empty Process with grade unknown, the parent and its ancestors in Ancestors,
// and the parent's login, origin and sudo, all lowered to inferred. Where both
// have gone, Actor is nil.
//
// A slow emit makes the socket's queue fill; what doesn't fit is lost and
// reported by gap. gap is also called when the kernel's own loss counter grows
// and when rules were missing. Both functions are called from this goroutine.
func (s *Sensor) Run(ctx context.Context, emit func(waxseal.AuditEvent), gap func(waxseal.Gap)) error {
	raw, err := s.listen.SyscallConn()
	if err != nil {
		return fmt.Errorf("read audit records: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.listen.SetReadDeadline(time.Unix(1, 0)) }) // wakes the read below
	defer stop()
	r := &reader{s: s, emit: emit, gap: gap, last: time.Now(), lost: s.lost(), actors: map[actorKey]*portrait{}}
	nextPoll, nextUpkeep := time.Now().Add(beat.Next(poll)), time.Now().Add(beat.Next(upkeep))
	r.probe(time.Now())
	for buf := make([]byte, maxMessage); ctx.Err() == nil; {
		_ = s.listen.SetReadDeadline(r.wake(nextPoll))
		if ctx.Err() != nil { // it may have ended before the deadline was set
			break
		}
		if err := r.receive(raw, buf); err != nil {
			return fmt.Errorf("read audit records: %w", err)
		}
		now := time.Now()
		if now.After(nextPoll) {
			nextPoll = now.Add(beat.Next(poll))
			r.poll(now)
			r.probe(now)
		}
		if now.After(nextUpkeep) || r.alarm {
			nextUpkeep, r.alarm = now.Add(beat.Next(upkeep)), false
			s.repair(gap)
		}
	}
	r.deliver(r.assembler.Drain())
	return nil
}

// reader is the state of one Run.
type reader struct {
	s         *Sensor
	emit      func(waxseal.AuditEvent)
	gap       func(waxseal.Gap)
	assembler auditrec.Assembler
	actors    map[actorKey]*portrait
	last      time.Time // when a record was last received
	polled    time.Time
	lost      uint32
	overrun   time.Time // when the queue's overflow was noticed; zero while there is none
	drops     uint64
	broken    int       // records that could not be parsed since the last poll
	full      time.Time // when a full backlog was last told
	waiting   uint32    // records that were in the kernel's queue at the last poll
	latest    glimpse
	alarm     bool // somebody else changed the configuration of audit
	probing   probing
}

// glimpse is the process that was looked at last: who makes many records in a moment, and
// runs the same program in all, is described once.
type glimpse struct {
	pid, ppid, exe, comm string
	at                   time.Time
	actor                *portrait
}

// portrait is what is found of a process, beside the records that follow the first.
type portrait struct {
	done  chan struct{}
	actor *waxseal.Actor
}

// seen waits for it; nil where nobody was looked at.
func (p *portrait) seen() *waxseal.Actor {
	if p == nil {
		return nil
	}
	<-p.done
	return p.actor
}

const glimpseFor = 20 * time.Millisecond

func (g glimpse) of(f map[string]string, at time.Time) bool {
	return g.actor != nil && g.pid == f["pid"] && g.ppid == f["ppid"] && g.exe == f["exe"] && g.comm == f["comm"] && at.Sub(g.at).Abs() < glimpseFor
}

type actorKey struct {
	time   int64
	serial uint64
}

// wake is when the next wait must end.
func (r *reader) wake(next time.Time) time.Time {
	if r.assembler.Pending() > 0 {
		return time.Now().Add(idle)
	}
	return next
}

// receive takes everything that is queued, waiting for the first record until the deadline.
func (r *reader) receive(raw syscall.RawConn, buf []byte) error {
	var fault error
	take := func(fd uintptr) (got bool) { // false waits for the next record
		got, fault = r.take(int(fd), buf)
		return got || fault != nil
	}
	err := raw.Read(take)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.Join(fault, err)
	}
	// A deadline that has passed keeps Read from looking at all. Where this process did not
	// run for a while, what is queued comes before any judgement of what did not come.
	if err := raw.Control(func(fd uintptr) { _ = take(fd) }); err != nil || fault != nil {
		return errors.Join(fault, err)
	}
	r.deliver(r.assembler.Flush(time.Now().Add(time.Hour)))
	return nil
}

// take reads what is queued, and reports whether anything was.
func (r *reader) take(fd int, buf []byte) (got bool, err error) {
	for range 4096 { // then the clock has its turn
		n, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT)
		switch {
		case err == nil:
			got = true
			r.datagram(buf[:n])
		case errors.Is(err, unix.ENOBUFS):
			got = true
			r.overflow()
		case errors.Is(err, unix.EAGAIN):
			r.drained()
			return got, nil
		case !errors.Is(err, unix.EINTR):
			return got, err
		}
	}
	return true, nil
}

func (r *reader) datagram(b []byte) {
	r.last = time.Now()
	if len(b) < headSize {
		return
	}
	record, err := auditrec.ParseMessage(binary.NativeEndian.Uint16(b[4:]), string(b[headSize:]))
	if err != nil {
		r.broken++
		return
	}
	if record.Type == "SYSCALL" || record.Type == "URINGOP" {
		r.snapshot(record)
	}
	r.deliver(r.assembler.Add(record))
}

// snapshot looks at the process while it lives: at its SYSCALL record, before
// the rest of the event has come.
func (r *reader) snapshot(record auditrec.Record) {
	key := record.Fields["key"]
	look := r.s.options.Snapshot
	if look == nil || key == "" || hasKey(key, r.s.options.Key+ExecKey) {
		return
	}
	pid, _ := strconv.Atoi(record.Fields["pid"])
	ppid, _ := strconv.Atoi(record.Fields["ppid"])
	if pid == os.Getpid() {
		return
	}
	if len(r.actors) >= maxSnapshots {
		clear(r.actors)
	}
	if r.latest.of(record.Fields, record.Time) {
		r.actors[actorKey{record.Time.UnixNano(), record.Serial}] = r.latest.actor
		return
	}
	f := record.Fields
	p := &portrait{done: make(chan struct{})}
	r.latest = glimpse{f["pid"], f["ppid"], f["exe"], f["comm"], record.Time, p}
	r.actors[actorKey{record.Time.UnixNano(), record.Serial}] = p
	go func() {
		defer close(p.done)
		p.actor = actor(look, pid, ppid, record.Time)
	}()
}

// slack is how much later than an event a process may seem to have started: its
// start is counted in ticks of 10 ms from a boot time in whole seconds (proc(5)).
const slack = 1100 * time.Millisecond

func actor(look func(pid int) *waxseal.Actor, pid, ppid int, at time.Time) *waxseal.Actor {
	if a := look(pid); a != nil && !a.Process.Started.After(at.Add(slack)) {
		return a
	}
	parent := look(ppid)
	if parent == nil || parent.Process.Started.After(at.Add(slack)) {
		return nil
	}
	a := &waxseal.Actor{Login: parent.Login, Origin: parent.Origin, Sudo: parent.Sudo, Place: parent.Place}
	a.Process = waxseal.Process{UID: waxseal.Unset, EUID: waxseal.Unset, GID: waxseal.Unset, Grade: waxseal.Unknown}
	a.Ancestors = append([]waxseal.Process{parent.Process}, parent.Ancestors...)
	if a.Origin.Grade == waxseal.Proven {
		a.Origin.Grade = waxseal.Inferred
	}
	return a
}

// deliver passes on the events that were asked for.
func (r *reader) deliver(events []waxseal.AuditEvent) {
	for _, e := range events {
		id := actorKey{e.Time.UnixNano(), e.Serial}
		found := r.actors[id]
		delete(r.actors, id)
		switch r.s.sort(&e) {
		case probed:
			r.probing.heard = time.Now()
		case watched:
			e.Actor = found.seen()
			r.emit(e)
		case reported:
			r.alarm = r.alarm || isConfigChange(&e)
			if look := r.s.options.Snapshot; e.Type == "LOGIN" && e.Exe == "" && look != nil {
				e.Actor = actor(look, e.PID, e.PPID, e.Time) // who writes a login uid lives on with it
			}
			r.emit(e)
		}
	}
}
