package agent

import (
	"fmt"
	"time"

	"waxseal"
	"waxseal/internal/store"
)

// A change and its revert belong together: between the two the change was in force, and
// what it did then stays done. Whoever takes back what they did is told of as well.

// content is what a file was: its digest and, where it is known, its metadata.
type content struct {
	digest waxseal.Digest
	meta   string
}

func (c content) same(o content) bool {
	return c.digest == o.digest && (c.meta == "" || o.meta == "" || c.meta == o.meta)
}

// contentIn is what a state says that a file was.
func contentIn(d waxseal.Digest, f *waxseal.FileState) content {
	if f == nil || f.Missing {
		return content{digest: d}
	}
	return content{d, fmt.Sprintf("%04o %d:%d %s %v %v", f.Mode, f.UID, f.GID, f.Link, f.Flags, f.XAttrs)}
}

// step is one content of a file, and the finding about the change that brought it.
type step struct {
	content
	finding waxseal.FindingID // "" for what was there first, and for what has no effect
	at      time.Time
	weight  waxseal.Severity // of the change, before anything explained it
	rung    waxseal.Rung
}

// past remembers the contents that files have had, so that a revert is known as one.
type past map[waxseal.Path][]step

const (
	maxPastFiles = 10_000
	maxPastSteps = 32
	// pastFor is how far back a change and its revert are still one story.
	pastFor = 31 * 24 * time.Hour
)

// add notes a change, and returns the steps that it undoes: those since the file last
// was what it is now.
func (p past) add(ch waxseal.Change, id waxseal.FindingID, at time.Time, rung waxseal.Rung) (undoes []step) {
	if ch.Before == nil && ch.After == nil && ch.BeforeDigest == ch.AfterDigest {
		return nil // only a hook means something else
	}
	steps := p[ch.Path]
	if len(steps) == 0 && len(p) >= maxPastFiles {
		clear(p)
	}
	if was := contentIn(ch.BeforeDigest, ch.Before); len(steps) == 0 || !steps[len(steps)-1].same(was) {
		steps = append(steps, step{content: was}) // how it came to be so, nobody told
	}
	now := contentIn(ch.AfterDigest, ch.After)
	for i, s := range steps {
		if s.same(now) {
			p[ch.Path] = steps[:i+1]
			return steps[i+1:]
		}
	}
	steps = append(steps, step{now, id, at, ch.Severity, rung})
	p[ch.Path] = steps[max(0, len(steps)-maxPastSteps):]
	return nil
}

// named gives the last content of a file its finding, once that has a name.
func (p past) named(path waxseal.Path, id waxseal.FindingID) {
	if steps := p[path]; len(steps) > 0 {
		steps[len(steps)-1].finding = id
	}
}

// rememberPast goes on with what earlier runs told.
func (a *Agent) rememberPast(now time.Time) error {
	a.past = past{}
	known, err := a.books.Findings(store.Filter{Since: now.Add(-pastFor)})
	if err != nil {
		return err
	}
	for _, f := range known {
		if f.Change != nil && !undone(f) {
			a.past.add(*f.Change, f.ID, f.Seen, f.Rung)
		}
	}
	return nil
}

// pair says of a finding which earlier change it undoes, and how long that was in force.
// What was dangerous and explained is told as loud as it deserves when it is taken back.
func pair(f *waxseal.Finding, undoes []step) {
	for _, s := range undoes {
		if s.finding == "" {
			continue
		}
		lasted := f.Seen.Sub(s.at)
		f.Pair = &waxseal.Pair{Change: s.finding, From: s.at, Until: f.Seen, Seconds: max(lasted, 0).Seconds()}
		f.Reasons = append(f.Reasons, fmt.Sprintf("this undoes %s, which was in force for %s: what it did in between stays done", s.finding, long(lasted)))
		if s.rung != waxseal.RungNone && s.rung != "" {
			f.Severity = max(f.Severity, pick(s.weight >= waxseal.High, waxseal.Medium, waxseal.Low))
		}
		return
	}
}

// long is a length of time for people.
func long(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()+0.5))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()+0.5))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()+0.5))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24+0.5))
}

// tellUndone adds to the finding about a change that it was undone.
func (a *Agent) tellUndone(revert waxseal.Finding, now time.Time) {
	if revert.Pair == nil || revert.ID == "" {
		return
	}
	f, err := a.books.Finding(revert.Pair.Change)
	if err != nil {
		return // it is not recorded, as the ledger can't be written
	}
	p := *revert.Pair
	p.Revert = revert.ID
	f.Pair, f.Status = &p, ""
	news := fmt.Sprintf("undone after %s by %s", long(p.Until.Sub(p.From)), revert.ID)
	err = a.books.Append(func(tx *store.Tx) error {
		f, _, err = tx.Finding(now, f)
		return err
	})
	if err != nil {
		a.fails(err)
		return
	}
	a.amend(f)
	if f.Suppression == "" {
		a.opts.Tell(f, news, a.books.Checkpoint())
	}
}

// noteUndone adds to findings whose change is not there any more, and that nobody saw
// undone, how long it was in force at most.
func (b *Books) noteUndone(known []waxseal.Finding, sealed waxseal.State, changes []waxseal.Change, at time.Time) error {
	differs := map[waxseal.Path]bool{}
	for _, ch := range changes {
		differs[ch.Path] = true
	}
	for i := len(known) - 1; i >= 0; i-- {
		f := known[i]
		if f.Change == nil || differs[f.Change.Path] || f.Change.Container != "" && differs[roomPath(f.Change.Container)] {
			continue
		}
		differs[f.Change.Path] = true // only the latest counts
		accepted := f.Status == waxseal.StatusResolved && f.Verdict == waxseal.VerdictExpected
		if was, _ := sealedFile(sealed, *f.Change); accepted || undone(f) || f.Change.Kind == waxseal.Metadata || f.Change.BeforeDigest == f.Change.AfterDigest || was.Digest == f.Change.AfterDigest {
			continue
		}
		lasted := at.Sub(f.Seen)
		f.Pair = &waxseal.Pair{Change: f.ID, From: f.Seen, Until: at, Seconds: max(lasted, 0).Seconds()}
		f.Reasons = append(f.Reasons, fmt.Sprintf("it was found undone: it was in force for %s at most since it was found, and what it did in between stays done", long(lasted)))
		known[i] = f
		f.Status = ""
		if err := b.Append(func(tx *store.Tx) error { _, _, err := tx.Finding(at, f); return err }); err != nil {
			return err
		}
	}
	return nil
}
