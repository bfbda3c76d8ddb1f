package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"waxseal/internal/attack"
)

func (d *door) attackShow() *cobra.Command {
	var release string
	var all bool
	c := &cobra.Command{Use: "show ID", Short: "What a release says about an object, with all its context", Args: cobra.ExactArgs(1),
		Long: `Shows an object of ATT&CK by its ATT&CK ID or STIX id: description, platforms, log
sources, mutable elements, everything that it hangs together with (an analytic with
its detection strategy, the technique that this detects, and what belongs to that),
and what the data lacks.`,
		Example: `  waxseal attack show AN0473
  waxseal attack show T1562.012 --release 18.1`,
		RunE: func(_ *cobra.Command, args []string) error {
			return d.withShelf(func(s attack.Shelf) error { return d.showObject(s, args[0], release, all) })
		}}
	releaseFlag(c, &release)
	c.Flags().BoolVar(&all, "all", false, "list all entries of each kind, and MITRE's words about each")
	return c
}

// AttackShow is the document of waxseal attack show.
type AttackShow struct {
	Attack
	attack.Page
}

func (d *door) showObject(s attack.Shelf, name, release string, all bool) error {
	o, err := attack.Find(s, name, release)
	if err != nil {
		return err
	}
	p, err := attack.Context(s, o)
	if err != nil {
		return err
	}
	if d.json() {
		return d.printJSON(AttackShow{attackDoc("show"), p})
	}
	d.printPage(p, all)
	return nil
}

func (d *door) printPage(p attack.Page, all bool) {
	fmt.Fprintln(d.out, safe(strings.TrimSpace(cmp.Or(p.ID, string(p.STIX))+"  "+p.Name)))
	d.block("is", pageKind(p))
	d.block("stix id", safe(string(p.STIX)))
	d.block("version", safe(fmt.Sprintf("%s, created %s, modified %s", cmp.Or(p.Version, "without a number"), p.Created, p.Modified)))
	d.block("sha-256", string(p.Digest), string(p.Canonical)+" (canonical)")
	d.block("source", wrap(sourceWords(p.Source))...)
	d.steps(p.Steps)
	if len(p.Platforms) > 0 {
		d.block("platforms", wrap(strings.Join(p.Platforms, ", "))...)
	}
	d.paragraphs("says", p.Description)
	d.logSources(p, all)
	for i, m := range p.Mutable {
		d.block(label(i, "mutable"), wrap(m.Field+": "+m.Description)...)
	}
	for _, s := range p.Context {
		d.section(s, all)
	}
	d.printFields(p.Fields)
	d.printReferences(p.References)
	if len(p.Missing) > 0 {
		fmt.Fprintln(d.out, "\nmissing in the data")
		for _, m := range p.Missing {
			d.bullet(m)
		}
	}
	d.notice()
}

// pageKind says what it is, and whether it still holds.
func pageKind(p attack.Page) string {
	words := attack.TypeWord(p.Type) + " of release " + p.Release
	if p.Current {
		words += ", the newest here"
	}
	if p.Revoked {
		words += "; REVOKED"
	}
	if p.Deprecated {
		words += "; DEPRECATED"
	}
	return safe(words)
}

func sourceWords(s attack.Source) string {
	if s.Embedded {
		return s.Name
	}
	return fmt.Sprintf("%s, imported %s, sha-256 %s", s.Name, when(s.Imported), s.Digest)
}

// paragraphs prints a text of several lines beside a label.
func (d *door) paragraphs(label, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	for _, l := range safeLines(strings.TrimSpace(text)) {
		if strings.TrimSpace(l) == "" {
			fmt.Fprintln(d.out)
			continue
		}
		d.block(label, wrap(l)...)
		label = ""
	}
}

const (
	// maxLogSources and maxEntries bound what is listed without --all.
	maxLogSources = 12
	maxEntries    = 12
)

func (d *door) logSources(p attack.Page, all bool) {
	for i, s := range p.LogSources {
		if i == maxLogSources && !all {
			d.block("", fmt.Sprintf("… and %d more (--all)", len(p.LogSources)-i))
			return
		}
		words := fmt.Sprintf("%s: %s", s.Name, s.Channel)
		if s.Component != "" {
			words = strings.TrimSpace(cmp.Or(s.ComponentID, string(s.Component))+" "+s.ComponentName) + ": " + words
		}
		d.block(label(i, "logs"), wrap(words)...)
	}
}

// section lists what is in the data first; what is only named counts.
func (d *door) section(s attack.Section, all bool) {
	fmt.Fprintf(d.out, "\n%s\n", safe(s.Name))
	entries, missing := s.Entries, 0
	if !all {
		entries = slices.DeleteFunc(slices.Clone(entries), func(e attack.Entry) bool { return e.Missing })
		missing = len(s.Entries) - len(entries)
	}
	for i, e := range entries {
		if i == maxEntries && !all {
			fmt.Fprintf(d.out, "  … and %d more (--all)\n", len(entries)-i)
			break
		}
		d.entry(e, all)
	}
	if missing > 0 {
		fmt.Fprintf(d.out, "  %s named, and not in the data (--all lists the ids)\n", count(missing, "is", "are"))
	}
}

func (d *door) entry(e attack.Entry, all bool) {
	words := strings.TrimSpace(cmp.Or(e.ID, string(e.STIX)) + "  " + e.Name)
	switch {
	case e.Missing:
		words += "(not in the data)"
	case e.Revoked:
		words += " (revoked)"
	case e.Deprecated:
		words += " (deprecated)"
	}
	d.bullet(words + "  [" + e.Through + "]")
	if e.Text != "" && all {
		for _, l := range safeLines(e.Text) {
			d.block("", wrap(l)...)
		}
	}
}

// bullet prints a sentence with its further lines indented.
func (d *door) bullet(text string) {
	for i, l := range wrapTo(text, textWidth-4) {
		fmt.Fprintln(d.out, [...]string{"  ", "    "}[min(i, 1)]+l)
	}
}

func (d *door) printFields(fields []attack.Field) {
	if len(fields) == 0 {
		return
	}
	fmt.Fprintln(d.out, "\nother fields")
	for _, f := range fields {
		d.bullet(shorten(f.Name+": "+f.Value.String(), maxField))
	}
}

// maxField bounds a field of no known meaning: a collection lists all its objects.
const maxField = 600

func (d *door) printReferences(list []attack.Reference) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(d.out, "\nexternal references (MITRE's)")
	for _, r := range list {
		d.bullet(strings.Join(strings.Fields(strings.Join([]string{r.Source, r.ExternalID, r.Description, r.URL}, " ")), " "))
	}
}
