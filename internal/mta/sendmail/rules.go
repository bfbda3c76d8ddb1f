package sendmail

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// called are the rulesets that Sendmail calls by itself (op.me 5.1.4 and cf/README).
var called = map[string]bool{
	"canonify": true, "sender": true, "recipient": true, "final": true, "parse": true, "localaddr": true, "bcc": true, "queuegroup": true, "greet_pause": true,
	"srv_features": true, "clt_features": true, "tls_srv_features": true, "tls_clt_features": true, "try_tls": true, "tls_rcpt": true, "tls_client": true, "tls_server": true,
	"trust_auth": true, "authinfo": true, "canonicalrcpt": true, "masqhdr": true, "masqenv": true, "sts_sni": true,
}

// follow finds the rulesets that mail gets to, and the maps that these look up.
func (in *instance) follow() {
	in.reach, in.shown, in.asked = map[*cf.Ruleset]bool{}, map[*cf.Ruleset]string{}, map[string]bool{}
	var queue []*cf.Ruleset
	add := func(s *cf.Ruleset) {
		if s != nil && !in.reach[s] {
			in.reach[s] = true
			queue = append(queue, s)
		}
	}
	for _, s := range in.Rulesets {
		name := strings.ToLower(s.Name)
		if s.Number >= 0 && s.Number <= 5 || called[name] || strings.HasPrefix(name, "check_") || strings.HasPrefix(name, "check") && called["check_"+name[5:]] {
			add(s)
		}
	}
	for _, m := range in.Mailers {
		for _, name := range append(cf.Rulesets(m.Sender), cf.Rulesets(m.Recipient)...) {
			add(in.Ruleset(name))
		}
	}
	for _, h := range in.Headers {
		if h.Ruleset != "" {
			add(in.Ruleset(h.Ruleset))
			in.shown[in.Ruleset(h.Ruleset)] = h.Name
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for _, r := range s.Rules {
			in.followRule(r, add)
		}
	}
	in.followSequences()
}

func (in *instance) followRule(r cf.Rule, add func(*cf.Ruleset)) {
	for i, t := range r.Result {
		if i+1 >= len(r.Result) {
			break
		}
		switch t {
		case "\x00>":
			add(in.Ruleset(strings.Trim(r.Result[i+1], `"`)))
		case "\x00(":
			in.asked[strings.ToLower(r.Result[i+1])] = true
		}
	}
}

// followSequences: a map that is made of others asks them.
func (in *instance) followSequences() {
	for range 8 {
		for _, m := range in.Maps {
			if !in.asked[strings.ToLower(m.Name)] || m.Class != "sequence" && m.Class != "switch" {
				continue
			}
			for _, name := range m.Words {
				in.asked[strings.ToLower(name)] = true
			}
		}
	}
}

// ruleHooks looks for what rules do by themselves: hand mail to a host or program
// that they name, throw it away, put in an address. What they do as a table says is
// told by the table.
func (in *instance) ruleHooks() {
	for _, s := range in.Rulesets {
		for n, r := range s.Rules {
			in.rule(s, n, r)
		}
	}
}

func (in *instance) ruleHook(kind waxseal.HookKind, stage waxseal.Stage, s *cf.Ruleset, r cf.Rule, n int) waxseal.Hook {
	place := "S:" + s.Title() + ":" + patternName(r)
	h := in.hook(kind, stage, "R rule", place, r.Line)
	h.Scope = in.ruleScope(s, r)
	if !in.reach[s] {
		mta.Inactive(&h, "nothing calls the ruleset "+s.Title())
	}
	mta.Modify(&h, "ruleset", s.Title())
	return h
}

// patternName names a rule by what it matches, so that rules put in before it do
// not change its name.
func patternName(r cf.Rule) string { return clip(folded(cf.Show(r.Pattern))) }

// ruleScope is the mail that a rule is about: the words in its pattern, which are
// those of a header where the ruleset is shown one.
func (in *instance) ruleScope(s *cf.Ruleset, r cf.Rule) string {
	var words []string
	domain, user := "", ""
	for i, t := range r.Pattern {
		if t[0] == 0 {
			continue
		}
		if t != "<" && t != ">" && t != "@" && t != "." && t != "+" {
			words = append(words, t)
		}
		if t == "@" && i+1 < len(r.Pattern) && r.Pattern[i+1][0] != 0 {
			domain, user = literal(r.Pattern[i+1:]), literalBefore(r.Pattern[:i])
		}
	}
	switch header := in.shown[s]; {
	case header != "" && len(words) > 0:
		return "header " + clip(header) + " with " + clip(strings.Join(words, " "))
	case domain != "" && domain != "*LOCAL*":
		return ruleSide(s) + clip(user+domain)
	case len(words) == 0:
		return "all mail that the ruleset " + s.Title() + " sees"
	}
	return "mail that the ruleset " + s.Title() + " matches with " + clip(strings.Join(words, " "))
}

// ruleSide is whom the addresses name that a ruleset sees (cf/README, "Local_check_mail").
func ruleSide(s *cf.Ruleset) string {
	switch strings.ToLower(strings.TrimPrefix(s.Title(), "Local_")) {
	case "check_mail", "checkmail":
		return "mail from "
	case "check_rcpt", "checkrcpt":
		return "recipient "
	}
	return "mail for "
}

// sentence begins one with the mail of a scope.
func sentence(scope string) string {
	if to, ok := strings.CutPrefix(scope, "recipient "); ok {
		return "Mail for " + to
	}
	if header, ok := strings.CutPrefix(scope, "header "); ok {
		return "Mail that has the header " + header
	}
	return capital(scope)
}

// literalBefore is the user, with its "@", in "< user @" or "user < @".
func literalBefore(tokens []string) string {
	if n := len(tokens); n > 0 && tokens[n-1] == "<" {
		tokens = tokens[:n-1]
	}
	if n := len(tokens); n == 1 || n == 2 && tokens[0] == "<" {
		if user := literal(tokens[n-1:]); user != "" {
			return user + "@"
		}
	}
	return ""
}

// literal is the text at the start of tokens, up to what is no plain domain.
func literal(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		if t == "" || t[0] == 0 || strings.ContainsAny(t, "<>()@") || t == ":" || t == "," {
			break
		}
		b.WriteString(t)
	}
	return strings.Trim(b.String(), ".")
}

