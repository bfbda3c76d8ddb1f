package fanotify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// bufferSize holds some hundred events, each of which may come with a descriptor of its
// process; one is at most about 1 KiB.
const bufferSize = 32 << 10

// maxEvent is the room for one: where more was left in the buffer, none waited.
const maxEvent = 4 << 10

// Run reads events until the context ends and returns nil then. It calls emit,
// in order, for each event that concerns a target and that another process than
// this one caused, and gap when the kernel's queue overflowed. Both are called
// from this goroutine; while they last, events wait in the kernel's queue, which
// is bounded (fs.fanotify.max_queued_events).
//
// A close by a writer counts as a write although nothing may have been written,
// since a write through a memory map shows in no other way.
func (s *Sensor) Run(ctx context.Context, emit func(Event), gap func(waxseal.Gap)) error {
	stop := context.AfterFunc(ctx, func() { _ = s.group.SetReadDeadline(time.Unix(1, 0)) }) // wakes the read below
	defer stop()
	raw, err := s.group.SyscallConn()
	if err != nil {
		return fmt.Errorf("read fanotify events: %w", err)
	}
	r := &reader{s: s, emit: emit, gap: gap, last: time.Now(), empty: time.Now()}
	for buf := make([]byte, bufferSize); ctx.Err() == nil; s.busy.Store(false) {
		n, waited, err := s.read(raw, buf)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read fanotify events: %w", err)
		}
		r.batch(buf[:n], waited)
	}
	return nil
}

// read waits for events, unless some are there. The sensor is busy from before they leave
// the kernel's queue.
func (s *Sensor) read(raw syscall.RawConn, buf []byte) (n int, waited bool, err error) {
	waiting := raw.Read(func(fd uintptr) bool {
		s.busy.Store(true)
		n, err = unix.Read(int(fd), buf)
		if err != unix.EAGAIN {
			return true
		}
		s.busy.Store(false)
		waited = true
		return false
	})
	if waiting != nil {
		return 0, waited, waiting
	}
	return n, waited, err
}

// CatchUp waits until everything that the kernel has told by now is emitted, or until a
// time has passed. Run must be running.
func (s *Sensor) CatchUp(most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		// In this order: what is not in the queue any more is being emitted.
		if n, err := unix.IoctlGetInt(s.fd, unix.TIOCINQ); (err != nil || n == 0) && !s.busy.Load() {
			return
		}
	}
}

type reader struct {
	s     *Sensor
	emit  func(Event)
	gap   func(waxseal.Gap)
	last  time.Time              // when the queue was last read
	empty time.Time              // when it was last known to have nothing more
	hints uint64                 // so many were given
	seen  map[int]*waxseal.Actor // those of this batch, by pid: who lives at both of two events is one process
}

// batch handles what one read gave. Processes are looked at first, for all
// events: they may end at any moment, while content can be read a little later.
func (r *reader) batch(b []byte, waited bool) {
	now := time.Now()
	late := r.late(now, waited, len(b) > bufferSize-maxEvent)
	r.seen = map[int]*waxseal.Actor{}
	var changes []change
	for {
		e, rest, ok := decode(b)
		if !ok {
			break
		}
		b = rest
		if e.has(unix.FAN_Q_OVERFLOW) {
			r.flush(changes)
			changes = nil
			r.overflow(now)
		} else {
			alone := len(rest) == 0 && len(changes) == 0
			for _, c := range r.look(e, now, alone) {
				c.Time, c.Late = now, late
				changes = append(changes, c)
			}
		}
		if e.pidfd >= 0 {
			_ = unix.Close(e.pidfd) // nothing was written to it
		}
	}
	r.flush(changes)
	r.last = now
}

// late is how long what was read now may have waited. Where the reader waited, so much
// only comes at once if this process did not run: pulse tells where that was longer.
func (r *reader) late(now time.Time, waited, full bool) (late time.Duration) {
	switch {
	case !waited:
		late = now.Sub(r.empty)
	case full:
		late = min(now.Sub(r.last), 2*time.Second)
	}
	if !full {
		r.empty = now
	}
	return late
}

