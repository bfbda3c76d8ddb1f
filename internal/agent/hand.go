package agent

import (
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/detect"
)

// writerOf is the event of who wrote, where another only closed the file last: a
// descriptor may be shared, and be handed to another process over a socket (unix(7),
// SCM_RIGHTS).
func writerOf(touched []touch, e *touch) *touch {
	if e == nil || !e.File.Closed {
		return e
	}
	for i := len(touched) - 1; i >= 0; i-- {
		if t := &touched[i]; wrote(*t, e) {
			if t.File.PID == e.File.PID { // it closed what it had written itself
				return e
			}
			return t
		}
	}
	return e
}

// wrote reports whether an event is a write to the file of another.
func wrote(t touch, of *touch) bool {
	return !t.silent && !t.File.Closed && t.File.Inode == of.File.Inode && t.File.Inode != 0 && slices.Contains(t.File.Operations, waxseal.OpWrite)
}

// overtaken reports whether a file was found with another content than it had when the
// event was read: somebody wrote once more, and the event of that has not come.
func (a *Agent) overtaken(v version, e *touch) bool {
	if !e.copied || v.passing {
		return false
	}
	f, known := fileIn(v.state, e.File.Path)
	return known && f.Role.Text() && (f.Text != "" || f.Size == 0) && a.books.Masker.Text(f.Role, string(e.content)) != f.Text
}

// coarse is by how much the clock of audit's records may be behind.
const coarse = 20 * time.Millisecond

// beside is another process that wrote the same file in the same moment, so that it is
// not known which of them wrote what; 0 where there is none. Contents that were read
// apart are judged apart. Of who had opened the file before the content was read, and
// whose event has not been read, what he wrote may be in that content.
func (a *Agent) beside(v version, e *touch) int {
	return a.besides(slices.Concat(v.touched, a.touched), a.pace.since, v, e)
}

// besides is beside among other events, where the look before was at a time.
func (a *Agent) besides(others []touch, since time.Time, v version, e *touch) int {
	if !slices.Contains(e.File.Operations, waxseal.OpWrite) || e.File.Inode == 0 {
		return 0
	}
	apart := map[int]bool{e.File.PID: true}
	for _, t := range others {
		if !wrote(t, e) || t.File.PID == e.File.PID {
			continue
		}
		if !t.copied || slices.Equal(t.content, e.content) {
			return t.File.PID
		}
		apart[t.File.PID] = true
	}
	for _, o := range a.memory.Openers(e.File.Inode, opens, since.Add(-coarse), e.Time.Add(coarse)) {
		if !apart[o.PID] && !a.pace.cited[o.Serial] { // else he had closed it by an earlier look
			return o.PID
		}
	}
	return 0
}

// hand says who made a change, by the event that it rests on.
func (a *Agent) hand(t *told, v version) waxseal.Actor {
	actor := a.memory.Actor(*t.event.File, t.event.Time)
	if t.event.silent {
		correlate.Unseen(&actor)
	}
	if t.other = a.beside(v, t.event); t.other != 0 {
		correlate.Shared(&actor, t.other)
	} else if a.overtaken(v, t.event) {
		correlate.Overtaken(&actor)
	}
	return actor
}

// forgedFor is how long one program's forging of one login is told once.
const forgedFor = time.Hour

// watchLogin tells of a login uid that no login program set.
func (a *Agent) watchLogin(o waxseal.Observation) {
	how, forged := a.memory.Forged(o.Audit)
	if !forged {
		return
	}
	opener := a.memory.Opener(*o.Audit)
	key := fmt.Sprintf("%d %s", o.Audit.AUID, opener.Process.Exe)
	if o.Time.Sub(a.forged[key]) < forgedFor {
		return
	}
	if len(a.forged) > maxRecent {
		clear(a.forged)
	}
	a.forged[key] = o.Time
	f := detect.ForgedLogin(opener.Login.Name, how)
	f.Seen, f.Actor = o.Time, &opener
	a.tellEvent(f, o)
}

// tellEvent records and tells a finding that rests on one observation alone.
func (a *Agent) tellEvent(f waxseal.Finding, o waxseal.Observation) {
	index := a.note(o.Time, o)
	a.record()
	if *index != waxseal.NoIndex {
		f.Observations = []waxseal.Index{*index}
	}
	a.tellOf(f)
}
