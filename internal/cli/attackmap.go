package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/attack"
	"waxseal/internal/detect"
	"waxseal/internal/store"
)

func (d *door) attackMap() *cobra.Command {
	var release string
	var navigator bool
	c := &cobra.Command{
		Use: "map [ID…]", Short: "What Waxseal reads for each log source of an analytic, and what tunes it", Args: cobra.ArbitraryArgs,
		Long: `The project's own mapping of the analytics that it implements (` + strings.Join(attack.Mapped(), ", ") + `):
from each log-source reference to what is really read, why the reference can't be
taken by the letter, from each mutable element to the key of the configuration that
stands for it, and which rules use it. waxseal coverage says what of it is live here.`,
		Example: `  waxseal attack map AN0473
  waxseal attack map --navigator > waxseal-layer.json`,
		RunE: func(_ *cobra.Command, args []string) error {
			return d.withShelf(func(s attack.Shelf) error { return d.mapped(s, args, release, navigator) })
		},
	}
	releaseFlag(c, &release)
	c.Flags().BoolVar(&navigator, "navigator", false, "as a layer of the ATT&CK Navigator")
	return c
}

// AttackMap is the document of waxseal attack map.
type AttackMap struct {
	Attack
	Analytics []attack.Mapping `json:"analytics"`
}

// mappings are those of the analytics named, or all.
func mappings(s attack.Shelf, ids []string, release string) ([]attack.Mapping, error) {
	if len(ids) == 0 {
		ids = attack.Mapped()
	}
	list := []attack.Mapping{}
	for _, id := range ids {
		m, err := attack.MapOf(s, id, release)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func (d *door) mapped(s attack.Shelf, ids []string, release string, navigator bool) error {
	list, err := mappings(s, ids, release)
	if err != nil {
		return err
	}
	switch {
	case navigator:
		return d.printJSON(attack.NavigatorLayer(list))
	case d.json():
		return d.printJSON(AttackMap{attackDoc("map"), list})
	}
	for _, m := range list {
		d.mapping(m)
	}
	d.notice()
	return nil
}

func (d *door) mapping(m attack.Mapping) {
	fmt.Fprintf(d.out, "%s  %s, release %s, for %s\n", safe(m.ID), safe(m.Name), safe(m.Release), safe(listed(m.Techniques)))
	for _, s := range m.Sources {
		fmt.Fprintln(d.out)
		d.bullet(sourceTitle(s.LogSource))
		for i, r := range s.Reads {
			d.block(label(i, "  reads"), wrap(r)...)
		}
		d.block("  letter", wrap(s.Letter)...)
		if len(s.Keys) > 0 {
			d.block("  keys", wrap(strings.Join(s.Keys, ", "))...)
		}
		d.block("  rules", wrap(listed(s.Rules))...)
	}
	fmt.Fprintln(d.out)
	for _, e := range m.Mutable {
		d.bullet(fmt.Sprintf("%s is %s: %s", e.Field, cmp.Or(e.Key, "no key of the configuration"), e.Tunes))
	}
	d.strangers(m)
	fmt.Fprintln(d.out)
}

// strangers tells where the mapping and the release do not fit.
func (d *door) strangers(m attack.Mapping) {
	for _, u := range m.Unmapped {
		d.bullet("not mapped, since it is new in release " + m.Release + ": " + u)
	}
	for _, g := range m.Gone {
		d.bullet("mapped, and no longer in release " + m.Release + ": " + g)
	}
}

func sourceTitle(s attack.LogSource) string {
	return fmt.Sprintf("%s %s, %s: %s", cmp.Or(s.ComponentID, string(s.Component)), s.ComponentName, s.Name, s.Channel)
}

func (d *door) attackCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Rules and findings whose ATT&CK references a newer release breaks", Args: cobra.NoArgs,
		Long: `Looks up what rules, the mapping and recorded findings refer to in the newest release
that is here, and lists what was revoked, deprecated or removed there or has another
ID, and log sources and mutable elements that the mapping does not fit any more.
Exit code 1 if there is any.`,
		RunE: func(*cobra.Command, []string) error { return d.withShelf(d.checkReferences) },
	}
}

