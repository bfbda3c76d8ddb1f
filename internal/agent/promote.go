package agent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/drift"
	"waxseal/internal/permit"
	"waxseal/internal/store"
)

// Errors of seals that are refused, since accepting the present state would hide
// something.
var (
	// ErrUnreviewed: there are changes that nobody has looked at.
	ErrUnreviewed = errors.New("there are unreviewed changes")
	// ErrNoSeal: nothing has been sealed yet.
	ErrNoSeal = errors.New("nothing is sealed yet: run waxseal seal")
	// ErrMoved: what was reviewed is not what is there.
	ErrMoved = errors.New("it has moved on")
	// ErrContradicted: packages say that files are not as they brought them.
	ErrContradicted = errors.New("packages contradict files that are not named")
)

// Sealed is what a seal did.
type Sealed struct {
	Index      waxseal.Index     `json:"index"`
	Seal       waxseal.Seal      `json:"-"`
	Attested   bool              `json:"attested"`
	Hooks      int               `json:"hooks"`
	Files      int               `json:"files"`
	Containers []string          `json:"containers,omitempty"` // whose hooks and files are among them
	Checkpoint string            `json:"checkpoint"`
	Promoted   []permit.Promoted `json:"promoted,omitempty"`   // what was accepted
	Unreviewed []waxseal.Finding `json:"unreviewed,omitempty"` // with ErrUnreviewed
	// Contradicted are the files with ErrContradicted.
	Contradicted []permit.Promoted `json:"contradicted,omitempty"`
}

// SealAsk is what a seal is asked to accept: nothing new, or what a promotion names.
type SealAsk struct {
	Note      string            `json:"note,omitempty"`
	Promotion *permit.Promotion `json:"promotion,omitempty"`
}

// sealing is one seal under way.
type sealing struct {
	*Books
	SealAsk
	now     waxseal.State
	at      time.Time
	by      waxseal.Actor
	last    waxseal.Seal
	index   waxseal.Index // of the last seal
	changes []waxseal.Change
	told    map[waxseal.Path]waxseal.Finding
}

// Seal accepts a state as known good. The first seal is not attested: nothing vouches for
// the host before it. A later one accepts what a promotion names, change by change, and
// nothing else: it refuses while anything is unreviewed, or is not what was reviewed.
func (b *Books) Seal(now waxseal.State, at time.Time, ask SealAsk, by waxseal.Actor) (Sealed, error) {
	s := &sealing{Books: b, SealAsk: ask, now: now, at: at, by: by}
	var err error
	s.last, s.index, err = b.LatestSeal()
	if errors.Is(err, store.ErrNone) {
		if ask.Promotion != nil {
			return Sealed{}, ErrNoSeal
		}
		s.now.Containers = readable(waxseal.State{}, now)
		return s.write(s.now, false, nil, nil)
	}
	if err != nil {
		return Sealed{}, err
	}
	s.now.Containers = readable(s.last.State, now)
	now = s.now
	s.changes = AllDifferences(s.last.State, now)
	if s.told, err = b.noteDifferences(s.last.State, now, s.changes, at); err != nil {
		return Sealed{}, err
	}
	if ask.Promotion != nil {
		for i := range ask.Promotion.Objects {
			ask.Promotion.Objects[i].Named = true
		}
	}
	switch p := ask.Promotion; {
	case p == nil:
		return s.nothingNew()
	case p.Seal != s.index:
		return Sealed{}, fmt.Errorf("%w: somebody sealed since it was reviewed", ErrMoved)
	case p.Attest:
		return s.attest()
	}
	return s.promote()
}

// nothingNew seals again what differs in nothing that matters.
func (s *sealing) nothingNew() (Sealed, error) {
	open, err := s.unreviewed()
	if err != nil {
		return Sealed{}, err
	}
	if len(open) > 0 {
		return Sealed{Unreviewed: open}, ErrUnreviewed
	}
	var p *permit.Promotion
	if objects := s.harmless(); len(objects) > 0 {
		p = &permit.Promotion{Seal: s.index, Objects: objects, Reason: "they have no effect on mail"}
	}
	return s.write(s.now, s.last.Attested, p, nil)
}

// unreviewed lists what stands in the way of a seal that promotes nothing: findings that
// are open, and those whose change is there and was never promoted.
func (s *sealing) unreviewed() ([]waxseal.Finding, error) {
	list, err := s.Findings(store.Filter{Open: true})
	if err != nil {
		return nil, err
	}
	for _, ch := range s.changes {
		f, ok := s.told[ch.Path]
		if ok && !slices.ContainsFunc(list, func(o waxseal.Finding) bool { return o.ID == f.ID }) {
			list = append(list, f)
		}
	}
	return list, nil
}

