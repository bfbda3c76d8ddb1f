package attack

import (
	"cmp"
	"slices"

	"waxseal/internal/attack/stix"
)

// Memory is a shelf in memory, for the few objects that are embedded, and for tests.
type Memory struct {
	objects []Object // in the order in which they came
}

// Add puts a version of an object on the shelf. One whose content the release has
// already changes nothing.
func (m *Memory) Add(o Object) {
	for _, have := range m.objects {
		if have.ID == o.ID && have.Release == o.Release && have.Canonical == o.Canonical {
			return
		}
	}
	m.objects = append(m.objects, o)
}

// Releases implements Shelf.
func (m *Memory) Releases() ([]Release, error) {
	var list []Release
	for _, o := range m.objects {
		i := slices.IndexFunc(list, func(r Release) bool { return r.Number == o.Release })
		if i < 0 {
			list = append(list, Release{Number: o.Release, Whole: []string{}})
			i = len(list) - 1
		}
		r := &list[i]
		r.Objects++
		if !slices.Contains(r.Parts, o.Source) {
			r.Parts = append(r.Parts, o.Source)
		}
		if o.Type() == typeMatrix && o.Source.Objects > 1 && !o.Source.Embedded {
			r.Whole = append(r.Whole, o.AttackID())
		}
	}
	return ordered(list), nil
}

// ordered sorts releases, and marks the newest.
func ordered(list []Release) []Release {
	slices.SortFunc(list, func(a, b Release) int { return CompareReleases(a.Number, b.Number) })
	for i := range list {
		list[i].Current = i == len(list)-1
	}
	return list
}

// IDs implements Shelf.
func (m *Memory) IDs(attackID string) ([]stix.ID, error) {
	var ids []stix.ID
	for _, o := range m.objects {
		if o.AttackID() == attackID && !slices.Contains(ids, o.ID) {
			ids = append(ids, o.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Versions implements Shelf.
func (m *Memory) Versions(id stix.ID) ([]Object, error) {
	var list []Object
	for _, o := range m.objects {
		if o.ID == id {
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(a, b Object) int { return CompareReleases(a.Release, b.Release) })
	return list, nil
}

// Object implements Shelf.
func (m *Memory) Object(release string, id stix.ID) (Object, error) {
	for _, o := range slices.Backward(m.objects) {
		if o.ID == id && o.Release == release {
			return o, nil
		}
	}
	return Object{}, ErrNone
}

// Referring implements Shelf.
func (m *Memory) Referring(release string, l Link) ([]Object, error) {
	var list []Object
	for _, o := range m.inForce(release) {
		if slices.Contains(Links(o.Object), l) {
			list = append(list, o)
		}
	}
	return list, nil
}

// Briefs implements Shelf.
func (m *Memory) Briefs(release string) ([]Brief, error) {
	var list []Brief
	for _, o := range m.inForce(release) {
		list = append(list, o.Brief())
	}
	return list, nil
}

// inForce are the objects of a release, by id, each in its last version.
func (m *Memory) inForce(release string) []Object {
	last := map[stix.ID]Object{}
	for _, o := range m.objects {
		if o.Release == release {
			last[o.ID] = o
		}
	}
	var list []Object
	for _, o := range last {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Object) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
