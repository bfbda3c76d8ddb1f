package agent

import (
	"bytes"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/store"
)

// A change in one home of ten thousand is judged by reading that home again, and what
// decides outside of homes; mailpath.Reader.ReadHome says when that is enough. The whole
// tree is read when anything else happened, and at every poll.

// staleState is set while the state that is kept lacks homes that were judged since.
const staleState = "the state is older than the findings"

// oneHome reads the home again that all file events of a look are about, if there is
// one and nothing else asks for more.
func (a *Agent) oneHome(touched []touch, now time.Time) (mailpath.Home, bool) {
	if a.whole == nil || a.all || a.senses.files == nil || now.Sub(a.readAllAt) >= a.opts.Poll || a.book.broken() || passedBy(touched) {
		return mailpath.Home{}, false
	}
	var paths []waxseal.Path
	for _, t := range touched {
		paths = append(paths, t.File.Path)
		if t.File.OldPath != "" {
			paths = append(paths, t.File.OldPath)
		}
	}
	if !a.reader.InOneHome(paths) {
		return mailpath.Home{}, false
	}
	mounts, problems := a.tree.Mounts()
	if len(problems) > 0 {
		return mailpath.Home{}, false
	}
	return a.reader.ReadHome(a.tree, mailpath.Live{Mounts: mounts}, a.whole, paths)
}

// passedBy reports whether a file had several contents, of which one may have been there
// for a moment only: that is judged with the whole tree.
func passedBy(touched []touch) bool {
	first := map[waxseal.Path][]byte{}
	for _, t := range touched {
		if !t.copied {
			continue
		}
		if was, ok := first[t.File.Path]; !ok {
			first[t.File.Path] = t.content
		} else if !bytes.Equal(was, t.content) {
			return true
		}
	}
	return false
}

// lookAtHome is the rest of a look at one home.
func (a *Agent) lookAtHome(h mailpath.Home, touched []touch, now time.Time) {
	whole := a.last
	a.last = h.Before
	v := version{state: h.After, touched: touched, home: h.Path, changes: Differences(h.Before, h.After)}
	if a.tooEarly(v, now) {
		a.last = whole
		return
	}
	v.index = a.noteTree(v, now)
	a.reader.Settle(a.whole, h)
	a.last, v.all = a.whole.State, &a.whole.State
	for _, ch := range v.changes {
		a.judge(ch, v, now)
	}
	a.record()
	a.cite(touched)
	a.pace.looked(time.Now())
	if !slices.EqualFunc(h.Before.Files, h.After.Files, func(b, n waxseal.FileState) bool { return b.Path == n.Path }) {
		a.aim()
	}
}

// noteStale notes, before anything is told, that the state on the disk lacks what is told:
// whoever starts after a kill must not tell it again.
func (a *Agent) noteStale(tx *store.Tx) error {
	if !a.stale || a.staleSaid {
		return nil
	}
	return tx.SetValue(staleState, "yes")
}

// quiet is how long nothing is to be told before the state is written, which takes longer
// than to tell something.
const quiet = time.Second

// putState keeps the state that the next run compares with, where it is another.
func (a *Agent) putState(s waxseal.State, now time.Time) {
	if !a.stale || a.book.broken() { // it is kept when it can be
		return
	}
	a.keptAt = now
	err := a.books.Append(func(tx *store.Tx) error {
		if a.staleSaid {
			if err := tx.DeleteValue(staleState); err != nil {
				return err
			}
		}
		return tx.PutState(now, s)
	})
	if err != nil {
		a.fails(err)
		return
	}
	a.stale, a.staleSaid = false, false
}

// untold leaves out the changes that the last run told before it was killed, if the
// state that it left is older than that.
func (a *Agent) untold(changes []waxseal.Change) ([]waxseal.Change, error) {
	if v, err := a.books.Value(staleState); err != nil || v != "yes" {
		return changes, nil
	}
	known, err := a.books.Findings(store.Filter{})
	if err != nil {
		return changes, err
	}
	a.stale, a.staleSaid = true, true
	return slices.DeleteFunc(changes, func(ch waxseal.Change) bool {
		_, told := alreadyTold(known, ch)
		return told
	}), nil
}
