package treecache

import (
	"path"
	"runtime"
	"sync"

	"waxseal"
	"waxseal/internal/loader"
)

const (
	// maxWarm is the largest program that is read before it is asked for.
	maxWarm = 64 << 20
	// maxLane is the largest file that is read beside others: it would be read long after
	// the last of them, since a lane by itself is slow.
	maxLane = 16 << 20
	// fewPrograms is how many large programs are left when modules have their turn: who
	// asked for all this waits for programs first, but fewer don't keep the lanes full.
	fewPrograms = 2 * width
)

// Warm reads programs before they are asked for, several at a time, and returns at
// once. Who has nothing else to do calls help, which returns when nothing is left to be
// opened; wait waits for the end. What can't be read says so
// when it is asked for. Modules are read for their digests alone, whenever no program
// waits, and then the directories in which they lie are listed.
//
// Want says which digests of a program are wanted, and ofModule which of a module. More
// lists the programs that one leads to, and is called by one goroutine at a time. It must
// not read a file: that may be one that waits for this to go on.
func (t *Tree) Warm(programs, modules []waxseal.Path, want, ofModule func(waxseal.Path) loader.Digests, more func(waxseal.Path, loader.Image) []waxseal.Path) (help, wait func()) {
	w := &warming{tree: t, want: want, ofModule: ofModule, more: more, modules: modules, seen: map[waxseal.Path]bool{}, listed: map[waxseal.Path]bool{}}
	w.change.L = &w.mu
	w.add(programs)
	w.openers = 1
	w.all.Go(func() {
		if t.lead != nil {
			<-t.lead
		}
		w.open()
	})
	w.all.Go(w.read)
	if t.lead != nil {
		return t.twin.help, w.all.Wait
	}
	t.warming.Store(w)
	return w.help, w.all.Wait
}

// help opens files beside who reads ahead, if anybody does.
func (t *Tree) help() {
	if w := t.warming.Load(); w != nil {
		w.help()
	}
}

// help opens files beside the one that does so anyway, or waits until all are open where
// there are enough who do.
func (w *warming) help() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.openers > 0 && w.openers < min(runtime.GOMAXPROCS(0), maxBeside) {
		w.openers++
		w.mu.Unlock()
		w.open()
		w.mu.Lock()
	}
	for w.openers > 0 {
		w.change.Wait()
	}
}

// warming is one run of Warm. One goroutine opens files and reads the small ones, and
// others help it; another reads the large ones.
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
	late    []waxseal.Path // programs that somebody else was reading
	busy    int            // programs that may still add to the queue
	inLanes int            // programs among them that are large
	seen    map[waxseal.Path]bool
	large   []task         // open, and read by nobody yet
	openers int            // who open files
	waiting int            // of them, for files that are read
	dirs    []waxseal.Path // in which modules lie, not listed yet
	listed  map[waxseal.Path]bool
}

func (w *warming) add(paths []waxseal.Path) {
	for _, p := range paths {
		if !w.seen[p] {
			w.seen[p] = true
			w.queue = append(w.queue, p)
		}
	}
}

// open opens files until there is nothing left, and nobody can find more.
func (w *warming) open() {
	b := newBins()
	defer b.close()
	for {
		switch p, kind := w.take(b); kind {
		case aProgram:
			w.program(b, p)
		case aLate:
			w.wait(func() {
				image, err := w.tree.Program(p, maxWarm, w.want(p)) // remembered, the error too
				w.found(p, image, err)
			})
		case aModule:
			w.module(b, p)
		case nothing:
			b.flush()
			w.end()
			return
		}
	}
}

// end says that one opens no more, and lists directories while what is large is read.
func (w *warming) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.openers--
	w.change.Broadcast()
	for len(w.dirs) > 0 {
		dir := w.dirs[0]
		w.dirs = w.dirs[1:]
		w.mu.Unlock()
		_, _ = w.tree.ReadDir(dir) // remembered, the error too
		w.mu.Lock()
	}
}

// kind is what take gives.
type kind int

const (
	nothing kind = iota
	aProgram
	aLate // a program that somebody else was reading, and who may have ended
	aModule
)

