package mailpath

import (
	"waxseal"
	"waxseal/internal/loader"
)

// askedPart is what a part is asked for as.
type askedPart struct {
	path waxseal.Path
	role waxseal.Role
}

// completedPart is a part as it was asked for, and as it was taken into the state.
type completedPart struct {
	asked, done waxseal.Part
	state       waxseal.FileState
	stood       moment
}

// partBefore is a part of whose file nothing was heard since the last reading.
func (c *closer) partBefore(p waxseal.Part) (was *completedPart, ok bool) {
	if !c.again || c.oneHome != "" {
		return nil, false
	}
	was, ok = c.reader.memos.parts[askedPart{p.Path, p.Role}]
	if !ok || was.asked != p {
		return nil, false
	}
	if doubt := c.doubt(was.stood); doubt.Touched(p.Path) || was.done.Missing && doubt.Relisted() {
		return nil, false
	}
	was.stood = c.now()
	return was, true
}

// keepPart remembers a part for the next reading. One of which there was something to
// complain is asked for again, so that it is said again.
func (c *closer) keepPart(asked, done waxseal.Part, complaints int) {
	if m := c.reader.memos; m != nil && c.oneHome == "" && c.complaints == complaints {
		m.parts[askedPart{asked.Path, asked.Role}] = &completedPart{asked, done, c.files[done.Path], c.now()}
	}
}

// searched is what was found of libraries, and what was asked to find it.
type searched struct {
	search    *loader.Search
	record    *record
	found     map[waxseal.Path]found
	loads     map[waxseal.Path]loads
	libraries map[waxseal.Path]*library
	stood     moment
}

func newSearched(tree waxseal.Tree, r *record) *searched {
	return &searched{search: loader.NewSearch(tree), record: r, found: map[waxseal.Path]found{}, loads: map[waxseal.Path]loads{}, libraries: map[waxseal.Path]*library{}}
}

// loads are all libraries that a program loads, whatever asks for them.
type loads struct {
	program *loader.Program
	list    []*library
}

// library is one that programs load, as it was when it was last looked at.
type library struct {
	path   waxseal.Path
	looked int  // the reading in which it was; 0 for none
	odd    bool // nothing vouches for it
}

// look looks at a library, once in each reading.
func (c *closer) look(l *library) {
	now := 1
	if m := c.reader.memos; m != nil {
		now += m.reading
	}
	if l.looked == now {
		return
	}
	part, _ := c.part(waxseal.Part{Path: l.path, Role: waxseal.RoleLibrary})
	l.looked, l.odd = now, !vouched(part)
}

// loadedBefore lists what a program loaded in the reading before. Where one of these is
// another file now, or another is found, the search is a new one, and knows of no program.
func (c *closer) loadedBefore(p waxseal.Path) (list []*library, ok bool) {
	if c.reader.memos == nil || c.oneHome != "" {
		return nil, false
	}
	was, ok := c.searching().loads[p]
	return was.list, ok && was.program == c.reader.programs[p].elf
}

// found are the libraries that a program asks for itself.
type found struct {
	program   *loader.Program
	libraries []waxseal.Path
}

// searching finds libraries; that of the last reading goes on where no answer that it had
// is another one now.
func (c *closer) searching() *searched {
	if c.search != nil {
		return c.search
	}
	m := c.reader.memos
	if m == nil || c.oneHome != "" {
		c.search = newSearched(c.tree, nil)
		return c.search
	}
	if s := m.search; c.again && s != nil && s.record.n <= maxAsked && s.record.same(c, c.tree, c.doubt(s.stood)) {
		c.search = s
	} else {
		a := &record{keeps: true}
		c.search = newSearched(a.over(c.tree), a)
	}
	c.search.stood, m.search = c.now(), c.search
	return c.search
}

// completedModule is a module as it was taken into the state the last time.
type completedModule struct {
	part  waxseal.Part
	state waxseal.FileState
	stood moment
}

// moduleBefore is a module of whose file nothing was heard since the last reading.
func (c *closer) moduleBefore(p waxseal.Path) (was *completedModule, ok bool) {
	if !c.again || c.oneHome != "" {
		return nil, false
	}
	if was, ok = c.reader.memos.modules[p]; !ok || c.doubt(was.stood).Touched(p) {
		return nil, false
	}
	was.stood = c.now()
	return was, true
}

// owned are the packages that brought what is in a directory, by name.
type owned struct{ names, owners []string }

// ownersIn names the packages that brought what is in a directory, "" where none did.
func (c *closer) ownersIn(dir waxseal.Path, names []string) []string {
	m := c.reader.memos
	if m != nil {
		if was, ok := m.owned[dir]; ok && onePiece(was.names, names) {
			return was.owners
		}
	}
	owners := make([]string, len(names))
	for i, n := range names {
		owners[i] = c.reader.packages.Owner(dir + "/" + waxseal.Path(n))
	}
	if m != nil {
		m.owned[dir] = owned{names, owners}
	}
	return owners
}
