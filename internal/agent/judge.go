package agent

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/parcel"
	"waxseal/internal/snapshot"
	"waxseal/internal/store"
)

// version is a state that the tree was in, with the file events that led to it.
type version struct {
	state      waxseal.State
	touched    []touch
	unobserved bool // it was found, not seen
	passing    bool // it had gone again when the agent looked
	changes    []waxseal.Change
	home       waxseal.Path   // the state is that of one home only, if it is set
	all        *waxseal.State // the whole state then
	index      *waxseal.Index // where the ledger has what was read
}

// reason is why the tree was read.
func (v version) reason() string {
	switch {
	case v.passing:
		return "content that was there for a moment"
	case v.unobserved:
		return "no event"
	case v.home != "":
		return "file event in one home"
	default:
		return "file event"
	}
}

// maxPassing bounds how many short-lived contents are judged in one look.
const maxPassing = 16

// versions reads the tree: first each content that was there only for a moment,
// as the sensor copied it, then what is there now.
func (a *Agent) versions(touched []touch) []version {
	var list []version
	now := a.readAgain(touched)
	skipped := 0
	for i, t := range touched {
		if len(list) == maxPassing {
			if a.passing(t, touched[i+1:], now) {
				skipped++
			}
		} else if a.passing(t, touched[i+1:], now) {
			over := snapshot.Over(a.tree, map[waxseal.Path]snapshot.Object{t.File.Path: {File: a.metadata(t.File.Path), Content: t.content}})
			list = append(list, version{state: a.readOver(over), touched: []touch{t}, passing: true})
			a.reader.Forget(t.File.Path)
		}
	}
	if skipped > 0 {
		at := touched[len(touched)-1].Time
		a.note(at, waxseal.Observation{Sensor: "agent", Gap: &waxseal.Gap{Sensor: "agent", From: a.since, Until: at, Lost: int64(skipped),
			Reason: "so many contents were there for a moment each that not all were judged; the ledger has what was copied of them"}})
	}
	return append(list, version{state: now, touched: touched, unobserved: len(touched) == 0})
}

// opens are the system calls that open a file (open(2), creat(2), openat(2),
// openat2(2)) on x86_64 and aarch64, by number.
var opens = []int{2, 85, 257, 437, 56}

// uncopied notes files that were opened for writing more often than a content
// could be copied: the kernel merges events that wait, so what was there in
// between is not known. Whoever opened a file after the last event of it has not
// been heard of yet, and is counted with the next.
func (a *Agent) uncopied(touched []touch, now time.Time) {
	for inode, w := range a.copiedOf(touched) {
		since := a.lookedAt
		if before := a.copies[inode]; before != nil {
			since = before.to
		}
		missing := max(0, a.memory.Writes(w.path, inode, opens, since, w.to)-w.n)
		if missing > 0 {
			a.noteUncopied(w, since, now, missing)
		}
		a.copies.add(inode, w, missing)
	}
}

// copiedOf counts the contents that events brought, by inode.
func (a *Agent) copiedOf(touched []touch) copies {
	list := copies{}
	for _, t := range touched {
		if f, ok := fileIn(a.last, t.File.Path); ok && f.Role.Text() && t.copied && t.File.Inode != 0 {
			list.add(t.File.Inode, &copied{path: t.File.Path, from: a.lookedAt, to: t.Time, n: 1}, 0)
		}
	}
	return list
}

// copies are contents that were copied of files lately, by inode.
type copies map[uint64]*copied

type copied struct {
	path     waxseal.Path
	from, to time.Time // the look before the first, and when the last one was read
	n        int       // contents
	told     int       // that are known to be missing
}

func (c copies) add(inode uint64, more *copied, missing int) {
	known := c[inode]
	if known == nil {
		more.told = missing
		c[inode] = more
		return
	}
	known.n, known.told, known.to = known.n+more.n, known.told+missing, more.to
}

// recount asks once more, when audit has told all, whether a file was opened more often
// than a content of it was copied: its records may come later than a look.
func (a *Agent) recount(now time.Time) {
	for inode, c := range a.copies {
		if now.Sub(c.to) < auditLate {
			continue
		}
		delete(a.copies, inode)
		if missing := a.memory.Writes(c.path, inode, opens, c.from, c.to) - c.n - c.told; missing > 0 {
			a.noteUncopied(c, c.from, now, missing)
		}
	}
}

func (a *Agent) noteUncopied(c *copied, from, now time.Time, missing int) {
	a.note(now, waxseal.Observation{Sensor: "fanotify", Gap: &waxseal.Gap{Sensor: "fanotify", From: from, Until: now, Lost: int64(missing),
		Reason: fmt.Sprintf("intermediate content not captured: %s was opened for writing %d times, and %d contents could be copied", c.path, c.n+missing, c.n)}})
}

// metadata is what the file under this name has now; a file that has gone gets a
// plain one.
func (a *Agent) metadata(p waxseal.Path) waxseal.File {
	if f, err := a.tree.Stat(p); err == nil && f.Type == waxseal.Regular {
		return f
	}
	return waxseal.File{Type: waxseal.Regular, Mode: 0o644}
}

// passing reports whether a copied content was replaced before the look: a later
// event brought another one, and it is not what is there now. An emptied file is
// the first half of a rewrite, not a state to judge.
func (a *Agent) passing(t touch, later []touch, now waxseal.State) bool {
	if !t.copied || len(bytes.TrimSpace(t.content)) == 0 {
		return false
	}
	before, known := fileIn(a.last, t.File.Path)
	if !known || !before.Role.Text() || before.Role == waxseal.RoleUnused {
		return false // of what nothing reads no content was in force
	}
	replaced := slices.ContainsFunc(later, func(l touch) bool {
		return (l.File.Path == t.File.Path || l.File.OldPath == t.File.Path) && !(l.copied && bytes.Equal(l.content, t.content))
	})
	after, _ := fileIn(now, t.File.Path)
	if !replaced && after.Text == "" { // else what replaced it has not told of itself yet
		return false
	}
	masked := a.books.Masker.Text(before.Role, string(t.content))
	return masked != after.Text && masked != before.Text
}

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
		dateByHistory(&f, a.tree, ch)
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
	undoes := a.past.add(ch, "", f.Seen, f.Rung)
	pair(&f, undoes)
	told := len(f.Reasons)
	suppress(a.tuning, &f, later(now, a.newest))
	t.undoes, t.hidden = undoes, slices.Clone(f.Reasons[told:])
	a.keep(t, f)
	a.remember(t)
	a.tell(t, "")
	a.tellUndone(t.Finding, now)
	if undoes == nil {
		a.past.named(ch.Path, t.ID)
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
	for _, about := range []func(touch, waxseal.Change) bool{concerns, above} {
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
