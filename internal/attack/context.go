package attack

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"waxseal/internal/attack/stix"
)

// Section is one part of an object's surroundings.
type Section struct {
	Name    string  `json:"name"`
	Entries []Entry `json:"entries"`
}

// Entry is an object that another hangs together with.
type Entry struct {
	ID   string  `json:"id,omitempty"`
	STIX stix.ID `json:"stix"`
	Type string  `json:"type"`
	Name string  `json:"name,omitempty"`
	// Through says which member or relationship leads there, and from where.
	Through string `json:"through"`
	// Text is what MITRE says about this relationship, with its citations.
	Text string `json:"text,omitempty"`
	// Missing: the object that is named is not in the data of this release.
	Missing    bool `json:"missing,omitempty"`
	Revoked    bool `json:"revoked,omitempty"`
	Deprecated bool `json:"deprecated,omitempty"`

	object Object
}

// label names an entry in a sentence.
func (e Entry) label() string {
	if e.ID != "" {
		return e.ID
	}
	return string(e.STIX)
}

// walker gathers what an object hangs together with, in one release. After an error it
// does nothing more.
type walker struct {
	shelf   Shelf
	release string
	missing []string // what the data lacks, in sentences
	err     error
}

func (w *walker) lacks(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(w.missing, s) {
		w.missing = append(w.missing, s)
	}
}

// entry looks an object up that a link names.
func (w *walker) entry(id stix.ID, through, text string) Entry {
	e := Entry{STIX: id, Type: id.Type(), Through: through, Text: text}
	if w.err != nil {
		return e
	}
	o, err := w.shelf.Object(w.release, id)
	switch {
	case errors.Is(err, ErrNone):
		e.Missing = true
	case err != nil:
		w.err = err
	default:
		e.ID, e.Name, e.Revoked, e.Deprecated, e.object = o.AttackID(), o.Name(), o.Revoked(), o.Deprecated(), o
	}
	return e
}

// referring are the objects that name one in a member, as entries.
func (w *walker) referring(from Entry, field string) (list []Entry) {
	for _, o := range w.links(from.STIX, field) {
		list = append(list, w.entry(o.ID, field+" names "+from.label(), ""))
	}
	return list
}

func (w *walker) links(id stix.ID, field string) []Object {
	if w.err != nil {
		return nil
	}
	list, err := w.shelf.Referring(w.release, Link{field, string(id)})
	w.err = err
	return list
}

// related follows relationships of one kind: from their target to their sources where
// field is "target_ref", the other way with "source_ref". Revoked and deprecated
// relationships no longer hold.
func (w *walker) related(from Entry, field, kind string) (list []Entry) {
	other := fieldSource
	if field == fieldSource {
		other = fieldTarget
	}
	for _, r := range w.links(from.STIX, field) {
		if r.Type() == typeRelationship && r.Value.Get("relationship_type").Text() == kind && !r.Revoked() && !r.Deprecated() {
			list = append(list, w.entry(stix.ID(r.Value.Get(other).Text()), kind+" "+from.label(), r.Description()))
		}
	}
	return list
}

// named follows the members of an object that name others.
func (w *walker) named(from Entry, fields ...string) (list []Entry) {
	for _, l := range Links(from.object.Object) {
		if slices.Contains(fields, l.Field) {
			list = append(list, w.entry(stix.ID(l.Target), l.Field+" of "+from.label(), ""))
		}
	}
	return list
}

// each joins what several objects lead to: each object once, unless MITRE says
// something else about it each time.
func each(from []Entry, step func(Entry) []Entry) (list []Entry) {
	for _, f := range from {
		for _, e := range step(f) {
			same := func(h Entry) bool { return h.STIX == e.STIX && h.Text == e.Text }
			if !slices.ContainsFunc(list, same) {
				list = append(list, e)
			}
		}
	}
	return list
}

// The steps that hold ATT&CK together.

