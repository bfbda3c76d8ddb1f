package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"waxseal"
)

// Entry is one entry of the ledger as it was stored. Record is what the ledger
// verifies; the rest is read from it.
type Entry struct {
	Index  waxseal.Index
	Time   time.Time
	Kind   string
	Body   json.RawMessage
	Record []byte
	value  any // what the body was made of, where this process did so
}

// decode reads a record loosely: what it says about itself is for the ledger's
// verification to doubt.
func decode(index waxseal.Index, record []byte) (Entry, error) {
	e := Entry{Index: index, Record: record}
	var r struct {
		Time time.Time       `json:"time"`
		Kind string          `json:"kind"`
		Body json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return e, fmt.Errorf("entry %d: %w: %w", index, ErrCorrupt, err)
	}
	e.Time, e.Kind, e.Body = r.Time, r.Kind, r.Body
	return e, nil
}

// page is how many rows a reader takes at a time: no transaction stays open
// while the caller works on them, so the WAL can be checkpointed.
const page = 256

// length is one more than the highest index.
func length(q querier) (int64, error) {
	return one[int64](q, `SELECT coalesce(max(ix) + 1, 0) FROM entry WHERE ix >= 0`)
}

// Len returns how many entries there are: one more than the highest index.
func (s *Store) Len() (int64, error) {
	n, err := length(s.read)
	return n, s.explain(err)
}

// Next is behind every entry that there is. Who writes knows it without asking.
func (s *Store) Next() (waxseal.Index, error) {
	if known := s.known.Load(); s.write != nil && known > 0 {
		return waxseal.Index(known), nil
	}
	n, err := s.Len()
	return waxseal.Index(n), err
}

// Record returns the bytes of one entry; ErrNone where there is none.
func (s *Store) Record(index waxseal.Index) ([]byte, error) {
	record, err := one[[]byte](s.read, `SELECT record FROM entry WHERE ix = ?`, index)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", index, s.explain(err))
	}
	return record, nil
}

// Entry returns one entry; ErrNone where there is none.
func (s *Store) Entry(index waxseal.Index) (Entry, error) {
	record, err := s.Record(index)
	if err != nil {
		return Entry{Index: index}, err
	}
	return decode(index, record)
}

// Entries returns the entries from the first index up to, not including, the
// second, in order; it ends at the end of the ledger. An entry that is missing
// or unreadable comes with its index and an error, and the next one follows.
func (s *Store) Entries(from, to waxseal.Index) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		n, err := s.Len()
		if err != nil {
			yield(Entry{Index: from}, err)
			return
		}
		for e, err := range entries(s.read, max(0, int64(from)), min(n, int64(to))) {
			if !yield(e, s.explain(err)) {
				return
			}
		}
	}
}

func entries(q querier, from, to int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for from < to {
			rows, err := records(q, from, to)
			if err != nil {
				yield(Entry{Index: waxseal.Index(from)}, err)
				return
			}
			if len(rows) == 0 {
				rows = []Entry{{Index: waxseal.Index(to)}} // all that is left is missing
			}
			for _, row := range rows {
				for ; from < int64(row.Index); from++ {
					if !yield(Entry{Index: waxseal.Index(from)}, fmt.Errorf("entry %d: %w", from, ErrNone)) {
						return
					}
				}
				if from == to {
					return
				}
				if !yield(decode(row.Index, row.Record)) {
					return
				}
				from++
			}
		}
	}
}

// records reads one page of entries; only Index and Record are set.
func records(q querier, from, to int64) ([]Entry, error) {
	rows, err := q.Query(`SELECT ix, record FROM entry WHERE ix >= ? AND ix < ? ORDER BY ix LIMIT ?`, from, to, page)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Entry
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Index, &e.Record); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

func readHash(q querier, index int64) (tlog.Hash, error) {
	b, err := one[[]byte](q, `SELECT hash FROM hash WHERE ix = ?`, index)
	if err != nil {
		return tlog.Hash{}, err
	}
	if len(b) != tlog.HashSize {
		return tlog.Hash{}, nil // is no hash, so matches none
	}
	return tlog.Hash(b), nil
}

// Hash returns one hash of the Merkle tree by its stored-hash index; ErrNone
// where there is none.
func (s *Store) Hash(index int64) (tlog.Hash, error) {
	h, err := readHash(s.read, index)
	if err != nil {
		return h, fmt.Errorf("stored hash %d: %w", index, s.explain(err))
	}
	return h, nil
}

// Checkpoint returns the latest signed checkpoint; ErrNone in an empty ledger.
func (s *Store) Checkpoint() ([]byte, error) {
	if note := s.note.Load(); note != nil {
		return *note, nil
	}
	note, err := one[[]byte](s.read, `SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1`)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", s.explain(err))
	}
	return note, nil
}

// Checkpoints returns every signed checkpoint, the smallest first.
func (s *Store) Checkpoints() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for last := int64(-1); ; {
			notes, size, err := s.checkpoints(last)
			if err != nil {
				yield(nil, fmt.Errorf("checkpoints: %w", s.explain(err)))
				return
			}
			if len(notes) == 0 {
				return
			}
			for _, note := range notes {
				if !yield(note, nil) {
					return
				}
			}
			last = size
		}
	}
}

// checkpoints reads one page of those larger than last, and the size of the
// largest in it.
func (s *Store) checkpoints(last int64) (notes [][]byte, size int64, err error) {
	rows, err := s.read.Query(`SELECT size, note FROM checkpoint WHERE size > ? ORDER BY size LIMIT ?`, last, page)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var note []byte
		if err := rows.Scan(&size, &note); err != nil {
			return nil, 0, err
		}
		notes = append(notes, note)
	}
	return notes, size, rows.Err()
}

// LatestSeal returns the seal in force and its entry; ErrNone where nothing was
// sealed yet.
func (s *Store) LatestSeal() (waxseal.Seal, waxseal.Index, error) {
	var seal waxseal.Seal
	index, err := s.LatestSealIndex()
	if err != nil {
		return seal, waxseal.NoIndex, err
	}
	e, err := s.Entry(index)
	if err == nil {
		err = unmarshal(e, kindSeal, &seal)
	}
	if err != nil {
		return waxseal.Seal{}, waxseal.NoIndex, fmt.Errorf("seal: %w", err)
	}
	return seal, e.Index, nil
}

// LatestSealIndex is where the ledger has the latest seal.
func (s *Store) LatestSealIndex() (waxseal.Index, error) {
	index, err := one[int64](s.read, `SELECT ix FROM seal ORDER BY ix DESC LIMIT 1`)
	if err != nil {
		return waxseal.NoIndex, fmt.Errorf("seal: %w", s.explain(err))
	}
	return waxseal.Index(index), nil
}

func unmarshal(e Entry, kind string, v any) error {
	if e.Kind != kind {
		return fmt.Errorf("%w: entry %d is no %s", ErrCorrupt, e.Index, kind)
	}
	if err := json.Unmarshal(e.Body, v); err != nil {
		return errors.Join(ErrCorrupt, fmt.Errorf("entry %d: %w", e.Index, err))
	}
	return nil
}
