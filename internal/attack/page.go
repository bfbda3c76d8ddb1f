package attack

import (
	"fmt"
	"slices"

	"waxseal"
	"waxseal/internal/attack/stix"
)

// Page is everything that one release says about an object.
type Page struct {
	ID         string         `json:"id,omitempty"`
	STIX       stix.ID        `json:"stix"`
	Type       string         `json:"type"`
	Name       string         `json:"name,omitempty"`
	Release    string         `json:"release"`
	Current    bool           `json:"current"` // this is the newest release there is here
	Created    string         `json:"created,omitempty"`
	Modified   string         `json:"modified,omitempty"`
	Version    string         `json:"version,omitempty"`
	Revoked    bool           `json:"revoked"`
	Deprecated bool           `json:"deprecated"`
	Digest     waxseal.Digest `json:"sha256"`           // of the bytes as they stood in the source
	Canonical  waxseal.Digest `json:"canonical_sha256"` // of the canonical form (RFC 8785)
	Source     Source         `json:"source"`

	Description string      `json:"description,omitempty"`
	Platforms   []string    `json:"platforms"`
	LogSources  []LogSource `json:"log_sources"`
	Mutable     []Mutable   `json:"mutable_elements"`
	// Fields are the members that have no place of their own on the page.
	Fields []Field `json:"fields"`
	// Context is what the object hangs together with.
	Context []Section `json:"context"`
	// References are MITRE's, verbatim.
	References []Reference `json:"external_references"`
	// Missing says what one may expect, and the data lacks.
	Missing []string `json:"missing"`
	// Steps are what became of the object from release to release.
	Steps []Step `json:"steps"`
}

// LogSource is a log-source reference of an analytic, or a log source that a data
// component lists.
type LogSource struct {
	Component stix.ID `json:"component,omitempty"`
	// ComponentID and ComponentName are empty where the component is not in the data.
	ComponentID   string `json:"component_id,omitempty"`
	ComponentName string `json:"component_name,omitempty"`
	Name          string `json:"name"`
	Channel       string `json:"channel"`
	// Listed: the data component lists this very name and channel.
	Listed bool `json:"listed"`
}

// Mutable is a mutable element: what whoever uses the analytic must set.
type Mutable struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

// Field is a member of an object as it is.
type Field struct {
	Name  string     `json:"name"`
	Value stix.Value `json:"value"`
}

// shown are the members that have a place of their own on a page.
var shown = []string{"type", "id", "created", "modified", "name", "description", "external_references", "revoked", "x_mitre_deprecated",
	"x_mitre_version", "x_mitre_platforms", "x_mitre_log_source_references", "x_mitre_log_sources", "x_mitre_mutable_elements", fieldPhase,
	fieldAnalytics, "x_mitre_data_source_ref"}

// Context gathers the page of an object.
func Context(shelf Shelf, o Object) (Page, error) {
	w := &walker{shelf: shelf, release: o.Release}
	p := Page{
		ID: o.AttackID(), STIX: o.ID, Type: o.Type(), Name: o.Name(), Release: o.Release, Created: o.Created(), Modified: o.Modified(), Version: o.Version(),
		Revoked: o.Revoked(), Deprecated: o.Deprecated(), Digest: o.Digest, Canonical: o.Canonical, Source: o.Source,
		Description: o.Description(), Platforms: o.Platforms(), References: References(o.Object), Fields: fields(o),
	}
	self := w.entry(o.ID, "", "")
	self.object = o // an older version within the release has the context of the newest
	p.LogSources, p.Mutable = w.logSources(o), mutable(o)
	w.expect(p)
	p.Context = w.surroundings(self)
	w.absent(p.Context)
	w.partly()
	p.Missing = w.missing
	if w.err != nil {
		return p, w.err
	}
	var err error
	if p.Steps, err = Steps(shelf, o.ID); err != nil {
		return p, err
	}
	releases, err := shelf.Releases()
	for _, r := range releases {
		p.Current = p.Current || r.Current && r.Number == o.Release
	}
	return p.complete(), err
}

