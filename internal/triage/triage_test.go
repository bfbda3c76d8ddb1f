package triage_test

import (
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/triage"
)

// TestStands: every action from every stand.
func TestStands(t *testing.T) {
	stands := map[string]triage.Stand{
		"new": {Status: waxseal.StatusNew}, "in progress": {Status: waxseal.StatusInProgress, Assignee: "bob"},
		"resolved": {Status: waxseal.StatusResolved, Verdict: waxseal.VerdictTest}, "suppressed": {Status: waxseal.StatusSuppressed, Suppression: "S1"},
	}
	tests := []struct {
		name string
		d    waxseal.Triage
		want map[string]string // by stand; "" where it is refused
	}{
		{"acknowledge", waxseal.Triage{Action: waxseal.TriageAcknowledge},
			map[string]string{"new": "in progress", "in progress": "in progress"}},
		{"close", waxseal.Triage{Action: waxseal.TriageClose, Verdict: waxseal.VerdictTruePositive},
			map[string]string{"new": "resolved", "in progress": "resolved", "suppressed": "resolved"}},
		{"close without verdict", waxseal.Triage{Action: waxseal.TriageClose}, nil},
		{"reopen", waxseal.Triage{Action: waxseal.TriageReopen},
			map[string]string{"in progress": "new", "resolved": "new", "suppressed": "new"}},
		{"assign", waxseal.Triage{Action: waxseal.TriageAssign, Assignee: "carol"},
			map[string]string{"new": "new", "in progress": "in progress", "resolved": "resolved", "suppressed": "suppressed"}},
		{"promote", waxseal.Triage{Action: waxseal.TriagePromote},
			map[string]string{"new": "resolved", "in progress": "resolved", "resolved": "resolved", "suppressed": "resolved"}},
		{"suppress", waxseal.Triage{Action: waxseal.TriageSuppress, Suppression: "S2"},
			map[string]string{"new": "suppressed", "in progress": "suppressed"}},
		{"suppress by nothing", waxseal.Triage{Action: waxseal.TriageSuppress}, nil},
		{"delete", waxseal.Triage{Action: "delete"}, nil},
	}
	for _, tt := range tests {
		for name, was := range stands {
			now, err := was.After(tt.d)
			if want := tt.want[name]; want == "" && (err == nil || now != was) || want != "" && (err != nil || string(now.Status) != want) {
				t.Errorf("%s of what is %s: %+v, %v; want %q", tt.name, name, now, err, want)
			}
			if err == nil && (now.Status == waxseal.StatusResolved) != (now.Verdict != "") {
				t.Errorf("%s of what is %s: status %s, verdict %q", tt.name, name, now.Status, now.Verdict)
			}
			if err == nil && now.Status != waxseal.StatusSuppressed && now.Suppression != "" {
				t.Errorf("%s of what is %s: it is %s, and suppressed by %s", tt.name, name, now.Status, now.Suppression)
			}
		}
	}
}

const (
	mainCF  = waxseal.Path("/etc/postfix/main.cf")
	content = waxseal.Digest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
)

var (
	noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	bcc  = waxseal.Hook{ID: "postfix:main.cf:always_bcc", Directive: "always_bcc", Target: waxseal.Target{Value: "box@example.net"},
		Effects: []waxseal.Effect{waxseal.Copy}, Source: waxseal.Source{Path: mainCF}}
	limit = waxseal.SettingChange{Name: "message_size_limit", After: "1"}
)

func finding(change func(*waxseal.Finding)) waxseal.Finding {
	f := waxseal.Finding{Rule: "mail-copy", Severity: waxseal.High, Change: &waxseal.Change{Path: mainCF, Kind: waxseal.Modified, Severity: waxseal.High, AfterDigest: content,
		Hooks: waxseal.HookChanges{Added: []waxseal.Hook{bcc}}}}
	if change != nil {
		change(&f)
	}
	return f
}

