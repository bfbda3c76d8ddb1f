package exim

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// rewriting makes the hooks of the rewrite section (spec chapter 31).
func (in *instance) rewriting() {
	seen := map[string]bool{}
	for _, rule := range in.conf.Rewrites {
		place := "rewrite:" + clipKey(rule.Pattern)
		if seen[place] {
			place += ":again"
		}
		seen[place] = true
		s := spot{place: place, at: rule.Place, stage: waxseal.StageQueue, runsAs: in.user, where: "rewrite " + mta.Clip(rule.Pattern), scope: patternScope(rule)}
		in.rewrite(s, rule, "rewrite")
		in.set(place, rule.Replacement+" "+rule.Flags, rule.Place)
	}
}

// patternScope says whose addresses a rule meets.
func patternScope(rule eximconf.Rewrite) string {
	if rule.Pattern == "*" || rule.Pattern == "*@*" || strings.HasPrefix(rule.Pattern, "*@+") {
		return "all mail"
	}
	if recipients(rule.Flags) {
		return "recipient " + mta.Clip(rule.Pattern)
	}
	return "sender " + mta.Clip(rule.Pattern)
}

// recipients reports whether a rule changes who gets mail: the envelope
// recipients, which no flags at all are too.
func recipients(flags string) bool {
	return strings.ContainsAny(flags, "TE") || !strings.ContainsAny(flags, "EFTSfhstcbr")
}

// rewrite makes the hook of one rule. One that looks each address up in a table
// says nothing by itself: the table is a hook of its own, and its entries are.
func (in *instance) rewrite(s spot, rule eximconf.Rewrite, directive string) {
	e := in.scan(s, rule.Replacement)
	h := in.hook(s.place, s.at)
	h.Kind, h.Stage, h.Scope, h.Effects, h.Directive = waxseal.KindRewrite, s.stage, s.scope, modifies, directive
	s.mark(&h)
	which := "Addresses that match " + mta.Clip(rule.Pattern)
	toRecipients := directive == "rewrite" && recipients(rule.Flags)
	text, plain := e.Plain()
	if !plain {
		in.rewrittenByTable(s, e, directive)
		if onlyLookUp(e) {
			return
		}
		text = rule.Replacement
	}
	switch {
	case plain && strings.Contains(text, "@"):
		h.Target = in.domains.Address(text)
		if toRecipients {
			h.Kind, h.Effects = waxseal.KindRedirect, diverts
			h.Explain = "Mail for " + mta.Clip(rule.Pattern) + " goes to " + text + mta.Where(h.Target) + " instead (" + s.where + ")."
			break
		}
		h.Explain = which + " are replaced by " + text + mta.Where(h.Target) + " (" + s.where + ")."
	default:
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: text}
		if domain := domainOf(text); domain != "" && !in.domains.Own(domain) {
			h.Target = waxseal.Target{Type: waxseal.TargetAddress, Value: text, Remote: true}
		}
		h.Explain = which + " are replaced by " + mta.Clip(text) + mta.Where(h.Target) + " (" + s.where + ")."
		if toRecipients && h.Target.Remote {
			h.Kind, h.Effects = waxseal.KindRedirect, diverts
			h.Explain = "Mail for " + mta.Clip(rule.Pattern) + " goes to " + mta.Clip(text) + " outside this host's domains instead (" + s.where + ")."
		}
	}
	in.emit(h)
}

// domainOf is the plain domain at the end of a string, "" where it is none.
func domainOf(text string) string {
	domain := text[strings.LastIndexByte(text, '@')+1:]
	if !strings.Contains(text, "@") || strings.ContainsAny(domain, "${} \t") {
		return ""
	}
	return domain
}

// onlyLookUp reports whether a string is nothing but a lookup.
func onlyLookUp(e expand.Expansion) bool {
	return len(e.Parts) == 1 && e.Parts[0].Kind == expand.Item && e.Parts[0].Name == "lookup"
}

// rewrittenByTable makes a hook of each entry of the tables that a rule asks.
func (in *instance) rewrittenByTable(s spot, e expand.Expansion, directive string) {
	e.Walk(func(p expand.Part) {
		if p.Kind != expand.Item || p.Name != "lookup" || !p.Keyed || len(p.Args) < 2 {
			return
		}
		file, o := in.work(p.Args[1])
		if o != expand.Known {
			return
		}
		t := in.table(p.Option, file)
		for _, row := range t.entries {
			h := in.hook(s.place+":"+clipKey(row.Key), eximconf.Place{Path: t.path, Line: row.Line})
			h.Kind, h.Stage, h.Effects, h.Directive, h.Scope = waxseal.KindRewrite, s.stage, modifies, directive, "sender "+mta.Clip(row.Key)
			h.Target = in.domains.Address(strings.TrimSpace(row.Value))
			h.Explain = "Mail of " + mta.Clip(row.Key) + " is sent as " + mta.Clip(row.Value) + mta.Where(h.Target) + " (" + s.where + ")."
			s.mark(&h)
			in.emit(h)
		}
	})
}
