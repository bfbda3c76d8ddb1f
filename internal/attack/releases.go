package attack

import (
	"fmt"
	"slices"
	"strings"

	"waxseal/internal/attack/stix"
)

// Filter picks among the differences of two releases; what is empty does not matter.
type Filter struct {
	Platform  string // one that either version lists, in any case
	Technique string // an ATT&CK ID; what it hangs together with is picked too
	Text      string // stands in either version, in any case
	Type      string // a STIX type
}

// ReleaseDiff is what differs between two releases.
type ReleaseDiff struct {
	Before string `json:"before"`
	After  string `json:"after"`
	// Domains are those that both releases have.
	Domains []string `json:"domains"`
	// Same and Bookkeeping count objects that are not listed: those without any
	// difference, and those that differ in bookkeeping only.
	Same        int `json:"same"`
	Bookkeeping int `json:"bookkeeping"`
	// Unmoved counts those whose content changed and whose version number did not.
	Unmoved int          `json:"version_unmoved"`
	Changes []Difference `json:"changes"`
	// Notes say what could not be compared.
	Notes []string `json:"notes"`
}

// CompareAll tells what differs between two releases.
func CompareAll(shelf Shelf, before, after string, f Filter) (ReleaseDiff, error) {
	d := ReleaseDiff{Before: before, After: after, Domains: []string{}, Changes: []Difference{}, Notes: []string{}}
	c := comparison{shelf: shelf, diff: &d, filter: f}
	if err := c.prepare(); err != nil {
		return d, err
	}
	was, now, err := c.both()
	if err != nil {
		return d, err
	}
	for len(was) > 0 || len(now) > 0 {
		switch {
		case len(now) == 0 || len(was) > 0 && was[0].ID < now[0].ID:
			err = c.only(Removed, before, was[0])
			was = was[1:]
		case len(was) == 0 || now[0].ID < was[0].ID:
			err = c.only(Added, after, now[0])
			now = now[1:]
		default:
			err = c.pair(was[0], now[0])
			was, now = was[1:], now[1:]
		}
		if err != nil {
			return d, err
		}
	}
	c.partly()
	return d, nil
}

// comparison is one comparison under way.
type comparison struct {
	shelf  Shelf
	diff   *ReleaseDiff
	filter Filter
	near   map[stix.ID]bool // what the technique of the filter hangs together with
	// whole, of each release, are the domains in which a missing object really is
	// missing.
	wholeBefore, wholeAfter []string
	untold                  map[string]int
}

func (c *comparison) prepare() error {
	releases, err := c.shelf.Releases()
	if err != nil {
		return err
	}
	was, okWas := release(releases, c.diff.Before)
	now, okNow := release(releases, c.diff.After)
	switch {
	case !okWas:
		return fmt.Errorf("release %s: %w", c.diff.Before, ErrNone)
	case !okNow:
		return fmt.Errorf("release %s: %w", c.diff.After, ErrNone)
	}
	for _, d := range was.Domains() {
		if slices.Contains(now.Domains(), d) {
			c.diff.Domains = append(c.diff.Domains, d)
		}
	}
	for _, r := range []Release{was, now} {
		for _, d := range r.Domains() {
			if !slices.Contains(c.diff.Domains, d) {
				c.diff.Notes = append(c.diff.Notes, fmt.Sprintf("of %s there is something in release %s only: it is not compared", d, r.Number))
			}
		}
	}
	c.wholeBefore, c.wholeAfter, c.untold = was.Whole, now.Whole, map[string]int{}
	return c.surround()
}

func release(list []Release, number string) (Release, bool) {
	i := slices.IndexFunc(list, func(r Release) bool { return r.Number == number })
	if i < 0 {
		return Release{}, false
	}
	return list[i], true
}

