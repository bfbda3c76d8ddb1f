package deb

import (
	"encoding/binary"
	"errors"
	"io"
)

// lz4Reader unpacks frames of LZ4, as apt keeps its lists where it is told to pack them
// (apt.conf(5) Acquire::GzipIndexes). The format is that of lz4_Frame_format.md 1.6 and
// lz4_Block_format.md: blocks, each of literals and of copies of what came at most 64 KB
// before. Checksums are passed over: whoever reads a list holds its SHA-256 against a
// signed one.
type lz4Reader struct {
	r          io.Reader
	linked     bool // blocks refer to those before
	sums       bool // a checksum follows each block
	sum        bool // and one the frame
	largest    int  // of a block, unpacked
	began      bool
	window     []byte // what was unpacked last
	unread     []byte // its end, that nobody has read yet
	block, out []byte
}

const (
	lz4Magic  = 0x184D2204
	lz4Window = 64 << 10
	lz4Stored = 1 << 31 // a block that is not packed
)

var errLZ4 = errors.New("not a frame of LZ4")

func newLZ4(r io.Reader) io.Reader { return &lz4Reader{r: r} }

func (z *lz4Reader) Read(b []byte) (int, error) {
	for len(z.unread) == 0 {
		if err := z.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, z.unread)
	z.unread = z.unread[n:]
	return n, nil
}

// next unpacks the next block, which may be the first of another frame.
func (z *lz4Reader) next() error {
	if !z.began {
		if err := z.begin(); err != nil {
			return err
		}
	}
	size, err := z.word()
	if err != nil {
		return errLZ4
	}
	if size == 0 {
		z.began = false
		if z.sum {
			_, err = z.word()
		}
		return lz4Error(err)
	}
	stored := size&lz4Stored != 0
	if size &^= lz4Stored; int(size) > z.largest {
		return errLZ4
	}
	z.block = append(z.block[:0], make([]byte, size)...)
	if _, err := io.ReadFull(z.r, z.block); err != nil {
		return errLZ4
	}
	if z.sums {
		if _, err := z.word(); err != nil {
			return errLZ4
		}
	}
	return z.unpack(stored)
}

// unpack puts a block behind as much as it may refer to.
func (z *lz4Reader) unpack(stored bool) (err error) {
	before := 0
	if z.linked {
		before = min(len(z.window), lz4Window)
	}
	z.out = append(z.out[:0], z.window[len(z.window)-before:]...)
	if stored {
		z.out = append(z.out, z.block...)
	} else if z.out, err = unpackLZ4(z.out, z.block, before+z.largest); err != nil {
		return err
	}
	z.window, z.out = z.out, z.window
	z.unread = z.window[before:]
	return nil
}

// begin reads the header of a frame: magic, flags, the size of blocks, the size of all
// and a dictionary where the flags say so, and a checksum.
func (z *lz4Reader) begin() error {
	magic, err := z.word()
	switch {
	case err == io.EOF:
		return io.EOF
	case err != nil || magic != lz4Magic:
		return errLZ4
	}
	var head [2]byte
	if _, err := io.ReadFull(z.r, head[:]); err != nil {
		return errLZ4
	}
	flags, size := head[0], head[1]>>4&7
	if flags>>6 != 1 || flags&1 != 0 || size < 4 { // another version, a dictionary, no size
		return errLZ4
	}
	rest := 1
	if flags&8 != 0 {
		rest += 8
	}
	if _, err := io.CopyN(io.Discard, z.r, int64(rest)); err != nil {
		return errLZ4
	}
	z.linked, z.sums, z.sum, z.largest = flags&0x20 == 0, flags&0x10 != 0, flags&4 != 0, 1<<(8+2*int(size))
	z.began, z.window = true, z.window[:0]
	return nil
}

func (z *lz4Reader) word() (uint32, error) {
	var b [4]byte
	if _, err := io.ReadFull(z.r, b[:]); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b[:]), nil
}

func lz4Error(err error) error {
	if err != nil {
		return errLZ4
	}
	return nil
}

// unpackLZ4 appends a block to what came before it, up to a length.
func unpackLZ4(out, in []byte, most int) ([]byte, error) {
	for len(in) > 0 {
		token := in[0]
		literals, rest, ok := lz4Length(int(token>>4), in[1:])
		if !ok || literals > len(rest) || len(out)+literals > most {
			return nil, errLZ4
		}
		out = append(out, rest[:literals]...)
		if in = rest[literals:]; len(in) == 0 {
			return out, nil // the last has no copy
		}
		if len(in) < 2 {
			return nil, errLZ4
		}
		back := int(binary.LittleEndian.Uint16(in))
		length, rest, ok := lz4Length(int(token&15), in[2:])
		if length += 4; !ok || back == 0 || back > len(out) || len(out)+length > most {
			return nil, errLZ4
		}
		for range length { // byte by byte: it may go on into what it brings
			out = append(out, out[len(out)-back])
		}
		in = rest
	}
	return out, nil
}

// lz4Length is a number of four bits that goes on where they are all set, until a byte
// that is less than 255.
func lz4Length(n int, in []byte) (int, []byte, bool) {
	if n < 15 {
		return n, in, true
	}
	for i, b := range in {
		if n += int(b); b < 255 {
			return n, in[i+1:], true
		}
	}
	return 0, nil, false
}
