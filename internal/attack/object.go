package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/attack/stix"
)

// The types of objects that ATT&CK adds to STIX or gives a meaning of its own.
const (
	typeAnalytic     = "x-mitre-analytic"
	typeCollection   = "x-mitre-collection"
	typeComponent    = "x-mitre-data-component"
	typeDataSource   = "x-mitre-data-source"
	typeMatrix       = "x-mitre-matrix"
	typeMitigation   = "course-of-action"
	typeRelationship = "relationship"
	typeStrategy     = "x-mitre-detection-strategy"
	typeTactic       = "x-mitre-tactic"
	typeTechnique    = "attack-pattern"
)

// typeWords are the types in the words of ATT&CK.
var typeWords = map[string]string{
	typeAnalytic: "analytic", typeCollection: "collection", typeComponent: "data component", typeDataSource: "data source", typeMatrix: "matrix",
	typeMitigation: "mitigation", typeStrategy: "detection strategy", typeTactic: "tactic", typeTechnique: "technique",
	"intrusion-set": "group", "malware": "software (malware)", "tool": "software (tool)", "x-mitre-asset": "asset",
}

// TypeWord is a type in the words of ATT&CK.
func TypeWord(typ string) string {
	if w, ok := typeWords[typ]; ok {
		return w
	}
	return typ
}

// Reference is one external reference, as MITRE wrote it.
type Reference struct {
	Source      string `json:"source_name"`
	ExternalID  string `json:"external_id,omitempty"`
	URL         string `json:"url,omitempty"`
	Description string `json:"description,omitempty"`
}

// References are the external references of an object, in their order.
func References(o stix.Object) []Reference {
	list := []Reference{}
	for _, r := range o.Value.Get("external_references").Items() {
		list = append(list, Reference{r.Get("source_name").Text(), r.Get("external_id").Text(), r.Get("url").Text(), r.Get("description").Text()})
	}
	return list
}

// AttackID is the ID that people know: "T1505.002"; "" where the object has none, as
// relationships have.
func AttackID(o stix.Object) string {
	for _, r := range o.Value.Get("external_references").Items() {
		// mitre-attack, mitre-mobile-attack, mitre-ics-attack
		if s := r.Get("source_name").Text(); strings.HasPrefix(s, "mitre-") && strings.HasSuffix(s, "attack") {
			return r.Get("external_id").Text()
		}
	}
	return ""
}

// Name is what the object is called.
func (o Object) Name() string { return o.Value.Get("name").Text() }

// Description is MITRE's text about it.
func (o Object) Description() string { return o.Value.Get("description").Text() }

// Version is the version number that MITRE gives the object.
func (o Object) Version() string { return o.Value.Get("x_mitre_version").Text() }

// Created and Modified are MITRE's times, as written.
func (o Object) Created() string { return o.Value.Get("created").Text() }

// Modified is when MITRE says that the object was last changed.
func (o Object) Modified() string { return o.Value.Get("modified").Text() }

// Revoked objects were replaced by others; deprecated ones by nothing.
func (o Object) Revoked() bool { return o.Value.Get("revoked").True() }

// Deprecated objects are no longer kept up.
func (o Object) Deprecated() bool { return o.Value.Get("x_mitre_deprecated").True() }

// AttackID is the ID that people know.
func (o Object) AttackID() string { return AttackID(o.Object) }

// Platforms are those that MITRE lists.
func (o Object) Platforms() []string { return o.Value.Get("x_mitre_platforms").Texts() }

// Link is one way in which objects name others: the member, and an id, or the name of
// a phase.
type Link struct {
	Field  string
	Target string
}

// The members that link.
const (
	fieldAnalytics = "x_mitre_analytic_refs"
	fieldComponent = "x_mitre_data_component_ref"
	fieldPhase     = "kill_chain_phases"
	fieldSource    = "source_ref"
	fieldTarget    = "target_ref"
	fieldTactics   = "tactic_refs"
	fieldTechnique = "x_mitre_technique_ref"
)

// Links are the links of an object that lead somewhere by meaning. Who wrote it and
// under which marking are none.
func Links(o stix.Object) []Link {
	var list []Link
	add := func(field, target string) {
		if l := (Link{field, target}); target != "" && !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	for _, field := range []string{fieldSource, fieldTarget, "x_mitre_data_source_ref", fieldTechnique} {
		add(field, o.Value.Get(field).Text())
	}
	for _, field := range []string{fieldAnalytics, fieldTactics} {
		for _, t := range o.Value.Get(field).Texts() {
			add(field, t)
		}
	}
	for _, r := range o.Value.Get("x_mitre_log_source_references").Items() {
		add(fieldComponent, r.Get(fieldComponent).Text())
	}
	for _, p := range o.Value.Get(fieldPhase).Items() {
		add(fieldPhase, p.Get("phase_name").Text())
	}
	add(fieldPhase, o.Value.Get("x_mitre_shortname").Text()) // of a tactic: the phase that it is
	return list
}

// bookkeeping are the members that say nothing about what an object is about. That it
// is neither revoked nor deprecated some releases say and others leave out.
var bookkeeping = []string{"created_by_ref", "modified", "object_marking_refs", "spec_version", "x_mitre_attack_spec_version", "x_mitre_modified_by_ref", "x_mitre_version"}

// IsBookkeeping reports whether a member, with this value, is bookkeeping.
func IsBookkeeping(name string, v stix.Value) bool {
	if name == "revoked" || name == "x_mitre_deprecated" {
		return !v.True()
	}
	return slices.Contains(bookkeeping, name)
}

// Substance is the digest of the canonical content without bookkeeping: where two
// releases differ in it, what MITRE says has changed.
func Substance(o stix.Object) waxseal.Digest {
	var kept []stix.Member
	for _, m := range o.Value.Members() {
		if !IsBookkeeping(m.Name, m.Value) {
			kept = append(kept, m)
		}
	}
	text, err := stix.ObjectOf(kept).Canonical(make([]byte, 0, len(o.Raw)))
	if err != nil {
		return o.Canonical // can't be: the whole had a canonical form
	}
	sum := sha256.Sum256(text)
	return waxseal.Digest(hex.EncodeToString(sum[:]))
}

// DomainOf is the domain that an object says it belongs to, where it is one.
func DomainOf(o stix.Object) string {
	if o.Type() == typeMatrix {
		return AttackID(o)
	}
	if d := o.Value.Get("x_mitre_domains").Texts(); len(d) == 1 {
		return d[0]
	}
	return ""
}

// ReleaseOf is the release number that a collection states; "" for other objects.
func ReleaseOf(o stix.Object) string {
	if o.Type() != typeCollection {
		return ""
	}
	return o.Value.Get("x_mitre_version").Text()
}
