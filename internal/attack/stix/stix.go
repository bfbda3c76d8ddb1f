// Package stix reads threat knowledge as it is published: bundles of STIX 2.0 and
// 2.1, as MITRE ships ATT&CK in, whole or one object in a file.
//
// A bundle is read as a stream: one object at a time is in memory, with exactly
// the bytes that it had in the source (STIX 2.1 §8, STIX 2.0 part 1 §5). Each
// object has two digests: that of its bytes, which are other whenever somebody
// indents the file anew, and that of its canonical form (RFC 8785), which says
// whether the content is the same.
//
// What is not well-formed JSON, or no bundle, is refused with the place. An object
// that is well-formed and can't be understood is a [Skip], and the next one
// follows: real data is looser than its schema, and nothing else is asked of an
// object than a type and an id that fit together.
//
// The package does not know what ATT&CK means by its objects, follows no
// reference, and validates no property.
package stix

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"waxseal"
)

// ID is the identifier of a STIX object: "attack-pattern--35187df2-…".
type ID string

// Type is the part of an ID in front of the UUID.
func (id ID) Type() string {
	t, _, _ := strings.Cut(string(id), "--")
	return t
}

// Object is one object of a bundle.
type Object struct {
	ID  ID
	Raw []byte // exactly as it stood in the source, without what is around it
	// Digest is the SHA-256 of Raw, Canonical that of the object in canonical form.
	Digest, Canonical waxseal.Digest
	Value             Value
}

// Type is the object's type, such as "attack-pattern".
func (o Object) Type() string { return o.ID.Type() }

// Skip is an object that was well-formed and could not be understood.
type Skip struct {
	Offset int64  // in the unpacked source
	ID     string // what it called itself, "" where it said nothing
	Reason string
}

func (s *Skip) Error() string {
	if s.ID == "" {
		return fmt.Sprintf("object at byte %d: %s", s.Offset, s.Reason)
	}
	return fmt.Sprintf("object %q at byte %d: %s", s.ID, s.Offset, s.Reason)
}

// IsID reports whether a text is an identifier (STIX 2.1 §2.9): a type, and a UUID
// (RFC 4122). Old objects of ATT&CK have UUIDs of versions that the standard does not
// name, so any will do.
func IsID(s string) bool {
	typ, uuid, ok := strings.Cut(s, "--")
	return ok && isType(typ) && isUUID(uuid)
}

// isType: lower-case letters, digits and hyphens, 3 to 250 of them (STIX 2.1 §3.2).
func isType(s string) bool {
	if len(s) < 3 || len(s) > 250 || s[0] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (c == '-') || !hyphen && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// Parse reads one object. The error is a [*Skip] where the text is well-formed, and
// a [*SyntaxError] where it is not.
func Parse(raw []byte) (Object, error) {
	v, err := ParseJSON(raw)
	if err != nil {
		return Object{}, err
	}
	o := Object{Raw: raw, Value: v}
	if reason := o.identify(); reason != "" {
		return Object{}, &Skip{ID: v.Get("id").Text(), Reason: reason}
	}
	sum := sha256.Sum256(raw)
	o.Digest = waxseal.Digest(hex.EncodeToString(sum[:]))
	canonical, err := v.Canonical(make([]byte, 0, len(raw)))
	if err != nil {
		return Object{}, &Skip{ID: string(o.ID), Reason: err.Error()}
	}
	sum = sha256.Sum256(canonical)
	o.Canonical = waxseal.Digest(hex.EncodeToString(sum[:]))
	return o, nil
}

// identify sets the ID, or says why there is none.
func (o *Object) identify() string {
	v := o.Value
	if v.Kind != ObjectKind {
		return "is " + v.Kind.String() + ", not a JSON object"
	}
	typ, id := v.Get("type"), v.Get("id")
	switch {
	case typ.Kind != StringKind:
		return "has no type"
	case id.Kind != StringKind:
		return "has no id"
	case !IsID(id.Text()):
		return "has an id that is no STIX identifier"
	case ID(id.Text()).Type() != typ.Text():
		return fmt.Sprintf("has the type %q, and an id of another", typ.Text())
	}
	o.ID = ID(id.Text())
	return ""
}
