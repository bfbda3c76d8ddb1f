package store

import (
	"encoding/json"
	"fmt"

	"waxseal"
	"waxseal/internal/permit"
)

// Office adds up change control: keys, permits, and what rested on them. Problems are
// entries that don't fit, such as one that somebody wrote past this program; they
// change nothing.
func (s *Store) Office(rules permit.Rules) (*permit.Book, []waxseal.Problem, error) {
	indexes, err := s.officeEntries()
	if err != nil {
		return nil, nil, fmt.Errorf("change control: %w", s.explain(err))
	}
	book, problems := permit.NewBook(rules), []waxseal.Problem(nil)
	for _, i := range indexes {
		e, err := s.Entry(i)
		if err == nil {
			err = takeEntry(book, e)
		}
		if err != nil {
			problems = append(problems, waxseal.Problem{Path: waxseal.Path(s.file()), Message: fmt.Sprintf("ledger entry %d: %v", i, err)})
		}
	}
	return book, problems, nil
}

func (s *Store) officeEntries() (list []waxseal.Index, err error) {
	rows, err := s.read.Query(`SELECT ix FROM office ORDER BY ix`)
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

func takeEntry(book *permit.Book, e Entry) error {
	at := permit.Moment{Index: e.Index, Time: e.Time}
	switch e.Kind {
	case kindKey:
		var s permit.KeyStep
		if err := json.Unmarshal(e.Body, &s); err != nil {
			return err
		}
		return book.TakeKey(s, at)
	case kindPermit:
		var s permit.Step
		if err := json.Unmarshal(e.Body, &s); err != nil {
			return err
		}
		_, err := book.Take(s, at)
		return err
	}
	var f waxseal.Finding
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	book.TakeUse(f)
	return nil
}
