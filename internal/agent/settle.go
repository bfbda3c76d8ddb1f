package agent

import (
	"cmp"
	"fmt"
	"time"

	"waxseal"
	"waxseal/internal/permit"
	"waxseal/internal/store"
)

// Reopened is a finding that opened again because time has passed, and why.
type Reopened struct {
	waxseal.Finding
	Why string
}

// Settle does what time alone asks for: what one person approved or promoted alone and
// nobody countersigned in time explains nothing any more, and what a suppression hid is
// seen again when it ends. Each is an entry. A clock that was set back does not hold it
// up: the latest time of the ledger counts, if it is later.
func (b *Books) Settle(now time.Time) (list []Reopened, err error) {
	at := now
	if newest, err := b.Newest(); err != nil {
		return nil, err
	} else if newest.After(now) {
		now = newest
	}
	book, err := b.deadlines()
	if err != nil {
		return nil, err
	}
	for _, step := range []func() ([]Reopened, error){
		func() ([]Reopened, error) { return b.settlePermits(book, now, at) },
		func() ([]Reopened, error) { return b.settlePromotions(book, now, at) },
		func() ([]Reopened, error) { return b.settleSuppressions(now, at) },
	} {
		more, err := step()
		if list = append(list, more...); err != nil {
			return list, err
		}
	}
	return list, nil
}

// deadlines is change control as it stands. It is added up, with every signature, only
// where something came to it since: it is asked each second.
func (b *Books) deadlines() (*permit.Book, error) {
	last, err := b.LastOfOffice()
	if err != nil || b.held != nil && b.heldTo == last {
		return b.held, err
	}
	b.held, _, err = b.Office(b.Rules)
	b.heldTo = last
	return b.held, err
}

// settlePermits opens the findings again that rest on a permit which is overdue.
func (b *Books) settlePermits(book *permit.Book, now, at time.Time) (list []Reopened, err error) {
	var late []permit.ID
	for _, id := range book.Overdue(now) {
		if !b.settled[id] {
			late = append(late, id)
		}
	}
	if len(late) == 0 {
		return nil, nil
	}
	known, err := b.Findings(store.Filter{})
	if err != nil {
		return nil, err
	}
	for _, id := range late {
		p, _ := book.Permit(id)
		for _, f := range known {
			if permit.ID(f.Permit) != id || f.Rung == waxseal.RungNone || f.Rung == waxseal.RungPromoted {
				continue
			}
			why := fmt.Sprintf("permit %s (%s): %s alone approved it, and nobody has countersigned it in time", id, p.Ticket, p.Approver.Name)
			f = unexplained(f, why)
			if err := b.reopen(f, why, at); err != nil {
				return list, err
			}
			f.Status = waxseal.StatusNew
			list = append(list, Reopened{f, why})
		}
		b.settled[id] = true
	}
	return list, nil
}

// unexplained is a finding whose explanation has fallen.
func unexplained(f waxseal.Finding, why string) waxseal.Finding {
	f.Rung, f.Expected = waxseal.RungNone, why
	if f.Change != nil {
		f.Severity = max(f.Severity, f.Change.Severity)
	}
	f.Reasons = append(f.Reasons[:len(f.Reasons):len(f.Reasons)], why)
	return f
}

// reopen records what is new about a finding, and that it is new again in triage.
func (b *Books) reopen(f waxseal.Finding, why string, at time.Time) error {
	was := f.Status
	return b.Append(func(tx *store.Tx) error {
		f.Status, f.Suppression = "", ""
		if _, _, err := tx.Finding(at, f); err != nil || was == waxseal.StatusNew {
			return err
		}
		_, err := tx.Triage(at, waxseal.Triage{Finding: f.ID, Action: waxseal.TriageReopen, Note: why, Automatic: true})
		return err
	})
}