func (w *walker) strategiesOf(analytic Entry) []Entry {
	list := w.referring(analytic, fieldAnalytics)
	if len(list) == 0 {
		w.lacks("no detection strategy names the analytic %s, so that nothing leads from it to a technique", analytic.label())
	}
	return list
}

func (w *walker) techniquesOf(strategy Entry) []Entry {
	list := w.related(strategy, fieldSource, "detects")
	if len(list) == 0 {
		w.lacks("the detection strategy %s has no \"detects\" relationship, so that it leads to no technique", strategy.label())
	}
	return list
}

func (w *walker) analyticsOf(strategy Entry) []Entry {
	list := w.named(strategy, fieldAnalytics)
	if len(list) == 0 {
		w.lacks("the detection strategy %s names no analytics", strategy.label())
	}
	return list
}

func (w *walker) componentsOf(analytic Entry) []Entry { return w.named(analytic, fieldComponent) }

// tacticsOf are the tactics whose short name is that of a phase of the technique, of a
// matrix to which the technique belongs.
func (w *walker) tacticsOf(technique Entry) (list []Entry) {
	phases := technique.object.Value.Get(fieldPhase).Items()
	if len(phases) == 0 && !technique.Missing {
		w.lacks("the technique %s has no tactic", technique.label())
	}
	for _, p := range phases {
		name := p.Get("phase_name").Text()
		found := false
		for _, o := range w.links(stix.ID(name), fieldPhase) {
			if o.Type() == typeTactic && shareDomain(o, technique.object) {
				list = append(list, w.entry(o.ID, fieldPhase+" of "+technique.label(), ""))
				found = true
			}
		}
		if !found {
			w.lacks("the tactic %q of %s is not in the data", name, technique.label())
		}
	}
	return list
}

// shareDomain: enterprise and ICS each have tactics of the same short name.
func shareDomain(a, b Object) bool {
	in := a.Value.Get("x_mitre_domains").Texts()
	of := b.Value.Get("x_mitre_domains").Texts()
	return len(in) == 0 || len(of) == 0 || slices.ContainsFunc(in, func(d string) bool { return slices.Contains(of, d) })
}

func (w *walker) mitigationsOf(technique Entry) []Entry {
	list := w.related(technique, fieldTarget, "mitigates")
	if len(list) == 0 {
		w.lacks("no mitigation of %s is in the data", technique.label())
	}
	return list
}

// proceduresOf are the groups, software and campaigns that are said to use a technique.
func (w *walker) proceduresOf(technique Entry) []Entry {
	list := w.related(technique, fieldTarget, "uses")
	if len(list) == 0 {
		w.lacks("no procedure example of %s is in the data", technique.label())
	}
	return list
}

// detectorsOf are the strategies that detect a technique; before release 18 data
// components did.
func (w *walker) detectorsOf(technique Entry) []Entry {
	list := w.related(technique, fieldTarget, "detects")
	if len(list) == 0 {
		w.lacks("no detection strategy of %s is in the data", technique.label())
	}
	return list
}

func ofType(list []Entry, typ string) []Entry {
	return slices.DeleteFunc(slices.Clone(list), func(e Entry) bool { return e.Type != typ })
}

// surroundings of an object, by what it is.
func (w *walker) surroundings(self Entry) []Section {
	switch self.Type {
	case typeAnalytic:
		strategies := w.strategiesOf(self)
		return append(sections("detection strategies", strategies), w.downFrom([]Entry{self}, each(strategies, w.techniquesOf))...)
	case typeStrategy:
		analytics := w.analyticsOf(self)
		return append(sections("analytics", analytics), w.downFrom(analytics, w.techniquesOf(self))...)
	case typeTechnique:
		return w.ofTechnique(self)
	case typeComponent:
		return w.ofComponent(self)
	case typeMitigation:
		return sections("techniques", w.related(self, fieldSource, "mitigates"))
	case typeTactic:
		return w.ofTactic(self)
	}
	return w.ofOther(self)
}