// look decides whether an event concerns a target and takes the snapshot. To the event
// of a new directory it adds the files that were in there before it was marked: of these
// no event tells, nor who wrote them. It is marked before anything else is done.
func (r *reader) look(e raw, now time.Time, alone bool) []change {
	if e.pid == os.Getpid() {
		return nil
	}
	r.s.mu.Lock()
	c, ok, moved := r.s.match(e)
	made := ok && e.has(unix.FAN_CREATE) && e.has(unix.FAN_ONDIR)
	if made {
		r.s.markEarly(key(e.target), c.Path)
	}
	var missed []change
	if moved {
		before := r.s.index.files
		_ = r.s.refresh() // what can't be watched is told by the next SetTargets
		if made {
			missed = r.s.missed(before)
		}
	}
	if made {
		missed = append(missed, r.s.adopt(key(e.target), c.Path, r.s.index.dirs[key(e.at.dir)])...)
	}
	r.s.mu.Unlock()
	if !ok {
		return missed
	}
	c.PID = e.pid
	if alone && c.capture && !moved {
		r.hint(&c, now)
	}
	c.Actor = r.who(e)
	return append([]change{c}, missed...)
}

// hint tells of a change of which no more is known yet.
func (r *reader) hint(c *change, now time.Time) {
	if r.s.options.Hint == nil {
		return
	}
	r.hints++
	c.Number, c.Time = r.hints, now
	early := c.Event
	early.Operations = slices.Clone(c.Operations) // what is emitted may say it otherwise
	r.s.options.Hint(early)
	runtime.Gosched() // who waits for the hint goes first
}

// missed are the files of the index that were not in an earlier one; the lock is held.
func (s *Sensor) missed(before map[key]waxseal.Path) (list []change) {
	for k, p := range s.index.files {
		if _, had := before[k]; !had {
			list = append(list, unseen(k, p))
		}
	}
	slices.SortFunc(list, func(a, b change) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

// unseen is a file that was there before anybody could tell of it.
func unseen(k key, p waxseal.Path) change {
	return change{Event: Event{FileEvent: waxseal.FileEvent{Operations: []waxseal.Operation{waxseal.OpWrite}, Path: p}}, target: k, capture: true, written: true}
}

// who takes the snapshot of the process that made an event.
func (r *reader) who(e raw) *waxseal.Actor {
	if r.s.options.Snapshot == nil || e.pid <= 0 {
		return nil
	}
	if a := r.seen[e.pid]; a != nil && e.pidfd >= 0 {
		return a
	}
	a := r.s.options.Snapshot(e.pid, e.pidfd)
	if e.pidfd >= 0 {
		r.seen[e.pid] = a
	}
	return a
}

// flush reads content and emits. Where a later event of the same batch changed
// the same file again, what is on disk is not this event's content any more.
func (r *reader) flush(changes []change) {
	again := map[key]int{}
	for i, c := range changes {
		if c.written && c.target != "" {
			again[c.target] = i
		}
	}
	for i := range changes {
		c := &changes[i]
		later, ok := again[c.target]
		if ok && later > i && c.sameStep(changes[later]) {
			continue
		}
		if ok && later > i && c.capture {
			// The kernel merges events, so a close may stand before the write that it
			// followed: the last event of the file takes over what is wanted of it.
			c.capture, changes[later].capture = false, true
			c.say("changed again before it could be read: intermediate content not captured")
		}
		r.s.fill(c)
		r.emit(c.Event)
	}
}

// sameStep reports whether a change is only a write on the way to a later one of
// the same process: the kernel would have merged the two had they met in its
// queue.
func (c *change) sameStep(later change) bool {
	return !c.capture && len(c.Operations) == 1 && c.Operations[0] == waxseal.OpWrite && c.Note == later.Note &&
		later.PID == c.PID && later.Path == c.Path
}

func (r *reader) overflow(now time.Time) {
	r.s.mu.Lock()
	_ = r.s.refresh() // what can't be watched is told by the next SetTargets
	r.s.mu.Unlock()
	r.gap(waxseal.Gap{
		Sensor: Name, From: r.last, Until: now,
		Reason: "the kernel's queue of file events overflowed; the whole mail set is read again: content is certain, who changed it in this time is unknown",
	})
}
