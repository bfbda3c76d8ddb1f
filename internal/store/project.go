package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"waxseal"
)

// triageStatus is where a finding stands after an action of triage.
var triageStatus = map[string]waxseal.Status{
	"acknowledge": waxseal.Acknowledged,
	"reopen":      waxseal.Open,
}

// findingID names the finding whose first entry has this index.
func findingID(first int64) waxseal.FindingID {
	return waxseal.FindingID("F" + strconv.FormatInt(first, 10))
}

// findingIndex is the index of the first entry of a finding.
func findingIndex(id waxseal.FindingID) (int64, bool) {
	text, ok := strings.CutPrefix(string(id), "F")
	if !ok {
		return 0, false
	}
	first, err := strconv.ParseInt(text, 10, 64)
	return first, err == nil && first >= 0 && findingID(first) == id
}

// project brings the projections up to the entries of the transaction. They can
// be made again, the entries can't: so where a projection can't be written, the
// transaction goes on without it, marked, and stale says why. A full disk and an
// error that took the transaction with it are errors.
func (t *Tx) project() (stale, err error) {
	if _, err := t.tx.Exec(`SAVEPOINT projections`); err != nil {
		return nil, err
	}
	for _, e := range t.added {
		if stale = project(t.tx, e); stale != nil {
			break
		}
	}
	if stale == nil {
		_, err := t.tx.Exec(`RELEASE projections`)
		return nil, err
	}
	if errors.Is(t.s.explain(stale), ErrFull) {
		return nil, stale
	}
	if _, err := t.tx.Exec(`ROLLBACK TO projections; RELEASE projections`); err != nil {
		return nil, errors.Join(stale, err)
	}
	return stale, setMeta(t.tx, metaStale, stale.Error())
}

// project applies one entry to the projections. It depends on nothing but the
// entries before it, so that Rebuild comes to the same.
func project(q querier, e Entry) error {
	var err error
	switch e.Kind {
	case kindFinding:
		err = projectFinding(q, e)
	case kindSeal:
		_, err = q.Exec(`INSERT INTO seal (ix) VALUES (?)`, e.Index)
	case kindTriage:
		err = projectTriage(q, e)
	case kindKey, kindPermit:
		err = inOffice(q, e.Index)
	}
	if err != nil {
		return fmt.Errorf("project entry %d: %w", e.Index, err)
	}
	return nil
}

func projectFinding(q querier, e Entry) error {
	var f waxseal.Finding
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	if first, ok := findingIndex(f.ID); ok && first == int64(e.Index) && f.Permit != "" {
		if err := inOffice(q, e.Index); err != nil {
			return err
		}
	}
	_, err := q.Exec(`
		INSERT INTO finding (id, first, latest, rule, severity, status, seen, body)
		VALUES (?1, ?2, ?2, ?3, ?4, coalesce(nullif(?5, ''), 'open'), ?6, ?7)
		ON CONFLICT (id) DO UPDATE SET latest = ?2, rule = ?3, severity = ?4,
		  status = coalesce(nullif(?5, ''), status), seen = ?6, body = ?7`,
		f.ID, e.Index, f.Rule, int(f.Severity), f.Status, nanoseconds(f.Seen), []byte(e.Body))
	return err
}

func inOffice(q querier, index waxseal.Index) error {
	_, err := q.Exec(`INSERT INTO office (ix) VALUES (?)`, index)
	return err
}

func projectTriage(q querier, e Entry) error {
	var d waxseal.Triage
	if err := json.Unmarshal(e.Body, &d); err != nil {
		return err
	}
	status, ok := triageStatus[d.Action]
	if !ok {
		return nil // of a newer program; the entry says it
	}
	_, err := q.Exec(`UPDATE finding SET status = ? WHERE id = ?`, status, d.Finding)
	return err
}

// nanoseconds is the time as a number to sort and compare by; 0 for no time.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Year() < 1678:
		return math.MinInt64
	case t.Year() > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// Rebuilt says what a Rebuild has read.
type Rebuilt struct {
	Entries int64
	// Skipped are the entries that could not be read or understood: the ledger's
	// verification says what is wrong with them.
	Skipped []waxseal.Index
}

// Rebuild makes findings and seals again from the entries.
func (s *Store) Rebuild() (Rebuilt, error) {
	if s.write == nil {
		return Rebuilt{}, ErrReadOnly
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.rebuild()
	if err != nil {
		return Rebuilt{}, fmt.Errorf("rebuild findings and seals: %w", s.explain(err))
	}
	return r, nil
}

// rebuild runs under s.mu. It makes the tables anew, so it also mends one that
// is damaged or was altered.
func (s *Store) rebuild() (Rebuilt, error) {
	var r Rebuilt
	tx, err := s.write.Begin()
	if err != nil {
		return r, err
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`DROP TABLE IF EXISTS finding; DROP TABLE IF EXISTS seal; DROP TABLE IF EXISTS office;` + projectionTables + officeTable); err != nil {
		return r, err
	}
	n, err := length(tx)
	if err != nil {
		return r, err
	}
	for e, err := range entries(tx, 0, n) {
		r.Entries++
		if err == nil {
			err = project(tx, e)
		}
		if code(err) != 0 {
			return r, err // the database's, not the entry's
		}
		if err != nil {
			r.Skipped = append(r.Skipped, e.Index)
		}
	}
	if _, err := tx.Exec(`DELETE FROM meta WHERE key = ?`, metaStale); err != nil {
		return r, err
	}
	return r, tx.Commit()
}

// Stale says why findings and seals are not up to date with the entries; ""
// where they are.
func (s *Store) Stale() (string, error) {
	why, err := meta(s.read, metaStale)
	if errors.Is(err, ErrNone) {
		return "", nil
	}
	return why, s.explain(err)
}
