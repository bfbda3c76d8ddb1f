package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/rootfs"
	"waxseal/internal/store"
	"waxseal/internal/triage"
)

// tuning are the flags of suppress add and preview.
type tuning struct {
	rule, path, hook, parameter, value, digest string
	reason, owner, ticket, until, key          string
	days, accept                               int
}

func (t tuning) scope() triage.Scope {
	return triage.Scope{Rule: waxseal.RuleID(t.rule), Path: waxseal.Path(t.path), Hook: waxseal.HookID(t.hook),
		Parameter: t.parameter, Value: t.value, Digest: waxseal.Digest(strings.ToLower(t.digest))}
}

func (t *tuning) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&t.rule, "rule", "", "findings of this `RULE`")
	f.StringVar(&t.path, "path", "", "changes of this `PATH`; with a slash at its end all that is below")
	f.StringVar(&t.hook, "hook", "", "changes of this `HOOK`, and of nothing else")
	f.StringVar(&t.parameter, "parameter", "", "changes of the parameter `NAME`, and of nothing else")
	f.StringVar(&t.value, "value", "", "to this `VALUE` of the hook or parameter")
	f.StringVar(&t.digest, "digest", "", "to the content with this `SHA256`")
	f.IntVar(&t.days, "days", 30, "preview against the findings of the last `N` days")
}

func (d *door) suppress() *cobra.Command {
	parent := &cobra.Command{Use: "suppress", Short: "Keep findings out of the queue for a while, by scope, reason, owner and end",
		Long: `A suppression keeps findings out of the queue, and never out of the ledger. It says
what it is for, why, who answers for it and when it ends; when it ends, what it hid
is open again. What it would have hidden is shown before it is accepted.

A dangerous change (one that executes, copies, diverts or silences, or is high by
itself) is never hidden by rule, path or name alone: the suppression has to be bound
to the exact content (--digest) or to the value (--parameter NAME --value VALUE).
Where people have keys, another person has to approve it too.`,
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	parent.AddCommand(d.suppressAdd(), d.suppressPreview(),
		&cobra.Command{Use: "list", Short: "All suppressions, oldest first", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return d.listSuppressions() }},
		&cobra.Command{Use: "show ID", Short: "One suppression", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return d.showSuppression(waxseal.SuppressionID(args[0])) }},
		d.suppressApprove(), d.suppressRevoke())
	return parent
}

func (d *door) suppressAdd() *cobra.Command {
	var t tuning
	c := &cobra.Command{Use: "add", Short: "Add a suppression, after its preview",
		Example: `  waxseal suppress preview --parameter message_size_limit
  waxseal suppress add --parameter message_size_limit --reason "tuned daily by capacity" \
      --owner alice --until +720h --accept 3`,
		Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return d.addSuppression(t) }}
	t.flags(c)
	f := c.Flags()
	f.StringVar(&t.reason, "reason", "", "`TEXT` that says why nobody need see them")
	f.StringVar(&t.owner, "owner", "", "`NAME` of who answers for it")
	f.StringVar(&t.ticket, "ticket", "", "`TICKET` that it belongs to")
	f.StringVar(&t.until, "until", "", "`TIME` at which it ends: RFC 3339 in UTC, or +720h")
	f.StringVar(&t.key, "key", "", "`FILE` with the secret half of your key, where people have keys")
	f.IntVar(&t.accept, "accept", -1, "accept that the preview names `N` findings; without it the preview is shown")
	return c
}

func (d *door) suppressPreview() *cobra.Command {
	var t tuning
	c := &cobra.Command{Use: "preview", Short: "What a suppression would have hidden", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := d.preview(t)
			if err != nil {
				return err
			}
			return d.printPreview(p)
		}}
	t.flags(c)
	return c
}

func (d *door) suppressApprove() *cobra.Command {
	var key string
	c := &cobra.Command{Use: "approve ID", Short: "Approve what another person added, so that it hides dangerous changes too", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := d.suppression(waxseal.SuppressionID(args[0]))
			if err != nil {
				return err
			}
			return d.takeSuppression(key, triage.Step{Kind: triage.Approve, Suppression: s.ID, Digest: s.Digest})
		}}
	c.Flags().StringVar(&key, "key", "", "`FILE` with the secret half of your key")
	return c
}

