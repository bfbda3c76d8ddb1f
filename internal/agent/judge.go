package agent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/parcel"
	"waxseal/internal/store"
)

// told is a finding that has been told, and that later facts may add to.
type told struct {
	waxseal.Finding
	change  waxseal.Change
	event   *touch // the file event behind it, nil where none was seen
	other   int    // who wrote the same file in the same moment; 0 for nobody
	at      time.Time
	written bool // the change entry is in the ledger
	// plain is the finding before anything that says it was expected was held against it.
	plain waxseal.Finding
	// rests are observations that it rests on, as long as they are not in the ledger yet.
	rests []*waxseal.Index
	// parcel is what packages were asked, where a package has to do with the change.
	parcel *parcel.Case
	writes []touch // the events that its hand was worked out from
	// undoes and hidden are what pairs and suppressions said, which stands whatever explains
	// the finding later.
	undoes []step
	hidden []string
	// rename gives an actor the names of users that a container has; nil for the host's.
	rename func(*waxseal.Actor)
}

const (
	maxRecent  = 256
	recentFor  = time.Hour
	maxRelated = 24 // program starts recorded for one finding
)

// judge makes a change known: who, what it means, how far it has come.
func (a *Agent) judge(ch waxseal.Change, v version, now time.Time) {
	t := &told{change: ch, at: now}
	a.stale = true
	if ch.Severity == waxseal.None {
		a.past.add(ch, "", now, waxseal.RungNone)
		if ch.After != nil && ch.After.Role == waxseal.RoleUnused && a.fold(now) {
			return // what was read has it
		}
		a.keep(t, waxseal.Finding{})
		return
	}
	f := detect.Finding(ch)
	t.event = a.packageEvent(v.touched, ch)
	if call, grade := a.callOf(ch, now); call != nil {
		t.rests = a.explainCall(*call, grade, &f)
	} else if t.event != nil {
		a.explain(t, v, &f)
	} else {
		f.Seen = now
		f.Unobserved = a.unobserved(now, v)
		dateByHistory(&f, a.tree, a.papers(), ch)
		unknown := a.memory.Actor(waxseal.FileEvent{}, now)
		f.Actor = &unknown
	}
	t.rests = append(t.rests, v.index)
	evidence := "it is on the disk"
	if v.passing {
		evidence = "it was on the disk for a moment, and has been replaced since"
		f.Reasons = append(f.Reasons, "the content was replaced again before it was read a second time: what a process read in between, it has")
	}
	f.Activation = []waxseal.Activation{{Stand: waxseal.Written, Time: f.Seen, Evidence: evidence, Grade: waxseal.Proven}}
	a.backToSeal(&f, ch, v.state)
	with := a.personal(t, &f, v)
	a.account(t, &f, v)
	if with != nil {
		a.gather(t, f, *with)
		return
	}
	a.conclude(t, f, now)
}

// conclude holds a finding against what it undoes and what hides it, records it, and tells.
func (a *Agent) conclude(t *told, f waxseal.Finding, now time.Time) {
	undoes := a.past.add(t.change, "", f.Seen, f.Rung)
	pair(&f, undoes)
	told := len(f.Reasons)
	suppress(a.tuning, &f, later(now, a.newest))
	t.undoes, t.hidden = undoes, slices.Clone(f.Reasons[told:])
	a.keep(t, f)
	a.remember(t)
	a.tell(t, "")
	a.tellUndone(t.Finding, now)
	if undoes == nil {
		a.past.named(t.change.Path, t.ID)
	}
}

// tell tells of a finding, unless a suppression keeps it out of the queue.
func (a *Agent) tell(t *told, news string) {
	if t.Suppression == "" {
		a.opts.Tell(t.Finding, news, a.books.Checkpoint())
	}
}

