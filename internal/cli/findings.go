package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/store"
	"waxseal/internal/triage"
)

func (d *door) findings() *cobra.Command {
	parent := &cobra.Command{Use: "findings", Short: "Findings and their triage; nothing is ever deleted",
		Long: `Findings are new, then in progress, then resolved with a verdict, or suppressed
for a while. Every step is an entry of the ledger: closing a finding deletes
nothing, and 'findings show' has its whole history.`,
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var want wanted
	list := &cobra.Command{Use: "list", Short: "All findings, oldest first", Args: cobra.NoArgs,
		Example: `  waxseal findings list --status open                 the queue: new and in progress
  waxseal findings list --status resolved --verdict false-positive`,
		RunE: func(*cobra.Command, []string) error { return d.listFindings(want) }}
	list.Flags().StringVar(&want.status, "status", "", "only those of this `STATUS`: new, in-progress, resolved,\nsuppressed, or open for the first two")
	list.Flags().StringVar(&want.verdict, "verdict", "", "only those closed with this `VERDICT`: true-positive, expected,\nfalse-positive or test")
	list.Flags().StringVar(&want.assignee, "assignee", "", "only those assigned to `NAME`")
	show := &cobra.Command{Use: "show ID", Short: "One finding, with everything it rests on and its history", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return d.showFinding(waxseal.FindingID(args[0])) }}
	parent.AddCommand(append(d.triageVerbs(), list, show)...)
	return parent
}

// wanted narrows a list of findings.
type wanted struct{ status, verdict, assignee string }

func (w wanted) filter() (f store.Filter, err error) {
	f.Assignee = w.assignee
	switch w.status {
	case "":
	case "open":
		f.Open = true
	default:
		if f.Status, err = triage.ParseStatus(w.status); err != nil {
			return f, usage("%v", err)
		}
	}
	if w.verdict != "" {
		if f.Verdict, err = triage.ParseVerdict(w.verdict); err != nil {
			return f, usage("%v", err)
		}
	}
	return f, nil
}

func (d *door) listFindings(w wanted) error {
	filter, err := w.filter()
	if err != nil {
		return err
	}
	books, err := d.readBooks()
	if err != nil {
		return err
	}
	defer books.Close()
	status, open := filter.Status, filter.Open
	filter.Status, filter.Open = "", false // time may have changed it
	list, err := books.Findings(filter)
	if err != nil {
		return err
	}
	if list, err = books.Shown(list, time.Now()); err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(f waxseal.Finding) bool {
		return status != "" && f.Status != status || open && !f.Status.Open()
	})
	unattested := isUnattested(books)
	if d.json() {
		doc := FindingsDoc{Schema: "waxseal.findings/1", Checkpoint: books.Checkpoint(), NotAttested: unattested, Findings: list}
		if list == nil {
			doc.Findings = []waxseal.Finding{}
		}
		return d.printJSON(doc)
	}
	t := d.table()
	for _, f := range list {
		t.row(string(f.ID), strings.ToUpper(f.Severity.String()), when(f.Seen), standing(f), stand(f), "by "+hand(f))
		t.note("    " + f.Title)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%s; checkpoint %s\n", count(len(list), "finding", "findings"), cmp.Or(books.Checkpoint(), "none yet"))
	if unattested {
		fmt.Fprintln(d.out, notAttested)
	}
	return nil
}

// FindingsDoc is a list of findings as a document.
type FindingsDoc struct {
	Schema      string            `json:"schema"`
	Checkpoint  string            `json:"checkpoint"`
	NotAttested bool              `json:"not_attested,omitempty"`
	Findings    []waxseal.Finding `json:"findings"`
}

// notAttested is what every verb says that rests on a seal for which nobody vouches.
const notAttested = "the seal is not attested: nothing vouches that the host was clean before it (waxseal seal --attest)"

// isUnattested reports whether the seal in force is one for which nobody vouches.
func isUnattested(books *agent.Books) bool {
	seal, _, err := books.LatestSeal()
	return err == nil && !seal.Attested
}

// standing is where triage of a finding stands, in a few words.
func standing(f waxseal.Finding) string {
	switch {
	case f.Status == waxseal.StatusSuppressed:
		return "suppressed (" + string(f.Suppression) + ")"
	case f.Verdict != "":
		return string(f.Status) + " (" + string(f.Verdict) + ")"
	case f.Assignee != "":
		return string(f.Status) + " (" + f.Assignee + ")"
	}
	return string(f.Status)
}
