package parcel

import (
	"fmt"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/pkgdb/translog"
)

// packages judges that the package database says otherwise of packages. All of them
// must be explained, and the weakest evidence counts for all.
func (c Case) packages() Verdict {
	all := Verdict{Rung: waxseal.RungPackageVerified}
	var why []string
	for _, p := range c.Change.Packages {
		if c.onlyMatters(p) {
			continue
		}
		v := c.onePackage(p)
		if v.Rung == waxseal.RungNone {
			return v
		}
		if v.Rung != all.Rung {
			all.Rung = waxseal.RungWindow
		}
		all.Inferred = all.Inferred || v.Inferred
		if all.Package == "" {
			all.Package, all.Old, all.New = v.Package, v.Old, v.New
		}
		why = append(why, v.Why)
	}
	if len(why) == 0 {
		return none("")
	}
	const most = 3
	if len(why) > most {
		why = append(why[:most], fmt.Sprintf("and %d more packages alike", len(why)-most))
	}
	all.Why = strings.Join(why, "; ")
	return all
}

// onlyMatters reports whether a package is as it was, and only began to matter for mail,
// or ceased to: something else is why.
func (c Case) onlyMatters(p waxseal.PackageChange) bool {
	if p.Before.Name != "" && p.After.Name != "" {
		return false
	}
	name := p.Before.Name + p.After.Name
	return !slices.ContainsFunc(c.Transactions, func(t translog.Transaction) bool {
		return t.Package == name && (c.Seen && t.Covers(c.At) || t.Within(c.Since, c.At))
	})
}

func (c Case) onePackage(p waxseal.PackageChange) Verdict {
	name, version := p.After.Name, p.After.Version
	if name == "" {
		name = p.Before.Name
	}
	if other, ok := c.unlike(name, strings.Fields(version)); !ok {
		return Verdict{Rung: waxseal.RungNone, Forged: true, Package: name, New: version,
			Why: fmt.Sprintf("the package database calls %s unmodified, and the signed archive of %s %s has another content: somebody edited the database", other, name, version)}
	}
	t, v, ok := c.transaction(name, brought(p))
	a := c.Archives[Key(name, t.New)]
	have := a.Signed
	switch {
	case !ok:
		return v
	case p.Before.Name != "" && t.Old != "" && !among(p.Before.Version, t.Old) && !among(p.Before.Version, t.New) && !c.chain(name, p.Before.Version):
		return none("%s was %s, and the transaction that is written down begins with %s", name, p.Before.Version, t.Old)
	case p.Before.Version == version && p.Before.State == "" && p.Before.Name != "" && !have:
		return none("its digests changed without its version, and no signed archive of %s %s is at hand", name, version)
	}
	v.Rung, v.Why, v.Inferred = c.rung(have), fmt.Sprintf("%s, %s", c.by(t), proof(a, have)), !c.Seen && !have
	return v
}

// chain reports whether several transactions led from a version to what is there now.
func (c Case) chain(name, from string) bool {
	return slices.ContainsFunc(c.Transactions, func(t translog.Transaction) bool {
		return t.Package == name && t.Old == from && (c.Since.IsZero() || t.Within(c.Since, c.At))
	})
}

// brought are the versions that a change of the package database added, or those that it
// left.
func brought(p waxseal.PackageChange) []string {
	now := strings.Fields(p.After.Version)
	added := slices.DeleteFunc(slices.Clone(now), func(v string) bool { return among(p.Before.Version, v) })
	if len(added) == 0 {
		return now
	}
	return added
}

// among reports whether a version is one of those that are installed.
func among(installed, version string) bool {
	return slices.Contains(strings.Fields(installed), version)
}

// unlike finds a file that the local database calls unmodified and that is not as any
// installed version's signed archive has it. It needs the archives of all of them.
func (c Case) unlike(name string, versions []string) (waxseal.Path, bool) {
	var archives []Archive
	for _, v := range versions {
		if a := c.Archives[Key(name, v)]; a.Signed {
			archives = append(archives, a)
		}
	}
	if len(archives) < max(len(versions), 1) {
		return "", true
	}
	for _, f := range c.Files {
		if f.Package != name || f.PackageState != waxseal.PackageUnmodified || f.Type != waxseal.Regular || f.Keyed || f.Digest == "" {
			continue
		}
		at := f.Path
		if f.Resolved != "" {
			at = f.Resolved
		}
		if !slices.ContainsFunc(archives, func(a Archive) bool { e, ok := a.entry(at); return ok && e.SHA256 == f.Digest }) {
			return f.Path, false
		}
	}
	return "", true
}
