package permit

import (
	"fmt"
	"maps"
	"slices"

	"waxseal"
)

// supersede ends what the same source announced before, by the same key.
func (b *Book) supersede(p *Permit, at Moment) {
	if p.Source == nil {
		return
	}
	for _, id := range b.order {
		if o := b.permits[id]; o.Source != nil && o.Source.Name == p.Source.Name && o.Requester.Key == p.Requester.Key && o.Ended == nil {
			o.Ended, o.Superseded = &at, p.ID
		}
	}
}

// approveInAdvance approves an announcement that lies within a permit for whoever makes
// it, if the rules allow that.
func (b *Book) approveInAdvance(p *Permit, at Moment) error {
	u, ok := b.permits[p.Under]
	off := func(format string, args ...any) error {
		return fmt.Errorf("it can't be announced under permit %s: %s", p.Under, fmt.Sprintf(format, args...))
	}
	switch {
	case !b.rules.InAdvance:
		return off("the rules of this host want every announcement approved (permits.in_advance)")
	case !ok:
		return off("there is none")
	case u.State(at.Time) != Approved:
		return off("it is %s", u.State(at.Time))
	case u.Alone:
		return off("one person alone approved it")
	case !slices.Contains(u.Announcers, p.Requester.Key):
		return off("it is not for the key %s", p.Requester.Key)
	case len(p.Expect) == 0 || p.Scope.names():
		return off("it is for announced contents alone")
	case p.NotBefore.Before(u.NotBefore.Add(-clockSlack)) || p.NotAfter.After(u.NotAfter):
		return off("the window lies outside of its own")
	case len(u.Scope.Hosts) > 0 && (len(p.Scope.Hosts) == 0 || slices.ContainsFunc(p.Scope.Hosts, func(h waxseal.HostID) bool { return !slices.Contains(u.Scope.Hosts, h) })):
		return off("it is for other hosts")
	}
	for _, f := range slices.Sorted(maps.Keys(p.Expect)) {
		if !u.Scope.holds(f) {
			return off("%s is outside of its paths", f)
		}
	}
	p.Approver, p.Approved, p.InAdvance = u.Approver, &at, true
	return nil
}