// downFrom lists what techniques have, and what analytics read.
func (w *walker) downFrom(analytics, techniques []Entry) []Section {
	return sections("techniques", techniques, "tactics", each(techniques, w.tacticsOf), "mitigations", each(techniques, w.mitigationsOf),
		"procedure examples", each(techniques, w.proceduresOf), "data components", each(analytics, w.componentsOf))
}

func (w *walker) ofTechnique(self Entry) []Section {
	detectors := w.detectorsOf(self)
	analytics := each(ofType(detectors, typeStrategy), w.analyticsOf)
	components := append(ofType(detectors, typeComponent), each(analytics, w.componentsOf)...)
	return sections("replaced by", w.related(self, fieldSource, "revoked-by"), "replaces", w.related(self, fieldTarget, "revoked-by"),
		"technique above", w.related(self, fieldSource, "subtechnique-of"), "sub-techniques", w.related(self, fieldTarget, "subtechnique-of"),
		"tactics", w.tacticsOf(self), "detection strategies", ofType(detectors, typeStrategy), "analytics", analytics,
		"data components", components, "mitigations", w.mitigationsOf(self), "procedure examples", w.proceduresOf(self),
		"assets", w.related(self, fieldSource, "targets"))
}

func (w *walker) ofComponent(self Entry) []Section {
	analytics := w.referring(self, fieldComponent)
	if len(analytics) == 0 {
		w.lacks("no analytic in the data refers to %s", self.label())
	}
	strategies := each(analytics, func(a Entry) []Entry { return w.referring(a, fieldAnalytics) })
	techniques := append(each(strategies, func(s Entry) []Entry { return w.related(s, fieldSource, "detects") }), w.related(self, fieldSource, "detects")...)
	return sections("data source", w.named(self, "x_mitre_data_source_ref"), "analytics", analytics, "detection strategies", strategies, "techniques", techniques)
}

func (w *walker) ofTactic(self Entry) []Section {
	var techniques []Entry
	for _, o := range w.links(stix.ID(self.object.Value.Get("x_mitre_shortname").Text()), fieldPhase) {
		if o.Type() == typeTechnique && !o.Revoked() && !o.Deprecated() && shareDomain(o, self.object) {
			techniques = append(techniques, w.entry(o.ID, fieldPhase+" names "+self.label(), ""))
		}
	}
	return sections("matrices", w.referring(self, fieldTactics), "techniques", techniques)
}

// ofOther follows whatever relationships there are.
func (w *walker) ofOther(self Entry) []Section {
	var list []Section
	for _, field := range []string{fieldSource, fieldTarget} {
		var kinds []string
		for _, r := range w.links(self.STIX, field) {
			if k := r.Value.Get("relationship_type").Text(); r.Type() == typeRelationship && !slices.Contains(kinds, k) {
				kinds = append(kinds, k)
			}
		}
		slices.Sort(kinds)
		for _, k := range kinds {
			name := k
			if field == fieldTarget {
				name += " (from the other side)"
			}
			list = append(list, sections(name, w.related(self, field, k))...)
		}
	}
	return append(list, sections("names", w.named(self, fieldSource, fieldTarget, fieldTactics, fieldAnalytics))...)
}

// sections pairs names with entries, and leaves out what is empty. Entries are in the
// order of the IDs that people know; those without one come last.
func sections(pairs ...any) []Section {
	list := []Section{}
	for i := 0; i < len(pairs); i += 2 {
		entries := pairs[i+1].([]Entry)
		if len(entries) == 0 {
			continue
		}
		slices.SortStableFunc(entries, func(a, b Entry) int {
			if (a.ID == "") != (b.ID == "") {
				return cmp.Compare(b.ID, a.ID)
			}
			return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.STIX, b.STIX))
		})
		list = append(list, Section{pairs[i].(string), entries})
	}
	return list
}
