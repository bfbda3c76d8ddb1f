package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/control"
	"waxseal/internal/store"
)

// FindingDoc is one finding as a document.
type FindingDoc struct {
	Schema     string `json:"schema"`
	News       string `json:"news,omitempty"`
	Checkpoint string `json:"checkpoint"`
	waxseal.Finding
}

func findingDoc(f waxseal.Finding, news, checkpoint string) FindingDoc {
	return FindingDoc{Schema: "waxseal.finding/1", News: news, Checkpoint: checkpoint, Finding: f}
}

func (d *door) findings() *cobra.Command {
	parent := &cobra.Command{Use: "findings", Short: "Findings and their triage; nothing is ever deleted", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	var status, note string
	list := &cobra.Command{Use: "list", Short: "All findings, oldest first", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return d.listFindings(status) }}
	list.Flags().StringVar(&status, "status", "", "only those of this `STATUS`: open or acknowledged")
	show := &cobra.Command{Use: "show ID", Short: "One finding, with everything it rests on", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return d.showFinding(waxseal.FindingID(args[0])) }}
	ack := &cobra.Command{Use: "ack ID…", Short: "Say that you have looked at findings", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return d.ackFindings(args, note) }}
	ack.Flags().StringVar(&note, "note", "", "`TEXT` that says what you found; kept in the ledger")
	parent.AddCommand(list, show, ack)
	return parent
}

func (d *door) listFindings(status string) error {
	if status != "" && status != string(waxseal.Open) && status != string(waxseal.Acknowledged) {
		return usage("unknown status %q: want open or acknowledged", status)
	}
	books, err := d.readBooks()
	if err != nil {
		return err
	}
	defer books.Close()
	list, err := books.Findings(store.Filter{Status: waxseal.Status(status)})
	if err != nil {
		return err
	}
	if d.json() {
		if list == nil {
			list = []waxseal.Finding{}
		}
		return d.printJSON(map[string]any{"schema": "waxseal.findings/1", "checkpoint": books.Checkpoint(), "findings": list})
	}
	t := d.table()
	for _, f := range list {
		t.row(string(f.ID), strings.ToUpper(f.Severity.String()), when(f.Seen), string(f.Status), stand(f), "by "+hand(f))
		t.note("    " + f.Title)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%s; checkpoint %s\n", count(len(list), "finding", "findings"), cmp.Or(books.Checkpoint(), "none yet"))
	return nil
}

// stand is how far a finding's change has come.
func stand(f waxseal.Finding) string {
	if len(f.Activation) == 0 {
		return "-"
	}
	return string(f.Activation[len(f.Activation)-1].Stand)
}

// hand is who, in one word.
func hand(f waxseal.Finding) string {
	if f.Actor == nil || f.Actor.Login.Grade == waxseal.Unknown {
		return "unknown"
	}
	if f.Actor.Login.UID == waxseal.Unset {
		return cmp.Or(f.Actor.Process.Comm, "no login")
	}
	return f.Actor.Login.Name
}

func (d *door) showFinding(id waxseal.FindingID) error {
	books, err := d.readBooks()
	if err != nil {
		return err
	}
	defer books.Close()
	f, err := finding(books, id)
	if err != nil {
		return err
	}
	if d.json() {
		return d.printJSON(findingDoc(f, "", books.Checkpoint()))
	}
	d.printFinding(f, books.Checkpoint())
	return nil
}

func finding(books *agent.Books, id waxseal.FindingID) (waxseal.Finding, error) {
	f, err := books.Finding(id)
	if errors.Is(err, store.ErrNone) {
		err = &exit{code: exitUsage, err: fmt.Errorf("no finding %q", id), hint: "waxseal findings list shows all"}
	}
	return f, err
}

// known refuses a list with an unknown finding before any of them is touched.
func (d *door) known(ids []string) error {
	books, err := d.readBooks()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := finding(books, waxseal.FindingID(id)); err != nil {
			return errors.Join(err, books.Close())
		}
	}
	return books.Close()
}

