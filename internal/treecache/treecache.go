// Package treecache lays a memory over a tree for the length of one reading: each
// file is opened once, however many readers ask for it, and all of them see the
// same content.
//
// What is remembered: what Lstat, Stat and ReadDir said, errors too; contents up to
// a bound, but not of programs; digests of everything that was read. Names of one file are known to be
// one where a symbolic link leads from the one to the other.
//
// It never looks whether the tree has changed. Throw it away after the reading, or have it
// forget what you hear of.
package treecache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"waxseal"
	"waxseal/internal/loader"
)

const (
	// maxFile is the largest file that is kept, and maxHeld how much of all.
	maxFile = 4 << 20
	maxHeld = 32 << 20
)

// copier is a tree that can read a file piece by piece.
type copier interface {
	CopyTo(p waxseal.Path, w io.Writer, limit int64) error
}

// Tree remembers what another tree said. Its methods may be called from several
// goroutines if that tree's may. What ReadFile and ReadDir return is shared: it
// is not to be modified.
type Tree struct {
	below   waxseal.Tree
	files   atomic.Int64            // opened so far
	hurry   atomic.Int64            // how often somebody had to wait for a content that was being read
	await   atomic.Int32            // how many wait for one
	twin    *Tree                   // that it is compared with, nil where there is none
	warming atomic.Pointer[warming] // what reads ahead, for others to help it; nil before it begins
	lead    chan struct{}           // closed when the twin has been read; nil where nobody waits for that

	asksMounts sync.Once
	mounts     []waxseal.Mount
	doubts     []waxseal.Problem // about the mounts

	now, next touched // since the last reading, and since this one

	mu    sync.Mutex // guards what follows
	stats map[waxseal.Path]answer[waxseal.File]
	links map[waxseal.Path]answer[waxseal.File]
	dirs  map[waxseal.Path]answer[listing]
	names names // of what is in stats and links
	held  int64 // bytes of contents

	made  *sync.Mutex               // guards reads, of the twin too
	reads map[waxseal.Path]*content // by resolved path
}

var _ waxseal.Tree = (*Tree)(nil)

// answer is what a tree said once.
type answer[T any] struct {
	value T
	err   error
}

// content is one file that is or was read. Its lock is held while it is read, so
// that a second reader waits rather than reads it again.
type content struct {
	*sync.Mutex          // of the twin's content too
	twin        *content // at the same place in the other tree, nil where there is none
	done        bool
	data        []byte // nil where it is not kept
	digest      waxseal.Digest
	err         error
	// image is set where the file was read as a program.
	image *loader.Image
	// sums are set where the file was read as a program, or for its digests alone.
	sums waxseal.Sums
}

// New returns a memory over a tree.
func New(below waxseal.Tree) *Tree {
	return &Tree{
		below: below,
		stats: map[waxseal.Path]answer[waxseal.File]{}, links: map[waxseal.Path]answer[waxseal.File]{},
		dirs: map[waxseal.Path]answer[listing]{}, names: newNames(), made: &sync.Mutex{}, reads: map[waxseal.Path]*content{},
	}
}

// Files is how many files have been opened so far.
func (t *Tree) Files() int { return int(t.files.Load()) }

// Stat implements waxseal.Tree.
func (t *Tree) Stat(p waxseal.Path) (waxseal.File, error) {
	return remember(t, t.stats, p, t.below.Stat)
}

// Lstat implements waxseal.Tree.
func (t *Tree) Lstat(p waxseal.Path) (waxseal.File, error) {
	t.mu.Lock()
	known, ok := t.stats[p]
	t.mu.Unlock()
	if ok && known.err == nil && known.value.Resolved == "" {
		return known.value, nil // no link anywhere on the way
	}
	return remember(t, t.links, p, t.below.Lstat)
}

