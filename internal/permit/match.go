package permit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"waxseal"
)

// Case is one change and what is known of it.
type Case struct {
	Host   waxseal.HostID
	Change waxseal.Change
	Actor  waxseal.Actor
	// Content is the digest of the new content, whole and unmasked, "" where the file
	// is gone. Whether it is known at all says Known.
	Content waxseal.Digest
	Known   bool
	// At is the kernel's time of the event, and its place in the ledger. It is never
	// the time at which somebody got round to reading it.
	At Moment
	// Between is set where nobody saw the event: it lies somewhere after this time.
	Between time.Time
	// ClockDoubt says that the clock was set during the window, so that At.Time is not
	// certain.
	ClockDoubt bool
	// SetBy is by how much the clock was set lately: without that it would have been
	// At.Time less this much.
	SetBy time.Duration
}

// Verdict is what the permits say of a change.
type Verdict struct {
	Rung   waxseal.Rung
	Permit ID // that explains it, or that comes closest
	// Why is one line that says why the change was, or was not, expected.
	Why string
	// Alert says that a permit was there and the change is not what it is for: another
	// hand, another content, once more, early, late.
	Alert bool
	// Retroactive says that the permit was approved only after the change.
	Retroactive bool
	// BreakGlass says that one person alone approved it.
	BreakGlass bool
}

// miss is how a change falls outside a permit, worst first: the first of them that is
// nearest to fitting is told.
type miss int

const (
	fits miss = iota
	again
	otherContent
	otherHand
	early
	late
	otherOperation
	notApproved
	otherObject
	otherHost
)

// NoPermit is what is said where nothing comes close.
const NoPermit = "no permit is for this change"

// Judge says how strong the evidence of permits is that a change was expected, and
// notes that the permit was used. Of several that fit, the one with the highest rung
// counts, and among those the narrowest.
func (b *Book) Judge(c Case) Verdict {
	best, found := Verdict{}, (*Permit)(nil)
	nearest, least := Verdict{Rung: waxseal.RungNone, Why: NoPermit}, otherObject
	for _, id := range b.order {
		p := b.permits[id]
		v, how := b.weigh(p, c)
		switch {
		case how != fits && how < least:
			nearest, least = v, how
		case how != fits:
		case found == nil || stronger(v.Rung, best.Rung) || v.Rung == best.Rung && narrower(p, found):
			best, found = v, p
		}
	}
	if found == nil {
		return nearest
	}
	found.Uses[c.Change.Path]++
	return best
}

// rungs, strongest first.
var rungs = []waxseal.Rung{
	waxseal.RungContentAnnounced, waxseal.RungPackageVerified, waxseal.RungPermit, waxseal.RungWindow, waxseal.RungPromoted, waxseal.RungNone,
}

func stronger(a, b waxseal.Rung) bool { return slices.Index(rungs, a) < slices.Index(rungs, b) }

// narrower reports whether a permit is for less than another: for fewer objects, in a
// shorter window, for fewer hands.
func narrower(p, o *Permit) bool {
	width := func(s Scope) int { // a directory is wider than any number of files
		n := len(s.Paths) + len(s.Hooks) + len(s.Parameters)
		for _, path := range s.Paths {
			if strings.HasSuffix(string(path), "/") {
				n += 1000
			}
		}
		if n == 0 {
			return 1 << 20
		}
		return n
	}
	return cmp.Or(
		cmp.Compare(width(p.Scope), width(o.Scope)),
		cmp.Compare(p.NotAfter.Sub(p.NotBefore), o.NotAfter.Sub(o.NotBefore)),
		cmp.Compare(len(p.Scope.Actors), len(o.Scope.Actors)),
	) < 0
}

