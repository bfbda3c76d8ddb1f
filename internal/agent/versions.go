package agent

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/snapshot"
)

// version is a state that the tree was in, with the file events that led to it.
type version struct {
	state      waxseal.State
	touched    []touch
	unobserved bool // it was found, not seen
	passing    bool // it had gone again when the agent looked
	changes    []waxseal.Change
	home       waxseal.Path   // the state is that of one home only, if it is set
	all        *waxseal.State // the whole state then
	index      *waxseal.Index // where the ledger has what was read
}

// reason is why the tree was read.
func (v version) reason() string {
	switch {
	case v.passing:
		return "content that was there for a moment"
	case v.unobserved:
		return "no event"
	case v.home != "":
		return "file event in one home"
	default:
		return "file event"
	}
}

// maxPassing bounds how many short-lived contents are judged in one look.
const maxPassing = 16

// versions reads the tree: first each content that was there only for a moment,
// as the sensor copied it, then what is there now.
func (a *Agent) versions(touched []touch) []version {
	var list []version
	now := a.readAgain(touched)
	skipped := 0
	for i, t := range touched {
		if len(list) == maxPassing {
			if a.passing(t, touched[i+1:], now) {
				skipped++
			}
		} else if a.passing(t, touched[i+1:], now) {
			over := snapshot.Over(a.tree, map[waxseal.Path]snapshot.Object{t.File.Path: {File: a.metadata(t.File.Path), Content: t.content}})
			list = append(list, version{state: a.readOver(over), touched: []touch{t}, passing: true})
			a.reader.Forget(t.File.Path)
		}
	}
	if skipped > 0 {
		at := touched[len(touched)-1].Time
		a.note(at, waxseal.Observation{Sensor: "agent", Gap: &waxseal.Gap{Sensor: "agent", From: a.since, Until: at, Lost: int64(skipped),
			Reason: "so many contents were there for a moment each that not all were judged; the ledger has what was copied of them"}})
	}
	return append(list, version{state: now, touched: touched, unobserved: len(touched) == 0})
}

// opens are the system calls that open a file (open(2), creat(2), openat(2),
// openat2(2)) on x86_64 and aarch64, by number.
var opens = []int{2, 85, 257, 437, 56}

// uncopied notes files that were opened for writing more often than a content
// could be copied: the kernel merges events that wait, so what was there in
// between is not known. Whoever opened a file after the last event of it has not
// been heard of yet, and is counted with the next.
func (a *Agent) uncopied(touched []touch, now time.Time) {
	for inode, w := range a.copiedOf(touched) {
		since := w.from
		if before := a.copies[inode]; before != nil {
			since = before.to
		}
		missing := max(0, a.memory.Writes(w.path, inode, opens, since, w.to)-w.n)
		if missing > 0 {
			a.noteUncopied(w, since, now, missing)
		}
		a.copies.add(inode, w, missing)
	}
}

// copiedOf counts the contents that events brought, by inode.
func (a *Agent) copiedOf(touched []touch) copies {
	list := copies{}
	for i, t := range touched {
		if f, ok := fileIn(a.last, t.File.Path); ok && f.Role.Text() && t.copied && t.File.Inode != 0 {
			c := &copied{path: t.File.Path, from: a.lookedAt, to: t.Time, n: 1, late: t.late, content: t.content}
			if began := t.Time.Add(-t.late); began.Before(c.from) {
				c.from = began // it was opened before the last look, which has not heard of it
			}
			if before := cmp.Or(list[t.File.Inode], a.copies[t.File.Inode]); before != nil && t.late > 0 && bytes.Equal(before.content, t.content) || a.emptied(t, touched[i+1:]) {
				c.n = 0 // its own had gone by then: the next was there already, or the file was emptied for it
			}
			list.add(t.File.Inode, c, 0)
		}
	}
	return list
}

// emptied reports whether nothing was copied because the next content was on its way. Who
// left a file empty and wrote it anew at once is taken for that too.
func (a *Agent) emptied(t touch, later []touch) bool {
	if len(t.content) > 0 {
		return false
	}
	return slices.ContainsFunc(later, func(l touch) bool { return l.copied && l.File.Inode == t.File.Inode && len(l.content) > 0 }) ||
		t.late > 0 && a.metadata(t.File.Path).Size > 0
}

