package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/permit"
	"waxseal/internal/rootfs"
	"waxseal/internal/store"
)

func (d *door) check() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Compare the present state with the seal, for cron and CI",
		Long: `Compares the present state with the latest seal. Differences that no finding
tells yet are recorded, so that they can be reviewed; while an agent is running,
that is the agent's work, and check only reads. What a permit explains counts as
much as it leaves of it, and what a suppression hides does not count.`,
		Example: `  waxseal check || mail -s "mail path changed" postmaster`,
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return d.runCheck() },
	}
}

func (d *door) runCheck() error {
	checked, problems, err := d.checkHere()
	unrecorded := errors.Is(err, store.ErrFull)
	if unrecorded { // what can't be recorded is told all the same
		d.warn("waxseal: nothing of this is recorded: " + err.Error())
	}
	if unrecorded || errors.Is(err, store.ErrLocked) {
		checked, problems, err = d.checkBeside()
	}
	if errors.Is(err, agent.ErrNoSeal) {
		return &exit{code: exitUsage, err: err}
	}
	if err != nil {
		return err
	}
	if d.json() {
		err = d.printJSON(struct {
			Schema string `json:"schema"`
			agent.Checked
		}{"waxseal.check/1", checked})
		d.warnProblems(problems)
	} else {
		d.printChanges(checked.Changes)
		d.printExplained(checked.Explained)
		fmt.Fprintf(d.out, "compared with the seal of %s%s: %s\n", checked.SealedAt.Format(time.RFC3339), attested(checked.Attested), d.severity(checked.Verdict))
		d.printRecorded(checked.Findings)
		d.printProblems(problems)
	}
	d.warnProblems(checked.Problems)
	if err != nil {
		return err
	}
	if err := d.verdict(checked.Verdict, len(checked.Changes) > 0, problems); err != nil || !unrecorded {
		return err
	}
	return &exit{code: exitUnreadable}
}

// printExplained says of each change whether something explains it, where that makes a
// difference.
func (d *door) printExplained(list []agent.Explained) {
	first := 0
	for _, e := range list {
		line := string(e.Path) + ": "
		switch {
		case e.Status == waxseal.StatusSuppressed:
			line += "suppressed by " + string(e.Suppression)
		case e.Rung == waxseal.RungNone && (e.Expected == "" || e.Expected == permit.NoPermit):
			continue
		case e.Rung == waxseal.RungNone:
			line += "not expected: " + e.Expected
		default:
			line += string(e.Rung) + ": " + e.Expected
		}
		d.block(label(first, "expected"), wrap(line+" (counts as "+pick(e.Status == waxseal.StatusSuppressed, "none", e.Severity.String())+")")...)
		first++
	}
}

// printRecorded says under which findings the changes are kept.
func (d *door) printRecorded(ids []waxseal.FindingID) {
	if len(ids) == 0 {
		return
	}
	d.block("recorded", wrap("as "+listed(ids)+" (waxseal findings show ID)")...)
}

func attested(yes bool) string {
	if yes {
		return ""
	}
	return " (not attested)"
}

func (d *door) checkHere() (c agent.Checked, problems []waxseal.Problem, err error) {
	switch lost, err := d.lost(); {
	case err != nil && errors.Is(err, fs.ErrNotExist):
		return c, nil, agent.ErrNoSeal
	case lost:
		return c, nil, d.lossError()
	}
	err = d.withBooks(func(b *agent.Books, tree *rootfs.Tree) error {
		now := d.readHere(tree, b.Masker)
		agent.Contain(&now, d.dwellings(b.Masker))
		problems = now.Problems
		c, err = b.Check(now, time.Now())
		return err
	})
	return c, problems, err
}

// checkBeside compares without writing, while an agent is the writer.
func (d *door) checkBeside() (c agent.Checked, problems []waxseal.Problem, err error) {
	books, err := d.readBooks()
	if err != nil {
		return c, nil, err
	}
	defer books.Close()
	now, err := d.readWith(d.config.Root, d.reader(books.Masker), mountsOf)
	if err != nil {
		return c, nil, err
	}
	agent.Contain(&now, d.dwellings(books.Masker))
	books.Rules, books.Tuned = d.config.Permits.rules(), d.config.tuning()
	c, err = books.Compare(now)
	return c, now.Problems, err
}
