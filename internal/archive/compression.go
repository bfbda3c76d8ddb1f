package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
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

// Unpack reads a packed file as what is in it, and any other as it is. How it is packed
// is seen from its first bytes.
func Unpack(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if c := compressionOf(head); c != nil {
		return c.unpack(in)
	}
	return in, nil
}
