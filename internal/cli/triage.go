package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/mailpath"
	"waxseal/internal/permit"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/control"
	"waxseal/internal/store"
	"waxseal/internal/triage"
)

// triageVerbs are what people decide about findings.
func (d *door) triageVerbs() []*cobra.Command {
	var say struct{ note, ticket, verdict, to string }
	verb := func(use, short string, decide func() (waxseal.Triage, error), done string) *cobra.Command {
		c := &cobra.Command{Use: use + " ID…", Short: short, Args: cobra.MinimumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				t, err := decide()
				if err != nil {
					return err
				}
				t.Note, t.Ticket = say.note, say.ticket
				return d.decide(args, t, done)
			}}
		c.Flags().StringVar(&say.note, "note", "", "`TEXT` that says what you found; kept in the ledger")
		c.Flags().StringVar(&say.ticket, "ticket", "", "`TICKET` in which it is dealt with")
		return c
	}
	plain := func(action waxseal.TriageAction) func() (waxseal.Triage, error) {
		return func() (waxseal.Triage, error) { return waxseal.Triage{Action: action}, nil }
	}
	ack := verb("ack", "Say that you are looking at findings: in progress", plain(waxseal.TriageAcknowledge), "in progress")
	reopen := verb("reopen", "Open findings again: new", plain(waxseal.TriageReopen), "open again")
	closing := verb("close", "Say what findings were: resolved", func() (waxseal.Triage, error) {
		v, err := triage.ParseVerdict(say.verdict)
		if err != nil {
			return waxseal.Triage{}, usage("--verdict: %v", err)
		}
		return waxseal.Triage{Action: waxseal.TriageClose, Verdict: v}, nil
	}, "resolved")
	closing.Long = `Closes findings with a verdict. It changes nothing of what is sealed: a change that
is meant is accepted with 'waxseal seal --promote ID…', which closes its finding.`
	closing.Flags().StringVar(&say.verdict, "verdict", "", "`VERDICT`: true-positive, expected, false-positive or test")
	assign := verb("assign", "Say who looks at findings", func() (waxseal.Triage, error) {
		if say.to == "" {
			return waxseal.Triage{}, usage("--to NAME is needed; --to nobody takes it back")
		}
		if say.to == "nobody" {
			return waxseal.Triage{Action: waxseal.TriageAssign}, nil
		}
		return waxseal.Triage{Action: waxseal.TriageAssign, Assignee: say.to}, nil
	}, "assigned")
	assign.Flags().StringVar(&say.to, "to", "", "`NAME` of who looks at them, or nobody")
	return []*cobra.Command{ack, closing, reopen, assign}
}

