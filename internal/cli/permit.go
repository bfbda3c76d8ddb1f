package cli

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/permit"
	"waxseal/internal/rootfs"
	"waxseal/internal/store"
)

// asking are the flags of permit open.
type asking struct {
	key, ticket, reason, from, until, expect, file                 string
	hosts, paths, hooks, parameters, operations, hands, announcers []string
	most                                                           int
}

func (d *door) permits() *cobra.Command {
	parent := &cobra.Command{
		Use: "permit", Short: "Change control: say what is to change before it does",
		Long: `A permit says what is to change, in which window, by whom and to which content.
Somebody asks for it, somebody else approves it, each with a key of their own, and
every step is in the ledger. A change that fits is told quietly; one beside its
permit (another hand, another content, once more, early, late) louder.
Nothing is ever hidden.`,
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	list := &cobra.Command{Use: "list", Short: "All permits, oldest first", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return d.listPermits() }}
	show := &cobra.Command{Use: "show ID", Short: "One permit", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error { return d.showPermit(permit.ID(args[0])) }}
	parent.AddCommand(d.openPermit(), d.syncPermit(),
		d.stepVerb("approve", "Approve what another person asked for", permit.Approve),
		d.stepVerb("countersign", "Sign what one person approved alone", permit.Countersign),
		d.stepVerb("close", "End a permit whose work is done", permit.Close),
		d.stepVerb("revoke", "Take a permit back", permit.Revoke), list, show)
	return parent
}

func (d *door) openPermit() *cobra.Command {
	var a asking
	c := &cobra.Command{
		Use: "open", Short: "Ask for a change",
		Example: `  waxseal permit open --key alice.pem --ticket CHG-4711 --reason "archive for audit" \
      --from 2026-12-01T20:00Z --until 2026-12-01T22:00Z --path /etc/postfix/main.cf --actor 1000
  waxseal permit open --key ci.pem --ticket CHG-4712 --reason rollout --until +2h --expect ./staged
  waxseal permit open --key alice.pem --ticket CHG-4713 --reason limits --until +2h --expect change.diff
  waxseal permit open --key alice.pem --ticket CHG-4714 --reason "config from git" --until +720h \
      --path /etc/postfix/ --announcer SHA256:…`,
		Long: `Asks for a change. A permit that names objects, a person and a window explains what
that person does with them; one that announces the exact content to come explains
that content, byte for byte, and nothing else.

--expect takes a directory with the files to come, laid out as below /, or a unified
diff. The diff is applied in memory to the files as they are sealed or last known,
and has to match them exactly; it may name files of the mail path only.

--file reads the request from a strict YAML file: ticket, reason, not_before,
not_after, hosts, paths, hooks, parameters, operations, actors, announcers,
max_changes, expect (path to SHA-256, or "" for a file that is to be gone).`,
		Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return d.runOpenPermit(a) },
	}
	f := c.Flags()
	f.StringVar(&a.key, "key", "", "`FILE` with the secret half of your key")
	f.StringVar(&a.ticket, "ticket", "", "`TICKET` that the change belongs to")
	f.StringVar(&a.reason, "reason", "", "`TEXT` that says what the change is for")
	f.StringVar(&a.from, "from", "", "`TIME` at which the window begins (default now)")
	f.StringVar(&a.until, "until", "", "`TIME` at which it ends: RFC 3339 in UTC, or +2h")
	f.StringVar(&a.expect, "expect", "", "`DIR` with the exact files to come, laid out as below /,\nor a unified diff of them")
	f.StringVar(&a.file, "file", "", "`FILE` with the request, in YAML, instead of the other flags")
	f.StringArrayVar(&a.announcers, "announcer", nil, "`KEY` (fingerprint) of CI that may announce contents of the paths;\napproved in advance, where permits.in_advance allows it")
	f.StringArrayVar(&a.hosts, "host", nil, "only on this `HOST`")
	f.StringArrayVar(&a.paths, "path", nil, "`PATH` that may change; with a slash at its end all that is below")
	f.StringArrayVar(&a.hooks, "hook", nil, "`HOOK` that may change")
	f.StringArrayVar(&a.parameters, "parameter", nil, "`NAME` of a parameter that may change")
	f.StringArrayVar(&a.operations, "operation", nil, "`KIND` of change: added, removed, modified or metadata")
	f.StringArrayVar(&a.hands, "actor", nil, "login `UID` of who may make the change")
	f.IntVar(&a.most, "max-changes", 1, "how often each object may change, `N` times")
	return c
}

