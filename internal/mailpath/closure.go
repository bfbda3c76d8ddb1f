package mailpath

import (
	"path"
	"slices"
	"strings"

	"waxseal"
)

// maxLibraries bounds what one program loads.
const maxLibraries = 512

// libraries lists those libraries that a program, or a library itself, loads and
// that nothing vouches for: not as their package brought them, of no package, or
// outside the directories of the system where no database tells. The others are
// in the mail set all the same, and left out of closures: a hundred hooks would
// name the same libc.
func (c *closer) libraries(p waxseal.Path) []waxseal.Part {
	if known, ok := c.loads[p]; ok {
		return known
	}
	c.loads[p] = nil // a circle of libraries ends here
	loaded, ok := c.loadedBefore(p)
	if !ok {
		loaded = c.loadedBy(p)
	}
	var odd []waxseal.Part
	for _, l := range loaded {
		if c.look(l); l.odd {
			odd = append(odd, c.parts[l.path])
		}
	}
	c.loads[p] = odd
	return odd
}

// loadedBy lists what a program loads, and what that loads in turn.
func (c *closer) loadedBy(p waxseal.Path) (list []*library) {
	s := c.searching()
	seen := map[waxseal.Path]bool{p: true}
	for queue := []waxseal.Path{p}; len(queue) > 0; queue = queue[1:] {
		for _, path := range c.direct(queue[0]) {
			if seen[path] {
				continue
			}
			if seen[path] = true; len(seen) > maxLibraries {
				c.problems = append(c.problems, waxseal.Problem{Path: p, Message: "more libraries than are followed from one program"})
				return list
			}
			l := s.libraries[path]
			if l == nil {
				l = &library{path: path}
				s.libraries[path] = l
			}
			c.look(l) // what it loads is known then
			list, queue = append(list, l), append(queue, path)
		}
	}
	if program := c.reader.programs[p].elf; program != nil {
		s.loads[p] = loads{program, list}
	}
	return list
}

// direct lists the libraries that a file asks for itself.
func (c *closer) direct(p waxseal.Path) []waxseal.Path {
	known, ok := c.reader.programs[p]
	if !ok || known.elf == nil {
		return nil
	}
	s := c.searching()
	if have, ok := s.found[p]; ok && have.program == known.elf {
		return have.libraries
	}
	at := p
	if f := c.files[p]; f.Resolved != "" {
		at = f.Resolved // $ORIGIN is where the file really lies
	}
	list, _ := s.search.Libraries(at, *known.elf)
	s.found[p] = found{known.elf, list}
	return list
}

var systemLibraries = []string{"/lib/", "/lib64/", "/lib32/", "/usr/lib/", "/usr/lib64/", "/usr/lib32/", "/usr/libexec/"}

// vouched reports whether a library is the system's own.
func vouched(p waxseal.Part) bool {
	switch p.PackageState {
	case waxseal.PackageUnmodified:
		return true
	case waxseal.PackageUnknown:
		return !p.Missing && strings.HasPrefix(p.Owner, "root:") && !writable(p.Mode) &&
			slices.ContainsFunc(systemLibraries, func(d string) bool { return strings.HasPrefix(string(p.Path), d) })
	}
	return false
}

func writable(mode string) bool {
	return len(mode) == 4 && strings.ContainsRune("2367", rune(mode[3]))
}

// chained are the roles whose place matters: who may write a directory above
// them may put something else there. A mailbox or socket lies where a daemon
// may write, and that is no news.
func chained(r waxseal.Role) bool {
	switch r {
	case waxseal.RoleConfig, waxseal.RoleMap, waxseal.RoleCompiledMap, waxseal.RoleAliases, waxseal.RoleInclude, waxseal.RoleList:
		return true
	}
	return isProgram(r) || r == waxseal.RoleModule
}

// chains lists the directories above the parts of a closure that others than
// root can write: owned by somebody else, or open to a group or to anyone. The
// sticky bit makes no directory safe: nobody can remove a file there, and
// anybody can put one there that is not there yet.
func (c *closer) chains(parts []waxseal.Part) []waxseal.Part {
	var unsafe []waxseal.Part
	seen := map[waxseal.Path]bool{}
	for _, p := range parts {
		if !chained(p.Role) {
			continue
		}
		paths := []waxseal.Path{p.Path}
		if f := c.files[p.Path]; f.Resolved != "" {
			paths = append(paths, f.Resolved)
		}
		for _, at := range paths {
			for _, dir := range c.above(at) {
				if !seen[dir] {
					seen[dir] = true
					part, _ := c.part(waxseal.Part{Path: dir, Role: waxseal.RoleDirectory})
					unsafe = append(unsafe, part)
				}
			}
		}
	}
	return unsafe
}

// above lists the unsafe directories above a path, from the root down.
func (c *closer) above(p waxseal.Path) []waxseal.Path {
	dir := waxseal.Path(path.Dir(string(p)))
	if known, ok := c.unsafe[dir]; ok {
		return known
	}
	var list []waxseal.Path
	if dir != "/" && dir != "." && dir != p {
		list = slices.Clone(c.above(dir))
	}
	if f, err := c.tree.Stat(dir); err == nil && f.Type == waxseal.Directory {
		if f.UID != 0 || f.Mode&0o002 != 0 || f.Mode&0o020 != 0 && f.GID != 0 {
			list = append(list, dir)
		}
	}
	c.unsafe[dir] = list
	return list
}
