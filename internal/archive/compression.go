package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// compression is how an archive is packed, found by its first bytes.
type compression struct {
	name   string
	magic  []byte
	unpack func(io.Reader) (io.Reader, error)
}

var compressions = []compression{
	{"gzip", []byte{0x1f, 0x8b}, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},           // RFC 1952 §2.3.1
	{"xz", []byte{0xfd, '7', 'z', 'X', 'Z', 0}, unpackXZ},                                                     // xz-file-format.txt §2.1.1.1
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, unpackZstd},                                                      // RFC 8878 §3.1.1
	{"bzip2", []byte{'B', 'Z', 'h'}, func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }}, // bzip2(1)
}

// compressionOf recognises a packed file by its head; nil is an unpacked one.
func compressionOf(head []byte) *compression {
	for i := range compressions {
		if bytes.HasPrefix(head, compressions[i].magic) {
			return &compressions[i]
		}
	}
	return nil
}

// maxWindow bounds the memory that a packed file may ask for: that of
// "zstd --long=27" and "xz -9" with room to spare.
const maxWindow = 128 << 20

func unpackZstd(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// unpackXZ refuses a first block with a dictionary that no compressor makes by
// itself, since the library would ask for its size at once.
func unpackXZ(r io.Reader) (io.Reader, error) {
	const header = 12 // of the stream (xz-file-format.txt §2.1.1)
	head := make([]byte, header+32)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = head[:n]
	if size := dictionary(head[min(n, header):]); size > maxWindow {
		return nil, fmt.Errorf("xz dictionary of %d MiB: more than %d MiB", size>>20, maxWindow>>20)
	}
	return xz.NewReader(bufio.NewReaderSize(io.MultiReader(bytes.NewReader(head), r), 64<<10))
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
