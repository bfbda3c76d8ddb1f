package permit_test

import (
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/permit"
)

// other is another content than the good one.
const other = waxseal.Digest("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")

// announce is a request of the pipeline for one content of main.cf.
func announce(d waxseal.Digest, change func(*permit.Request)) permit.Step {
	r := ask(func(r *permit.Request) {
		r.Expect, r.Source = map[waxseal.Path]waxseal.Digest{mainCF: d}, &permit.Source{Name: "mail-config"}
	})
	if change != nil {
		change(r)
	}
	return permit.Step{Kind: permit.Open, Ask: r}
}

// standing is a permit of alice's for what the pipeline announces below /etc/postfix.
func (o *office) standing(approver string, change func(*permit.Request)) permit.ID {
	o.Helper()
	id := o.must("alice", 0, permit.Step{Kind: permit.Open, Ask: ask(func(r *permit.Request) {
		r.NotAfter, r.Scope.Paths, r.Announcers = noon.Add(24*time.Hour), []waxseal.Path{"/etc/postfix/"}, []string{o.fingerprint("ci")}
		if change != nil {
			change(r)
		}
	})})
	o.must(approver, 0, permit.Step{Kind: permit.Approve, Permit: id})
	return id
}

// TestSuperseded: what the same source announces later takes the place of what it
// announced before; what others announce does not.
func TestSuperseded(t *testing.T) {
	o := newOffice(t, permit.DefaultRules())
	first := o.must("ci", 0, announce(good, nil))
	o.must("bob", 0, permit.Step{Kind: permit.Approve, Permit: first})
	if v := o.Judge(o.made(nil)); v.Rung != waxseal.RungContentAnnounced {
		t.Errorf("before: %+v", v)
	}
	o.must("alice", 0, announce(other, nil)) // by another key
	if p, _ := o.Permit(first); p.Superseded != "" {
		t.Errorf("another key took its place: %+v", p)
	}
	second := o.must("ci", 0, announce(other, nil))
	if p, _ := o.Permit(first); p.Superseded != second || p.State(noon) != permit.Superseded {
		t.Errorf("%+v", p)
	}
	if v := o.Judge(o.made(nil)); v.Rung != waxseal.RungNone || !v.Alert {
		t.Errorf("the content of before: %+v", v)
	}
	o.must("bob", 0, permit.Step{Kind: permit.Approve, Permit: second})
	if v := o.Judge(o.made(func(c *permit.Case) { c.Content = other })); v.Rung != waxseal.RungContentAnnounced {
		t.Errorf("the content of now: %+v", v)
	}
}

// TestInAdvance: what the pipeline announces within a standing permit is approved; a
// dangerous effect is not silenced by content that nobody has read.
func TestInAdvance(t *testing.T) {
	rules := permit.DefaultRules()
	rules.InAdvance = true
	for _, harmless := range []bool{true, false} {
		o := newOffice(t, rules)
		under := o.standing("bob", nil)
		o.must("ci", 0, announce(good, func(r *permit.Request) { r.Under = under }))
		c := o.made(func(c *permit.Case) {
			if harmless {
				c.Change.Hooks.Added[0].Effects = []waxseal.Effect{waxseal.Modify}
			}
		})
		want := waxseal.RungWindow
		if harmless {
			want = waxseal.RungContentAnnounced
		}
		if v := o.Judge(c); v.Rung != want || !strings.Contains(v.Why, "in advance by bob") {
			t.Errorf("harmless %t: %+v", harmless, v)
		}
		if v := o.Judge(o.made(func(c *permit.Case) { c.Content = other })); v.Rung != waxseal.RungNone || !v.Alert {
			t.Errorf("another content: %+v", v)
		}
		o.must("alice", 0, permit.Step{Kind: permit.Revoke, Permit: under})
		if v := o.Judge(o.made(nil)); v.Rung != waxseal.RungNone {
			t.Errorf("the standing permit was revoked: %+v", v)
		}
	}
}

// TestStandingExplainsNothing: a permit for announcers is none for changes.
func TestStandingExplainsNothing(t *testing.T) {
	rules := permit.DefaultRules()
	rules.InAdvance = true
	o := newOffice(t, rules)
	o.standing("bob", nil)
	if v := o.Judge(o.made(nil)); v.Rung != waxseal.RungNone || v.Why != permit.NoPermit {
		t.Errorf("%+v", v)
	}
}

// TestNotInAdvance: announcements that are refused.
func TestNotInAdvance(t *testing.T) {
	tests := []struct {
		name     string
		rules    func(*permit.Rules)
		approver string // of the standing permit
		by       string
		ask      func(*permit.Request)
		want     string
	}{
		{"not allowed here", func(r *permit.Rules) { r.InAdvance = false }, "bob", "ci", nil, "want every announcement approved"},
		{"approved by one alone", nil, "alice", "ci", nil, "alone"},
		{"another key", nil, "bob", "carol", nil, "not for the key"},
		{"another path", nil, "bob", "ci", func(r *permit.Request) { r.Expect["/etc/aliases"] = good }, "/etc/aliases is outside"},
		{"more than contents", nil, "bob", "ci", func(r *permit.Request) { r.Scope.Paths = []waxseal.Path{"/etc/postfix/"} }, "announced contents alone"},
		{"a longer window", nil, "bob", "ci", func(r *permit.Request) { r.NotAfter = noon.Add(48 * time.Hour) }, "outside of its own"},
		{"no permit", nil, "bob", "ci", func(r *permit.Request) { r.Under = "P99" }, "there is none"},
		{"an announcer of announcers", nil, "bob", "ci", func(r *permit.Request) {
			r.Announcers, r.Scope.Paths, r.Expect = []string{"x"}, []waxseal.Path{"/etc/"}, nil
		}, "announce"},
		{"no digest", nil, "bob", "ci", func(r *permit.Request) { r.Expect[mainCF] = "aa" }, "no SHA-256"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := permit.DefaultRules()
			rules.InAdvance = true
			if tt.rules != nil {
				tt.rules(&rules)
			}
			o := newOffice(t, rules)
			under := o.standing(tt.approver, nil)
			_, err := o.does(tt.by, 0, announce(good, func(r *permit.Request) {
				r.Under = under
				if tt.ask != nil {
					tt.ask(r)
				}
			}))
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(o.Permits()) != 1 {
				t.Errorf("%v, want %q; %d permits", err, tt.want, len(o.Permits()))
			}
		})
	}
}