// weigh holds one change against one permit.
func (b *Book) weigh(p *Permit, c Case) (Verdict, miss) {
	v := Verdict{Rung: waxseal.RungNone, Permit: p.ID}
	off := func(how miss, alert bool, format string, args ...any) (Verdict, miss) {
		v.Alert = alert
		v.Why = fmt.Sprintf("permit %s (%s): ", p.ID, p.Ticket) + fmt.Sprintf(format, args...)
		return v, how
	}
	object, named := p.object(c)
	switch {
	case len(p.Announcers) > 0:
		return off(otherHost, false, "it is for announcements, and for no change by itself")
	case len(p.Scope.Hosts) > 0 && !slices.Contains(p.Scope.Hosts, c.Host):
		return off(otherHost, false, "it is for another host")
	case named && !object:
		return off(otherObject, false, "it is for something else")
	case !named && p.far(c):
		return off(otherHost, false, "its window is far from the change")
	case p.Approved == nil:
		return off(notApproved, false, "it was asked for, and nobody has approved it")
	case p.Approved.Index > c.At.Index || p.Approved.Time.After(c.At.Time):
		v.Retroactive = true
		return off(notApproved, true, "it was approved only after the change: retroactive")
	case !c.Between.IsZero() && p.Approved.Time.After(c.Between):
		v.Retroactive = true
		return off(notApproved, true, "nobody saw the change, and it may have been there before it was approved")
	case p.Ended != nil && p.Ended.Index < c.At.Index:
		return off(late, true, "it had been %s", p.State(c.At.Time))
	case b.fallen(p, c.At):
		return off(late, true, "permit %s, under which it was announced, had ended", p.Under)
	case c.ClockDoubt:
		return off(late, true, "the clock was set during its window, so when the change was made is not certain")
	case c.At.Time.Before(p.NotBefore) || !c.Between.IsZero() && c.Between.Before(p.NotBefore):
		return off(early, true, "the change came %s before its window", about(p.NotBefore.Sub(earliest(c))))
	case c.At.Time.After(p.NotAfter):
		return off(late, true, "the change came %s after its window", about(c.At.Time.Sub(p.NotAfter)))
	case p.outsideBut(c):
		return off(late, true, "the clock was set %s by %s, and by the clock as it ran before the change lies outside of its window", pick(c.SetBy > 0, "forward", "back"), about(c.SetBy.Abs()))
	case len(p.Scope.Operations) > 0 && !slices.Contains(p.Scope.Operations, c.Change.Kind):
		return off(otherOperation, true, "it does not allow that a file is %s", c.Change.Kind)
	}
	return b.content(p, c, v, named, off)
}

// near is how far from the window of a permit without objects a change is told as early
// or late: further away is all the rest of time, with which such a permit has nothing to do.
const near = 24 * time.Hour

// far reports whether a change lies so far from the window.
func (p *Permit) far(c Case) bool {
	end := p.NotAfter
	if p.Ended != nil && p.Ended.Time.Before(end) {
		end = p.Ended.Time
	}
	return earliest(c).After(end.Add(near)) || c.At.Time.Before(p.NotBefore.Add(-near))
}

// outsideBut reports whether a change would lie outside of the window if nobody had set
// the clock.
func (p *Permit) outsideBut(c Case) bool {
	at := c.At.Time.Add(-c.SetBy)
	return c.SetBy != 0 && (at.Before(p.NotBefore.Add(-clockSlack)) || at.After(p.NotAfter.Add(clockSlack)))
}

// fallen reports whether a permit was announced under one that was taken back before.
func (b *Book) fallen(p *Permit, at Moment) bool {
	u, ok := b.permits[p.Under]
	return ok && u.Ended != nil && u.Ended.Index < at.Index
}

func earliest(c Case) time.Time {
	if !c.Between.IsZero() && c.Between.Before(c.At.Time) {
		return c.Between
	}
	return c.At.Time
}

