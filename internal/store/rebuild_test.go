package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/store"
)

const (
	findingTable = `SELECT coalesce(group_concat(quote(id)||quote(first)||quote(latest)||quote(rule)||quote(severity)||quote(status)||quote(seen)||quote(verdict)||quote(assignee)||quote(ticket)||quote(suppression)||quote(body), char(10)), '') FROM (SELECT * FROM finding ORDER BY id)`
	// otherTables are the other projections of triage.
	otherTables = `SELECT coalesce((SELECT group_concat(finding||'/'||ix) FROM (SELECT * FROM trail ORDER BY finding, ix)), '')||' hits '||
	  coalesce((SELECT group_concat(finding||suppression) FROM (SELECT * FROM hit ORDER BY finding, suppression)), '')||' newest '||
	  coalesce((SELECT time FROM newest), 0)`
	sealTable = `SELECT coalesce(group_concat(ix), '') FROM (SELECT * FROM seal ORDER BY ix)`
)

func tables(t *testing.T, s *store.Store) string {
	t.Helper()
	findings, err := s.ReadText(findingTable)
	if err != nil {
		t.Fatal(err)
	}
	seals, err := s.ReadText(sealTable)
	if err != nil {
		t.Fatal(err)
	}
	others, err := s.ReadText(otherTables)
	if err != nil {
		t.Fatal(err)
	}
	return findings + "\nseals " + seals + "\n" + others
}

// decisions are some of each kind.
var decisions = []waxseal.Triage{
	{Action: waxseal.TriageAcknowledge}, {Action: waxseal.TriageReopen}, {Action: waxseal.TriageAssign, Assignee: "bob"}, {Action: waxseal.TriagePromote, Ticket: "T"},
	{Action: waxseal.TriageClose, Verdict: waxseal.VerdictTest}, {Action: waxseal.TriageSuppress, Suppression: "S1"},
}

