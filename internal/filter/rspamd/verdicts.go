package rspamd

import (
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/mta"
)

// verdicts reads what says what becomes of mail, and what keeps rspamd from looking at
// it: forced actions, maps, settings for some mail, thresholds, modules switched off.
func (r *reader) verdicts() {
	for s := range r.top.Get("force_actions").Each() {
		r.forced(s)
	}
	for s := range r.top.Get("multimap").Each() {
		for name, rule := range s.Fields() {
			for e := range rule.Each() {
				r.mapRule("multimap:"+name, e, isOff(s))
			}
		}
	}
	for s := range r.top.Get("settings").Each() {
		r.settingsFor(s)
	}
	r.thresholds()
	r.switchedOff()
	r.spamtrap()
	r.milterHeaders()
}

// forced is force_actions: rules of a name with an expression over symbols, and the
// older lists of expressions by action.
func (r *reader) forced(section *ucl.Value) {
	for rules := range section.Get("rules").Each() {
		for name, rule := range rules.Fields() {
			for e := range rule.Each() {
				if action := e.Get("action"); action != nil {
					r.action(action, "force_actions:rules:"+name+":action", action.Text(), "mail for which "+mta.Clip(e.Get("expression").Text())+" holds", isOff(section) || isOff(e))
				}
				if v := e.Get("subject"); v != nil {
					r.rewrites(v, "force_actions:rules:"+name+":subject", "the subject becomes "+v.Text(), isOff(section) || isOff(e))
				}
			}
		}
	}
	for actions := range section.Get("actions").Each() {
		for action, v := range actions.Fields() {
			r.action(v, "force_actions:actions:"+action, action, "mail for which "+mta.Clip(strings.Join(v.Words(), " "))+" holds", isOff(section))
		}
	}
}

// asMarked says in the words of mail rules that only mail is met which a filter marked.
const asMarked = `header "X-Spam-Flag" is "yes"`

func plainAction(action string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(action)), "_", " ")
}

// action makes a hook of what becomes of mail. That mail is refused, put off or marked
// is what a filter is there for; thrown away, or accepted unseen, is another thing.
func (r *reader) action(v *ucl.Value, place, action, scope string, off bool) {
	h := r.hook(v, place)
	h.Scope, h.Target = scope, waxseal.Target{Type: waxseal.TargetText, Value: action}
	switch plainAction(action) {
	case "discard":
		h.Kind, h.Effects = waxseal.KindDiscard, []waxseal.Effect{waxseal.Drop}
		if symbolsOfSpam(scope) {
			mta.Modify(&h, "when", asMarked)
		}
		h.Explain = "Rspamd throws away " + scope + ", without a word to anyone (" + h.Directive + ")."
	case "quarantine":
		h.Kind, h.Effects = waxseal.KindDiscard, []waxseal.Effect{waxseal.Drop}
		h.Directive += ":HOLD"
		h.Explain = "Rspamd has " + scope + " held back (" + h.Directive + ")."
	case "accept", "no action":
		h.Kind, h.Effects = waxseal.KindMilter, []waxseal.Effect{waxseal.Modify}
		h.Explain = "Rspamd lets " + scope + " through whatever else it finds (" + h.Directive + ")."
	default:
		return // a setting, among the others
	}
	r.known[v] = true
	r.emit(h, off)
}

// symbolsOfSpam reports whether an expression asks for what only spam and malware show.
func symbolsOfSpam(scope string) bool {
	scope = strings.ToUpper(scope)
	for _, w := range []string{"VIRUS", "CLAM", "MALWARE", "GTUBE", "BAYES_SPAM", "FUZZY_DENIED", "EICAR"} {
		if strings.Contains(scope, w) && !strings.ContainsAny(scope, "!|") {
			return true
		}
	}
	return false
}

func (r *reader) rewrites(v *ucl.Value, place, what string, off bool) {
	h := r.hook(v, place, waxseal.Modify)
	h.Kind, h.Target = waxseal.KindRewrite, waxseal.Target{Type: waxseal.TargetText, Value: what}
	h.Explain = "Rspamd rewrites messages: " + mta.Clip(what) + " (" + h.Directive + ")."
	r.emit(h, off)
}

