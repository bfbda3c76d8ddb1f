package attack

import (
	"fmt"
	"slices"
	"strings"

	"waxseal"
)

// Layer is a layer of the ATT&CK Navigator, format 4.5
// (github.com/mitre-attack/attack-navigator, layers/LAYERFORMATv4_5.md).
type Layer struct {
	Name        string           `json:"name"`
	Versions    LayerVersions    `json:"versions"`
	Domain      string           `json:"domain"`
	Description string           `json:"description"`
	Filters     LayerFilters     `json:"filters"`
	Techniques  []LayerTechnique `json:"techniques"`
	Gradient    LayerGradient    `json:"gradient"`
	Legend      []LayerLegend    `json:"legendItems"`
	Metadata    []LayerMetadata  `json:"metadata"`
}

// LayerVersions says for which programs and data a layer is made.
type LayerVersions struct {
	Attack    string `json:"attack"`
	Navigator string `json:"navigator"`
	Layer     string `json:"layer"`
}

// LayerFilters says which platforms are shown.
type LayerFilters struct {
	Platforms []string `json:"platforms"`
}

// LayerTechnique is one coloured cell.
type LayerTechnique struct {
	ID       string          `json:"techniqueID"`
	Score    int             `json:"score"`
	Comment  string          `json:"comment"`
	Enabled  bool            `json:"enabled"`
	Metadata []LayerMetadata `json:"metadata"`
}

// LayerGradient is how scores are coloured.
type LayerGradient struct {
	Colors []string `json:"colors"`
	Min    int      `json:"minValue"`
	Max    int      `json:"maxValue"`
}

// LayerLegend explains a colour.
type LayerLegend struct {
	Label string `json:"label"`
	Color string `json:"color"`
}

// LayerMetadata is a note beside a layer or a cell.
type LayerMetadata struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// NavigatorLayer shows mappings as a layer. The score of a technique is how many of the
// log-source references of its analytics something is read for, in per cent.
func NavigatorLayer(maps []Mapping) Layer {
	l := Layer{Name: "Waxseal", Domain: embeddedDomain, Description: "What Waxseal reads for the analytics of ATT&CK that it implements. " + Notice,
		Versions: LayerVersions{Attack: newest(maps), Navigator: "5.1.0", Layer: "4.5"}, Filters: LayerFilters{[]string{"Linux"}},
		Gradient: LayerGradient{[]string{"#ffe766", "#8ec843"}, 0, 100}, Techniques: []LayerTechnique{},
		Legend:   []LayerLegend{{"every log-source reference has something that is read for it", "#8ec843"}, {"none has", "#ffe766"}},
		Metadata: []LayerMetadata{{"licence", Notice}},
	}
	for _, m := range maps {
		for _, id := range m.Techniques {
			i := slices.IndexFunc(l.Techniques, func(t LayerTechnique) bool { return t.ID == string(id) })
			if i < 0 {
				l.Techniques = append(l.Techniques, LayerTechnique{ID: string(id), Enabled: true, Metadata: []LayerMetadata{}})
				i = len(l.Techniques) - 1
			}
			l.Techniques[i].add(m)
		}
	}
	return l
}

func newest(maps []Mapping) string {
	number := ""
	for _, m := range maps {
		if number == "" || CompareReleases(m.Release, number) > 0 {
			number = m.Release
		}
	}
	major, _, _ := strings.Cut(number, ".") // the format has the major number only
	return major
}

func (t *LayerTechnique) add(m Mapping) {
	all := len(m.Sources)
	for _, u := range m.Unmapped {
		if strings.HasPrefix(u, "log source ") {
			all++
		}
	}
	t.Score = 100 * len(m.Sources) / max(1, all)
	words := fmt.Sprintf("%s: something is read for %d of %d log-source references; rules: %s", m.ID, len(m.Sources), all, ruleWords(m.Rules))
	t.Comment = strings.TrimPrefix(t.Comment+"\n"+words, "\n")
	for _, s := range m.Sources {
		t.Metadata = append(t.Metadata, LayerMetadata{fmt.Sprintf("%s %s (%s)", m.ID, s.Name, s.Channel), strings.Join(s.Reads, "; ")})
	}
}

func ruleWords(rules []waxseal.RuleID) string {
	words := make([]string, len(rules))
	for i, r := range rules {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}
