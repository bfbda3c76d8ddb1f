package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/mailpath"
	"waxseal/internal/permit"
	"waxseal/internal/rootfs"
	"waxseal/internal/store"
)

// sealing are the flags of seal.
type sealing struct {
	note, ticket, reason, key string
	promote                   []string
	attest, breakGlass        bool
}

func (d *door) seal() *cobra.Command {
	var a sealing
	c := &cobra.Command{
		Use: "seal [--promote CHANGE…]", Short: "Accept the present state, or named changes, as known good",
		Long: `The first seal records the present mail path, with every file it depends on, as
known good, signed in the ledger. It is not attested: nothing vouches that the host
was clean before it. 'seal --attest' holds it against what packages brought; files
that packages contradict must be named, and a person vouches for the rest.

From then on nothing is accepted that nobody named. 'seal --promote F12 F15' accepts
exactly the changes that these findings tell, with the content that was reviewed: if
a file has moved on since, it refuses. Each object, who, when and why are recorded,
and the findings are resolved. 'seal' alone seals again what differs in nothing that
matters, and else lists what is in its way.

Where people have keys (waxseal keys), a promotion is signed with one (--key), and
who made a dangerous change can't promote it.`,
		RunE: func(_ *cobra.Command, args []string) error { return d.runSeal(a, args) },
	}
	c.Example = `  waxseal seal --note "new installation"
  waxseal seal --promote F12 --ticket CHG-4711 --reason "new milter, reviewed"
  waxseal seal --attest --reason "read every hook of waxseal scan"`
	f := c.Flags()
	f.StringVar(&a.note, "note", "", "`TEXT` that says why: a ticket, a name; kept in the ledger")
	f.StringArrayVar(&a.promote, "promote", nil, "accept what `CHANGE` tells, the ID of a finding; more may follow")
	f.StringVar(&a.reason, "reason", "", "`TEXT` that says why it is accepted (or --note)")
	f.StringVar(&a.ticket, "ticket", "", "`TICKET` that it belongs to")
	f.StringVar(&a.key, "key", "", "`FILE` with the secret half of your key")
	f.BoolVar(&a.attest, "attest", false, "vouch for the seal in force; --promote PATH names files that packages contradict")
	f.BoolVar(&a.breakGlass, "break-glass", false, "promote alone what you made: it shows, and another must promote it too")
	return c
}

// isPlace reports whether a text is an absolute path, of the host or, as in "docker
// mail:/etc/postfix/main.cf", of a container.
func isPlace(text string) bool {
	return strings.HasPrefix(text, "/") || strings.Contains(text, ":/")
}

// ask is what the flags ask for.
func (d *door) sealAsk(a sealing, args []string) (ask agent.SealAsk, err error) {
	ask.Note = a.note
	var names []string
	for _, n := range append(a.promote, args...) {
		if isPlace(n) {
			names = append(names, n)
		} else {
			names = append(names, strings.Split(n, ",")...)
		}
	}
	switch {
	case len(a.promote) == 0 && len(args) > 0:
		return ask, usage("%q: what is to be accepted follows --promote", args[0])
	case len(names) == 0 && !a.attest:
		return ask, nil
	case a.reason == "" && a.note == "":
		return ask, usage("--reason is needed: why it is accepted")
	}
	for _, n := range names {
		if isPlace(n) != a.attest {
			return ask, usage("%q: --promote wants findings (F12), and paths together with --attest", n)
		}
	}
	books, err := d.readBooks()
	if err != nil {
		return ask, err
	}
	defer books.Close()
	if ask.Promotion, err = reviewed(books, names); err != nil {
		return ask, err
	}
	p := ask.Promotion
	p.Attest, p.Ticket, p.Reason, p.BreakGlass = a.attest, a.ticket, cmp.Or(a.reason, a.note), a.breakGlass
	if a.key == "" {
		return ask, nil
	}
	p.Key, p.Signed, p.Signature, err = signed(a.key, func(key string, at time.Time) []byte {
		p.Key, p.Signed = key, at
		return p.Message()
	})
	return ask, err
}

func (d *door) runSeal(a sealing, args []string) error {
	ask, err := d.sealAsk(a, args)
	if err != nil {
		return err
	}
	sealed, problems, err := d.sealHere(ask)
	if errors.Is(err, store.ErrLocked) {
		sealed, err = askSeal(d.config.State, ask)
	}
	switch {
	case errors.Is(err, agent.ErrUnreviewed):
		return d.unreviewed(sealed)
	case errors.Is(err, agent.ErrContradicted):
		return d.contradicted(sealed)
	case errors.Is(err, agent.ErrNoSeal):
		return &exit{code: exitUsage, err: err}
	case errors.Is(err, agent.ErrMoved):
		return &exit{code: exitFindings, err: fmt.Errorf("not sealed: %w", err), hint: "read what is there now with 'waxseal check', and review that"}
	case err != nil:
		return err
	}
	if d.json() {
		err = d.printSealedJSON(sealed)
	} else {
		d.printSealed(sealed)
	}
	d.warnProblems(problems)
	if err != nil {
		return err
	}
	return d.verdict(waxseal.None, false, problems)
}

