package mailpath

import "waxseal"

// remembering is a tree that says of which paths it may tell otherwise than in the reading
// before.
type remembering interface {
	Touched(p waxseal.Path) bool
	Relisted() bool // a name that was not in a directory may be
}

// moment is the last reading that something stood in, and the memory that was read then.
type moment struct {
	tree    waxseal.Tree
	reading int
}

func (c *closer) now() moment { return moment{c.tree, c.reader.memos.reading} }

// doubt is what may have another answer than at that time: what was touched since, where
// that was the last reading, of the same memory; and all otherwise.
func (c *closer) doubt(stood moment) remembering {
	if now, ok := c.tree.(remembering); ok && stood == (moment{c.tree, c.reader.memos.reading - 1}) {
		return now
	}
	return doubtful{}
}

// doubtful says that any path may be another.
type doubtful struct{}

func (doubtful) Touched(waxseal.Path) bool { return true }
func (doubtful) Relisted() bool            { return true }
