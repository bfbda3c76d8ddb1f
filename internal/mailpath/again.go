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
func (c *closer) partBefore(p waxseal.Part) (was completedPart, ok bool) {
	if !c.again || c.oneHome != "" {
		return was, false
	}
	at := askedPart{p.Path, p.Role}
	was, ok = c.reader.memos.parts[at]
	if !ok || was.asked != p {
		return was, false
	}
	if doubt := c.doubt(was.stood); doubt.Touched(p.Path) || was.done.Missing && doubt.Relisted() {
		return was, false
	}
	was.stood = c.now()
	c.reader.memos.parts[at] = was
	return was, true
}

// keepPart remembers a part for the next reading. One of which there was something to
// complain is asked for again, so that it is said again.
func (c *closer) keepPart(asked, done waxseal.Part, complaints int) {
	if m := c.reader.memos; m != nil && c.oneHome == "" && c.complaints == complaints {
		m.parts[askedPart{asked.Path, asked.Role}] = completedPart{asked, done, c.files[done.Path], c.now()}
	}
}

// searched is what was found of libraries, and what was asked to find it.
type searched struct {
	search *loader.Search
	record *record
	found  map[waxseal.Path]found
	stood  moment
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
		c.search = &searched{search: loader.NewSearch(c.tree), found: map[waxseal.Path]found{}}
		return c.search
	}
	if s := m.search; c.again && s != nil && s.record.n <= maxAsked && s.record.same(c, c.tree, c.doubt(s.stood)) {
		c.search = s
	} else {
		a := &record{keeps: true}
		c.search = &searched{search: loader.NewSearch(a.over(c.tree)), record: a, found: map[waxseal.Path]found{}}
	}
	c.search.stood, m.search = c.now(), c.search
	return c.search
}
