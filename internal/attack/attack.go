// Package attack understands ATT&CK: what its objects say, how they hang together,
// and what became of them from one release to the next.
//
// Relationships alone don't reach far. An analytic has none, and no tactic; it is
// named by a detection strategy (x_mitre_analytic_refs), which detects a technique,
// which has tactics, mitigations and procedure examples. [Context] walks all of
// that, and says what the data lacks instead of leaving it out.
//
// A version of an object is its id, its time of modification and its content: the
// version number that ATT&CK gives does not always move when the content does.
//
// The package holds MITRE's words as they are and apart from the project's own
// analysis, which is in [Mapping]. It reads no file: releases come from a [Shelf].
package attack

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/attack/stix"
)

// Notice stands wherever text of ATT&CK is shown (attack.mitre.org/resources/legal-and-branding/terms-of-use).
const Notice = "© 2026 The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation. " +
	"ATT&CK and MITRE ATT&CK are registered trademarks of The MITRE Corporation."

// ErrNone: no release on the shelf has what was asked for.
var ErrNone = errors.New("not in the data")

// Shelf keeps releases side by side.
type Shelf interface {
	// Releases are all that are kept, oldest first.
	Releases() ([]Release, error)
	// IDs are the objects that any release calls by this ATT&CK ID.
	IDs(attackID string) ([]stix.ID, error)
	// Versions are all that is kept of one object: oldest release first, and within
	// a release in the order of import; the last one of a release is in force.
	Versions(id stix.ID) ([]Object, error)
	// Object is what a release says of an object now; ErrNone if nothing.
	Object(release string, id stix.ID) (Object, error)
	// Referring are the objects of a release that name a target in a link.
	Referring(release string, l Link) ([]Object, error)
	// Briefs are all objects of a release, by id, without their content.
	Briefs(release string) ([]Brief, error)
}

// Release is one release of ATT&CK, as far as it was imported.
type Release struct {
	Number string   `json:"release"`
	Parts  []Source `json:"sources"` // in the order of import
	// Objects counts those in force.
	Objects int `json:"objects"`
	// Whole are the domains of which all objects are there: those whose matrix is.
	Whole []string `json:"whole"`
	// Current: it is the newest release there is here.
	Current bool `json:"current"`
}

// Domains are those of which the release has anything.
func (r Release) Domains() []string {
	var list []string
	for _, p := range r.Parts {
		if p.Domain != "" && !slices.Contains(list, p.Domain) {
			list = append(list, p.Domain)
		}
	}
	return list
}

// Source is where objects came from: one file, or one directory of them.
type Source struct {
	Name     string         `json:"name"`
	Digest   waxseal.Digest `json:"sha256"` // of the file as it was given, packed or not
	Imported time.Time      `json:"imported,omitzero"`
	Domain   string         `json:"domain"`           // "enterprise-attack"; "" where the objects don't say
	Bundle   string         `json:"bundle,omitempty"` // the bundle's own id
	Spec     string         `json:"stix,omitempty"`   // "2.0", "2.1"
	Objects  int            `json:"objects"`
	Skipped  int            `json:"skipped"`
	// Embedded: it is the part of ATT&CK that this program brings itself.
	Embedded bool `json:"embedded,omitempty"`
}

// Object is one object as one release has it.
type Object struct {
	stix.Object
	Release string
	Source  Source
	// File is the one-object file within the source, where that is a directory.
	File       string
	FileDigest waxseal.Digest
}

// Brief is an object without its content.
type Brief struct {
	ID                stix.ID
	AttackID          string
	Name              string
	Version, Modified string
	Canonical         waxseal.Digest
	Substance         waxseal.Digest
	Revoked           bool
	Domain            string
}

// Brief returns the object without its content.
func (o Object) Brief() Brief {
	return Brief{ID: o.ID, AttackID: AttackID(o.Object), Name: o.Name(), Version: o.Version(), Modified: o.Modified(),
		Canonical: o.Canonical, Substance: Substance(o.Object), Revoked: o.Revoked(), Domain: o.Source.Domain}
}

// CompareReleases orders release numbers: "9.0" before "18.1" before "19.0".
func CompareReleases(a, b string) int {
	as, bs := strings.Split(strings.TrimPrefix(a, "v"), "."), strings.Split(strings.TrimPrefix(b, "v"), ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		c := cmp.Compare(x, y)
		if errX != nil || errY != nil {
			c = strings.Compare(as[i], bs[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}
