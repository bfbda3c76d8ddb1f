package attack

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"waxseal"
	"waxseal/internal/attack/stix"
)

// Version is one row of an object's history.
type Version struct {
	Release   string         `json:"release"`
	Version   string         `json:"version,omitempty"`
	Created   string         `json:"created,omitempty"`
	Modified  string         `json:"modified,omitempty"`
	Change    string         `json:"change"` // "first", "same", "changed", "bookkeeping"
	Standing  string         `json:"standing"`
	Digest    waxseal.Digest `json:"sha256"`
	Canonical waxseal.Digest `json:"canonical_sha256"`
	Revoked   bool           `json:"revoked"`
	Deprecate bool           `json:"deprecated"`
	Source    Source         `json:"source"`
	File      string         `json:"file,omitempty"`
	FileSHA   waxseal.Digest `json:"file_sha256,omitempty"`
	// Unmoved: the content changed and the version number did not.
	Unmoved bool `json:"version_unmoved,omitempty"`
}

// The standings of a version.
const (
	Current    = "current"
	Superseded = "superseded"
)

// What became of the content between two rows.
const (
	First       = "first"
	Same        = "same"
	Changed     = "changed"
	Bookkeeping = "bookkeeping"
)

// History is every version of an object that is kept.
type History struct {
	ID       string    `json:"id,omitempty"`
	STIX     stix.ID   `json:"stix"`
	Name     string    `json:"name"`
	Versions []Version `json:"versions"`
	Steps    []Step    `json:"steps"`
}

// Past tells the history of an object.
func Past(shelf Shelf, o Object) (History, error) {
	h := History{ID: o.AttackID(), STIX: o.ID, Name: o.Name(), Versions: []Version{}}
	versions, err := shelf.Versions(o.ID)
	if err != nil {
		return h, err
	}
	for i, v := range versions {
		row := Version{Release: v.Release, Version: v.Version(), Created: v.Created(), Modified: v.Modified(), Change: First, Standing: Superseded,
			Digest: v.Digest, Canonical: v.Canonical, Revoked: v.Revoked(), Deprecate: v.Deprecated(), Source: v.Source, File: v.File, FileSHA: v.FileDigest}
		if i > 0 {
			row.Change = changeOf(versions[i-1], v)
			row.Unmoved = row.Change == Changed && v.Version() == versions[i-1].Version() && v.Version() != ""
		}
		if i == len(versions)-1 {
			row.Standing = Current
		}
		h.Versions = append(h.Versions, row)
	}
	h.Steps, err = Steps(shelf, o.ID)
	h.Steps = list(h.Steps)
	return h, err
}

func changeOf(before, after Object) string {
	switch {
	case before.Canonical == after.Canonical:
		return Same
	case Substance(before.Object) == Substance(after.Object):
		return Bookkeeping
	}
	return Changed
}

// Step is something that became of an object between two releases.
type Step struct {
	What   string `json:"what"`   // "renamed", "id changed", "revoked", "deprecated", "gone", "back"
	Before string `json:"before"` // the last release, of those kept, in which it was not so
	After  string `json:"after"`  // the first in which it is
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	// STIX is the object that stands in for a revoked one.
	STIX stix.ID `json:"stix,omitempty"`
}

// Text says a step in words.
func (s Step) Text() string {
	switch s.What {
	case "revoked":
		if s.To == "" {
			return fmt.Sprintf("revoked in %s (in %s it was not); what replaces it is not in the data", s.After, orEarlier(s.Before))
		}
		return fmt.Sprintf("revoked in %s (in %s it was not), and replaced by %s", s.After, orEarlier(s.Before), s.To)
	case "deprecated":
		return fmt.Sprintf("deprecated in %s (in %s it was not)", s.After, orEarlier(s.Before))
	case "gone":
		return fmt.Sprintf("no longer there in %s, last in %s", s.After, s.Before)
	}
	return fmt.Sprintf("%s in %s: %s, in %s %s", s.What, s.After, s.To, s.Before, s.From)
}