func (d *door) runOpenPermit(a asking) error {
	var expect map[waxseal.Path]waxseal.Digest
	if a.file != "" {
		var err error
		if a, expect, err = permitFile(a); err != nil {
			return err
		}
	}
	r, err := a.request(time.Now().UTC())
	if err != nil {
		return err
	}
	r.Expect = expect
	if a.expect != "" {
		if r.Expect, err = d.expected(a.expect); err != nil {
			return err
		}
	}
	return d.takeStep(a.key, permit.Step{Kind: permit.Open, Ask: &r})
}

// request reads what was asked for.
func (a asking) request(now time.Time) (permit.Request, error) {
	r := permit.Request{Ticket: a.ticket, Reason: a.reason, MaxChanges: a.most, Announcers: a.announcers, Scope: permit.Scope{
		Hosts: typed[waxseal.HostID](a.hosts), Paths: typed[waxseal.Path](a.paths), Hooks: typed[waxseal.HookID](a.hooks), Parameters: a.parameters}}
	var err error
	if r.NotBefore, err = moment("--from", cmp.Or(a.from, "+0s"), now); err != nil {
		return r, err
	}
	if a.until == "" {
		return r, usage("--until is needed: a window ends")
	}
	if r.NotAfter, err = moment("--until", a.until, now); err != nil {
		return r, err
	}
	for _, p := range r.Scope.Paths {
		if !isPlace(string(p)) {
			return r, usage("--path %q is not absolute", p)
		}
	}
	for _, o := range a.operations {
		kind := waxseal.ChangeKind(o)
		if !slices.Contains([]waxseal.ChangeKind{waxseal.Added, waxseal.Removed, waxseal.Modified, waxseal.Metadata}, kind) {
			return r, usage("unknown operation %q: want added, removed, modified or metadata", o)
		}
		r.Scope.Operations = append(r.Scope.Operations, kind)
	}
	for _, h := range a.hands {
		uid, err := strconv.ParseUint(h, 10, 32)
		if err != nil || uint32(uid) == waxseal.Unset {
			return r, usage("--actor %q is no user id", h)
		}
		r.Scope.Actors = append(r.Scope.Actors, uint32(uid))
	}
	return r, nil
}

func typed[T ~string](list []string) (out []T) {
	for _, s := range list {
		out = append(out, T(s))
	}
	return out
}

// moment reads a time: RFC 3339, with or without seconds, or a length from now.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if after, ok := strings.CutPrefix(text, "+"); ok {
		if length, err := time.ParseDuration(after); err == nil {
			return now.Add(length), nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, usage("%s %q is no time: want 2026-12-01T20:00Z or +2h", flag, text)
}

func (d *door) stepVerb(name, short string, kind permit.StepKind) *cobra.Command {
	var key, note string
	var alone bool
	c := &cobra.Command{Use: name + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := d.permit(permit.ID(args[0]))
			if err != nil {
				return err
			}
			return d.takeStep(key, permit.Step{Kind: kind, Permit: p.ID, Digest: p.Digest, Note: note, BreakGlass: alone})
		}}
	c.Flags().StringVar(&key, "key", "", "`FILE` with the secret half of your key")
	c.Flags().StringVar(&note, "note", "", "`TEXT` that says why; kept in the ledger")
	if kind == permit.Approve {
		c.Flags().BoolVar(&alone, "break-glass", false, "approve alone what you asked for: it shows, and another must countersign")
	}
	return c
}

// takeStep signs a step and has it recorded, here or by the running agent.
func (d *door) takeStep(keyFile string, s permit.Step) error {
	var err error
	s.Key, s.Signed, s.Signature, err = signed(keyFile, func(key string, at time.Time) []byte {
		s.Key, s.Signed = key, at
		return s.Message()
	})
	if err != nil {
		return err
	}
	var p permit.Permit
	err = d.withBooks(func(b *agent.Books, _ *rootfs.Tree) (err error) {
		p, err = b.TakeStep(s, time.Now())
		return refused(err)
	})
	if errors.Is(err, store.ErrLocked) {
		err = d.askOffice("permit", s, &p)
	}
	if err != nil {
		return err
	}
	return d.printPermit(p)
}

