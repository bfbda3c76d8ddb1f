package agent

import (
	"crypto/ed25519"
	"crypto/sha256"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/permit"
	"waxseal/internal/store"
	"waxseal/internal/triage"
)

// desk is a state directory with people who have keys.
type desk struct {
	*testing.T
	*Books
	private map[string]ed25519.PrivateKey
}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func newDesk(t *testing.T, people ...string) desk {
	t.Helper()
	return newDeskAt(t, noon, people...)
}

func newDeskAt(t *testing.T, at time.Time, people ...string) desk {
	t.Helper()
	books, err := OpenBooks(filepath.Join(t.TempDir(), "state"), "mail")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { books.Close() })
	d := desk{t, books, map[string]ed25519.PrivateKey{}}
	for i, name := range people {
		seed := sha256.Sum256([]byte(name))
		d.private[name] = ed25519.NewKeyFromSeed(seed[:])
		public := d.private[name].Public().(ed25519.PublicKey)
		k := permit.Key{Fingerprint: permit.Fingerprint(public), Public: public, Role: permit.RolePerson, Owner: name, Login: uint32(1000 + i)}
		if err := d.TakeKey(permit.KeyStep{Add: &k}, at); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (d desk) key(name string) string {
	return permit.Fingerprint(d.private[name].Public().(ed25519.PublicKey))
}

func (d desk) step(name string, at time.Time, s permit.Step) permit.Permit {
	d.Helper()
	s.Key = d.key(name)
	s.Signature = ed25519.Sign(d.private[name], s.Message())
	p, err := d.TakeStep(s, at)
	if err != nil {
		d.Fatal(err)
	}
	return p
}

// judged records a finding about a dangerous change.
func (d desk) judged(at time.Time, change func(*waxseal.Finding)) waxseal.FindingID {
	d.Helper()
	f := waxseal.Finding{Rule: "mail-copy", Severity: waxseal.High, Title: "x", Seen: at, Rung: waxseal.RungNone, Change: &waxseal.Change{
		Path: "/etc/postfix/main.cf", Kind: waxseal.Modified, Severity: waxseal.High, AfterDigest: "bb",
		Hooks: waxseal.HookChanges{Added: []waxseal.Hook{{ID: "h", Effects: []waxseal.Effect{waxseal.Copy}}}}}}
	if change != nil {
		change(&f)
	}
	err := d.Append(func(tx *store.Tx) (err error) { f, _, err = tx.Finding(at, f); return err })
	if err != nil {
		d.Fatal(err)
	}
	return f.ID
}

func (d desk) settles(at time.Time) (ids []waxseal.FindingID) {
	d.Helper()
	again, err := d.Settle(at)
	if err != nil {
		d.Fatal(err)
	}
	for _, r := range again {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestNotCountersigned: what rests on one person's approval opens again after a day, also
// where the clock was set back, and not where somebody countersigned.
func TestNotCountersigned(t *testing.T) {
	for _, countersigned := range []bool{false, true} {
		d := newDesk(t, "alice", "bob")
		p := d.step("alice", noon, permit.Step{Kind: permit.Open, Ask: &permit.Request{Ticket: "T", Reason: "r", NotBefore: noon, NotAfter: noon.Add(time.Hour)}})
		d.step("alice", noon, permit.Step{Kind: permit.Approve, Permit: p.ID, Digest: p.Digest, BreakGlass: true})
		id := d.judged(noon.Add(time.Minute), func(f *waxseal.Finding) {
			f.Permit, f.Rung, f.Expected, f.Severity = string(p.ID), waxseal.RungPermit, "alone", waxseal.Low
		})
		if err := d.Decide([]waxseal.Triage{{Finding: id, Action: waxseal.TriageClose, Verdict: waxseal.VerdictExpected}}, noon.Add(time.Hour), waxseal.Actor{}); err != nil {
			t.Fatal(err)
		}
		if countersigned {
			d.step("bob", noon.Add(2*time.Hour), permit.Step{Kind: permit.Countersign, Permit: p.ID, Digest: p.Digest})
		}
		if early := d.settles(noon.Add(23 * time.Hour)); len(early) != 0 {
			t.Errorf("within the day: %v", early)
		}
		// Something was seen a day later; then the clock was set back by two days.
		err := d.Append(func(tx *store.Tx) error {
			_, err := tx.Observation(waxseal.Observation{Time: noon.Add(25 * time.Hour), Sensor: "agent", Agent: &waxseal.AgentEvent{Step: "start"}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		late := d.settles(noon.Add(-24 * time.Hour))
		f, err := d.Finding(id)
		if err != nil {
			t.Fatal(err)
		}
		if countersigned {
			if len(late) != 0 || f.Status != waxseal.StatusResolved || f.Rung != waxseal.RungPermit {
				t.Errorf("countersigned: %v, %+v", late, f)
			}
			continue
		}
		if len(late) != 1 || f.Status != waxseal.StatusNew || f.Rung != waxseal.RungNone || f.Severity != waxseal.High || !strings.Contains(f.Expected, "countersigned") {
			t.Errorf("not countersigned: %v, status %s, rung %s, severity %s, %s", late, f.Status, f.Rung, f.Severity, f.Expected)
		}
		d.settled = map[permit.ID]bool{} // as after a restart
		if again := d.settles(noon.Add(48 * time.Hour)); len(again) != 0 {
			t.Errorf("opened twice: %v", again)
		}
	}
}

// promoted promotes a finding past the seal, as a seal records it.
func (d desk) promotes(name string, id waxseal.FindingID, at time.Time, breakGlass bool) error {
	d.Helper()
	f, err := d.Finding(id)
	if err != nil {
		d.Fatal(err)
	}
	p := permit.Promotion{Objects: []permit.Promoted{{Named: true, Finding: id, Path: f.Change.Path, After: f.Change.AfterDigest}}, Reason: "r", BreakGlass: breakGlass, Key: d.key(name)}
	p.Signature = ed25519.Sign(d.private[name], p.Message())
	book, _, err := d.Office(d.Rules)
	if err != nil {
		d.Fatal(err)
	}
	if err := book.Promote(&p, []waxseal.Finding{f}); err != nil {
		return err
	}
	s := &sealing{Books: d.Books, at: at}
	return d.Append(func(tx *store.Tx) error {
		if _, err := tx.Promotion(at, p); err != nil {
			return err
		}
		return s.resolve(tx, f, p)
	})
}

// TestPromotedAlone: who made a dangerous change promotes it only by breaking the glass,
// and it opens again when nobody else promotes it in time.
func TestPromotedAlone(t *testing.T) {
	for _, second := range []bool{false, true} {
		d := newDesk(t, "alice", "bob")
		id := d.judged(noon, func(f *waxseal.Finding) {
			f.Actor = &waxseal.Actor{Login: waxseal.Login{UID: 1000, Grade: waxseal.Proven}}
		})
		if err := d.promotes("alice", id, noon, false); err == nil {
			t.Fatal("alice promoted what she made")
		}
		if err := d.promotes("alice", id, noon, true); err != nil {
			t.Fatal(err)
		}
		if second {
			if err := d.promotes("bob", id, noon.Add(time.Hour), false); err != nil {
				t.Fatal(err)
			}
		}
		late := d.settles(noon.Add(25 * time.Hour))
		f, err := d.Finding(id)
		if err != nil || (len(late) == 1) == second || (f.Status == waxseal.StatusNew) == second {
			t.Errorf("second person %t: %v, %s, %v", second, late, f.Status, err)
		}
		if _, problems, err := d.Office(d.Rules); err != nil || len(problems) != 0 {
			t.Errorf("%v, %v", problems, err)
		}
		if again := d.settles(noon.Add(30 * time.Hour)); len(again) != 0 {
			t.Errorf("opened twice: %v", again)
		}
	}
}

// TestSuppressionEnds: what it hid is open again at its end, also with the clock set back.
func TestSuppressionEnds(t *testing.T) {
	d := newDesk(t)
	id := d.judged(noon, nil)
	ask := triage.Request{Scope: triage.Scope{Hook: "h", Value: "x"}, Reason: "r", Owner: "bob", Until: noon.Add(2 * time.Hour), Preview: triage.Preview{Days: 30}}
	if _, err := d.TakeSuppression(triage.Step{Kind: triage.Add, Ask: &ask}, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	ask.Scope = triage.Scope{Rule: "mail-copy"}
	ask.Preview.Findings = []waxseal.FindingID{id}
	if _, err := d.TakeSuppression(triage.Step{Kind: triage.Add, Ask: &ask}, noon.Add(time.Hour)); err == nil {
		t.Error("a preview was accepted that is not what it would hide")
	}
	ask.Scope = triage.Scope{Digest: "bb"}
	if _, err := d.TakeSuppression(triage.Step{Kind: triage.Add, Ask: &ask}, noon.Add(time.Hour)); err == nil {
		t.Error("a short digest was accepted")
	}
	digest := waxseal.Digest(strings.Repeat("b", 64))
	id = d.judged(noon.Add(time.Minute), func(f *waxseal.Finding) { f.Change.AfterDigest = digest })
	ask.Scope, ask.Preview.Findings = triage.Scope{Digest: digest}, []waxseal.FindingID{id}
	s, err := d.TakeSuppression(triage.Step{Kind: triage.Add, Ask: &ask}, noon.Add(time.Hour))
	if f, _ := d.Finding(id); err != nil || s.Hits != 1 || f.Status != waxseal.StatusSuppressed || f.Suppression != s.ID {
		t.Fatalf("%+v, %v, %+v", s, err, f)
	}
	if early := d.settles(noon.Add(90 * time.Minute)); len(early) != 0 {
		t.Errorf("before its end: %v", early)
	}
	d.judged(noon.Add(3*time.Hour), nil) // the newest entry
	if late := d.settles(noon); len(late) != 1 || late[0] != id {
		t.Errorf("after its end, by the ledger: %v", late)
	}
	if f, _ := d.Finding(id); f.Status != waxseal.StatusNew || f.Suppression != "" {
		t.Errorf("%s %s", f.Status, f.Suppression)
	}
}

// TestPast: which earlier changes a change undoes.
func TestPast(t *testing.T) {
	type change struct{ from, to, id, undoes string } // undoes: the findings, oldest first
	tests := []struct {
		name string
		list []change
	}{
		{"there and back", []change{{"A", "B", "F1", ""}, {"B", "A", "F2", "F1"}}},
		{"twice", []change{{"A", "B", "F1", ""}, {"B", "A", "F2", "F1"}, {"A", "B", "F3", ""}, {"B", "A", "F4", "F3"}}},
		{"over a third", []change{{"A", "B", "F1", ""}, {"B", "C", "F2", ""}, {"C", "A", "F3", "F1 F2"}}},
		{"only the last step", []change{{"A", "B", "F1", ""}, {"B", "C", "F2", ""}, {"C", "B", "F3", "F2"}}},
		{"never the same", []change{{"A", "B", "F1", ""}, {"B", "C", "F2", ""}}},
		{"over what nobody told", []change{{"A", "B", "F1", ""}, {"C", "D", "F2", ""}, {"D", "C", "F3", "F2"}}},
		{"added and removed", []change{{"", "B", "F1", ""}, {"B", "", "F2", "F1"}}},
		{"with a change of no effect between", []change{{"A", "B", "F1", ""}, {"B", "C", "", ""}, {"C", "A", "F3", "F1 "}}},
	}
	for _, tt := range tests {
		p := past{}
		for i, c := range tt.list {
			ch := waxseal.Change{Path: "/etc/x", BeforeDigest: waxseal.Digest(c.from), AfterDigest: waxseal.Digest(c.to)}
			undoes := p.add(ch, waxseal.FindingID(c.id), noon, waxseal.RungNone)
			var ids []string
			for _, s := range undoes {
				ids = append(ids, string(s.finding))
			}
			if got := strings.Join(ids, " "); got != c.undoes {
				t.Errorf("%s: change %d undoes %q, want %q", tt.name, i, got, c.undoes)
			}
		}
	}
}

// TestClockSetBack: a change that is found while the clock is behind the ledger is in no
// window.
func TestClockSetBack(t *testing.T) {
	for _, back := range []bool{false, true} {
		d := newDesk(t, "alice", "bob")
		p := d.step("alice", noon, permit.Step{Kind: permit.Open, Ask: &permit.Request{Ticket: "T", Reason: "r", NotBefore: noon, NotAfter: noon.Add(2 * time.Hour)}})
		d.step("bob", noon, permit.Step{Kind: permit.Approve, Permit: p.ID, Digest: p.Digest})
		at := noon.Add(90 * time.Minute)
		if back {
			d.judged(at.Add(time.Hour), nil)
		}
		w, err := d.without("mail", at)
		if err != nil {
			t.Fatal(err)
		}
		w.unseen.From = noon.Add(time.Minute)
		f, err := w.judge(waxseal.Change{Path: "/etc/x", Kind: waxseal.Modified, Severity: waxseal.High, AfterDigest: "cc"})
		if err != nil || (f.Rung == waxseal.RungWindow) == back || back && !strings.Contains(f.Expected, "clock") {
			t.Errorf("set back %t: %s, %s, %v", back, f.Rung, f.Expected, err)
		}
	}
}

// TestPastTheProgram: steps that somebody wrote past the program change nothing, and are
// told.
func TestPastTheProgram(t *testing.T) {
	d := newDesk(t, "alice", "bob")
	if err := d.TakeKey(permit.KeyStep{Revoke: d.key("bob")}, noon); err != nil {
		t.Fatal(err)
	}
	p := d.step("alice", noon, permit.Step{Kind: permit.Open, Ask: &permit.Request{Ticket: "T", Reason: "r", NotBefore: noon, NotAfter: noon.Add(time.Hour)}})
	approve := permit.Step{Kind: permit.Approve, Permit: p.ID, Digest: p.Digest, Key: d.key("bob")}
	approve.Signature = ed25519.Sign(d.private["bob"], approve.Message())
	unsigned := triage.Request{Scope: triage.Scope{Rule: "mail-copy"}, Reason: "r", Owner: "mallory", Until: noon.Add(time.Hour)}
	err := d.Append(func(tx *store.Tx) error {
		if _, err := tx.Permit(noon, approve); err != nil {
			return err
		}
		_, err := tx.Suppression(noon, triage.Step{Kind: triage.Add, Ask: &unsigned})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := d.unfit()
	if err != nil || len(problems) != 2 || !strings.Contains(problems[0].Message, "revoked") || !strings.Contains(problems[1].Message, "signed") {
		t.Errorf("%+v, %v", problems, err)
	}
	book, _, _ := d.Office(d.Rules)
	if got, _ := book.Permit(p.ID); got.Approved != nil {
		t.Errorf("%+v", got)
	}
	if tuning, _, _ := d.Tuning(d.Tuned); len(tuning.Suppressions()) != 0 {
		t.Errorf("%+v", tuning.Suppressions())
	}
}

// TestChain: which findings lead from what is sealed to what is there.
func TestChain(t *testing.T) {
	step := func(id, from, to string, s waxseal.Severity) waxseal.Finding {
		return waxseal.Finding{ID: waxseal.FindingID(id), Severity: s, Status: waxseal.StatusNew, Rung: waxseal.RungNone, Change: &waxseal.Change{
			Path: "/etc/x", Kind: waxseal.Modified, BeforeDigest: waxseal.Digest(from), AfterDigest: waxseal.Digest(to)}}
	}
	other := step("F3", "A", "C", waxseal.Info)
	other.Change.Path = "/etc/y"
	known := []waxseal.Finding{step("F1", "A", "B", waxseal.Critical), other, step("F4", "B", "C", waxseal.Info), step("F5", "X", "Z", waxseal.Info)}
	for _, tt := range []struct {
		name, from, to, teller, want string
		whole                        bool
		severity                     waxseal.Severity
	}{
		{"all steps", "A", "C", "F4", "F4 F1", true, waxseal.Critical},
		{"one step", "B", "C", "F4", "F4", true, waxseal.Info},
		{"a step that nobody tells", "A", "Z", "F5", "F5", false, waxseal.High},
	} {
		ch := waxseal.Change{Path: "/etc/x", Kind: waxseal.Modified, Severity: waxseal.High, BeforeDigest: waxseal.Digest(tt.from), AfterDigest: waxseal.Digest(tt.to)}
		var teller waxseal.Finding
		for _, f := range known {
			if string(f.ID) == tt.teller {
				teller = f
			}
		}
		steps, whole := chain(known, ch, teller)
		var ids []string
		for _, f := range steps {
			ids = append(ids, string(f.ID))
		}
		if got := strings.Join(ids, " "); got != tt.want || whole != tt.whole {
			t.Errorf("%s: %s, whole %t", tt.name, got, whole)
		}
		if e := explainedBy(ch, teller, known); e.Severity != tt.severity {
			t.Errorf("%s: counts as %s", tt.name, e.Severity)
		}
	}
}

// TestPair: what a permit explained is told again when it is taken back, with how long it
// was in force.
func TestPair(t *testing.T) {
	for _, tt := range []struct {
		name   string
		weight waxseal.Severity
		rung   waxseal.Rung
		want   waxseal.Severity
	}{
		{"dangerous, explained", waxseal.Critical, waxseal.RungPermit, waxseal.Medium},
		{"harmless, explained", waxseal.Info, waxseal.RungPermit, waxseal.Low},
		{"dangerous, loud by itself", waxseal.Critical, waxseal.RungNone, waxseal.Info},
	} {
		f := waxseal.Finding{Severity: waxseal.Info, Seen: noon.Add(4 * time.Minute)}
		pair(&f, []step{{finding: "F1", at: noon, weight: tt.weight, rung: tt.rung}})
		if f.Severity != tt.want || f.Pair == nil || f.Pair.Change != "F1" || f.Pair.Seconds != 240 || !strings.Contains(f.Reasons[0], "4 minutes") {
			t.Errorf("%s: %s, %+v, %q", tt.name, f.Severity, f.Pair, f.Reasons)
		}
	}
	f := waxseal.Finding{}
	if pair(&f, nil); f.Pair != nil {
		t.Errorf("of nothing: %+v", f.Pair)
	}
}

// stateWith is a tree with one configuration.
func stateWith(digest waxseal.Digest, hooks ...waxseal.Hook) waxseal.State {
	return waxseal.State{Host: "mail", Hooks: hooks, Files: []waxseal.FileState{{File: waxseal.File{Path: "/etc/postfix/main.cf", Type: waxseal.Regular, Mode: 0o644}, Role: waxseal.RoleConfig, Digest: digest}}}
}

// TestSealAlone: who made a dangerous change seals it by breaking the glass, and another
// person countersigns by promoting the same.
func TestSealAlone(t *testing.T) {
	d := newDesk(t, "alice", "bob")
	if _, err := d.Seal(stateWith("aa"), noon, SealAsk{}, waxseal.Actor{}); err != nil {
		t.Fatal(err)
	}
	hook := waxseal.Hook{ID: "h", Kind: waxseal.KindCopy, Active: true, Effects: []waxseal.Effect{waxseal.Copy}, Source: waxseal.Source{Path: "/etc/postfix/main.cf"}}
	now := stateWith("bb", hook)
	id := d.judged(noon, func(f *waxseal.Finding) {
		f.Change.BeforeDigest = "aa"
		f.Actor = &waxseal.Actor{Login: waxseal.Login{UID: 1000, Grade: waxseal.Proven}}
	})
	seal := func(by string, at time.Time, breakGlass bool) (Sealed, error) {
		_, index, err := d.LatestSeal()
		if err != nil {
			t.Fatal(err)
		}
		p := permit.Promotion{Seal: index, Reason: "r", BreakGlass: breakGlass, Key: d.key(by), Objects: []permit.Promoted{{Named: true, Finding: id, Path: "/etc/postfix/main.cf", After: "bb"}}}
		p.Signature = ed25519.Sign(d.private[by], p.Message())
		return d.Seal(now, at, SealAsk{Promotion: &p}, waxseal.Actor{})
	}
	if _, err := seal("alice", noon, false); err == nil || !strings.Contains(err.Error(), "another person") {
		t.Fatalf("alice sealed what she made: %v", err)
	}
	first, err := seal("alice", noon, true)
	if err != nil {
		t.Fatal(err)
	}
	if late := d.settles(noon.Add(25 * time.Hour)); len(late) != 1 {
		t.Errorf("not countersigned: %v", late)
	}
	second, err := seal("bob", noon.Add(26*time.Hour), false)
	if err != nil || second.Index != first.Index {
		t.Fatalf("countersigned: %+v, %v", second, err)
	}
	if f, _ := d.Finding(id); f.Status != waxseal.StatusResolved || f.Rung != waxseal.RungPromoted || !strings.Contains(f.Expected, "bob") {
		t.Errorf("%s, %s, %s", f.Status, f.Rung, f.Expected)
	}
	if late := d.settles(noon.Add(60 * time.Hour)); len(late) != 0 {
		t.Errorf("after it was countersigned: %v", late)
	}
	if _, err := seal("bob", noon.Add(61*time.Hour), false); err == nil {
		t.Error("promoted again what is sealed")
	}
	if c, err := d.Check(now, noon.Add(62*time.Hour)); err != nil || c.Verdict != waxseal.None || len(c.Problems) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