func pick(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// content holds hand, content and count against a permit whose window and objects fit.
func (b *Book) content(p *Permit, c Case, v Verdict, named bool, off func(miss, bool, string, ...any) (Verdict, miss)) (Verdict, miss) {
	want, announced := p.Expect[c.Change.Path]
	hand := p.hand(c.Actor)
	switch {
	case hand == wrongHand:
		return off(otherHand, true, "it is for other persons than %s", Name(c.Actor))
	case p.Alone && !p.BreakGlass && b.needsEyes(c.Change):
		return off(otherHand, true, "%s asked for it and approved it alone: the effect needs other eyes", p.Requester.Name)
	case b.oneHand(p, c):
		return off(otherHand, true, "%s made the change, and also %s: the effect needs other eyes", Name(c.Actor), b.part(p, c.Actor))
	case announced && !c.Known:
		return off(otherContent, true, "it announces a content, and what the content is now is not known")
	case announced && want != c.Content:
		return off(otherContent, true, "the content is not the one that was announced")
	case announced && beside(c.Change) != "":
		return off(otherContent, true, "the content is the one that was announced, and %s", beside(c.Change))
	case !announced && len(p.Expect) > 0:
		return off(otherContent, true, "it announces the content of other files, and of this one nothing")
	case named && p.Uses[c.Change.Path] >= p.most():
		return off(again, true, "%s has changed already as often as it allows (%d)", c.Change.Path, p.most())
	}
	v.BreakGlass = p.BreakGlass
	if p.InAdvance && b.needsEyes(c.Change) {
		v.Rung, v.Why = waxseal.RungWindow, fmt.Sprintf("permit %s (%s), approved in advance by %s: the content is the one that was announced, which nobody has read, and its effect needs other eyes",
			p.ID, p.Ticket, p.Approver.Name)
		return v, fits
	}
	v.Rung, v.Why = p.rung(announced, named, hand), fmt.Sprintf("permit %s (%s), %s", p.ID, p.Ticket, p.says(announced, named, hand))
	if p.overdue(c.At.Time, b.rules) {
		v.Rung, v.Alert, v.Why = waxseal.RungNone, true, v.Why+"; one person alone approved it, and nobody has countersigned in time"
	}
	return v, fits
}

// object reports whether the change is of what the permit names, and whether it names
// anything.
func (p *Permit) object(c Case) (fits, named bool) {
	if _, ok := p.Expect[c.Change.Path]; ok {
		return true, true
	}
	s := p.Scope
	if s.holds(c.Change.Path) {
		return true, true
	}
	return s.hooksOnly(c.Change), s.names() || len(p.Expect) > 0
}

// holds reports whether a file is among the paths of the scope.
func (s Scope) holds(f waxseal.Path) bool {
	return slices.ContainsFunc(s.Paths, func(p waxseal.Path) bool {
		return p == f || strings.HasSuffix(string(p), "/") && strings.HasPrefix(string(f), string(p))
	})
}

// hooksOnly reports whether all that the change means lies within the hooks and
// parameters of the scope: one more hook, and it is another change.
func (s Scope) hooksOnly(ch waxseal.Change) bool {
	if len(s.Hooks)+len(s.Parameters) == 0 || ch.Hooks.Empty() && len(ch.Settings) == 0 {
		return false
	}
	for _, h := range slices.Concat(ch.Hooks.Added, ch.Hooks.Removed, afters(ch)) {
		if !slices.Contains(s.Hooks, h.ID) && !slices.Contains(s.Parameters, placed(ch, h.Directive)) {
			return false
		}
	}
	for _, set := range ch.Settings {
		if !slices.Contains(s.Parameters, placed(ch, set.Name)) {
			return false
		}
	}
	return true
}

// placed is a parameter with the container in which it is set: one of the host's is another.
func placed(ch waxseal.Change, parameter string) string {
	if ch.Container == "" {
		return parameter
	}
	return ch.Container + ":" + parameter
}

func afters(ch waxseal.Change) (list []waxseal.Hook) {
	for _, h := range ch.Hooks.Changed {
		list = append(list, h.After)
	}
	return list
}

// handed says whether the hand is one that the permit names.
type handed int

const (
	anyHand    handed = iota // it names none
	rightHand                // proven to be one of them
	likelyHand               // inferred to be one of them
	wrongHand
)

func (p *Permit) hand(a waxseal.Actor) handed {
	switch {
	case len(p.Scope.Actors) == 0:
		return anyHand
	case a.Login.Grade == waxseal.Unknown || !slices.Contains(p.Scope.Actors, a.Login.UID):
		return wrongHand
	case a.Login.Grade == waxseal.Proven:
		return rightHand
	}
	return likelyHand
}

// oneHand reports whether who made the change also asked for it or approved it, where
// that is not allowed.
func (b *Book) oneHand(p *Permit, c Case) bool {
	if p.BreakGlass || c.Actor.Login.UID == waxseal.Unset || b.part(p, c.Actor) == "" {
		return false
	}
	return b.needsEyes(c.Change)
}

// needsEyes reports whether a change needs more than one person.
func (b *Book) needsEyes(ch waxseal.Change) bool { return b.rules.FourEyes || ch.Dangerous() }

// part is what the author of a change had to do with its permit. Whoever makes a key
// known may have the secret half of it.
func (b *Book) part(p *Permit, a waxseal.Actor) string {
	switch uid := a.Login.UID; {
	case p.Approver != nil && p.Approver.Login == uid:
		return "approved it"
	case p.Requester.Login == uid:
		return "asked for it"
	case p.Approver != nil && b.keys[p.Approver.Key].madeKnownBy(uid):
		return "made the key known by which " + p.Approver.Name + " approved it"
	}
	return ""
}

// rung grades a permit that fits.
func (p *Permit) rung(announced, named bool, hand handed) waxseal.Rung {
	switch {
	case announced:
		return waxseal.RungContentAnnounced
	case named && hand == rightHand:
		return waxseal.RungPermit
	}
	return waxseal.RungWindow
}

// says tells what of the permit was met.
func (p *Permit) says(announced, named bool, hand handed) string {
	approved := pick(p.InAdvance, "approved in advance by ", "approved by ") + p.Approver.Name
	if p.BreakGlass {
		approved = "approved by " + p.Approver.Name + " alone"
	}
	switch {
	case announced:
		return approved + ": the content is the one that was announced"
	case named && hand == rightHand:
		return approved + ": for this object and this person"
	case named && hand == likelyHand:
		return approved + ": for this object; that it was this person is inferred"
	case named:
		return approved + ": for this object, and for no person by name"
	}
	return approved + ": an open window, and nothing more"
}

// Name says in one or two words who an actor is: by login, else by the account that the
// process had.
func Name(a waxseal.Actor) string {
	known := a.Process.Grade == waxseal.Proven || a.Process.Grade == waxseal.Inferred
	switch {
	case a.Login.Name != "":
		return a.Login.Name
	case a.Login.UID != waxseal.Unset && a.Login.Grade != waxseal.Unknown:
		return fmt.Sprintf("login uid %d", a.Login.UID)
	case known && a.Process.User != "":
		return a.Process.User
	case known:
		return fmt.Sprintf("uid %d", a.Process.EUID)
	}
	return "an unknown hand"
}
