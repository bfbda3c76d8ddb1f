package treecache

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"io"

	md5simd "github.com/minio/md5-simd"

	"waxseal/internal/loader"
)

// Most modules are small. Side by side, the largest of them decides how long all take:
// so contents of like size are put together until there is one for each lane.

const (
	// small is the largest file that is read as a whole.
	small = 64 << 10
	// tiny is the largest content of which MD5 is sooner made than handed to a lane.
	tiny = 4 << 10
	// sizes are those of bins: 8, 16, 32 and 64 KiB.
	sizes = 4
)

// task is a file that is open and whose lock is held, and what is made of it.
type task struct {
	file io.ReadCloser
	size int64     // that it had when it was opened
	to   io.Writer // everything but the MD5
	want loader.Digests
	// other is the twin of the file, nil where there is none. Who reads the one compares.
	other *other
	done  func(md5 string, err error)
}

// bins make digests of small files. They are for one goroutine.
type bins struct {
	server md5simd.Server
	lanes  [width]md5simd.Hasher
	all    [sizes]bin
	buffer []byte // for what is not kept
	twin   []byte // for what is only compared
	hurry  int64  // how often they were emptied since somebody waited, as the tree counts it
}

// bin has contents of like size, up to one for each lane.
type bin struct {
	contents [width][]byte // with room for one byte more than the largest has
	tasks    [width]task
	n        int
}

func newBins() *bins { return &bins{buffer: make([]byte, small+1), twin: make([]byte, small)} }

func (b *bins) close() {
	if b.server == nil {
		return
	}
	for _, h := range b.lanes {
		h.Close()
	}
	b.server.Close()
}

// binOf is the bin for contents of a size, with room for one more.
func (b *bins) binOf(size int64) (at *bin, room int) {
	i, most := 0, int64(2*tiny)
	for size > most && i < sizes-1 {
		i, most = i+1, 2*most
	}
	return &b.all[i], int(most) + 1
}

// now reads a small file and finishes its task at once.
func (b *bins) now(t task) {
	if content, ok := t.whole(b.buffer, b.twin); ok {
		t.finish(content)
	}
}

// later reads a small file, and finishes its task when there are enough others of its
// size.
func (b *bins) later(t task) {
	if t.want&loader.MD5 == 0 || t.size <= tiny {
		b.now(t)
		return
	}
	at, room := b.binOf(t.size)
	if at.contents[at.n] == nil {
		at.contents[at.n] = make([]byte, room)
	}
	content, ok := t.whole(at.contents[at.n][:room], b.twin)
	if !ok {
		return
	}
	at.contents[at.n], at.tasks[at.n] = content, t
	if at.n++; at.n == width {
		b.empty(at)
	}
}

// flush finishes all tasks.
func (b *bins) flush() {
	for i := range b.all {
		b.empty(&b.all[i])
	}
}

// empty finishes the tasks of one bin.
func (b *bins) empty(at *bin) {
	n := at.n
	at.n = 0
	if n > 0 && b.server == nil {
		b.server = md5simd.NewServer()
		for i := range b.lanes {
			b.lanes[i] = b.server.NewHash()
		}
	}
	for i := range n {
		_, _ = b.lanes[i].Write(at.contents[i]) // it does not fail
	}
	for i := range n {
		sum := hex.EncodeToString(b.lanes[i].Sum(nil))
		b.lanes[i].Reset()
		at.tasks[i].done(sum, nil)
		at.tasks[i] = task{}
	}
}

// finish makes the MD5 of a whole content.
func (t *task) finish(content []byte) {
	sum := ""
	if t.want&loader.MD5 != 0 {
		md := md5.Sum(content)
		sum = hex.EncodeToString(md[:])
	}
	t.done(sum, nil)
}

// whole reads a small file to its end, and closes it. Where that fails, or there is
// more than there was, the task is finished, and ok is false.
func (t *task) whole(into, twin []byte) (content []byte, ok bool) {
	defer t.file.Close() // it was open for reading only
	for n := 0; n < len(into); {
		more, err := t.file.Read(into[n:])
		n += more
		switch {
		case err == io.EOF, err == nil && int64(n) == t.size: // there was room for more
			_, _ = t.to.Write(into[:n]) // digests do not fail
			if t.other != nil {
				t.other.compare(into[:n], twin)
			}
			return into[:n], true
		case err != nil:
			t.done("", err)
			return nil, false
		}
	}
	if t.other != nil {
		t.other.differs = true
	}
	md := md5.New()
	_, err := io.Copy(io.MultiWriter(t.to, md), io.MultiReader(bytes.NewReader(into), t.file))
	t.done(hex.EncodeToString(md.Sum(nil)), err)
	return nil, false
}
