package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"waxseal"
	"waxseal/internal/store"
)

// notebook holds what is not in the ledger yet: for a few milliseconds, so that
// one transaction serves a burst, or, while the ledger can't be written, until
// it can.
type notebook struct {
	pending  []noted
	findings []*told   // judged while the ledger could not be written
	since    time.Time // when writing began to fail; zero while it works
	err      error
	dropped  int64 // what did not fit while it failed
}

type noted struct {
	obs   waxseal.Observation
	texts []string // masked contents to keep with it
	index *waxseal.Index
}

const (
	// maxPending bounds the notebook while the ledger can't be written.
	maxPending = 20_000
	// fullPage is how much is written at once at the latest.
	fullPage = 4_000
)

func (n *notebook) broken() bool { return !n.since.IsZero() }

// note writes an observation down; the index is known once it is recorded.
func (a *Agent) note(at time.Time, o waxseal.Observation) *waxseal.Index {
	o.Time = at
	return a.write(noted{obs: o})
}

func (a *Agent) write(n noted) *waxseal.Index {
	index := waxseal.NoIndex
	n.index = &index
	if len(a.book.pending) >= fullPage && !a.book.broken() {
		a.record()
	}
	if len(a.book.pending) >= maxPending {
		a.book.dropped++
		return n.index
	}
	a.book.pending = append(a.book.pending, n)
	return n.index
}

// noteContent writes down a file event with the content that the file had, if it
// is one whose content may be kept. That is returned masked, nil where there is none.
func (a *Agent) noteContent(o waxseal.Observation, content []byte) (index *waxseal.Index, masked *string) {
	f0 := *o.File
	o.File = &f0
	n := noted{obs: o}
	if f, ok := fileIn(a.last, o.File.Path); ok && f.Role.Text() && len(content) > 0 && len(content) <= 1<<20 {
		text := a.books.Masker.Text(f.Role, string(content))
		n.texts, f0.TextDigest, masked = []string{text}, digestOf(text), &text
	}
	return a.write(n), masked
}

// noteTree writes down what was read of the tree: the files that are different,
// with their contents. What is judged from here on rests on this entry.
func (a *Agent) noteTree(v version, now time.Time) *waxseal.Index {
	event := &waxseal.TreeEvent{Reason: v.reason()}
	n := noted{obs: waxseal.Observation{Time: now, Sensor: "agent", Tree: event}}
	for _, ch := range v.changes {
		switch {
		case ch.After == nil: // the file is the same, only a hook means something else
		case ch.After.Missing:
			event.Gone = append(event.Gone, ch.Path)
		default:
			f := *ch.After
			if f.Text != "" {
				n.texts = append(n.texts, f.Text)
				f.Text, f.TextDigest = "", digestOf(f.Text)
			}
			event.Files = append(event.Files, f)
		}
	}
	if len(event.Files) == 0 && len(event.Gone) == 0 {
		none := waxseal.NoIndex
		return &none
	}
	return a.write(n)
}

func digestOf(text string) waxseal.Digest {
	sum := sha256.Sum256([]byte(text))
	return waxseal.Digest(hex.EncodeToString(sum[:]))
}

func fileIn(s waxseal.State, p waxseal.Path) (waxseal.FileState, bool) {
	for _, f := range s.Files {
		if f.Path == p || f.Resolved == p {
			return f, true
		}
	}
	return waxseal.FileState{}, false
}

// record writes the notebook into the ledger. When that fails, judging goes on:
// what could not be written is kept, as far as there is room, and the time is
// recorded as a gap as soon as writing works again.
func (a *Agent) record() {
	if len(a.book.pending) == 0 && len(a.book.findings) == 0 {
		return
	}
	var done []waxseal.Finding
	err := a.books.Append(func(tx *store.Tx) (err error) {
		done, err = a.book.writeAll(tx, time.Now())
		return err
	})
	if err != nil && !errors.Is(err, store.ErrStale) {
		a.fails(err)
		return
	}
	for i, f := range done {
		a.book.findings[i].Finding, a.book.findings[i].written = f, true
	}
	recovered := a.book.broken()
	a.book = notebook{}
	if recovered {
		a.opts.Warn("the ledger is written again; what was seen meanwhile is recorded")
	}
}

// recordMeanwhile writes the notebook into the ledger while the tree is read. The function
// that it returns waits until it is in the transaction that the first thing judged ends;
// until then nothing may rest on what was noted.
func (a *Agent) recordMeanwhile() (wait func()) {
	if len(a.book.pending) == 0 || a.book.broken() {
		a.record()
		return func() {}
	}
	book := a.book
	a.book = notebook{}
	d := a.books.begin(func(tx *store.Tx) error {
		_, err := book.writeAll(tx, time.Now())
		return err
	}, func(err error) {
		a.book.pending = append(book.pending, a.book.pending...)
		a.fails(err)
	})
	return func() { <-d.filled }
}

// writeAll writes everything that waits; it returns the findings as recorded.
func (b *notebook) writeAll(tx *store.Tx, now time.Time) ([]waxseal.Finding, error) {
	for _, n := range b.pending {
		for _, text := range n.texts {
			if _, err := tx.PutBlob([]byte(text)); err != nil {
				return nil, err
			}
		}
		index, err := tx.Observation(n.obs)
		if err != nil {
			return nil, err
		}
		*n.index = index
	}
	if b.broken() {
		gap := waxseal.Gap{Sensor: "ledger", From: b.since, Until: now, Lost: b.dropped,
			Reason: fmt.Sprintf("the ledger could not be written (%v); findings of this time say unrecorded", b.err)}
		if _, err := tx.Observation(waxseal.Observation{Time: now, Sensor: "ledger", Gap: &gap}); err != nil {
			return nil, err
		}
	}
	var done []waxseal.Finding
	for _, t := range b.findings {
		f, err := t.write(tx)
		if err != nil {
			return nil, err
		}
		done = append(done, f)
	}
	return done, nil
}

// fails notes that the ledger can't be written. It is told once, and tried again
// at every tick.
func (a *Agent) fails(err error) {
	if !a.book.broken() {
		a.book.since = time.Now()
		a.opts.Warn("the ledger can't be written, so nothing is recorded from now on; watching and judging go on: " + err.Error())
	}
	a.book.err = err
	for _, n := range a.book.pending {
		*n.index = waxseal.NoIndex // the transaction was rolled back
	}
}
