package agent

import (
	"crypto/sha256"
	"encoding/hex"
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

// ErrClock: a permit that is asked for or approved by such a clock would be back-dated.
var ErrClock = errors.New("the clock was set back")

// TakeStep records a signed step of a permit, if it is one that may be taken.
func (b *Books) TakeStep(s permit.Step, at time.Time) (p permit.Permit, err error) {
	newest, err := b.Newest()
	switch {
	case err != nil:
		return p, err
	case at.Before(newest.Add(-clockSlack)):
		return p, fmt.Errorf("%w: it says %s, and the ledger has entries of %s", ErrClock, at.UTC().Format(time.RFC3339), newest.UTC().Format(time.RFC3339))
	}
	book, _, err := b.Office(b.Rules)
	if err != nil {
		return p, err
	}
	err = b.Append(func(tx *store.Tx) error {
		index, err := tx.Permit(at, s)
		if err != nil {
			return err
		}
		id, err := book.Take(s, permit.Moment{Index: index, Time: at})
		p, _ = book.Permit(id)
		return err // what is refused is not recorded
	})
	return p, err
}

// TakeKey records that a key of change control is known, or ended.
func (b *Books) TakeKey(s permit.KeyStep, at time.Time) error {
	book, _, err := b.Office(b.Rules)
	if err != nil {
		return err
	}
	return b.Append(func(tx *store.Tx) error {
		index, err := tx.Key(at, s)
		if err != nil {
			return err
		}
		return book.TakeKey(s, permit.Moment{Index: index, Time: at})
	})
}

// expect says how strong the evidence is that a change was expected, and weighs the
// finding by it.
func expect(book *permit.Book, f *waxseal.Finding, c permit.Case) {
	v := book.Judge(c)
	f.Rung, f.Expected, f.Permit = v.Rung, v.Why, string(v.Permit)
	before := f.Severity
	f.Severity = v.Severity(f.Severity, c.Change)
	switch {
	case f.Severity < before:
		f.Reasons = append(f.Reasons, "it would be "+before.String()+", and was expected: "+v.Why)
	case v.Alert:
		f.Reasons = append(f.Reasons, "beside its permit: "+v.Why)
	}
	if v.BreakGlass {
		f.Reasons = append(f.Reasons, "one person alone approved it, and another has to countersign")
	}
}

// caseOf is what the permits are asked about a change that was seen.
func (a *Agent) caseOf(t *told, f waxseal.Finding) permit.Case {
	c := permit.Case{Host: a.last.Host, Change: t.change, At: permit.Moment{Index: a.nextIndex(), Time: f.Seen}, SetBy: a.setBy}
	if f.Actor != nil {
		c.Actor = *f.Actor
	}
	c.Content, c.Known = contentOf(t.change)
	if t.event == nil {
		c.Between = a.since
		c.ClockDoubt = f.Seen.Before(a.newest.Add(-clockSlack))
		return c
	}
	if *t.event.index != waxseal.NoIndex {
		c.At.Index = *t.event.index
	}
	if t.event.copied && t.event.File.Path == t.change.Path {
		sum := sha256.Sum256(t.event.content)
		c.Content, c.Known = waxseal.Digest(hex.EncodeToString(sum[:])), true
	}
	c.ClockDoubt = t.event.Time.Before(a.newest.Add(-clockSlack))
	return c
}

// clockSlack is how far apart in time events may lie when they arrive: further back
// means that the clock was set.
const clockSlack = time.Minute

// nextIndex is behind everything that is recorded.
func (a *Agent) nextIndex() waxseal.Index {
	next, err := a.books.Next()
	if err != nil {
		return waxseal.NoIndex // before every approval: nothing explains it
	}
	return next
}

// contentOf is the digest of a changed file's whole content, where the state has it
// and not one that is keyed because of a secret.
func contentOf(ch waxseal.Change) (waxseal.Digest, bool) {
	switch {
	case ch.After == nil:
		return "", false
	case ch.After.Missing:
		return "", true
	}
	return ch.After.Digest, !ch.After.Keyed && ch.After.Digest != ""
}

// takeOffice serves requests about keys, permits and suppressions.
func (a *Agent) takeOffice(r control.Request, by waxseal.Actor, now time.Time) control.Answer {
	a.record()
	var err error
	var body any
	switch r.Verb {
	case "permit":
		var s permit.Step
		if err = strictly(r.Body, &s); err == nil {
			body, err = a.books.TakeStep(s, now)
		}
	case "key":
		var s permit.KeyStep
		if err = strictly(r.Body, &s); err == nil {
			s.By = by
			err = a.books.TakeKey(s, now)
		}
	case "suppression":
		var s triage.Step
		if err = strictly(r.Body, &s); err == nil {
			s.By = by
			body, err = a.books.TakeSuppression(s, now)
		}
	}
	if err != nil {
		return control.Answer{Error: err.Error()}
	}
	a.openOffice()
	text, err := json.Marshal(body)
	if err != nil {
		return control.Answer{Error: err.Error()}
	}
	return control.Answer{Body: text}
}

// openOffice reads what change control adds up to; from here on the agent keeps count
// itself.
func (a *Agent) openOffice() {
	book, problems, err := a.books.Office(a.books.Rules)
	if err != nil {
		a.opts.Warn("no permit is known: " + err.Error())
		book = permit.NewBook(a.books.Rules)
	}
	tuning, unfit, err := a.books.Tuning(a.books.Tuned)
	if err != nil {
		a.opts.Warn("no suppression is known: " + err.Error())
		tuning = triage.NewBook(a.books.Tuned)
	}
	for _, p := range append(problems, unfit...) {
		a.opts.Warn(Problem(p))
	}
	a.office, a.tuning = book, tuning
}
