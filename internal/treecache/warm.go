package treecache

import (
	"io"
	"sync"
	"sync/atomic"

	"waxseal"
	"waxseal/internal/loader"
)

// maxWarm is the largest program that is read before it is asked for.
const maxWarm = 64 << 20

// maxLane is the largest file that is read beside others: it would be read long after
// the last of them, since a lane by itself is slow.
const maxLane = 16 << 20

// Warm reads programs before they are asked for, several at a time, and returns at
// once. The function that it returns waits for the end. What can't be read says so
// when it is asked for. Modules are read for their digests alone, whenever no program
// waits.
//
// Want says which digests of a program are wanted, and ofModule which of a module; both
// are called by several goroutines. More lists the programs that one leads to, and is called by one
// goroutine at a time.
func (t *Tree) Warm(programs, modules []waxseal.Path, want, ofModule func(waxseal.Path) loader.Digests, more func(waxseal.Path, loader.Image) []waxseal.Path) (wait func()) {
	w := &warming{tree: t, want: want, ofModule: ofModule, more: more, modules: modules, seen: map[waxseal.Path]bool{}}
	w.change.L = &w.mu
	w.add(programs)
	for range helpers {
		w.all.Go(w.run)
	}
	return w.all.Wait
}

// warming is one run of Warm.
type warming struct {
	tree     *Tree
	want     func(waxseal.Path) loader.Digests
	ofModule func(waxseal.Path) loader.Digests
	asks     sync.Mutex // held while more runs
	more     func(waxseal.Path, loader.Image) []waxseal.Path
	all      sync.WaitGroup // who reads

	mu      sync.Mutex // guards what follows
	change  sync.Cond  // of what follows
	queue   []waxseal.Path
	modules []waxseal.Path
	busy    int // helpers that may still add to the queue
	seen    map[waxseal.Path]bool
}

func (w *warming) add(paths []waxseal.Path) {
	for _, p := range paths {
		if !w.seen[p] {
			w.seen[p] = true
			w.queue = append(w.queue, p)
		}
	}
}

// run reads until there is nothing left, and nobody can find more.
func (w *warming) run() {
	l := newLanes()
	defer l.close()
	for w.fill(l) {
		l.round()
	}
}

// fill gives each free lane something to read, and reports whether there is any. It
// waits, for what others find or read, only while it reads nothing itself: two that hold
// files wait for none.
func (w *warming) fill(l *lanes) (any bool) {
	for n := l.free(); n != nil; n = l.free() {
		p, program := w.take(l.idle() && len(l.late) == 0)
		switch {
		case p != "" && program:
			w.program(l, n, p)
		case p != "":
			w.module(n, p)
		case l.idle() && len(l.late) > 0:
			p, l.late = l.late[0], l.late[1:]
			image, err := w.tree.Program(p, maxWarm, w.want(p)) // remembered, the error too
			w.found(p, image, err)
		default:
			return !l.idle()
		}
	}
	return true
}

// take returns what is to be read next, programs first; "" where there is nothing.
func (w *warming) take(wait bool) (p waxseal.Path, program bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		switch {
		case len(w.queue) > 0:
			p, w.queue = w.queue[0], w.queue[1:]
			w.busy++
			return p, true
		case len(w.modules) > 0:
			p, w.modules = w.modules[0], w.modules[1:]
			return p, false
		case !wait || w.busy == 0:
			return "", false
		}
		w.change.Wait()
	}
}

// program begins to read a program, unless that has been done.
func (w *warming) program(l *lanes, n *lane, p waxseal.Path) {
	want := w.want(p)
	c, size, err := w.tree.regular(p)
	switch {
	case err != nil:
		w.found(p, loader.Image{}, err)
		return
	case !c.TryLock(): // somebody reads it
		l.late = append(l.late, p)
		return
	}
	alone := func() {
		image, err := w.tree.program(p, c, size, maxWarm, want)
		c.Unlock()
		w.found(p, image, err)
	}
	if size > maxLane {
		w.all.Go(alone)
		return
	}
	file := w.tree.open(p, c, size)
	if file == nil {
		alone()
		return
	}
	probe := loader.NewProbe(want &^ loader.MD5)
	n.start(file, probe, want, func(md5 string, err error) {
		image := w.tree.imageOf(p, probe, maxWarm)
		image.Sums.MD5 = md5
		image, err = w.tree.keepImage(c, image, err)
		c.Unlock()
		w.found(p, image, err)
	})
}

// found adds what a program leads to, when it has been read.
func (w *warming) found(p waxseal.Path, image loader.Image, err error) {
	var next []waxseal.Path
	if err == nil {
		w.asks.Lock()
		next = w.more(p, image)
		w.asks.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy--
	w.add(next)
	w.change.Broadcast()
}

// module begins to read a module, unless that has been done or somebody does it.
func (w *warming) module(n *lane, p waxseal.Path) {
	want := w.ofModule(p)
	c, size, err := w.tree.regular(p)
	if err != nil || !c.TryLock() {
		return // who asks for it is told
	}
	file := w.tree.open(p, c, size)
	if file == nil {
		_, _ = w.tree.sumsOf(p, c, want) // remembered
		c.Unlock()
		return
	}
	sums := loader.NewSummer(want &^ loader.MD5)
	n.start(file, sums, want, func(md5 string, err error) {
		if err == nil {
			c.sums = sums.Sums()
			c.sums.MD5 = md5
			c.digest = waxseal.Digest(c.sums.SHA256)
		}
		c.Unlock()
	})
}

// open opens a file that nobody has read yet, and whose lock is held, for reading by
// portions; nil where that can't be.
func (t *Tree) open(p waxseal.Path, c *content, size int64) io.ReadCloser {
	below, ok := t.below.(opener)
	if !ok || c.err != nil || c.done || c.data != nil || c.sums != (waxseal.Sums{}) || size > maxWarm {
		return nil
	}
	file, err := below.OpenFile(p)
	if err != nil {
		return nil // who asks for it is told
	}
	t.files.Add(1)
	return file
}

// maxAhead is the largest file that is read before anybody asks for it.
const maxAhead = 64 << 10

// Ahead looks whether files are there, in this order and while others read, and reads
// the small ones. It returns at once; the function that it returns ends it and waits.
func (t *Tree) Ahead(paths []waxseal.Path) (end func()) {
	var enough atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		for _, p := range paths {
			if enough.Load() {
				return
			}
			f, err := t.Stat(p)
			switch {
			case err != nil:
				_, _ = t.Lstat(p) // remembered, the error too
			case f.Type == waxseal.Regular && f.Size <= maxAhead:
				_, _ = t.ReadFile(p, maxAhead)
			}
		}
	})
	return func() {
		enough.Store(true)
		all.Wait()
	}
}
