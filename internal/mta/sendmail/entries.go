package sendmail

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// tableSort is what a map of a known name is for: the rules of Sendmail's m4 files
// have these names (cf/README).
type tableSort struct {
	directive string // of the entries
	kind      waxseal.HookKind
	stage     waxseal.Stage
	effects   []waxseal.Effect
	does      string
	read      func(in *instance, h *waxseal.Hook, e entry) (ok bool)
}

func tableSorts() map[string]tableSort {
	return map[string]tableSort{
		"access":      {"access", waxseal.KindPolicy, waxseal.StageSession, decides, "mail of these clients, senders and recipients is taken, refused, held or thrown away", accessEntry},
		"mailertable": {"mailertable", waxseal.KindTransport, waxseal.StageRoute, diverts, "mail for a domain is handed to a host or mailer", mailerEntry},
		"virtuser":    {"virtusertable", waxseal.KindRedirect, waxseal.StageRoute, diverts, "mail for an address or a domain goes to another address", virtualEntry},
		"generics":    {"genericstable", waxseal.KindRewrite, waxseal.StageDeliver, changes, "the sender of mail gets another address, to which answers go", genericEntry},
		"domaintable": {"domaintable", waxseal.KindRedirect, waxseal.StageRoute, diverts, "a domain is taken for another", domainEntry},
		"uudomain":    {"uucpdomain", waxseal.KindRewrite, waxseal.StageRoute, changes, "a UUCP host is taken for a domain", domainEntry},
		"bitdomain":   {"bitdomain", waxseal.KindRewrite, waxseal.StageRoute, changes, "a BITNET host is taken for a domain", domainEntry},
		"bcctable":    {"bcctable", waxseal.KindCopy, waxseal.StageQueue, copies, "mail for these recipients is copied", bccEntry},
		"authinfo":    {"authinfo", waxseal.KindPolicy, waxseal.StageDeliver, []waxseal.Effect{}, "Sendmail logs in at these hosts with these names and passwords", authEntry},
	}
}

// maxOrdinary is how many entries of one table that do nothing but name an own
// user are hooks or settings of their own.
const maxOrdinary = 1000

// entryHooks makes the hooks of the entries of one table.
func (in *instance) entryHooks(m cf.Map, t *table, like waxseal.Hook) {
	s, known := tableSorts()[strings.ToLower(m.Name)]
	if !known {
		s = tableSort{"K " + m.Name, waxseal.KindRewrite, waxseal.StageRoute, changes, "", customEntry}
	}
	fold := folding{in: in, name: s.directive, table: t}
	for _, e := range t.kept {
		h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":" + string(t.source) + ":" + s.directive + ":" + clip(e.key)), Kind: s.kind, Stage: s.stage, Effects: s.effects,
			Scope: "recipient " + clip(e.key), Active: like.Active, Source: waxseal.Source{Path: e.at, Line: e.line}, Directive: s.directive}
		if in.seen[h.ID] && in.name != "" {
			continue // the same table by another configuration
		}
		if like.Modifiers["inactive"] != "" {
			mta.Inactive(&h, like.Modifiers["inactive"])
		}
		mta.Modify(&h, "drift", e.drift)
		if e.unused != "" {
			mta.Inactive(&h, e.unused)
		}
		if !s.read(in, &h, e) || e.drift == "" && e.unused == "" && ordinary(h) && fold.takes(e) {
			if !fold.folded(e) && !t.secret {
				in.Setting(in.name, s.directive+" "+clip(e.key), clip(e.value), h.Source)
			}
			continue
		}
		in.seen[h.ID] = true
		in.Emit(h)
	}
	fold.done()
}

// ordinary reports whether an entry only leads mail of this host to a user of it.
func ordinary(h waxseal.Hook) bool {
	return h.Active && h.Kind == waxseal.KindRedirect && h.Target.Type == waxseal.TargetAddress && !h.Target.Remote
}

// folding counts the ordinary entries of a large table together.
type folding struct {
	in    *instance
	name  string
	table *table
	count int
	text  strings.Builder
	last  string
}

// takes says whether an entry is one of too many.
func (f *folding) takes(e entry) bool {
	if len(f.table.kept) <= maxOrdinary {
		return false
	}
	f.add(e)
	return true
}

