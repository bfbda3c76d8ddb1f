package treecache

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"waxseal"
	"waxseal/internal/loader"
)

// Two trees that are compared have nearly all contents in common. To see that two are
// equal takes a tenth of what it takes to digest one of them: so a file is read in both
// trees at once, and what is known of the one is known of the other.
//
// A tree with a twin makes the SHA-256 of a content where it is asked for, and in any case
// of what is not the same in both. Digests without it say that the twin has the same
// content at the same place.

// Twins returns memories over two trees that are going to be compared, and may be read at
// the same time. Led is to be called when the reading of the first has ended: what the
// second reads ahead is only what the first has not.
func Twins(first, second waxseal.Tree) (a, b *Tree, led func()) {
	a, b = New(first), New(second)
	a.twin, b.twin = b, a
	b.made = a.made
	b.lead = make(chan struct{})
	return a, b, sync.OnceFunc(func() { close(b.lead) })
}

// other is the twin of a file that is to be read: open, and nobody has read it.
type other struct {
	content *content
	file    io.ReadCloser
	differs bool // so far
}

// otherOf opens the twin of a file whose lock, and so that of the twin, is held; nil where
// there is none, or it has been read.
func (t *Tree) otherOf(p waxseal.Path, c *content) *other {
	if c.twin == nil || c.twin.known() {
		return nil
	}
	below, ok := t.twin.below.(looker)
	if !ok {
		return nil
	}
	here, _ := t.Stat(p)
	there, size, file, err := t.twin.first(p)
	if err == nil && there == c.twin && size == here.Size {
		if file == nil {
			file, _ = below.OpenFile(p)
		}
		if file != nil {
			t.twin.files.Add(1)
			return &other{content: there, file: file}
		}
	}
	if file != nil {
		_ = file.Close() // it was open for reading only
	}
	return nil
}

// compare reads from the twin as much as there is of a portion, and compares it.
func (o *other) compare(portion, buffer []byte) {
	for len(portion) > 0 && !o.differs {
		n := min(len(portion), len(buffer))
		if _, err := io.ReadFull(o.file, buffer[:n]); err != nil || !bytes.Equal(buffer[:n], portion[:n]) {
			o.differs = true
		}
		portion = portion[n:]
	}
}

// end is said when a content has been read, and all that is known of it noted: the twin
// is told, if it is the same. Where it is not, the content is forgotten, and to be read
// by itself.
func (o *other) end(c *content, err error) (same bool) {
	defer o.file.Close() // it was open for reading only
	var more [1]byte
	if n, ended := o.file.Read(more[:]); n > 0 || ended != io.EOF || o.differs || err != nil {
		c.done, c.data, c.digest, c.err, c.image, c.sums = false, nil, "", nil, nil, waxseal.Sums{}
		return false
	}
	o.content.done, o.content.data, o.content.digest, o.content.image, o.content.sums = c.done, c.data, c.digest, c.image, c.sums
	return true
}

// atLeast is what to make of a file that has no twin, or of one that differs.
func (t *Tree) atLeast(want loader.Digests) loader.Digests {
	if t.twin != nil {
		return want | loader.SHA256
	}
	return want
}

// both reads a file whose lock is held, and its twin, into a probe or summer.
func (t *Tree) both(p waxseal.Path, o *other, to io.Writer) error {
	file, err := t.below.(looker).OpenFile(p)
	if err != nil {
		return err
	}
	defer file.Close() // it was open for reading only
	t.files.Add(1)
	b := twinBuffers.Get().(*[2 * portion]byte)
	defer twinBuffers.Put(b)
	here, there := b[:portion], b[portion:]
	for {
		n, err := file.Read(here)
		_, _ = to.Write(here[:n]) // digests do not fail
		o.compare(here[:n], there)
		t.giveWay()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case o.differs:
			return errDiffers
		}
	}
}

// shared is a content that was read, or that of the twin where it is the same: two trees
// that are compared hold most contents once. The lock is held.
func (c *content) shared(data []byte) []byte {
	if c.twin != nil && c.twin.data != nil && bytes.Equal(c.twin.data, data) {
		return c.twin.data
	}
	return data
}

// errDiffers: a file is not the same in both trees.
var errDiffers = errors.New("not the same in both trees")

var twinBuffers = sync.Pool{New: func() any { return new([2 * portion]byte) }}