// TestFits: a harmless change is hidden by its place, a dangerous one only by what it
// is.
func TestFits(t *testing.T) {
	harmless := finding(func(f *waxseal.Finding) {
		f.Rule, f.Severity, f.Change.Severity = "mail-setting", waxseal.Info, waxseal.Info
		f.Change.Hooks.Added, f.Change.Settings = nil, []waxseal.SettingChange{limit}
	})
	tests := []struct {
		name string
		s    triage.Scope
		f    waxseal.Finding
		want bool
		why  string
	}{
		{"harmless, by path", triage.Scope{Path: mainCF}, harmless, true, ""},
		{"harmless, by directory", triage.Scope{Path: "/etc/postfix/"}, harmless, true, ""},
		{"a directory is no prefix of a name", triage.Scope{Path: "/etc/postfix"}, harmless, false, ""},
		{"harmless, by rule", triage.Scope{Rule: "mail-setting"}, harmless, true, ""},
		{"harmless, by parameter", triage.Scope{Parameter: "message_size_limit"}, harmless, true, ""},
		{"harmless, by another parameter", triage.Scope{Parameter: "mynetworks"}, harmless, false, ""},
		{"another rule", triage.Scope{Rule: "mail-copy", Path: mainCF}, harmless, false, ""},
		{"dangerous, by path", triage.Scope{Path: mainCF}, finding(nil), false, "bound to no content"},
		{"dangerous, by rule", triage.Scope{Rule: "mail-copy"}, finding(nil), false, "bound to no content"},
		{"dangerous, by hook", triage.Scope{Hook: bcc.ID}, finding(nil), false, "bound to no content"},
		{"dangerous, by parameter", triage.Scope{Parameter: "always_bcc"}, finding(nil), false, "bound to no content"},
		{"dangerous, by value", triage.Scope{Parameter: "always_bcc", Value: "box@example.net"}, finding(nil), true, ""},
		{"dangerous, by another value", triage.Scope{Parameter: "always_bcc", Value: "drop@evil.example"}, finding(nil), false, ""},
		{"dangerous, by content", triage.Scope{Digest: content}, finding(nil), true, ""},
		{"dangerous though lowered by a permit", triage.Scope{Path: mainCF}, finding(func(f *waxseal.Finding) { f.Severity = waxseal.Low }), false, "bound to no content"},
		{"severe without a hook", triage.Scope{Path: mainCF}, finding(func(f *waxseal.Finding) { f.Change.Hooks.Added = nil }), false, "bound to no content"},
		{"one more hook", triage.Scope{Parameter: "always_bcc", Value: "box@example.net"}, finding(func(f *waxseal.Finding) {
			f.Change.Hooks.Added = append(f.Change.Hooks.Added, waxseal.Hook{Directive: "smtpd_milters"})
		}), false, ""},
		{"one more setting", triage.Scope{Parameter: "always_bcc", Value: "box@example.net"}, finding(func(f *waxseal.Finding) { f.Change.Settings = []waxseal.SettingChange{limit} }), false, ""},
		{"mode changed with the content", triage.Scope{Digest: content}, finding(func(f *waxseal.Finding) { f.Change.Attributes = []string{"mode 0644 to 0666"} }), false, "owner, mode"},
		{"mode of the same content", triage.Scope{Digest: content}, finding(func(f *waxseal.Finding) {
			f.Change.Kind, f.Change.Hooks.Added = waxseal.Metadata, nil
		}), false, "owner, mode"},
		{"the script behind the same command", triage.Scope{Hook: bcc.ID, Value: "box@example.net"}, finding(func(f *waxseal.Finding) { f.Change.Path = "/usr/local/bin/x" }), false, "depends on"},
		{"many at once, by path", triage.Scope{Path: mainCF}, waxseal.Finding{Severity: waxseal.Low}, false, ""},
		{"many at once, by rule", triage.Scope{Rule: "mailbox-rules"}, waxseal.Finding{Rule: "mailbox-rules", Severity: waxseal.Low}, true, ""},
		{"one deed, by rule", triage.Scope{Rule: "mailbox-rules-of-many"}, waxseal.Finding{Rule: "mailbox-rules-of-many", Severity: waxseal.High}, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, why := tt.s.Fits(tt.f)
			if got != tt.want || (tt.why == "") != (why == "") || !strings.Contains(why, tt.why) {
				t.Errorf("%t, %q", got, why)
			}
		})
	}
}

func ask(change func(*triage.Request)) triage.Step {
	r := triage.Request{Scope: triage.Scope{Digest: content}, Reason: "archive", Owner: "bob", Until: noon.Add(24 * time.Hour)}
	if change != nil {
		change(&r)
	}
	return triage.Step{Kind: triage.Add, Ask: &r}
}

// TestBook: a suppression hides for its time, and says when it no longer does.
func TestBook(t *testing.T) {
	b := triage.NewBook(triage.DefaultRules())
	id, err := b.Take(ask(nil), triage.Signer{}, 7, noon)
	if err != nil || id != "S7" {
		t.Fatal(id, err)
	}
	day := noon.Add(25 * time.Hour)
	if got, _ := b.Match(finding(nil), noon.Add(time.Hour)); got != "S7" {
		t.Errorf("while it is active: %q", got)
	}
	if got, _ := b.Match(finding(nil), day); got != "" || len(b.Ended(day)) != 1 || len(b.Ended(noon)) != 0 {
		t.Errorf("when it has expired: %q, ended %v", got, b.Ended(day))
	}
	if _, err := b.Take(triage.Step{Kind: triage.Revoke, Suppression: "S7"}, triage.Signer{}, 8, noon); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.Match(finding(nil), noon.Add(time.Hour)); got != "" || len(b.Ended(noon)) != 1 {
		t.Errorf("when it is revoked: %q", got)
	}
	if _, err := b.Take(triage.Step{Kind: triage.Revoke, Suppression: "S7"}, triage.Signer{}, 9, noon); err == nil {
		t.Error("revoked twice")
	}
}

// TestRefused: what must not be added.
func TestRefused(t *testing.T) {
	tests := []struct {
		name string
		ask  func(*triage.Request)
		want string
	}{
		{"everything", func(r *triage.Request) { r.Scope = triage.Scope{} }, "scope"},
		{"all files", func(r *triage.Request) { r.Scope = triage.Scope{Path: "/"} }, "all files"},
		{"a relative path", func(r *triage.Request) { r.Scope = triage.Scope{Path: "etc/"} }, "not absolute"},
		{"a value of nothing", func(r *triage.Request) { r.Scope = triage.Scope{Value: "x"} }, "name it"},
		{"no digest", func(r *triage.Request) { r.Scope = triage.Scope{Digest: "aa"} }, "no SHA-256"},
		{"no reason", func(r *triage.Request) { r.Reason = " " }, "reason"},
		{"no owner", func(r *triage.Request) { r.Owner = "" }, "owner"},
		{"no end", func(r *triage.Request) { r.Until = time.Time{} }, "ends before"},
		{"for ever", func(r *triage.Request) { r.Until = noon.AddDate(1, 0, 0) }, "longer than 90 days"},
	}
	for _, tt := range tests {
		b := triage.NewBook(triage.DefaultRules())
		if _, err := b.Take(ask(tt.ask), triage.Signer{}, 1, noon); err == nil || !strings.Contains(err.Error(), tt.want) || len(b.Suppressions()) != 0 {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
