package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/mailpath"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/control"
	"waxseal/internal/store"
)

func (d *door) seal() *cobra.Command {
	var note string
	c := &cobra.Command{
		Use: "seal", Short: "Accept the present state as known good",
		Long: `Records the present mail path, with every file it depends on, as known good,
signed in the ledger. The first seal is marked not attested: nothing vouches that
the host was clean before it. Later seals refuse while changes are unreviewed.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.runSeal(note) },
	}
	c.Example = `  waxseal seal --note "new milter, ticket 4711"`
	c.Flags().StringVar(&note, "note", "", "`TEXT` that says why: a ticket, a name; kept in the ledger")
	return c
}

func (d *door) runSeal(note string) error {
	sealed, problems, err := d.sealHere(note)
	if errors.Is(err, store.ErrLocked) {
		sealed, err = d.sealThere(note)
	}
	if errors.Is(err, agent.ErrUnreviewed) {
		return d.unreviewed(sealed)
	}
	if err != nil {
		return err
	}
	if d.json() {
		err = d.printJSON(struct {
			Schema string `json:"schema"`
			agent.Sealed
		}{"waxseal.seal/1", sealed})
	} else {
		d.printSealed(sealed)
	}
	d.warnProblems(problems)
	if err != nil {
		return err
	}
	return d.verdict(waxseal.None, false, problems)
}

func (d *door) printSealed(s agent.Sealed) {
	fmt.Fprintf(d.out, "sealed: %s, %s (ledger entry %d)\n", count(s.Hooks, "hook", "hooks"), count(s.Files, "file", "files"), s.Index)
	if !s.Attested {
		fmt.Fprintln(d.out, "not attested: this is the first seal, and nothing vouches that the host was clean before it")
	}
	fmt.Fprintf(d.out, "checkpoint %s\nKeep a copy of the checkpoint elsewhere: without one the ledger proves nothing against root.\n", s.Checkpoint)
}

// sealHere seals with the state directory in our own hands.
func (d *door) sealHere(note string) (agent.Sealed, []waxseal.Problem, error) {
	var problems []waxseal.Problem
	var sealed agent.Sealed
	err := d.withBooks(func(b *agent.Books, tree *rootfs.Tree) error {
		done := d.progress("reading the mail path")
		now := d.readHere(tree, b.Masker)
		done()
		problems = now.Problems
		var err error
		sealed, err = b.Seal(now, time.Now(), note, agent.Caller(os.Getpid(), userNames(tree)))
		return err
	})
	return sealed, problems, err
}

func userNames(tree *rootfs.Tree) func(uint32) string {
	names := mailpath.Names(tree, "/etc/passwd")
	return func(uid uint32) string { return names[uid] }
}

// sealThere asks the running agent.
func (d *door) sealThere(note string) (sealed agent.Sealed, err error) {
	answer, err := control.Call(d.config.State, control.Request{Verb: "seal", Note: note})
	if err != nil {
		return sealed, err
	}
	if len(answer.Body) > 0 {
		if err := json.Unmarshal(answer.Body, &sealed); err != nil {
			return sealed, fmt.Errorf("answer of the agent: %w", err)
		}
	}
	switch {
	case answer.Code == "unreviewed":
		return sealed, agent.ErrUnreviewed
	case answer.Error != "":
		return sealed, errors.New(answer.Error)
	}
	return sealed, nil
}

// unreviewed says which findings stand in the way of a seal.
func (d *door) unreviewed(s agent.Sealed) error {
	if d.json() {
		if err := d.printJSON(struct {
			Schema string `json:"schema"`
			agent.Sealed
		}{"waxseal.seal/1", s}); err != nil {
			return err
		}
	} else {
		for _, f := range s.Unreviewed {
			fmt.Fprintf(d.out, "%-6s %s  %s\n", f.ID, d.severity(f.Severity), safe(f.Title))
		}
	}
	return &exit{code: exitFindings, err: fmt.Errorf("not sealed: %w: %s", agent.ErrUnreviewed, count(len(s.Unreviewed), "open finding", "open findings")),
		hint: "read each with 'waxseal findings show ID', then 'waxseal findings ack ID…'"}
}

// withBooks opens the tree and the state directory for writing.
func (d *door) withBooks(do func(*agent.Books, *rootfs.Tree) error) error {
	tree, err := openTree(d.config.Root)
	if err != nil {
		return err
	}
	defer tree.Close()
	d.warnOfLoss()
	books, err := agent.OpenBooks(d.config.State, mailpath.Host(tree))
	if err != nil {
		return d.stateError(err)
	}
	books.Rules = d.config.Permits.rules()
	books.Tree = tree
	err = do(books, tree)
	return errors.Join(err, books.Close())
}

func (d *door) check() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Compare the present state with the seal, for cron and CI",
		Long: `Compares the present state with the latest seal. Differences that no finding
tells yet are recorded, so that they can be reviewed; while an agent is running,
that is the agent's work, and check only reads.`,
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
		fmt.Fprintf(d.out, "compared with the seal of %s%s: %s\n", checked.SealedAt.Format(time.RFC3339), attested(checked.Attested), d.severity(checked.Verdict))
		d.printRecorded(checked.Findings)
		d.printProblems(problems)
	}
	if err != nil {
		return err
	}
	if err := d.verdict(checked.Verdict, len(checked.Changes) > 0, problems); err != nil || !unrecorded {
		return err
	}
	return &exit{code: exitUnreadable}
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
	now, _, err := d.readTree(d.config.Root, d.reader(books.Masker))
	if err != nil {
		return c, nil, err
	}
	c, err = books.Compare(now)
	return c, now.Problems, err
}