// complete makes lists of what is nil, so that the document always has them.
func (p Page) complete() Page {
	p.Platforms = list(p.Platforms)
	p.LogSources = list(p.LogSources)
	p.Mutable = list(p.Mutable)
	p.Fields = list(p.Fields)
	p.Context = list(p.Context)
	p.Missing = list(p.Missing)
	p.Steps = list(p.Steps)
	return p
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

func fields(o Object) (rest []Field) {
	for _, m := range o.Value.Members() {
		if !slices.Contains(shown, m.Name) {
			rest = append(rest, Field(m))
		}
	}
	return rest
}

func mutable(o Object) (list []Mutable) {
	for _, m := range o.Value.Get("x_mitre_mutable_elements").Items() {
		list = append(list, Mutable{m.Get("field").Text(), m.Get("description").Text()})
	}
	return list
}

// logSources of an analytic, each looked up in its data component; those of a data
// component itself are what it lists.
func (w *walker) logSources(o Object) (sources []LogSource) {
	for _, s := range o.Value.Get("x_mitre_log_sources").Items() {
		sources = append(sources, LogSource{Name: s.Get("name").Text(), Channel: s.Get("channel").Text(), Listed: true})
	}
	for _, r := range o.Value.Get("x_mitre_log_source_references").Items() {
		s := LogSource{Component: stix.ID(r.Get(fieldComponent).Text()), Name: r.Get("name").Text(), Channel: r.Get("channel").Text()}
		c := w.entry(s.Component, "", "")
		s.ComponentID, s.ComponentName = c.ID, c.Name
		for _, l := range c.object.Value.Get("x_mitre_log_sources").Items() {
			s.Listed = s.Listed || l.Get("name").Text() == s.Name && l.Get("channel").Text() == s.Channel
		}
		switch {
		case s.Component == "":
			w.lacks("the log source %q (%s) names no data component", s.Name, s.Channel)
		case !c.Missing && !s.Listed:
			w.lacks("the data component %s (%s) does not list the log source %q with the channel %q that the analytic refers to", c.ID, c.Name, s.Name, s.Channel)
		}
		sources = append(sources, s)
	}
	return sources
}

// expect says what an object of this type should have, and lacks.
func (w *walker) expect(p Page) {
	if p.Description == "" && p.Type != typeStrategy && p.Type != typeRelationship {
		w.lacks("it has no description")
	}
	if p.Type == typeAnalytic {
		if len(p.LogSources) == 0 {
			w.lacks("the analytic has no log-source references")
		}
		if len(p.Mutable) == 0 {
			w.lacks("the analytic has no mutable elements")
		}
	}
	if (p.Type == typeAnalytic || p.Type == typeTechnique) && len(p.Platforms) == 0 {
		w.lacks("it names no platforms")
	}
}

// absent says which objects are named and not there.
func (w *walker) absent(context []Section) {
	for _, s := range context {
		counts, kinds := map[string]int{}, []string{}
		for _, e := range s.Entries {
			if !e.Missing {
				continue
			}
			if counts[e.Type]++; counts[e.Type] == 1 {
				kinds = append(kinds, e.Type)
			}
		}
		for _, k := range kinds {
			w.lacks("%s: %d of type %s are named by their id, and not in the data of release %s", s.Name, counts[k], k, w.release)
		}
	}
}

// partly says that a release is not whole, since then much may be missing that ATT&CK
// has.
func (w *walker) partly() {
	if w.err != nil {
		return
	}
	releases, err := w.shelf.Releases()
	w.err = err
	for _, r := range releases {
		if r.Number == w.release && len(r.Whole) == 0 {
			w.lacks("of release %s only %d objects are here: what is missing may be missing here, and not in ATT&CK (waxseal attack import)", r.Number, r.Objects)
		}
	}
}

// Find returns the object that people mean by an ATT&CK ID or STIX id, in a release,
// or, where that is "", in the newest that has it. Of several objects with one ATT&CK
// ID, the one that is not revoked is meant.
func Find(shelf Shelf, name, release string) (Object, error) {
	ids := []stix.ID{stix.ID(name)}
	if !stix.IsID(name) {
		var err error
		if ids, err = shelf.IDs(name); err != nil {
			return Object{}, err
		}
	}
	var best Object
	for _, id := range ids {
		versions, err := shelf.Versions(id)
		if err != nil {
			return Object{}, err
		}
		for _, v := range versions {
			if (release == "" || v.Release == release) && (stix.IsID(name) || v.AttackID() == name) && better(v, best) {
				best = v
			}
		}
	}
	switch {
	case best.ID != "":
		return best, nil
	case release != "":
		return best, fmt.Errorf("%s in release %s: %w", name, release, ErrNone)
	}
	return best, fmt.Errorf("%s: %w", name, ErrNone)
}

// better: newer, or as new and still in force, or as new and imported later.
func better(v, than Object) bool {
	c := CompareReleases(v.Release, than.Release)
	return than.ID == "" || c > 0 || c == 0 && (v.ID == than.ID || than.Revoked() && !v.Revoked())
}
