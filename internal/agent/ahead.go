package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/sensor/fanotify"
)

// ahead is what is read before a look. While fanotify's goroutine still finds out who made
// a change, and copies the content, the tree is being read already.
//
// No look judges a state that is older than an event it rests on. The question goes out
// after the kernel told of the change, and the reader forgets that file first. An event
// that no question went out for is forgotten when it is taken in, as ever, and what was
// read ahead then counts for nothing (readroom.Room.ReadAgain). And where the content that
// came with an event is not what was read, since somebody wrote once more in between, all
// that was touched is read again (older).
type ahead struct {
	hints  chan fanotify.Event
	number uint64 // of the event whose file is read ahead; 0 for none
	taken  uint64 // of the last event that was taken in: a hint of an earlier one comes too late
}

// maxHints bounds the hints that wait: while the agent is busy nothing is read ahead.
const maxHints = 4

func newAhead() ahead { return ahead{hints: make(chan fanotify.Event, maxHints)} }

// hint is called by fanotify's goroutine.
func (h *ahead) hint(e fanotify.Event) {
	select {
	case h.hints <- e:
	default: // it is taken in without
	}
}

// has notes that the event of a hint is taken in, and reports whether its file is read
// ahead.
func (h *ahead) has(number uint64) bool {
	h.taken = max(h.taken, number)
	return number != 0 && number == h.number
}

// end reports whether something was read ahead, which is over then.
func (h *ahead) end() bool {
	was := h.number
	h.number = 0
	return was != 0
}

// readAhead asks what the look after an event will ask, if that look is to come at once and
// asks for no more than the files that were touched.
func (a *Agent) readAhead(e fanotify.Event) {
	t := touch{Observation: waxseal.Observation{Time: e.Time, File: &e.FileEvent}, copied: true}
	if a.room == nil || e.Number <= a.ahead.taken || a.wait(t) != 0 || !a.onlyTouched(append(slices.Clip(a.touched), t), time.Now()) {
		return
	}
	if a.whole != nil && a.reader.InOneHome([]waxseal.Path{e.Path}) {
		return
	}
	a.lull.Ends()
	a.forgetFile(e.Path, e.OldPath)
	if a.room.Ahead(a.live()) {
		a.ahead.number = e.Number
	}
}

// older reports whether a state may be older than one of the events: it has another content
// of its file than came with it.
func older(s waxseal.State, touched []touch) bool {
	return slices.ContainsFunc(touched, func(t touch) bool {
		f, known := fileIn(s, t.File.Path)
		if !known || !t.copied {
			return !known
		}
		sum := sha256.Sum256(t.content)
		return f.Digest != waxseal.Digest(hex.EncodeToString(sum[:]))
	})
}
