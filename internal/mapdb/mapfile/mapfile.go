// Package mapfile reads the compiled tables of mail servers: the files that
// postmap(1), postalias(1) and makemap(8) write and that daemons look names up
// in.
//
// The formats are those of Berkeley DB 4 to 18 (hash and btree: db_page.h and
// db_swap.c of its source), LMDB 0.9 (mdb.c), CDB
// (https://cr.yp.to/cdb/cdb.txt) and sdbm (its page.c). Files of either byte
// order are read. The package reads what a lookup would reach, following the
// structure from its root, so a page or record that hangs nowhere is left out.
// It writes nothing, takes no lock, and knows nothing of mail: keys and values
// are bytes as they stand in the file, a closing NUL byte included.
//
// A file may be damaged or made to mislead. Whatever it says, time and memory
// stay within a small multiple of its size.
package mapfile

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Format is how a file is laid out.
type Format string

// The formats.
const (
	Hash  Format = "hash"  // Berkeley DB, X.db
	Btree Format = "btree" // Berkeley DB, X.db
	LMDB  Format = "lmdb"  // X.lmdb
	CDB   Format = "cdb"   // X.cdb
	SDBM  Format = "sdbm"  // X.pag
)

// What keeps a whole file from being read.
var (
	ErrFormat    = errors.New("not a table of this format")
	ErrEncrypted = errors.New("the table is encrypted")
)

// Each calls yield with each pair that a lookup in the file could find, in the
// order of the file, until yield returns false. Both slices are only valid
// during the call. Of several values under one key, only the first, which is
// the one that a lookup gives, is yielded where the format tells.
//
// The problems are what was passed over, at most maxProblems of them. An error
// means that nothing more could be read; what was yielded before stands.
func Each(format Format, r io.ReaderAt, size int64, yield func(key, value []byte) bool) (problems []string, err error) {
	f := &file{r: r, size: size, yield: yield, budget: 4*size + 1<<20}
	switch format {
	case Hash, Btree:
		err = eachBerkeley(f, format)
	case LMDB:
		err = eachLMDB(f)
	case CDB:
		err = eachCDB(f)
	case SDBM:
		err = eachSDBM(f)
	default:
		err = fmt.Errorf("%w: no format %q", ErrFormat, string(format))
	}
	if errors.Is(err, errStop) {
		err = nil
	}
	return f.problems, err
}

// maxProblems bounds what is told about one file.
const maxProblems = 20

var (
	// errStop: yield has seen enough.
	errStop = errors.New("stop")
	// errBudget: the file leads to the same bytes again and again.
	errBudget = errors.New("the table refers to the same bytes more often than a sound one would")
)

// file is the file being read, and what has come of it.
type file struct {
	r        io.ReaderAt
	size     int64
	yield    func(key, value []byte) bool
	problems []string
	budget   int64 // how many bytes may still be read and yielded
}

func (f *file) problem(format string, args ...any) {
	if len(f.problems) == maxProblems {
		return
	}
	text := fmt.Sprintf(format, args...)
	switch {
	case slices.Contains(f.problems, text):
	case len(f.problems) < maxProblems-1:
		f.problems = append(f.problems, text)
	default:
		f.problems = append(f.problems, "further problems are not listed")
	}
}

// read fills p from off.
func (f *file) read(p []byte, off int64) error {
	if off < 0 || off > f.size || int64(len(p)) > f.size-off {
		return fmt.Errorf("%d bytes at %d lie beyond the end of the file: %w", len(p), off, io.ErrUnexpectedEOF)
	}
	if f.budget -= int64(len(p)); f.budget < 0 {
		return errBudget
	}
	// ReadAt may report io.EOF with the last bytes of the file.
	if n, err := f.r.ReadAt(p, off); n < len(p) {
		return fmt.Errorf("read %d bytes at %d: %w", len(p), off, err)
	}
	return nil
}

// readInto is read with a buffer that grows when need be.
func (f *file) readInto(buf *[]byte, n, off int64) ([]byte, error) {
	if n < 0 || off < 0 || off > f.size || n > f.size-off {
		return nil, fmt.Errorf("%d bytes at %d lie beyond the end of the file: %w", n, off, io.ErrUnexpectedEOF)
	}
	if int64(cap(*buf)) < n {
		*buf = make([]byte, n)
	}
	p := (*buf)[:n]
	return p, f.read(p, off)
}

func (f *file) emit(key, value []byte) error {
	if f.budget -= int64(len(key) + len(value)); f.budget < 0 {
		return errBudget
	}
	if !f.yield(key, value) {
		return errStop
	}
	return nil
}

// fatal reports whether an error ends the reading; others end a page or an
// item.
func fatal(err error) bool { return errors.Is(err, errStop) || errors.Is(err, errBudget) }

// marks remembers which pages have been seen.
type marks []uint64

func newMarks(n int64) marks { return make(marks, n/64+1) }

// add reports whether n was not there yet.
func (m marks) add(n uint64) bool {
	bit := uint64(1) << (n % 64)
	if m[n/64]&bit != 0 {
		return false
	}
	m[n/64] |= bit
	return true
}