// harmless are the changes without effect: each is listed as well.
func (s *sealing) harmless() (list []permit.Promoted) {
	for _, ch := range s.changes {
		if ch.Severity == waxseal.None {
			list = append(list, permit.Promoted{Path: ch.Path, Kind: ch.Kind, Before: ch.BeforeDigest, After: ch.AfterDigest, Rung: waxseal.RungNone})
		}
	}
	return list
}

// promote accepts exactly the changes that the promotion names.
func (s *sealing) promote() (Sealed, error) {
	p := *s.Promotion
	if second, err := s.isCountersign(p); err != nil || second {
		if err != nil {
			return Sealed{}, err
		}
		return s.countersign(p)
	}
	objects, findings, err := s.match(p.Objects)
	if err != nil {
		return Sealed{}, err
	}
	p.Objects = append(objects, s.harmless()...)
	state, err := s.accept(p.Objects)
	if err != nil {
		return Sealed{}, err
	}
	book, _, err := s.Office(s.Rules)
	if err != nil {
		return Sealed{}, err
	}
	if err := book.Promote(&p, findings); err != nil {
		return Sealed{}, err
	}
	return s.write(state, s.last.Attested, &p, findings)
}

// match holds each named object against what is there: compare and swap.
func (s *sealing) match(named []permit.Promoted) (objects []permit.Promoted, findings []waxseal.Finding, err error) {
	seen := map[waxseal.FindingID]bool{}
	for _, o := range named {
		f, err := s.Finding(o.Finding)
		if err != nil {
			return nil, nil, err
		}
		if !seen[f.ID] {
			seen[f.ID] = true
			findings = append(findings, f)
		}
		done, err := s.matchOne(o, f, named)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.ID, err)
		}
		objects = append(objects, done)
	}
	if len(objects) == 0 {
		return nil, nil, errors.New("a promotion names what it promotes")
	}
	return objects, findings, s.unnamed(named)
}

// matchOne completes one object, or says why it can't be promoted.
func (s *sealing) matchOne(o permit.Promoted, f waxseal.Finding, named []permit.Promoted) (permit.Promoted, error) {
	if f.Verdict == waxseal.VerdictTruePositive {
		return o, errors.New("it was closed as a true positive: reopen it first")
	}
	if f.Status == waxseal.StatusResolved && s.told[o.Path].ID != f.ID {
		return o, fmt.Errorf("%s: it is resolved, and is not what is there now", o.Path)
	}
	if ended, ok := endOf(f, o.Path); !ok || ended != o.After {
		return o, fmt.Errorf("%w: it is not about %s with the content that was reviewed (%s)", ErrMoved, o.Path, short(o.After))
	}
	i := slices.IndexFunc(s.changes, func(ch waxseal.Change) bool { return ch.Path == o.Path })
	if i < 0 {
		return o, fmt.Errorf("%s is as it was sealed: there is nothing to promote; close the finding", o.Path)
	}
	ch, teller := s.changes[i], s.told[o.Path]
	if teller.ID != f.ID {
		later := func(n permit.Promoted) bool { return n.Path == o.Path && n.Finding == teller.ID }
		if !slices.ContainsFunc(named, later) {
			return o, fmt.Errorf("%w: %s has the content %s now, which %s tells of; reviewed was %s", ErrMoved, o.Path, short(ch.AfterDigest), orNothing(teller.ID), short(o.After))
		}
	} else if ch.AfterDigest != o.After {
		return o, fmt.Errorf("%w: %s has the content %s now; reviewed was %s", ErrMoved, o.Path, short(ch.AfterDigest), short(o.After))
	}
	o.Before, o.Kind, o.Severity, o.Rung = ch.BeforeDigest, ch.Kind, f.Severity, f.Rung
	if o.Rung == waxseal.RungNone || o.Rung == waxseal.RungWindow || o.Rung == "" {
		o.Rung = waxseal.RungPromoted
	}
	return o, nil
}

func orNothing(id waxseal.FindingID) string {
	if id == "" {
		return "no finding"
	}
	return string(id)
}

func short(d waxseal.Digest) string {
	if d == "" {
		return "(none)"
	}
	return string(d[:min(12, len(d))])
}