func (in *instance) rule(s *cf.Ruleset, n int, r cf.Rule) {
	result := r.Result
	if len(result) > 0 && (result[0] == "\x00:" || result[0] == "\x00@") {
		result = result[1:]
	}
	switch {
	case len(result) > 1 && result[0] == "\x00#":
		in.resolved(s, n, r, result[1:])
	case len(result) > 1 && strings.EqualFold(s.Title(), "bcc"):
		in.bccRule(s, n, r, result)
	default:
		in.inserted(s, n, r, result)
	}
}

// resolved is "$#mailer $@ host $: user".
func (in *instance) resolved(s *cf.Ruleset, n int, r cf.Rule, tokens []string) {
	mailer := tokens[0]
	host, user := between(tokens[1:], "\x00@"), between(tokens[1:], "\x00:")
	switch strings.ToLower(mailer) {
	case "discard":
		in.discarded(s, n, r)
		return
	case "error":
		if strings.EqualFold(literal(host), "quarantine") && !hasWord(r.Pattern, "QUARANTINE") {
			h := in.ruleHook(waxseal.KindDiscard, waxseal.StageSession, s, r, n)
			h.Effects, h.Directive = drops, "R:HOLD"
			h.Target = waxseal.Target{Type: waxseal.TargetText, Value: cf.Show(r.Result)}
			h.Explain = sentence(h.Scope) + " is kept in the queue until somebody looks (R)."
			in.Emit(h)
		}
		return
	}
	if to := literal(host); to != "" && len(to) == len(strings.Trim(joined(host), ".")) {
		in.routed(s, n, r, mailer, to)
	}
	if command := literalUser(user); strings.HasPrefix(command, "|") || strings.EqualFold(mailer, "prog") && command != "" {
		h := in.ruleHook(waxseal.KindPipe, waxseal.StageRoute, s, r, n)
		h.Effects, h.RunsAs = runsAll, in.defaultUser()
		h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: strings.TrimLeft(command, "| ")}
		h.Closure = in.CommandParts(mta.ShellWords(h.Target.Value))
		h.Explain = sentence(h.Scope) + " is handed to the command " + clip(h.Target.Value) + " (R)."
		in.Emit(h)
		return
	}
	in.inserted(s, n, r, user)
}