// lastEvent is the event that made the file what it is.
func lastEvent(touched []touch, ch waxseal.Change) *touch {
	if overMount(ch) {
		return nil
	}
	for _, about := range []func(touch, waxseal.Change) bool{brought, concerns, above} {
		for i := len(touched) - 1; i >= 0; i-- {
			if about(touched[i], ch) {
				return &touched[i]
			}
		}
	}
	// A hook can change because of another file than the one it is written in:
	// then the whole look is its cause.
	if ch.Before == nil && len(touched) > 0 {
		return &touched[len(touched)-1]
	}
	return nil
}

// brought reports whether an event brought what is new in a file: who gave it another owner
// afterwards did not write it.
func brought(t touch, ch waxseal.Change) bool {
	return ch.BeforeDigest != ch.AfterDigest && !onlyMetadata(t) && concerns(t, ch)
}

func onlyMetadata(t touch) bool {
	return !slices.ContainsFunc(t.File.Operations, func(op waxseal.Operation) bool { return op != waxseal.OpMetadata })
}

// explain adds who made the change, and the observations that say so.
func (a *Agent) explain(t *told, v version, f *waxseal.Finding) {
	f.Seen = t.event.Time
	actor := a.hand(t, v)
	f.Actor = &actor
	t.rests = append(t.rests, a.evidence(t.event, actor)...)
}

// evidence notes the program starts behind an actor, and lists what a finding
// rests on.
func (a *Agent) evidence(t *touch, actor waxseal.Actor) []*waxseal.Index {
	var related []*waxseal.Index
	if audited, _, ok := a.memory.Touch(*t.File, t.Time); ok {
		related = a.basis.of(&audited, actor)
	} else {
		related = a.basis.of(nil, actor)
	}
	return append(append([]*waxseal.Index{t.index}, related...), a.startsOf(actor)...)
}

// startsOf notes the program starts behind an actor.
func (a *Agent) startsOf(actor waxseal.Actor) (related []*waxseal.Index) {
	for _, p := range append([]waxseal.Process{actor.Process}, actor.Ancestors...) {
		if o, ok := a.memory.Start(p); ok && p.Grade == waxseal.Proven && len(related) < maxRelated {
			related = append(related, a.note(o.Time, o))
		}
	}
	return related
}

// recorded writes the notebook down and lists where the ledger has what was noted.
func (a *Agent) recorded(noted []*waxseal.Index) []waxseal.Index {
	a.record()
	return inLedger(noted)
}

// inLedger lists those of some observations that were recorded.
func inLedger(noted []*waxseal.Index) (list []waxseal.Index) {
	for _, i := range noted {
		if *i != waxseal.NoIndex {
			list = append(list, *i)
		}
	}
	return list
}

// unobserved bounds the time in which a change was made that no sensor told of.
func (a *Agent) unobserved(now time.Time, v version) *waxseal.Gap {
	g := waxseal.Gap{Sensor: "agent", From: a.since, Until: now, Reason: "no sensor told of this change: it was found by reading the files again"}
	if v.unobserved && a.aliveAt.IsZero() {
		g.Reason = "changed while unobserved: no agent was running"
	}
	return &g
}

// backToSeal lowers what only restores the sealed content.
func (a *Agent) backToSeal(f *waxseal.Finding, ch waxseal.Change, now waxseal.State) {
	if a.sealed == nil || ch.Before == nil {
		return
	}
	if was, _ := fileIn(a.sealed.State, ch.Path); was.Digest != ch.AfterDigest {
		return
	}
	for _, left := range drift.Compare(a.sealed.State, now) {
		if left.Path == ch.Path {
			return
		}
	}
	f.Severity = min(f.Severity, waxseal.Info)
	f.Reasons = append(f.Reasons, "this brings the file back to what is sealed; what it did before stays on record")
}

