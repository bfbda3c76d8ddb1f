package attack

import (
	"cmp"
	"errors"
	"slices"

	"waxseal/internal/attack/stix"
)

// Overlay lays what was imported over what the program brings: of a release that was
// imported whole nothing embedded is left to see, and of any other release an
// imported object takes the place of the embedded one.
type Overlay struct {
	Over, Under Shelf
}

// hides reports whether the upper shelf has a release whole.
func (v Overlay) hides(release string) (bool, error) {
	list, err := v.Over.Releases()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(list, func(r Release) bool { return r.Number == release && slices.Contains(r.Whole, embeddedDomain) }), nil
}

// Releases implements Shelf.
func (v Overlay) Releases() ([]Release, error) {
	list, err := v.Over.Releases()
	if err != nil {
		return nil, err
	}
	under, err := v.Under.Releases()
	if err != nil {
		return nil, err
	}
	for _, u := range under {
		i := slices.IndexFunc(list, func(r Release) bool { return r.Number == u.Number })
		switch {
		case i < 0:
			list = append(list, u)
		case !slices.Contains(list[i].Whole, embeddedDomain):
			briefs, err := v.Briefs(u.Number)
			if err != nil {
				return nil, err
			}
			list[i].Parts = append(slices.Clone(u.Parts), list[i].Parts...)
			list[i].Objects = len(briefs)
		}
	}
	return ordered(list), nil
}

// IDs implements Shelf.
func (v Overlay) IDs(attackID string) ([]stix.ID, error) {
	over, err := v.Over.IDs(attackID)
	if err != nil {
		return nil, err
	}
	under, err := v.Under.IDs(attackID)
	if err != nil {
		return nil, err
	}
	all := append(over, under...)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Versions implements Shelf.
func (v Overlay) Versions(id stix.ID) ([]Object, error) {
	over, err := v.Over.Versions(id)
	if err != nil {
		return nil, err
	}
	under, err := v.Under.Versions(id)
	if err != nil {
		return nil, err
	}
	var list []Object
	for _, u := range under {
		hidden, err := v.hides(u.Release)
		if err != nil {
			return nil, err
		}
		same := func(o Object) bool { return o.Release == u.Release && o.Canonical == u.Canonical }
		if !hidden && !slices.ContainsFunc(over, same) {
			list = append(list, u)
		}
	}
	list = append(list, over...)
	slices.SortStableFunc(list, func(a, b Object) int { return CompareReleases(a.Release, b.Release) })
	return list, nil
}

// Object implements Shelf.
func (v Overlay) Object(release string, id stix.ID) (Object, error) {
	o, err := v.Over.Object(release, id)
	if !errors.Is(err, ErrNone) {
		return o, err
	}
	if hidden, err := v.hides(release); err != nil || hidden {
		return o, errors.Join(err, ErrNone)
	}
	return v.Under.Object(release, id)
}

// Referring implements Shelf.
func (v Overlay) Referring(release string, l Link) ([]Object, error) {
	list, err := v.Over.Referring(release, l)
	if err != nil {
		return nil, err
	}
	hidden, err := v.hides(release)
	if err != nil || hidden {
		return list, err
	}
	under, err := v.Under.Referring(release, l)
	if err != nil {
		return nil, err
	}
	for _, u := range under {
		_, err := v.Over.Object(release, u.ID) // which may no longer name the target
		if errors.Is(err, ErrNone) {
			list = append(list, u)
		} else if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b Object) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// Briefs implements Shelf.
func (v Overlay) Briefs(release string) ([]Brief, error) {
	list, err := v.Over.Briefs(release)
	if err != nil {
		return nil, err
	}
	hidden, err := v.hides(release)
	if err != nil || hidden {
		return list, err
	}
	under, err := v.Under.Briefs(release)
	if err != nil {
		return nil, err
	}
	have := map[stix.ID]bool{}
	for _, b := range list {
		have[b.ID] = true
	}
	for _, u := range under {
		if !have[u.ID] {
			list = append(list, u)
		}
	}
	slices.SortFunc(list, func(a, b Brief) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}
