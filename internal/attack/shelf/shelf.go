// Package shelf keeps releases of ATT&CK side by side: every version of every object
// that was imported, with exactly the bytes that it had in its source.
//
// It is one SQLite database, attack.db in the state directory, apart from the
// ledger's: ATT&CK is published by MITRE and can be imported again, so it needs no
// proof, and its import must neither wait for a running agent nor make it wait. An
// import is one transaction, which leaves everything or nothing. Nothing is ever
// taken away: an object that a release has in other words from a second source
// supersedes the first, which stays.
//
// The package does not judge and does not compare; [attack] does.
//
// # Trust
//
//   - attack.db: not trusted. Whoever can modify it can at most make the attack verbs
//     tell something else than MITRE does; no severity depends on it. Bytes that are
//     not what their digest says are refused.
package shelf

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite" // the driver

	"waxseal/internal/attack/stix"
	"waxseal/internal/store"
)

// Name is the file's name in the state directory.
const Name = "attack.db"

// migrations bring a database from one version of the schema to the next. Only ever
// add to the list.
var migrations = []string{
	// 1: the beginning.
	`CREATE TABLE import (
	   id INTEGER PRIMARY KEY, release TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, imported TEXT NOT NULL,
	   domain TEXT NOT NULL, bundle TEXT NOT NULL, stix TEXT NOT NULL, objects INTEGER NOT NULL, skipped INTEGER NOT NULL,
	   whole INTEGER NOT NULL                -- 1: the matrix of the domain is among the objects
	 ) STRICT;
	 CREATE TABLE file (id INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL) STRICT;
	 CREATE TABLE content (
	   id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, canonical BLOB NOT NULL, substance BLOB NOT NULL,
	   data BLOB NOT NULL                    -- the bytes of the source, zstd
	 ) STRICT;
	 CREATE TABLE object (
	   id INTEGER PRIMARY KEY, stix TEXT NOT NULL, release TEXT NOT NULL, import INTEGER NOT NULL, file INTEGER,
	   content INTEGER NOT NULL, attack TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, modified TEXT NOT NULL,
	   revoked INTEGER NOT NULL,
	   force INTEGER NOT NULL                -- 1: what the release says now
	 ) STRICT;
	 CREATE INDEX object_stix ON object (stix, release);
	 CREATE INDEX object_attack ON object (attack) WHERE attack <> '';
	 CREATE INDEX object_content ON object (content);
	 CREATE TABLE link (
	   target TEXT NOT NULL, field TEXT NOT NULL, content INTEGER NOT NULL, PRIMARY KEY (target, field, content)
	 ) STRICT, WITHOUT ROWID;`,
}

// Shelf is the open database. It implements attack.Shelf.
type Shelf struct {
	file  string
	db    *sql.DB
	zip   *zstd.Encoder
	unzip *zstd.Decoder
}

// Open opens the shelf of a state directory for importing, and makes both where they
// are not there.
func Open(dir string) (*Shelf, error) {
	file, err := store.Beside(dir, Name)
	if err != nil {
		return nil, err
	}
	s, err := open(file, "rw", "busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "trusted_schema(0)", "cell_size_check(1)", "journal_size_limit(4194304)", "cache_size(-16384)")
	if err != nil {
		return nil, err
	}
	if err := s.migrate(); err != nil {
		return nil, errors.Join(store.Explain(file, err), s.Close())
	}
	return s, nil
}

// OpenReadOnly opens the shelf for reading, beside an import or without one. The error
// is fs.ErrNotExist where nothing was ever imported.
func OpenReadOnly(dir string) (*Shelf, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, Name)
	if st, err := os.Lstat(file); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() || st.Size() == 0 {
		return nil, fmt.Errorf("%s: no database: %w", file, fs.ErrNotExist)
	}
	pragmas := []string{"busy_timeout(10000)", "query_only(1)", "trusted_schema(0)", "cell_size_check(1)"}
	s, err := open(file, "ro", pragmas...)
	if wal, walErr := os.Stat(file + "-wal"); err != nil && (walErr != nil || wal.Size() == 0) {
		s, err = open(file, "ro&immutable=1", pragmas...) // in a directory that can't be written
	}
	if err != nil {
		return nil, err
	}
	version, err := s.version()
	if err == nil && version < len(migrations) {
		err = fmt.Errorf("%s has schema %d, this program reads %d: an import brings it up to date", file, version, len(migrations))
	}
	if err != nil {
		return nil, errors.Join(store.Explain(file, err), s.Close())
	}
	return s, nil
}

func open(file, mode string, pragmas ...string) (*Shelf, error) {
	name := (&url.URL{Scheme: "file", Path: file}).String() + "?mode=" + mode + "&_txlock=immediate"
	for _, p := range pragmas {
		name += "&_pragma=" + p
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	s := &Shelf{file: file, db: db}
	db.SetMaxOpenConns(4)
	var tables int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil {
		return nil, errors.Join(store.Explain(file, err), db.Close())
	}
	if s.zip, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(64<<10)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.unzip, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(stix.MaxObject+1))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// version is the number of migrations that the database has seen.
func (s *Shelf) version() (n int, err error) {
	if err := s.db.QueryRow(`PRAGMA user_version`).Scan(&n); err != nil {
		return 0, err
	}
	if n > len(migrations) {
		return n, fmt.Errorf("%s was written by a newer version of waxseal (schema %d, this program knows %d)", s.file, n, len(migrations))
	}
	return n, nil
}

func (s *Shelf) migrate() error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	version, err := s.version()
	if err != nil || version == len(migrations) {
		return err
	}
	for i, m := range migrations[version:] {
		if _, err := tx.Exec(m + fmt.Sprintf("PRAGMA user_version = %d", version+i+1)); err != nil {
			return fmt.Errorf("schema %d: %w", version+i+1, err)
		}
	}
	return tx.Commit()
}

// Close closes the database.
func (s *Shelf) Close() error {
	_ = s.zip.Close() // nothing is buffered: only EncodeAll is used
	s.unzip.Close()
	return s.db.Close()
}

// bytesOf is a digest as it is kept.
func bytesOf[D ~string](d D) []byte {
	b, _ := hex.DecodeString(string(d)) // ours: it was made by EncodeToString
	return b
}