// keep records a change, and the finding about it unless it has none. While the
// ledger can't be written, the finding says so and waits.
//
// It is one transaction with what waits in the notebook, since each costs the time of
// the disk.
func (a *Agent) keep(t *told, f waxseal.Finding) {
	t.Finding = f
	if a.book.broken() {
		a.record()
	}
	if a.book.broken() {
		a.postpone(t)
		return
	}
	var done waxseal.Finding
	err := a.books.Append(func(tx *store.Tx) (err error) {
		if _, err := a.book.writeAll(tx, time.Now()); err != nil {
			return err
		}
		if err := a.noteStale(tx); err != nil {
			return err
		}
		done, err = t.write(tx)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrStale) {
		a.fails(err)
		a.postpone(t)
		return
	}
	a.book, a.staleSaid = notebook{}, a.stale
	t.Finding, t.written, t.rests = done, true, nil
}

// postpone keeps a finding until the ledger can be written again.
func (a *Agent) postpone(t *told) {
	t.Unrecorded = t.Rule != ""
	if !slices.Contains(a.book.findings, t) {
		a.book.findings = append(a.book.findings, t)
	}
}

// write records the change once, and the finding as it stands. It changes
// nothing of t, since the transaction may still fail.
func (t *told) write(tx *store.Tx) (waxseal.Finding, error) {
	f := t.Finding
	f.Observations = append(slices.Clone(f.Observations), inLedger(t.rests)...) // what was told before is being printed
	if !t.written {
		index, err := tx.Change(t.at, t.change)
		if err != nil || f.Rule == "" {
			return f, err
		}
		f.Observations = append(f.Observations, index)
	}
	slices.Sort(f.Observations)
	f, _, err := tx.Finding(t.at, f)
	return f, err
}

func (a *Agent) remember(t *told) {
	if len(a.recent) >= maxRecent {
		a.recent = a.recent[1:]
	}
	a.recent = append(a.recent, t)
}

// forget lets go of findings that nothing will add to any more.
func (a *Agent) forget(now time.Time) {
	a.recent = slices.DeleteFunc(a.recent, func(t *told) bool { return now.Sub(t.at) > recentFor })
}

// news adds to recent findings what an observation says about activation.
func (a *Agent) news(o waxseal.Observation) {
	var index *waxseal.Index
	for _, t := range a.recent {
		if t.change.Container != "" {
			continue // what runs on the host, and what its logs say, is not of a container
		}
		steps := len(t.Activation)
		if !correlate.Activate(&t.Finding, o) {
			continue
		}
		if index == nil {
			index = a.note(o.Time, o)
			a.record()
		}
		step := t.Activation[steps]
		a.update(t, index, fmt.Sprintf("%s: %s (%s)", step.Stand, step.Evidence, step.Grade))
	}
}

// proves raises the actor of recent findings that audit reports late.
func (a *Agent) proves(o waxseal.Observation) {
	for _, t := range a.recent {
		if t.event == nil || t.event.silent || t.other != 0 || t.Actor == nil || t.Actor.Process.Grade == waxseal.Proven || o.Time.Sub(t.event.Time).Abs() > time.Minute {
			continue
		}
		actor := a.memory.Actor(*t.event.File, t.event.Time)
		if actor.Process.Grade == waxseal.Proven {
			if t.rename != nil {
				t.rename(&actor)
			}
			t.Actor = &actor
			a.accountAgain(t)
			a.update(t, nil, "the kernel's audit record names the process")
		}
	}
}

// update records and tells what is new about a finding.
func (a *Agent) update(t *told, index *waxseal.Index, news string) {
	if index != nil && *index != waxseal.NoIndex {
		t.Observations = append(slices.Clone(t.Observations), *index)
	}
	t.at = time.Now()
	t.Status = "" // triage stands as it is
	a.keep(t, t.Finding)
	a.tell(t, news)
}

// advance makes a state the one that the next look compares with.
func (a *Agent) advance(s waxseal.State) {
	a.last, a.whole = s, a.reader.Index(s)
	a.starts.Know(s)
}
