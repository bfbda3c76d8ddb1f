package archive

import (
	"errors"
	"io"
)

// errSparse: an archive made to cost time.
var errSparse = errors.New("too many sparse files in a row before it")

// cursor reads an archive in order, and says where it is. It reads a little
// ahead, as headers lie side by side, and can step over contents.
type cursor struct {
	r      io.ReaderAt
	size   int64
	at     int64
	buf    []byte // what lies at bufAt
	bufAt  int64
	window [4096]byte
}

// Read implements io.Reader.
func (c *cursor) Read(p []byte) (int, error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	if len(p) >= len(c.window) {
		n, err := c.r.ReadAt(p[:min(int64(len(p)), c.size-c.at)], c.at)
		c.at += int64(n)
		if n > 0 {
			err = nil
		}
		return n, err
	}
	if c.at < c.bufAt || c.at >= c.bufAt+int64(len(c.buf)) {
		n, err := c.r.ReadAt(c.window[:min(int64(len(c.window)), c.size-c.at)], c.at)
		if n == 0 {
			return 0, err
		}
		c.buf, c.bufAt = c.window[:n], c.at
	}
	n := copy(p, c.buf[c.at-c.bufAt:])
	c.at += int64(n)
	return n, nil
}

var errSeek = errors.New("seek out of range")

// Seek implements io.Seeker.
func (c *cursor) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errSeek
	}
	c.at = offset
	return offset, nil
}
