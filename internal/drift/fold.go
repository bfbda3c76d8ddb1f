package drift

import (
	"cmp"
	"maps"
	"slices"

	"waxseal"
)

// fold tells of packages that came, went or have another version as one change: an
// update replaces dozens of programs and hundreds of modules, and each by itself says
// only that its package has brought it so. What is not as a package brought it, before
// or after, is told by itself.
func (c *comparison) fold(before, after []waxseal.Package) {
	was, now := byName(before), byName(after)
	files := map[string]int{}
	for p, ch := range c.changes {
		if name := accounted(ch); name != "" && was[name].Version != now[name].Version {
			files[name]++
			delete(c.changes, p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) { // the order is told
		n := files[name]
		known := waxseal.PackageChange{Before: was[name], After: now[name]}
		ch := c.at(versionsIn(either(known)), "")
		for i := range ch.Packages {
			if ch.Packages[i].After.Name == name {
				ch.Packages[i].Files = n
				n = 0
			}
		}
		if n > 0 {
			known.Files = n
			ch.Packages = append(ch.Packages, known)
		}
	}
}

func either(p waxseal.PackageChange) waxseal.Package {
	if p.After.Name != "" {
		return p.After
	}
	return p.Before
}

func byName(list []waxseal.Package) map[string]waxseal.Package {
	m := make(map[string]waxseal.Package, len(list))
	for _, p := range list {
		m[p.Name] = p
	}
	return m
}

// accounted names the package that accounts for a changed program, module or
// configuration of a filter, "" where none does: all that is other is what the package
// brought.
func accounted(ch *waxseal.Change) string {
	if ch.Before == nil || ch.After == nil || !sameHooks(ch.Hooks) || len(ch.Settings) > 0 || ch.Kind == waxseal.Metadata {
		return ""
	}
	was, now := ch.Before, ch.After
	if !brought(cmp.Or(now.Role, was.Role)) || was.Role != now.Role && !was.Missing && !now.Missing {
		return ""
	}
	for _, f := range []*waxseal.FileState{was, now} {
		if !f.Missing && (f.PackageState != waxseal.PackageUnmodified || f.Mode&0o022 != 0 && f.UID != 0) {
			return ""
		}
	}
	if !now.Missing && (len(now.XAttrs) > 0 && !maps.Equal(was.XAttrs, now.XAttrs) || len(now.Flags) > 0 && !slices.Equal(was.Flags, now.Flags)) {
		return "" // a script gave it these
	}
	if !was.Missing && !now.Missing && (was.Package != now.Package || was.Mode != now.Mode || was.UID != now.UID) {
		return ""
	}
	return cmp.Or(now.Package, was.Package)
}

// brought reports whether files in this role are what packages bring, and nobody else
// writes.
func brought(r waxseal.Role) bool {
	switch r {
	case waxseal.RoleModule, waxseal.RoleFilterConfig, waxseal.RoleBinary, waxseal.RoleScript, waxseal.RoleInterpreter, waxseal.RoleLibrary:
		return true
	}
	return false
}

// sameHooks reports whether no hook means something else: hooks are among the changes of
// a program only because they depend on it.
func sameHooks(h waxseal.HookChanges) bool {
	return len(h.Added)+len(h.Removed) == 0 && !slices.ContainsFunc(h.Changed, func(hc waxseal.HookChange) bool { return !SameMeaning(hc.Before, hc.After) })
}
