package agent

import (
	"slices"
	"time"

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

const (
	// afterwards is how long after a look at what events told of everything is read, if
	// nothing else happens; latest is how long it may be put off by what does.
	afterwards = time.Second
	latest     = 5 * time.Second
)

// readAll reads the tree, and remembers nothing of an earlier reading but what can't have
// changed unseen.
func (a *Agent) readAll(now time.Time) waxseal.State {
	a.all, a.readAllAt, a.allBy = false, now, time.Time{}
	return ReadMounted(a.reader, a.kept.Anew())
}

// readAgain reads the tree after some events. Where these are about files alone it asks
// the disk for nothing else, and for all a second later: sensors may have missed something.
func (a *Agent) readAgain(touched []touch) waxseal.State {
	now := time.Now()
	a.all = a.tree.MountsChanged() || a.all
	seen := a.kept.Again()
	if seen == nil || !a.onlyTouched(touched, now) {
		return a.readAll(now)
	}
	if a.allBy.IsZero() {
		a.allLatest = now.Add(latest)
	}
	a.allBy = earlier(now.Add(afterwards), a.allLatest)
	return ReadMounted(a.reader, seen)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// onlyTouched reports whether all that happened, as far as anybody knows, happened to the
// files that were touched.
func (a *Agent) onlyTouched(touched []touch, now time.Time) bool {
	return !a.all && len(touched) > 0 && a.senses.files != nil && !a.parcels.busy(now) &&
		now.Sub(a.readAllAt) < a.opts.Poll && (a.allBy.IsZero() || now.Before(a.allBy)) &&
		!slices.ContainsFunc(touched, func(t touch) bool { return slices.Contains(t.File.Operations, waxseal.OpMount) })
}

// forgetFile drops what is remembered of a file, because something happened to it.
func (a *Agent) forgetFile(paths ...waxseal.Path) {
	for _, p := range paths {
		if p != "" {
			a.reader.Forget(p)
			a.kept.Forget(p)
		}
	}
}

// base is the tree for laying a content over it.
func (a *Agent) base() mountedTree {
	if seen := a.kept.Again(); seen != nil {
		return seen
	}
	return a.tree
}

// readOver reads the tree with one content of a moment ago in it.
func (a *Agent) readOver(over waxseal.Tree) waxseal.State {
	mounts, _ := a.base().Mounts() // the problems are told by the reading of what is there now
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
