package shelf

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/attack"
	"waxseal/internal/attack/stix"
	"waxseal/internal/store"
)

// Releases implements attack.Shelf.
func (s *Shelf) Releases() ([]attack.Release, error) {
	list, err := s.releases()
	return list, store.Explain(s.file, err)
}

func (s *Shelf) releases() ([]attack.Release, error) {
	rows, err := s.db.Query(`SELECT release, (SELECT count(*) FROM object o WHERE o.release = i.release AND force = 1), whole, ` + sourceColumns + ` FROM import i ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []attack.Release
	for rows.Next() {
		r := attack.Release{Whole: []string{}}
		var whole bool
		var src source
		if err := rows.Scan(append([]any{&r.Number, &r.Objects, &whole}, src.columns()...)...); err != nil {
			return nil, err
		}
		at := slices.IndexFunc(list, func(have attack.Release) bool { return have.Number == r.Number })
		if at < 0 {
			list, at = append(list, r), len(list)
		}
		list[at].Parts = append(list[at].Parts, src.value())
		if d := src.Domain; whole && !slices.Contains(list[at].Whole, d) {
			list[at].Whole = append(list[at].Whole, d)
		}
	}
	slices.SortFunc(list, func(a, b attack.Release) int { return attack.CompareReleases(a.Number, b.Number) })
	for i := range list {
		list[i].Current = i == len(list)-1
	}
	return list, rows.Err()
}

// sourceColumns are those that make an attack.Source.
const sourceColumns = `i.name, i.sha256, i.imported, i.domain, i.bundle, i.stix, i.objects, i.skipped`

type source struct {
	attack.Source
	at string
}

func (s *source) columns() []any {
	return []any{&s.Name, &s.Digest, &s.at, &s.Domain, &s.Bundle, &s.Spec, &s.Objects, &s.Skipped}
}

func (s *source) value() attack.Source {
	s.Imported, _ = time.Parse(time.RFC3339Nano, s.at) // a time that was altered is none
	return s.Source
}

// IDs implements attack.Shelf.
func (s *Shelf) IDs(attackID string) ([]stix.ID, error) {
	rows, err := s.db.Query(`SELECT DISTINCT stix FROM object WHERE attack = ? AND attack <> '' ORDER BY stix`, attackID)
	if err != nil {
		return nil, store.Explain(s.file, err)
	}
	defer rows.Close()
	var ids []stix.ID
	for rows.Next() {
		var id stix.ID
		if err := rows.Scan(&id); err != nil {
			return nil, store.Explain(s.file, err)
		}
		ids = append(ids, id)
	}
	return ids, store.Explain(s.file, rows.Err())
}

// Versions implements attack.Shelf.
func (s *Shelf) Versions(id stix.ID) ([]attack.Object, error) {
	list, err := s.objects(`o.stix = ? ORDER BY o.id`, string(id))
	slices.SortStableFunc(list, func(a, b attack.Object) int { return attack.CompareReleases(a.Release, b.Release) })
	return list, err
}

// Object implements attack.Shelf.
func (s *Shelf) Object(release string, id stix.ID) (attack.Object, error) {
	list, err := s.objects(`o.stix = ? AND o.release = ? AND o.force = 1`, string(id), release)
	if err == nil && len(list) == 0 {
		err = attack.ErrNone
	}
	if err != nil {
		return attack.Object{}, err
	}
	return list[len(list)-1], nil
}

// Referring implements attack.Shelf.
func (s *Shelf) Referring(release string, l attack.Link) ([]attack.Object, error) {
	return s.objects(`c.id IN (SELECT content FROM link WHERE target = ? AND field = ?) AND o.release = ? AND o.force = 1 ORDER BY o.stix`, l.Target, l.Field, release)
}

// objects reads the objects that a condition picks.
func (s *Shelf) objects(where string, args ...any) ([]attack.Object, error) {
	rows, err := s.db.Query(`SELECT o.release, coalesce(f.name, ''), coalesce(f.sha256, ''), c.sha256, c.data, `+sourceColumns+`
		FROM object o JOIN content c ON c.id = o.content JOIN import i ON i.id = o.import LEFT JOIN file f ON f.id = o.file WHERE `+where, args...)
	if err != nil {
		return nil, store.Explain(s.file, err)
	}
	defer rows.Close()
	var list []attack.Object
	for rows.Next() {
		o, err := s.scan(rows)
		if err != nil {
			return nil, store.Explain(s.file, err)
		}
		list = append(list, o)
	}
	return list, store.Explain(s.file, rows.Err())
}

func (s *Shelf) scan(rows *sql.Rows) (attack.Object, error) {
	var o attack.Object
	var sum, data []byte
	var src source
	if err := rows.Scan(append([]any{&o.Release, &o.File, &o.FileDigest, &sum, &data}, src.columns()...)...); err != nil {
		return o, err
	}
	raw, err := s.unzip.DecodeAll(data, nil)
	if err != nil {
		return o, errors.Join(store.ErrCorrupt, fmt.Errorf("%s: %w", s.file, err))
	}
	if have := sha256.Sum256(raw); string(have[:]) != string(sum) {
		return o, fmt.Errorf("%w: %s: content does not match its digest", store.ErrCorrupt, s.file)
	}
	o.Source = src.value()
	if o.Object, err = stix.Parse(raw); err != nil {
		return o, errors.Join(store.ErrCorrupt, fmt.Errorf("%s: %w", s.file, err))
	}
	return o, nil
}

// Briefs implements attack.Shelf.
func (s *Shelf) Briefs(release string) ([]attack.Brief, error) {
	rows, err := s.db.Query(`SELECT o.stix, o.attack, o.name, o.version, o.modified, o.revoked, c.canonical, c.substance, i.domain
		FROM object o JOIN content c ON c.id = o.content JOIN import i ON i.id = o.import WHERE o.release = ? AND o.force = 1 ORDER BY o.stix`, release)
	if err != nil {
		return nil, store.Explain(s.file, err)
	}
	defer rows.Close()
	var list []attack.Brief
	for rows.Next() {
		var b attack.Brief
		var canonical, substance []byte
		if err := rows.Scan(&b.ID, &b.AttackID, &b.Name, &b.Version, &b.Modified, &b.Revoked, &canonical, &substance, &b.Domain); err != nil {
			return nil, store.Explain(s.file, err)
		}
		b.Canonical, b.Substance = waxseal.Digest(hex.EncodeToString(canonical)), waxseal.Digest(hex.EncodeToString(substance))
		list = append(list, b)
	}
	return list, store.Explain(s.file, rows.Err())
}
