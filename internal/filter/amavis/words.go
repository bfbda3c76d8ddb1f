package amavis

import (
	"regexp"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

var (
	copies   = []waxseal.Effect{waxseal.Copy}
	diverts  = []waxseal.Effect{waxseal.Divert}
	relays   = []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	drops    = []waxseal.Effect{waxseal.Drop}
	executes = []waxseal.Effect{waxseal.Execute}
	observes = []waxseal.Effect{waxseal.Observe}
	modifies = []waxseal.Effect{waxseal.Modify}
)

// words are methods by which custom hooks change who gets a message and whether
// (amavisd-custom.conf, Amavis::In::Message).
var words = calls.Words{
	"->recips":              {Kind: waxseal.KindRedirect, Effects: diverts, Target: waxseal.TargetAddress},
	"->recip_addr":          {Kind: waxseal.KindRedirect, Effects: diverts, Target: waxseal.TargetAddress},
	"->recip_addr_modified": {Kind: waxseal.KindRedirect, Effects: diverts, Target: waxseal.TargetAddress},
	"->recip_final_addr":    {Kind: waxseal.KindRedirect, Effects: diverts, Target: waxseal.TargetAddress},
	"->recip_destiny":       {Kind: waxseal.KindDiscard, Effects: drops, Target: waxseal.TargetText},
	"->delivery_method":     {Kind: waxseal.KindTransport, Effects: relays, Target: waxseal.TargetHost},
	"mail_dispatch":         {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
	"run_command":           {Kind: waxseal.KindExpansionExec, Effects: executes, Target: waxseal.TargetCommand},
	"run_command_consumer":  {Kind: waxseal.KindExpansionExec, Effects: executes, Target: waxseal.TargetCommand},
	"->header_edits":        {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"do_quarantine":         {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
}

// customPackage matches code that amavis calls at each step of a message's way
// (amavisd-custom.conf).
var customPackage = regexp.MustCompile(`(?m)^\s*package\s+Amavis::Custom\b|\*?Amavis::Custom::\w+\s*=`)

// code takes down that a file is a program, and the calls in it.
func (r *reader) code(p waxseal.Path, text, rest string) {
	r.Code(mta.Code{Path: p, Text: text, Language: calls.Perl, Words: words, Domains: r.domains, Directive: "amavisd.conf", Stage: waxseal.StageData, Scope: everything, RunsAs: r.user,
		LoadedBy: []string{"amavisd"}, Runs: "amavisd runs it as Perl when it starts", Counts: func(string) string { return rest }, Role: role(text)})
	at := customPackage.FindStringIndex(calls.Code(calls.Perl, rest))
	if at == nil {
		return
	}
	h := r.hook("Amavis::Custom", "", waxseal.Source{Path: p, Line: 1})
	h.Kind, h.Effects, h.RunsAs = waxseal.KindModule, executes, r.user
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "package Amavis::Custom in " + string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: role(text)}}
	h.Explain = "amavis calls code in " + string(p) + " at each step of every message (package Amavis::Custom): it sees all mail, and may change, copy or drop it."
	r.Emit(h)
}

// passwords matches what is set with a password: such a file is kept by digest only.
var passwords = regexp.MustCompile(`(?m)^[^#\n]*(?:amavis_auth_pass|_sql_dsn|_redis_dsn|bind_password)\b`)

func role(text string) waxseal.Role {
	if passwords.MatchString(text) {
		return waxseal.RoleSecret
	}
	return waxseal.RoleConfig
}

// hook begins a hook of a variable; bank is the policy bank that it is set in.
func (r *reader) hook(variable, bank string, source waxseal.Source) waxseal.Hook {
	id := string(MTA) + ":" + variable
	if bank != "" {
		id = string(MTA) + ":policy_bank:" + bank + ":" + variable
	}
	return waxseal.Hook{ID: waxseal.HookID(id), Stage: waxseal.StageData, Scope: everything, Active: true, Source: source, Directive: variable, LoadedBy: []string{"amavisd"}}
}
