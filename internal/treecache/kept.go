package treecache

import "waxseal"

// Kept is a memory that stays from one reading to the next, for who hears of what
// happens to the tree. It is for one goroutine.
type Kept struct {
	below     waxseal.Tree
	tree      *Tree // nil where everything is to be asked
	forgotten int   // since the last reading
}

// maxForgotten bounds the files that are forgotten singly.
const maxForgotten = 64

// Keep lays a memory over a tree.
func Keep(below waxseal.Tree) *Kept { return &Kept{below: below} }

// Anew is the tree with an empty memory.
func (k *Kept) Anew() *Tree {
	k.tree, k.forgotten = New(k.below), 0
	return k.tree
}

// Again is the tree as the last reading saw it, but for what was forgotten since; nil
// where any of it may be different.
func (k *Kept) Again() *Tree {
	k.forgotten = 0
	if k.tree != nil {
		k.tree.turn()
	}
	return k.tree
}

// Forget says that something happened to a file, or may have.
func (k *Kept) Forget(p waxseal.Path) {
	if k.tree == nil {
		return
	}
	if k.forgotten++; k.forgotten > maxForgotten || !k.tree.Forget(p) {
		k.tree = nil
	}
}