// AttackCheck is the document of waxseal attack check.
type AttackCheck struct {
	Attack
	Release    string            `json:"release"` // the newest here
	References int               `json:"references"`
	Broken     []BrokenReference `json:"broken"`
	// Mapping is where the mapping does not fit the newest release.
	Mapping []string `json:"mapping"`
}

// BrokenReference is one reference that no longer holds, with who has it.
type BrokenReference struct {
	attack.Broken
	Rules    []waxseal.RuleID    `json:"rules"`
	Findings []waxseal.FindingID `json:"findings"`
}

func (d *door) checkReferences(s attack.Shelf) error {
	doc := AttackCheck{Attack: attackDoc("check"), Broken: []BrokenReference{}, Mapping: []string{}}
	releases, err := s.Releases()
	if err != nil {
		return err
	}
	doc.Release = releases[len(releases)-1].Number
	if doc.References, doc.Broken, err = d.brokenReferences(s); err != nil {
		return err
	}
	maps, err := mappings(s, nil, "")
	if err != nil {
		return err
	}
	for _, m := range maps {
		for _, u := range append(slices.Clone(m.Unmapped), m.Gone...) {
			doc.Mapping = append(doc.Mapping, m.ID+": "+u)
		}
	}
	if d.json() {
		err = d.printJSON(doc)
	} else {
		d.printBroken(doc)
	}
	if err == nil && len(doc.Broken)+len(doc.Mapping) > 0 {
		err = &exit{code: exitFindings}
	}
	return err
}

// users are who has a reference.
type users struct {
	rules    []waxseal.RuleID
	findings []waxseal.FindingID
}

func (d *door) brokenReferences(s attack.Shelf) (n int, broken []BrokenReference, err error) {
	by, order := map[waxseal.AttackRef]*users{}, []waxseal.AttackRef{}
	of := func(ref waxseal.AttackRef) *users {
		if by[ref] == nil {
			by[ref] = &users{rules: []waxseal.RuleID{}, findings: []waxseal.FindingID{}}
			order = append(order, ref)
		}
		return by[ref]
	}
	for _, r := range detect.Rules() {
		for _, ref := range r.Attack {
			of(ref).rules = append(of(ref).rules, r.ID)
		}
	}
	findings, err := d.recordedFindings()
	if err != nil {
		return 0, nil, err
	}
	for _, f := range findings {
		for _, ref := range f.AttackRefs {
			of(ref).findings = append(of(ref).findings, f.ID)
		}
	}
	broken = []BrokenReference{}
	for _, ref := range order {
		b, err := attack.Check(s, ref)
		if err != nil {
			return 0, nil, err
		}
		if b != nil {
			broken = append(broken, BrokenReference{*b, by[ref].rules, by[ref].findings})
		}
	}
	return len(order), broken, nil
}

// recordedFindings are those of the ledger; none where there is no ledger.
func (d *door) recordedFindings() ([]waxseal.Finding, error) {
	if _, err := d.lost(); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	books, err := d.readBooks()
	var e *exit
	if errors.As(err, &e) && e.code == exitUsage { // a directory with nothing but releases in it
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer books.Close()
	return books.Findings(store.Filter{})
}

func (d *door) printBroken(doc AttackCheck) {
	for _, b := range doc.Broken {
		d.bullet(fmt.Sprintf("%s %s, of release %s: %s", b.Ref.ID, b.Name, b.Ref.Release, b.Why))
		if len(b.Rules) > 0 {
			d.block("  rules", wrap(listed(b.Rules))...)
		}
		if len(b.Findings) > 0 {
			d.block("  found", wrap(listed(b.Findings))...)
		}
	}
	for _, m := range doc.Mapping {
		d.bullet("the mapping does not fit release " + doc.Release + ": " + m)
	}
	if len(doc.Broken)+len(doc.Mapping) == 0 {
		fmt.Fprintf(d.out, "%s of rules and findings, and the mapping, hold in release %s\n", count(doc.References, "reference", "references"), safe(doc.Release))
	}
	d.notice()
}
