package treecache

import "slices"

// Large files are opened by some, and read side by side by another.

const (
	// maxOpen is how many large files are open, and wait for a lane.
	maxOpen = 64
	// worth is how many lanes are filled before a portion of each is read, while more files
	// are being opened and nobody waits: one lane takes half as long as all of them.
	worth = width / 2
)

// enters and leaves count the programs that are left to the lanes.
func (w *warming) enters(size int64) {
	if size > small {
		w.mu.Lock()
		w.inLanes++
		w.mu.Unlock()
	}
}

func (w *warming) leaves(size int64) {
	if size > small {
		w.mu.Lock()
		w.inLanes--
		w.change.Broadcast()
		w.mu.Unlock()
	}
}

// hand reads a small file itself, and leaves a large one to the lanes.
func (w *warming) hand(b *bins, itself func(task), t task) {
	if t.size <= small {
		itself(t)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.large) == maxOpen {
		w.mu.Unlock()
		b.flush() // before waiting
		w.mu.Lock()
		if len(w.large) == maxOpen {
			w.waitForChange()
		}
	}
	w.large = append(w.large, t)
	w.change.Broadcast()
}

// read reads large files until there are none, and nobody opens more.
func (w *warming) read() {
	t, ok := w.next(0)
	if !ok {
		return
	}
	l := newLanes()
	defer l.close()
	for ok || l.busy() > 0 {
		for n := l.free(); n != nil && ok; n = l.free() {
			n.start(t)
			t, ok = w.next(l.busy())
		}
		l.round()
		if !ok {
			t, ok = w.next(l.busy())
		}
	}
}

// next gives a large file to read beside those that are: the largest, which takes longest.
// It waits for one where too few are read to go on.
func (w *warming) next(busy int) (t task, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.large) == 0 {
		if w.openers == 0 || busy >= worth || busy > 0 && (w.waiting == w.openers || w.tree.awaited()) {
			return task{}, false
		}
		w.change.Wait()
	}
	at := 0
	for i := range w.large {
		if w.large[i].size > w.large[at].size {
			at = i
		}
	}
	t = w.large[at]
	w.large = slices.Delete(w.large, at, at+1)
	w.change.Broadcast()
	return t, true
}