// orEarlier: the oldest release kept may have it already.
func orEarlier(release string) string {
	return cmp.Or(release, "no release that is kept")
}

// Steps tells what became of an object, release by release.
func Steps(shelf Shelf, id stix.ID) ([]Step, error) {
	versions, err := shelf.Versions(id)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for i, now := range versions {
		was := Object{}
		if i > 0 {
			was = versions[i-1]
			steps = append(steps, moved(was, now)...)
		}
		if now.Revoked() && !was.Revoked() {
			s := Step{What: "revoked", Before: was.Release, After: now.Release}
			if s.To, s.STIX, err = replacement(shelf, now); err != nil {
				return nil, err
			}
			steps = append(steps, s)
		}
		if now.Deprecated() && !was.Deprecated() {
			steps = append(steps, Step{What: "deprecated", Before: was.Release, After: now.Release})
		}
	}
	gone, err := vanished(shelf, versions)
	return append(steps, gone...), err
}

func moved(was, now Object) (steps []Step) {
	if was.Name() != now.Name() {
		steps = append(steps, Step{What: "renamed", Before: was.Release, After: now.Release, From: was.Name(), To: now.Name()})
	}
	if was.AttackID() != now.AttackID() {
		steps = append(steps, Step{What: "id changed", Before: was.Release, After: now.Release, From: was.AttackID(), To: now.AttackID()})
	}
	return steps
}

// vanished: a release is there whole, later than the last that has the object.
func vanished(shelf Shelf, versions []Object) ([]Step, error) {
	if len(versions) == 0 {
		return nil, nil
	}
	last := versions[len(versions)-1]
	releases, err := shelf.Releases()
	for _, r := range releases {
		if CompareReleases(r.Number, last.Release) > 0 && slices.Contains(r.Whole, last.Source.Domain) {
			return []Step{{What: "gone", Before: last.Release, After: r.Number}}, err
		}
	}
	return nil, err
}

// maxRevoked bounds a chain of revoked objects, which may be a ring.
const maxRevoked = 16

// replacement follows the "revoked-by" relationships of a revoked object, through
// objects that were revoked themselves, to one that was not: "T1685.004 (Disable or
// Modify Linux Audit System Log)". It is empty where the data has none.
func replacement(shelf Shelf, o Object) (words string, id stix.ID, err error) {
	seen := map[stix.ID]bool{}
	for o.Revoked() && !seen[o.ID] && len(seen) < maxRevoked {
		seen[o.ID] = true
		w := &walker{shelf: shelf, release: o.Release}
		by := w.related(Entry{STIX: o.ID}, fieldSource, "revoked-by")
		if w.err != nil || len(by) == 0 {
			return words, id, w.err
		}
		next := by[0]
		if words, id = fmt.Sprintf("%s (%s)", next.label(), next.Name), next.STIX; next.Missing {
			return string(next.STIX), id, nil
		}
		o = next.object
	}
	if seen[o.ID] {
		return "", "", nil // a ring: nothing in it is in force
	}
	return words, id, nil
}

// Resolution is what an ID stands for in the newest release.
type Resolution struct {
	Asked string `json:"asked"`
	// Object is what it named where it was last in force, In the object now.
	Object Object `json:"-"`
	Now    Object `json:"-"`
	Steps  []Step `json:"steps"`
}

// Resolve finds what an ATT&CK ID or STIX id stands for now, through renaming and
// revocation.
func Resolve(shelf Shelf, name string) (Resolution, error) {
	r := Resolution{Asked: name}
	o, err := Find(shelf, name, "")
	if err != nil {
		return r, err
	}
	r.Object = o
	if r.Now, err = Find(shelf, string(o.ID), ""); err != nil {
		return r, err
	}
	if r.Steps, err = Steps(shelf, o.ID); err != nil {
		return r, err
	}
	if _, id, err := replacement(shelf, r.Now); err != nil {
		return r, err
	} else if id != "" {
		now, err := shelf.Object(r.Now.Release, id)
		if err != nil && !errors.Is(err, ErrNone) {
			return r, err
		}
		if err == nil {
			r.Now = now
		}
	}
	return r, nil
}
