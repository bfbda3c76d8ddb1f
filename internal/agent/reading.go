package agent

import (
	"path/filepath"
	"strings"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/readroom"
)

// reader reads the watched tree: in this process (mailpath.Reader), or in one of its own
// that can do nothing else (readroom.Room).
type reader interface {
	liveReader
	ReadHome(tree waxseal.Tree, live mailpath.Live, w *mailpath.Whole, touched []waxseal.Path) (mailpath.Home, bool)
	Index(waxseal.State) *mailpath.Whole
	Settle(*mailpath.Whole, mailpath.Home)
	Forget(waxseal.Path)
	Vouched(waxseal.Tree, waxseal.Path) (waxseal.PackageState, waxseal.Digest)
}

var (
	_ reader = (*mailpath.Reader)(nil)
	_ reader = (*readroom.Room)(nil)
)

type liveReader interface {
	ReadLive(waxseal.Tree, mailpath.Live) waxseal.State
}

const withoutRoom = "what parses the files of this host runs in the process that has the sensors and their rights"

// startReader starts the process that reads. It does so before any sensor is there, and
// where that can't be had the agent reads itself, and says so.
func (a *Agent) startReader() {
	if a.opts.Isolate {
		room, err := readroom.Open(a.roomOptions())
		if err == nil {
			a.reader, a.room = room, room
			return
		}
		a.apart = err.Error()
	} else {
		a.apart = "it is switched off"
	}
	here := mailpath.NewReader(a.books.Masker)
	here.Otherwise(rpm.Open)
	here.Besides(a.opts.Scripts)
	a.reader = here
}

func (a *Agent) roomOptions() readroom.Options {
	o := readroom.Options{Root: a.tree.Dir(), Key: a.books.Masker.Key(), Besides: a.opts.Scripts, Lost: a.queue.gap, Known: a.known}
	if state, err := filepath.Abs(a.opts.State); err == nil {
		o.Hidden = []string{state}
		if readroom.NeedsScratch(a.tree.Dir()) {
			o.Scratch = filepath.Join(state, "scratch")
		}
	}
	return o
}

// known is what was known when nothing could be read yet.
func (a *Agent) known() waxseal.State {
	if last, _, err := a.books.LastKnown(); err == nil && last != nil {
		return *last
	}
	return waxseal.State{}
}

// tellOfReader says what of its walls the reader has not.
func (a *Agent) tellOfReader() {
	if a.room == nil {
		a.without(readroom.Sensor, a.apart, withoutRoom)
	} else if missing := a.room.Missing(); len(missing) > 0 {
		a.opts.Warn("the process that reads the mail path could do more than it should: " + strings.Join(missing, "; "))
	}
}

// mountedTree is a tree that knows what is mounted in it.
type mountedTree interface {
	waxseal.Tree
	Mounts() ([]waxseal.Mount, []waxseal.Problem)
}

// ReadMounted reads the state of a directory with what is mounted in it. Who listens
// on its sockets is left out: that may change at any time without anybody's doing.
func ReadMounted(r liveReader, tree mountedTree) waxseal.State {
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