func joined(tokens []string) string { return strings.Join(tokens, "") }

// literalUser is the user part of a rule's result where all of it is text.
func literalUser(tokens []string) string {
	for _, t := range tokens {
		if t[0] == 0 {
			return ""
		}
	}
	return strings.Trim(strings.Join(tokens, " "), `"`)
}

// between are the tokens behind a mark, up to the next "$@" or "$:".
func between(tokens []string, mark string) []string {
	for i, t := range tokens {
		if t != mark {
			continue
		}
		rest := tokens[i+1:]
		for j, u := range rest {
			if u == "\x00@" || u == "\x00:" {
				return rest[:j]
			}
		}
		return rest
	}
	return nil
}

func hasWord(tokens []string, word string) bool {
	for _, t := range tokens {
		if strings.EqualFold(t, word) {
			return true
		}
	}
	return false
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// discarded: rules for what a table says "DISCARD" to are in every file.
func (in *instance) discarded(s *cf.Ruleset, n int, r cf.Rule) {
	if hasWord(r.Pattern, "DISCARD") {
		return
	}
	h := in.ruleHook(waxseal.KindDiscard, waxseal.StageSession, s, r, n)
	h.Effects, h.Directive = drops, "$#discard"
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "$#discard"}
	h.Explain = sentence(h.Scope) + " is taken and thrown away ($#discard)."
	in.Emit(h)
}

// routed is a rule that names the next hop itself.
func (in *instance) routed(s *cf.Ruleset, n int, r cf.Rule, mailer, host string) {
	if _, known := in.Mailer(mailer); !known || in.macroHost(host) {
		return // it is no mailer, or the hook of the macro tells
	}
	h := in.ruleHook(waxseal.KindTransport, waxseal.StageRoute, s, r, n)
	h.Effects, h.Directive = diverts, "$#mailer"
	m, known := in.Mailer(mailer)
	mta.Modify(&h, "mailer", mailer)
	if known && m.Runs() {
		in.toProgram(&h, m, host)
		h.Explain = sentence(h.Scope) + " is handed to the command " + clip(h.Target.Value) + ", run as " + mta.OrUnknown(h.RunsAs) + " (R)."
	} else {
		h.Target = hostTarget(host, portOf(m))
		h.Explain = sentence(h.Scope) + " is sent to " + clip(h.Target.Value) + mta.Where(h.Target) + " (R)."
	}
	in.Emit(h)
}

// macroHost reports whether a host in a rule is the value of a macro, of which
// there is a hook already.
func (in *instance) macroHost(host string) bool {
	for _, m := range macroHosts {
		if v := strings.TrimSpace(in.Expand("$"+braced(m.macro), in.given)); v != "" {
			if _, hop := splitMailer(v); strings.EqualFold(strings.Trim(hop, "."), host) {
				return true
			}
		}
	}
	return false
}

// inserted is a rule that puts an address into what it makes.
func (in *instance) inserted(s *cf.Ruleset, n int, r cf.Rule, result []string) {
	address := addressIn(result)
	if address == "" || addressIn(r.Pattern) == address {
		return
	}
	target := in.address(address)
	if !target.Remote {
		return
	}
	h := in.ruleHook(waxseal.KindRewrite, waxseal.StageRoute, s, r, n)
	h.Effects, h.Target = []waxseal.Effect{waxseal.Modify, waxseal.Divert}, target
	h.Explain = sentence(h.Scope) + " gets the address " + clip(address) + mta.Where(target) + " (R)."
	in.Emit(h)
}

