package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"waxseal"
	"waxseal/internal/permit"
	"waxseal/internal/triage"
)

// Office adds up change control: keys, permits, and what rested on them. Problems are
// entries that don't fit, such as one that somebody wrote past this program; they
// change nothing.
func (s *Store) Office(rules permit.Rules) (*permit.Book, []waxseal.Problem, error) {
	indexes, err := s.indexes(`SELECT ix FROM office ORDER BY ix`)
	if err != nil {
		return nil, nil, fmt.Errorf("change control: %w", s.explain(err))
	}
	book, problems := permit.NewBook(rules), []waxseal.Problem(nil)
	for _, i := range indexes {
		e, err := s.Entry(i)
		if err == nil {
			err = takeEntry(book, e)
		}
		if err != nil {
			problems = append(problems, waxseal.Problem{Path: waxseal.Path(s.file()), Message: fmt.Sprintf("ledger entry %d: %v", i, err)})
		}
	}
	return book, problems, nil
}

// LastOfOffice is the last entry that change control adds up, [waxseal.NoIndex] if there
// is none.
func (s *Store) LastOfOffice() (waxseal.Index, error) {
	last, err := one[int64](s.read, `SELECT coalesce(max(ix), -1) FROM office`)
	return waxseal.Index(last), s.explain(err)
}

func takeEntry(book *permit.Book, e Entry) error {
	at := permit.Moment{Index: e.Index, Time: e.Time}
	switch e.Kind {
	case kindKey:
		var s permit.KeyStep
		if err := strictly(e.Body, &s); err != nil {
			return err
		}
		return book.TakeKey(s, at)
	case kindPermit:
		var s permit.Step
		if err := strictly(e.Body, &s); err != nil {
			return err
		}
		_, err := book.Take(s, at)
		return err
	case kindPromotion:
		var p permit.Promotion
		if err := strictly(e.Body, &p); err != nil {
			return err
		}
		return book.TakePromotion(p, at)
	}
	var f waxseal.Finding
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	book.TakeUse(f)
	return nil
}

// strictly decodes what is signed: a field that this program does not know may be one
// that says what it must not overlook.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// Tuning adds up the suppressions, with what each has kept out of the queue. Each is held
// against the keys that were known when it was recorded.
func (s *Store) Tuning(rules triage.Rules) (*triage.Book, []waxseal.Problem, error) {
	indexes, err := s.indexes(`SELECT ix FROM office UNION SELECT ix FROM suppression ORDER BY ix`)
	if err != nil {
		return nil, nil, fmt.Errorf("suppressions: %w", s.explain(err))
	}
	book, keys, problems := triage.NewBook(rules), permit.NewBook(permit.DefaultRules()), []waxseal.Problem(nil)
	for _, i := range indexes {
		e, err := s.Entry(i)
		switch {
		case err != nil:
		case e.Kind == kindKey:
			_ = takeEntry(keys, e) // change control tells what does not fit
		case e.Kind == kindSuppression:
			err = takeTuning(book, keys, e)
		}
		if err != nil {
			problems = append(problems, waxseal.Problem{Path: waxseal.Path(s.file()), Message: fmt.Sprintf("ledger entry %d: %v", i, err)})
		}
	}
	return book, problems, s.countHits(book)
}

func takeTuning(book *triage.Book, keys *permit.Book, e Entry) error {
	var step triage.Step
	if err := strictly(e.Body, &step); err != nil {
		return err
	}
	key, err := keys.Vouch(step.Key, step.Message(), step.Signature)
	if err != nil {
		return err
	}
	_, err = book.Take(step, SignerOf(key), e.Index, e.Time)
	return err
}

// SignerOf is the person of a key, as triage knows people.
func SignerOf(k permit.Key) triage.Signer {
	return triage.Signer{Key: k.Fingerprint, Name: k.Owner, Login: k.Login, MadeKnownBy: k.MadeKnownBy()}
}

// countHits counts the findings that each suppression has ever hidden.
func (s *Store) countHits(book *triage.Book) error {
	for _, have := range book.Suppressions() {
		n, err := one[int](s.read, `SELECT count(*) FROM hit WHERE suppression = ?`, have.ID)
		if err != nil {
			return fmt.Errorf("suppressions: %w", s.explain(err))
		}
		for range n {
			book.Hit(have.ID)
		}
	}
	return nil
}

// Newest is the latest time of all entries, zero in an empty ledger. A clock that was
// set back does not set it back.
func (s *Store) Newest() (time.Time, error) {
	n, err := one[int64](s.read, `SELECT time FROM newest`)
	if errors.Is(err, ErrNone) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("newest entry: %w", s.explain(err))
	}
	return time.Unix(0, n).UTC(), nil
}