// decide records one decision about each finding, here or by the running agent.
func (d *door) decide(ids []string, t waxseal.Triage, done string) error {
	if err := d.known(ids); err != nil {
		return err
	}
	var list []waxseal.Triage
	for _, id := range ids {
		t.Finding = waxseal.FindingID(id)
		list = append(list, t)
	}
	err := d.withBooks(func(b *agent.Books, tree *rootfs.Tree) error {
		return refused(b.Decide(list, time.Now(), agent.Caller(os.Getpid(), userNames(tree))))
	})
	if errors.Is(err, store.ErrLocked) {
		err = d.askOffice("triage", list, nil)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(d.err, "%s: %s\n", done, safe(strings.Join(ids, ", ")))
	return nil
}

// settle does what time alone asks for, while the state is in our own hands.
func (d *door) settle(books *agent.Books) {
	again, err := books.Settle(time.Now())
	for _, r := range again {
		d.warn(fmt.Sprintf("%s is open again: %s", r.ID, r.Why))
	}
	if err != nil {
		d.warn("findings that time opens again could not be recorded: " + err.Error())
	}
}

// printHistory prints what happened to a finding, an entry a line.
func (d *door) printHistory(history []agent.Event) {
	for i, h := range history {
		d.block(label(i, "history"), wrap(fmt.Sprintf("entry %d, %s: %s", h.Index, when(h.Time), eventWords(i, h)))...)
	}
}

// eventWords says one event in words.
func eventWords(i int, h agent.Event) string {
	switch {
	case h.Triage != nil:
		return decisionWords(*h.Triage)
	case h.Promotion != nil:
		return fmt.Sprintf("accepted with %s by %s", count(len(h.Promotion.Objects), "object", "objects"), whose(h.Promotion.Owner, h.Promotion.By))
	case h.Finding == nil:
		return h.Kind
	case i == 0:
		return "judged " + h.Finding.Severity.String() + standWords(*h.Finding)
	}
	return "more is known: " + h.Finding.Severity.String() + standWords(*h.Finding)
}

// standWords say how far a change had come, and what was known to explain it.
func standWords(f waxseal.Finding) string {
	words := ""
	if len(f.Activation) > 0 {
		words += ", " + stand(f)
	}
	if f.Pair != nil {
		words += ", " + pick(f.Pair.Change == f.ID, "undone", "undoes "+string(f.Pair.Change))
	}
	if f.Rung != "" && f.Rung != waxseal.RungNone {
		words += ", " + string(f.Rung)
	}
	return words
}

func pick(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

func decisionWords(t waxseal.Triage) string {
	by := " by " + whose("", t.By)
	if t.Automatic {
		by = " by the passing of time"
	}
	words := map[waxseal.TriageAction]string{
		waxseal.TriageAcknowledge: "in progress", waxseal.TriageAssign: "assigned to " + orNobody(t.Assignee), waxseal.TriageClose: "resolved, " + string(t.Verdict),
		waxseal.TriageReopen: "opened again", waxseal.TriagePromote: "promoted", waxseal.TriageSuppress: "suppressed with " + string(t.Suppression),
	}[t.Action] + by
	if t.Ticket != "" {
		words += ", ticket " + t.Ticket
	}
	return words + prefixed(": ", t.Note)
}

func orNobody(name string) string { return pick(name == "", "nobody", name) }

// whose says whose word something is: the owner of the key that signed it, else the
// person that the kernel names.
func whose(owner string, by waxseal.Actor) string {
	if owner != "" {
		return owner
	}
	return permit.Name(by)
}

// askSeal asks the running agent to seal.
func askSeal(state string, ask agent.SealAsk) (sealed agent.Sealed, err error) {
	body, err := json.Marshal(ask)
	if err != nil {
		return sealed, err
	}
	answer, err := control.Call(state, control.Request{Verb: "seal", Body: body})
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
	case answer.Code == "contradicted":
		return sealed, agent.ErrContradicted
	case answer.Error != "":
		return sealed, &exit{code: exitFindings, err: errors.New(answer.Error)}
	}
	return sealed, nil
}

// reviewed is a promotion of what findings tell, with the content that each tells of.
func reviewed(books *agent.Books, ids []string) (*permit.Promotion, error) {
	seal, index, err := books.LatestSeal()
	if errors.Is(err, store.ErrNone) {
		return nil, &exit{code: exitUsage, err: agent.ErrNoSeal}
	}
	if err != nil {
		return nil, err
	}
	p := &permit.Promotion{Seal: index}
	for _, id := range ids {
		if isPlace(id) {
			o, err := sealedFile(seal, waxseal.Path(id))
			if err != nil {
				return nil, err
			}
			p.Objects = append(p.Objects, o)
			continue
		}
		f, err := finding(books, waxseal.FindingID(id))
		if err != nil {
			return nil, err
		}
		objects := objectsOf(f)
		if len(objects) == 0 {
			return nil, usage("%s is about no change of a file: there is nothing to promote; close it", id)
		}
		p.Objects = append(p.Objects, objects...)
	}
	return p, nil
}

// objectsOf are the files that a finding tells of, each with its latest content.
func objectsOf(f waxseal.Finding) (list []permit.Promoted) {
	if f.Change != nil {
		return []permit.Promoted{{Named: true, Finding: f.ID, Path: f.Change.Path, After: f.Change.AfterDigest}}
	}
	if f.Gathered == nil {
		return nil
	}
	for _, g := range f.Gathered.List {
		o := permit.Promoted{Named: true, Finding: f.ID, Path: g.Path, After: g.AfterDigest}
		if i := slices.IndexFunc(list, func(x permit.Promoted) bool { return x.Path == g.Path }); i >= 0 {
			list[i] = o
		} else {
			list = append(list, o)
		}
	}
	return list
}

func sealedFile(seal waxseal.Seal, p waxseal.Path) (permit.Promoted, error) {
	files := slices.Clone(seal.State.Files)
	for _, c := range seal.State.Containers {
		files = append(files, mailpath.Within(c.Name, c.State).Files...)
	}
	for _, f := range files {
		if f.Path == p {
			return permit.Promoted{Named: true, Path: p, After: f.Digest}, nil
		}
	}
	return permit.Promoted{}, usage("%s is not sealed", p)
}
