package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"waxseal/internal/agent"
	"waxseal/internal/store"
)

// readBooks opens an existing state directory for reading.
func (d *door) readBooks() (*agent.Books, error) {
	switch lost, err := d.lost(); {
	case lost:
		return nil, d.lossError()
	case errors.Is(err, fs.ErrNotExist):
		return nil, &exit{code: exitUsage, err: fmt.Errorf("no state in %s", d.config.State), hint: "waxseal seal makes it"}
	}
	books, err := agent.ReadBooks(d.config.State)
	if err != nil {
		return nil, d.stateError(err)
	}
	return books, nil
}

// stateError gives an error of opening the state its exit code: what is there
// and can't be used is unreadable; a place where nothing can be made is a wrong
// argument.
func (d *door) stateError(err error) error {
	switch {
	case errors.Is(err, store.ErrLocked):
		return err // callers ask the agent then
	case errors.Is(err, fs.ErrNotExist):
		return &exit{code: exitUsage, err: err, hint: "the directory above " + d.config.State + " must be there, and be writable"}
	}
	return &exit{code: exitUnreadable, err: err}
}

// lost reports whether a state directory has a key, and no ledger that was
// signed with it. The error is fs.ErrNotExist where there is no state at all.
func (d *door) lost() (bool, error) {
	if _, err := os.Stat(d.config.State); err != nil {
		return false, err
	}
	database, err := os.Stat(filepath.Join(d.config.State, "waxseal.db"))
	if err == nil && database.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if _, noKey := os.Lstat(filepath.Join(d.config.State, "ledger.key")); noKey != nil {
		return false, fs.ErrNotExist
	}
	return true, nil
}

// lossError: a ledger that is gone is not the same as one that never was.
func (d *door) lossError() error {
	return &exit{code: exitUnreadable,
		err:  fmt.Errorf("the ledger in %s is gone: there is a key, and waxseal.db is missing or empty", d.config.State),
		hint: "put waxseal.db back from a copy; a seal begins a new ledger, and a checkpoint kept elsewhere shows that it is another one"}
}

// warnOfLoss tells whoever begins a new ledger that there was one.
func (d *door) warnOfLoss() {
	if lost, _ := d.lost(); lost {
		d.warn("warning: " + d.lossError().Error() + "; a new ledger begins at entry 0")
	}
}
