package milters

import (
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mta"
)

// odkim is what the functions of OpenDKIM do to mail (opendkim-lua(3)); those that
// only tell or sign are not among them. Its scripts have all libraries of Lua, so that
// they may run commands and write files as well.
var odkim = calls.Words{
	"odkim.add_rcpt":   {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
	"odkim.del_rcpt":   {Kind: waxseal.KindDiscard, Effects: drops, Target: waxseal.TargetText},
	"odkim.quarantine": {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"odkim.add_header": {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"odkim.del_header": {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
}

// results is the function by which a script says what becomes of a message.
var results = calls.Words{"odkim.set_result": {Kind: waxseal.KindDiscard, Effects: drops, Target: waxseal.TargetText}}

// script is a file of Lua that OpenDKIM runs for each message, or for each lookup.
func (d *dkim) script(e milterconf.Entry) {
	p := within(d.Value("BaseDirectory"), e.Value)
	text, ok := d.Read(p, "a Lua script of OpenDKIM")
	if !ok {
		if !d.Exists(p) {
			d.Problem(e.Source.Path, e.Source.Line, "there is no script "+string(p)+", and OpenDKIM does not start without it")
			d.absent(e, p)
		}
		return
	}
	d.Code(mta.Code{Path: p, Text: text, Language: calls.Lua, Words: odkim, Domains: d.domains, Directive: e.Name, Stage: waxseal.StageData,
		Scope: "all mail that is handed to OpenDKIM", RunsAs: d.user, Runs: "OpenDKIM runs it for each message (" + e.Name + ")"})
	for _, c := range calls.Find(calls.Lua, text, results) {
		if c.Name == "odkim.set_result" && strings.Contains(c.Text, "SMFIS_DISCARD") {
			h := d.hook(milterconf.Entry{Name: e.Name, Source: waxseal.Source{Path: p, Line: c.Line}})
			h.ID = waxseal.HookID(string(d.stack) + ":" + string(p) + ":call:" + c.Name)
			h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleConfig}}
			mta.Modify(&h, "seen", "inferred")
			d.discard(h, c.Text, "A message that the script picks", "")
		}
	}
}

// absent is a script that is named and not there: code comes in as soon as it is.
func (d *dkim) absent(e milterconf.Entry, p waxseal.Path) {
	h := d.hook(e)
	h.Kind, h.Effects = waxseal.KindScript, executes
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleConfig}}
	h.Explain = "OpenDKIM is to run the Lua code in " + mta.Clip(string(p)) + " for each message, and there is none" + where(h)
	d.emit(h)
}