func (d *door) suppressRevoke() *cobra.Command {
	var key, note string
	c := &cobra.Command{Use: "revoke ID", Short: "End a suppression: what it hides is open again", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return d.takeSuppression(key, triage.Step{Kind: triage.Revoke, Suppression: waxseal.SuppressionID(args[0]), Note: note})
		}}
	c.Flags().StringVar(&key, "key", "", "`FILE` with the secret half of your key, where people have keys")
	c.Flags().StringVar(&note, "note", "", "`TEXT` that says why; kept in the ledger")
	return c
}

// PreviewDoc is what a suppression would have hidden, as a document.
type PreviewDoc struct {
	Schema string       `json:"schema"`
	Days   int          `json:"days"`
	Scope  triage.Scope `json:"scope"`
	// Hidden would have been hidden; Kept are dangerous, and the scope is bound to
	// nothing that they are.
	Hidden []waxseal.Finding `json:"hidden"`
	Kept   []waxseal.Finding `json:"kept"`
}

func (d *door) preview(t tuning) (PreviewDoc, error) {
	p := PreviewDoc{Schema: "waxseal.preview/1", Days: t.days, Scope: t.scope()}
	switch {
	case p.Scope == triage.Scope{}:
		return p, usage("what is it for? want --rule, --path, --hook, --parameter, --value or --digest")
	case t.days < 1 || t.days > 3660:
		return p, usage("--days %d: want 1 to 3660", t.days)
	}
	books, err := d.readBooks()
	if err != nil {
		return p, err
	}
	defer books.Close()
	hidden, kept, err := books.Preview(p.Scope, t.days, time.Now())
	p.Hidden, p.Kept = append([]waxseal.Finding{}, hidden...), append([]waxseal.Finding{}, kept...)
	return p, err
}

func (d *door) printPreview(p PreviewDoc) error {
	if d.json() {
		return d.printJSON(p)
	}
	t := d.table()
	for _, f := range p.Hidden {
		t.row("hides", string(f.ID), strings.ToUpper(f.Severity.String()), standing(f), f.Title)
	}
	for _, f := range p.Kept {
		t.row("stays", string(f.ID), strings.ToUpper(f.Severity.String()), standing(f), f.Title)
	}
	if err := t.flush(4); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "of the last %s it would have hidden %s", count(p.Days, "day", "days"), count(len(p.Hidden), "finding", "findings"))
	if len(p.Kept) > 0 {
		fmt.Fprintf(d.out, "; %s dangerous, and it is bound to no content and no value of theirs", count(len(p.Kept), "more is", "more are"))
	}
	fmt.Fprintln(d.out)
	return nil
}

func (d *door) addSuppression(t tuning) error {
	p, err := d.preview(t)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	if t.until == "" {
		return usage("--until is needed: a suppression ends")
	}
	until, err := moment("--until", t.until, now)
	if err != nil {
		return err
	}
	if t.accept != len(p.Hidden) {
		if err := d.printPreview(p); err != nil {
			return err
		}
		why := "nothing is recorded yet"
		if t.accept >= 0 {
			why = fmt.Sprintf("not recorded: it would have hidden %s, not %d", count(len(p.Hidden), "finding", "findings"), t.accept)
		}
		return &exit{code: exitUsage, err: errors.New(why), hint: fmt.Sprintf("read the preview, then repeat with --accept %d", len(p.Hidden))}
	}
	ask := triage.Request{Scope: p.Scope, Reason: t.reason, Owner: t.owner, Ticket: t.ticket, Until: until, Preview: triage.Preview{Days: t.days, Findings: []waxseal.FindingID{}}}
	for _, f := range p.Hidden {
		ask.Preview.Findings = append(ask.Preview.Findings, f.ID)
	}
	return d.takeSuppression(t.key, triage.Step{Kind: triage.Add, Ask: &ask})
}

