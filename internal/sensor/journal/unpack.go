package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"
)

// The ways in which a field may be packed, by the flags of its object.
const (
	packedXZ   = 1 << 0
	packedLZ4  = 1 << 1
	packedZstd = 1 << 2
)

// unpack unpacks the beginning of a field, up to maxField.
func (r *reader) unpack(flags byte, b []byte) ([]byte, error) {
	switch flags & (packedXZ | packedLZ4 | packedZstd) {
	case 0:
		return b, nil
	case packedXZ:
		return unpackXZ(b)
	case packedZstd:
		if r.zstd == nil {
			r.zstd, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(8<<20), zstd.WithDecoderLowmem(true)) // it refuses options only
		}
		if err := r.zstd.Reset(bytes.NewReader(b)); err != nil {
			return nil, err
		}
		return readSome(r.zstd)
	case packedLZ4:
		if len(b) < 8 {
			return nil, errors.New("its length is missing")
		}
		return lz4(b[8:], min(binary.LittleEndian.Uint64(b), maxField))
	}
	return nil, fmt.Errorf("it is packed in a way that is not known here (flags %#x)", flags)
}

var errXZ = errors.New("its XZ block is not of the form that journald writes")

// xzWindow is the dictionary that is kept: journald packs with the lowest preset, which
// has 256 KiB. What the block asks for could be 4 GiB.
const xzWindow = 1 << 20

// unpackXZ unpacks the first block of an XZ stream (the .xz file format, 3.1): behind the
// header of the stream, its own, with two sizes that may be missing and the filter, which
// must be LZMA2.
func unpackXZ(b []byte) ([]byte, error) {
	const streamHeader, lzma2 = 12, 0x21
	if len(b) < streamHeader+4 || b[streamHeader] == 0 {
		return nil, errXZ
	}
	block := b[streamHeader:]
	size := (int(block[0]) + 1) * 4
	if size > len(block) || block[1]&0x3f != 0 {
		return nil, errXZ
	}
	head := block[2:size]
	for _, flag := range []byte{0x40, 0x80} {
		if block[1]&flag != 0 {
			_, n := binary.Uvarint(head)
			if n <= 0 {
				return nil, errXZ
			}
			head = head[n:]
		}
	}
	if len(head) < 3 || head[0] != lzma2 || head[1] != 1 {
		return nil, errXZ
	}
	in, err := lzma.Reader2Config{DictCap: xzWindow}.NewReader2(bytes.NewReader(block[size:]))
	if err != nil {
		return nil, err
	}
	return readSome(in)
}

// readSome reads what fits; a stream that was cut off in the file's bounds gives what it has.
func readSome(r io.Reader) ([]byte, error) {
	b := make([]byte, maxField)
	n, err := io.ReadFull(r, b)
	if n > 0 || errors.Is(err, io.EOF) {
		return b[:n], nil
	}
	return nil, err
}

var errLZ4 = errors.New("its LZ4 block is damaged")

// lz4 unpacks a block (the LZ4 block format), until so much is there.
func lz4(b []byte, most uint64) ([]byte, error) {
	out := make([]byte, 0, most)
	for len(b) > 0 && uint64(len(out)) < most {
		token := b[0]
		literals, rest, ok := lz4Length(int(token>>4), b[1:])
		if !ok {
			return nil, errLZ4
		}
		room := int(most) - len(out)
		out = append(out, rest[:min(literals, len(rest), room)]...)
		if literals >= len(rest) || len(rest)-literals < 2 {
			return out, nil // the last sequence is literals only, or what follows was cut off
		}
		rest = rest[literals:]
		back := int(binary.LittleEndian.Uint16(rest))
		match, rest, ok := lz4Length(int(token&15), rest[2:])
		if !ok || back == 0 || back > len(out) {
			return nil, errLZ4
		}
		for range min(match+4, int(most)-len(out)) {
			out = append(out, out[len(out)-back])
		}
		b = rest
	}
	return out, nil
}

// lz4Length reads the bytes that continue a length of 15.
func lz4Length(n int, b []byte) (int, []byte, bool) {
	if n < 15 {
		return n, b, true
	}
	for i, more := range b {
		n += int(more)
		if more != 255 {
			return n, b[i+1:], true
		}
		if n > 1<<30 {
			break
		}
	}
	return 0, nil, false
}
