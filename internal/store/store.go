package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"
	sqlite3 "modernc.org/sqlite/lib"

	"waxseal"
)

// Log makes what belongs to an entry in the ledger; the store keeps it. All
// three must be deterministic but for the signature, and must not call the
// Store.
type Log interface {
	// Encode returns the canonical bytes of the entry. They are JSON with the
	// members index, time, kind and body: docs/format/ledger.md. The body is as
	// encoding/json writes it: valid, and without white space between its tokens.
	Encode(index waxseal.Index, t time.Time, kind string, body []byte) ([]byte, error)
	// Hashes returns the hashes that record, as entry n, adds to the tree; r reads
	// those stored before, also within the transaction under way.
	Hashes(n int64, record []byte, r tlog.HashReader) ([]tlog.Hash, error)
	// Checkpoint returns the signed note for the first size entries.
	Checkpoint(size int64, r tlog.HashReader) ([]byte, error)
}

// Options are what a writer needs.
type Options struct {
	Log Log
}

// Store is the open state. All methods may be called from several goroutines;
// transactions wait for each other.
type Store struct {
	dir  string
	log  Log
	lock *os.File // held by the writer; nil for a reader

	known atomic.Int64 // how many entries this writer has seen the ledger have
	mu    sync.Mutex   // serialises transactions; guards hashes
	// hashes are those that this writer's last checkpoint rests on: what the next one
	// needs of the tree is among them, or new.
	hashes map[int64]tlog.Hash
	note   atomic.Pointer[[]byte] // the checkpoint of this writer's last transaction
	write  *sql.DB                // one connection; nil for a reader
	read   *sql.DB

	statements statements // of write
	keeper     keeper

	zip   *zstd.Encoder
	unzip *zstd.Decoder
}

// Open opens the state for writing and makes it where there is none. Until
// Close nobody else can.
func Open(dir string, opts Options) (*Store, error) {
	if opts.Log == nil {
		return nil, errors.New("internal error: a store can't be opened for writing without a log")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := prepareDir(dir); err != nil {
		return nil, err
	}
	s := &Store{dir: dir, log: opts.Log}
	if s.lock, err = openLock(dir); err != nil {
		return nil, err
	}
	if err := s.openWriter(); err != nil {
		return nil, errors.Join(s.explain(err), s.Close())
	}
	return s, nil
}

func (s *Store) openWriter() error {
	if err := createDatabase(s.file()); err != nil {
		return err
	}
	if err := s.openCodec(); err != nil {
		return err
	}
	var err error
	if s.write, err = s.connect("rw", writerPragmas, 1); err != nil {
		return err
	}
	if err := migrate(s.write); err != nil {
		return err
	}
	if s.keeper.db, err = s.connect("rw", keeperPragmas, 1); err != nil {
		return err
	}
	if s.read, err = s.connect("ro", readerPragmas, readers); err != nil {
		return err
	}
	return s.mend()
}

// mend makes the projections again if they were left behind. Where that can't
// be done they stay marked, see Stale, and the store opens all the same:
// recording goes before listing.
func (s *Store) mend() error {
	_, err := meta(s.write, metaStale)
	if err == nil {
		_, _ = s.Rebuild()
		return nil
	}
	if errors.Is(err, ErrNone) {
		return nil
	}
	return err
}

// OpenReadOnly opens the state for reading, beside a running writer or without
// one. It takes no lock and works where the directory can't be written.
func OpenReadOnly(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	s := &Store{dir: dir}
	if _, err := os.Lstat(s.file()); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if err := s.openReader(); err != nil {
		return nil, errors.Join(s.explain(err), s.Close())
	}
	return s, nil
}

func (s *Store) openReader() error {
	if err := s.openCodec(); err != nil {
		return err
	}
	db, err := s.connect("ro", readerPragmas, readers)
	if err != nil && s.noWAL() {
		// Without a WAL beside it the file is complete, and SQLite can't make the
		// WAL's index in a directory that it can't write.
		db, err = s.connect("ro&immutable=1", readerPragmas, readers)
	}
	if err != nil && code(err) == sqlite3.SQLITE_CANTOPEN && !s.noWAL() {
		return fmt.Errorf("%s-wal can't be read in a directory that can't be written: copy the directory and read the copy: %w", s.file(), err)
	}
	if err != nil {
		return err
	}
	s.read = db
	version, err := schemaVersion(s.read)
	if err != nil {
		return err
	}
	if version < len(migrations) {
		return fmt.Errorf("%s has schema %d, this program reads %d: start the agent once, it brings the state up to date",
			s.file(), version, len(migrations))
	}
	return nil
}

// noWAL reports whether everything is in the database file itself.
func (s *Store) noWAL() bool {
	info, err := os.Stat(s.file() + "-wal")
	return errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0
}

// readers is how many reads may be under way at once in one process.
const readers = 4

// The pragmas of every connection. A commit is on the disk when it returns
// (synchronous, WAL); a WAL is brought into the database at 2,000 pages at the latest
// (keeper), and cut back where it grew under a slow reader (journal_size_limit). The
// database may have been written by someone else: trusted_schema and cell_size_check keep
// a hostile schema or page from more than an error.
var (
	writerPragmas = []string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(2000)",
		"trusted_schema(0)", "cell_size_check(1)", "journal_size_limit(67108864)",
	}
	keeperPragmas = []string{"synchronous(FULL)", "trusted_schema(0)", "cell_size_check(1)"}
	readerPragmas = []string{
		"busy_timeout(10000)", "query_only(1)", "trusted_schema(0)", "cell_size_check(1)",
	}
)

// connect opens the database and proves that it can be read.
func (s *Store) connect(mode string, pragmas []string, conns int) (*sql.DB, error) {
	name := (&url.URL{Scheme: "file", Path: s.file()}).String() + "?mode=" + mode + "&_txlock=immediate"
	for _, p := range pragmas {
		name += "&_pragma=" + p
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	if _, err := one[int64](db, `SELECT count(*) FROM sqlite_schema`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Close releases the lock. It is safe on a store that did not open wholly.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	errs = append(errs, s.keeper.close())
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	s.statements.close()
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
		s.lock = nil
	}
	s.closeCodec()
	return errors.Join(errs...)
}
