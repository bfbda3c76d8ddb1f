package agent

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/detect"
	"waxseal/internal/store"
)

// Rules of personal mailboxes change all day on a hosting server. What owners do with
// their own mail is told once a day; docs/severity.md says what is not.

const (
	gatheredRule waxseal.RuleID = "mailbox-rules"
	manyRule     waxseal.RuleID = "mailbox-rules-of-many"

	// maxGathered bounds the list of one gathering.
	maxGathered = 1000
	// maxEvidence bounds the entries that one gathering points at.
	maxEvidence = 4 * maxGathered
	// joins is how long after its last change a deed of one hand takes in more.
	joins = 10 * time.Minute
)

// gathering is a finding that takes in further changes.
type gathering struct {
	*told
	last   time.Time
	boxes  map[string]bool
	closed bool // what it has in common is over
}

// kin are the changes that one is told with: what they have in common, and the list, of
// which it is the last.
type kin struct {
	common string
	rule   waxseal.RuleID
	list   []waxseal.Gathered
}

// personal weighs a change of the rules of one mailbox by the hand that made it, and
// says which others it is told with; nil where it has a finding of its own.
func (a *Agent) personal(t *told, f *waxseal.Finding, v version) *kin {
	p := t.change.Personal
	if p == nil || v.passing || a.systemAccount(p.Mailbox) {
		return nil
	}
	hand := a.handOf(f, p.Mailbox)
	if central(t.change.Path) && hand.Kind != correlate.HandPanel {
		return nil // an entry of a table of the administrator's is no rule of a user
	}
	g := waxseal.Gathered{Time: f.Seen, Mailbox: p.Mailbox, Path: t.change.Path, AfterDigest: t.change.AfterDigest, By: hand.Words, Title: f.Title}
	deed, words := a.deed(hand, g, p, v.hooks())
	weighHand(f, hand, p)
	switch {
	case deed != nil:
		f.Severity = max(f.Severity, pick(hand.Kind == correlate.HandPanel && words == byHand(hand), waxseal.Medium, waxseal.High))
		return &kin{words, manyRule, deed}
	case hand.Kind != correlate.HandOther && f.Severity <= waxseal.Low:
		return &kin{"day " + g.Time.UTC().Format(time.DateOnly), gatheredRule, []waxseal.Gathered{g}}
	}
	return nil
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// hooks are those of the whole state.
func (v version) hooks() []waxseal.Hook {
	if v.all != nil {
		return v.all.Hooks
	}
	return v.state.Hooks
}

// central reports whether a file belongs to the administrator by its place.
func central(p waxseal.Path) bool {
	return strings.HasPrefix(string(p), "/etc/") || strings.HasPrefix(string(p), "/usr/")
}

// firstUser is the first uid of people (login.defs(5), UID_MIN).
const firstUser = 1000

// systemAccount reports whether a mailbox is that of root or a service: its mail is the
// host's, and no person's own.
func (a *Agent) systemAccount(mailbox string) bool {
	uid, known := a.names.uid(mailbox)
	return known && uid < firstUser
}

// handOf says whose hand made the change that a finding is about.
func (a *Agent) handOf(f *waxseal.Finding, mailbox string) correlate.Hand {
	var owner correlate.Owner
	owner.UID, owner.Known = a.names.uid(mailbox)
	actor := waxseal.Actor{Process: waxseal.Process{Grade: waxseal.Unknown}}
	if f.Actor != nil {
		actor = *f.Actor
	}
	return correlate.HandOf(actor, mailbox, owner, a.intact)
}

// weighHand lowers what the owner of a mailbox did with it, and raises what another
// hand did.
func weighHand(f *waxseal.Finding, hand correlate.Hand, p *waxseal.Personal) {
	switch {
	case hand.Trusted():
		f.Severity, f.Reasons = p.Severity, append(slices.Clone(p.Reasons), fmt.Sprintf("the rules of %s were changed by %s", p.Mailbox, hand.Words))
	case hand.Kind == correlate.HandOther && f.Severity >= waxseal.Low:
		f.Severity = max(f.Severity, waxseal.Medium)
		f.Reasons = append(f.Reasons, fmt.Sprintf("another hand than its owner's changed the rules of %s: %s", p.Mailbox, hand.Words))
	}
}

// deed says which other changes make one deed with this one, and what they have in
// common; none where it stands by itself.
func (a *Agent) deed(hand correlate.Hand, g waxseal.Gathered, p *waxseal.Personal, hooks []waxseal.Hook) (list []waxseal.Gathered, common string) {
	var lately []waxseal.Gathered
	if hand.Kind != correlate.HandUnknown { // what nobody saw has no hand in common
		lately = a.crowd.Add(hand.Key, g)
	}
	for _, address := range p.Foreign {
		if list = correlate.Collected(hooks, address, detect.Mailbox); list != nil {
			i := slices.IndexFunc(list, func(x waxseal.Gathered) bool { return x.Mailbox == g.Mailbox })
			return append(slices.Delete(list, i, i+1), g), "address " + address
		}
	}
	if lately != nil {
		return lately, byHand(hand)
	}
	return nil, ""
}

func byHand(h correlate.Hand) string { return "hand " + h.Key }

// gather tells a change with those that it has something in common with.
func (a *Agent) gather(t *told, f waxseal.Finding, with kin) {
	common, rule, list := with.common, with.rule, with.list
	change := *t
	a.keep(&change, waxseal.Finding{}) // the change is on record; the finding is the gathering's
	f.Observations = append(slices.Clone(f.Observations), inLedger(t.rests)...)
	at := list[len(list)-1].Time
	g, open := a.gatherings[common]
	if open && (g.closed || rule == manyRule && at.Sub(g.last) > joins) {
		open = false
	}
	if !open {
		a.forgetGatherings(at)
		g = &gathering{told: &told{written: true, Finding: waxseal.Finding{Rule: rule, Attack: []waxseal.TechniqueID{}, Rung: waxseal.RungNone, Status: waxseal.StatusNew, Seen: at,
			Gathered: &waxseal.Gathering{Common: common, List: []waxseal.Gathered{}}}}, boxes: map[string]bool{}}
		a.gatherings[common] = g
	} else {
		list = list[len(list)-1:]
	}
	g.take(f, list, at)
	g.at = t.at
	if !open {
		suppress(a.tuning, &g.Finding, later(at, a.newest))
	}
	a.keep(g.told, g.Finding)
	switch n := len(g.boxes); {
	case !open:
		a.tell(g.told, "")
	case rule == manyRule && n&(n-1) == 0 && len(list) > 0: // 8, 16, 32 …
		a.tell(g.told, g.Title)
	}
}

// take adds changes to a gathering, with what the finding about the last of them says.
// What was told before is not touched: it may be being printed.
func (g *gathering) take(f waxseal.Finding, list []waxseal.Gathered, at time.Time) {
	all := *g.Gathered
	all.List = slices.Clone(all.List)
	for _, x := range list {
		g.boxes[x.Mailbox] = true
		if all.Changes++; len(all.List) < maxGathered {
			all.List = append(all.List, x)
		}
	}
	all.Mailboxes = len(g.boxes)
	g.Gathered, g.last = &all, at
	g.Severity = max(g.Severity, f.Severity)
	if g.Rule == gatheredRule {
		g.ofDay(all)
	} else {
		g.ofMany(f, all)
	}
	for _, id := range f.Attack {
		if !slices.Contains(g.Attack, id) {
			g.Attack = append(slices.Clone(g.Attack), id)
		}
	}
	seen := slices.Concat(g.Observations, f.Observations)
	slices.Sort(seen)
	seen = slices.Compact(seen)
	g.Observations = seen[max(0, len(seen)-maxEvidence):]
	if g.ID != "" {
		g.Status = "" // triage stands as it is
	}
}

func (g *gathering) ofDay(all waxseal.Gathering) {
	g.Title = fmt.Sprintf("users changed rules of their own: %d changes of %d mailboxes", all.Changes, all.Mailboxes)
	g.Explain = "Users forward, sort or answer their own mail otherwise than before."
	g.Reasons = []string{"nothing is hidden by these rules, and no program of somebody's choice is run"}
	hands := map[string]int{}
	for _, x := range all.List {
		hands[x.By]++
	}
	for _, by := range slices.Sorted(maps.Keys(hands)) {
		g.Reasons = append(g.Reasons, fmt.Sprintf("%d were made by %s", hands[by], by))
	}
}

func (g *gathering) ofMany(f waxseal.Finding, all waxseal.Gathering) {
	g.Title = fmt.Sprintf("rules of %d mailboxes are one deed (%s)", all.Mailboxes, all.Common)
	g.Explain = f.Explain
	g.Actor = cmp.Or(f.Actor, g.Actor)
	g.NotEstablished = []string{"who is behind the account that made the changes"}
	g.Next = []string{"Look at what the changes have in common, and ask one of the owners of the mailboxes.", "If it was not meant: take the rules back, and look for what else the same account did."}
	g.Reasons = append([]string{fmt.Sprintf("many mailboxes have this in common: %s", all.Common)}, f.Reasons...)
}

// forgetGatherings lets go of gatherings that take nothing in any more.
func (a *Agent) forgetGatherings(now time.Time) {
	for common, g := range a.gatherings {
		if now.Sub(g.last) > 48*time.Hour {
			delete(a.gatherings, common)
		}
	}
}

// endDay tells the sum of a day that is over.
func (a *Agent) endDay(now time.Time) {
	if len(a.gatherings) == 0 {
		return
	}
	today := "day " + now.UTC().Format(time.DateOnly)
	for common, g := range a.gatherings {
		if g.Rule == gatheredRule && common < today && !g.closed {
			g.closed = true
			a.tell(g.told, "the day is over: "+g.Title)
		}
	}
}

// rememberGatherings goes on with what an earlier run gathered today.
func (a *Agent) rememberGatherings(now time.Time) error {
	found, err := a.books.Findings(store.Filter{Since: now.Add(-24 * time.Hour)})
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Gathered == nil {
			continue
		}
		g := &gathering{told: &told{Finding: f, written: true}, last: f.Seen, boxes: map[string]bool{}}
		for _, x := range f.Gathered.List {
			g.boxes[x.Mailbox], g.last = true, x.Time
		}
		a.gatherings[f.Gathered.Common] = g
	}
	return nil
}

// intact reports whether nobody but root, or the package that brought it, can have put
// a program where it is: it and every directory above it are root's alone.
func (a *Agent) intact(program waxseal.Path) bool {
	if known, ok := fileIn(a.last, program); ok && known.PackageState == waxseal.PackageModified {
		return false
	}
	for p := program; ; p = waxseal.Path(path.Dir(string(p))) {
		f, err := a.names.tree.Stat(p)
		if err != nil || f.UID != 0 || f.Mode&0o002 != 0 || f.Mode&0o020 != 0 && f.GID != 0 {
			return false
		}
		if p == "/" {
			return true
		}
	}
}