// ReadDir implements waxseal.Tree.
func (t *Tree) ReadDir(p waxseal.Path) ([]string, error) {
	list, err := remember(t, t.dirs, p, t.list)
	return list.names, err
}

func remember[T any](t *Tree, in map[waxseal.Path]answer[T], p waxseal.Path, ask func(waxseal.Path) (T, error)) (T, error) {
	t.mu.Lock()
	known, ok := in[p]
	if !ok && t.lacks(p) {
		known.err, ok = lacking(p), true // which is found out again as quickly
	}
	t.mu.Unlock()
	if ok {
		return known.value, known.err
	}
	value, err := ask(p)
	return note(t, in, p, answer[T]{value, err})
}

// note remembers an answer, unless somebody was faster: all are told the same.
func note[T any](t *Tree, in map[waxseal.Path]answer[T], p waxseal.Path, said answer[T]) (T, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, ok := in[p]; ok {
		return known.value, known.err
	}
	in[p] = said
	if f, ok := any(&said.value).(*waxseal.File); ok && said.err == nil {
		t.names.add(p, *f)
	}
	return said.value, said.err
}

// ReadFile implements waxseal.Tree.
func (t *Tree) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	c, size, file, err := t.first(p)
	if file != nil {
		defer file.Close() // it was open for reading only
	}
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrTooLarge}
	}
	t.lock(c)
	defer c.Unlock()
	if c.done && (c.data != nil || c.err != nil) {
		return checked(p, c, limit)
	}
	// Not read yet, or too large to be kept.
	data, err := t.whole(p, file, size, limit)
	t.files.Add(1)
	if errors.Is(err, waxseal.ErrTooLarge) {
		return nil, err // with another limit it may be read
	}
	if c.err = err; err == nil {
		data = t.keepText(p, c, data)
	}
	c.done = true
	return data, err
}

// keepText remembers what was read of a file that may be no program, and returns it.
func (t *Tree) keepText(p waxseal.Path, c *content, data []byte) []byte {
	switch {
	case bytes.HasPrefix(data, []byte("\x7fELF")): // nobody reads a program twice
	case t.keep(int64(len(data))):
		data = c.shared(slices.Clip(data))
		c.data = data
	case !c.done: // so that nobody has to read it again to digest it
		c.digest = digestOf(data)
	}
	return data
}

// whole is a content: of a file that is open, or that the tree below opens.
func (t *Tree) whole(p waxseal.Path, file io.Reader, size, limit int64) ([]byte, error) {
	if file == nil {
		return t.below.ReadFile(p, limit)
	}
	data := make([]byte, 0, size+1) // one more, to see the end
	for {
		n, err := file.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF, err == nil && size > 0 && int64(len(data)) == size: // there was room for more
			return data, nil
		case err != nil:
			return nil, &fs.PathError{Op: "read", Path: string(p), Err: err}
		case int64(len(data)) > limit:
			return nil, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrTooLarge}
		case len(data) == cap(data):
			data = slices.Grow(data, max(512, len(data)))
		}
	}
}

// lock takes the lock of a content. Who reads it ahead, and lets it wait for others, is
// told that somebody needs it now.
func (t *Tree) lock(c *content) {
	if c.TryLock() {
		return
	}
	t.hurry.Add(1)
	if t.twin != nil {
		t.twin.hurry.Add(1)
	}
	t.await.Add(1)
	c.Lock()
	t.await.Add(-1)
}

// awaited reports whether somebody waits for a content that is being read.
func (t *Tree) awaited() bool {
	return t.await.Load() > 0 || t.twin != nil && t.twin.await.Load() > 0
}

// giveWay lets others have the processor where somebody waits for a content: who reads
// ahead would keep it for as long as the scheduler allows, and each step of the lanes,
// which are several goroutines, would wait for that.
func (t *Tree) giveWay() {
	if t.awaited() {
		runtime.Gosched()
	}
}

// givingWay is a writer that gives way after each portion.
type givingWay struct {
	io.Writer
	tree *Tree
}

