package attack_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"waxseal"
	"waxseal/internal/attack"
	"waxseal/internal/attack/stix"
)

// add puts what a text has on a shelf.
func add(t testing.TB, m *attack.Memory, release, domain string, text []byte) {
	t.Helper()
	var objects []stix.Object
	b, err := stix.Read(bytes.NewReader(text), func(o stix.Object) error {
		o.Raw = bytes.Clone(o.Raw)
		objects = append(objects, o)
		return nil
	})
	if err != nil || len(b.Skipped) > 0 {
		t.Fatal(err, b.Skipped)
	}
	for _, o := range objects {
		m.Add(attack.Object{Object: o, Release: release, Source: attack.Source{Name: "test", Domain: domain, Objects: b.Objects}})
	}
}

func unpacked(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := xz.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bothReleases are the extracts of 18.1 and 19.1.
func bothReleases(t testing.TB) *attack.Memory {
	m := &attack.Memory{}
	add(t, m, "18.1", "enterprise-attack", unpacked(t, "enterprise-attack-18.1-extract.json.xz"))
	add(t, m, "19.1", "enterprise-attack", unpacked(t, "enterprise-attack-19.1-extract.json.xz"))
	return m
}

func page(t *testing.T, s attack.Shelf, name, release string) attack.Page {
	t.Helper()
	o, err := attack.Find(s, name, release)
	if err != nil {
		t.Fatal(err)
	}
	p, err := attack.Context(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ids are the ATT&CK IDs in a section of a page.
func ids(p attack.Page, section string) string {
	var list []string
	for _, s := range p.Context {
		for _, e := range s.Entries {
			if s.Name == section && !slices.Contains(list, e.ID) {
				list = append(list, e.ID)
			}
		}
	}
	return strings.Join(list, " ")
}

// TestContext: all that relationships alone don't reach.
func TestContext(t *testing.T) {
	s := bothReleases(t)
	for _, tc := range []struct{ name, section, want string }{
		{"AN0473", "detection strategies", "DET0166"},
		{"AN0473", "techniques", "T1505.002"},
		{"AN0473", "tactics", "TA0003"},
		{"AN0473", "mitigations", "M1026 M1045 M1047"},
		{"AN0473", "data components", "DC0016 DC0032 DC0038 DC0039 DC0061"},
		{"DET0166", "analytics", "AN0472 AN0473"},
		{"DET0166", "techniques", "T1505.002"},
		{"DET0166", "tactics", "TA0003"},
		{"T1505.002", "technique above", "T1505"},
		{"T1505.002", "analytics", "AN0472 AN0473"},
		{"T1505.002", "detection strategies", "DET0166"},
		{"T1505.002", "mitigations", "M1026 M1045 M1047"},
		{"T1562.012", "replaced by", "T1685.004"},
		{"T1685.004", "replaces", "T1562.012"},
		{"TA0112", "matrices", "enterprise-attack"},
	} {
		if got := ids(page(t, s, tc.name, ""), tc.section); got != tc.want {
			t.Errorf("%s, %s: %q, want %q", tc.name, tc.section, got, tc.want)
		}
	}
	for _, tc := range []struct{ name, section, has string }{
		{"DC0016", "analytics", "AN0473"}, {"DC0016", "detection strategies", "DET0166"}, {"DC0016", "techniques", "T1505.002"},
		{"M1047", "techniques", "T1505.002"}, {"TA0003", "techniques", "T1505.002"},
	} {
		if got := ids(page(t, s, tc.name, ""), tc.section); !slices.Contains(strings.Fields(got), tc.has) {
			t.Errorf("%s, %s: %q lacks %q", tc.name, tc.section, got, tc.has)
		}
	}
}

// TestMissing: real data is looser than its schema, and the page says where.
func TestMissing(t *testing.T) {
	s := bothReleases(t)
	says := func(p attack.Page, what string) {
		t.Helper()
		if !strings.Contains(strings.Join(p.Missing, "\n"), what) {
			t.Errorf("%s says %q, not %q", p.ID, p.Missing, what)
		}
	}
	p := page(t, s, "T1505.002", "19.1")
	says(p, "procedure examples: 1 of type malware are named by their id, and not in the data of release 19.1")
	found := map[string]bool{}
	briefs, err := s.Briefs("19.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range briefs {
		if ty := b.ID.Type(); ty != "x-mitre-analytic" && ty != "x-mitre-detection-strategy" {
			continue
		}
		p := page(t, s, string(b.ID), "19.1")
		if ty := b.ID.Type(); ty == "x-mitre-analytic" && len(p.LogSources) == 0 {
			found["no log sources"] = true
			says(p, "the analytic has no log-source references")
		}
		if b.ID.Type() == "x-mitre-analytic" && len(p.Mutable) == 0 {
			found["no mutable elements"] = true
			says(p, "the analytic has no mutable elements")
		}
		if b.ID.Type() == "x-mitre-detection-strategy" && ids(p, "techniques") == "" {
			found["detects nothing"] = true
		}
		for _, l := range p.LogSources {
			if l.ComponentID != "" && !l.Listed {
				found["not listed"] = true
				says(p, fmt.Sprintf("does not list the log source %q with the channel %q", l.Name, l.Channel))
			}
		}
	}
	for _, what := range []string{"no log sources", "no mutable elements", "not listed", "detects nothing"} {
		if !found[what] {
			t.Errorf("the real data has no example of %q any more: this test shows nothing", what)
		}
	}
}

func TestEmbedded(t *testing.T) {
	m, err := attack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range attack.Mapped() {
		p := page(t, m, id, "")
		if ids(p, "techniques") == "" || ids(p, "tactics") == "" || ids(p, "mitigations") == "" || ids(p, "data components") == "" {
			t.Errorf("%s lacks context: %+v", id, p.Context)
		}
		if !p.Source.Embedded || p.Release != attack.EmbeddedRelease || !p.Current {
			t.Errorf("%s: %+v", id, p.Source)
		}
		if !strings.Contains(strings.Join(p.Missing, " "), "only 67 objects are here") {
			t.Errorf("%s does not say that this is a part: %q", id, p.Missing)
		}
	}
	// What is embedded is what the release says, to the byte.
	whole := bothReleases(t)
	briefs, err := m.Briefs(attack.EmbeddedRelease)
	if err != nil || len(briefs) != 67 {
		t.Fatal(len(briefs), err)
	}
	for _, b := range briefs {
		small, _ := m.Object("19.1", b.ID)
		full, err := whole.Object("19.1", b.ID)
		if err != nil || !bytes.Equal(small.Raw, full.Raw) {
			t.Errorf("%s %s: %v", b.AttackID, b.ID, err)
		}
	}
}

// TestOverlay: an import takes over from what is built in.
func TestOverlay(t *testing.T) {
	embedded, err := attack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	over := &attack.Memory{}
	s := attack.Overlay{Over: over, Under: embedded}
	if p := page(t, s, "AN0473", ""); !p.Source.Embedded {
		t.Error("nothing was imported")
	}
	one, err := os.ReadFile("testdata/objects/AN0473-v19.1.json")
	if err != nil {
		t.Fatal(err)
	}
	add(t, over, "19.1", "enterprise-attack", one)
	p := page(t, s, "AN0473", "")
	if p.Source.Embedded || ids(p, "techniques") != "T1505.002" || !page(t, s, "DET0166", "").Source.Embedded {
		t.Error("one imported object takes the place of the embedded one, and the rest stays")
	}
	if list, err := s.Releases(); err != nil || len(list) != 1 || list[0].Objects != 67 || len(list[0].Parts) != 2 {
		t.Errorf("%v %+v", err, list)
	}
	add(t, over, "19.1", "enterprise-attack", unpacked(t, "enterprise-attack-19.1-extract.json.xz"))
	if page(t, s, "DET0166", "").Source.Embedded {
		t.Error("a release that is there whole takes over")
	}
	if list, err := s.Releases(); err != nil || list[0].Objects != 3974 || len(list[0].Whole) != 1 {
		t.Errorf("%v %+v", err, list)
	}
	for _, name := range []string{"AN0473", "T1505.002"} {
		if p := page(t, s, name, ""); strings.Contains(strings.Join(p.Missing, " "), "objects are here") {
			t.Errorf("%s: %q", name, p.Missing)
		}
	}
}

func TestHistory(t *testing.T) {
	m := &attack.Memory{}
	for _, r := range []string{"19.1", "18.0", "19.0", "18.1"} {
		for _, name := range []string{"AN0473", "DET0166"} {
			text, err := os.ReadFile("testdata/objects/" + name + "-v" + r + ".json")
			if err != nil {
				t.Fatal(err)
			}
			add(t, m, r, "enterprise-attack", text)
		}
	}
	for name, want := range map[string]string{
		"AN0473":  "18.0 first superseded, 18.1 same superseded, 19.0 same superseded, 19.1 same current",
		"DET0166": "18.0 first superseded, 18.1 same superseded, 19.0 bookkeeping superseded, 19.1 bookkeeping current",
	} {
		o, err := attack.Find(m, name, "")
		if err != nil {
			t.Fatal(err)
		}
		h, err := attack.Past(m, o)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, v := range h.Versions {
			rows = append(rows, fmt.Sprint(v.Release, " ", v.Change, " ", v.Standing))
		}
		if got := strings.Join(rows, ", "); got != want || len(h.Steps) > 0 {
			t.Errorf("%s: %s %v, want %s", name, got, h.Steps, want)
		}
	}
}

func TestResolve(t *testing.T) {
	s := bothReleases(t)
	for _, tc := range []struct{ asked, now, step string }{
		{"T1562.012", "T1685.004", "revoked in 19.1 (in 18.1 it was not), and replaced by T1685.004 (Disable or Modify Linux Audit System Log)"},
		{"T1070.002", "T1685.006", "revoked in 19.1 (in 18.1 it was not), and replaced by T1685.006 (Clear Linux or Mac System Logs)"},
		{"attack-pattern--562e9b64-7239-493d-80f4-2bff900d9054", "T1685.004", "revoked in 19.1"},
		{"TA0005", "TA0005", "renamed in 19.1: Stealth, in 18.1 Defense Evasion"},
		{"T1505.002", "T1505.002", ""},
	} {
		r, err := attack.Resolve(s, tc.asked)
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		for _, step := range r.Steps {
			steps = append(steps, step.Text())
		}
		if got := strings.Join(steps, "\n"); r.Now.AttackID() != tc.now || !strings.HasPrefix(got, tc.step) || tc.step == "" && got != "" {
			t.Errorf("%s: %s, %q", tc.asked, r.Now.AttackID(), got)
		}
	}
	if _, err := attack.Resolve(s, "T9999"); !errors.Is(err, attack.ErrNone) {
		t.Error(err)
	}
}

func TestCompareReleases(t *testing.T) {
	list := []string{"9.0", "18", "18.0", "18.1", "v19.0", "19.1", "19.1.1", "20.0-beta"}
	for i := range list {
		for j := range list {
			if got, want := attack.CompareReleases(list[i], list[j]), i-j; got*want < 0 || (got == 0) != (want == 0) {
				t.Errorf("%s and %s: %d", list[i], list[j], got)
			}
		}
	}
}

// TestCheck: what rules refer to holds in 19.1, and would not with the IDs of 18.1.
func TestCheck(t *testing.T) {
	s := bothReleases(t)
	audit := waxseal.AttackRef{ID: "T1562.012", STIX: "attack-pattern--562e9b64-7239-493d-80f4-2bff900d9054", Release: "18.1"}
	b, err := attack.Check(s, audit)
	if err != nil || b == nil || b.Now != "19.1" || !strings.HasPrefix(b.Instead, "T1685.004") {
		t.Errorf("%v %+v", err, b)
	}
	for _, ref := range []waxseal.AttackRef{
		{ID: "T1505.002", STIX: "attack-pattern--35187df2-31ed-43b6-a1f5-2f1d3d58d3f1", Release: "18.1"},
		{ID: "TA0005", STIX: "x-mitre-tactic--78b23412-0651-46d7-a540-170a1ce8bd5a", Release: "18.1"},
	} {
		if b, err := attack.Check(s, ref); err != nil || b != nil {
			t.Errorf("%v %+v", err, b)
		}
	}
	for name, ref := range map[string]waxseal.AttackRef{
		"no release": {ID: "T1", STIX: "attack-pattern--00000000-0000-4000-8000-000000000000", Release: "18.1"},
		"its ID is":  {ID: "T1505.999", STIX: "attack-pattern--35187df2-31ed-43b6-a1f5-2f1d3d58d3f1", Release: "18.1"},
	} {
		if b, err := attack.Check(s, ref); err != nil || b == nil || !strings.Contains(b.Why, name) {
			t.Errorf("%v %+v", err, b)
		}
	}
}
