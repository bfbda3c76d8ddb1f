package store

import (
	"encoding/json"
	"fmt"
	"time"

	"waxseal"
)

// Filter narrows a list of findings. Its zero value lets all pass.
type Filter struct {
	Status   waxseal.Status   // "" for any
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
		SELECT id, status, body FROM finding
		WHERE (?1 = '' OR status = ?1) AND severity >= ?2 AND (?3 = '' OR rule = ?3)
		  AND (?4 = 0 OR seen = 0 OR seen >= ?4) AND (?5 = 0 OR seen = 0 OR seen <= ?5)
		ORDER BY first`,
		f.Status, int(f.Severity), f.Rule, nanoseconds(f.Since), nanoseconds(f.Until))
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
	rows, err := s.read.Query(`SELECT id, status, body FROM finding WHERE id = ?`, id)
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

func (s *Store) scanFinding(row interface{ Scan(...any) error }) (waxseal.Finding, error) {
	var (
		f      waxseal.Finding
		id     waxseal.FindingID
		status waxseal.Status
		body   []byte
	)
	if err := row.Scan(&id, &status, &body); err != nil {
		return f, s.explain(err)
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return f, fmt.Errorf("%w: %s: %w", ErrCorrupt, s.file(), err)
	}
	f.ID, f.Status = id, status
	return f, nil
}
