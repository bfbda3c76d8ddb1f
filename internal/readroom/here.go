package readroom

import (
	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/snapshot"
	"waxseal/internal/treecache"
)

// Here reads one tree in this process, and remembers between two readings what nobody
// heard anything of. A reader behind its walls is one; so is who reads without walls.
type Here struct {
	*mailpath.Reader
	tree waxseal.Tree
	kept *treecache.Kept
}

// NewHere has a reader read one tree.
func NewHere(tree waxseal.Tree, r *mailpath.Reader) *Here {
	r.Remember()
	return &Here{Reader: r, tree: tree, kept: treecache.Keep(tree)}
}

// Forget implements the agent's reader.
func (h *Here) Forget(p waxseal.Path) {
	h.Reader.Forget(p)
	h.kept.Forget(p)
}

// ReadLive implements the agent's reader. What lies over the tree is laid over what is
// remembered of it.
func (h *Here) ReadLive(tree waxseal.Tree, live mailpath.Live) waxseal.State {
	if over, ok := tree.(*snapshot.Tree); ok {
		below := h.tree
		if seen := h.kept.Again(); seen != nil {
			below = seen
		}
		return h.Reader.ReadLive(snapshot.Over(below, over.Objects()), live)
	}
	if tree != h.tree {
		return h.Reader.ReadLive(tree, live)
	}
	return h.Reader.ReadLive(h.kept.Anew(), live)
}

// ReadAgain implements the agent's reader.
func (h *Here) ReadAgain(live mailpath.Live) (waxseal.State, bool) {
	seen := h.kept.Again()
	if seen == nil {
		return waxseal.State{}, false
	}
	return h.Reader.ReadAgain(seen, live), true
}