// copies are contents that were copied of files lately, by inode.
type copies map[uint64]*copied

type copied struct {
	path     waxseal.Path
	from, to time.Time     // the look before the first, and when the last one was read
	n        int           // contents
	told     int           // that are known to be missing
	late     time.Duration // how long at most an event of it waited in the kernel
	content  []byte        // the last one
}

func (c copies) add(inode uint64, more *copied, missing int) {
	known := c[inode]
	if known == nil {
		more.told = missing
		c[inode] = more
		return
	}
	known.n, known.told, known.to = known.n+more.n, known.told+missing, more.to
	known.late, known.content = max(known.late, more.late), more.content
	if more.from.Before(known.from) {
		known.from = more.from
	}
}

// countLate is when audit has told all: in a flood its records come seconds later.
const countLate = 10 * time.Second

// recount asks once more, when audit has told all, whether a file was opened more often
// than a content of it was copied: its records may come later than a look. Where audit does
// not count, all that is known is that contents may have been there.
func (a *Agent) recount(now time.Time, wait time.Duration) {
	for inode, c := range a.copies {
		if now.Sub(c.to) < wait {
			continue
		}
		delete(a.copies, inode)
		missing := a.memory.Writes(c.path, inode, opens, c.from, c.to) - c.n - c.told
		switch counted := a.senses.audit != nil && a.audits(c.path) && !a.auditLost.After(c.from); {
		case missing > 0:
			a.noteUncopied(c, c.from, now, missing)
		case c.told == 0 && c.late > tooLate && !counted:
			a.note(now, waxseal.Observation{Sensor: "fanotify", Gap: &waxseal.Gap{Sensor: "fanotify", From: c.from, Until: now,
				Reason: fmt.Sprintf("intermediate content not captured: events of %s waited in the kernel for up to %v, which joins those that wait; what it held in between, if anything, is not known", c.path, c.late.Round(time.Millisecond))}})
		}
	}
}

// tooLate is from when on it is told that an event waited: shorter than that, nothing but a
// program made for it puts one content in the place of another.
const tooLate = 20 * time.Millisecond

func (a *Agent) noteUncopied(c *copied, from, now time.Time, missing int) {
	a.note(now, waxseal.Observation{Sensor: "fanotify", Gap: &waxseal.Gap{Sensor: "fanotify", From: from, Until: now, Lost: int64(missing),
		Reason: fmt.Sprintf("intermediate content not captured: %s was opened for writing %d times, and %d contents could be copied", c.path, c.n+missing, c.n)}})
}

// metadata is what the file under this name has now; a file that has gone gets a
// plain one.
func (a *Agent) metadata(p waxseal.Path) waxseal.File {
	if f, err := a.tree.Stat(p); err == nil && f.Type == waxseal.Regular {
		return f
	}
	return waxseal.File{Type: waxseal.Regular, Mode: 0o644}
}

// passing reports whether a copied content was replaced before the look: a later
// event brought another one, and it is not what is there now. An emptied file is
// the first half of a rewrite, not a state to judge.
func (a *Agent) passing(t touch, later []touch, now waxseal.State) bool {
	if !t.copied || len(bytes.TrimSpace(t.content)) == 0 {
		return false
	}
	before, known := fileIn(a.last, t.File.Path)
	if !known || !before.Role.Text() || before.Role == waxseal.RoleUnused {
		return false // of what nothing reads no content was in force
	}
	replaced := slices.ContainsFunc(later, func(l touch) bool {
		return (l.File.Path == t.File.Path || l.File.OldPath == t.File.Path) && !(l.copied && bytes.Equal(l.content, t.content))
	})
	after, _ := fileIn(now, t.File.Path)
	if !replaced && after.Text == "" { // else what replaced it has not told of itself yet
		return false
	}
	if t.masked == nil {
		text := a.books.Masker.Text(before.Role, string(t.content))
		t.masked = &text
	}
	return *t.masked != after.Text && *t.masked != before.Text
}
