package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/ledger"
	"waxseal/internal/store"
)

var _ ledger.Source = (*store.Store)(nil)
var _ store.Log = (*ledger.Log)(nil)

func TestEmpty(t *testing.T) {
	s, log := open(t, newDir(t))
	fsck(t, s, log, 0)
	_, checkpoint := s.Checkpoint()
	_, _, seal := s.LatestSeal()
	_, _, state := s.State()
	_, alive := s.LastAlive()
	_, finding := s.Finding("F0")
	_, value := s.Value("x")
	_, blob := s.Blob(waxseal.Digest(strings.Repeat("0", 64)))
	_, entry := s.Entry(0)
	_, hash := s.Hash(0)
	for i, err := range []error{checkpoint, seal, state, alive, finding, value, blob, entry, hash} {
		if !errors.Is(err, store.ErrNone) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestAppend records one of each and reads all of it back, also after it was
// opened again.
func TestAppend(t *testing.T) {
	dir := newDir(t)
	s, log, err := openAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	state := waxseal.State{Host: "mail", Files: []waxseal.FileState{
		{File: waxseal.File{Path: "/etc/aliases", Type: waxseal.Regular, ModTime: testTime, XAttrs: map[string]waxseal.Digest{"user.x": "00"}},
			Role: waxseal.RoleAliases, Digest: "11", Text: "root: admin\n"},
		{File: waxseal.File{Path: "/usr/sbin/postfix"}, Role: waxseal.RoleBinary},
	}}
	seal := waxseal.Seal{Time: testTime, Note: "first", State: state}
	var digest waxseal.Digest
	var finding waxseal.Finding
	err = s.Append(func(tx *store.Tx) error {
		o, err := tx.Observation(observation(0))
		if err != nil {
			return err
		}
		if _, err := tx.Change(testTime, waxseal.Change{Path: "/etc/aliases", Severity: waxseal.High, Diff: "-a\n+b <c&d>\n"}); err != nil {
			return err
		}
		finding, _, err = tx.Finding(testTime, waxseal.Finding{Rule: "r1", Severity: waxseal.High, Title: "one", Seen: testTime, Observations: []waxseal.Index{o}})
		if err != nil {
			return err
		}
		if _, err := tx.Seal(seal); err != nil {
			return err
		}
		if digest, err = tx.PutBlob([]byte("content")); err != nil {
			return err
		}
		return errors.Join(tx.PutState(testTime, state), tx.SetValue("cursor", "12"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if finding.ID != "F2" || finding.Status != waxseal.StatusNew {
		t.Errorf("finding as recorded: %+v", finding)
	}
	if err := s.Alive(testTime); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s, _ = open(t, dir)
	fsck(t, s, log, 4)
	got := map[string]any{}
	put := func(name string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got[name] = v
	}
	v, err := s.Finding("F2")
	put("finding", v, err)
	gotSeal, index, err := s.LatestSeal()
	put("seal", gotSeal, err)
	put("seal index", index, nil)
	gotState, at, err := s.State()
	put("state", gotState, err)
	put("state time", at, nil)
	blob, err := s.Blob(digest)
	put("blob", string(blob), err)
	value, err := s.Value("cursor")
	put("value", value, err)
	alive, err := s.LastAlive()
	put("alive", alive, err)
	e, err := s.Entry(1)
	put("entry kind", e.Kind, err)
	want := map[string]any{
		"finding": finding, "seal": seal, "seal index": waxseal.Index(3), "state": state, "state time": testTime,
		"blob": "content", "value": "12", "alive": testTime, "entry kind": "change",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(e.Record), `+b <c&d>`) {
		t.Errorf("record is not readable: %s", e.Record)
	}
}

// TestAppendFails: after an error in a transaction nothing of it is there, and
// the store goes on.
func TestAppendFails(t *testing.T) {
	s, log := open(t, newDir(t))
	appendN(t, s, 2, 2)
	boom := errors.New("boom")
	tests := []struct {
		name string
		fill func(*store.Tx) error
		want error
	}{
		{"caller", func(tx *store.Tx) error {
			_, _ = tx.Observation(observation(2))
			_, _ = tx.PutBlob([]byte("lost"))
			return boom
		}, boom},
		{"ignored error", func(tx *store.Tx) error {
			_, _ = tx.Triage(testTime, waxseal.Triage{Finding: "F99", Action: "acknowledge"})
			_, _ = tx.Observation(observation(2))
			return nil
		}, store.ErrNone},
		{"unknown finding", func(tx *store.Tx) error {
			_, _, err := tx.Finding(testTime, waxseal.Finding{ID: "F99"})
			return err
		}, nil},
		{"unknown action", func(tx *store.Tx) error {
			_, err := tx.Triage(testTime, waxseal.Triage{Finding: "F0", Action: "shred"})
			return err
		}, nil},
		{"entry that can't be encoded", func(tx *store.Tx) error {
			_, err := tx.Change(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), waxseal.Change{})
			return err
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := s.Append(tt.fill)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			fsck(t, s, log, 2)
		})
	}
	if _, err := s.ReadText(`SELECT digest FROM blob`); !errors.Is(err, store.ErrNone) {
		t.Errorf("a blob of a transaction that failed is there: %v", err)
	}
	appendN(t, s, 1, 1)
	fsck(t, s, log, 3)
}

func TestAppendWithoutEntries(t *testing.T) {
	s, log := open(t, newDir(t))
	if err := s.Append(func(tx *store.Tx) error { return tx.SetValue("a", "b") }); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(func(tx *store.Tx) error { return tx.DeleteValue("a") }); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Value("a"); !errors.Is(err, store.ErrNone) {
		t.Errorf("value %q, %v", v, err)
	}
	fsck(t, s, log, 0)
}

// TestFindings follows two findings through updates and triage.
func TestFindings(t *testing.T) {
	s, _ := open(t, newDir(t))
	add := func(f waxseal.Finding) waxseal.Finding {
		t.Helper()
		err := s.Append(func(tx *store.Tx) (err error) { f, _, err = tx.Finding(testTime, f); return err })
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	triage := func(id waxseal.FindingID, action waxseal.TriageAction) {
		t.Helper()
		err := s.Append(func(tx *store.Tx) error {
			_, err := tx.Triage(testTime, waxseal.Triage{Finding: id, Action: action})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	one := add(waxseal.Finding{Rule: "r1", Severity: waxseal.Medium, Title: "one", Seen: testTime})
	two := add(waxseal.Finding{Rule: "r2", Severity: waxseal.Low, Title: "two"})
	triage(one.ID, "acknowledge")
	update := one
	update.Severity, update.Status, update.Title = waxseal.Critical, "", "one, and exercised"
	add(update)

	titles := func(f store.Filter) (list []string) {
		t.Helper()
		findings, err := s.Findings(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			list = append(list, fmt.Sprintf("%s %s %s %s", f.ID, f.Severity, f.Status, f.Title))
		}
		return list
	}
	first, second := "F0 critical in progress one, and exercised", "F1 low new two"
	tests := []struct {
		name   string
		filter store.Filter
		want   []string
	}{
		{"all", store.Filter{}, []string{first, second}},
		{"status", store.Filter{Status: waxseal.StatusNew}, []string{second}},
		{"severity", store.Filter{Severity: waxseal.High}, []string{first}},
		{"rule", store.Filter{Rule: "r2"}, []string{second}},
		{"since, unknown time passes", store.Filter{Since: testTime.Add(1)}, []string{second}},
		{"until", store.Filter{Until: testTime}, []string{first, second}},
		{"open", store.Filter{Open: true}, []string{first, second}},
		{"assignee", store.Filter{Assignee: "bob"}, nil},
		{"verdict", store.Filter{Verdict: waxseal.VerdictTest}, nil},
		{"none", store.Filter{Rule: "r3"}, nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, titles(tt.filter)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	triage(one.ID, "reopen")
	if f, err := s.Finding(two.ID); err != nil || f.Title != "two" {
		t.Errorf("finding two: %+v, %v", f, err)
	}
	if f, err := s.Finding(one.ID); err != nil || f.Status != waxseal.StatusNew {
		t.Errorf("finding one after reopening: %+v, %v", f, err)
	}
}

// TestEntries reads over a page's end, and over entries that someone took out.
func TestEntries(t *testing.T) {
	s, _ := open(t, newDir(t))
	appendN(t, s, 700, 100)
	read := func(from, to waxseal.Index) (good, bad []waxseal.Index) {
		for e, err := range s.Entries(from, to) {
			if err != nil {
				bad = append(bad, e.Index)
				continue
			}
			var o waxseal.Observation
			if err := json.Unmarshal(e.Body, &o); err != nil || o.File.PID != 100+int(e.Index) || !o.Time.Equal(e.Time) {
				t.Errorf("entry %d: %s, %v", e.Index, e.Record, err)
			}
			good = append(good, e.Index)
		}
		return good, bad
	}
	if good, bad := read(-5, 1<<40); len(good) != 700 || good[699] != 699 || len(bad) != 0 {
		t.Errorf("all: %d good, bad %v", len(good), bad)
	}
	if good, _ := read(10, 12); len(good) != 2 || good[0] != 10 {
		t.Errorf("10 to 12: %v", good)
	}
	if err := s.Exec(`DELETE FROM entry WHERE ix IN (5, 6, 300) OR ix BETWEEN 400 AND 698`); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(`UPDATE entry SET record = x'78' WHERE ix = 7`); err != nil {
		t.Fatal(err)
	}
	good, bad := read(0, 700)
	if len(good) != 700-3-299-1 || len(bad) != 3+299+1 || bad[0] != 5 || bad[2] != 7 || bad[3] != 300 {
		t.Errorf("with holes: %d good, bad %v", len(good), bad)
	}
	if good, bad := read(400, 600); len(good) != 0 || len(bad) != 200 {
		t.Errorf("a hole: %d good, %d bad", len(good), len(bad))
	}
}

// TestConcurrent: many goroutines write and read; nothing is lost or doubled.
func TestConcurrent(t *testing.T) {
	s, log := open(t, newDir(t))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 10 {
				if err := s.Append(func(tx *store.Tx) error { _, err := tx.Observation(observation(g*10 + i)); return err }); err != nil {
					t.Error(err)
				}
				if err := s.Alive(testTime); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 5 {
				for _, err := range s.Entries(0, 100) {
					if err != nil {
						t.Error(err)
					}
				}
				if r, err := ledger.Verify(s, log.Verifier()); err != nil || !r.OK() {
					t.Errorf("while writing: %+v, %v", r, err)
				}
			}
		})
	}
	wg.Wait()
	fsck(t, s, log, 40)
}
