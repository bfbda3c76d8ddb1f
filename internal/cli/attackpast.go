package cli

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"waxseal/internal/attack"
	"waxseal/internal/attack/stix"
)

func (d *door) attackHistory() *cobra.Command {
	return &cobra.Command{Use: "history ID", Short: "What became of an object from release to release", Args: cobra.ExactArgs(1),
		Long: `Lists every version of an object that is kept: same or changed, MITRE's times, the
digests of the bytes and of the canonical form, when and from which file it came, and
whether it is current or superseded. A version number that did not move while the
content did is pointed out.`,
		RunE: func(_ *cobra.Command, args []string) error {
			return d.withShelf(func(s attack.Shelf) error { return d.history(s, args[0]) })
		}}
}

// AttackHistory is the document of waxseal attack history.
type AttackHistory struct {
	Attack
	attack.History
}

func (d *door) history(s attack.Shelf, name string) error {
	o, err := attack.Find(s, name, "")
	if err != nil {
		return err
	}
	h, err := attack.Past(s, o)
	if err != nil {
		return err
	}
	if d.json() {
		return d.printJSON(AttackHistory{attackDoc("history"), h})
	}
	fmt.Fprintln(d.out, safe(strings.TrimSpace(h.ID+"  "+h.Name)))
	d.block("stix id", safe(string(h.STIX)))
	d.block("created", safe(o.Created()))
	t := d.table()
	t.row("RELEASE", "CONTENT", "VERSION", "MODIFIED", "CANONICAL SHA-256", "SHA-256", "STANDING")
	for _, v := range h.Versions {
		t.row(v.Release, v.Change, v.Version, v.Modified, short(string(v.Canonical)), short(string(v.Digest)), v.Standing)
		t.note("    " + originOf(v))
		if v.Unmoved {
			t.note("    the content changed, and the version number did not move")
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	d.steps(h.Steps)
	d.notice()
	return nil
}

// originOf says where a version came from, in one line.
func originOf(v attack.Version) string {
	if v.Source.Embedded {
		return "built in"
	}
	from, digest := filepath.Base(v.Source.Name), v.Source.Digest
	if v.File != "" {
		from, digest = filepath.Base(v.File), v.FileSHA
	}
	return fmt.Sprintf("imported %s, sha-256 %s %s", imported(v.Source), short(string(digest)), shorten(from, narrowest))
}

func (d *door) attackDiff() *cobra.Command {
	var f attack.Filter
	var all bool
	c := &cobra.Command{
		Use: "diff [ID] RELEASE RELEASE", Short: "What differs between two releases, of one object or of all", Args: cobra.RangeArgs(2, 3),
		Long: `Compares two versions of an object field by field, or two releases object by object.
Of releases, differences in bookkeeping only (who modified it, the version of the
schema, flags that say no) are counted and not listed. Objects whose content changed
while MITRE's version number did not move are pointed out.`,
		Example: `  waxseal attack diff DET0166 18.1 19.1
  waxseal attack diff 18.1 19.1 --platform Linux --text milter
  waxseal attack diff 18.1 19.1 --technique T1505.002`,
		RunE: func(_ *cobra.Command, args []string) error {
			return d.withShelf(func(s attack.Shelf) error {
				if len(args) == 3 {
					return d.diffObject(s, args[0], args[1], args[2])
				}
				defer d.progress("comparing the releases")()
				return d.diffReleases(s, args[0], args[1], f, all)
			})
		},
	}
	c.Flags().StringVar(&f.Platform, "platform", "", "only objects for this `PLATFORM`: Linux")
	c.Flags().StringVar(&f.Technique, "technique", "", "only this technique, by its `ID`, and what it hangs together with")
	c.Flags().StringVar(&f.Text, "text", "", "only objects with this `TEXT` in either version")
	c.Flags().StringVar(&f.Type, "type", "", "only objects of this STIX `TYPE`: x-mitre-analytic")
	c.Flags().BoolVar(&all, "all", false, "tell every field, not only which fields changed")
	return c
}

// AttackDiff is the document of waxseal attack diff ID RELEASE RELEASE.
type AttackDiff struct {
	Attack
	ReleaseBefore string `json:"before"`
	ReleaseAfter  string `json:"after"`
	attack.Difference
}

// AttackDiffReleases is the document of waxseal attack diff RELEASE RELEASE.
type AttackDiffReleases struct {
	Attack
	attack.ReleaseDiff
}

func (d *door) diffObject(s attack.Shelf, name, before, after string) error {
	now, err := attack.Find(s, name, after)
	if err != nil { // its ID may be another there
		then, errThen := attack.Find(s, name, before)
		if errThen != nil {
			return err
		}
		if now, err = s.Object(after, then.ID); err != nil {
			return fmt.Errorf("%s in release %s: %w", name, after, err)
		}
	}
	was, err := s.Object(before, now.ID)
	if err != nil {
		return fmt.Errorf("%s in release %s: %w", name, before, err)
	}
	diff := attack.Compare(was, now)
	if d.json() {
		return d.printJSON(AttackDiff{attackDoc("diff"), before, after, diff})
	}
	d.difference(diff, true)
	if diff.Change == attack.Same {
		d.bullet("the content is the same, " + map[bool]string{true: "byte for byte", false: "in other bytes"}[was.Digest == now.Digest])
	}
	d.notice()
	return nil
}

func (d *door) diffReleases(s attack.Shelf, before, after string, f attack.Filter, all bool) error {
	diff, err := attack.CompareAll(s, before, after, f)
	if err != nil {
		return err
	}
	if d.json() {
		return d.printJSON(AttackDiffReleases{attackDoc("diff-releases"), diff})
	}
	counts := map[string]int{}
	for _, c := range diff.Changes {
		counts[c.Change]++
		d.difference(c, all)
	}
	fmt.Fprintf(d.out, "\nrelease %s to %s: %d added, %d removed, %d changed\n", safe(before), safe(after), counts[attack.Added], counts[attack.Removed], counts[attack.Changed])
	fmt.Fprintf(d.out, "of the others that were looked at, %d differ in bookkeeping only, and %d not at all\n", diff.Bookkeeping, diff.Same)
	if diff.Unmoved > 0 {
		fmt.Fprintf(d.out, "%s while the version number did not move\n", count(diff.Unmoved, "object changed", "objects changed"))
	}
	for _, n := range diff.Notes {
		d.block("note", wrap(n)...)
	}
	d.notice()
	return nil
}

// difference prints one; told says whether with the values of its fields.
func (d *door) difference(c attack.Difference, told bool) {
	words := fmt.Sprintf("%s  %s  %s (%s)", c.Change, cmp.Or(c.ID, string(c.STIX)), c.Name, attack.TypeWord(c.Type))
	switch {
	case c.Revoked:
		words += ", REVOKED"
	case c.Before != c.After && c.Before != "" && c.After != "":
		words += ", version " + c.Before + " to " + c.After
	case c.Unmoved:
		words += ", version still " + c.After
	}
	for i, l := range wrapTo(words, textWidth-4) {
		fmt.Fprintln(d.out, [...]string{"", "    "}[min(i, 1)]+l)
	}
	if !told {
		if names := fieldNames(c.Fields); names != "" {
			d.bullet(names)
		}
		return
	}
	for _, f := range c.Fields {
		d.fieldChange(f)
	}
}

func fieldNames(fields []attack.FieldChange) string {
	var names []string
	for _, f := range fields {
		if !f.Bookkeeping {
			names = append(names, f.Field)
		}
	}
	return strings.Join(names, ", ")
}

func (d *door) fieldChange(f attack.FieldChange) {
	mark := ""
	if f.Bookkeeping {
		mark = " (bookkeeping)"
	}
	fmt.Fprintf(d.out, "  %s%s\n", safe(f.Field), mark)
	d.side("-", f.Before, f.List)
	d.side("+", f.After, f.List)
}

func (d *door) side(sign string, v stix.Value, list bool) {
	values := []stix.Value{v}
	if list {
		values = v.Items()
	}
	for _, v := range values {
		if v.Kind == stix.Missing {
			continue
		}
		for _, l := range safeLines(v.String()) {
			for i, part := range wrapTo(l, textWidth-8) {
				fmt.Fprintf(d.out, "    %s %s\n", [...]string{sign, " "}[min(i, 1)], part)
			}
		}
	}
}
