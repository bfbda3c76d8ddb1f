package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"waxseal"
	"waxseal/internal/ledger"
)

func TestVerifyIntact(t *testing.T) {
	l := newLog(t, 1)
	m := newLedger(t, l)
	r, err := ledger.Verify(m, l.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	root, err := tlog.TreeHash(21, m)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() || r.Entries != 21 || r.Checkpoints != 7 || r.Root != root || r.Trust != ledger.TrustItself {
		t.Errorf("report of an intact ledger: %+v", r)
	}
	if !strings.Contains(r.Trust, "not proven against root") {
		t.Errorf("trust sentence: %q", r.Trust)
	}
}

func TestVerifyEmpty(t *testing.T) {
	l := newLog(t, 1)
	r, err := ledger.Verify(&memory{}, l.Verifier())
	if err != nil || !r.OK() || r.Entries != 0 {
		t.Errorf("empty ledger: %+v, %v", r, err)
	}
}

// TestVerifyTampered: whoever can't sign is found, and the first bad entry is
// named.
func TestVerifyTampered(t *testing.T) {
	l := newLog(t, 1)
	hashAt := func(level int, n int64) int64 { return tlog.StoredHashIndex(level, n) }
	tests := []struct {
		name   string
		tamper func(*memory)
		index  waxseal.Index
		until  waxseal.Index
		want   string // in the first problem
	}{
		{"entry body", func(m *memory) {
			m.records[17] = record(t, 17, "x")
		}, 17, 17, "entry 17: content does not match its hash"},
		{"entry bytes", func(m *memory) {
			m.records[17][3] ^= 1
		}, 17, 17, "entry 17: content does not match its hash: entry is not readable"},
		{"two entries bodies, first named", func(m *memory) {
			m.records[17] = record(t, 17, "x")
			m.records[4] = record(t, 4, "x")
		}, 4, 4, "entry 4: content does not match its hash"},
		{"order", func(m *memory) {
			m.records[12], m.records[13] = m.records[13], m.records[12]
		}, 12, 12, "entry 12: content does not match its hash: it says that it is entry 13"},
		{"order with hashes", func(m *memory) {
			m.records[12], m.records[13] = m.records[13], m.records[12]
			a, b := hashAt(0, 12), hashAt(0, 13)
			m.hashes[a], m.hashes[b] = m.hashes[b], m.hashes[a]
		}, 12, 12, "entry 12: it says that it is entry 13"},
		{"deletion in the middle", func(m *memory) {
			m.records[17] = nil
		}, 17, 17, "entry 17 is missing"},
		{"first entry deleted", func(m *memory) {
			m.records[0] = nil
		}, 0, 0, "entry 0 is missing"},
		{"deletion in the middle, the rest moved up", func(m *memory) {
			m.records = append(m.records[:7], m.records[8:]...)
		}, 7, 7, "entry 7: content does not match its hash: it says that it is entry 8"},
		{"rewritten with all hashes", func(m *memory) {
			notes := m.clone().notes
			m.records[13] = record(t, 13, "x")
			m.resign(t, newLog(t, 2))
			m.notes = notes
		}, 12, 14, "checkpoint of size 15: root does not match: entries 12 to 14 were rewritten, replaced or moved " +
			"after it was signed (the checkpoint of size 12 still holds)"},
		{"rewritten with all hashes, from the first", func(m *memory) {
			notes := m.clone().notes
			m.records[0] = record(t, 0, "x")
			m.resign(t, newLog(t, 2))
			m.notes = notes
		}, 0, 2, "checkpoint of size 3: root does not match: entries 0 to 2 were rewritten"},
		{"deletion at the end", func(m *memory) {
			m.records = m.records[:18]
		}, 18, 20, "3 entries are missing at the end: the checkpoint of the ledger itself covers 21 entries, the ledger has 18"},
		{"deletion of one at the end", func(m *memory) {
			m.records = m.records[:20]
		}, 20, 20, "1 entry is missing at the end"},
		{"deletion at the end with checkpoints", func(m *memory) {
			m.records = m.records[:18]
			delete(m.notes, 21)
		}, 18, 18, "hashes of entries after the last one: entry 18"},
		{"addition at the end", func(m *memory) {
			m.records = append(m.records, record(t, 21, "x"))
			hashes, _ := tlog.StoredHashes(21, m.records[21], m)
			m.hashes = append(m.hashes, hashes...)
		}, 21, 21, "no valid checkpoint covers entry 21"},
		{"stored record hash", func(m *memory) {
			m.hashes[hashAt(0, 17)][5] ^= 1
		}, 17, 17, "entry 17: its stored hash was changed; the content is as it was signed"},
		{"stored tree hash", func(m *memory) {
			m.hashes[hashAt(2, 3)][5] ^= 1
		}, 15, 15, "the stored hash over entries 12 to 15 was changed; the entries are as they were signed"},
		{"stored hashes cut off", func(m *memory) {
			m.hashes = m.hashes[:hashAt(0, 17)]
		}, 17, 17, "entry 17: its stored hash was changed"},
		{"checkpoint text", func(m *memory) {
			m.notes[18] = []byte(strings.Replace(string(m.notes[18]), "\n18\n", "\n19\n", 1))
		}, waxseal.NoIndex, waxseal.NoIndex, "checkpoint of size 19: signature is not by this key"},
		{"checkpoint by another key", func(m *memory) {
			m.notes[18], _ = newLog(t, 2).Checkpoint(18, m)
		}, waxseal.NoIndex, waxseal.NoIndex, "checkpoint of size 18: signature is not by this key"},
		{"checkpoint unreadable", func(m *memory) {
			m.notes[18] = []byte("nothing")
		}, waxseal.NoIndex, waxseal.NoIndex, "a checkpoint is not readable"},
		{"last checkpoint deleted", func(m *memory) {
			delete(m.notes, 21)
		}, 18, 20, "no valid checkpoint covers entries 18 to 20"},
		{"all checkpoints deleted", func(m *memory) {
			clear(m.notes)
		}, 0, 20, "no valid checkpoint covers entries 0 to 20"},
		{"checkpoint of another history by the same key", func(m *memory) {
			other := m.clone()
			other.records[10] = record(t, 10, "x")
			other.resign(t, l)
			m.notes[12] = other.notes[12]
		}, 9, 11, "checkpoint of size 12: root does not match: entries 9 to 11 were rewritten"},
		{"signed entry that is none", func(m *memory) {
			m.records[17] = []byte("{}")
			m.resign(t, l)
		}, 17, 17, "entry 17 was signed as it is, and is none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newLedger(t, l)
			tt.tamper(m)
			r, err := ledger.Verify(m, l.Verifier())
			if err != nil {
				t.Fatal(err)
			}
			if r.OK() || r.Trust != ledger.TrustBroken {
				t.Fatalf("not found: %+v", r)
			}
			p := r.Problems[0]
			if p.Index != tt.index || p.Until != tt.until || !strings.Contains(p.Message, tt.want) {
				t.Errorf("first problem: %d to %d: %s\nwant %d to %d: %s", p.Index, p.Until, p, tt.index, tt.until, tt.want)
			}
			if strings.Contains(p.Message, "entry 17: content") && p.Kind != "" && !strings.Contains(p.String(), "observation of 2026-03-01T12:17:00Z") {
				t.Errorf("time and kind are not named: %s", p)
			}
		})
	}
}

