package agent

import (
	"waxseal"
	"waxseal/internal/mailpath"
)

// mountedTree is a tree that knows what is mounted in it.
type mountedTree interface {
	waxseal.Tree
	Mounts() ([]waxseal.Mount, []waxseal.Problem)
}

// ReadMounted reads the state of a directory with what is mounted in it. Who listens
// on its sockets is left out: that may change at any time without anybody's doing.
func ReadMounted(r *mailpath.Reader, tree mountedTree) waxseal.State {
	mounts, problems := tree.Mounts()
	state := r.ReadLive(tree, mailpath.Live{Mounts: mounts})
	state.Problems = append(state.Problems, problems...)
	return state
}

// readOver reads the tree with one content of a moment ago in it.
func (a *Agent) readOver(over waxseal.Tree) waxseal.State {
	mounts, _ := a.tree.Mounts() // the problems are told by the reading of what is there now
	return a.reader.ReadLive(over, mailpath.Live{Mounts: mounts})
}

// overMount reports whether a change is that something is mounted over files, or no
// longer. No sensor tells of that: the event of another file is not its cause.
func overMount(ch waxseal.Change) bool {
	for _, list := range [][]waxseal.Hook{ch.Hooks.Added, ch.Hooks.Removed} {
		for _, h := range list {
			if h.Directive == "mount" {
				return true
			}
		}
	}
	for _, h := range ch.Hooks.Changed {
		if h.After.Directive == "mount" {
			return true
		}
	}
	return false
}
