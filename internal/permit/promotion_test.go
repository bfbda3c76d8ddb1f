package permit_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/permit"
)

// promotion is one of main.cf, signed by somebody, "" for nobody.
func (o *office) promotion(by string, change func(*permit.Promotion)) permit.Promotion {
	p := permit.Promotion{Seal: 3, Reason: "reviewed", Ticket: "T", Signed: noon, Objects: []permit.Promoted{{Named: true, Finding: "F7", Path: mainCF, After: good}}}
	if by != "" {
		p.Key = o.fingerprint(by)
		p.Signature = ed25519.Sign(o.private[by], p.Message())
	}
	if change != nil {
		change(&p)
	}
	return p
}

// TestPromote: whose word a promotion is, and whose is none.
func TestPromote(t *testing.T) {
	made := waxseal.Finding{ID: "F7", Actor: &waxseal.Actor{Login: waxseal.Login{UID: 1000, Grade: waxseal.Proven}}, Change: &waxseal.Change{Path: mainCF,
		Hooks: waxseal.HookChanges{Added: []waxseal.Hook{{Effects: []waxseal.Effect{waxseal.Copy}}}}}}
	tests := []struct {
		name   string
		by     string
		change func(*permit.Promotion)
		want   string
	}{
		{"another person", "bob", nil, ""},
		{"a person without a login", "carol", nil, ""},
		{"what is recorded beside is not signed", "bob", func(p *permit.Promotion) {
			p.Objects[0].Severity, p.Objects[0].Rung, p.Objects[0].Before = waxseal.High, "x", "y"
		}, ""},
		{"who made it", "alice", nil, "another person has to promote it"},
		{"a pipeline", "ci", nil, "can't approve"},
		{"nobody", "", nil, "has to be signed"},
		{"no reason", "bob", func(p *permit.Promotion) { p.Reason = " " }, "needs a reason"},
		{"another content than was signed", "bob", func(p *permit.Promotion) { p.Objects[0].After = other }, "not that of the key"},
		{"another file", "bob", func(p *permit.Promotion) { p.Objects[0].Path = "/etc/aliases" }, "not that of the key"},
		{"one more", "bob", func(p *permit.Promotion) { p.Objects = append(p.Objects, permit.Promoted{Named: true, Path: "/etc/x"}) }, "not that of the key"},
		{"of another seal", "bob", func(p *permit.Promotion) { p.Seal = 9 }, "not that of the key"},
		{"as an attestation", "bob", func(p *permit.Promotion) { p.Attest = true }, "not that of the key"},
		{"alone, which was not signed", "bob", func(p *permit.Promotion) { p.BreakGlass = true }, "not that of the key"},
		{"an unknown key", "bob", func(p *permit.Promotion) { p.Key = "SHA256:x" }, "not known"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t, permit.DefaultRules())
			p := o.promotion(tt.by, tt.change)
			err := o.Promote(&p, []waxseal.Finding{made})
			if tt.want == "" && (err != nil || p.Owner != tt.by || p.Alone) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, %+v; want %q", err, p, tt.want)
			}
		})
	}
}

// TestRevokedLater: what a key signed while it was in use stays; what it signs later is
// refused.
func TestRevokedLater(t *testing.T) {
	o := newOffice(t, permit.DefaultRules())
	p := o.promotion("bob", nil)
	if err := o.TakePromotion(p, permit.Moment{Index: 8, Time: noon}); err != nil {
		t.Error(err)
	}
	if err := o.RevokeKey(o.fingerprint("bob"), permit.Moment{Index: 9, Time: noon}); err != nil {
		t.Fatal(err)
	}
	if err := o.TakePromotion(p, permit.Moment{Index: 10, Time: noon}); !errors.Is(err, permit.ErrRevoked) {
		t.Errorf("after it was revoked: %v", err)
	}
}

// TestAwaits: a second person's promotion countersigns that of who made the change.
func TestAwaits(t *testing.T) {
	o := newOffice(t, permit.DefaultRules())
	p := o.promotion("alice", func(p *permit.Promotion) { p.BreakGlass = true })
	p.Signature = ed25519.Sign(o.private["alice"], p.Message())
	p.Alone = true
	take := func(p permit.Promotion, i waxseal.Index) {
		t.Helper()
		if err := o.TakePromotion(p, permit.Moment{Index: i, Time: noon}); err != nil {
			t.Fatal(err)
		}
	}
	late := func() int { return len(o.OverduePromotions(noon.Add(25 * time.Hour))) }
	take(p, 8)
	if !o.Awaits("F7") || late() != 1 || len(o.OverduePromotions(noon.Add(time.Hour))) != 0 {
		t.Errorf("alone: awaits %t, late %d", o.Awaits("F7"), late())
	}
	take(p, 9) // again by the same
	if !o.Awaits("F7") {
		t.Error("alice countersigned herself")
	}
	take(o.promotion("bob", nil), 10)
	if o.Awaits("F7") || late() != 0 {
		t.Errorf("countersigned: awaits %t, late %d", o.Awaits("F7"), late())
	}
}
