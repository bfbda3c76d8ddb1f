package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"waxseal"
)

// storedState is a State with the texts of its files taken out: most of them
// are the same from one state to the next, so they are blobs.
type storedState struct {
	State waxseal.State `json:"state"`
	// Texts are the digests of the files' texts, by place in State.Files; empty
	// where a file has none.
	Texts []waxseal.Digest `json:"texts"`
}

// PutState keeps the last known state of the tree, in place of the one before.
// It is no entry: what changed since is recorded as observations.
func (t *Tx) PutState(at time.Time, st waxseal.State) error {
	stored := storedState{State: st, Texts: make([]waxseal.Digest, len(st.Files))}
	stored.State.Files = slices.Clone(st.Files)
	for i := range stored.State.Files {
		f := &stored.State.Files[i]
		if f.Text == "" {
			continue
		}
		d, err := t.PutBlob([]byte(f.Text))
		if err != nil {
			return err
		}
		stored.Texts[i], f.Text = d, ""
	}
	text, err := marshal(stored)
	if err != nil {
		return t.fail(fmt.Errorf("state: %w", err))
	}
	_, err = t.tx.Exec(`INSERT INTO state (id, time, data) VALUES (1, ?1, ?2) ON CONFLICT (id) DO UPDATE SET time = ?1, data = ?2`,
		at.UTC().Format(time.RFC3339Nano), t.s.zip.EncodeAll(text, nil))
	if err != nil {
		return t.fail(fmt.Errorf("state: %w", err))
	}
	return nil
}

// State returns the last state given to PutState and its time; ErrNone where
// there is none.
func (s *Store) State() (waxseal.State, time.Time, error) {
	st, at, err := s.state()
	if err != nil {
		return waxseal.State{}, time.Time{}, fmt.Errorf("state: %w", s.explain(err))
	}
	return st, at, nil
}

func (s *Store) state() (st waxseal.State, at time.Time, err error) {
	var text string
	var data []byte
	err = s.read.QueryRow(`SELECT time, data FROM state`).Scan(&text, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return st, at, ErrNone
	}
	if err != nil {
		return st, at, err
	}
	if at, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return st, at, fmt.Errorf("%w: %s: %w", ErrCorrupt, s.file(), err)
	}
	plain, err := s.unzip.DecodeAll(data, nil)
	if err != nil {
		return st, at, fmt.Errorf("%w: %s: %w", ErrCorrupt, s.file(), err)
	}
	var stored storedState
	if err := json.Unmarshal(plain, &stored); err != nil {
		return st, at, fmt.Errorf("%w: %s: %w", ErrCorrupt, s.file(), err)
	}
	return stored.State, at, s.fillTexts(stored)
}

// fillTexts puts the texts back into the files.
func (s *Store) fillTexts(stored storedState) error {
	if len(stored.Texts) != len(stored.State.Files) {
		return fmt.Errorf("%w: %s: texts of another state", ErrCorrupt, s.file())
	}
	for i, d := range stored.Texts {
		if d == "" {
			continue
		}
		text, err := s.Blob(d)
		if err != nil {
			return fmt.Errorf("text of %s: %w", stored.State.Files[i].Path, err)
		}
		stored.State.Files[i].Text = string(text)
	}
	return nil
}
