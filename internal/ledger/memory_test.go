package ledger_test

import (
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"waxseal"
	"waxseal/internal/ledger"
)

// memory is a ledger in memory: a Source to tamper with.
type memory struct {
	records [][]byte // nil where one was deleted
	hashes  []tlog.Hash
	notes   map[int64][]byte // by size
}

func (m *memory) Len() (int64, error) { return int64(len(m.records)), nil }

func (m *memory) Record(i waxseal.Index) ([]byte, error) {
	if int(i) >= len(m.records) || m.records[i] == nil {
		return nil, fmt.Errorf("record %d: %w", i, fs.ErrNotExist)
	}
	return m.records[i], nil
}

func (m *memory) Hash(i int64) (tlog.Hash, error) {
	if int(i) >= len(m.hashes) {
		return tlog.Hash{}, fmt.Errorf("hash %d: %w", i, fs.ErrNotExist)
	}
	return m.hashes[i], nil
}

func (m *memory) Checkpoints() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, note := range m.notes { // in any order
			if !yield(note, nil) {
				return
			}
		}
	}
}

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = m.hashes[index]
	}
	return hashes, nil
}

func (m *memory) clone() *memory {
	c := &memory{hashes: slices.Clone(m.hashes), notes: map[int64][]byte{}}
	for _, r := range m.records {
		c.records = append(c.records, slices.Clone(r))
	}
	for size, note := range m.notes {
		c.notes[size] = slices.Clone(note)
	}
	return c
}

// add appends records as one transaction does.
func (m *memory) add(t testing.TB, l *ledger.Log, records ...[]byte) {
	t.Helper()
	for _, r := range records {
		hashes, err := l.Hashes(int64(len(m.records)), r, m)
		if err != nil {
			t.Fatal(err)
		}
		m.records, m.hashes = append(m.records, r), append(m.hashes, hashes...)
	}
	size := int64(len(m.records))
	note, err := l.Checkpoint(size, m)
	if err != nil {
		t.Fatal(err)
	}
	m.notes[size] = note
}

// resign writes the ledger anew from its records with the key of l, as root
// could, with checkpoints at the same sizes.
func (m *memory) resign(t testing.TB, l *ledger.Log) {
	t.Helper()
	sizes, records := m.notes, m.records
	m.notes, m.records, m.hashes = map[int64][]byte{}, nil, nil
	var batch [][]byte
	for i, r := range records {
		batch = append(batch, r)
		if _, ok := sizes[int64(i+1)]; ok {
			m.add(t, l, batch...)
			batch = nil
		}
	}
}

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 5000, time.UTC)

func record(t testing.TB, i int, text string) []byte {
	t.Helper()
	b, err := ledger.Encode(ledger.Entry{
		Index: waxseal.Index(i), Time: testTime.Add(time.Duration(i) * time.Minute), Kind: ledger.KindObservation,
		Body: fmt.Appendf(nil, `{"text":%q}`, text),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newLog returns a Log with a key that depends on the seed alone.
func newLog(t testing.TB, seed byte) *ledger.Log {
	t.Helper()
	signer, _, err := ledger.GenerateKey("mail.example.net", rand.NewChaCha8([32]byte{seed}))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(signer)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// newLedger returns a ledger of 21 entries with checkpoints of sizes 3, 6 … 21.
func newLedger(t testing.TB, l *ledger.Log) *memory {
	t.Helper()
	m := &memory{notes: map[int64][]byte{}}
	for i := 0; i < 21; i += 3 {
		m.add(t, l, record(t, i, "a"), record(t, i+1, "b"), record(t, i+2, "c"))
	}
	return m
}
