package attack

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the extract
	"encoding/hex"
	"fmt"

	"waxseal"
	"waxseal/internal/attack/stix"
)

// EmbeddedRelease is the release of ATT&CK that the rules and the mapping were written
// against.
const EmbeddedRelease = "19.1"

const embeddedDomain = "enterprise-attack"

// extract is a small part of that release, byte for byte as published; its README
// says which. © The MITRE Corporation, see Notice.
//
//go:embed embedded/enterprise-attack-19.1-extract.json
var extract []byte

// Embedded is the part of ATT&CK that the program brings: the analytics that it
// implements, with all their context, and the techniques that its rules name.
func Embedded() (*Memory, error) {
	sum := sha256.Sum256(extract)
	source := Source{Name: "embedded in waxseal", Digest: waxseal.Digest(hex.EncodeToString(sum[:])), Domain: embeddedDomain, Embedded: true}
	var objects []stix.Object
	b, err := stix.Read(bytes.NewReader(extract), func(o stix.Object) error {
		o.Raw = bytes.Clone(o.Raw)
		objects = append(objects, o)
		return nil
	})
	if err != nil || len(b.Skipped) > 0 {
		return nil, fmt.Errorf("internal error: embedded part of ATT&CK: %w, %d objects skipped", err, len(b.Skipped))
	}
	source.Bundle, source.Spec, source.Objects = b.ID, b.Spec, b.Objects
	m := &Memory{}
	for _, o := range objects {
		m.Add(Object{Object: o, Release: EmbeddedRelease, Source: source})
	}
	return m, nil
}
