package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What callers branch on.
var (
	// ErrNone: what was asked for is not there. It is fs.ErrNotExist to whoever
	// doesn't know this package.
	ErrNone = fmt.Errorf("nothing recorded: %w", fs.ErrNotExist)
	// ErrLocked: another process is the writer.
	ErrLocked = errors.New("the state directory is in use")
	// ErrFull: no space is left. Nothing of the transaction was written; the
	// store works again once there is space.
	ErrFull = errors.New("no space left for the state")
	// ErrCorrupt: the database is damaged, or its content is not what its digest
	// says.
	ErrCorrupt = errors.New("the state database is damaged")
	// ErrStale: the entries were recorded; what is derived from them could be
	// neither updated nor made again. See [Store.Rebuild].
	ErrStale = errors.New("entries are recorded, but findings and seals can't be listed from them")
	// ErrUnsafe: others could have written in the state directory.
	ErrUnsafe = errors.New("the state directory is not safe")
	// ErrReadOnly: the store was opened for reading.
	ErrReadOnly = errors.New("the state was opened for reading only")
)

// lowSpace is the space below which an input/output error of SQLite is taken
// for a full disk: the WAL index and temporary files report it so.
const lowSpace = 64 << 10

// databaseError is an error of SQLite with the file it is about and, where
// there is one, the sentinel it stands for.
type databaseError struct {
	file     string
	sentinel error
	err      error
}

func (e *databaseError) Error() string {
	if e.sentinel == nil {
		return e.file + ": " + e.err.Error()
	}
	return e.sentinel.Error() + ": " + e.file + ": " + e.err.Error()
}

func (e *databaseError) Unwrap() []error {
	if e.sentinel == nil {
		return []error{e.err}
	}
	return []error{e.sentinel, e.err}
}

// explain adds file and sentinel to an error of SQLite. It returns other errors,
// and those it has explained already, unchanged.
func (s *Store) explain(err error) error { return Explain(s.file(), err) }

// Explain adds to an error of SQLite the database file that it is about and the
// sentinel that it stands for. It returns other errors, and those it has explained
// already, unchanged.
func Explain(file string, err error) error {
	var done *databaseError
	if code(err) == 0 || errors.As(err, &done) {
		return err
	}
	e := &databaseError{file: file, err: err}
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		e.sentinel = ErrFull
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		if spaceLeft(filepath.Dir(file)) < lowSpace {
			e.sentinel = ErrFull
		}
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		e.sentinel = ErrCorrupt
	}
	return e
}

// spaceLeft is the space in a directory that this process may use.
func spaceLeft(dir string) uint64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return ^uint64(0)
	}
	return fs.Bavail * uint64(fs.Bsize)
}

func (s *Store) file() string { return filepath.Join(s.dir, databaseName) }

// code is SQLite's primary result code in an error; 0 where there is none.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}
