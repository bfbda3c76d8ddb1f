package agent

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"waxseal"
	"waxseal/internal/ledger"
	"waxseal/internal/mask"
	"waxseal/internal/papers"
	"waxseal/internal/permit"
	"waxseal/internal/store"
	"waxseal/internal/triage"
)

// Books are everything that one state directory keeps: the ledger with its
// projections, the key that signs it, and the key that masks secrets.
type Books struct {
	*store.Store
	Tree waxseal.Tree // that is judged, for what it has of packages; nil where it is not at hand
	// Papers are those of the tree; nil where this process reads them itself.
	Papers   papers.Source
	Masker   *mask.Masker
	Verifier string // the ledger's public key
	Rules    permit.Rules
	Tuned    triage.Rules // of suppressions

	settled map[permit.ID]bool // overdue permits whose findings are open again
	held    *permit.Book       // change control up to entry heldTo, for deadlines
	heldTo  waxseal.Index
	clock   *clock // nil until it is looked at

	draft *draft // nil while nothing is begun

	sealed atomic.Pointer[sealedAt] // nil until it is asked for
}

// OpenBooks opens a state directory for writing, and makes it where there is
// none. One process at a time may hold it.
func OpenBooks(dir string, host waxseal.HostID) (*Books, error) {
	signer, err := store.LoadKey(dir, func() (string, error) {
		name := string(host)
		if name == "" {
			name = "host"
		}
		signer, _, err := ledger.GenerateKey(name, rand.Reader)
		return signer, err
	})
	if err != nil {
		return nil, err
	}
	log, err := ledger.New(signer)
	if err != nil {
		return nil, err
	}
	masker, err := loadMasker(dir, makeKey)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(dir, store.Options{Log: log})
	if err != nil {
		return nil, err
	}
	return &Books{Store: st, Masker: masker, Verifier: log.Verifier(), Rules: permit.DefaultRules(), Tuned: triage.DefaultRules(), settled: map[permit.ID]bool{}}, nil
}

// ReadBooks opens a state directory for reading, beside a running agent.
func ReadBooks(dir string) (*Books, error) {
	st, err := store.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	b := &Books{Store: st, Rules: permit.DefaultRules(), Tuned: triage.DefaultRules(), settled: map[permit.ID]bool{}}
	if signer, err := store.ReadKey(dir); err == nil {
		if log, err := ledger.New(signer); err == nil {
			b.Verifier = log.Verifier()
		}
	}
	if b.Masker, err = loadMasker(dir, useThrowAwayKey); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return b, nil
}

// Checkpoint is the one-line form of the ledger's latest checkpoint, "" while
// there is none.
func (b *Books) Checkpoint() string {
	note, err := b.Store.Checkpoint()
	if err != nil {
		return ""
	}
	return ledger.Short(note)
}

// maskKeyName is the key that secrets are digested with. It is not trusted to
// stay secret against root: whoever reads it can try passwords against the
// tokens, and nothing else.
const maskKeyName = "mask.key"

type missingKey int

const (
	makeKey missingKey = iota
	useThrowAwayKey
)

func loadMasker(dir string, missing missingKey) (*mask.Masker, error) {
	file := filepath.Join(dir, maskKeyName)
	key, err := os.ReadFile(file)
	if err == nil && len(key) >= 32 {
		return mask.New(key), nil
	}
	if err == nil {
		return nil, fmt.Errorf("%s holds %d bytes instead of 32", file, len(key))
	}
	if missing == useThrowAwayKey {
		return ThrowAwayMasker(), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(dir, "waxseal.db")); err == nil {
		return nil, fmt.Errorf("%s is missing, and the secrets in the database were digested with it: put the key back, or start with an empty directory", file)
	}
	return makeMaskKey(file)
}

// makeMaskKey writes a new key to the disk before anything is digested with it.
func makeMaskKey(file string) (*mask.Masker, error) {
	key := make([]byte, 32)
	rand.Read(key)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(file))
	}
	return mask.New(key), nil
}

// ThrowAwayMasker masks with a key that nobody keeps: tokens are comparable
// within one run only.
func ThrowAwayMasker() *mask.Masker {
	key := make([]byte, 32)
	rand.Read(key)
	return mask.New(key)
}
