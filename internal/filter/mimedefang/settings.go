package mimedefang

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// settings notes the variables that a file sets, and makes hooks of those that name
// programs or people (mimedefang-filter(5) "GLOBAL VARIABLES YOU CAN SET").
func (r *reader) settings(p waxseal.Path, text string) {
	env := &calls.Environment{Variables: map[string]calls.Value{}, Package: "main"}
	list, _ := env.Run(text)
	for _, a := range list {
		source := waxseal.Source{Path: p, Line: a.Line}
		name := a.Name + strings.Join(append([]string{""}, a.Keys...), ":")
		switch {
		case a.Name == "%Features" && len(a.Keys) == 1:
			r.feature(a, source)
		case a.Name == "$AdminAddress" && a.Value.Sort == calls.Scalar:
			r.administrator(a.Value.Text, source)
		case a.Name != strings.ToUpper(a.Name[:2])+a.Name[2:] || !a.Sure:
			continue // a variable of a routine
		}
		r.Setting(string(p), name, mta.Clip(a.Value.String()), source)
	}
}

// feature emits a hook for a program that is set as a virus scanner, or in place of
// sendmail: $Features{'Virus:CLAMSCAN'}, $Features{'Path:SENDMAIL'}.
func (r *reader) feature(a calls.Assignment, source waxseal.Source) {
	program := a.Value.Text
	if a.Value.Sort != calls.Scalar || !path.IsAbs(program) || strings.HasPrefix(a.Keys[0], "Path:") && !strings.HasSuffix(a.Keys[0], "SENDMAIL") {
		return
	}
	h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":Features:" + a.Keys[0]), Kind: waxseal.KindPipe, Stage: waxseal.StageData, Effects: executes, Scope: "all mail that is handed to MIMEDefang",
		RunsAs: r.start.user, Active: true, Source: source, Directive: "Features", Target: waxseal.Target{Type: waxseal.TargetCommand, Value: program}}
	h.Closure = r.CommandParts([]string{program})
	h.Explain = "MIMEDefang runs " + mta.Clip(program) + " on mail (" + a.Keys[0] + " in " + string(source.Path) + ")."
	r.Emit(h)
}

// administrator emits the hook for who gets notices about mail that is held.
func (r *reader) administrator(address string, source waxseal.Source) {
	h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":AdminAddress"), Kind: waxseal.KindRedirect, Stage: waxseal.StageData, Effects: diverts, Scope: "notices about mail in quarantine",
		Active: true, Source: source, Directive: "AdminAddress", Target: r.domains.Address(address)}
	h.Explain = "Notices about mail in quarantine go to " + mta.Clip(address) + mta.Where(h.Target) + " (AdminAddress in " + string(source.Path) + ")."
	r.Emit(h)
}
