package agent

import (
	"cmp"
	"errors"
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/ledger"
	"waxseal/internal/parcel"
	"waxseal/internal/permit"
	"waxseal/internal/store"
	"waxseal/internal/triage"
)

// Differences compares two states and weighs what is different.
func Differences(before, after waxseal.State) []waxseal.Change {
	changes := drift.Compare(before, after)
	weigh := detect.NewContext(before, after)
	for i := range changes {
		weigh.Judge(&changes[i])
	}
	return changes
}

// Verdict is the highest severity among changes.
func Verdict(changes []waxseal.Change) waxseal.Severity {
	worst := waxseal.None
	for _, c := range changes {
		worst = max(worst, c.Severity)
	}
	return worst
}

// Checked is the answer of a check.
type Checked struct {
	SealedAt time.Time `json:"sealed_at"`
	Attested bool      `json:"attested"`
	// Verdict is the highest severity that is left when it is known what explains the
	// changes; what a suppression hides does not count.
	Verdict  waxseal.Severity    `json:"verdict"`
	Changes  []waxseal.Change    `json:"changes"`
	Findings []waxseal.FindingID `json:"findings,omitempty"`
	// Explained says of each change above severity none what is known of it.
	Explained []Explained `json:"explained"`
	// Problems are entries of the ledger about permits and suppressions that don't fit:
	// somebody wrote them past this program, and they change nothing.
	Problems []waxseal.Problem `json:"problems,omitempty"`
}

// Explained is a change with what explains it.
type Explained struct {
	Path waxseal.Path `json:"path"`
	// Finding tells of it; none where a running agent has not judged it yet.
	Finding     waxseal.FindingID     `json:"finding,omitempty"`
	Severity    waxseal.Severity      `json:"severity"` // with what explains it
	Rung        waxseal.Rung          `json:"rung"`
	Expected    string                `json:"expected,omitempty"`
	Status      waxseal.Status        `json:"status,omitempty"`
	Suppression waxseal.SuppressionID `json:"suppression,omitempty"`
}

// Compare compares a state with the latest seal, without writing.
func (b *Books) Compare(now waxseal.State) (Checked, error) {
	seal, _, err := b.LatestSeal()
	if errors.Is(err, store.ErrNone) {
		return Checked{}, ErrNoSeal
	}
	if err != nil {
		return Checked{}, err
	}
	known, err := b.Findings(store.Filter{})
	if err != nil {
		return Checked{}, err
	}
	told := map[waxseal.Path]waxseal.Finding{}
	changes := Differences(seal.State, now)
	for _, ch := range changes {
		if f, ok := alreadyTold(known, ch); ok {
			told[ch.Path] = f
		}
	}
	c := checked(seal, changes, told, known)
	c.Findings = nil // a running agent is the one to record
	c.Problems, err = b.unfit()
	return c, err
}

// checked puts together what is known of the changes since a seal.
func checked(seal waxseal.Seal, changes []waxseal.Change, told map[waxseal.Path]waxseal.Finding, known []waxseal.Finding) Checked {
	c := Checked{SealedAt: seal.Time, Attested: seal.Attested, Changes: changes, Explained: []Explained{}}
	for _, ch := range changes {
		if ch.Severity == waxseal.None {
			continue
		}
		e := Explained{Path: ch.Path, Severity: ch.Severity, Rung: waxseal.RungNone}
		if f, ok := told[ch.Path]; ok {
			e = explainedBy(ch, f, known)
			c.Findings = append(c.Findings, f.ID)
		}
		c.Explained = append(c.Explained, e)
		if e.Status != waxseal.StatusSuppressed {
			c.Verdict = max(c.Verdict, e.Severity)
		}
	}
	return c
}

// explainedBy is a change with what is known of all steps that led to it: the worst of
// them counts, and where one is missing the change as it is.
func explainedBy(ch waxseal.Change, teller waxseal.Finding, known []waxseal.Finding) Explained {
	steps, whole := chain(known, ch, teller)
	worst := steps[0]
	for _, f := range steps {
		seen, was := f.Status != waxseal.StatusSuppressed, worst.Status != waxseal.StatusSuppressed
		if seen && !was || seen == was && f.Severity > worst.Severity {
			worst = f
		}
	}
	e := Explained{ch.Path, teller.ID, worst.Severity, worst.Rung, worst.Expected, worst.Status, worst.Suppression}
	if !whole {
		e.Severity, e.Rung, e.Expected, e.Suppression = max(e.Severity, ch.Severity), waxseal.RungNone, "only a part of the difference is explained", ""
		if e.Status == waxseal.StatusSuppressed {
			e.Status = waxseal.StatusNew
		}
	}
	return e
}

// unfit lists the entries about change control and triage that don't fit.
func (b *Books) unfit() ([]waxseal.Problem, error) {
	_, problems, err := b.Office(b.Rules)
	if err != nil {
		return nil, err
	}
	_, more, err := b.Tuning(b.Tuned)
	return append(problems, more...), err
}

