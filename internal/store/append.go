package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"waxseal"
	"waxseal/internal/permit"
	"waxseal/internal/triage"
)

// The kinds of entry, as docs/format/ledger.md lists them.
const (
	kindObservation = "observation"
	kindChange      = "change"
	kindFinding     = "finding"
	kindSeal        = "seal"
	kindTriage      = "triage"
	kindKey         = "key"
	kindPermit      = "permit"
	kindPromotion   = "promotion"
	kindSuppression = "suppression"
)

// Tx is one transaction under way. It is valid only inside the function given
// to [Store.Append] and belongs to its goroutine. After the first error all of
// it is given up, also when the function returns nil.
type Tx struct {
	s      *Store
	tx     *readyTx
	next   int64               // index of the next entry
	hashes map[int64]tlog.Hash // written or read in this transaction, by stored-hash index
	added  []Entry             // in this transaction, for the projections
	blobs  map[waxseal.Digest]struct{}
	note   []byte // the checkpoint over them
	err    error
}

// Append runs fill in one transaction. When it returns nil, everything that
// fill added is on the disk: entries, their hashes, one checkpoint over them,
// blobs and state. On an error nothing is, with one exception: after [ErrStale]
// the entries are recorded. The store stays usable after every error.
//
// fill must not call methods of the Store that write, and must not wait for
// anyone who does.
func (s *Store) Append(fill func(*Tx) error) error {
	if s.write == nil {
		return ErrReadOnly
	}
	if err := s.room(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stale, err := s.append(fill)
	if err != nil {
		return s.explain(err)
	}
	if stale == nil {
		return nil
	}
	if _, err := s.rebuild(); err != nil {
		return fmt.Errorf("%w: %w", ErrStale, s.explain(err))
	}
	return nil
}

// append is one transaction; stale says why the projections lag behind the
// entries that it has committed. It runs under s.mu.
func (s *Store) append(fill func(*Tx) error) (stale, err error) {
	sqlTx, err := s.write.Begin()
	if err != nil {
		return nil, err
	}
	defer sqlTx.Rollback()
	tx := s.statements.within(sqlTx)
	next, err := s.nextIndex(tx)
	if err != nil {
		return nil, err
	}
	t := &Tx{s: s, tx: tx, next: next, hashes: map[int64]tlog.Hash{}, blobs: map[waxseal.Digest]struct{}{}}
	if err := fill(t); err != nil {
		return nil, err
	}
	if t.err != nil {
		return nil, t.err
	}
	if len(t.added) > 0 {
		if err := t.sign(); err != nil {
			return nil, err
		}
		if stale, err = t.project(); err != nil {
			return nil, err
		}
	}
	if err := sqlTx.Commit(); err != nil {
		return nil, err
	}
	s.statements.learn(s.write)
	s.keeper.committed()
	if s.known.Store(t.next); t.note != nil {
		s.note.Store(&t.note)
		s.hashes = t.hashes
	}
	return stale, nil
}

// nextIndex is the index of the next entry. It counts what checkpoints and
// hashes cover too: where someone has taken entries away at the end, recording
// goes on after the hole, and the hole shows. It runs under s.mu.
func (s *Store) nextIndex(q querier) (int64, error) {
	var next, size, hash int64
	err := q.QueryRow(`
		SELECT coalesce((SELECT max(ix) + 1 FROM entry WHERE ix >= 0), 0),
		       coalesce((SELECT max(size) FROM checkpoint), 0),
		       coalesce((SELECT max(ix) FROM hash), -1)`).Scan(&next, &size, &hash)
	if err != nil {
		return 0, err
	}
	next = max(next, size)
	if hash >= 0 {
		level, n := tlog.SplitStoredHashIndex(hash)
		next = max(next, (n+1)<<level)
	}
	if known := s.known.Load(); next < known {
		return 0, fmt.Errorf("%w: %s: the ledger had %d entries and now has %d: someone else removed them",
			ErrCorrupt, s.file(), known, next)
	}
	return next, nil
}

// fail makes the transaction fail, whatever the caller does with the error.
func (t *Tx) fail(err error) error {
	if t.err == nil {
		t.err = err
	}
	return err
}

// Observation records a fact from a sensor, at its own time.
func (t *Tx) Observation(o waxseal.Observation) (waxseal.Index, error) {
	return t.entry(o.Time, kindObservation, o)
}

// Change records a difference between two states.
func (t *Tx) Change(at time.Time, c waxseal.Change) (waxseal.Index, error) {
	return t.entry(at, kindChange, c)
}

// Finding records a judgement and returns it as recorded. One without ID is
// new: it gets the ID "F" and its index, and is new in triage unless it says otherwise.
// One with an ID adds to the finding of that ID; with an empty Status it leaves
// triage where it stands. What triage alone decides is not recorded here.
func (t *Tx) Finding(at time.Time, f waxseal.Finding) (waxseal.Finding, waxseal.Index, error) {
	f.Verdict, f.Assignee, f.Ticket = "", "", ""
	if f.ID == "" {
		f.ID = findingID(t.next)
		if f.Status == "" {
			f.Status = waxseal.StatusNew
		}
		if f.Pair != nil && f.Pair.Revert == "" { // it is the revert, and has its name only now
			pair := *f.Pair
			pair.Revert, f.Pair = f.ID, &pair
		}
	} else if first, ok := findingIndex(f.ID); !ok || first >= t.next {
		return f, waxseal.NoIndex, t.fail(fmt.Errorf("finding %q: no such finding", f.ID))
	}
	index, err := t.entry(at, kindFinding, f)
	return f, index, err
}

// Seal records an accepted state, at its own time.
func (t *Tx) Seal(s waxseal.Seal) (waxseal.Index, error) {
	return t.entry(s.Time, kindSeal, s)
}

// Triage records a decision about a finding and applies it. One that makes no sense is
// refused, and nothing of the transaction is recorded.
func (t *Tx) Triage(at time.Time, d waxseal.Triage) (waxseal.Index, error) {
	if first, ok := findingIndex(d.Finding); !ok || first >= t.next {
		return waxseal.NoIndex, t.fail(fmt.Errorf("triage of %q: %w", d.Finding, ErrNone))
	}
	stand, ok := t.stand(d.Finding)
	if !ok {
		stand = triage.Stand{Status: waxseal.StatusInProgress} // every action makes sense from here
	}
	if _, err := stand.After(d); err != nil {
		return waxseal.NoIndex, t.fail(err)
	}
	return t.entry(at, kindTriage, d)
}

// stand is where triage of a finding stands, with what this transaction has added. It is
// not known where the findings can't be listed; recording goes on then.
func (t *Tx) stand(id waxseal.FindingID) (s triage.Stand, known bool) {
	s, err := standOf(t.tx, id)
	known = err == nil
	for _, e := range t.added {
		var d waxseal.Triage
		var f waxseal.Finding
		switch {
		case e.Kind == kindTriage && known && json.Unmarshal(e.Body, &d) == nil && d.Finding == id:
			s, _ = s.After(d) // it was asked before
		case e.Kind == kindFinding && json.Unmarshal(e.Body, &f) == nil && f.ID == id && f.Status != "":
			s.Status, s.Suppression, known = today(f.Status), f.Suppression, true
		}
	}
	return s, known
}

// Key records that a key of change control is known, or ended.
func (t *Tx) Key(at time.Time, s permit.KeyStep) (waxseal.Index, error) {
	return t.entry(at, kindKey, s)
}

// Permit records a signed step of a permit. Whether it is one that may be taken is the
// caller's to ask before.
func (t *Tx) Permit(at time.Time, s permit.Step) (waxseal.Index, error) {
	return t.entry(at, kindPermit, s)
}

// Promotion records what a person accepts after the fact.
func (t *Tx) Promotion(at time.Time, p permit.Promotion) (waxseal.Index, error) {
	return t.entry(at, kindPromotion, p)
}

// Suppression records a step of a suppression, as Permit does.
func (t *Tx) Suppression(at time.Time, s triage.Step) (waxseal.Index, error) {
	return t.entry(at, kindSuppression, s)
}

// entry writes one entry with the hashes it adds to the tree.
func (t *Tx) entry(at time.Time, kind string, body any) (waxseal.Index, error) {
	if t.err != nil {
		return waxseal.NoIndex, t.err
	}
	index := waxseal.Index(t.next)
	record, err := t.record(index, at, kind, body)
	if err != nil {
		return waxseal.NoIndex, t.fail(fmt.Errorf("record %s as entry %d: %w", kind, index, err))
	}
	t.next++
	t.added = append(t.added, record)
	return index, nil
}

func (t *Tx) record(index waxseal.Index, at time.Time, kind string, body any) (Entry, error) {
	text, err := marshal(body)
	if err != nil {
		return Entry{}, err
	}
	record, err := t.s.log.Encode(index, at, kind, text)
	if err != nil {
		return Entry{}, err
	}
	hashes, err := t.s.log.Hashes(int64(index), record, t)
	if err != nil {
		return Entry{}, err
	}
	if _, err := t.tx.Exec(`INSERT INTO entry (ix, record) VALUES (?, ?)`, index, record); err != nil {
		return Entry{}, err
	}
	first := tlog.StoredHashIndex(0, int64(index))
	for i, h := range hashes {
		if _, err := t.tx.Exec(`INSERT INTO hash (ix, hash) VALUES (?, ?)`, first+int64(i), h[:]); err != nil {
			return Entry{}, err
		}
		t.hashes[first+int64(i)] = h
	}
	return Entry{Index: index, Time: at.UTC().Round(0), Kind: kind, Body: text, Record: record, value: body}, nil
}

// marshal is json.Marshal that leaves '<', '>' and '&' readable: mail is full of
// them.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// sign writes the checkpoint over all entries so far.
func (t *Tx) sign() error {
	signed, err := t.s.log.Checkpoint(t.next, t)
	if err != nil {
		return err
	}
	if _, err := t.tx.Exec(`INSERT INTO checkpoint (size, note) VALUES (?, ?)`, t.next, signed); err != nil {
		return fmt.Errorf("checkpoint of size %d: %w", t.next, err)
	}
	t.note = signed
	return nil
}

// ReadHashes implements [tlog.HashReader] for the transaction.
func (t *Tx) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, ok := t.hashes[index]
		if !ok {
			h, ok = t.s.hashes[index]
		}
		if !ok {
			var err error
			if h, err = readHash(t.tx, index); err != nil {
				return nil, fmt.Errorf("stored hash %d: %w", index, err)
			}
		}
		hashes[i], t.hashes[index] = h, h
	}
	return hashes, nil
}

