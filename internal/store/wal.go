package store

import (
	"database/sql"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// fullLog is after how many commits the log is brought into the database.
	fullLog = 40
	// quiet is how long nobody has committed when that begins.
	quiet = 5 * time.Millisecond
)

// keeper brings what commits have left in SQLite's log (WAL) into the database, while
// nobody waits for it. Left to itself SQLite does so within the commit that fills the log
// up, and whoever waits for that one waits several times as long as for the others. Where
// commits leave no quiet moment, it still does (writerPragmas, wal_autocheckpoint).
type keeper struct {
	commits atomic.Int64 // since it last began
	timer   *time.Timer  // guarded as transactions are

	mu sync.Mutex // held while it works
	db *sql.DB    // a connection of its own, beside which others commit; nil once it is closed
}

// committed says that a transaction has ended.
func (k *keeper) committed() {
	switch {
	case k.commits.Add(1) < fullLog:
	case k.timer == nil:
		k.timer = time.AfterFunc(quiet, k.work)
	default:
		k.timer.Reset(quiet)
	}
}

func (k *keeper) work() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.db != nil {
		k.commits.Store(0)
		_, _ = k.db.Exec(`PRAGMA wal_checkpoint(PASSIVE)`) // what it leaves, a later one brings in
	}
}

// close waits for what is under way, and ends it.
func (k *keeper) close() (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.db != nil {
		err, k.db = k.db.Close(), nil
	}
	return err
}
