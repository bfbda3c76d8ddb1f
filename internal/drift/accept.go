package drift

import (
	"slices"

	"waxseal"
)

// Accept is a state with some of the changes to a later one taken over, each named by
// its path as [Compare] lists it. What belongs to other changes stays as it was: their
// files, hooks and settings, and which domains are the host's own.
//
// Changes may hang together, so that taking over one without another makes a third:
// the caller compares the result with the later state.
func Accept(before, after waxseal.State, accepted map[waxseal.Path]bool) waxseal.State {
	c := compared(before, after)
	all := true
	for p := range c.changes {
		all = all && accepted[p]
	}
	if all {
		return after
	}
	a := acceptance{comparison: c, yes: accepted, folded: foldedInto(before, after)}
	now := after
	now.Stacks = before.Stacks
	now.Files = a.acceptFiles(before.Files, after.Files)
	now.Hooks = a.acceptHooks(before.Hooks, after.Hooks)
	now.Settings = a.acceptSettings(before.Settings, after.Settings)
	now.Packages = a.acceptPackages(before.Packages, after.Packages)
	return now
}

// acceptance says which of what is different is taken over.
type acceptance struct {
	*comparison
	yes    map[waxseal.Path]bool
	folded map[string]waxseal.Path // by package, the change that tells of its files
}

// foldedInto says which change tells of the files of packages that have another version.
func foldedInto(before, after waxseal.State) map[string]waxseal.Path {
	places := map[string]waxseal.Path{}
	for _, p := range slices.Concat(before.Packages, after.Packages) {
		places[p.Name] = versionsIn(p)
	}
	return places
}

// file reports whether what is different about a file is taken over.
func (a acceptance) file(p waxseal.Path, names ...string) bool {
	if _, told := a.changes[p]; told {
		return a.yes[p]
	}
	for _, name := range names {
		if at, ok := a.folded[name]; ok && name != "" {
			return a.yes[at]
		}
	}
	return true // nobody tells of it: it is no change
}

func (a acceptance) acceptFiles(before, after []waxseal.FileState) (list []waxseal.FileState) {
	old := byPath(before)
	for _, f := range after {
		was, ok := old[f.Path]
		delete(old, f.Path)
		switch {
		case !ok && a.file(f.Path, f.Package), ok && a.file(f.Path, f.Package, was.Package):
			list = append(list, f)
		case ok:
			list = append(list, *was)
		}
	}
	for _, was := range before {
		if _, gone := old[was.Path]; gone && !a.file(was.Path, was.Package) {
			list = append(list, was)
		}
	}
	slices.SortFunc(list, func(x, y waxseal.FileState) int { return compareText(x.Path, y.Path) })
	return list
}

func compareText(x, y waxseal.Path) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func (a acceptance) acceptHooks(before, after []waxseal.Hook) (list []waxseal.Hook) {
	old := map[waxseal.HookID]waxseal.Hook{}
	for _, h := range before {
		old[h.ID] = h
	}
	for _, h := range after {
		was, ok := old[h.ID]
		delete(old, h.ID)
		switch {
		case ok && SameMeaning(was, h):
			list = append(list, a.withParts(was, h))
		case a.yes[a.home(h).Path]:
			list = append(list, h)
		case ok:
			list = append(list, was)
		}
	}
	for _, h := range before {
		if _, gone := old[h.ID]; gone && !a.yes[a.home(h).Path] {
			list = append(list, h)
		}
	}
	return list
}

// withParts is a hook whose meaning stayed, with those parts of its closure as they were
// whose change is not taken over.
func (a acceptance) withParts(was, now waxseal.Hook) waxseal.Hook {
	now.Closure = slices.Clone(now.Closure)
	for i, p := range now.Closure {
		if a.file(p.Path, p.Package) {
			continue
		}
		if j := slices.IndexFunc(was.Closure, func(o waxseal.Part) bool { return o.Path == p.Path }); j >= 0 {
			now.Closure[i] = was.Closure[j]
		}
	}
	return now
}

func (a acceptance) acceptSettings(before, after []waxseal.Setting) (list []waxseal.Setting) {
	type key struct {
		mta            waxseal.StackName
		instance, name string
	}
	of := func(s waxseal.Setting) key { return key{s.MTA, s.Instance, s.Name} }
	mine := func(s waxseal.Setting) bool { return a.yes[a.home(waxseal.Hook{MTA: s.MTA, Source: s.Source}).Path] }
	old := map[key]waxseal.Setting{}
	for _, s := range before {
		old[of(s)] = s
	}
	for _, s := range after {
		was, ok := old[of(s)]
		delete(old, of(s))
		switch {
		case ok && was.Value == s.Value, mine(s):
			list = append(list, s)
		case ok:
			list = append(list, was)
		}
	}
	for _, s := range before {
		if _, gone := old[of(s)]; gone && !mine(s) {
			list = append(list, s)
		}
	}
	return list
}

func (a acceptance) acceptPackages(before, after []waxseal.Package) (list []waxseal.Package) {
	old := byName(before)
	for _, p := range after {
		was, ok := old[p.Name]
		at := pick(was.Version == p.Version, databaseOf(p), versionsIn(p))
		if _, told := a.changes[at]; ok && was != p && told && !a.yes[at] {
			p = was
		}
		list = append(list, p)
	}
	return list
}
