package store

import (
	"encoding/json"
	"fmt"
	"time"

	"waxseal"
	"waxseal/internal/triage"
)

// Filter narrows a list of findings. Its zero value lets all pass.
type Filter struct {
	Status   waxseal.Status   // "" for any
	Open     bool             // only those that somebody still has to look at
	Verdict  waxseal.Verdict  // "" for any
	Assignee string           // "" for any
	Severity waxseal.Severity // at least this
	Rule     waxseal.RuleID   // "" for any
	// Since and Until bound Finding.Seen; both are included, zero is no bound. A
	// finding whose time is not known passes.
	Since, Until time.Time
}

// Findings returns the findings in the order in which they were first recorded,
// each as its last entry says, with the status that triage gave it.
func (s *Store) Findings(f Filter) ([]waxseal.Finding, error) {
	rows, err := s.read.Query(`
		SELECT `+findingColumns+` FROM finding
		WHERE (?1 = '' OR status = ?1) AND severity >= ?2 AND (?3 = '' OR rule = ?3)
		  AND (?4 = 0 OR seen = 0 OR seen >= ?4) AND (?5 = 0 OR seen = 0 OR seen <= ?5)
		  AND (?6 = 0 OR status IN ('new', 'in progress')) AND (?7 = '' OR verdict = ?7) AND (?8 = '' OR assignee = ?8)
		ORDER BY first`,
		f.Status, int(f.Severity), f.Rule, nanoseconds(f.Since), nanoseconds(f.Until), f.Open, f.Verdict, f.Assignee)
	if err != nil {
		return nil, fmt.Errorf("findings: %w", s.explain(err))
	}
	defer rows.Close()
	var list []waxseal.Finding
	for rows.Next() {
		finding, err := s.scanFinding(rows)
		if err != nil {
			return nil, fmt.Errorf("findings: %w", err)
		}
		list = append(list, finding)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("findings: %w", s.explain(err))
	}
	return list, nil
}

// Finding returns one finding; ErrNone where there is none of this ID.
func (s *Store) Finding(id waxseal.FindingID) (waxseal.Finding, error) {
	rows, err := s.read.Query(`SELECT `+findingColumns+` FROM finding WHERE id = ?`, id)
	if err != nil {
		return waxseal.Finding{}, fmt.Errorf("finding %s: %w", id, s.explain(err))
	}
	defer rows.Close()
	if !rows.Next() {
		err := rows.Err()
		if err == nil {
			err = ErrNone
		}
		return waxseal.Finding{}, fmt.Errorf("finding %s: %w", id, s.explain(err))
	}
	f, err := s.scanFinding(rows)
	if err != nil {
		return waxseal.Finding{}, fmt.Errorf("finding %s: %w", id, err)
	}
	return f, nil
}

const findingColumns = `id, body, status, verdict, assignee, ticket, suppression`

func (s *Store) scanFinding(row interface{ Scan(...any) error }) (waxseal.Finding, error) {
	var (
		f     waxseal.Finding
		id    waxseal.FindingID
		body  []byte
		stand triage.Stand
	)
	if err := row.Scan(&id, &body, &stand.Status, &stand.Verdict, &stand.Assignee, &stand.Ticket, &stand.Suppression); err != nil {
		return f, s.explain(err)
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return f, fmt.Errorf("%w: %s: %w", ErrCorrupt, s.file(), err)
	}
	f.ID = id
	stand.Put(&f)
	return f, nil
}

// Trail returns the entries about a finding, in order: what was judged, and what people
// decided.
func (s *Store) Trail(id waxseal.FindingID) ([]Entry, error) {
	indexes, err := s.indexes(`SELECT ix FROM trail WHERE finding = ? ORDER BY ix`, id)
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", id, s.explain(err))
	}
	var list []Entry
	for _, i := range indexes {
		e, err := s.Entry(i)
		if err != nil {
			return list, fmt.Errorf("history of %s: %w", id, err)
		}
		list = append(list, e)
	}
	return list, nil
}

func (s *Store) indexes(query string, args ...any) (list []waxseal.Index, err error) {
	rows, err := s.read.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var i waxseal.Index
		if err := rows.Scan(&i); err != nil {
			return nil, err
		}
		list = append(list, i)
	}
	return list, rows.Err()
}
