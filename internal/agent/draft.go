package agent

import (
	"errors"
	"sync"
	"time"

	"waxseal/internal/store"
)

// draft is a transaction that is begun with what was seen, while the tree is read, and
// ended with what is judged of it. The one waits for the disk, the other for the processor,
// and a commit of its own would cost as much again.
type draft struct {
	more   chan func(*store.Tx) error // what is to go into it too
	filled chan struct{}              // closed when what was seen is in it, or can't be
	done   chan error                 // how it ended
	lost   func(error)                // is called where nothing of it was recorded
}

// longestDraft bounds how long what was seen waits for what is judged: where reading takes
// longer, it is committed by itself.
const longestDraft = 10 * time.Millisecond

// begin begins a transaction, beside the caller.
func (b *Books) begin(fill func(*store.Tx) error, lost func(error)) *draft {
	d := &draft{more: make(chan func(*store.Tx) error), filled: make(chan struct{}), done: make(chan error, 1), lost: lost}
	b.draft = d
	go d.run(b.Store, fill)
	return d
}

func (d *draft) run(s *store.Store, fill func(*store.Tx) error) {
	filled := sync.OnceFunc(func() { close(d.filled) })
	defer filled()
	d.done <- s.Append(func(tx *store.Tx) error {
		if err := fill(tx); err != nil {
			return err
		}
		filled()
		late := time.NewTimer(longestDraft)
		defer late.Stop()
		select {
		case more := <-d.more:
			return more(tx)
		case <-late.C:
			return nil
		}
	})
}

// end waits for the end.
func (d *draft) end() error {
	err := <-d.done
	if err != nil && !errors.Is(err, store.ErrStale) {
		d.lost(err)
	}
	return err
}

// Append is [store.Store.Append]: in the transaction that is begun, where there is one.
func (b *Books) Append(fill func(*store.Tx) error) error {
	d := b.draft
	if d == nil {
		return b.Store.Append(fill)
	}
	b.draft = nil
	select {
	case d.more <- fill:
		return d.end()
	case err := <-d.done: // it ended by itself
		d.done <- err
	}
	if err := d.end(); err != nil && !errors.Is(err, store.ErrStale) {
		return err
	}
	return b.Store.Append(fill)
}

// endDraft commits what is begun, if anything is.
func (b *Books) endDraft() {
	if b.draft != nil {
		_ = b.Append(func(*store.Tx) error { return nil }) // what is lost then is known (draft.lost)
	}
}
