package shelf

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/attack"
	"waxseal/internal/attack/stix"
	"waxseal/internal/store"
)

// ErrNoRelease: neither the source nor the caller says which release it is.
var ErrNoRelease = errors.New("it does not say which release it is")

// ErrOtherRelease: what is said about the release does not agree.
var ErrOtherRelease = errors.New("the release is not clear")

// Import is an import under way: one transaction, whatever the number of sources.
type Import struct {
	shelf  *Shelf
	tx     *sql.Tx
	stmts  statements
	staged []staged // of the source under way
	source attack.Source
	number string // release that a collection states
	skips  []stix.Skip
	counts map[string]int // of domains
	matrix string
}

// statements are prepared once: an import runs them some hundred thousand times.
type statements struct {
	content, find, link, file, object *sql.Stmt
}

// staged is an object whose bytes are kept, and of which is not yet known whether its
// release has it already.
type staged struct {
	attack.Brief
	content int64
	file    int64 // 0 where the source is one file
}

// Report is what became of a source.
type Report struct {
	Source  string         `json:"source"`
	Digest  waxseal.Digest `json:"sha256"`
	Release string         `json:"release"`
	Domain  string         `json:"domain"`
	Objects int            `json:"objects"` // how many the source has
	New     int            `json:"new"`     // that the release did not have
	Changed int            `json:"changed"` // that the release had in other words
	Same    int            `json:"same"`    // that the release had
	Twice   int            `json:"twice"`   // ids that stand in the source more than once
	Skipped int            `json:"skipped"`
	// Skips are the first of them, with reasons.
	Skips []string `json:"skips"`
}

// maxSkips bounds how many skipped objects are named.
const maxSkips = 20

// Begin begins an import.
func (s *Shelf) Begin() (*Import, error) {
	tx, err := s.db.Begin()
	if err != nil {
		return nil, store.Explain(s.file, err)
	}
	im := &Import{shelf: s, tx: tx}
	for stmt, text := range map[**sql.Stmt]string{
		&im.stmts.content: `INSERT INTO content (sha256, canonical, substance, data) VALUES (?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING`,
		&im.stmts.find:    `SELECT id FROM content WHERE sha256 = ?`,
		&im.stmts.link:    `INSERT INTO link (target, field, content) VALUES (?, ?, ?)`,
		&im.stmts.file:    `INSERT INTO file (name, sha256) VALUES (?, ?)`,
		&im.stmts.object: `INSERT INTO object (stix, release, import, file, content, attack, name, version, modified, revoked, force)
		  VALUES (?, ?, ?, nullif(?, 0), ?, ?, ?, ?, ?, ?, 1)`,
	} {
		if *stmt, err = tx.Prepare(text); err != nil {
			return nil, errors.Join(store.Explain(s.file, err), tx.Rollback())
		}
	}
	return im, nil
}

// Rollback gives the import up; after Commit it does nothing.
func (im *Import) Rollback() { _ = im.tx.Rollback() } // the error says that it was committed

// Commit makes everything that was imported count.
func (im *Import) Commit() error { return store.Explain(im.shelf.file, im.tx.Commit()) }

// Start begins a source, with the name under which the history has it.
func (im *Import) Start(name string) {
	im.source = attack.Source{Name: name}
	im.staged, im.number, im.skips, im.counts, im.matrix = nil, "", nil, map[string]int{}, ""
}

// Read reads one file of the source under way. file is its name where the source is a
// directory; its digest, which is known at the end only, is what digest returns.
func (im *Import) Read(r io.Reader, file string, digest func() waxseal.Digest) error {
	from := len(im.staged)
	b, err := im.shelf.parse(r, im.take)
	if err != nil {
		return store.Explain(im.shelf.file, err)
	}
	im.skips = append(im.skips, b.Skipped...)
	im.source.Spec = cmp.Or(im.source.Spec, b.Spec)
	if file == "" {
		im.source.Bundle = b.ID
		return nil
	}
	done, err := im.stmts.file.Exec(file, string(digest()))
	if err != nil {
		return store.Explain(im.shelf.file, err)
	}
	id, err := done.LastInsertId()
	for i := range im.staged[from:] {
		im.staged[from+i].file = id
	}
	return err
}

// parsed is an object made ready for the database.
type parsed struct {
	attack.Brief
	digest    waxseal.Digest
	data      []byte // the bytes, packed
	links     []attack.Link
	domain    string
	release   string // that a collection states
	isOfWhole bool   // it is a matrix, which a whole domain has
}

func (s *Shelf) prepare(o stix.Object) parsed {
	return parsed{Brief: attack.Object{Object: o}.Brief(), digest: o.Digest, data: s.zip.EncodeAll(o.Raw, nil), links: attack.Links(o),
		domain: attack.DomainOf(o), release: attack.ReleaseOf(o), isOfWhole: o.Type() == "x-mitre-matrix"}
}

// ahead is how many objects may wait for the database.
const ahead = 64

var errGivenUp = errors.New("the database took no more")

// parse reads a bundle on one processor while the objects before are taken on another.
func (s *Shelf) parse(r io.Reader, take func(parsed) error) (b stix.Bundle, err error) {
	objects, end, given := make(chan parsed, ahead), make(chan error, 1), make(chan struct{})
	go func() {
		defer close(objects)
		var err error
		b, err = stix.Read(r, func(o stix.Object) error {
			select {
			case objects <- s.prepare(o):
				return nil
			case <-given:
				return errGivenUp
			}
		})
		end <- err
	}()
	var taken error
	for o := range objects {
		if taken == nil {
			if taken = take(o); taken != nil {
				close(given)
			}
		}
	}
	if err = <-end; taken != nil {
		err = taken
	}
	return b, err
}