// SetValue keeps a caller's own value under a key.
func (t *Tx) SetValue(key, value string) error {
	_, err := t.tx.Exec(`INSERT INTO value (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2`, key, value)
	if err != nil {
		return t.fail(fmt.Errorf("value %q: %w", key, err))
	}
	return nil
}

// DeleteValue forgets a caller's value.
func (t *Tx) DeleteValue(key string) error {
	if _, err := t.tx.Exec(`DELETE FROM value WHERE key = ?`, key); err != nil {
		return t.fail(fmt.Errorf("value %q: %w", key, err))
	}
	return nil
}

// Value returns a caller's own value; ErrNone where there is none.
func (s *Store) Value(key string) (string, error) {
	v, err := one[string](s.read, `SELECT value FROM value WHERE key = ?`, key)
	if err != nil {
		return "", fmt.Errorf("value %q: %w", key, s.explain(err))
	}
	return v, nil
}

// Alive notes that the agent was alive at that time. It is no entry: after a
// crash the difference to the next start bounds the gap.
func (s *Store) Alive(at time.Time) error {
	if s.write == nil {
		return ErrReadOnly
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.write.Exec(`INSERT INTO alive (id, time) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET time = ?1`,
		at.UTC().Format(time.RFC3339Nano))
	if err != nil {
		return fmt.Errorf("heartbeat: %w", s.explain(err))
	}
	return nil
}

// LastAlive returns the last time given to Alive; ErrNone where there is none.
func (s *Store) LastAlive() (time.Time, error) {
	text, err := one[string](s.read, `SELECT time FROM alive`)
	if err != nil {
		return time.Time{}, fmt.Errorf("heartbeat: %w", s.explain(err))
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, errors.Join(ErrCorrupt, err)
	}
	return at, nil
}