// mapRule is a rule of multimap: what a map lists gets a symbol with a score, or an
// action at once.
func (r *reader) mapRule(place string, rule *ucl.Value, off bool) {
	if rule.Kind != ucl.Object {
		return
	}
	off = off || isOff(rule)
	entries, where := r.entries(rule.Get("map"))
	about := or(rule.Get("header").Text(), rule.Get("type").Text())
	scope := "mail whose " + or(about, "property") + " is listed in " + mta.Clip(where)
	if v := rule.Get("action"); v != nil {
		r.action(v, place+":action", v.Text(), scope, off)
		if a := plainAction(v.Text()); a == "accept" || a == "no action" {
			r.letThrough(v, place+":map", scope, entries, off)
		}
	}
	if v := rule.Get("score"); isFavour(v) && picksSenders(rule) {
		r.letThrough(v, place+":score", scope+" gets "+v.Text()+" points", entries, off)
	}
}

// favour is so many points below zero that hardly any other rule outweighs them.
const favour = -7

func isFavour(v *ucl.Value) bool {
	n, ok := v.Number()
	return ok && n <= favour
}

// picksSenders reports whether a rule goes by who sends: what is attached or linked
// says nothing of whom to trust.
func picksSenders(rule *ucl.Value) bool {
	t := strings.ToLower(rule.Get("type").Text())
	return t == "" || slices.Contains([]string{"from", "ip", "helo", "hostname", "header", "user", "rcpt", "selector", "received", "asn", "country"}, t)
}

// letThrough is a hook for mail that passes unchecked because of who sends it.
func (r *reader) letThrough(v *ucl.Value, place, scope string, whom []string, off bool) {
	h := r.hook(v, place, waxseal.Modify)
	h.Kind, h.Scope = waxseal.KindMilter, scope
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "unchecked"}
	mta.Modify(&h, "whom", strings.Join(whom[:min(len(whom), 100)], ", "))
	named := ""
	if len(whom) > 0 {
		named = " (" + mta.Clip(strings.Join(whom, ", ")) + ")"
	}
	h.Explain = "Rspamd lets mail through that it has not checked: " + scope + named + "."
	r.emit(h, off)
}

// settingsFor is "settings": other rules for mail of some senders, recipients or hosts.
func (r *reader) settingsFor(section *ucl.Value) {
	for name, s := range section.Fields() {
		for e := range s.Each() {
			if e.Kind == ucl.Object {
				r.settingFor("settings:"+name, e)
			}
		}
	}
}

// picks are the conditions of a setting that say whose mail it is for.
var picks = []string{"from", "from_mime", "ip", "rcpt", "rcpt_mime", "user", "authenticated", "local", "hostname", "client_ip", "header", "request_header", "selector", "id"}

func (r *reader) settingFor(place string, s *ucl.Value) {
	v, what := spares(s)
	if v == nil {
		return
	}
	var whom, conditions []string
	for _, key := range picks {
		c := s.Get(key)
		if c == nil {
			continue
		}
		words := c.Words()
		conditions = append(conditions, key+" "+strings.Join(words, ", "))
		switch key {
		case "from", "from_mime", "ip", "client_ip", "hostname":
			whom = append(whom, words...)
		}
	}
	scope := "mail with " + strings.Join(conditions, " and ")
	if len(conditions) == 0 {
		scope, whom = everything, []string{everyone}
	}
	r.letThrough(v, place, mta.Clip(scope)+" ("+what+")", whom, isOff(s))
}

// everyone stands for whom all mail is from.
const everyone = "everyone"

// spares finds what in a setting keeps mail from being checked or refused.
func spares(s *ucl.Value) (v *ucl.Value, what string) {
	for _, key := range []string{"want_spam", "whitelist"} {
		if v := s.Get(key); v.Is(true) {
			return v, key
		}
	}
	apply := s.Get("apply")
	if v := apply.Get("whitelist"); v.Is(true) {
		return v, "whitelist"
	}
	for _, holder := range []*ucl.Value{apply, apply.Get("default"), s} {
		if v := holder.Get("symbols_enabled"); v != nil {
			return v, "only " + mta.Clip(strings.Join(v.Words(), ", ")) + " is checked"
		}
		if v := holder.Get("groups_enabled"); v != nil {
			return v, "only " + mta.Clip(strings.Join(v.Words(), ", ")) + " is checked"
		}
		if actions := holder.Get("actions"); actions != nil && outOfReach(actions.Get("reject")) && outOfReach(first(actions, "add header", "add_header")) {
			return actions, "no score leads to anything"
		}
		if v := holder.Get("groups_disabled"); len(v.Words()) >= 4 {
			return v, mta.Clip(strings.Join(v.Words(), ", ")) + " are not checked"
		}
	}
	return nil, ""
}

