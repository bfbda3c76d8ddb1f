package attack

import (
	"cmp"
	"slices"

	"waxseal/internal/attack/stix"
)

// Memory is a shelf in memory, for the few objects that are embedded, and for tests.
type Memory struct {
	objects  []Object // in the order in which they came
	byID     map[stix.ID][]int
	byLink   map[Link][]int
	byAttack map[string][]stix.ID
	releases []Release
}

// Add puts a version of an object on the shelf. One whose content the release has
// already changes nothing.
func (m *Memory) Add(o Object) {
	for _, i := range m.byID[o.ID] {
		if m.objects[i].Release == o.Release && m.objects[i].Canonical == o.Canonical {
			return
		}
	}
	if m.byID == nil {
		m.byID, m.byLink, m.byAttack = map[stix.ID][]int{}, map[Link][]int{}, map[string][]stix.ID{}
	}
	at := len(m.objects)
	m.objects = append(m.objects, o)
	m.byID[o.ID] = append(m.byID[o.ID], at)
	for _, l := range Links(o.Object) {
		m.byLink[l] = append(m.byLink[l], at)
	}
	if id := o.AttackID(); id != "" && !slices.Contains(m.byAttack[id], o.ID) {
		m.byAttack[id] = append(m.byAttack[id], o.ID)
		slices.Sort(m.byAttack[id])
	}
	m.release(o)
}

// release notes an object with its release.
func (m *Memory) release(o Object) {
	i := slices.IndexFunc(m.releases, func(r Release) bool { return r.Number == o.Release })
	if i < 0 {
		i = len(m.releases)
		m.releases = append(m.releases, Release{Number: o.Release, Whole: []string{}})
	}
	r := &m.releases[i]
	if !slices.ContainsFunc(m.byID[o.ID][:len(m.byID[o.ID])-1], func(have int) bool { return m.objects[have].Release == o.Release }) {
		r.Objects++
	}
	if !slices.Contains(r.Parts, o.Source) {
		r.Parts = append(r.Parts, o.Source)
	}
	if o.Type() == typeMatrix && o.Source.Objects > 1 && !o.Source.Embedded {
		r.Whole = append(r.Whole, o.AttackID())
	}
}

// Releases implements Shelf.
func (m *Memory) Releases() ([]Release, error) { return ordered(slices.Clone(m.releases)), nil }

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
	return slices.Clone(m.byAttack[attackID]), nil
}

// Versions implements Shelf.
func (m *Memory) Versions(id stix.ID) ([]Object, error) {
	var list []Object
	for _, i := range m.byID[id] {
		list = append(list, m.objects[i])
	}
	slices.SortStableFunc(list, func(a, b Object) int { return CompareReleases(a.Release, b.Release) })
	return list, nil
}

// Object implements Shelf.
func (m *Memory) Object(release string, id stix.ID) (Object, error) {
	if i := m.inForce(release, id); i >= 0 {
		return m.objects[i], nil
	}
	return Object{}, ErrNone
}

// inForce is the place of the last version in a release; -1 where there is none.
func (m *Memory) inForce(release string, id stix.ID) int {
	for _, i := range slices.Backward(m.byID[id]) {
		if m.objects[i].Release == release {
			return i
		}
	}
	return -1
}

// Referring implements Shelf.
func (m *Memory) Referring(release string, l Link) ([]Object, error) {
	var list []Object
	for _, i := range m.byLink[l] {
		if o := m.objects[i]; o.Release == release && m.inForce(release, o.ID) == i {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b Object) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// Briefs implements Shelf.
func (m *Memory) Briefs(release string) ([]Brief, error) {
	var list []Brief
	for i, o := range m.objects {
		if o.Release == release && m.inForce(release, o.ID) == i {
			list = append(list, o.Brief())
		}
	}
	slices.SortFunc(list, func(a, b Brief) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}