// takeSuppression has a step recorded, here or by the running agent.
func (d *door) takeSuppression(keyFile string, s triage.Step) (err error) {
	if keyFile != "" {
		s.Key, s.Signed, s.Signature, err = signed(keyFile, func(key string, at time.Time) []byte {
			s.Key, s.Signed = key, at
			return s.Message()
		})
		if err != nil {
			return err
		}
	}
	var done triage.Suppression
	err = d.withBooks(func(b *agent.Books, tree *rootfs.Tree) (err error) {
		s.By = agent.Caller(os.Getpid(), userNames(tree))
		if done, err = b.TakeSuppression(s, time.Now()); err != nil {
			return refused(err)
		}
		d.settle(b)
		return nil
	})
	if errors.Is(err, store.ErrLocked) {
		err = d.askOffice("suppression", s, &done)
	}
	if err != nil {
		return err
	}
	return d.printSuppression(done)
}

func (d *door) suppressions() ([]triage.Suppression, error) {
	books, err := d.readBooks()
	if err != nil {
		return nil, err
	}
	defer books.Close()
	book, problems, err := books.Tuning(d.config.tuning())
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		d.warn(agent.Problem(p))
	}
	return book.Suppressions(), nil
}

// SuppressionDoc is one suppression as a document.
type SuppressionDoc struct {
	Schema string `json:"schema,omitempty"`
	State  string `json:"state"`
	triage.Suppression
}

func (d *door) listSuppressions() error {
	list, err := d.suppressions()
	if err != nil {
		return err
	}
	now := time.Now()
	if d.json() {
		docs := []SuppressionDoc{}
		for _, s := range list {
			docs = append(docs, SuppressionDoc{State: s.State(now), Suppression: s})
		}
		return d.printJSON(map[string]any{"schema": "waxseal.suppressions/1", "suppressions": docs})
	}
	t := d.table()
	for _, s := range list {
		t.row(string(s.ID), s.State(now), "until "+when(s.Until), "of "+s.Owner, count(s.Hits, "hit", "hits"), strings.Join(boundLines(s.Scope), ", "))
	}
	return t.flush(5)
}

func (d *door) showSuppression(id waxseal.SuppressionID) error {
	s, err := d.suppression(id)
	if err != nil {
		return err
	}
	return d.printSuppression(s)
}

func (d *door) suppression(id waxseal.SuppressionID) (triage.Suppression, error) {
	list, err := d.suppressions()
	if err != nil {
		return triage.Suppression{}, err
	}
	for _, s := range list {
		if s.ID == id {
			return s, nil
		}
	}
	return triage.Suppression{}, &exit{code: exitUsage, err: fmt.Errorf("no suppression %q", id), hint: "waxseal suppress list shows all"}
}

func (d *door) printSuppression(s triage.Suppression) error {
	if d.json() {
		return d.printJSON(SuppressionDoc{Schema: "waxseal.suppression/1", State: s.State(time.Now()), Suppression: s})
	}
	fmt.Fprintf(d.out, "%s  %s  %s\n", s.ID, strings.ToUpper(s.State(time.Now())), safe(s.Owner))
	d.block("why", wrap(s.Reason)...)
	for i, l := range boundLines(s.Scope) {
		d.block(label(i, "for"), wrap(l)...)
	}
	d.block("ends", when(s.Until))
	d.block("added", wrap(fmt.Sprintf("at %s by %s%s", when(s.Added), whose("", s.By), prefixed(", key ", s.Key)))...)
	switch {
	case s.Approver != nil:
		d.block("approved", wrap(fmt.Sprintf("by %s at %s", s.Approver.Name, when(*s.Approved)))...)
	case s.Awaits(d.config.tuning()):
		d.block("approved", "by nobody else yet: it hides no dangerous change")
	}
	if s.Ticket != "" {
		d.block("ticket", safe(s.Ticket))
	}
	d.block("preview", wrap(fmt.Sprintf("of the last %s: %s", count(s.Preview.Days, "day", "days"), pick(len(s.Preview.Findings) == 0, "nothing", listed(s.Preview.Findings))))...)
	d.block("hits", fmt.Sprint(s.Hits))
	if s.Revoked != nil {
		d.block("revoked", when(*s.Revoked))
	}
	return nil
}

// boundLines say what a suppression is for.
func boundLines(s triage.Scope) (lines []string) {
	for _, l := range []struct{ what, value string }{
		{"rule ", string(s.Rule)}, {"path ", string(s.Path)}, {"hook ", string(s.Hook)}, {"parameter ", s.Parameter}, {"value ", s.Value}, {"content ", string(s.Digest)},
	} {
		if l.value != "" {
			lines = append(lines, l.what+l.value)
		}
	}
	return lines
}