// surround finds what the technique of the filter hangs together with, in both
// releases: strategies, analytics, components, and the relationships between them.
func (c *comparison) surround() error {
	if c.filter.Technique == "" {
		return nil
	}
	ids, err := c.shelf.IDs(c.filter.Technique)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return fmt.Errorf("technique %s: %w", c.filter.Technique, ErrNone)
	}
	c.near = map[stix.ID]bool{}
	for _, number := range []string{c.diff.Before, c.diff.After} {
		w := &walker{shelf: c.shelf, release: number}
		for _, id := range ids {
			self := w.entry(id, "", "")
			c.near[id] = true
			for _, s := range w.surroundings(self) {
				for _, e := range s.Entries {
					c.near[e.STIX] = true
				}
			}
			for _, field := range []string{fieldSource, fieldTarget} {
				for _, r := range w.links(id, field) {
					c.near[r.ID] = true
				}
			}
		}
		if w.err != nil {
			return w.err
		}
	}
	return nil
}

// both lists the objects of both releases that the filter may pick. An object that
// several domains share is compared, whichever of them brought it.
func (c *comparison) both() (was, now []Brief, err error) {
	if was, err = c.shelf.Briefs(c.diff.Before); err != nil {
		return nil, nil, err
	}
	now, err = c.shelf.Briefs(c.diff.After)
	out := func(b Brief) bool {
		return c.near != nil && !c.near[b.ID] || c.filter.Type != "" && b.ID.Type() != c.filter.Type
	}
	return slices.DeleteFunc(was, out), slices.DeleteFunc(now, out), err
}

// only: one of the releases has it. That says something where the other is whole.
func (c *comparison) only(change, in string, b Brief) error {
	other, whole := c.diff.Before, c.wholeBefore
	if change == Removed {
		other, whole = c.diff.After, c.wholeAfter
	}
	if !slices.Contains(whole, b.Domain) {
		if slices.Contains(c.diff.Domains, b.Domain) { // else that is noted of the domain
			c.untold[other]++
		}
		return nil
	}
	o, err := c.shelf.Object(in, b.ID)
	if err != nil {
		return err
	}
	if !c.picks(o) {
		return nil
	}
	d := Difference{ID: b.AttackID, STIX: b.ID, Type: b.ID.Type(), Name: o.Name(), Change: change, Fields: []FieldChange{}}
	if d.After = b.Version; change == Removed {
		d.Before, d.After = b.Version, ""
	}
	c.diff.Changes = append(c.diff.Changes, d)
	return nil
}

func (c *comparison) pair(was, now Brief) error {
	switch {
	case was.Canonical == now.Canonical:
		c.diff.Same++
		return nil
	case was.Substance == now.Substance:
		c.diff.Bookkeeping++
		return nil
	}
	before, err := c.shelf.Object(c.diff.Before, was.ID)
	if err != nil {
		return err
	}
	after, err := c.shelf.Object(c.diff.After, now.ID)
	if err != nil || !c.picks(before, after) {
		return err
	}
	d := Compare(before, after)
	if d.Unmoved {
		c.diff.Unmoved++
	}
	c.diff.Changes = append(c.diff.Changes, d)
	return nil
}

// picks reports whether the filter picks any of the versions.
func (c *comparison) picks(versions ...Object) bool {
	matches := func(o Object) bool {
		platform := func(p string) bool { return strings.EqualFold(p, c.filter.Platform) }
		return (c.filter.Platform == "" || slices.ContainsFunc(o.Platforms(), platform)) &&
			(c.filter.Text == "" || strings.Contains(strings.ToLower(o.Value.String()), strings.ToLower(c.filter.Text)))
	}
	return slices.ContainsFunc(versions, matches)
}

// partly says what could not be told, since a release is here in part only.
func (c *comparison) partly() {
	for _, number := range []string{c.diff.Before, c.diff.After} {
		if n := c.untold[number]; n > 0 {
			c.diff.Notes = append(c.diff.Notes, fmt.Sprintf("%d objects are not in what is here of release %s, which is not all of it: whether they are in the release is not known", n, number))
		}
	}
}
