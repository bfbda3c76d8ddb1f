package mimedefang

import (
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

var (
	copies   = []waxseal.Effect{waxseal.Copy}
	diverts  = []waxseal.Effect{waxseal.Divert}
	drops    = []waxseal.Effect{waxseal.Drop}
	modifies = []waxseal.Effect{waxseal.Modify}
	executes = []waxseal.Effect{waxseal.Execute}
	observes = []waxseal.Effect{waxseal.Observe}
)

// words are the functions that MIMEDefang offers its filter and that copy, divert,
// drop, rewrite or execute (mimedefang-filter(5), Mail::MIMEDefang::Actions(3),
// Mail::MIMEDefang::Mail(3)). What only tells the sender, tags a message or keeps it in
// quarantine on this host is none.
var words = calls.Words{
	"add_recipient":                  {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
	"delete_recipient":               {Kind: waxseal.KindRedirect, Effects: []waxseal.Effect{waxseal.Divert, waxseal.Drop}, Target: waxseal.TargetText},
	"change_sender":                  {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetAddress},
	"resend_message":                 {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
	"resend_message_one_recipient":   {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
	"resend_message_specifying_mode": {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
	"send_mail":                      {Kind: waxseal.KindCopy, Effects: copies, Target: waxseal.TargetAddress},
	"action_discard":                 {Kind: waxseal.KindDiscard, Effects: drops, Target: waxseal.TargetText},
	"action_external_filter":         {Kind: waxseal.KindExpansionExec, Effects: executes, Target: waxseal.TargetCommand},
	"run_virus_scanner":              {Kind: waxseal.KindExpansionExec, Effects: executes, Target: waxseal.TargetCommand},
	"action_change_header":           {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"action_insert_header":           {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"action_add_header":              {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"action_delete_header":           {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"action_delete_all_headers":      {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"action_replace_with_url":        {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"replace_entire_message":         {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"append_text_boilerplate":        {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"append_html_boilerplate":        {Kind: waxseal.KindRewrite, Effects: modifies, Target: waxseal.TargetText},
	"md_check_against_smtp_server":   {Kind: waxseal.KindPolicy, Effects: observes, Target: waxseal.TargetHost},
}

var (
	// tags are headers that say what a filter found: nobody's mail goes elsewhere by them.
	tags = regexp.MustCompile(`^\w+\s*\(?\s*["'](?i:X-|Authentication-Results|ARC-|DKIM-|List-)`)
	// infected are conditions that pick what a scanner of MIMEDefang called infected, spam
	// or broken, and nothing else: the variables of mimedefang-filter(5).
	infected = regexp.MustCompile(`^\(?\s*(?:\$(?:main::)?(?:FoundVirus|SuspiciousCharsInHeaders|SuspiciousCharsInBody)|message_contains_virus(?:_\w+)?\(\)|\$(?:category|action) eq ["'](?:virus|quarantine)["']|\$hits >=? (?:\$req|[1-9][\d.]*))\s*\)?$`)
)

// external matches the command behind the part of a message that it gets.
var external = regexp.MustCompile(`^\w+\s*\(\s*\$\w+\s*,\s*(?:'([^']+)'|"([^"$@]+)")`)

// refine leaves out what only tags mail, and says of what is dropped that a scanner
// picked it.
func refine(h *waxseal.Hook, c calls.Call) bool {
	switch {
	case h.Kind == waxseal.KindRewrite && strings.HasSuffix(strings.TrimSuffix(c.Name, "s"), "_header"):
		return !tags.MatchString(c.Text)
	case c.Name == "action_external_filter":
		if g := external.FindStringSubmatch(c.Text); g != nil {
			h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: g[1] + g[2]}
			h.Explain = strings.ReplaceAll(h.Explain, "a command that is worked out: "+mta.Clip(c.Target.Value), "the command "+mta.Clip(g[1]+g[2]))
		}
	case h.Kind == waxseal.KindDiscard && infected.MatchString(c.When):
		h.Modifiers["marked"] = "a scanner"
	}
	return true
}
