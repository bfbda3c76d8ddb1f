package store_test

import (
	"errors"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/ledger"
	"waxseal/internal/store"
)

// TestTampered changes the database as someone with sqlite3(1) could.
func TestTampered(t *testing.T) {
	tests := []struct{ name, sql, want string }{
		{"entry body", `UPDATE entry SET record = CAST(replace(CAST(record AS TEXT), 'main.cf', 'safe.cf') AS BLOB) WHERE ix = 17`,
			"entry 17: content does not match its hash"},
		{"order", `UPDATE entry SET ix = CASE ix WHEN 3 THEN -4 ELSE -3 END WHERE ix IN (3, 4); UPDATE entry SET ix = -ix WHERE ix < 0`,
			"entry 3: content does not match its hash: it says that it is entry 4"},
		{"deletion in the middle", `DELETE FROM entry WHERE ix = 17`, "entry 17 is missing"},
		{"deletion at the end", `DELETE FROM entry WHERE ix >= 18`, "2 entries are missing at the end"},
		{"deletion at the end with checkpoints", `DELETE FROM entry WHERE ix >= 18; DELETE FROM checkpoint WHERE size > 18`,
			"hashes of entries after the last one"},
		{"stored hash", `UPDATE hash SET hash = zeroblob(32) WHERE ix = 0`, "entry 0: its stored hash was changed"},
		{"short hash", `UPDATE hash SET hash = x'00' WHERE ix = 0`, "entry 0: its stored hash was changed"},
		{"checkpoint", `UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 4) WHERE size = 20`,
			"no valid checkpoint covers entries 18 to 19"},
		{"checkpoint text", `UPDATE checkpoint SET note = CAST(replace(CAST(note AS TEXT), char(10) || '18' || char(10), char(10) || '17' || char(10)) AS BLOB) WHERE size = 18`,
			"checkpoint of size 17: signature is not by this key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, log := open(t, newDir(t))
			appendN(t, s, 20, 2)
			fsck(t, s, log, 20)
			if err := s.Exec(tt.sql); err != nil {
				t.Fatal(err)
			}
			r, err := ledger.Verify(s, log.Verifier())
			if err != nil || r.OK() || !strings.Contains(r.Problems[0].String(), tt.want) {
				t.Errorf("%v, %v; want %q", r.Problems, err, tt.want)
			}
		})
	}
}

// TestRewrittenByRoot: root has the key, so root can write another history. It
// passes against itself, and not against a checkpoint kept elsewhere.
func TestRewrittenByRoot(t *testing.T) {
	dir := newDir(t)
	s, log, err := openAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 20, 2)
	kept, err := s.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(s.Exec(`DELETE FROM entry; DELETE FROM hash; DELETE FROM checkpoint`), s.Close())
	if err != nil {
		t.Fatal(err)
	}
	s, _ = open(t, dir) // the agent was stopped meanwhile
	for i := range 20 {
		o := observation(i)
		if i == 7 {
			o.File.Path = "/etc/motd"
		}
		if err := s.Append(func(tx *store.Tx) error { _, err := tx.Observation(o); return err }); err != nil {
			t.Fatal(err)
		}
	}
	r, err := ledger.Verify(s, log.Verifier())
	if err != nil || !r.OK() || r.Trust != ledger.TrustItself {
		t.Errorf("against itself: %+v, %v", r, err)
	}
	r, err = ledger.VerifyAgainst(s, log.Verifier(), kept)
	if err != nil || r.OK() || r.Trust != ledger.TrustDenied || r.Problems[0].Index != waxseal.Index(0) {
		t.Errorf("against the checkpoint kept elsewhere: %+v, %v", r, err)
	}
}

// TestShortened: entries taken away at the end under a running writer do not
// stop it from recording where that is possible, and never go unnoticed.
func TestShortened(t *testing.T) {
	tests := []struct{ name, sql, want string }{
		{"entries", `DELETE FROM entry WHERE ix >= 18`, "entry 18 is missing"},
		{"entries and checkpoints", `DELETE FROM entry WHERE ix >= 18; DELETE FROM checkpoint WHERE size > 18`, "entry 18 is missing"},
		{"everything of them", `DELETE FROM entry WHERE ix >= 18; DELETE FROM checkpoint WHERE size > 18; DELETE FROM hash WHERE ix >= 34`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, log := open(t, newDir(t))
			appendN(t, s, 20, 2)
			if err := s.Exec(tt.sql); err != nil {
				t.Fatal(err)
			}
			err := s.Append(func(tx *store.Tx) error { _, err := tx.Observation(observation(20)); return err })
			if tt.want == "" {
				if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "the ledger had 20 entries and now has 18") {
					t.Errorf("append: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err := ledger.Verify(s, log.Verifier())
			if err != nil || r.OK() || !strings.Contains(r.Problems[0].String(), tt.want) {
				t.Errorf("%v, %v; want %q", r.Problems, err, tt.want)
			}
		})
	}
}