// take gives what is to be opened next, programs first. Before it waits for anybody,
// nobody waits for the bins.
func (w *warming) take(b *bins) (p waxseal.Path, k kind) {
	w.tree.giveWay()
	now := w.tree.hurry.Load()
	hurry := now != b.hurry
	if hurry {
		b.hurry = now
		b.flush()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if hurry {
		w.change.Broadcast()
	}
	for flushed := false; ; {
		switch {
		case len(w.queue) > 0:
			p, w.queue = w.queue[0], w.queue[1:]
			w.busy++
			return p, aProgram
		case len(w.modules) > 0 && w.inLanes < fewPrograms:
			p, w.modules = w.modules[0], w.modules[1:]
			return p, aModule
		case w.busy == 0:
			return "", nothing
		case !flushed:
			flushed = true
			w.mu.Unlock()
			b.flush()
			w.mu.Lock()
		case len(w.late) > 0:
			p, w.late = w.late[0], w.late[1:]
			return p, aLate
		default:
			w.waitForChange()
		}
	}
}

// waitForChange waits as one who opens files; the lock is held.
func (w *warming) waitForChange() {
	w.waiting++
	w.change.Broadcast()
	w.change.Wait()
	w.waiting--
}

// wait does what may wait for a file that is read.
func (w *warming) wait(do func()) {
	count := func(n int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.waiting += n
		w.change.Broadcast()
	}
	count(1)
	defer count(-1)
	do()
}

// program begins to read a program, unless that has been done.
func (w *warming) program(b *bins, p waxseal.Path) {
	c, size, file, err := w.tree.look(p)
	switch {
	case err != nil:
		w.found(p, loader.Image{}, err)
		return
	case c == nil: // somebody reads it
		w.mu.Lock()
		w.late = append(w.late, p)
		w.mu.Unlock()
		return
	}
	want := w.want(p)
	if file == nil || size > maxLane {
		alone := func() {
			image, err := w.tree.program(p, c, size, maxWarm, want)
			c.Unlock()
			w.found(p, image, err)
		}
		if file == nil {
			alone()
			return
		}
		_ = file.Close() // it was open for reading only
		w.all.Go(alone)
		return
	}
	w.tree.files.Add(1)
	o := w.tree.otherOf(p, c)
	if o == nil {
		want = w.tree.atLeast(want)
	}
	probe := loader.NewProbe(want &^ loader.MD5)
	done := func(md5 string, err error) {
		image := w.tree.imageOf(p, probe, maxWarm)
		image.Sums.MD5 = md5
		image, err = w.tree.keepImage(c, image, err)
		if o != nil && !o.end(c, err) {
			image, err = w.tree.alone(p, c, maxWarm, want)
		}
		c.Unlock()
		w.found(p, image, err)
		w.leaves(size)
	}
	w.enters(size)
	w.hand(b, b.later, task{file, size, probe, want, o, done})
}

// module begins to read a module, unless that has been done or somebody does it.
func (w *warming) module(b *bins, p waxseal.Path) {
	w.liesIn(waxseal.Path(path.Dir(string(p))))
	c, size, file, err := w.tree.look(p)
	if err != nil || c == nil {
		return // who asks for it is told
	}
	want := w.ofModule(p)
	if file == nil {
		_, _ = w.tree.sumsOf(p, c, want) // remembered
		c.Unlock()
		return
	}
	w.tree.files.Add(1)
	o := w.tree.otherOf(p, c)
	if o == nil {
		want = w.tree.atLeast(want)
	}
	probe := loader.NewPassing(want &^ loader.MD5)
	done := func(md5 string, err error) {
		defer c.Unlock()
		if err == nil {
			image := w.tree.imageOf(p, probe, maxWarm)
			image.Sums.MD5 = md5
			if image.ELF != nil { // a plug-in, which hooks may name
				_, _ = w.tree.keepImage(c, image, nil)
			}
			c.sumsAre(image.Sums)
		}
		if o != nil && !o.end(c, err) {
			_, _ = w.tree.sumsOf(p, c, want|loader.SHA256) // remembered; who asks is told of an error
		}
	}
	w.hand(b, b.later, task{file, size, probe, want, o, done})
}

// liesIn notes a directory in which a module lies.
func (w *warming) liesIn(dir waxseal.Path) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.listed[dir] {
		w.listed[dir] = true
		w.dirs = append(w.dirs, dir)
	}
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
