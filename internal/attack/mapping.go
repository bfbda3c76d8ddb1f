package attack

import (
	"errors"
	"fmt"
	"slices"

	"waxseal"
	"waxseal/internal/attack/stix"
)

// Sense is a source of facts that Waxseal has, and may lack on a host.
type Sense string

// The senses. SenseTree is the reading of the files themselves, which needs nothing.
const (
	SenseTree   Sense = "files"
	SenseEvents Sense = "fanotify"
	SenseAudit  Sense = "audit"
	SenseExec   Sense = "audit execve"
	SenseLogs   Sense = "mail log"
)

// Mapping is the project's own analysis of an analytic: what is read for each of its
// log-source references, and what tunes each of its mutable elements.
type Mapping struct {
	ID      string          `json:"id"`
	STIX    stix.ID         `json:"stix"`
	Name    string          `json:"name"`
	Release string          `json:"release"`
	Sources []MappedSource  `json:"sources"`
	Mutable []MappedElement `json:"mutable_elements"`
	// Techniques that the analytic serves, by its strategy.
	Techniques []waxseal.TechniqueID `json:"techniques"`
	Rules      []waxseal.RuleID      `json:"rules"`
	// Unmapped is what the release has, and the mapping does not know; Gone what the
	// mapping knows and the release no longer has.
	Unmapped []string `json:"unmapped"`
	Gone     []string `json:"gone"`
}

// MappedSource is one log-source reference with what is read in its place.
type MappedSource struct {
	LogSource
	Reads  []string `json:"reads"`
	Senses []Sense  `json:"senses"` // any of them does; more know more
	Keys   []string `json:"keys"`   // of the configuration, that tune it
	// Letter says why the reference can't be taken by the letter.
	Letter string           `json:"letter"`
	Rules  []waxseal.RuleID `json:"rules"`
}

// MappedElement is one mutable element with the key that stands for it.
type MappedElement struct {
	Mutable
	Key   string `json:"key"` // "" where nothing needs to be set
	Tunes string `json:"tunes"`
}

// Mapped are the ATT&CK IDs of the analytics that have a mapping.
func Mapped() []string {
	var ids []string
	for _, a := range analyses {
		ids = append(ids, a.id)
	}
	return ids
}

// MapOf joins the analysis of an analytic with what a release says of it: the newest,
// where release is "".
func MapOf(shelf Shelf, id, release string) (Mapping, error) {
	i := slices.IndexFunc(analyses, func(a analysis) bool { return a.id == id || string(a.stix) == id })
	if i < 0 {
		return Mapping{}, fmt.Errorf("a mapping of %s: %w", id, ErrNone)
	}
	a := analyses[i]
	o, err := Find(shelf, string(a.stix), release)
	if err != nil {
		return Mapping{}, err
	}
	p, err := Context(shelf, o)
	if err != nil {
		return Mapping{}, err
	}
	m := Mapping{ID: p.ID, STIX: p.STIX, Name: p.Name, Release: p.Release, Sources: []MappedSource{}, Mutable: []MappedElement{},
		Techniques: []waxseal.TechniqueID{}, Rules: a.rules, Unmapped: []string{}, Gone: []string{}}
	for _, s := range p.Context {
		for _, e := range s.Entries {
			if s.Name == "techniques" && e.ID != "" {
				m.Techniques = append(m.Techniques, waxseal.TechniqueID(e.ID))
			}
		}
	}
	m.sources(a, p)
	m.elements(a, p)
	return m, nil
}

func (m *Mapping) sources(a analysis, p Page) {
	for _, s := range p.LogSources {
		i := slices.IndexFunc(a.sources, func(have sourceAnalysis) bool { return have.is(s) })
		if i < 0 {
			m.Unmapped = append(m.Unmapped, fmt.Sprintf("log source %q (%s) of %s", s.Name, s.Channel, s.Component))
			continue
		}
		have := a.sources[i]
		m.Sources = append(m.Sources, MappedSource{LogSource: s, Reads: have.reads, Senses: have.senses, Keys: list(have.keys), Letter: have.letter, Rules: list(have.rules)})
	}
	for _, have := range a.sources {
		if !slices.ContainsFunc(p.LogSources, have.is) {
			m.Gone = append(m.Gone, fmt.Sprintf("log source %q (%s) of %s", have.name, have.channel, have.component))
		}
	}
}

func (m *Mapping) elements(a analysis, p Page) {
	for _, e := range p.Mutable {
		i := slices.IndexFunc(a.elements, func(have elementAnalysis) bool { return have.field == e.Field })
		if i < 0 {
			m.Unmapped = append(m.Unmapped, fmt.Sprintf("mutable element %q", e.Field))
			continue
		}
		m.Mutable = append(m.Mutable, MappedElement{e, a.elements[i].key, a.elements[i].tunes})
	}
	for _, have := range a.elements {
		if !slices.ContainsFunc(p.Mutable, func(e Mutable) bool { return e.Field == have.field }) {
			m.Gone = append(m.Gone, fmt.Sprintf("mutable element %q", have.field))
		}
	}
}

// analysis is what the project says of an analytic.
type analysis struct {
	id       string
	stix     stix.ID
	rules    []waxseal.RuleID
	sources  []sourceAnalysis
	elements []elementAnalysis
}

type sourceAnalysis struct {
	component     stix.ID
	name, channel string
	reads         []string
	senses        []Sense
	keys          []string
	letter        string
	rules         []waxseal.RuleID
}

func (s sourceAnalysis) is(l LogSource) bool {
	return s.component == l.Component && s.name == l.Name && s.channel == l.Channel
}

type elementAnalysis struct{ field, key, tunes string }

// Broken is a reference that a newer release breaks.
type Broken struct {
	Ref  waxseal.AttackRef `json:"ref"`
	Name string            `json:"name"`
	Now  string            `json:"release"` // the release that was looked at
	Why  string            `json:"why"`
	// Instead is what stands in for it, "" where nothing does.
	Instead string `json:"instead,omitempty"`
}

// Check says what the newest release makes of a reference: nil where it holds. It is
// broken where the object is revoked, deprecated or gone, or has another ATT&CK ID.
// That MITRE says something else about it is no break, and is in the history.
func Check(shelf Shelf, ref waxseal.AttackRef) (*Broken, error) {
	o, err := Find(shelf, ref.STIX, "")
	if errors.Is(err, ErrNone) {
		return &Broken{Ref: ref, Why: "no release that is kept here has it"}, nil
	}
	if err != nil {
		return nil, err
	}
	steps, err := Steps(shelf, o.ID)
	if err != nil {
		return nil, err
	}
	b := &Broken{Ref: ref, Name: o.Name(), Now: o.Release}
	for _, s := range steps {
		if CompareReleases(s.After, ref.Release) <= 0 && s.What != "id changed" {
			continue
		}
		switch s.What {
		case "revoked", "deprecated", "gone":
			b.Now, b.Why, b.Instead = s.After, s.Text(), s.To
		}
	}
	switch id := o.AttackID(); {
	case b.Why != "":
		return b, nil
	case o.Revoked() || o.Deprecated(): // since before the reference was made
		b.Why = "it is revoked or deprecated"
		b.Instead, _, err = replacement(shelf, o)
		return b, err
	case id != string(ref.ID):
		b.Why, b.Instead = fmt.Sprintf("its ID is %s since %s", id, o.Release), id
		return b, nil
	}
	return nil, nil
}
