package attack_test

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/attack"
	"waxseal/internal/attack/stix"
)

// Objects that were made for these tests: rings, second versions, what no release has.

func uuid(typ string, n int) string { return fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", typ, n) }

func bundle(objects ...string) []byte {
	return []byte(`{"type":"bundle","id":"bundle--1","objects":[` + strings.Join(objects, ",") + `]}`)
}

// technique makes one; more are further members.
func technique(n int, id, more string) string {
	return fmt.Sprintf(`{"type":"attack-pattern","id":%q,"name":"Technique %d","x_mitre_version":"1.0","external_references":[{"source_name":"mitre-attack","external_id":%q}]%s}`,
		uuid("attack-pattern", n), n, id, more)
}

func relationship(n int, kind, from, to string) string {
	return fmt.Sprintf(`{"type":"relationship","id":%q,"relationship_type":%q,"source_ref":%q,"target_ref":%q}`, uuid("relationship", n), kind, from, to)
}

func matrix(more string) string {
	return `{"type":"x-mitre-matrix","id":"` + uuid("x-mitre-matrix", 1) + `","external_references":[{"source_name":"mitre-attack","external_id":"enterprise-attack"}]` + more + `}`
}

// TestRings: references that lead in a circle, of every kind that is followed.
func TestRings(t *testing.T) {
	at := func(n int) string { return uuid("attack-pattern", n) }
	strategy, analytic := uuid("x-mitre-detection-strategy", 1), uuid("x-mitre-analytic", 1)
	m := &attack.Memory{}
	add(t, m, "1.0", "enterprise-attack", bundle(
		technique(1, "T1", `,"revoked":true`), technique(2, "T2", `,"revoked":true`), technique(3, "T3", ""),
		relationship(1, "revoked-by", at(1), at(2)), relationship(2, "revoked-by", at(2), at(1)),
		relationship(3, "subtechnique-of", at(3), at(3)), relationship(4, "detects", strategy, at(3)),
		relationship(5, "relates", uuid("relationship", 6), uuid("relationship", 5)), relationship(6, "relates", uuid("relationship", 5), uuid("relationship", 6)),
		`{"type":"x-mitre-detection-strategy","id":"`+strategy+`","x_mitre_analytic_refs":["`+analytic+`","`+strategy+`"]}`,
		`{"type":"x-mitre-analytic","id":"`+analytic+`","x_mitre_analytic_refs":["`+analytic+`"],"x_mitre_log_source_references":[{"x_mitre_data_component_ref":"`+analytic+`"}]}`,
	))
	for _, name := range []string{"T1", "T2", "T3", strategy, analytic, uuid("relationship", 5)} {
		page(t, m, name, "")
		if _, err := attack.Resolve(m, name); err != nil {
			t.Error(err)
		}
	}
	r, err := attack.Resolve(m, "T1")
	if err != nil || r.Now.AttackID() != "T1" || len(r.Steps) != 1 || !strings.Contains(r.Steps[0].Text(), "what replaces it is not in the data") {
		t.Errorf("%v %s %+v", err, r.Now.AttackID(), r.Steps)
	}
}

// TestChain: what was revoked by something that was revoked itself.
func TestChain(t *testing.T) {
	at := func(n int) string { return uuid("attack-pattern", n) }
	m := &attack.Memory{}
	add(t, m, "1.0", "enterprise-attack", bundle(technique(1, "T1", ""), technique(2, "T2", ""), technique(3, "T3", "")))
	add(t, m, "2.0", "enterprise-attack", bundle(technique(1, "T1", `,"revoked":true`), technique(2, "T2", `,"revoked":true`), technique(3, "T30", ""),
		relationship(1, "revoked-by", at(1), at(2)), relationship(2, "revoked-by", at(2), at(3))))
	r, err := attack.Resolve(m, "T1")
	if err != nil || r.Now.AttackID() != "T30" {
		t.Errorf("%v %s", err, r.Now.AttackID())
	}
	if r, err = attack.Resolve(m, "T3"); err != nil || r.Now.AttackID() != "T30" || r.Steps[0].What != "id changed" {
		t.Errorf("%v %s %+v", err, r.Now.AttackID(), r.Steps)
	}
	b, err := attack.Check(m, waxseal.AttackRef{ID: "T3", STIX: at(3), Release: "1.0"})
	if err != nil || b == nil || b.Instead != "T30" {
		t.Errorf("%v %+v", err, b)
	}
}

// TestGone: only a release that is there whole can say that something is gone.
func TestGone(t *testing.T) {
	m := &attack.Memory{}
	add(t, m, "1.0", "enterprise-attack", bundle(technique(1, "T1", ""), technique(2, "T2", "")))
	add(t, m, "2.0", "enterprise-attack", bundle(technique(2, "T2", "")))
	if r, err := attack.Resolve(m, "T1"); err != nil || len(r.Steps) != 0 {
		t.Errorf("a part of a release says that something is gone: %v %+v", err, r.Steps)
	}
	add(t, m, "3.0", "enterprise-attack", bundle(technique(2, "T2", ""), matrix("")))
	r, err := attack.Resolve(m, "T1")
	if err != nil || len(r.Steps) != 1 || r.Steps[0].Text() != "no longer there in 3.0, last in 1.0" {
		t.Errorf("%v %+v", err, r.Steps)
	}
	d, err := attack.CompareAll(m, "1.0", "2.0", attack.Filter{})
	if err != nil || len(d.Changes) != 0 || !strings.Contains(strings.Join(d.Notes, " "), "1 objects are not in what is here of release 2.0") {
		t.Errorf("%v %+v", err, d)
	}
	if d, err = attack.CompareAll(m, "1.0", "3.0", attack.Filter{}); err != nil || len(d.Changes) != 1 || d.Changes[0].Change != attack.Removed {
		t.Errorf("%v %+v", err, d)
	}
}

func object(t *testing.T, text string) attack.Object {
	t.Helper()
	o, err := stix.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return attack.Object{Object: o}
}

func TestCompareFields(t *testing.T) {
	was := object(t, technique(1, "T1", `,"modified":"a","revoked":false,"same":[1,{"a":1}],"list":["x","y","y"],"deep":{"in":{"a":1,"b":2}},"gone":1,"order":[1,2],"kind":"1"`))
	now := object(t, technique(1, "T1", `,"modified":"b","same":[1.0,{"a":1}],"list":["y","z"],"deep":{"in":{"a":1,"b":3}},"came":null,"order":[2,1],"kind":1`))
	d := attack.Compare(was, now)
	var got []string
	for _, f := range d.Fields {
		mark := ""
		if f.Bookkeeping {
			mark = " bookkeeping"
		}
		got = append(got, fmt.Sprintf("%s: %s > %s%s", f.Field, f.Before, f.After, mark))
	}
	want := []string{
		"modified: a > b bookkeeping", `list: ["x","y"] > ["z"]`, "deep.in.b: 2 > 3", "came:  > null", "order: [1,2] > [2,1]", "kind: 1 > 1", "revoked: false >  bookkeeping", "gone: 1 > ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || d.Change != attack.Changed || !d.Unmoved {
		t.Errorf("%s %v\ngot\n%s\nwant\n%s", d.Change, d.Unmoved, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	now = object(t, technique(1, "T1", `,"modified":"c"`))
	if d := attack.Compare(object(t, technique(1, "T1", `,"modified":"a","revoked":false`)), now); d.Change != attack.Bookkeeping || d.Unmoved {
		t.Errorf("%+v", d)
	}
	if d := attack.Compare(now, object(t, technique(1, "T1", `,"modified":"c","revoked":true`))); d.Change != attack.Changed || !d.Revoked {
		t.Errorf("%+v", d)
	}
}

// TestCompareAll has the real releases, and what filters pick of them.
func TestCompareAll(t *testing.T) {
	s := bothReleases(t)
	compare := func(f attack.Filter) attack.ReleaseDiff {
		t.Helper()
		d, err := attack.CompareAll(s, "18.1", "19.1", f)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	has := func(d attack.ReleaseDiff, change, id string) bool {
		for _, c := range d.Changes {
			if c.ID == id && c.Change == change {
				return true
			}
		}
		return false
	}
	all := compare(attack.Filter{})
	if !has(all, attack.Added, "TA0112") || !has(all, attack.Changed, "TA0005") || !has(all, attack.Changed, "T1562.012") || has(all, attack.Changed, "AN0473") || all.Same == 0 || all.Bookkeeping == 0 || all.Unmoved == 0 {
		t.Errorf("%d changes, %d same, %d bookkeeping, %d unmoved", len(all.Changes), all.Same, all.Bookkeeping, all.Unmoved)
	}
	unmoved := 0
	for _, c := range all.Changes {
		if c.Unmoved {
			unmoved++
		}
		if c.ID == "T1562.012" && !c.Revoked {
			t.Error("T1562.012 was revoked")
		}
	}
	if unmoved != all.Unmoved {
		t.Errorf("%d, counted %d", unmoved, all.Unmoved)
	}
	linux := compare(attack.Filter{Platform: "LINUX"})
	if len(linux.Changes) == 0 || len(linux.Changes) >= len(all.Changes) || has(linux, attack.Added, "TA0112") || !has(linux, attack.Changed, "T1562.012") {
		t.Errorf("%d for Linux of %d", len(linux.Changes), len(all.Changes))
	}
	text := compare(attack.Filter{Text: "EXCHANGE server"})
	if len(text.Changes) == 0 || len(text.Changes) >= len(all.Changes) {
		t.Errorf("%d with the text", len(text.Changes))
	}
	near := compare(attack.Filter{Technique: "T1562.012"})
	if !has(near, attack.Changed, "T1562.012") || has(near, attack.Added, "TA0112") || len(near.Changes) >= len(all.Changes)/2 {
		t.Errorf("%d near T1562.012", len(near.Changes))
	}
	if kind := compare(attack.Filter{Type: "x-mitre-tactic"}); len(kind.Changes) < 2 || kind.Changes[0].Type != "x-mitre-tactic" {
		t.Errorf("%+v", kind.Changes)
	}
	for _, bad := range [][2]string{{"18.1", "20.0"}, {"1.0", "19.1"}} {
		if _, err := attack.CompareAll(s, bad[0], bad[1], attack.Filter{}); err == nil {
			t.Error(bad)
		}
	}
	if _, err := attack.CompareAll(s, "18.1", "19.1", attack.Filter{Technique: "T9999"}); err == nil {
		t.Error("an unknown technique picks everything")
	}
}

// TestICS: the domains don't mix. Both have a tactic with the short name "impact".
func TestICS(t *testing.T) {
	m := bothReleases(t)
	add(t, m, "18.1", "ics-attack", unpacked(t, "ics-attack-18.1.json.xz"))
	p := page(t, m, "T0800", "")
	if p.Release != "18.1" || p.Source.Domain != "ics-attack" || ids(p, "tactics") != "TA0107" {
		t.Errorf("%s %s %s", p.Release, p.Source.Domain, ids(p, "tactics"))
	}
	if got := ids(page(t, m, "T1505.002", "18.1"), "tactics"); got != "TA0003" {
		t.Error(got)
	}
	d, err := attack.CompareAll(m, "18.1", "19.1", attack.Filter{})
	if err != nil || !strings.Contains(strings.Join(d.Notes, " "), "of ics-attack there is something in release 18.1 only") {
		t.Fatal(err, d.Notes)
	}
	for _, c := range d.Changes {
		if strings.HasPrefix(c.ID, "T0") || c.Change == attack.Added && strings.HasPrefix(c.ID, "M0") {
			t.Errorf("%s %s of ICS is compared with nothing", c.Change, c.ID)
		}
	}
}

func TestMapping(t *testing.T) {
	embedded, err := attack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var maps []attack.Mapping
	for _, s := range []attack.Shelf{bothReleases(t), embedded} {
		maps = nil
		for _, id := range attack.Mapped() {
			m, err := attack.MapOf(s, id, "")
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Unmapped)+len(m.Gone) > 0 || len(m.Sources) == 0 || len(m.Mutable) == 0 || len(m.Techniques) != 1 {
				t.Errorf("%s: %+v", id, m)
			}
			for _, src := range m.Sources {
				if len(src.Reads) == 0 || len(src.Senses) == 0 || src.Letter == "" || len(src.Rules) == 0 || src.ComponentID == "" {
					t.Errorf("%s: %+v", id, src)
				}
			}
			maps = append(maps, m)
		}
	}
	l := attack.NavigatorLayer(maps)
	if len(l.Techniques) != 3 || l.Versions.Attack != "19" || l.Versions.Layer != "4.5" || l.Domain != "enterprise-attack" || !strings.Contains(l.Description, "MITRE") {
		t.Errorf("%+v", l)
	}
	for _, tech := range l.Techniques {
		if tech.Score != 100 || tech.Comment == "" {
			t.Errorf("%+v", tech)
		}
	}
	if _, err := attack.MapOf(embedded, "AN0001", ""); err == nil {
		t.Error("AN0001 has a mapping")
	}
}

// TestMappingOfAnother: a release that says something else than the mapping knows.
func TestMappingOfAnother(t *testing.T) {
	m, err := attack.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	o, err := attack.Find(m, "AN0473", "")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(o.Raw), `"channel":"EventCode=7"`, `"channel":"EventCode=8"`, 1)
	text = strings.Replace(text, `"field":"UserContext"`, `"field":"AccountContext"`, 1)
	add(t, m, "20.0", "enterprise-attack", bundle(text))
	got, err := attack.MapOf(m, "AN0473", "")
	if err != nil || got.Release != "20.0" || len(got.Sources) != 4 || len(got.Unmapped) != 2 || len(got.Gone) != 2 {
		t.Errorf("%v %+v", err, got)
	}
}
