package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
	masker := agent.ThrowAwayMasker() // one for both: equal secrets, equal tokens
	reader := d.reader(masker)
	was, first, err := d.readTree(before, reader)
	if err != nil {
		return err
	}
	other := d.reader(masker)
	other.Recall(reader)
	now, second, err := d.readTree(after, other)
	if err != nil {
		return err
	}
	first.leaveOut(now)
	second.leaveOut(was)
	changes := agent.Differences(was, now)
	if err := sayPackages(changes, before, after, was, now); err != nil {
		return err
	}
	doc := Diff{Schema: "waxseal.diff/1", Verdict: agent.Verdict(changes), Changes: changes, Problems: append(was.Problems, now.Problems...)}
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

// sayPackages asks the trees themselves about packages, where one has to do with a change.
func sayPackages(changes []waxseal.Change, before, after string, was, now waxseal.State) error {
	if !slices.ContainsFunc(changes, func(c waxseal.Change) bool { return len(c.Packages) > 0 || c.After != nil && c.After.Package != "" }) {
		return nil
	}
	old, err := openAny(before)
	if err != nil {
		return err
	}
	defer old.Close()
	tree, err := openAny(after)
	if err != nil {
		return err
	}
	defer tree.Close()
	agent.SayPackages(changes, old, tree, was, now, time.Now())
	return nil
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