func (f *folding) add(e entry) {
	f.count++
	f.text.WriteString(e.key + "\x00" + e.value + "\n")
	f.last = e.key
}

// folded says whether an entry was counted already, or is counted now.
func (f *folding) folded(e entry) bool {
	if f.count > 0 && f.last == e.key {
		return true
	}
	if len(f.table.kept) <= maxOrdinary {
		return false
	}
	f.add(e)
	return true
}

func (f *folding) done() {
	if f.count > 0 {
		f.in.Setting(f.in.name, f.name+": ordinary entries", itoa(f.count)+" entries, "+digest(f.text.String()), waxseal.Source{Path: f.table.source})
	}
}

// mailerEntry reads "partner.example esmtp:[203.0.113.25]".
func mailerEntry(in *instance, h *waxseal.Hook, e entry) bool {
	h.Scope = "mail for " + clip(e.key)
	if e.key == "." {
		h.Scope = "all mail that leaves"
	}
	in.destination(h, strings.ReplaceAll(e.value, "%1", "*"))
	switch {
	case h.Kind == waxseal.KindDiscard:
		h.Explain = "Mail for " + clip(e.key) + " is thrown away (mailertable)."
	case h.Target.Type == waxseal.TargetText:
		h.Explain = "Mail for " + clip(e.key) + " is sent back: " + clip(e.value) + " (mailertable)."
		h.Kind = waxseal.KindPolicy
		return false
	case h.Kind == waxseal.KindPipe:
		h.Explain = "Mail for " + clip(e.key) + " is handed to the command " + clip(h.Target.Value) + ", run as " + mta.OrUnknown(h.RunsAs) + " (mailertable)."
	default:
		h.Explain = "Mail for " + clip(e.key) + " is sent to " + clip(h.Target.Value) + mta.Where(h.Target) + " (mailertable)."
	}
	return true
}

// virtualEntry reads "info@example.test alice", "@example.test %1@other.example",
// "spam@example.test error:nouser 550 no".
func virtualEntry(in *instance, h *waxseal.Hook, e entry) bool {
	value := e.value
	if strings.HasPrefix(strings.ToLower(value), "error:") {
		return false
	}
	if mailer, rest := splitMailer(value); strings.EqualFold(mailer, "local") {
		value = rest
	}
	address := strings.NewReplacer("%1", "*", "%2", "*", "%3", "*", "%0", "*").Replace(value)
	h.Target = in.address(address)
	if strings.HasPrefix(e.key, "@") && !strings.Contains(address, "@") {
		h.Scope = "all mail for " + clip(e.key)
	}
	if strings.EqualFold(mailerOf(value), "discard") {
		h.Kind, h.Effects = waxseal.KindDiscard, drops
		h.Explain = "Mail for " + clip(e.key) + " is thrown away (virtusertable)."
		return true
	}
	h.Explain = "Mail for " + clip(e.key) + " goes to " + clip(value) + mta.Where(h.Target) + " (virtusertable)."
	return true
}

func mailerOf(value string) string {
	mailer, _ := splitMailer(value)
	return mailer
}

// genericEntry reads "alice alice@example.test".
func genericEntry(in *instance, h *waxseal.Hook, e entry) bool {
	h.Scope = "sender " + clip(e.key)
	h.Target = in.address(strings.NewReplacer("%1", "*", "%0", "*").Replace(e.value))
	h.Explain = "Mail of " + clip(e.key) + " leaves with the sender " + clip(e.value) + mta.Where(h.Target) + ", to whom answers go (genericstable)."
	return h.Target.Remote
}

// domainEntry reads "old.example new.example": addresses of the one become
// addresses of the other.
func domainEntry(in *instance, h *waxseal.Hook, e entry) bool {
	h.Scope = "mail for " + clip(e.key)
	h.Target = in.domains.Address("*@" + e.value)
	h.Explain = "Addresses in " + clip(e.key) + " become addresses in " + clip(e.value) + mta.Where(h.Target) + " (" + h.Directive + ")."
	return true
}

