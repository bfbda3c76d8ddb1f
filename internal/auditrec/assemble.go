package auditrec

import (
	"hash/fnv"
	"slices"
	"time"

	"waxseal"
)

const (
	// maxPending bounds how many events may be incomplete at once. The kernel
	// interleaves at most as many as there are system calls in flight.
	maxPending = 4096
	// maxBytes bounds their text.
	maxBytes = 64 << 20
	// maxRecords bounds one event. A rename has five PATH records; an execve with a
	// long command line has some hundred EXECVE records.
	maxRecords = 1024
	// stale is how much later than an incomplete event another record must be for
	// the first to be given up: the two seconds that libauparse waits too.
	stale = 2 * time.Second
	// remembered is how many finished events are known well enough to recognise
	// their records when they come again.
	remembered = 512
)

// identity names one event. The serial alone starts again at every boot and
// after 2³² events.
type identity struct {
	time   int64
	serial uint64
}

// Assembler puts records together that belong to one event. Its zero value is
// ready; it is not safe for use by several goroutines.
//
// An event is complete at its EOE record; when it has a PROCTITLE record (log files
// have no EOE) and all that its SYSCALL record announces; at once for a user-space
// message, and otherwise when records two seconds later have come, when Flush says so, or when too many are pending. LOGIN and
// CONFIG_CHANGE may stand alone or have a SYSCALL record behind them, and wait
// for it only until a later record, or one of the same process, has come, so
// that a login is known before what is done with it. Serials may interleave and
// records may come out of order or twice.
type Assembler struct {
	pending map[identity][]Record
	order   []identity // of arrival; may name events that are already complete
	waiting []identity // those that begin with LOGIN or CONFIG_CHANGE
	done    map[identity][]uint64
	doneAge []identity
	newest  time.Time
	bytes   int // of the pending records
}

// Add takes one record and returns the events that it completes, usually none
// or one.
func (a *Assembler) Add(r Record) []waxseal.AuditEvent {
	if a.pending == nil {
		a.pending, a.done = map[identity][]Record{}, map[identity][]uint64{}
	}
	id := identity{r.Time.UnixNano(), r.Serial}
	var out []waxseal.AuditEvent
	if r.Time.After(a.newest) {
		a.newest = r.Time
		out = a.Flush(r.Time.Add(-stale))
	}
	switch {
	case a.known(id, r.Raw):
		return out
	case r.Type == "EOE":
		return a.finish(out, id)
	}
	out = a.release(out, id, r)
	if _, open := a.pending[id]; !open {
		a.order = append(a.order, id)
		if awaitsSyscall(r.Type) {
			a.waiting = append(a.waiting, id)
		}
	}
	a.pending[id] = append(a.pending[id], r)
	a.bytes += len(r.Raw)
	if alone(r.Type) || ended(a.pending[id]) && Missing(a.pending[id]) == "" || len(a.pending[id]) >= maxRecords {
		out = a.finish(out, id)
	}
	return a.shed(out)
}

// release completes the waiting logins and configuration changes for which the
// given record of another event comes too late to leave them open.
func (a *Assembler) release(out []waxseal.AuditEvent, id identity, r Record) []waxseal.AuditEvent {
	kept := a.waiting[:0]
	for _, w := range a.waiting {
		records := a.pending[w]
		switch {
		case records == nil: // complete
		case w == id || len(records) > 1 || w.time >= id.time && (r.Fields["pid"] == "" || r.Fields["pid"] != records[0].Fields["pid"]):
			kept = append(kept, w)
		default:
			out = a.finish(out, w)
		}
	}
	a.waiting = kept
	return out
}

// known reports whether this record has been seen in its event before.
func (a *Assembler) known(id identity, raw string) bool {
	same := func(r Record) bool { return r.Raw == raw }
	return slices.ContainsFunc(a.pending[id], same) || slices.Contains(a.done[id], digest(raw))
}

// shed emits the oldest events as they are while too many are pending.
func (a *Assembler) shed(out []waxseal.AuditEvent) []waxseal.AuditEvent {
	for len(a.pending) > maxPending || a.bytes > maxBytes {
		oldest := a.order[0]
		a.order = a.order[1:]
		out = a.finish(out, oldest)
	}
	if len(a.order) > 2*maxPending {
		a.order = slices.DeleteFunc(a.order, func(id identity) bool { return a.pending[id] == nil })
	}
	return out
}

func (a *Assembler) finish(out []waxseal.AuditEvent, id identity) []waxseal.AuditEvent {
	records := a.pending[id]
	if records == nil {
		return out
	}
	delete(a.pending, id)
	for _, r := range records {
		a.bytes -= len(r.Raw)
	}
	a.remember(id, records)
	return append(out, event(records))
}

// remember keeps digests of a finished event's records, so that a duplicate does
// not become a second event.
func (a *Assembler) remember(id identity, records []Record) {
	if a.done[id] == nil {
		a.doneAge = append(a.doneAge, id)
	}
	for _, r := range records {
		a.done[id] = append(a.done[id], digest(r.Raw))
	}
	if len(a.doneAge) > remembered {
		delete(a.done, a.doneAge[0])
		a.doneAge = a.doneAge[1:]
	}
}

func digest(raw string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(raw))
	return h.Sum64()
}

// Flush completes the pending events whose time is before the given one, in the
// order in which they began to arrive.
func (a *Assembler) Flush(before time.Time) []waxseal.AuditEvent {
	var out []waxseal.AuditEvent
	limit, kept := before.UnixNano(), a.order[:0]
	for _, id := range a.order {
		switch {
		case a.pending[id] == nil:
		case id.time < limit:
			out = a.finish(out, id)
		default:
			kept = append(kept, id)
		}
	}
	a.order = kept
	return out
}

// Drain completes everything that is pending.
func (a *Assembler) Drain() []waxseal.AuditEvent {
	var out []waxseal.AuditEvent
	for _, id := range a.order {
		out = a.finish(out, id)
	}
	a.order = nil
	return out
}

// Pending returns how many events are incomplete.
func (a *Assembler) Pending() int { return len(a.pending) }
