package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
)

// Diff is the document of waxseal diff.
type Diff struct {
	Schema   string            `json:"schema"`
	Verdict  waxseal.Severity  `json:"verdict"`
	Changes  []waxseal.Change  `json:"changes"`
	Problems []waxseal.Problem `json:"problems,omitempty"`
}

func (d *door) diff() *cobra.Command {
	return &cobra.Command{
		Use: "diff BEFORE AFTER", Short: "What changed for mail between two trees",
		Long: `Compares two trees, each a directory or a tar archive (plain or packed by gzip,
xz, zstd or bzip2): a backup and the live host, two images, two checkouts of
/etc. Trees may hold a few files only: what is missing is unknown, and makes
nothing worse. --root and --state are not used.`,
		Example: `  waxseal diff /backup/etc-root /
  waxseal diff before after --fail-on low --format json`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return d.runDiff(args[0], args[1]) },
	}
}

func (d *door) runDiff(before, after string) error {
	p, err := d.openPair(before, after)
	if err != nil {
		return err
	}
	defer p.close()
	d.readPair(p)
	changes := agent.Differences(p.before.state, p.after.state)
	p.sayPackages(changes)
	doc := Diff{Schema: "waxseal.diff/1", Verdict: agent.Verdict(changes), Changes: changes, Problems: append(p.before.state.Problems, p.after.state.Problems...)}
	if d.json() {
		err = d.printJSON(doc)
	} else {
		d.printChanges(doc.Changes)
		fmt.Fprintf(d.out, "verdict: %s\n", d.severity(doc.Verdict))
		d.printProblems(doc.Problems)
	}
	if err != nil {
		return err
	}
	return d.verdict(doc.Verdict, len(changes) > 0, doc.Problems)
}

func (d *door) printChanges(changes []waxseal.Change) {
	if len(changes) == 0 {
		fmt.Fprintln(d.out, "nothing changed for mail")
	}
	for _, c := range changes {
		if c.Severity == waxseal.None {
			d.printQuiet(c)
			continue
		}
		fmt.Fprintf(d.out, "%s  %s %s\n", d.severity(c.Severity), safe(string(c.Path)), c.Kind)
		d.block("what", wrap(c.Explain)...)
		d.reasons(c.Reasons)
		d.printText(c.Diff)
		fmt.Fprintln(d.out)
	}
}

// printQuiet prints a change without effect: one line that says why it has none.
func (d *door) printQuiet(c waxseal.Change) {
	why := c.Explain
	if len(c.Reasons) > 0 {
		why = strings.TrimPrefix(c.Reasons[0], "no hook and no effective setting is different: ")
	}
	fmt.Fprintf(d.out, "%s  %s %s, without effect on mail: %s\n\n", d.severity(c.Severity), safe(string(c.Path)), c.Kind, safe(why))
}

// printText prints a unified difference, without its file header.
func (d *door) printText(text string) {
	const most = 40
	if text == "" {
		return
	}
	label, shown := "text", 0
	for i, l := range safeLines(text) {
		if i < 3 || len(l) == 0 { // "diff", "---", "+++"
			continue
		}
		if l[0] != '+' && l[0] != '-' {
			continue
		}
		if shown++; shown > most {
			continue
		}
		d.block(label, shorten(l, textWidth-12))
		label = ""
	}
	if shown > most {
		d.block("", fmt.Sprintf("… and %s", count(shown-most, "more line", "more lines")))
	}
}
