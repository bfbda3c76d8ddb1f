package treecache

import (
	"slices"

	"waxseal"
)

// touched is what was forgotten between one reading and the next.
type touched struct {
	names    []waxseal.Path // maxForgotten, and the other names of the same files
	listings bool           // a name came or went
	// forgotten says of what was forgotten whether it was there in the reading before. Of
	// one edit two events may tell, which is one file that was there, and no new one.
	forgotten map[waxseal.Path]bool
}

func (t *touched) forget(p waxseal.Path, there bool) {
	if t.forgotten == nil {
		t.forgotten = map[waxseal.Path]bool{}
	}
	t.forgotten[p] = there
}

// Touched reports whether a path may be told of otherwise than in the reading before: it,
// or the file that it leads to, was forgotten since. See Relisted for what was not there.
func (t *Tree) Touched(p waxseal.Path) bool { return slices.Contains(t.now.names, p) }

// Relisted reports whether directories may list other names than in the reading before:
// each of them, since links lead to one under many names, and so does what was not there.
func (t *Tree) Relisted() bool { return t.now.listings }

// turn begins another reading.
func (t *Tree) turn() { t.now, t.next = t.next, touched{} }

// touch notes what is forgotten; the lock is held.
func (t *Tree) touch(p waxseal.Path) { t.next.names = append(t.next.names, p) }
