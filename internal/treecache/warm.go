package treecache

import (
	"sync"
	"sync/atomic"

	"waxseal"
	"waxseal/internal/loader"
)

// maxWarm is the largest program that is read before it is asked for.
const maxWarm = 64 << 20

// Warm reads programs before they are asked for, several at a time, and returns at
// once. The function that it returns waits for the end. What can't be read says so
// when it is asked for. Modules are read for their digests alone, whenever no program
// waits.
//
// Want says which digests of a program are wanted, and is called by several
// goroutines; more lists the programs that one leads to, and is called by one
// goroutine at a time.
func (t *Tree) Warm(programs, modules []waxseal.Path, want func(waxseal.Path) loader.Digests, more func(waxseal.Path, loader.Image) []waxseal.Path) (wait func()) {
	w := &warming{tree: t, want: want, more: more, modules: modules, seen: map[waxseal.Path]bool{}}
	w.change.L = &w.mu
	w.add(programs)
	var all sync.WaitGroup
	for range helpers {
		all.Go(w.run)
	}
	return all.Wait
}

// warming is one run of Warm.
type warming struct {
	tree *Tree
	want func(waxseal.Path) loader.Digests
	asks sync.Mutex // held while more runs
	more func(waxseal.Path, loader.Image) []waxseal.Path

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

// run reads programs until nobody can add one any more.
func (w *warming) run() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.queue) == 0 {
			switch {
			case len(w.modules) > 0:
				w.module()
			case w.busy == 0:
				return
			default:
				w.change.Wait()
			}
		}
		p := w.queue[0]
		w.queue = w.queue[1:]
		w.busy++
		w.mu.Unlock()
		next := w.read(p)
		w.mu.Lock()
		w.busy--
		w.add(next)
		w.change.Broadcast()
	}
}

// module reads the next module; the lock is held.
func (w *warming) module() {
	p := w.modules[0]
	w.modules = w.modules[1:]
	w.mu.Unlock()
	defer w.mu.Lock()
	_, _ = w.tree.Sums(p, w.want(p)) // remembered, the error too
}

func (w *warming) read(p waxseal.Path) []waxseal.Path {
	st, err := w.tree.Stat(p)
	if err != nil || st.Type != waxseal.Regular {
		return nil
	}
	image, err := w.tree.Program(p, maxWarm, w.want(p)) // remembered, the error too
	if err != nil {
		return nil
	}
	w.asks.Lock()
	defer w.asks.Unlock()
	return w.more(p, image)
}

// Ahead looks whether files are there, in this order and while others read; nothing of
// them is opened. It returns at once; the function that it returns ends it and waits.
func (t *Tree) Ahead(paths []waxseal.Path) (end func()) {
	var enough atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		for _, p := range paths {
			if enough.Load() {
				return
			}
			if _, err := t.Stat(p); err != nil {
				_, _ = t.Lstat(p) // remembered, the error too
			}
		}
	})
	return func() {
		enough.Store(true)
		all.Wait()
	}
}