// Write implements io.Writer.
func (g givingWay) Write(b []byte) (int, error) {
	n, err := g.Writer.Write(b)
	g.tree.giveWay()
	return n, err
}

func checked(p waxseal.Path, c *content, limit int64) ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	if int64(len(c.data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrTooLarge}
	}
	return c.data, nil
}

// keep takes room for a content, if there is any left.
func (t *Tree) keep(size int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if size > maxFile || t.held+size > maxHeld {
		return false
	}
	t.held += size
	return true
}

// Digest implements waxseal.Tree, from one reading of a file of any size.
func (t *Tree) Digest(p waxseal.Path) (waxseal.Digest, error) {
	c, size, err := t.regular(p)
	if err != nil {
		return "", err
	}
	t.lock(c)
	defer c.Unlock()
	if !c.done && c.digest == "" {
		t.fill(p, c, size)
	}
	switch {
	case c.err != nil || c.digest != "":
	case c.data != nil:
		c.digest = digestOf(c.data)
	default: // a program that was read, and is not kept
		t.files.Add(1)
		c.digest, c.err = t.below.Digest(p)
	}
	return c.digest, c.err
}

// fill reads a file for the first time.
func (t *Tree) fill(p waxseal.Path, c *content, size int64) {
	c.done = true
	t.files.Add(1)
	if t.keep(size) {
		c.data, c.err = t.below.ReadFile(p, maxFile)
		if !errors.Is(c.err, waxseal.ErrTooLarge) { // it has grown since
			return
		}
	}
	c.digest, c.err = t.below.Digest(p)
}

// CopyTo writes the whole content of a regular file to w, and returns ErrTooLarge
// if there is more than limit bytes. What is copied is not kept.
func (t *Tree) CopyTo(p waxseal.Path, w io.Writer, limit int64) error {
	c, _, err := t.regular(p)
	if err != nil {
		return err
	}
	t.lock(c)
	known := c.data
	c.Unlock()
	if below, ok := t.below.(copier); ok && known == nil {
		t.files.Add(1)
		return below.CopyTo(p, w, limit)
	}
	data, err := t.ReadFile(p, limit)
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

// Mounts lists the mounts in the tree, where it is one that knows.
func (t *Tree) Mounts() ([]waxseal.Mount, []waxseal.Problem) {
	t.asksMounts.Do(func() {
		if below, ok := t.below.(interface {
			Mounts() ([]waxseal.Mount, []waxseal.Problem)
		}); ok {
			t.mounts, t.doubts = below.Mounts()
		}
	})
	return t.mounts, t.doubts
}

// regular finds what is remembered of a regular file, under the name that links
// lead to.
func (t *Tree) regular(p waxseal.Path) (*content, int64, error) {
	st, err := t.Stat(p)
	if err != nil {
		return nil, 0, err
	}
	return t.contentOf(p, st)
}

func (t *Tree) contentOf(p waxseal.Path, st waxseal.File) (*content, int64, error) {
	if st.Type != waxseal.Regular {
		return nil, 0, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrNotRegular}
	}
	at := st.Resolved
	if at == "" {
		at = waxseal.Path(path.Clean("/" + string(p)))
	}
	return t.at(at), st.Size, nil
}

// at is what is remembered of the file that lies at a place.
func (t *Tree) at(place waxseal.Path) *content {
	t.made.Lock()
	defer t.made.Unlock()
	c := t.reads[place]
	if c == nil {
		c = &content{Mutex: &sync.Mutex{}}
		t.reads[place] = c
		if t.twin != nil {
			c.twin = &content{Mutex: c.Mutex, twin: c}
			t.twin.reads[place] = c.twin
		}
	}
	return c
}

func digestOf(data []byte) waxseal.Digest {
	sum := sha256.Sum256(data)
	return waxseal.Digest(hex.EncodeToString(sum[:]))
}
