package agent

import (
	"waxseal"
	"waxseal/internal/permit"
	"waxseal/internal/store"
)

// isCountersign reports whether all that is named was promoted by one person alone, and
// is sealed with the content that was reviewed.
func (s *sealing) isCountersign(p permit.Promotion) (bool, error) {
	book, _, err := s.Office(s.Rules)
	if err != nil || len(p.Objects) == 0 {
		return false, err
	}
	for _, o := range p.Objects {
		f, _ := fileIn(s.last.State, o.Path)
		if !book.Awaits(o.Finding) || f.Digest != o.After {
			return false, nil
		}
	}
	return true, nil
}

// countersign records the second person's word. The seal stands as it is; what time had
// opened again is resolved.
func (s *sealing) countersign(p permit.Promotion) (Sealed, error) {
	book, _, err := s.Office(s.Rules)
	if err != nil {
		return Sealed{}, err
	}
	var findings []waxseal.Finding
	for i, o := range p.Objects {
		f, err := s.Finding(o.Finding)
		if err != nil {
			return Sealed{}, err
		}
		p.Objects[i].Severity, p.Objects[i].Rung = f.Severity, waxseal.RungPromoted
		findings = append(findings, f)
	}
	if err := book.Promote(&p, findings); err != nil {
		return Sealed{}, err
	}
	p.By = s.by
	err = s.Append(func(tx *store.Tx) error {
		if _, err := tx.Promotion(s.at, p); err != nil {
			return err
		}
		for _, f := range findings {
			if f.Rung == waxseal.RungPromoted { // in time
				f.Expected += "; countersigned by " + p.Owner
			}
			if err := s.resolve(tx, f, p); err != nil {
				return err
			}
		}
		return nil
	})
	return Sealed{Index: s.index, Seal: s.last, Attested: s.last.Attested, Hooks: len(s.last.State.Hooks), Files: len(s.last.State.Files),
		Checkpoint: s.Checkpoint(), Promoted: p.Objects}, err
}
