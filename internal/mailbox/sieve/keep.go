package sieve

// scope is a block of commands with what is certain in it.
type scope struct {
	outer *scope
	// cancels, keeps and hears are the first action of the block itself that does so,
	// an index in the list, or -1.
	cancels, keeps, hears int
	// ends says what ends the script in the block or before it: the reason for Never.
	ends string
}

func (s *scope) inner() *scope {
	return &scope{outer: s, cancels: -1, keeps: -1, hears: -1, ends: s.ends}
}

// closed notes that nothing behind an if is reached where all its branches end the
// script.
func (s *scope) closed(ends []string) {
	for _, e := range ends {
		if e == "" {
			return
		}
	}
	s.ends = first(s.ends, ends[0])
}

// settle says what becomes of the mail that meets the action.
func (a *Action) settle(index int) {
	if a.Never != "" {
		return
	}
	cancelled := a.Cancels || a.along(index, func(s *scope) int { return s.cancels })
	kept := a.keeps() || a.along(index, func(s *scope) int { return s.keeps })
	switch {
	case a.sends():
		a.Diverts = cancelled && !kept
	case a.Verb == Discard:
		a.Drops = !a.along(index, func(s *scope) int { return s.hears })
	}
}

// along reports whether an action of some sort is taken whenever this one is: one
// before it in the blocks around it, or one behind it, unless the script ends
// between. first is the first of the sort in a block.
func (a *Action) along(index int, first func(*scope) int) bool {
	ended := false
	for s := a.scope; s != nil; s = s.outer {
		if n := first(s); n >= 0 && n != index && (n < index || !ended) {
			return true
		}
		ended = ended || s.outer != nil && s.ends != s.outer.ends
	}
	return false
}
