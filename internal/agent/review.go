package agent

import (
	"errors"
	"fmt"
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/ledger"
	"waxseal/internal/parcel"
	"waxseal/internal/permit"
	"waxseal/internal/store"
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

// ErrUnreviewed: a seal was refused, since accepting the present state would
// hide changes that nobody has looked at.
var ErrUnreviewed = errors.New("there are unreviewed changes")

// ErrNoSeal: nothing has been sealed yet.
var ErrNoSeal = errors.New("nothing is sealed yet: run waxseal seal")

// Sealed is what a seal did.
type Sealed struct {
	Index      waxseal.Index     `json:"index"`
	Seal       waxseal.Seal      `json:"-"`
	Attested   bool              `json:"attested"`
	Hooks      int               `json:"hooks"`
	Files      int               `json:"files"`
	Checkpoint string            `json:"checkpoint"`
	Unreviewed []waxseal.Finding `json:"unreviewed,omitempty"` // with ErrUnreviewed
}

// Seal accepts a state as known good. The first seal is not attested: nothing
// vouches for the host before it. Later ones refuse while changes since the last
// seal, or open findings, are unreviewed.
func (b *Books) Seal(now waxseal.State, at time.Time, note string, by waxseal.Actor) (Sealed, error) {
	last, _, err := b.LatestSeal()
	first := errors.Is(err, store.ErrNone)
	if err != nil && !first {
		return Sealed{}, err
	}
	if !first {
		if _, err := b.noteDifferences(last.State, now, at); err != nil {
			return Sealed{}, err
		}
		open, err := b.Findings(store.Filter{Status: waxseal.Open})
		if err != nil {
			return Sealed{}, err
		}
		if len(open) > 0 {
			return Sealed{Unreviewed: open}, ErrUnreviewed
		}
	}
	s := waxseal.Seal{Time: at, Attested: !first, Note: note, By: by, State: now}
	result := Sealed{Seal: s, Attested: s.Attested, Hooks: len(now.Hooks), Files: len(now.Files)}
	err = b.Append(func(tx *store.Tx) error {
		var err error
		if result.Index, err = tx.Seal(s); err != nil {
			return err
		}
		return tx.PutState(at, now)
	})
	result.Checkpoint = b.Checkpoint()
	return result, err
}

// Checked is the answer of a check.
type Checked struct {
	SealedAt time.Time           `json:"sealed_at"`
	Attested bool                `json:"attested"`
	Verdict  waxseal.Severity    `json:"verdict"`
	Changes  []waxseal.Change    `json:"changes"`
	Findings []waxseal.FindingID `json:"findings,omitempty"`
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
	changes := Differences(seal.State, now)
	return Checked{SealedAt: seal.Time, Attested: seal.Attested, Verdict: Verdict(changes), Changes: changes}, nil
}

// Check compares a state with the latest seal and records what is different and
// not yet recorded, so that it can be reviewed.
func (b *Books) Check(now waxseal.State, at time.Time) (Checked, error) {
	c, err := b.Compare(now)
	if err != nil {
		return c, err
	}
	seal, _, err := b.LatestSeal()
	if err != nil {
		return c, err
	}
	c.Findings, err = b.noteDifferences(seal.State, now, at)
	return c, err
}

// noteDifferences records the differences between two states that no finding
// tells yet.
func (b *Books) noteDifferences(before, now waxseal.State, at time.Time) ([]waxseal.FindingID, error) {
	known, err := b.Findings(store.Filter{})
	if err != nil {
		return nil, err
	}
	book, _, err := b.Office(b.Rules)
	if err != nil {
		return nil, err
	}
	unseen := b.unwatched(at, "no agent was watching when this changed: it was found by comparing with the seal")
	var ids []waxseal.FindingID
	about := &offline{tree: b.Tree, keys: b.packageKeys(), before: before, now: now, since: unseen.From, at: at}
	for _, ch := range Differences(before, now) {
		if ch.Severity == waxseal.None {
			continue
		}
		if id, told := alreadyTold(known, ch); told {
			ids = append(ids, id)
			continue
		}
		f := detect.Finding(ch)
		f.Seen, f.Unobserved = at, &unseen
		f.Activation = []waxseal.Activation{{Stand: waxseal.Written, Time: at, Evidence: "it is on the disk", Grade: waxseal.Proven}}
		n, err := b.Len()
		if err != nil {
			return ids, err
		}
		content, sure := contentOf(ch)
		explained := parcel.Judge(about.parcelCase(ch))
		account(book, &f, permit.Case{Host: now.Host, Change: ch, At: permit.Moment{Index: waxseal.Index(n), Time: at}, Between: unseen.From, Content: content, Known: sure,
			Actor: waxseal.Actor{Login: waxseal.Login{UID: waxseal.Unset, Grade: waxseal.Unknown}}}, explained)
		err = b.Append(func(tx *store.Tx) error {
			index, err := tx.Change(at, ch)
			if err != nil {
				return err
			}
			f.Observations = []waxseal.Index{index}
			f, _, err = tx.Finding(at, f)
			return err
		})
		if err != nil {
			return ids, err
		}
		ids = append(ids, f.ID)
	}
	return ids, nil
}

// alreadyTold finds the latest finding about the same file in the same end
// state.
func alreadyTold(known []waxseal.Finding, ch waxseal.Change) (waxseal.FindingID, bool) {
	for i := len(known) - 1; i >= 0; i-- {
		if told, same := gatheredIn(known[i], ch); told {
			return known[i].ID, same
		}
		c := known[i].Change
		if c == nil || c.Path != ch.Path {
			continue
		}
		if c.AfterDigest == ch.AfterDigest && (c.Kind == waxseal.Metadata) == (ch.Kind == waxseal.Metadata) {
			return known[i].ID, true
		}
		return "", false
	}
	return "", false
}

// gatheredIn reports whether a finding tells of a file among many changes, and whether
// it tells of the same end state.
func gatheredIn(f waxseal.Finding, ch waxseal.Change) (told, same bool) {
	if f.Gathered == nil {
		return false, false
	}
	for _, g := range f.Gathered.List {
		if g.Path == ch.Path {
			told, same = true, g.AfterDigest == ch.AfterDigest
		}
	}
	return told, same
}

// unwatched is the gap from the last sign of life of an agent until now.
func (b *Books) unwatched(at time.Time, reason string) waxseal.Gap {
	from, err := b.LastAlive()
	if err != nil || from.IsZero() {
		if seal, _, err := b.LatestSeal(); err == nil {
			from = seal.Time
		}
	}
	return waxseal.Gap{Sensor: "agent", From: from, Until: at, Reason: reason}
}

// Acknowledge records that a person has looked at a finding.
func (b *Books) Acknowledge(id waxseal.FindingID, at time.Time, note string, by waxseal.Actor) error {
	if _, err := b.Finding(id); err != nil {
		return fmt.Errorf("finding %q: %w", id, err)
	}
	return b.Append(func(tx *store.Tx) error {
		_, err := tx.Triage(at, waxseal.Triage{Finding: id, Action: "acknowledge", Note: note, By: by})
		return err
	})
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
