package store

import (
	"database/sql"
	"strings"
)

// statements are those that transactions of this writer ran before, ready to be run: to
// make one of its text takes longer than to run it. They are guarded as the transactions
// are.
type statements struct {
	ready map[string]*sql.Stmt
	asked map[string]bool // by the last transaction, and not ready
}

// maxReady bounds them; the texts are this package's own, and fewer.
const maxReady = 64

// within gives a transaction that runs what is ready.
func (st *statements) within(tx *sql.Tx) *readyTx {
	if st.ready == nil {
		st.ready = map[string]*sql.Stmt{}
	}
	st.asked = map[string]bool{}
	return &readyTx{tx, st}
}

// learn makes ready what the last transaction asked for. What can't be made ready is
// made when it is run, as before.
func (st *statements) learn(db *sql.DB) {
	for text := range st.asked {
		if len(st.ready) == maxReady {
			return
		}
		if made, err := db.Prepare(text); err == nil {
			st.ready[text] = made
		}
	}
}

// close lets go of them.
func (st *statements) close() {
	for _, made := range st.ready {
		_ = made.Close() // the connection goes with it
	}
	st.ready = nil
}

// readyTx is a transaction on the database.
type readyTx struct {
	tx *sql.Tx
	st *statements
}

var _ querier = (*readyTx)(nil)

// find is a statement that is ready, nil where there is none.
func (r *readyTx) find(text string) *sql.Stmt {
	if made := r.st.ready[text]; made != nil {
		return r.tx.Stmt(made)
	}
	if !strings.Contains(text, ";") { // several can't be made ready at once
		r.st.asked[text] = true
	}
	return nil
}

// Exec implements querier.
func (r *readyTx) Exec(text string, args ...any) (sql.Result, error) {
	if made := r.find(text); made != nil {
		return made.Exec(args...)
	}
	return r.tx.Exec(text, args...)
}

// Query implements querier.
func (r *readyTx) Query(text string, args ...any) (*sql.Rows, error) {
	if made := r.find(text); made != nil {
		return made.Query(args...)
	}
	return r.tx.Query(text, args...)
}

// QueryRow implements querier.
func (r *readyTx) QueryRow(text string, args ...any) *sql.Row {
	if made := r.find(text); made != nil {
		return made.QueryRow(args...)
	}
	return r.tx.QueryRow(text, args...)
}
