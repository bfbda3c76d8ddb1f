package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"waxseal"
	"waxseal/internal/permit"
	"waxseal/internal/sensor/control"
	"waxseal/internal/store"
	"waxseal/internal/triage"
)

// Decide records what a person decided about findings: all of it, or nothing.
func (b *Books) Decide(list []waxseal.Triage, at time.Time, by waxseal.Actor) error {
	return b.Append(func(tx *store.Tx) error {
		for _, d := range list {
			switch d.Action {
			case waxseal.TriageAcknowledge, waxseal.TriageAssign, waxseal.TriageClose, waxseal.TriageReopen:
			default: // the others are done by what they stand for
				return fmt.Errorf("triage of %s: unknown action %q", d.Finding, d.Action)
			}
			if _, err := b.Finding(d.Finding); err != nil {
				return err
			}
			d.By, d.Automatic, d.Suppression = by, false, ""
			if _, err := tx.Triage(at, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// Event is one entry in the history of a finding: what was judged, what was decided, or
// what was accepted.
type Event struct {
	Index     waxseal.Index     `json:"index"`
	Time      time.Time         `json:"time"`
	Kind      string            `json:"kind"`
	Finding   *waxseal.Finding  `json:"finding,omitempty"`
	Triage    *waxseal.Triage   `json:"triage,omitempty"`
	Promotion *permit.Promotion `json:"promotion,omitempty"`
}

// History is everything in the ledger about a finding, in order.
func (b *Books) History(id waxseal.FindingID) ([]Event, error) {
	trail, err := b.Trail(id)
	if err != nil {
		return nil, err
	}
	list := []Event{}
	for _, e := range trail {
		h := Event{Index: e.Index, Time: e.Time, Kind: e.Kind}
		switch e.Kind {
		case "finding":
			err = json.Unmarshal(e.Body, &h.Finding)
		case "triage":
			err = json.Unmarshal(e.Body, &h.Triage)
		case "promotion":
			err = json.Unmarshal(e.Body, &h.Promotion)
		}
		if err != nil {
			return list, fmt.Errorf("history of %s: entry %d: %w", id, e.Index, err)
		}
		list = append(list, h)
	}
	return list, nil
}

// ErrPreview: what was accepted is not what the suppression would have hidden.
var ErrPreview = errors.New("that is not what it would have hidden")

// Preview lists the findings that a suppression would have hidden in the last days, and
// those that it is for and must not hide.
func (b *Books) Preview(s triage.Scope, days int, now time.Time) (hidden, kept []waxseal.Finding, err error) {
	known, err := b.Findings(store.Filter{Since: now.AddDate(0, 0, -days)})
	if err != nil {
		return nil, nil, err
	}
	for _, f := range known {
		switch fits, why := s.Fits(f); {
		case fits:
			hidden = append(hidden, f)
		case why != "":
			kept = append(kept, f)
		}
	}
	return hidden, kept, nil
}

// TakeSuppression records a step of a suppression, if it is one that may be taken. A new
// one hides what it is for and is open now.
func (b *Books) TakeSuppression(s triage.Step, at time.Time) (done triage.Suppression, err error) {
	book, _, err := b.Office(b.Rules)
	if err != nil {
		return done, err
	}
	key, err := book.Vouch(s.Key, s.Message(), s.Signature)
	if err != nil {
		return done, err
	}
	tuning, _, err := b.Tuning(b.Tuned)
	if err != nil {
		return done, err
	}
	var hides, open []waxseal.Finding
	if s.Kind == triage.Approve { // what it is for, and had to await the second person
		if open, err = b.Findings(store.Filter{Open: true}); err != nil {
			return done, err
		}
	}
	if s.Kind == triage.Add && s.Ask != nil {
		if hides, err = b.accepted(*s.Ask, at); err != nil {
			return done, err
		}
	}
	err = b.Append(func(tx *store.Tx) error {
		index, err := tx.Suppression(at, s)
		if err != nil {
			return err
		}
		id, err := tuning.Take(s, store.SignerOf(key), index, at)
		if err != nil {
			return err // what is refused is not recorded
		}
		if s.Kind == triage.Approve {
			hides = open
		}
		for _, f := range hides {
			if !tuning.Hides(id, f, at) {
				continue // it awaits another person
			}
			if _, err := tx.Triage(at, waxseal.Triage{Finding: f.ID, Action: waxseal.TriageSuppress, Suppression: id, By: s.By}); err != nil {
				return err
			}
			tuning.Hit(id)
		}
		done, _ = tuning.Suppression(id)
		return nil
	})
	return done, err
}

// accepted holds what was accepted against what the suppression would have hidden, and
// returns what of it is open.
func (b *Books) accepted(r triage.Request, at time.Time) (open []waxseal.Finding, err error) {
	hidden, _, err := b.Preview(r.Scope, r.Preview.Days, at)
	if err != nil {
		return nil, err
	}
	if len(hidden) != len(r.Preview.Findings) {
		return nil, fmt.Errorf("%w: %d findings, not %d", ErrPreview, len(hidden), len(r.Preview.Findings))
	}
	for i, f := range hidden {
		if f.ID != r.Preview.Findings[i] {
			return nil, fmt.Errorf("%w: %s is among it, and was not shown", ErrPreview, f.ID)
		}
		if f.Status.Open() {
			open = append(open, f)
		}
	}
	return open, nil
}

// suppress keeps a finding out of the queue, if a suppression is for it.
func suppress(book *triage.Book, f *waxseal.Finding, now time.Time) {
	id, almost := book.Match(*f, now)
	if almost != "" {
		f.Reasons = append(f.Reasons, almost)
	}
	if id == "" {
		return
	}
	book.Hit(id)
	s, _ := book.Suppression(id)
	f.Status, f.Suppression = waxseal.StatusSuppressed, id
	f.Reasons = append(f.Reasons, fmt.Sprintf("suppression %s of %s keeps it out of the queue: %s", id, s.Owner, s.Reason))
}

// takeDecisions serves what people decide about findings.
func (a *Agent) takeDecisions(r control.Request, by waxseal.Actor, now time.Time) control.Answer {
	a.record()
	var list []waxseal.Triage
	if err := strictly(r.Body, &list); err != nil {
		return control.Answer{Error: err.Error()}
	}
	if err := a.books.Decide(list, now, by); err != nil {
		return control.Answer{Error: err.Error()}
	}
	for _, d := range list {
		if f, err := a.books.Finding(d.Finding); err == nil {
			a.amend(f)
		}
	}
	return control.Answer{}
}
