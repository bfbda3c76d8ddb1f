package treecache

import (
	"io"
	"path"
	"sync"
	"sync/atomic"

	"waxseal"
)

// looker is a tree that tells of a file and opens it at once, or opens one of which it
// has told.
type looker interface {
	Look(p waxseal.Path) (waxseal.File, io.ReadCloser, error)
	OpenFile(p waxseal.Path) (io.ReadCloser, error)
}

// look finds a regular file that nobody reads, and locks what is remembered of it; c is
// nil where somebody does. It is opened where nobody has read it: then there is a file.
func (t *Tree) look(p waxseal.Path) (c *content, size int64, file io.ReadCloser, err error) {
	below, ok := t.below.(looker)
	t.mu.Lock()
	known, told := t.stats[p]
	told = told || t.lacks(p)
	t.mu.Unlock()
	if ok && !told {
		known.value, file, known.err = below.Look(p)
		known.value, known.err = note(t, t.stats, p, known)
	} else {
		known.value, known.err = t.Stat(p)
	}
	if err = known.err; err == nil {
		c, size, err = t.contentOf(p, known.value)
	}
	switch {
	case err != nil:
	case !c.TryLock():
		c = nil
	case c.err != nil || c.done || c.data != nil || c.sums != (waxseal.Sums{}) || size > maxWarm:
	case file != nil:
		return c, size, file, nil
	case ok:
		file, _ = below.OpenFile(p) // who asks for it is told why not
		return c, size, file, nil
	}
	if file != nil {
		_ = file.Close() // it was open for reading only
	}
	return c, size, nil, err
}

const (
	// maxAhead is the largest file that is read before anybody asks for it.
	maxAhead = 64 << 10
	// maxListed bounds the names in directories that nobody may ask for.
	maxListed = 1_000_000
)

// Ahead lists directories, in this order and while others read, and reads the small files
// in them that have one of these names. It returns at once; the function that it returns
// ends it and waits.
func (t *Tree) Ahead(dirs []waxseal.Path, names []string) (end func()) {
	var enough atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		listed := 0
		for _, dir := range dirs {
			if enough.Load() || listed > maxListed {
				return
			}
			there, err := t.ReadDir(dir)
			if err != nil {
				continue // remembered
			}
			listed += len(there)
			for _, name := range names {
				t.readAhead(waxseal.Path(path.Join(string(dir), name)))
			}
		}
	})
	return func() {
		enough.Store(true)
		all.Wait()
	}
}

// readAhead reads a small file, if there is one that nobody has read. What can't be read
// says so when it is asked for.
func (t *Tree) readAhead(p waxseal.Path) {
	c, size, file, err := t.look(p)
	if err != nil || c == nil {
		return
	}
	defer c.Unlock()
	if file == nil {
		return
	}
	defer file.Close() // it is open for reading only
	if size > maxAhead {
		return
	}
	data := make([]byte, size+1) // one more, to see the end
	if n, err := file.Read(data); int64(n) == size && (err == nil || err == io.EOF) {
		t.files.Add(1)
		t.keepText(p, c, data[:n])
		c.done = true
	}
}