// history appends some of everything, the same for the same seed.
func history(t *testing.T, s *store.Store, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var ids []waxseal.FindingID
	one := func(tx *store.Tx) error {
		var err error
		switch k := r.IntN(5); {
		case k == 0:
			_, err = tx.Observation(observation(1))
		case k == 1:
			_, err = tx.Seal(waxseal.Seal{Time: testTime})
		case k == 2 && len(ids) > 0:
			d := decisions[r.IntN(len(decisions))]
			d.Finding = ids[r.IntN(len(ids))]
			if !tx.MayBe(d) {
				d = waxseal.Triage{Finding: d.Finding, Action: waxseal.TriageAssign, Assignee: "carol"}
			}
			_, err = tx.Triage(testTime, d)
		case k == 3 && len(ids) > 0:
			_, _, err = tx.Finding(testTime, waxseal.Finding{ID: ids[r.IntN(len(ids))], Rule: "r1", Severity: waxseal.Severity(r.IntN(6))})
		default:
			var f waxseal.Finding
			f, _, err = tx.Finding(testTime, waxseal.Finding{Rule: "r2", Severity: waxseal.Severity(r.IntN(6)), Seen: testTime})
			ids = append(ids, f.ID)
		}
		return err
	}
	for range n / 10 {
		err := s.Append(func(tx *store.Tx) error {
			for range 10 {
				if err := one(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestRebuild: the projections made from the entries are those that were kept
// while the entries came in.
func TestRebuild(t *testing.T) {
	s, log := open(t, newDir(t))
	history(t, s, 600)
	before := tables(t, s)
	for _, damage := range []string{`SELECT 1`, `DELETE FROM finding`, `UPDATE finding SET status = 'resolved', body = x'00'`, `DROP TABLE seal`} {
		if err := s.Exec(damage); err != nil {
			t.Fatal(err)
		}
		r, err := s.Rebuild()
		if err != nil || r.Entries != 600 || len(r.Skipped) != 0 {
			t.Errorf("after %q: %+v, %v", damage, r, err)
		}
		if diff := cmp.Diff(before, tables(t, s)); diff != "" {
			t.Errorf("after %q (-before +after):\n%s", damage, diff)
		}
	}
	fsck(t, s, log, 600)
}

// TestRebuildSkips: entries that can't be read are named, the others count.
func TestRebuildSkips(t *testing.T) {
	s, _ := open(t, newDir(t))
	for range 3 {
		err := s.Append(func(tx *store.Tx) error { _, _, err := tx.Finding(testTime, waxseal.Finding{}); return err })
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Exec(`UPDATE entry SET record = x'00' WHERE ix = 0`), s.Exec(`DELETE FROM entry WHERE ix = 1`)); err != nil {
		t.Fatal(err)
	}
	r, err := s.Rebuild()
	if err != nil || fmt.Sprint(r.Skipped) != "[0 1]" {
		t.Errorf("%+v, %v", r, err)
	}
	if list, err := s.Findings(store.Filter{}); err != nil || len(list) != 1 {
		t.Errorf("findings: %v, %v", list, err)
	}
}

// TestProjectionLost: a projection that is gone loses no entry, and comes back.
func TestProjectionLost(t *testing.T) {
	s, log := open(t, newDir(t))
	history(t, s, 50)
	if err := s.Exec(`DROP TABLE finding`); err != nil {
		t.Fatal(err)
	}
	err := s.Append(func(tx *store.Tx) error {
		_, _, err := tx.Finding(testTime, waxseal.Finding{Title: "late"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	fsck(t, s, log, 51)
	if f, err := s.Finding("F50"); err != nil || f.Title != "late" {
		t.Errorf("%+v, %v", f, err)
	}
	if why, err := s.Stale(); why != "" || err != nil {
		t.Errorf("stale: %q, %v", why, err)
	}
}

// TestProjectionStuck: where a projection can't even be made again, the entries
// are recorded, the caller is told, and opening again mends it.
func TestProjectionStuck(t *testing.T) {
	dir := newDir(t)
	s, log, err := openAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	// A view can't be dropped as a table, so the rebuild fails too.
	if err := s.Exec(`DROP TABLE finding; CREATE VIEW finding AS SELECT 1`); err != nil {
		t.Fatal(err)
	}
	for i := range int64(2) {
		err = s.Append(func(tx *store.Tx) error { _, _, err := tx.Finding(testTime, waxseal.Finding{}); return err })
		if !errors.Is(err, store.ErrStale) {
			t.Errorf("append: %v", err)
		}
		fsck(t, s, log, i+1)
	}
	if why, err := s.Stale(); why == "" || err != nil {
		t.Errorf("stale: %q, %v", why, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, _, err = openAt(dir)
	if err != nil {
		t.Fatalf("open while stuck: %v", err)
	}
	if err := errors.Join(s.Exec(`DROP VIEW finding`), s.Close()); err != nil {
		t.Fatal(err)
	}
	s, _ = open(t, dir)
	if list, err := s.Findings(store.Filter{}); err != nil || len(list) != 2 {
		t.Errorf("findings: %v, %v", list, err)
	}
}

// TestOlderProjections: what an older version made of the entries is made again when a
// writer opens the state, and its words of triage are read as those of today.
func TestOlderProjections(t *testing.T) {
	dir := newDir(t)
	s, _ := open(t, dir)
	err := s.Append(func(tx *store.Tx) error {
		f, _, err := tx.Finding(testTime, waxseal.Finding{Title: "old", Status: "open"})
		if err == nil {
			_, err = tx.Triage(testTime, waxseal.Triage{Finding: f.ID, Action: "acknowledge"})
		}
		return err
	})
	older := `DROP TABLE trail; DROP TABLE suppression; DROP TABLE hit; DROP TABLE newest; UPDATE meta SET value = '2' WHERE key = 'schema';
		UPDATE finding SET status = 'acknowledged';`
	for _, c := range []string{"verdict", "assignee", "ticket", "suppression"} {
		older += `ALTER TABLE finding DROP COLUMN ` + c + `;`
	}
	if err := errors.Join(err, s.Exec(older), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenReadOnly(dir); err == nil {
		t.Error("a reader took the older schema")
	}
	s, log := open(t, dir)
	f, err := s.Finding("F0")
	if err != nil || f.Status != waxseal.StatusInProgress {
		t.Errorf("%+v, %v", f, err)
	}
	if trail, err := s.Trail("F0"); err != nil || len(trail) != 2 {
		t.Errorf("%d entries about it, %v", len(trail), err)
	}
	if at, err := s.Newest(); err != nil || !at.Equal(testTime) {
		t.Errorf("newest %v, %v", at, err)
	}
	fsck(t, s, log, 2)
}