func (d *door) printSealedJSON(s agent.Sealed) error {
	return d.printJSON(struct {
		Schema string `json:"schema"`
		agent.Sealed
	}{"waxseal.seal/1", s})
}

func (d *door) printSealed(s agent.Sealed) {
	d.printPromoted(s.Promoted)
	fmt.Fprintf(d.out, "sealed: %s, %s (ledger entry %d)\n", count(s.Hooks, "hook", "hooks"), count(s.Files, "file", "files"), s.Index)
	if len(s.Containers) > 0 {
		fmt.Fprintf(d.out, "among them those of %s\n", safe(strings.Join(s.Containers, ", ")))
	}
	if !s.Attested {
		fmt.Fprintln(d.out, "not attested: nothing vouches that the host was clean before the first seal (waxseal seal --attest)")
	}
	fmt.Fprintf(d.out, "checkpoint %s\nKeep a copy of the checkpoint elsewhere: without one the ledger proves nothing against root.\n", s.Checkpoint)
}

// printPromoted lists every object that was accepted.
func (d *door) printPromoted(list []permit.Promoted) {
	t := d.table()
	for _, o := range list {
		t.row("accepted", cmp.Or(string(o.Finding), pick(o.Package != "", "package: "+string(o.Package), "no effect")), string(o.Path),
			digestWord(o.Before)+" to "+digestWord(o.After), string(o.Rung))
	}
	_ = t.flush(2) // the stream remembers its error
}

func digestWord(d waxseal.Digest) string {
	if d == "" {
		return "none"
	}
	return string(d[:min(12, len(d))])
}

// sealHere seals with the state directory in our own hands.
func (d *door) sealHere(ask agent.SealAsk) (agent.Sealed, []waxseal.Problem, error) {
	var problems []waxseal.Problem
	var sealed agent.Sealed
	err := d.withBooks(func(b *agent.Books, tree *rootfs.Tree) error {
		done := d.progress("reading the mail path")
		now := d.readHere(tree, b.Masker)
		done()
		agent.Contain(&now, d.dwellings(b.Masker))
		problems = now.Problems
		var err error
		sealed, err = b.Seal(now, time.Now(), ask, agent.Caller(os.Getpid(), userNames(tree)))
		if ask.Promotion != nil {
			err = unlessKnown(err)
		}
		return err
	})
	return sealed, problems, err
}

// unlessKnown makes a refusal of a promotion one that is told as such.
func unlessKnown(err error) error {
	for _, known := range []error{agent.ErrUnreviewed, agent.ErrContradicted, agent.ErrNoSeal, agent.ErrMoved} {
		if errors.Is(err, known) {
			return err
		}
	}
	var e *exit
	if err == nil || errors.As(err, &e) || errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrCorrupt) {
		return err
	}
	return &exit{code: exitFindings, err: fmt.Errorf("not sealed: %w", err)}
}

func userNames(tree *rootfs.Tree) func(uint32) string {
	names := mailpath.Names(tree, "/etc/passwd")
	return func(uid uint32) string { return names[uid] }
}

// unreviewed says which findings stand in the way of a seal.
func (d *door) unreviewed(s agent.Sealed) error {
	if d.json() {
		if err := d.printSealedJSON(s); err != nil {
			return err
		}
	} else {
		for _, f := range s.Unreviewed {
			fmt.Fprintf(d.out, "%-6s %s  %s\n", f.ID, d.severity(f.Severity), safe(f.Title))
		}
	}
	return &exit{code: exitFindings, err: fmt.Errorf("not sealed: %w: %s", agent.ErrUnreviewed, count(len(s.Unreviewed), "finding", "findings")),
		hint: "read each with 'waxseal findings show ID'; what is meant: 'waxseal seal --promote ID… --reason TEXT'; what is not there any more: 'waxseal findings close ID…'"}
}

// contradicted says which files have to be named before the seal can be attested.
func (d *door) contradicted(s agent.Sealed) error {
	if d.json() {
		if err := d.printSealedJSON(s); err != nil {
			return err
		}
	} else {
		for _, o := range s.Contradicted {
			fmt.Fprintf(d.out, "%s  %s\n", digestWord(o.After), safe(string(o.Path)))
		}
	}
	return &exit{code: exitFindings, err: fmt.Errorf("not attested: %w: %s", agent.ErrContradicted, count(len(s.Contradicted), "file", "files")),
		hint: "read each; name those that are meant to be so with --promote PATH"}
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
	books.Rules, books.Tuned = d.config.Permits.rules(), d.config.tuning()
	books.Tree = tree
	d.settle(books)
	err = do(books, tree)
	return errors.Join(err, books.Close())
}