// take keeps the bytes of one object.
func (im *Import) take(o parsed) error {
	if o.release != "" {
		if im.number != "" && im.number != o.release {
			return fmt.Errorf("%w: its collections are of release %s and of release %s", ErrOtherRelease, im.number, o.release)
		}
		im.number = o.release
	}
	if o.domain != "" {
		im.counts[o.domain]++
		if o.isOfWhole {
			im.matrix = o.domain
		}
	}
	content, err := im.content(o)
	im.staged = append(im.staged, staged{Brief: o.Brief, content: content})
	return err
}

// content keeps bytes once, whichever releases have them, and returns their number.
func (im *Import) content(o parsed) (id int64, err error) {
	sum := bytesOf(o.digest)
	done, err := im.stmts.content.Exec(sum, bytesOf(o.Canonical), bytesOf(o.Substance), o.data)
	if err != nil {
		return 0, err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return id, errors.Join(err, im.stmts.find.QueryRow(sum).Scan(&id))
	}
	if id, err = done.LastInsertId(); err != nil {
		return 0, err
	}
	for _, l := range o.links {
		if _, err := im.stmts.link.Exec(l.Target, l.Field, id); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// Finish ends the source: release is what the caller says, "" where the source says
// it. Where the release has all of it already, nothing is changed.
func (im *Import) Finish(release, domain string, digest waxseal.Digest, at time.Time) (Report, error) {
	switch {
	case release == "" && im.number == "":
		return Report{}, ErrNoRelease
	case release != "" && im.number != "" && release != im.number:
		return Report{}, fmt.Errorf("%w: it says that it is release %s, not %s", ErrOtherRelease, im.number, release)
	}
	im.source.Digest, im.source.Imported, im.source.Domain = digest, at.UTC(), cmp.Or(domain, im.domain())
	im.source.Objects, im.source.Skipped = len(im.staged), len(im.skips)
	r := Report{Source: im.source.Name, Digest: digest, Release: cmp.Or(release, im.number), Domain: im.source.Domain,
		Objects: len(im.staged), Skipped: len(im.skips), Skips: []string{}}
	for _, s := range im.skips[:min(len(im.skips), maxSkips)] {
		r.Skips = append(r.Skips, s.Error())
	}
	return r, store.Explain(im.shelf.file, im.place(&r))
}

// domain is the matrix's, or that of most objects.
func (im *Import) domain() string {
	if im.matrix != "" {
		return im.matrix
	}
	best := ""
	for _, d := range slices.Sorted(maps.Keys(im.counts)) {
		if best == "" || im.counts[d] > im.counts[best] {
			best = d
		}
	}
	return best
}

// place puts the staged objects into their release. Of an id that stands in a source
// twice, the version that was modified last is in force.
func (im *Import) place(r *Report) error {
	slices.SortStableFunc(im.staged, func(a, b staged) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Modified, b.Modified)) })
	known, err := im.known(r.Release)
	if err != nil {
		return err
	}
	var id int64
	for i, st := range im.staged {
		if i > 0 && im.staged[i-1].ID == st.ID {
			r.Twice++
		}
		have := known[st.ID]
		switch {
		case slices.Contains(have, st.Canonical):
			r.Same++
			continue
		case len(have) > 0:
			r.Changed++
		default:
			r.New++
		}
		if id == 0 { // an import that brings nothing is none
			if id, err = im.record(r.Release); err != nil {
				return err
			}
		}
		if err := im.put(id, r.Release, st, len(have) > 0); err != nil {
			return err
		}
		known[st.ID] = append(have, st.Canonical)
	}
	return nil
}

// known are the contents that a release has of each object.
func (im *Import) known(release string) (map[stix.ID][]waxseal.Digest, error) {
	rows, err := im.tx.Query(`SELECT o.stix, lower(hex(c.canonical)) FROM object o JOIN content c ON c.id = o.content WHERE o.release = ?`, release)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := map[stix.ID][]waxseal.Digest{}
	for rows.Next() {
		var id stix.ID
		var d waxseal.Digest
		if err := rows.Scan(&id, &d); err != nil {
			return nil, err
		}
		known[id] = append(known[id], d)
	}
	return known, rows.Err()
}

func (im *Import) record(release string) (int64, error) {
	s := im.source
	whole := im.matrix != "" && im.matrix == s.Domain && s.Objects > 1
	done, err := im.tx.Exec(`INSERT INTO import (release, name, sha256, imported, domain, bundle, stix, objects, skipped, whole) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		release, s.Name, string(s.Digest), s.Imported.Format(time.RFC3339Nano), s.Domain, s.Bundle, s.Spec, s.Objects, s.Skipped, whole)
	if err != nil {
		return 0, err
	}
	return done.LastInsertId()
}

func (im *Import) put(id int64, release string, st staged, supersedes bool) error {
	if supersedes {
		if _, err := im.tx.Exec(`UPDATE object SET force = 0 WHERE stix = ? AND release = ?`, string(st.ID), release); err != nil {
			return err
		}
	}
	_, err := im.stmts.object.Exec(string(st.ID), release, id, st.file, st.content, st.AttackID, st.Name, st.Version, st.Modified, st.Revoked)
	return err
}
