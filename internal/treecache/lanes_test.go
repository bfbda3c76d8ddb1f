package treecache

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"waxseal/internal/loader"
)

// TestLanes holds the digests that are made side by side against the standard library's,
// for contents of all lengths about the bounds of blocks and portions, and for files that
// give what they have in small pieces.
func TestLanes(t *testing.T) {
	var sizes []int
	for n := range 520 {
		sizes = append(sizes, n)
	}
	for _, bound := range []int{32 << 10, portion, 2 * portion, 5 * portion} {
		for d := -65; d <= 65; d++ {
			sizes = append(sizes, bound+d)
		}
	}
	content := make([]byte, 5*portion+65)
	for i := range content {
		content[i] = byte(i*7 + i>>9)
	}
	l := newLanes()
	defer l.close()
	finished := 0
	for i, size := range sizes {
		for l.free() == nil {
			l.round()
		}
		data := content[i%64:][:max(0, min(size, len(content)-64))]
		var file io.Reader = bytes.NewReader(data)
		if i%5 == 0 {
			file = iotest.HalfReader(file)
		}
		sums := loader.NewSummer(loader.SHA256)
		l.free().start(task{io.NopCloser(file), int64(len(data)), sums, loader.SHA256AndMD5, nil, func(got string, err error) {
			finished++
			md, sha := md5.Sum(data), sha256.Sum256(data)
			if err != nil || got != hex.EncodeToString(md[:]) || sums.Sums().SHA256 != hex.EncodeToString(sha[:]) {
				t.Errorf("%d bytes: %s, %v", len(data), got, err)
			}
		}})
	}
	for l.busy() > 0 {
		l.round()
	}
	if finished != len(sizes) {
		t.Errorf("%d files of %d were finished", finished, len(sizes))
	}
}

// TestLanesError: a file that can't be read to its end says so, and its lane is clean
// for the next.
func TestLanesError(t *testing.T) {
	l := newLanes()
	defer l.close()
	broken := errors.New("broken")
	var told error
	l.free().start(task{io.NopCloser(io.MultiReader(bytes.NewReader(make([]byte, 1000)), iotest.ErrReader(broken))), 2000, loader.NewSummer(0), loader.MD5, nil, func(_ string, err error) { told = err }})
	l.round()
	if !errors.Is(told, broken) || l.busy() > 0 {
		t.Errorf("%v", told)
	}
	want := md5.Sum([]byte("abc"))
	l.free().start(task{io.NopCloser(bytes.NewReader([]byte("abc"))), 3, loader.NewSummer(0), loader.MD5, nil, func(got string, err error) {
		if got != hex.EncodeToString(want[:]) || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	}})
	l.round()
}

// TestBins holds the digests of small files against the standard library's, whatever the
// size of others and of what was expected.
func TestBins(t *testing.T) {
	content := make([]byte, small+5000)
	for i := range content {
		content[i] = byte(i*11 + i>>8)
	}
	b := newBins()
	defer b.close()
	finished := 0
	want := 0
	check := func(size, told int, read func(task)) {
		want++
		data := content[:size]
		sums := loader.NewSummer(loader.SHA256)
		var file io.Reader = bytes.NewReader(data)
		if size == told {
			file = iotest.HalfReader(file)
		}
		read(task{io.NopCloser(file), int64(told), sums, loader.SHA256AndMD5, nil, func(got string, err error) {
			finished++
			md, sha := md5.Sum(data), sha256.Sum256(data)
			if err != nil || got != hex.EncodeToString(md[:]) || sums.Sums().SHA256 != hex.EncodeToString(sha[:]) {
				t.Errorf("%d bytes: %s, %v", size, got, err)
			}
		}})
	}
	for i := range 400 {
		size := i * 163 % (small + 1)
		check(size, size, b.later)
		check(size, size, b.now)
	}
	check(small+4000, small, b.later) // it has grown since it was opened
	check(9000, 8000, b.later)
	check(5000, 8000, b.later) // it was cut off
	check(300, 0, b.later)     // a file of the kernel
	check(small+4000, 10, b.now)
	b.flush()
	if finished != want {
		t.Errorf("%d files of %d were finished", finished, want)
	}
	broken := errors.New("broken")
	var told error
	b.later(task{io.NopCloser(iotest.ErrReader(broken)), 9000, loader.NewSummer(0), loader.MD5, nil, func(_ string, err error) { told = err }})
	if !errors.Is(told, broken) {
		t.Errorf("%v", told)
	}
}
