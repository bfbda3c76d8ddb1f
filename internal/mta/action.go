package mta

import (
	"maps"
	"slices"
	"strings"

	"waxseal"
)

// Action is what the result of a lookup in an access(5) or header_checks(5) table
// does to mail, or the answer of a policy service, which may be any of the former
// (SMTPD_POLICY_README).
type Action struct {
	Verb string // "REDIRECT"
	Rest string // what stands behind it
	// Bearing says whether it does more than let pass, refuse or log; what follows
	// is set only then.
	Bearing Bearing
	Kind    waxseal.HookKind
	Effects []waxseal.Effect
	Does    string // for a sentence: "is redirected to"
	Target  waxseal.TargetType
}

// Bearing is what an action has to do with mail.
type Bearing int

// An action acts, only decides whether mail is taken, or is the name of something
// else: a restriction, or a list of them.
const (
	Restricts Bearing = iota
	Decides
	Acts
)

// ParseAction reads an action: a word, and what it is about.
func ParseAction(text string) Action {
	word, rest := strings.TrimSpace(text), ""
	if i := strings.IndexAny(word, " \t"); i >= 0 {
		word, rest = word[:i], strings.TrimSpace(word[i:])
	}
	verb := strings.ToUpper(word)
	a, acts := actions[verb]
	switch {
	case acts:
		a.Bearing = Acts
	case decides[verb] || isReply(word):
		a.Bearing = Decides
	}
	a.Verb, a.Rest = verb, rest
	return a
}

// Actions are those that do more than let pass, refuse or log, by name.
func Actions() []Action {
	var list []Action
	for _, verb := range slices.Sorted(maps.Keys(actions)) {
		list = append(list, ParseAction(verb))
	}
	return list
}

// isReply reports whether a word is the code of an SMTP reply: "554", "4.7.1".
func isReply(word string) bool {
	return len(word) >= 3 && (word[0] == '4' || word[0] == '5') && strings.Trim(word, "0123456789.") == ""
}

var (
	actsOn = []waxseal.Effect{waxseal.Modify}
	drops  = []waxseal.Effect{waxseal.Drop}
)

// actions are those that do more than let pass, refuse or log (access(5),
// header_checks(5)).
var actions = map[string]Action{
	"REDIRECT": {Kind: waxseal.KindRedirect, Effects: []waxseal.Effect{waxseal.Divert}, Does: "is redirected to", Target: waxseal.TargetAddress},
	"BCC":      {Kind: waxseal.KindCopy, Effects: []waxseal.Effect{waxseal.Copy}, Does: "is copied to", Target: waxseal.TargetAddress},
	"FILTER":   {Kind: waxseal.KindContentFilter, Effects: []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Modify, waxseal.Drop}, Does: "is filtered:", Target: waxseal.TargetService},
	"DISCARD":  {Kind: waxseal.KindDiscard, Effects: drops, Does: "is thrown away, as if it had been delivered", Target: waxseal.TargetText},
	"HOLD":     {Kind: waxseal.KindDiscard, Effects: []waxseal.Effect{waxseal.Observe, waxseal.Drop}, Does: "is put on hold", Target: waxseal.TargetText},
	"PREPEND":  {Kind: waxseal.KindRewrite, Effects: actsOn, Does: "gets a header:", Target: waxseal.TargetText},
	"REPLACE":  {Kind: waxseal.KindRewrite, Effects: actsOn, Does: "has the line replaced by", Target: waxseal.TargetText},
	"STRIP":    {Kind: waxseal.KindRewrite, Effects: actsOn, Does: "loses the line", Target: waxseal.TargetText},
	"IGNORE":   {Kind: waxseal.KindRewrite, Effects: actsOn, Does: "loses the line, which is not logged", Target: waxseal.TargetText},
	"PASS":     {Kind: waxseal.KindRewrite, Effects: actsOn, Does: "meets no further checks", Target: waxseal.TargetText},
}

// decides are words that only say whether mail is taken.
var decides = map[string]bool{
	"REJECT": true, "OK": true, "DUNNO": true, "WARN": true, "INFO": true, "DEFER": true, "RELAY": true,
	"DEFER_IF_PERMIT": true, "DEFER_IF_REJECT": true, "HANGUP": true, "DELAY": true,
}
