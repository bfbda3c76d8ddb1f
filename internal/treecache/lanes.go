package treecache

import (
	"encoding/hex"
	"io"

	md5simd "github.com/minio/md5-simd"

	"waxseal/internal/loader"
)

// MD5 is bound by latency: each step waits for the one before, and one content at a
// time keeps a processor half idle. So many contents are made side by side, one in each
// lane of the processor's vector registers, which makes MD5 seven times as fast. That
// pays only where nearly all lanes are full: one goroutine fills them in turn, with large
// files here, and with small ones in bins.

const (
	// width is how many contents are read side by side.
	width = md5simd.Lanes
	// portion is what is read of each at a time.
	portion = 64 << 10
)

// lanes read several files side by side. They are for one goroutine.
type lanes struct {
	server md5simd.Server
	all    [width]lane
	twin   []byte // for what is only compared
}

// lane reads one file after the other.
type lane struct {
	md      md5simd.Hasher
	portion []byte

	task
	busy  bool // from start to finish
	err   error
	ended bool
}

func newLanes() *lanes {
	l := &lanes{server: md5simd.NewServer(), twin: make([]byte, portion)}
	for i := range l.all {
		l.all[i].md, l.all[i].portion = l.server.NewHash(), make([]byte, portion)
	}
	return l
}

func (l *lanes) close() {
	for i := range l.all {
		l.all[i].md.Close()
	}
	l.server.Close()
}

// free returns a lane in which nothing is read, nil where there is none.
func (l *lanes) free() *lane {
	for i := range l.all {
		if !l.all[i].busy {
			return &l.all[i]
		}
	}
	return nil
}

// busy is how many files are read.
func (l *lanes) busy() (n int) {
	for i := range l.all {
		if l.all[i].busy {
			n++
		}
	}
	return n
}

// start begins to read a file; its task is done when it has been read.
func (n *lane) start(t task) { n.task, n.busy, n.err, n.ended = t, true, nil, false }

// round reads a portion of each file. All portions are
// read before the first is handed on, so that the lanes are full.
func (l *lanes) round() {
	var read [width]int
	for i := range l.all {
		if n := &l.all[i]; n.busy {
			read[i] = n.next(l.twin)
		}
	}
	for i := range l.all {
		if n := &l.all[i]; n.busy && n.want&loader.MD5 != 0 {
			_, _ = n.md.Write(n.portion[:read[i]]) // it does not fail
		}
	}
	for i := range l.all {
		if n := &l.all[i]; n.busy && n.ended {
			n.finish()
		}
	}
}

// next reads the next portion.
func (n *lane) next(twin []byte) (read int) {
	for read < len(n.portion) && !n.ended {
		more, err := n.file.Read(n.portion[read:])
		read += more
		n.ended = err != nil
		if err != nil && err != io.EOF {
			n.err = err
		}
	}
	_, _ = n.to.Write(n.portion[:read]) // digests do not fail
	if n.other != nil {
		n.other.compare(n.portion[:read], twin)
	}
	return read
}

func (n *lane) finish() {
	_ = n.file.Close() // it was open for reading only
	sum := ""
	if n.want&loader.MD5 != 0 {
		sum = hex.EncodeToString(n.md.Sum(nil))
		n.md.Reset()
	}
	t := n.task
	n.task, n.busy = task{}, false
	t.done(sum, n.err)
}