func (d *door) listPermits() error {
	book, err := d.office()
	if err != nil {
		return err
	}
	list := book.Permits()
	if d.json() {
		docs := []permitDoc{}
		for _, p := range list {
			docs = append(docs, docOf(p))
		}
		return d.printJSON(map[string]any{"schema": "waxseal.permits/1", "permits": docs})
	}
	t := d.table()
	for _, p := range list {
		t.row(string(p.ID), string(p.State(time.Now())), p.Ticket, when(p.NotBefore)+" to "+when(p.NotAfter), "asked for by "+p.Requester.Name)
	}
	return t.flush()
}

func (d *door) showPermit(id permit.ID) error {
	p, err := d.permit(id)
	if err != nil {
		return err
	}
	return d.printPermit(p)
}

func (d *door) permit(id permit.ID) (permit.Permit, error) {
	book, err := d.office()
	if err != nil {
		return permit.Permit{}, err
	}
	p, ok := book.Permit(id)
	if !ok {
		return p, &exit{code: exitUsage, err: fmt.Errorf("no permit %q", id), hint: "waxseal permit list shows all"}
	}
	return p, nil
}

// permitDoc is one permit as a document.
type permitDoc struct {
	Schema string       `json:"schema,omitempty"`
	State  permit.State `json:"state"`
	permit.Permit
}

func docOf(p permit.Permit) permitDoc { return permitDoc{State: p.State(time.Now()), Permit: p} }

func (d *door) printPermit(p permit.Permit) error {
	if d.json() {
		doc := docOf(p)
		doc.Schema = "waxseal.permit/1"
		return d.printJSON(doc)
	}
	fmt.Fprintf(d.out, "%s  %s  %s\n", p.ID, strings.ToUpper(string(p.State(time.Now()))), safe(p.Ticket))
	d.block("why", wrap(p.Reason)...)
	d.block("window", when(p.NotBefore)+" to "+when(p.NotAfter))
	if p.Source != nil {
		d.block("source", wrap(sourceLine(*p.Source))...)
	}
	for i, line := range scopeLines(p) {
		d.block(label(i, "for"), wrap(line)...)
	}
	if p.Superseded != "" {
		d.block("ended", "superseded by "+string(p.Superseded))
	}
	d.block("asked by", fmt.Sprintf("%s at %s, key %s", safe(p.Requester.Name), when(p.Opened.Time), p.Requester.Key))
	if p.Approver != nil {
		how := ""
		switch {
		case p.InAdvance:
			how = ", in advance, by " + string(p.Under)
		case p.BreakGlass && p.Countersigned == nil:
			how = ", alone: another person has to countersign"
		case p.BreakGlass:
			how = ", alone; countersigned at " + when(p.Countersigned.Time)
		case p.Alone:
			how = ", who asked for it"
		}
		d.block("approved", fmt.Sprintf("by %s at %s%s", safe(p.Approver.Name), when(p.Approved.Time), how))
	}
	for i, f := range slices.Sorted(maps.Keys(p.Uses)) {
		d.block(label(i, "used"), fmt.Sprintf("%s, %s", safe(string(f)), count(p.Uses[f], "change", "changes")))
	}
	return nil
}

// sourceLine says where an announced content comes from.
func sourceLine(s permit.Source) string {
	line := s.Name
	if s.Commit != "" {
		line += ", commit " + s.Commit + " by " + s.Author
	}
	if !s.Committed.IsZero() {
		line += " of " + when(s.Committed)
	}
	return line
}

// scopeLines say what a permit is for.
func scopeLines(p permit.Permit) (lines []string) {
	add := func(what string, list []string) {
		if len(list) > 0 {
			lines = append(lines, what+" "+strings.Join(list, ", "))
		}
	}
	s := p.Scope
	add("host", words(s.Hosts))
	add("path", words(s.Paths))
	add("hook", words(s.Hooks))
	add("parameter", s.Parameters)
	add("operation", words(s.Operations))
	var hands []string
	for _, uid := range s.Actors {
		hands = append(hands, strconv.FormatUint(uint64(uid), 10))
	}
	add("login uid", hands)
	add("announcements by", p.Announcers)
	for _, f := range slices.Sorted(maps.Keys(p.Expect)) {
		lines = append(lines, fmt.Sprintf("exactly %s as %s", f, cmp.Or(string(p.Expect[f]), "gone")))
	}
	if len(lines) == 0 {
		lines = []string{"whatever changes: a window, and nothing more"}
	}
	return append(lines, fmt.Sprintf("%s of each at most", count(max(p.MaxChanges, 1), "change", "changes")))
}

func words[T ~string](list []T) (out []string) {
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}
