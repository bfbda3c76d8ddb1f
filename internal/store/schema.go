package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// migrations bring a database from one version of the schema to the next; the
// version is how many of them it has seen. Only ever add to the list: databases
// of every version are out there.
var migrations = []string{
	// 1: the beginning.
	`CREATE TABLE entry (ix INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;
	 CREATE TABLE hash (ix INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
	 CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;
	 CREATE TABLE blob (digest TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
	 CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), time TEXT NOT NULL, data BLOB NOT NULL) STRICT;
	 CREATE TABLE alive (id INTEGER PRIMARY KEY CHECK (id = 1), time TEXT NOT NULL) STRICT;
	 CREATE TABLE value (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;` + projectionTables,
	// 2: change control. A ledger of version 1 has no entry of it.
	officeTable,
	// 3: triage. The projections are made again by the first writer, since what stands
	// in them says less than the entries do.
	triageTables + `INSERT INTO meta (key, value) VALUES ('stale', 'they were made by an older version') ON CONFLICT DO NOTHING;`,
}

// triageTables hold where triage of a finding stands, which entries are about it, the
// steps of suppressions with what each has hidden, and the time of the newest entry.
const triageTables = `
	ALTER TABLE finding ADD COLUMN verdict TEXT NOT NULL DEFAULT '';
	ALTER TABLE finding ADD COLUMN assignee TEXT NOT NULL DEFAULT '';
	ALTER TABLE finding ADD COLUMN ticket TEXT NOT NULL DEFAULT '';
	ALTER TABLE finding ADD COLUMN suppression TEXT NOT NULL DEFAULT '';
	CREATE TABLE trail (finding TEXT NOT NULL, ix INTEGER NOT NULL, PRIMARY KEY (finding, ix)) STRICT, WITHOUT ROWID;
	CREATE TABLE suppression (ix INTEGER PRIMARY KEY) STRICT;
	CREATE TABLE hit (finding TEXT NOT NULL, suppression TEXT NOT NULL, PRIMARY KEY (finding, suppression)) STRICT, WITHOUT ROWID;
	CREATE TABLE newest (id INTEGER PRIMARY KEY CHECK (id = 1), time INTEGER NOT NULL) STRICT;`

// officeTable lists the entries that change control adds up: keys, steps of permits,
// and findings that rest on one.
const officeTable = `CREATE TABLE office (ix INTEGER PRIMARY KEY) STRICT;`

// projectionTables hold nothing that the entries don't say.
const projectionTables = `
	CREATE TABLE finding (
	  id       TEXT PRIMARY KEY,
	  first    INTEGER NOT NULL, -- index of the first entry of the finding
	  latest   INTEGER NOT NULL, -- index of the last one
	  rule     TEXT NOT NULL,
	  severity INTEGER NOT NULL,
	  status   TEXT NOT NULL,
	  seen     INTEGER NOT NULL, -- nanoseconds since 1970; 0 where unknown
	  body     BLOB NOT NULL     -- JSON of the last entry
	) STRICT;
	CREATE TABLE seal (ix INTEGER PRIMARY KEY) STRICT;`

// The keys of table meta, which is this package's own; callers' values are in
// table value.
const (
	metaSchema = "schema"
	metaStale  = "stale" // why the projections are not up to date; absent where they are
)

// migrate brings the database up to the schema of this program.
func migrate(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`); err != nil {
		return err
	}
	version, err := schemaVersion(tx)
	if err != nil {
		return err
	}
	if version == len(migrations) {
		return nil
	}
	for i := version; i < len(migrations); i++ {
		if _, err := tx.Exec(migrations[i]); err != nil {
			return fmt.Errorf("schema %d: %w", i+1, err)
		}
	}
	if err := setMeta(tx, metaSchema, strconv.Itoa(len(migrations))); err != nil {
		return err
	}
	return tx.Commit()
}

// schemaVersion refuses a database of a newer program.
func schemaVersion(q querier) (int, error) {
	text, err := meta(q, metaSchema)
	if errors.Is(err, ErrNone) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	version, err := strconv.Atoi(text)
	switch {
	case err != nil || version < 0:
		return 0, fmt.Errorf("%w: schema version %q", ErrCorrupt, text)
	case version > len(migrations):
		return 0, fmt.Errorf("the state was written by a newer version of waxseal (schema %d, this program knows %d)", version, len(migrations))
	}
	return version, nil
}

// querier is a database or a transaction on it.
type querier interface {
	Exec(query string, args ...any) (sql.Result, error)
	Query(query string, args ...any) (*sql.Rows, error)
	QueryRow(query string, args ...any) *sql.Row
}

func meta(q querier, key string) (string, error) {
	return one[string](q, `SELECT value FROM meta WHERE key = ?`, key)
}

func setMeta(q querier, key, value string) error {
	_, err := q.Exec(`INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2`, key, value)
	return err
}

// one reads one column of one row; ErrNone where there is no row.
func one[T any](q querier, query string, args ...any) (T, error) {
	var v T
	err := q.QueryRow(query, args...).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return v, ErrNone
	}
	return v, err
}