// TestVerifyTwoHistories: one key that signed two histories is said so.
func TestVerifyTwoHistories(t *testing.T) {
	l := newLog(t, 1)
	m := newLedger(t, l)
	other := m.clone()
	other.records[10] = record(t, 10, "x")
	other.resign(t, l)
	m.notes[12] = other.notes[12]
	r, err := ledger.Verify(m, l.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) != 2 || !strings.Contains(r.Problems[1].Message, "one ledger key has signed two histories") {
		t.Errorf("problems: %v", r.Problems)
	}
}

// TestVerifyAllBytes flips every byte of a small ledger in turn: none goes
// unnoticed.
func TestVerifyAllBytes(t *testing.T) {
	l := newLog(t, 1)
	m := &memory{notes: map[int64][]byte{}}
	m.add(t, l, record(t, 0, "a"), record(t, 1, "b"))
	m.add(t, l, record(t, 2, "c"))
	check := func(what string, at int) {
		r, err := ledger.Verify(m, l.Verifier())
		if err != nil {
			t.Fatal(err)
		}
		if r.OK() {
			t.Errorf("%s: byte %d flipped, not found", what, at)
		}
	}
	for i := range m.records {
		for j := range m.records[i] {
			m.records[i][j] ^= 1
			check(fmt.Sprintf("entry %d", i), j)
			m.records[i][j] ^= 1
		}
	}
	for i := range m.hashes {
		for j := range m.hashes[i] {
			m.hashes[i][j] ^= 1
			check(fmt.Sprintf("hash %d", i), j)
			m.hashes[i][j] ^= 1
		}
	}
	for size := range m.notes {
		for j := range m.notes[size] {
			m.notes[size][j] ^= 1
			check(fmt.Sprintf("checkpoint of size %d", size), j)
			m.notes[size][j] ^= 1
		}
	}
}

