package store

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/permit"
	"waxseal/internal/triage"
)

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
		stale = noteNewest(t.tx, t.added)
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
	case kindPromotion:
		err = projectPromotion(q, e)
	case kindSuppression:
		_, err = q.Exec(`INSERT INTO suppression (ix) VALUES (?)`, e.Index)
	}
	if err != nil {
		return fmt.Errorf("project entry %d: %w", e.Index, err)
	}
	return nil
}

// noteNewest keeps the latest time of all entries: a clock that is set back doesn't set
// it back.
func noteNewest(q querier, list []Entry) error {
	var newest time.Time
	for _, e := range list {
		if e.Time.After(newest) {
			newest = e.Time
		}
	}
	_, err := q.Exec(`INSERT INTO newest (id, time) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET time = max(time, ?1)`, nanoseconds(newest))
	return err
}

// projectFinding: what stands in the entry of where triage stands counts for a new
// finding; later entries leave it as it is unless they give a status.
func projectFinding(q querier, e Entry) error {
	f, own := e.value.(waxseal.Finding)
	if !own {
		if err := json.Unmarshal(e.Body, &f); err != nil {
			return err
		}
	}
	if first, ok := findingIndex(f.ID); ok && first == int64(e.Index) && f.Permit != "" {
		if err := inOffice(q, e.Index); err != nil {
			return err
		}
	}
	if err := cmp.Or(onTrail(q, f.ID, e.Index), noteHit(q, f.ID, f.Suppression)); err != nil {
		return err
	}
	_, err := q.Exec(`
		INSERT INTO finding (id, first, latest, rule, severity, status, suppression, seen, body)
		VALUES (?1, ?2, ?2, ?3, ?4, coalesce(nullif(?5, ''), 'new'), ?8, ?6, ?7)
		ON CONFLICT (id) DO UPDATE SET latest = ?2, rule = ?3, severity = ?4,
		  status = coalesce(nullif(?5, ''), status), seen = ?6, body = ?7`,
		f.ID, e.Index, f.Rule, int(f.Severity), today(f.Status), nanoseconds(f.Seen), []byte(e.Body), f.Suppression)
	return err
}

// today is a status of an earlier version in the words of this one.
func today(s waxseal.Status) waxseal.Status {
	switch s {
	case "open":
		return waxseal.StatusNew
	case "acknowledged":
		return waxseal.StatusInProgress
	}
	return s
}

func inOffice(q querier, index waxseal.Index) error {
	_, err := q.Exec(`INSERT OR IGNORE INTO office (ix) VALUES (?)`, index)
	return err
}

// onTrail notes that an entry is about a finding.
func onTrail(q querier, id waxseal.FindingID, index waxseal.Index) error {
	_, err := q.Exec(`INSERT OR IGNORE INTO trail (finding, ix) VALUES (?, ?)`, id, index)
	return err
}

// noteHit counts a finding once for each suppression that hid it.
func noteHit(q querier, id waxseal.FindingID, by waxseal.SuppressionID) error {
	if by == "" {
		return nil
	}
	_, err := q.Exec(`INSERT OR IGNORE INTO hit (finding, suppression) VALUES (?, ?)`, id, by)
	return err
}

// projectTriage applies a decision where it makes sense; the entry stays as it is where
// it doesn't.
func projectTriage(q querier, e Entry) error {
	var d waxseal.Triage
	if err := json.Unmarshal(e.Body, &d); err != nil {
		return err
	}
	if err := onTrail(q, d.Finding, e.Index); err != nil {
		return err
	}
	if d.Action == waxseal.TriageSuppress {
		if err := noteHit(q, d.Finding, d.Suppression); err != nil {
			return err
		}
	}
	stand, err := standOf(q, d.Finding)
	if errors.Is(err, ErrNone) {
		return nil // a finding that was cut out; verification tells
	}
	if err != nil {
		return err
	}
	if stand, err = stand.After(d); err != nil {
		return nil // of a newer program, or written past this one; the entry says it
	}
	_, err = q.Exec(`UPDATE finding SET status = ?, verdict = ?, assignee = ?, ticket = ?, suppression = ? WHERE id = ?`,
		stand.Status, stand.Verdict, stand.Assignee, stand.Ticket, stand.Suppression, d.Finding)
	return err
}

// standOf is where triage of a finding stands.
func standOf(q querier, id waxseal.FindingID) (s triage.Stand, err error) {
	err = q.QueryRow(`SELECT status, verdict, assignee, ticket, suppression FROM finding WHERE id = ?`, id).
		Scan(&s.Status, &s.Verdict, &s.Assignee, &s.Ticket, &s.Suppression)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNone
	}
	return s, err
}

// projectPromotion puts a promotion on the trail of each finding that it names.
func projectPromotion(q querier, e Entry) error {
	var p permit.Promotion
	if err := cmp.Or(json.Unmarshal(e.Body, &p), inOffice(q, e.Index)); err != nil {
		return err
	}
	for _, o := range p.Objects {
		if o.Finding == "" {
			continue
		}
		if err := onTrail(q, o.Finding, e.Index); err != nil {
			return err
		}
	}
	return nil
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
	if _, err := tx.Exec(`DROP TABLE IF EXISTS finding; DROP TABLE IF EXISTS seal; DROP TABLE IF EXISTS office;
		DROP TABLE IF EXISTS trail; DROP TABLE IF EXISTS suppression; DROP TABLE IF EXISTS hit; DROP TABLE IF EXISTS newest;` + projectionTables + officeTable + triageTables); err != nil {
		return r, err
	}
	n, err := length(tx)
	if err != nil {
		return r, err
	}
	for e, err := range entries(tx, 0, n) {
		r.Entries++
		if err == nil {
			err = cmp.Or(project(tx, e), noteNewest(tx, []Entry{e}))
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