// endOf is the content that a finding tells of for a path.
func endOf(f waxseal.Finding, p waxseal.Path) (end waxseal.Digest, ok bool) {
	if f.Change != nil && f.Change.Path == p {
		return f.Change.AfterDigest, true
	}
	if f.Gathered != nil {
		for _, g := range f.Gathered.List {
			if g.Path == p {
				end, ok = g.AfterDigest, true
			}
		}
	}
	return end, ok
}

// unnamed refuses a promotion while another finding that led to what is promoted, or one
// that is open and about the same file, is not named: what it tells would be accepted
// with it.
func (s *sealing) unnamed(named []permit.Promoted) error {
	known, err := s.Findings(store.Filter{})
	if err != nil {
		return err
	}
	isNamed := func(f waxseal.Finding) bool {
		return slices.ContainsFunc(named, func(o permit.Promoted) bool { return o.Finding == f.ID })
	}
	for _, ch := range s.changes {
		teller, told := s.told[ch.Path]
		if !told || !isNamed(teller) {
			continue
		}
		steps, _ := chain(known, ch, teller)
		for _, f := range steps {
			if !isNamed(f) {
				return fmt.Errorf("%s led to what %s has now, and is not named: name it too", f.ID, ch.Path)
			}
		}
	}
	for _, f := range known {
		if f.Status == waxseal.StatusResolved || isNamed(f) {
			continue
		}
		for _, o := range named {
			if _, about := endOf(f, o.Path); about && !undone(f) {
				return fmt.Errorf("%s is about %s too, is not closed and not named: name it, or close it", f.ID, o.Path)
			}
		}
	}
	return nil
}

// accept is the sealed state with the named changes taken over, if that leaves exactly
// the others.
func (s *sealing) accept(objects []permit.Promoted) (waxseal.State, error) {
	accepted := map[waxseal.Path]bool{}
	for _, o := range objects {
		accepted[o.Path] = true
	}
	state := drift.Accept(s.last.State, s.now, accepted)
	state.Containers = acceptRooms(s.last.State, s.now, accepted)
	for _, left := range leftOver(state, s.now) {
		others := func(ch waxseal.Change) bool { return ch.Path == left && !accepted[ch.Path] }
		if !slices.ContainsFunc(s.changes, others) {
			return state, fmt.Errorf("what is promoted hangs together with other changes (%s): promote those with it", left)
		}
	}
	return state, nil
}

// write records what was promoted, the findings that it resolves, and the seal.
func (s *sealing) write(state waxseal.State, isAttested bool, p *permit.Promotion, findings []waxseal.Finding) (Sealed, error) {
	seal := waxseal.Seal{Time: s.at, Attested: isAttested, Note: s.Note, By: s.by, State: state}
	result := Sealed{Attested: isAttested, Hooks: len(state.Hooks), Files: len(state.Files)}
	for _, c := range state.Containers {
		result.Containers = append(result.Containers, c.Name)
		result.Hooks, result.Files = result.Hooks+len(c.State.Hooks), result.Files+len(c.State.Files)
	}
	err := s.Append(func(tx *store.Tx) (err error) {
		if p != nil {
			p.By = s.by
			index, err := tx.Promotion(s.at, *p)
			if err != nil {
				return err
			}
			seal.Promotion, result.Promoted = &index, p.Objects
		}
		for _, f := range findings {
			if err := s.resolve(tx, f, *p); err != nil {
				return err
			}
		}
		if result.Index, err = tx.Seal(seal); err != nil {
			return err
		}
		return tx.PutState(s.at, s.now)
	})
	result.Seal, result.Checkpoint = seal, s.Checkpoint()
	return result, err
}

// resolve records on a finding that its change was promoted, by whom and why.
func (s *sealing) resolve(tx *store.Tx, f waxseal.Finding, p permit.Promotion) error {
	f.Status, f.Suppression = "", ""
	if f.Rung == waxseal.RungNone || f.Rung == waxseal.RungWindow || f.Rung == "" {
		f.Rung, f.Expected = waxseal.RungPromoted, promotedBy(p)
	}
	if _, _, err := tx.Finding(s.at, f); err != nil {
		return err
	}
	_, err := tx.Triage(s.at, waxseal.Triage{Finding: f.ID, Action: waxseal.TriagePromote, Ticket: p.Ticket, Note: p.Reason, By: p.By})
	return err
}

// promotedBy says in one line who promoted a change, and why.
func promotedBy(p permit.Promotion) string {
	who := p.Owner
	if who == "" {
		who = permit.Name(p.By) + ", without a key"
	}
	if p.Ticket != "" {
		who += " (" + p.Ticket + ")"
	}
	if p.Alone {
		who += ", who made the change too"
	}
	return "promoted by " + who + ": " + p.Reason
}