// bccEntry reads "example.test ok": the recipients of which copies are made.
func bccEntry(in *instance, h *waxseal.Hook, e entry) bool {
	h.Scope = "all mail for " + clip(e.key)
	host := in.Expand("$A", in.given)
	_, hop := splitMailer(host)
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: e.value}
	h.Explain = "Mail for " + clip(e.key) + " is copied (bcctable)."
	switch {
	case strings.Contains(e.value, "@"):
		h.Target = in.address(e.value)
		h.Explain = "Mail for " + clip(e.key) + " is copied to " + clip(e.value) + mta.Where(h.Target) + " (bcctable)."
	case hop != "":
		h.Target = hostTarget(hop, "")
		h.Explain = "Mail for " + clip(e.key) + " is copied to the host " + clip(hop) + mta.Where(h.Target) + " (bcctable)."
	}
	return true
}

// authEntry names no password: only that there is one for a host.
func authEntry(in *instance, h *waxseal.Hook, e entry) bool {
	in.Setting(in.name, "authinfo "+clip(e.key), in.Mask.Token(e.value), h.Source)
	return false
}

// customEntry is an entry of a map that only rules of this host look up: what they
// do with it is not told by its name.
func customEntry(in *instance, h *waxseal.Hook, e entry) bool {
	h.Scope = "what is looked up as " + clip(e.key)
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: e.value}
	if strings.Contains(e.value, "@") && !strings.ContainsAny(e.value, " \t<>") {
		h.Target = in.address(e.value)
	}
	h.Explain = "Rules that look up " + clip(e.key) + " get " + clip(e.value) + mta.Where(h.Target) + " (" + h.Directive + ")."
	return h.Target.Type == waxseal.TargetAddress
}

// accessTags are what stands before the colon of a key: who is looked up.
var accessTags = map[string]string{
	"from": "mail from ", "to": "mail to ", "connect": "mail of the client ", "spam": "mail from ", "!spam": "mail from ", "tls_clt": "", "tls_srv": "",
}

// accessEntry reads "From:spam@bad.example REJECT" (cf/README, "ANTI-SPAM
// CONFIGURATION CONTROL").
func accessEntry(in *instance, h *waxseal.Hook, e entry) bool {
	tag, key, tagged := strings.Cut(e.key, ":")
	who, known := accessTags[strings.ToLower(tag)]
	if !tagged || !known {
		who, key = "mail of or to ", e.key
	}
	if who == "" {
		who = "mail of "
	}
	h.Scope = who + clip(key)
	if strings.EqualFold(tag, "to") {
		h.Scope = "recipient " + clip(key)
	}
	action, text, _ := strings.Cut(e.value, ":")
	switch strings.ToUpper(strings.TrimSpace(action)) {
	case "DISCARD":
		h.Kind, h.Effects, h.Directive = waxseal.KindDiscard, drops, "access:DISCARD"
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "DISCARD"}
		h.Explain = strings.ToUpper(who[:1]) + who[1:] + clip(key) + " is taken and thrown away (access DISCARD)."
		return true
	case "QUARANTINE":
		h.Kind, h.Effects, h.Directive = waxseal.KindDiscard, drops, "access:HOLD"
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "QUARANTINE:" + text}
		h.Explain = strings.ToUpper(who[:1]) + who[1:] + clip(key) + " is kept in the queue until somebody looks (access QUARANTINE)."
		return true
	case "RELAY":
		return in.relayEntry(h, tag, key)
	}
	if strings.EqualFold(tag, "AuthInfo") {
		return authEntry(in, h, e)
	}
	if strings.EqualFold(tag, "bcc") || strings.EqualFold(tag, "!bcc") {
		h.Kind, h.Effects, h.Stage = waxseal.KindCopy, copies, waxseal.StageQueue
		e.key = key
		return bccEntry(in, h, e)
	}
	return false
}

// relayEntry tells where clients of half the Internet may send mail anywhere.
func (in *instance) relayEntry(h *waxseal.Hook, tag, key string) bool {
	broad := !strings.ContainsAny(key, ".:") && key != "" && !strings.EqualFold(key, "localhost") && key != "127" && key != "10" && (isDigits(key) || strings.EqualFold(tag, "connect"))
	if !broad {
		return false
	}
	h.Kind, h.Effects = waxseal.KindPolicy, decides
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: key + " RELAY"}
	h.Explain = "Every client in " + clip(key) + " may send mail anywhere through this host (access RELAY)."
	return true
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