func first(v *ucl.Value, keys ...string) *ucl.Value {
	for _, k := range keys {
		if e := v.Get(k); e != nil {
			return e
		}
	}
	return nil
}

// outOfReach reports whether a threshold is one that no mail comes to: none at all, or
// so high that all rules together stay below.
func outOfReach(v *ucl.Value) bool {
	if v == nil {
		return false
	}
	n, ok := v.Number()
	return !ok && v.Kind != ucl.Object || ok && n >= 100
}

// thresholds looks whether any score leads to something.
func (r *reader) thresholds() {
	actions := r.top.Get("actions")
	reject := first(actions, "reject")
	mark := first(actions, "add_header", "add header", "rewrite_subject", "rewrite subject", "quarantine")
	if actions == nil || !outOfReach(reject) {
		return
	}
	whom := []string{}
	scope := "no score leads to mail being refused"
	if mark == nil || outOfReach(mark) {
		whom, scope = []string{everyone}, everything+": no score leads to anything"
	}
	r.letThrough(reject, "actions:reject", scope, whom, false)
}

// guards are the modules that find spam, forgery and malware in the configuration as
// it comes, and antivirus.
var guards = strings.Fields("antivirus rbl spf dkim dmarc phishing fuzzy_check hfilter mime_types regexp surbl emails")

// switchedOff looks for modules that check mail and were switched off.
func (r *reader) switchedOff() {
	var off []*ucl.Value
	var names []string
	for _, m := range guards {
		if v := r.top.Get(m).Get("enabled"); v.Is(false) {
			off, names = append(off, v), append(names, m)
		}
	}
	for i, v := range off {
		var whom []string
		scope := "mail is no longer checked by " + names[i]
		if len(off) >= 3 || names[i] == "antivirus" && r.scans() {
			whom, scope = []string{everyone}, everything+": it is not checked by "+strings.Join(names, ", ")
		}
		r.letThrough(v, names[i]+":enabled", scope, whom, false)
	}
	if v := r.top.Path("options", "filters"); v != nil && len(v.Words()) == 0 {
		r.letThrough(v, "options:filters", everything+": none of the filters that are built in checks it", []string{everyone}, false)
	}
	if v := r.top.Path("options", "disable_modules"); len(v.Words()) > 0 {
		r.letThrough(v, "options:disable_modules", "mail is not checked by "+strings.Join(v.Words(), ", "), nil, false)
	}
}

// scans reports whether antivirus has a scanner.
func (r *reader) scans() bool {
	for _, s := range r.top.Get("antivirus").Fields() {
		if s.Kind == ucl.Object && (s.Get("servers") != nil || s.Get("type") != nil) {
			return true
		}
	}
	return false
}

func (r *reader) spamtrap() {
	s := r.top.Get("spamtrap")
	if v := s.Get("action"); v != nil {
		_, where := r.entries(s.Get("map"))
		r.action(v, "spamtrap:action", v.Text(), "mail to the addresses in "+mta.Clip(where), isOff(s))
	}
}

// milterHeaders reads routines of the administrator's own, and headers taken away.
func (r *reader) milterHeaders() {
	for s := range r.top.Get("milter_headers").Each() {
		for custom := range s.Get("custom").Each() {
			for name, v := range custom.Fields() {
				for e := range v.Each() {
					r.rewrites(e, "milter_headers:custom:"+name, strings.Join(strings.Fields(e.Text()), " "), isOff(s))
				}
			}
		}
		for routines := range s.Get("routines").Each() {
			for name, v := range routines.Fields() {
				if header := v.Get("header"); header != nil && isVital(header.Text()) {
					r.rewrites(header, "milter_headers:routines:"+name+":header", "adds "+header.Text()+": "+v.Get("value").Text(), isOff(s))
				}
				if remove := v.Get("remove_headers"); remove != nil {
					r.rewrites(remove, "milter_headers:routines:"+name+":remove_headers", "takes away "+strings.Join(remove.Words(), ", "), isOff(s))
				}
			}
		}
	}
}

// isVital reports whether a header says who gets or answers mail.
func isVital(header string) bool {
	return slices.Contains([]string{"reply-to", "to", "cc", "bcc", "from", "return-path", "sender", "errors-to", "disposition-notification-to"}, strings.ToLower(header))
}