// addressIn finds "@domain.tld" written out in the result of a rule, with the user
// before it where that is written out too.
func addressIn(tokens []string) string {
	for i, t := range tokens {
		if t != "@" || i+1 >= len(tokens) {
			continue
		}
		domain := literal(tokens[i+1:])
		labels := strings.Split(domain, ".")
		if len(labels) < 2 || strings.EqualFold(labels[len(labels)-1], "UUCP") || strings.ContainsAny(domain, "[*") || strings.EqualFold(labels[0], "localhost") || isDigits(labels[len(labels)-1]) {
			continue
		}
		user := "*"
		j := i - 1
		if j >= 0 && tokens[j] == "<" {
			j--
		}
		if j >= 0 && tokens[j] != "" && tokens[j][0] != 0 && strings.ContainsAny(tokens[j][:1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\"") {
			user = tokens[j]
		}
		return user + "@" + domain
	}
	return ""
}

// bccRule names in ruleset bcc who gets a copy.
func (in *instance) bccRule(s *cf.Ruleset, n int, r cf.Rule, result []string) {
	address := addressIn(result)
	if address == "" {
		return
	}
	option, _ := in.Option("AddBcc")
	h := in.ruleHook(waxseal.KindCopy, waxseal.StageQueue, s, r, n)
	h.Effects, h.Directive, h.Scope = copies, "bcc", "all messages whose recipient the ruleset bcc picks"
	h.Target = in.address(address)
	if !truth(option.Value) {
		mta.Inactive(&h, "option AddBcc is not set")
	}
	h.Explain = "Messages are delivered and copied to " + clip(address) + mta.Where(h.Target) + ", unseen by sender and recipient (ruleset bcc)."
	in.Emit(h)
}

// stockHeaders are what Sendmail's m4 files have.
var stockHeaders = map[string]bool{"return-path": true, "received": true, "date": true, "resent-date": true, "from": true, "resent-from": true, "full-name": true,
	"message-id": true, "resent-message-id": true, "posted-date": true, "received-date": true, "x-authentication-warning": true, "subject": true, "errors-to": true}

// headerHooks reads H lines: headers that every message gets, and rulesets that
// headers are shown to.
func (in *instance) headerHooks() {
	for _, x := range in.Headers {
		if x.Ruleset != "" {
			in.headerCheck(x)
			continue
		}
		value := in.Expand(strings.NewReplacer("$a", "", "$b", "").Replace(x.Value), nil)
		if stockHeaders[strings.ToLower(x.Name)] && !strings.Contains(strings.NewReplacer("$i@$j", "", "@$j", "").Replace(x.Value), "@") {
			continue
		}
		h := in.hook(waxseal.KindRewrite, waxseal.StageData, "H header", "H:"+x.Name, x.Line)
		h.Effects = changes
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: x.Name + ": " + folded(value)}
		h.Explain = "Every message that lacks it gets the header " + clip(h.Target.Value) + " (H)."
		in.Emit(h)
	}
}

// headerCheck is "HSubject: $>CheckSubject": what the ruleset does is told there.
func (in *instance) headerCheck(x cf.Header) {
	h := in.hook(waxseal.KindPolicy, waxseal.StageData, "H header", "H:"+x.Name+":check", x.Line)
	h.Effects = decides
	h.Target = waxseal.Target{Type: waxseal.TargetService, Value: "ruleset " + x.Ruleset}
	h.Scope = "all messages with the header " + clip(x.Name)
	if s := in.Ruleset(x.Ruleset); s == nil || len(s.Rules) == 0 {
		mta.Inactive(&h, "there is no such ruleset")
	}
	h.Explain = "The header " + clip(x.Name) + " of each message is shown to the ruleset " + x.Ruleset + ", which may refuse, hold or drop the message (H)."
	in.Emit(h)
}
