package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/ulikunitz/xz"
)

// unpackXZ refuses blocks with a dictionary that no compressor makes by itself, since
// the library would ask for its size at once.
func unpackXZ(r io.Reader) (io.Reader, error) {
	guard := &xzGuard{r: bufio.NewReaderSize(r, 64<<10)}
	guard.next = guard.stream
	return xz.NewReader(bufio.NewReaderSize(guard, 64<<10))
}

// xzGuard hands an xz file on and looks at the header of each block before the
// library sees it. It walks through the file (xz-file-format.txt 1.0.4) without
// unpacking it: streams, blocks, the chunks of LZMA2 in them, the index.
type xzGuard struct {
	r       *bufio.Reader
	pass    int          // bytes to hand on before next looks at what follows
	next    func() error // sets pass, and what comes then
	check   int          // size of the check behind each block of this stream
	data    int          // how much data of this block there was, modulo 4
	records uint64       // numbers still to come in the index
	index   int          // size of the index so far, modulo 4
}

var errXZ = errors.New("a filter other than LZMA2, or a damaged file")

// Read implements io.Reader.
func (g *xzGuard) Read(p []byte) (int, error) {
	for g.pass == 0 {
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	n, err := g.r.Read(p[:min(len(p), g.pass)])
	g.pass -= n
	return n, err
}

func (g *xzGuard) then(pass int, next func() error) error {
	g.pass, g.next = pass, next
	return nil
}

// stream: a header of twelve bytes, or four zero bytes between two streams (§2.1.1,
// §2.2).
func (g *xzGuard) stream() error {
	head, err := g.r.Peek(12)
	switch {
	case len(head) == 0:
		return err
	case len(head) >= 4 && string(head[:4]) == "\x00\x00\x00\x00":
		return g.then(4, g.stream)
	case len(head) < 12:
		return io.ErrUnexpectedEOF
	}
	const sizes = "\x00\x04\x04\x04\x08\x08\x08\x10\x10\x10\x20\x20\x20\x40\x40\x40" // §2.1.1.2
	g.check = int(sizes[head[7]&0x0f])
	return g.then(12, g.block)
}

// block: a header that says which dictionary it needs (§3.1), or the index.
func (g *xzGuard) block() error {
	first, err := g.r.Peek(1)
	if err != nil {
		return unexpected(err)
	}
	if first[0] == 0 {
		g.index = 1
		return g.then(1, g.indexCount)
	}
	size := (int(first[0]) + 1) * 4
	header, err := g.r.Peek(size)
	if err != nil {
		return unexpected(err)
	}
	dictionary := dictionary(header)
	switch {
	case dictionary == 0:
		return errXZ
	case dictionary > maxWindow:
		return fmt.Errorf("xz dictionary of %d MiB: more than %d MiB", dictionary>>20, maxWindow>>20)
	}
	g.data = 0
	return g.then(size, g.chunk)
}

// chunk of LZMA2: its first byte says whether it is the last, plain, or packed, and
// what sizes follow, which are one less than what they stand for.
func (g *xzGuard) chunk() error {
	control, err := g.r.Peek(1)
	if err != nil {
		return unexpected(err)
	}
	size, at := 0, 0
	switch c := control[0]; {
	case c == 0:
		padding := (4 - (g.data+1)%4) % 4
		return g.then(1+padding+g.check, g.block)
	case c <= 2:
		size, at = 3, 1
	case c >= 0xc0: // with new properties
		size, at = 6, 3
	case c >= 0x80:
		size, at = 5, 3
	default:
		return errXZ
	}
	head, err := g.r.Peek(size)
	if err != nil {
		return unexpected(err)
	}
	size += (int(head[at])<<8 | int(head[at+1])) + 1
	g.data = (g.data + size) % 4
	return g.then(size, g.chunk)
}

// indexCount: how many pairs of numbers the index has (§4).
func (g *xzGuard) indexCount() error {
	count, size, err := g.number()
	if err != nil {
		return err
	}
	if count > 1<<40 {
		return errXZ
	}
	g.records = 2 * count
	return g.then(size, g.indexNumber)
}

// indexNumber: one of them; behind the last come padding, a check and the footer of
// the stream (§2.1.2).
func (g *xzGuard) indexNumber() error {
	if g.records == 0 {
		return g.then((4-g.index%4)%4+4+12, g.stream)
	}
	_, size, err := g.number()
	if err != nil {
		return err
	}
	g.records--
	return g.then(size, g.indexNumber)
}

// number reads a variable-length integer of at most nine bytes (§1.2).
func (g *xzGuard) number() (n uint64, size int, err error) {
	for size = 1; size <= 9; size++ {
		b, err := g.r.Peek(size)
		if err != nil {
			return 0, 0, unexpected(err)
		}
		n |= uint64(b[size-1]&0x7f) << (7 * (size - 1))
		if b[size-1]&0x80 == 0 {
			g.index = (g.index + size) % 4
			return n, size, nil
		}
	}
	return 0, 0, errXZ
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// dictionary is the size of the LZMA2 dictionary that a block header asks for
// (xz-file-format.txt §3.1, §5.3.1), 0 where that is not to be seen at once.
func dictionary(block []byte) int64 {
	if len(block) < 5 || block[0] == 0 || block[1]&0xc3 != 0 { // size, flags: one filter
		return 0
	}
	filter := block[2:]
	for _, field := range []byte{0x40, 0x80} { // the optional sizes are variable-length integers
		if block[1]&field == 0 {
			continue
		}
		for len(filter) > 0 && filter[0]&0x80 != 0 {
			filter = filter[1:]
		}
		if len(filter) > 0 {
			filter = filter[1:]
		}
	}
	if len(filter) < 3 || filter[0] != 0x21 || filter[1] != 1 {
		return 0
	}
	bits := filter[2] & 0x3f
	if bits > 40 {
		return 1 << 32
	}
	return int64(2|bits&1) << (bits/2 + 11)
}
