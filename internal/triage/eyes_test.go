package triage_test

import (
	"errors"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/triage"
)

var (
	alice = triage.Signer{Key: "A", Name: "alice", Login: 1000}
	bob   = triage.Signer{Key: "B", Name: "bob", Login: 1001}
	dave  = triage.Signer{Key: "D", Name: "dave", Login: 1004, MadeKnownBy: waxseal.Login{UID: 1002, Grade: waxseal.Proven}}
)

// TestTwoPersons: where people have keys a dangerous change is hidden only by the word of
// two of them, neither of whom made it.
func TestTwoPersons(t *testing.T) {
	made := func(uid uint32) waxseal.Finding {
		return finding(func(f *waxseal.Finding) {
			f.Actor = &waxseal.Actor{Login: waxseal.Login{UID: uid, Grade: waxseal.Proven}}
		})
	}
	harmless := finding(func(f *waxseal.Finding) {
		f.Severity, f.Change.Severity, f.Change.Hooks.Added = waxseal.Info, waxseal.Info, nil
	})
	for _, tc := range []struct {
		name     string
		key      string // of who added it
		fourEyes bool
		approver *triage.Signer
		f        waxseal.Finding
		want     bool
	}{
		{"nobody has a key", "", false, nil, made(1002), true},
		{"nobody has a key, and two are wanted", "", true, nil, made(1002), false},
		{"by one", "A", false, nil, made(1002), false},
		{"by one, harmless", "A", false, nil, harmless, true},
		{"by one, harmless, and two are always wanted", "A", true, nil, harmless, false},
		{"by two", "A", false, &bob, made(1002), true},
		{"by two, of whom one is of the maker's making", "A", false, &dave, made(1002), false},
		{"by two, one of whom made it", "A", false, &bob, made(1000), false},
		{"by two, the other made it", "A", false, &bob, made(1001), false},
	} {
		b := triage.NewBook(triage.Rules{Longest: 90 * 24 * time.Hour, FourEyes: tc.fourEyes})
		add := ask(nil)
		add.Key = tc.key
		who := alice
		if tc.key == "" {
			who = triage.Signer{Login: waxseal.Unset}
		}
		id, err := b.Take(add, who, 7, noon)
		if err != nil {
			t.Fatal(err)
		}
		if tc.approver != nil {
			s, _ := b.Suppression(id)
			if _, err := b.Take(triage.Step{Kind: triage.Approve, Suppression: id, Digest: s.Digest, Key: tc.approver.Key}, *tc.approver, 8, noon); err != nil {
				t.Fatal(err)
			}
		}
		got, almost := b.Match(tc.f, noon.Add(time.Minute))
		if (got == id) != tc.want || (almost == "") != tc.want || b.Hides(id, tc.f, noon.Add(time.Minute)) != tc.want {
			t.Errorf("%s: %q, %q", tc.name, got, almost)
		}
	}
}

// TestApprovals: which approvals are refused.
func TestApprovals(t *testing.T) {
	for name, tc := range map[string]struct {
		who    triage.Signer
		digest string // "" for the right one
		after  time.Duration
		want   error // nil: another
	}{
		"by who added it":              {alice, "", 0, triage.ErrSame},
		"by another key of the same":   {triage.Signer{Key: "C", Name: "alice", Login: 7}, "", 0, triage.ErrSame},
		"by another key of that login": {triage.Signer{Key: "C", Name: "al", Login: 1000}, "", 0, triage.ErrSame},
		"of another suppression":       {bob, "SHA256:x", 0, triage.ErrOther},
		"unsigned":                     {triage.Signer{Login: waxseal.Unset}, "", 0, nil},
		"after its end":                {bob, "", 48 * time.Hour, nil},
	} {
		b := triage.NewBook(triage.DefaultRules())
		add := ask(nil)
		add.Key = "A"
		id, err := b.Take(add, alice, 7, noon)
		if err != nil {
			t.Fatal(err)
		}
		s, _ := b.Suppression(id)
		step := triage.Step{Kind: triage.Approve, Suppression: id, Digest: s.Digest, Key: tc.who.Key}
		if tc.digest != "" {
			step.Digest = tc.digest
		}
		_, err = b.Take(step, tc.who, 8, noon.Add(tc.after))
		if s, _ := b.Suppression(id); err == nil || tc.want != nil && !errors.Is(err, tc.want) || s.Approver != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
