package cli

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/store"
)

// FindingDoc is one finding as a document.
type FindingDoc struct {
	Schema     string `json:"schema"`
	News       string `json:"news,omitempty"`
	Checkpoint string `json:"checkpoint"`
	// History is everything in the ledger about it, in order: of findings show.
	History []agent.Event `json:"history,omitempty"`
	waxseal.Finding
}

func findingDoc(f waxseal.Finding, news, checkpoint string) FindingDoc {
	return FindingDoc{Schema: "waxseal.finding/1", News: news, Checkpoint: checkpoint, Finding: f}
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
	history, err := books.History(id)
	if err != nil {
		return err
	}
	shown, err := books.Shown([]waxseal.Finding{f}, time.Now())
	if err != nil {
		return err
	}
	f = shown[0]
	if d.json() {
		doc := findingDoc(f, "", books.Checkpoint())
		doc.History = history
		return d.printJSON(doc)
	}
	d.printFinding(f, "")
	d.printHistory(history)
	if book, _, err := books.Office(d.config.Permits.rules()); err == nil && book.Awaits(id) {
		d.block("awaits", wrap("who made the change promoted it alone: another person has to promote it too")...)
	}
	if isUnattested(books) {
		d.block("seal", wrap(notAttested)...)
	}
	d.block("ledger", "checkpoint "+cmp.Or(books.Checkpoint(), "none yet"))
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
	if f.Pair != nil {
		d.block("pair", wrap(paired(f))...)
	}
	if f.Status != "" {
		d.block("status", wrap(statusLine(f))...)
	}
	if checkpoint != "" {
		d.block("ledger", "checkpoint "+checkpoint)
	}
}

// paired says which change and which revert belong together, and for how long the
// change was in force.
func paired(f waxseal.Finding) string {
	p := f.Pair
	lasted := (time.Duration(p.Seconds*1000) * time.Millisecond).String()
	span := fmt.Sprintf("from %s to %s: %s", when(p.From), when(p.Until), lasted)
	switch {
	case p.Change != f.ID:
		return fmt.Sprintf("%s undid %s, which was in force %s", f.ID, p.Change, span)
	case p.Revert == "":
		return fmt.Sprintf("it was found undone, and was in force at most %s", span)
	}
	return fmt.Sprintf("%s undid it; it was in force %s", p.Revert, span)
}

// statusLine says where triage of a finding stands.
func statusLine(f waxseal.Finding) string {
	line := string(f.Status)
	if f.Verdict != "" {
		line += ", " + string(f.Verdict)
	}
	if f.Suppression != "" && f.Status == waxseal.StatusSuppressed {
		line += " by " + string(f.Suppression)
	}
	if f.Assignee != "" {
		line += ", assigned to " + f.Assignee
	}
	if f.Ticket != "" {
		line += ", ticket " + f.Ticket
	}
	return line
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
	case o.Kind == waxseal.OriginSudo || o.Kind == waxseal.OriginSu:
		d.block("", fmt.Sprintf("how that session came in is not known; %s is the first that is [%s]", o.Kind, o.Grade))
	case o.Kind != waxseal.OriginUnknown && o.Kind != "":
		d.block("", fmt.Sprintf("came in by %s [%s]", o.Kind, o.Grade))
		if o.Method != "" && o.KeyGrade != "" {
			d.block("", wrap(fmt.Sprintf("%s [%s]", safe(strings.TrimSuffix(o.Method+": "+o.Command, ": ")), o.KeyGrade))...)
		}
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