func (d *door) ackFindings(ids []string, note string) error {
	if err := d.known(ids); err != nil {
		return err
	}
	err := d.withBooks(func(b *agent.Books, tree *rootfs.Tree) error {
		by := agent.Caller(os.Getpid(), userNames(tree))
		for _, id := range ids {
			if err := b.Acknowledge(waxseal.FindingID(id), time.Now(), note, by); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrLocked) {
		err = askToAck(d.config.State, ids, note)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(d.err, "acknowledged: %s\n", safe(strings.Join(ids, ", ")))
	return nil
}

func askToAck(state string, ids []string, note string) error {
	answer, err := control.Call(state, control.Request{Verb: "acknowledge", Finding: ids, Note: note})
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	return err
}

// printFinding prints a finding for people.
func (d *door) printFinding(f waxseal.Finding, checkpoint string) {
	fmt.Fprintf(d.out, "\n%s  %s  %s\n", cmp.Or(string(f.ID), "(no number)"), d.severity(f.Severity), safe(f.Title))
	if f.Unrecorded {
		d.block("", "UNRECORDED: the ledger could not be written when this was judged")
	}
	d.block("what", wrap(f.Explain)...)
	d.reasons(f.Reasons)
	d.printActor(f)
	for i, a := range f.Activation {
		d.block(label(i, "live"), fmt.Sprintf("%-9s %s  %s [%s]", a.Stand, a.Time.UTC().Format("2006-01-02 15:04:05.000Z"), safe(a.Evidence), a.Grade))
	}
	if f.Rung != "" {
		d.block("expected", wrap(expected(f))...)
	}
	if f.Change != nil {
		d.printText(f.Change.Diff)
	}
	if f.Gathered != nil {
		d.printGathered(*f.Gathered)
	}
	for i, n := range f.NotEstablished {
		d.block(label(i, "unknown"), wrap(n)...)
	}
	for i, n := range f.Next {
		d.block(label(i, "next"), wrap(n)...)
	}
	if len(f.Attack) > 0 {
		d.block("att&ck", listed(f.Attack))
		for _, r := range f.AttackRefs {
			d.block("", safe(fmt.Sprintf("%s (%s, release %s)", r.ID, r.STIX, r.Release)))
		}
	}
	if len(f.Observations) > 0 {
		d.block("rests on", wrap("ledger entries "+listed(f.Observations))...)
	}
	if f.Status != "" {
		d.block("status", string(f.Status))
	}
	d.block("ledger", "checkpoint "+cmp.Or(checkpoint, "none yet"))
}

// printGathered prints the changes that a finding tells together, the latest last.
func (d *door) printGathered(g waxseal.Gathering) {
	const most = 40
	list := g.List[max(0, len(g.List)-most):]
	for i, x := range list {
		when := "                   "
		if !x.Time.IsZero() {
			when = x.Time.UTC().Format("2006-01-02 15:04:05")
		}
		d.block(label(i, "changes"), wrap(when+"  "+cmp.Or(x.Mailbox, "?")+": "+x.Title+prefixed(", by ", x.By))...)
	}
	if left := g.Changes - len(list); left > 0 {
		d.block("", fmt.Sprintf("and %d more before these; --format json has them", left))
	}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func listed[T any](list []T) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ", ")
}

// expected says how strong the evidence is that the change was expected.
func expected(f waxseal.Finding) string {
	if f.Rung == waxseal.RungNone {
		return "nothing says so: " + cmp.Or(f.Expected, "no permit is for this change")
	}
	return string(f.Rung) + ": " + f.Expected
}

func label(i int, word string) string {
	if i > 0 {
		return ""
	}
	return word
}

// printActor prints who, hop by hop, each with how it is known.
func (d *door) printActor(f waxseal.Finding) {
	if f.Unobserved != nil {
		d.block("who", wrap(fmt.Sprintf("unknown: changed between %s and %s; %s", when(f.Unobserved.From), when(f.Unobserved.Until), f.Unobserved.Reason))...)
		return
	}
	a := f.Actor
	if a == nil || a.Process.Grade == waxseal.Unknown {
		d.block("who", "unknown: the process had ended before anyone could look, and audit did not report it")
		return
	}
	p := a.Process
	d.block("who", wrap(fmt.Sprintf("%s ran %s (%s, process %d) [%s]", account(p), command(p), p.Exe, p.PID, p.Grade))...)
	if a.Login.UID != waxseal.Unset {
		d.block("", fmt.Sprintf("who is %s, login uid %d, session %d%s [%s]", safe(a.Login.Name), a.Login.UID, a.Login.Session, onTTY(a.Login.TTY), a.Login.Grade))
	} else {
		d.block("", fmt.Sprintf("no login: started by the system, not by a person who logged in [%s]", a.Login.Grade))
	}
	d.printOrigin(a.Origin)
	if a.Sudo != nil {
		d.block("", wrap(fmt.Sprintf("through %s, called by uid %d [%s]", strings.Join(a.Sudo.Argv, " "), a.Sudo.UID, a.Sudo.Grade))...)
	}
	if a.Tool != nil {
		d.block("", wrap(fmt.Sprintf("it looks like the work of %s (%s), which is no approval [%s]", a.Tool.Name, a.Tool.Words, a.Tool.Grade))...)
	}
	if len(a.Ancestors) > 0 {
		d.block("", wrap("below "+chain(ofSession(a)))...)
	}
}

func (d *door) printOrigin(o waxseal.Origin) {
	switch {
	case o.Address != "":
		from := fmt.Sprintf("came in by %s from %s", o.Kind, o.Address)
		if o.Port != 0 {
			from += fmt.Sprintf(" port %d", o.Port)
		}
		d.block("", fmt.Sprintf("%s [%s]", safe(from), o.Grade))
		if o.Method != "" {
			d.block("", safe(fmt.Sprintf("by %s %s [%s]", o.Method, o.Key, o.KeyGrade)))
		}
	case o.Kind != waxseal.OriginUnknown && o.Kind != "":
		d.block("", fmt.Sprintf("came in by %s [%s]", o.Kind, o.Grade))
	}
}

func account(p waxseal.Process) string {
	if p.User == "" {
		return fmt.Sprintf("uid %d", p.EUID)
	}
	return fmt.Sprintf("%s (uid %d)", p.User, p.EUID)
}

func when(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func onTTY(tty string) string {
	if tty == "" {
		return ""
	}
	return ", terminal " + safe(tty)
}

func command(p waxseal.Process) string {
	if len(p.Argv) == 0 {
		return cmp.Or(p.Comm, p.Exe, "an unknown program")
	}
	return strings.Join(p.Argv, " ")
}

// ofSession leaves out what lies above the login: the ancestors of sshd are the
// same for everyone. They are in the JSON.
func ofSession(a *waxseal.Actor) []waxseal.Process {
	if a.Origin.Kind != waxseal.OriginSSH {
		return a.Ancestors
	}
	last := -1
	for i, p := range a.Ancestors {
		if strings.HasPrefix(path.Base(p.Exe), "sshd") {
			last = i
		}
	}
	if last < 0 {
		return a.Ancestors
	}
	return a.Ancestors[:last+1]
}

// programName is the file name of a program, or what the process calls itself.
func programName(p waxseal.Process) string {
	if p.Exe == "" {
		return cmp.Or(p.Comm, "?")
	}
	return path.Base(p.Exe)
}

func chain(list []waxseal.Process) string {
	var names []string
	for _, p := range list {
		names = append(names, fmt.Sprintf("%s(%d)[%s]", programName(p), p.PID, p.Grade))
	}
	return strings.Join(names, " < ")
}
