package agent

import (
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/sensor/proc"
)

// A write through a memory map makes no event while the file stays open, and a
// descriptor opened long ago makes no audit record. Files of the mail set that
// somebody can write in these ways are read again at every tick, until nobody can.

// held is such a file.
type held struct {
	path   waxseal.Path
	digest waxseal.Digest // as it was last read
	since  time.Time
	sure   bool      // somebody was found to have it open
	asked  time.Time // when it was last looked who that is
	pid    int       // one who had it open, by audit's word or /proc
}

const (
	maxHeld = 256
	// maxReread bounds how much is read at a tick, and so what this costs.
	maxReread = 1 << 20
	// askAgain is how often all processes are looked through for who has a file open.
	askAgain = 2 * time.Second
)

// heldAtStart finds the files that were open for writing before the agent was there.
func (a *Agent) heldAtStart(now time.Time) {
	nodes := map[proc.Node]bool{}
	paths := map[proc.Node]waxseal.Path{}
	for _, f := range a.last.Files {
		if f.Type == waxseal.Regular && f.Role != waxseal.RoleUnused && f.Role != waxseal.RoleMailbox && f.Role != waxseal.RoleLibrary {
			n := proc.Node{Device: f.Device, Inode: f.Inode}
			nodes[n], paths[n] = true, f.Path
		}
	}
	for n, who := range a.senses.people.Holders(nodes) {
		a.hold(n, paths[n], who[0].PID, now)
		if h := a.held[n]; h != nil {
			h.sure = true
		}
	}
}

// holdOpened remembers a file that audit saw being opened for writing.
func (a *Agent) holdOpened(e *waxseal.AuditEvent) {
	if !slices.Contains(opens, e.Syscall) && e.Syscall != ringEnter {
		return
	}
	for _, p := range e.Paths {
		if p.NameType == "PARENT" {
			continue
		}
		if i := slices.IndexFunc(a.last.Files, func(f waxseal.FileState) bool {
			return f.Role != waxseal.RoleUnused && f.Inode == p.Inode && f.Device == p.Device
		}); i >= 0 {
			a.hold(proc.Node{Device: p.Device, Inode: p.Inode}, a.last.Files[i].Path, e.PID, e.Time)
		}
	}
}

// ringEnter is io_uring_enter(2), within which files are opened too.
const ringEnter = 426

func (a *Agent) hold(n proc.Node, p waxseal.Path, pid int, at time.Time) {
	if h := a.held[n]; h != nil {
		h.pid, h.since = pid, at
		return
	}
	if len(a.held) >= maxHeld || p == "" {
		return
	}
	digest, err := a.tree.Digest(p)
	if f, known := fileIn(a.last, p); known && !f.Keyed {
		digest, err = f.Digest, nil // what was judged
	}
	if err == nil {
		a.held[n] = &held{path: p, digest: digest, since: at, pid: pid}
	}
}

// rereadHeld looks at the files that somebody has open, at every tick.
func (a *Agent) rereadHeld(now time.Time) {
	a.takeHolders()
	if len(a.held) == 0 {
		return
	}
	var read int64
	unsure := map[proc.Node]bool{}
	for n, h := range a.held {
		f, err := a.tree.Stat(h.path)
		if err != nil || f.Inode != n.Inode || f.Device != n.Device {
			delete(a.held, n) // another file has the name
			continue
		}
		if !a.stillHeld(n, h) {
			if now.Sub(h.asked) >= askAgain {
				unsure[n] = true
			}
			if !h.sure {
				continue // whoever opened it has closed it, most likely, and that has its event
			}
		}
		if read += f.Size; read > maxReread {
			return
		}
		digest, err := a.tree.Digest(h.path)
		if err != nil || digest == h.digest {
			continue
		}
		h.digest = digest
		if a.lately.told(waxseal.FileEvent{Inode: n.Inode, Path: h.path}, now, 2*idleEvery) {
			a.dueAt(now.Add(settle)) // it may be that, and may be more
			continue
		}
		a.silent(n, h, now)
	}
	a.askHolders(unsure, now)
}

// stillHeld reports whether the process that had a file open still has. That one is asked at
// each tick; where it has let go, or never was seen to have it, all are.
func (a *Agent) stillHeld(n proc.Node, h *held) bool {
	_, ok := a.senses.people.Held(h.pid, map[proc.Node]bool{n: true})[n]
	h.sure = h.sure || ok
	return ok
}

// holders is who has which of some files open, as all processes were asked.
type holders struct {
	asked map[proc.Node]bool
	at    time.Time
	found map[proc.Node][]proc.Holder
}

// askHolders looks through all processes. On a busy host that takes longer than a look
// may be held up, so it goes on beside the loop; one of the next ticks has the answer.
func (a *Agent) askHolders(unsure map[proc.Node]bool, now time.Time) {
	if len(unsure) == 0 || a.holders != nil {
		return
	}
	for n := range unsure {
		a.held[n].asked = now
	}
	answer := make(chan holders, 1)
	a.holders = answer
	a.senses.done.Go(func() { answer <- holders{unsure, now, a.senses.people.Holders(unsure)} })
}

// takeHolders lets go of what nobody had open.
func (a *Agent) takeHolders() {
	select {
	case h := <-a.holders:
		a.holders = nil
		for n := range h.asked {
			who, now := h.found[n], a.held[n]
			switch {
			case now == nil || len(who) == 0 && now.since.After(h.at): // opened again since
			case len(who) == 0:
				delete(a.held, n)
			default:
				now.pid, now.sure = who[0].PID, true
			}
		}
	default:
	}
}

// silent makes an event of a change that no event told. It was made by whoever has the
// file in its memory; where several have, it is not known by which.
func (a *Agent) silent(n proc.Node, h *held, now time.Time) {
	var writers []proc.Holder
	for _, w := range a.senses.people.Holders(map[proc.Node]bool{n: true})[n] {
		if w.Mapped {
			writers = append(writers, w)
		}
	}
	event := waxseal.FileEvent{Operations: []waxseal.Operation{waxseal.OpWrite}, Path: h.path, Device: n.Device, Inode: n.Inode,
		Note: fmt.Sprintf("no event told of this change; %d processes have the file in their memory and can write there", len(writers))}
	if len(writers) == 1 {
		event.PID = writers[0].PID
		event.Actor = a.scrubActor(a.senses.people.Snapshot(event.PID))
	}
	o := waxseal.Observation{Time: now, Sensor: "proc", File: &event}
	t := touch{Observation: o, silent: true}
	t.index = a.note(now, o)
	a.touched = append(a.touched, t)
	a.forgetFile(h.path)
	a.all = true
	a.dueAt(now)
}