// Check compares a state with the latest seal and records what is different and
// not yet recorded, so that it can be reviewed.
func (b *Books) Check(now waxseal.State, at time.Time) (Checked, error) {
	seal, _, err := b.LatestSeal()
	if errors.Is(err, store.ErrNone) {
		return Checked{}, ErrNoSeal
	}
	if err != nil {
		return Checked{}, err
	}
	changes := Differences(seal.State, now)
	told, err := b.noteDifferences(seal.State, now, changes, at)
	known, more := b.Findings(store.Filter{})
	c := checked(seal, changes, told, known)
	if err = cmp.Or(err, more); err != nil {
		return c, err
	}
	if err := b.Append(func(tx *store.Tx) error { return tx.SetValue(lookedAt, at.UTC().Format(time.RFC3339Nano)) }); err != nil {
		return c, err
	}
	c.Problems, err = b.unfit()
	return c, err
}

// lookedAt is when a check last looked: what it did not find was made later.
const lookedAt = "looked at"

// noteDifferences records the differences between two states that no finding tells yet,
// and returns the finding that tells each.
func (b *Books) noteDifferences(before, now waxseal.State, changes []waxseal.Change, at time.Time) (map[waxseal.Path]waxseal.Finding, error) {
	told := map[waxseal.Path]waxseal.Finding{}
	known, err := b.Findings(store.Filter{})
	if err != nil {
		return told, err
	}
	w, err := b.without(now.Host, at)
	if err != nil {
		return told, err
	}
	w.packages = &offline{tree: b.Tree, papers: b.papers(), trust: b.trust(at), before: before, now: now, since: w.unseen.From, at: at}
	if err := b.noteUndone(known, before, changes, at); err != nil {
		return told, err
	}
	for _, ch := range changes {
		if ch.Severity == waxseal.None {
			continue
		}
		f, ok := alreadyTold(known, ch)
		if ok {
			_, ok = chain(known, ch, f)
		}
		if !ok {
			if f, err = w.judge(ch); err != nil {
				return told, err
			}
		}
		told[ch.Path] = f
	}
	return told, nil
}

// unwatchedJudge judges changes that no agent saw.
type unwatchedJudge struct {
	*Books
	host   waxseal.HostID
	at     time.Time
	newest time.Time
	unseen waxseal.Gap
	setBy  time.Duration // the clock, lately
	office *permit.Book
	tuning *triage.Book
	// packages are asked beside the permits.
	packages *offline
}

// without is judgement without an agent.
func (b *Books) without(host waxseal.HostID, at time.Time) (*unwatchedJudge, error) {
	w := &unwatchedJudge{Books: b, host: host, at: at, packages: &offline{at: at}}
	w.unseen = b.unwatched(at, "no agent was watching when this changed: it was found by comparing with the seal")
	var err error
	if w.newest, err = b.Newest(); err != nil {
		return w, err
	}
	if w.office, _, err = b.Office(b.Rules); err != nil {
		return w, err
	}
	if _, w.setBy, err = b.lookAtClock(); err != nil && !errors.Is(err, store.ErrStale) {
		return w, err
	}
	w.tuning, _, err = b.Tuning(b.Tuned)
	return w, err
}

// judge makes a finding of a change, and records both.
func (w *unwatchedJudge) judge(ch waxseal.Change) (waxseal.Finding, error) {
	f := detect.Finding(ch)
	f.Seen, f.Unobserved = w.at, &w.unseen
	dateByHistory(&f, w.Tree, w.papers(), ch)
	f.Activation = []waxseal.Activation{{Stand: waxseal.Written, Time: w.at, Evidence: "it is on the disk", Grade: waxseal.Proven}}
	n, err := w.Len()
	if err != nil {
		return f, err
	}
	content, sure := contentOf(ch)
	account(w.office, &f, permit.Case{Host: w.host, Change: ch, At: permit.Moment{Index: waxseal.Index(n), Time: w.at}, Between: w.unseen.From, Content: content, Known: sure,
		Actor: waxseal.Actor{Login: waxseal.Login{UID: waxseal.Unset, Grade: waxseal.Unknown}}, ClockDoubt: w.at.Before(w.newest.Add(-clockSlack)), SetBy: w.setBy},
		parcel.Judge(w.packages.parcelCase(ch)))
	suppress(w.tuning, &f, later(w.at, w.newest))
	err = w.Append(func(tx *store.Tx) error {
		index, err := tx.Change(w.at, ch)
		if err != nil {
			return err
		}
		f.Observations = []waxseal.Index{index}
		f, _, err = tx.Finding(w.at, f)
		return err
	})
	return f, err
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// unwatched is the gap from the last time that somebody looked until now: a living
// agent, a check, whoever sealed.
func (b *Books) unwatched(at time.Time, reason string) waxseal.Gap {
	var from time.Time
	if alive, err := b.LastAlive(); err == nil {
		from = alive
	}
	if seal, _, err := b.LatestSeal(); err == nil {
		from = later(from, seal.Time)
	}
	if text, err := b.Value(lookedAt); err == nil {
		if looked, err := time.Parse(time.RFC3339Nano, text); err == nil {
			from = later(from, looked)
		}
	}
	return waxseal.Gap{Sensor: "agent", From: from, Until: at, Reason: reason}
}

// VerifyLedger checks the whole ledger of a state directory.
func (b *Books) VerifyLedger(verifier string, checkpoint []byte) (ledger.Report, error) {
	if verifier == "" {
		verifier = b.Verifier
	}
	if len(checkpoint) > 0 {
		return ledger.VerifyAgainst(b.Store, verifier, checkpoint)
	}
	return ledger.Verify(b.Store, verifier)
}