// TestVerifyAgainst: a ledger that was rewritten and signed again with its own
// key is consistent with itself; only a checkpoint kept elsewhere shows it.
func TestVerifyAgainst(t *testing.T) {
	l := newLog(t, 1)
	m := newLedger(t, l)
	kept := m.notes[18]
	size, root, err := ledger.ParseShort(ledger.Short(kept))
	if err != nil || size != 18 {
		t.Fatalf("short form %q: %d, %v", ledger.Short(kept), size, err)
	}
	tests := []struct {
		name   string
		tamper func(*memory)
		itself bool   // consistent with itself
		want   string // in the first problem; "" where there must be none
	}{
		{"intact", func(*memory) {}, true, ""},
		{"rewritten and signed again", func(m *memory) {
			m.records[5] = record(t, 5, "x")
			m.resign(t, l)
		}, true, "checkpoint kept elsewhere, of size 18: root does not match: of entries 0 to 17 at least one was rewritten"},
		{"rewritten after the checkpoint", func(m *memory) {
			m.records[19] = record(t, 19, "x")
			m.resign(t, l)
		}, true, ""},
		{"cut off before the checkpoint, with all traces", func(m *memory) {
			m.records = m.records[:15]
			m.resign(t, l)
		}, true, "3 entries are missing at the end: the checkpoint kept elsewhere covers 18 entries, the ledger has 15"},
		{"cut off after the checkpoint, with all traces", func(m *memory) {
			m.records = m.records[:18]
			m.resign(t, l)
		}, true, ""},
		{"everything removed", func(m *memory) {
			*m = memory{}
		}, true, "18 entries are missing at the end"},
		{"changed without signing", func(m *memory) {
			m.records[5] = record(t, 5, "x")
		}, false, "entry 5: content does not match its hash"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newLedger(t, l)
			tt.tamper(m)
			r, err := ledger.Verify(m, l.Verifier())
			if err != nil || r.OK() != tt.itself || tt.itself && r.Trust != ledger.TrustItself {
				t.Errorf("against itself: %+v, %v", r, err)
			}
			full, err := ledger.VerifyAgainst(m, l.Verifier(), kept)
			checkAgainst(t, "full note", full, err, tt.want)
			short, err := ledger.VerifyRoot(m, size, root)
			checkAgainst(t, "short form", short, err, tt.want)
		})
	}
}

func checkAgainst(t *testing.T, how string, r ledger.Report, err error, want string) {
	t.Helper()
	switch {
	case err != nil:
		t.Errorf("%s: %v", how, err)
	case want == "" && (!r.OK() || !strings.HasPrefix(r.Trust, "entries 0 to 17: as when the checkpoint kept elsewhere was made")):
		t.Errorf("%s: %v, %s", how, r.Problems, r.Trust)
	case want != "" && (r.OK() || !strings.Contains(r.Problems[0].Message, want) || r.Trust != ledger.TrustDenied):
		t.Errorf("%s: %v, %s", how, r.Problems, r.Trust)
	}
}

// TestVerifyOtherKey: a ledger signed again with another key fails with the key
// given, and a checkpoint by another key is no evidence.
func TestVerifyOtherKey(t *testing.T) {
	l, other := newLog(t, 1), newLog(t, 2)
	m := newLedger(t, l)
	kept := m.notes[18]
	m.resign(t, other)
	r, err := ledger.Verify(m, l.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, p := range r.Problems {
		text = append(text, p.String())
	}
	all := strings.Join(text, "\n")
	for _, want := range []string{"checkpoint of size 3: signature is not by this key", "no valid checkpoint covers entries 0 to 20"} {
		if !strings.Contains(all, want) {
			t.Errorf("missing %q in:\n%s", want, all)
		}
	}
	if _, err := ledger.VerifyAgainst(m, other.Verifier(), kept); !errors.Is(err, ledger.ErrSignature) {
		t.Errorf("checkpoint of another key: %v", err)
	}
	if r, err := ledger.VerifyAgainst(m, l.Verifier(), kept); err != nil || r.OK() {
		t.Errorf("against the kept checkpoint: %+v, %v", r, err)
	}
}

// growing is a ledger whose writer adds an entry whenever it is asked for its
// length.
type growing struct {
	*memory
	grow func()
}

func (g growing) Len() (int64, error) {
	defer g.grow()
	return g.memory.Len()
}

func TestVerifyWhileWriting(t *testing.T) {
	l := newLog(t, 1)
	m := newLedger(t, l)
	g := growing{m, func() { m.add(t, l, record(t, len(m.records), "later")) }}
	r, err := ledger.Verify(g, l.Verifier())
	if err != nil || !r.OK() {
		t.Errorf("a growing ledger: %+v, %v", r, err)
	}
}

func TestVerifyManyProblems(t *testing.T) {
	l := newLog(t, 1)
	m := &memory{notes: map[int64][]byte{}}
	for i := range 50 {
		m.add(t, l, record(t, i, "a"))
	}
	m.resign(t, newLog(t, 2))
	r, err := ledger.Verify(m, l.Verifier())
	if err != nil || len(r.Problems) != 32 || r.Omitted == 0 {
		t.Errorf("%d problems, %d omitted, %v", len(r.Problems), r.Omitted, err)
	}
}
