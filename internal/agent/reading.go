package agent

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/readroom"
)

// reader reads the watched tree: in this process (readroom.Here), or in one of its own
// that can do nothing else (readroom.Room).
type reader interface {
	liveReader
	// ReadAgain asks the disk for nothing but what it was told to forget since the last
	// reading. The second result is false where that is not enough: then all is to be read.
	ReadAgain(mailpath.Live) (waxseal.State, bool)
	InOneHome(touched []waxseal.Path) bool
	ReadHome(tree waxseal.Tree, live mailpath.Live, w *mailpath.Whole, touched []waxseal.Path) (mailpath.Home, bool)
	Index(waxseal.State) *mailpath.Whole
	Settle(*mailpath.Whole, mailpath.Home)
	Forget(waxseal.Path)
	Homes() []waxseal.Path
	Vouched(waxseal.Tree, waxseal.Path) (waxseal.PackageState, waxseal.Digest)
}

var (
	_ reader = (*readroom.Here)(nil)
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
	a.reader = readroom.NewHere(a.tree, here)
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

const (
	// afterwards is how long after a look at what events told of everything is read, if
	// nothing else happens; latest is how long it may be put off by what does.
	afterwards = time.Second
	latest     = 5 * time.Second
)

// mounted is what was mounted when it was last asked.
type mounted struct {
	list     []waxseal.Mount
	problems []waxseal.Problem
}

// readAll reads the tree, and remembers nothing of an earlier reading but what can't have
// changed unseen.
func (a *Agent) readAll(now time.Time) waxseal.State {
	a.all, a.readAllAt, a.allBy = false, now, time.Time{}
	a.ahead.end()
	a.mounts.list, a.mounts.problems = a.tree.Mounts()
	return a.withMounts(a.reader.ReadLive(a.tree, a.live()))
}

// readBeside has the process that reads begin with that; what it returns waits for the end.
func (a *Agent) readBeside(now time.Time) func() waxseal.State {
	a.all, a.readAllAt, a.allBy = false, now, time.Time{}
	a.mounts.list, a.mounts.problems = a.tree.Mounts()
	live, read := a.live(), make(chan waxseal.State, 1)
	go func() { read <- a.reader.ReadLive(a.tree, live) }()
	return func() waxseal.State { return a.withMounts(<-read) }
}

// readAgain reads the tree after some events. Where these are about files alone it asks
// the disk for nothing else, and for all a second later: sensors may have missed something.
func (a *Agent) readAgain(touched []touch) waxseal.State {
	now := time.Now()
	a.all = a.tree.MountsChanged() || a.all
	if !a.onlyTouched(touched, now) {
		return a.readAll(now)
	}
	state, enough := a.reader.ReadAgain(a.live())
	if a.ahead.end() && enough && older(state, touched) {
		for _, t := range touched {
			a.forgetFile(t.File.Path, t.File.OldPath)
		}
		state, enough = a.reader.ReadAgain(a.live())
	}
	if !enough {
		return a.readAll(now)
	}
	if a.allBy.IsZero() {
		a.allLatest = now.Add(latest)
	}
	a.allBy = earlier(now.Add(afterwards), a.allLatest)
	return a.withMounts(state)
}

func (a *Agent) live() mailpath.Live { return mailpath.Live{Mounts: a.mounts.list} }

func (a *Agent) withMounts(s waxseal.State) waxseal.State {
	s.Problems = append(slices.Clip(s.Problems), a.mounts.problems...)
	return s
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
		}
	}
}

// readOver reads the tree with one content of a moment ago in it.
func (a *Agent) readOver(over waxseal.Tree) waxseal.State {
	return a.reader.ReadLive(over, a.live()) // the problems of mounts are told by the reading of what is there now
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
