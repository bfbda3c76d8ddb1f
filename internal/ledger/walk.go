package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"

	"waxseal"
)

// doubt is the first thing that looked wrong since the last checkpoint. Whether
// the entry or the stored hash was changed is known at the next checkpoint.
type doubt struct {
	problem Problem
	entry   string // what to say if the entry was changed; "" where only a hash can have been
	other   string // what to say if the entries prove to be as they were signed
}

// walk reads the entries from the first to the n-th, computes the tree from
// them alone, and compares it with the stored hashes and the checkpoints.
func (a *audit) walk(n int64) error {
	if err := a.meet(0); err != nil {
		return err
	}
	for i := range n {
		record, err := a.src.Record(waxseal.Index(i))
		if errors.Is(err, fs.ErrNotExist) {
			a.undecided()
			a.report.add(Problem{Index: waxseal.Index(i), Until: waxseal.Index(i), Checkpoint: -1,
				Message: fmt.Sprintf("entry %d is missing", i)})
			return nil
		}
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		if err := a.take(i, record); err != nil {
			return err
		}
		a.report.Entries = i + 1
		if err := a.meet(i + 1); err != nil {
			return err
		}
	}
	a.undecided()
	root, err := tlog.TreeHash(n, a.edge)
	a.report.Root = root
	return err
}

// take adds one record to the tree and notes the first doubt about it.
func (a *audit) take(i int64, record []byte) error {
	hashes, err := tlog.StoredHashesForRecordHash(i, tlog.RecordHash(record), a.edge)
	if err != nil {
		return err
	}
	a.edge.add(i, hashes)
	level, err := a.compare(i, hashes)
	if err != nil {
		return err
	}
	e, wrong := Decode(record)
	if wrong == nil && int64(e.Index) != i {
		wrong = fmt.Errorf("it says that it is entry %d", e.Index)
	}
	if a.doubt != nil || a.broken {
		return nil
	}
	d := doubt{problem: Problem{Index: waxseal.Index(i), Until: waxseal.Index(i), Checkpoint: -1, Time: e.Time, Kind: e.Kind}}
	switch {
	case level == 0:
		d.entry = fmt.Sprintf("entry %d: content does not match its hash", i)
		if wrong != nil {
			d.entry += ": " + wrong.Error()
		}
		d.other = fmt.Sprintf("entry %d: its stored hash was changed; the content is as it was signed", i)
	case wrong != nil:
		d.entry = fmt.Sprintf("entry %d: %v", i, wrong)
		d.other = fmt.Sprintf("entry %d was signed as it is, and is none: %v", i, wrong)
	case level > 0:
		d.other = fmt.Sprintf("the stored hash over %s was changed; the entries are as they were signed",
			entries(i>>level<<level, i))
	default:
		return nil
	}
	a.doubt = &d
	return nil
}

// compare returns the lowest level at which the stored hashes that record i
// completed differ from those computed; -1 where none does.
func (a *audit) compare(i int64, hashes []tlog.Hash) (int, error) {
	first := tlog.StoredHashIndex(0, i)
	for level, want := range hashes {
		got, err := a.src.Hash(first + int64(level))
		if errors.Is(err, fs.ErrNotExist) {
			return level, nil
		}
		if err != nil {
			return 0, fmt.Errorf("stored hash %d: %w", first+int64(level), err)
		}
		if !bytes.Equal(got[:], want[:]) {
			return level, nil
		}
	}
	return -1, nil
}

// meet compares the tree of the first size entries with the checkpoints of that
// size.
func (a *audit) meet(size int64) error {
	for len(a.claims) > 0 && a.claims[0].size == size {
		c := a.claims[0]
		a.claims = a.claims[1:]
		root, err := tlog.TreeHash(size, a.edge)
		if err != nil {
			return err
		}
		if root == c.root {
			a.hold(c)
		} else {
			a.refute(c)
		}
	}
	return nil
}

// hold: the entries are those of which the checkpoint was made, so a doubt can
// only be about a stored hash.
func (a *audit) hold(c claim) {
	a.proven = a.proven || c.elsewhere
	if a.broken && a.held.size < c.size {
		a.report.add(Problem{Index: waxseal.NoIndex, Until: waxseal.NoIndex, Checkpoint: c.size,
			Message: fmt.Sprintf("%v holds although an earlier one does not: one ledger key has signed two histories", c)})
		a.broken = false
	}
	a.held = c
	if a.doubt == nil {
		return
	}
	p := a.doubt.problem
	p.Checkpoint = c.size
	p.Message = a.doubt.other
	a.report.add(p)
	a.doubt = nil
}

// refute: an entry between the last checkpoint that held and this one is not
// what it was. A doubt says which; without one the bounds are all that is known.
func (a *audit) refute(c claim) {
	p := Problem{Index: waxseal.Index(a.held.size), Until: waxseal.Index(c.size - 1), Checkpoint: c.size}
	switch {
	case c.size == 0:
		p.Index, p.Until = waxseal.NoIndex, waxseal.NoIndex
		p.Message = fmt.Sprintf("%v: root does not match", c)
	case c.elsewhere:
		p.Index = a.refuted // where the ledger itself shows more, that comes first
		p.Message = fmt.Sprintf("%v: root does not match: of %s at least one was rewritten, removed or moved since it was made",
			c, entries(0, c.size-1))
	case a.broken:
		return
	case a.doubt != nil && a.doubt.entry != "":
		p = a.doubt.problem
		p.Checkpoint = c.size
		p.Message = a.doubt.entry
	default:
		p.Message = a.refutedRange(c)
	}
	a.report.add(p)
	if !c.elsewhere {
		a.broken, a.refuted, a.doubt = true, p.Index, nil
	}
}

func (a *audit) refutedRange(c claim) string {
	if a.held.size == c.size {
		return fmt.Sprintf("%v: root does not match, while the %v holds: one ledger key has signed two histories", c, a.held)
	}
	text := fmt.Sprintf("%v: root does not match: %s %s rewritten, replaced or moved after it was signed",
		c, entries(a.held.size, c.size-1), were(a.held.size, c.size-1))
	if a.held.size > 0 {
		text += fmt.Sprintf(" (the %v still holds)", a.held)
	}
	return text
}

// undecided reports a doubt that no later checkpoint settles.
func (a *audit) undecided() {
	if a.doubt == nil {
		return
	}
	p := a.doubt.problem
	p.Message = a.doubt.entry
	if p.Message == "" {
		p.Message = a.doubt.other
	}
	a.report.add(p)
	a.doubt = nil
}
