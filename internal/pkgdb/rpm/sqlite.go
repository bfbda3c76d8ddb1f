package rpm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	// maxTime bounds the reading of a database that is made to take long.
	maxTime     = time.Minute
	maxPackages = 200_000
)

var errSQLite = errors.New("not rpm's database: Packages is no plain table")

// eachSQLite calls do for every package of a private copy of rpmdb.sqlite, beside
// which its write-ahead log lies. The copy is opened for writing, so that SQLite
// takes up what is in that log: read as "immutable", it would be missed.
func eachSQLite(name string, do func([]byte)) error {
	dsn := url.URL{Scheme: "file", Path: name, RawQuery: "mode=rw&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)&_pragma=mmap_size(0)&_pragma=cache_size(-2048)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithTimeout(context.Background(), maxTime)
	defer cancel()
	if err := plainTable(ctx, db); err != nil {
		return err
	}
	rows, err := db.QueryContext(ctx, "SELECT blob FROM main.Packages WHERE length(blob) <= ? LIMIT ?", maxHeader, maxPackages)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var blob sql.RawBytes
		if err := rows.Scan(&blob); err != nil {
			return err
		}
		do(blob)
	}
	return rows.Err()
}

// plainTable refuses a schema in which asking for packages would run something
// else: a view, a virtual table, a computed column.
func plainTable(ctx context.Context, db *sql.DB) error {
	var kind, text string
	err := db.QueryRowContext(ctx, "SELECT type, sql FROM main.sqlite_schema WHERE name = 'Packages' COLLATE NOCASE").Scan(&kind, &text)
	if err != nil {
		return fmt.Errorf("%w: %w", errSQLite, err)
	}
	rows, err := db.QueryContext(ctx, "SELECT name, hidden FROM pragma_table_xinfo('Packages')")
	if err != nil {
		return err
	}
	defer rows.Close()
	found := false
	for rows.Next() {
		var name string
		var hidden int
		if err := rows.Scan(&name, &hidden); err != nil {
			return err
		}
		if hidden != 0 {
			return errSQLite
		}
		found = found || name == "blob"
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if kind != "table" || !found || virtual.MatchString(text) {
		return errSQLite
	}
	return nil
}