// settlePromotions opens what one person promoted alone, and that nobody countersigned.
func (b *Books) settlePromotions(book *permit.Book, now, at time.Time) (list []Reopened, err error) {
	for id, since := range book.OverduePromotions(now) {
		f, err := b.Finding(id)
		if err != nil {
			return list, err
		}
		if done, err := b.reopenedSince(id, since.Index); err != nil || done || f.Status != waxseal.StatusResolved {
			if err != nil {
				return list, err
			}
			continue
		}
		why := "one person alone made the change and promoted it, and nobody has countersigned in time"
		f = unexplained(f, why)
		if err := b.reopen(f, why, at); err != nil {
			return list, err
		}
		f.Status = waxseal.StatusNew
		list = append(list, Reopened{f, why})
	}
	return list, nil
}

// reopenedSince reports whether time has opened a finding again after an entry.
func (b *Books) reopenedSince(id waxseal.FindingID, since waxseal.Index) (bool, error) {
	history, err := b.History(id)
	if err != nil {
		return false, err
	}
	for _, h := range history {
		if h.Index > since && h.Triage != nil && h.Triage.Automatic && h.Triage.Action == waxseal.TriageReopen {
			return true, nil
		}
	}
	return false, nil
}

// settleSuppressions shows again what suppressions hid that have ended.
func (b *Books) settleSuppressions(now, at time.Time) (list []Reopened, err error) {
	hidden, err := b.Findings(store.Filter{Status: waxseal.StatusSuppressed})
	if err != nil || len(hidden) == 0 {
		return nil, err
	}
	tuning, _, err := b.Tuning(b.Tuned)
	if err != nil {
		return nil, err
	}
	for _, f := range hidden {
		s, known := tuning.Suppression(f.Suppression)
		state := "unknown"
		if known {
			state = s.State(now)
		}
		if state == "active" {
			continue
		}
		why := fmt.Sprintf("suppression %s of %s is %s", f.Suppression, cmp.Or(s.Owner, "nobody"), state)
		err := b.Append(func(tx *store.Tx) error {
			_, err := tx.Triage(at, waxseal.Triage{Finding: f.ID, Action: waxseal.TriageReopen, Suppression: f.Suppression, Note: why, Automatic: true})
			return err
		})
		if err != nil {
			return list, err
		}
		f.Status, f.Suppression = waxseal.StatusNew, ""
		list = append(list, Reopened{f, why})
	}
	return list, nil
}

// Shown says of findings what they are now, where nobody has written it down yet: what a
// suppression hid that has ended is new.
func (b *Books) Shown(list []waxseal.Finding, now time.Time) ([]waxseal.Finding, error) {
	newest, err := b.Newest()
	if err != nil {
		return list, err
	}
	tuning, _, err := b.Tuning(b.Tuned)
	if err != nil {
		return list, err
	}
	for i, f := range list {
		if s, ok := tuning.Suppression(f.Suppression); f.Status == waxseal.StatusSuppressed && (!ok || s.State(later(now, newest)) != "active") {
			list[i].Status, list[i].Suppression = waxseal.StatusNew, ""
		}
	}
	return list, nil
}

// settleEvery is how often the ledger is asked what has come to its end.
const settleEvery = 10 * time.Second

// settle is what the agent does of it, now and then.
func (a *Agent) settle(now time.Time) {
	if now.Sub(a.settledAt) < settleEvery || a.book.broken() {
		return
	}
	a.settledAt = now
	again, err := a.books.Settle(now)
	if err != nil {
		a.fails(err)
	}
	for _, r := range again {
		a.amend(r.Finding)
		a.opts.Tell(r.Finding, "open again: "+r.Why, a.books.Checkpoint())
	}
	if len(again) > 0 {
		a.openOffice()
	}
}

// amend brings what the agent remembers of a recent finding up to what was recorded past
// it, so that later facts are added to that.
func (a *Agent) amend(f waxseal.Finding) {
	for _, t := range a.recent {
		if t.ID == f.ID {
			t.Severity, t.Rung, t.Expected, t.Reasons, t.Suppression, t.Pair = f.Severity, f.Rung, f.Expected, f.Reasons, f.Suppression, f.Pair
		}
	}
}
