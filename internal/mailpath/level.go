package mailpath

import "waxseal"

// Level makes the digests that a comparison of two states needs, and that reading their
// trees together left out: a file has none where the other tree has the same content at
// the same place. So who finds it alike in all else needs none.
func Level(was, now *waxseal.State, before, after waxseal.Tree) {
	old := make(map[waxseal.Path]*waxseal.FileState, len(was.Files))
	for i := range was.Files {
		old[was.Files[i].Path] = &was.Files[i]
	}
	for i := range now.Files {
		f := &now.Files[i]
		g := old[f.Path]
		delete(old, f.Path)
		if g == nil || !alike(f, g) {
			undigested(f, after)
			if g != nil {
				undigested(g, before)
			}
		}
	}
	for _, g := range old { // that are in one tree only
		undigested(g, before)
	}
	levelHooks(was, before)
	levelHooks(now, after)
}

// LevelPackages makes the fingerprints of packages that reading two trees together left
// out: of those of which the two databases do not say the same, or that one lacks.
func LevelPackages(was, now *waxseal.State, before, after *Reader) {
	one, isOne := before.packages.(debian)
	other, isOther := after.packages.(debian)
	same := func(name string) bool { return isOne && isOther && one.Same(other.DB, name) }
	old := map[string]*waxseal.Package{}
	for i := range was.Packages {
		old[was.Packages[i].Name] = &was.Packages[i]
	}
	for i := range now.Packages {
		p := &now.Packages[i]
		q := old[p.Name]
		if q == nil || !same(p.Name) || *p != *q {
			*p = after.packages.Package(p.Name)
			continue
		}
		delete(old, p.Name)
	}
	for _, q := range old {
		*q = before.packages.Package(q.Name)
	}
}

// alike reports whether two files are the same in all that is compared.
func alike(f, g *waxseal.FileState) bool {
	plain := len(f.Flags)+len(g.Flags)+len(f.XAttrs)+len(g.XAttrs) == 0
	return plain && f.Digest == g.Digest && f.Keyed == g.Keyed && f.Missing == g.Missing && f.Type == g.Type && f.Mode == g.Mode && f.UID == g.UID && f.GID == g.GID &&
		f.Size == g.Size && f.Links == g.Links && f.Link == g.Link && f.Resolved == g.Resolved && f.Package == g.Package && f.PackageState == g.PackageState
}

// undigested digests a file that reading left without.
func undigested(f *waxseal.FileState, tree waxseal.Tree) {
	left := f.Role == waxseal.RoleLibrary || f.Role == waxseal.RoleModule
	if left && f.Digest == "" && !f.Missing && f.Type == waxseal.Regular {
		f.Digest, _ = tree.Digest(f.Path) // what can't be read has been told
	}
}

// DigestPackages makes the digests of what some packages brought that Level left out.
func DigestPackages(s *waxseal.State, tree waxseal.Tree, names map[string]bool) {
	for i := range s.Files {
		if names[s.Files[i].Package] {
			undigested(&s.Files[i], tree)
		}
	}
}

// levelHooks gives the parts of closures the digests that their files have by now; what
// a hook names is shown with it.
func levelHooks(s *waxseal.State, tree waxseal.Tree) {
	files := map[waxseal.Path]*waxseal.FileState{}
	for i := range s.Files {
		files[s.Files[i].Path] = &s.Files[i]
	}
	for _, h := range s.Hooks {
		for i := range h.Closure {
			if p := &h.Closure[i]; p.Digest == "" && !p.Missing {
				if f := files[p.Path]; f != nil {
					undigested(f, tree)
					p.Digest = f.Digest
				}
			}
		}
	}
}
