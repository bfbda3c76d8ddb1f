package exim

import (
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta/exim/eximconf"
)

// anybodyRelays looks whether the ACL for recipients takes mail for everybody from
// everybody: it accepts without a condition before anything asks for whom the mail
// is (spec 44.28, "Relay control").
func (in *instance) anybodyRelays() {
	o, ok := in.conf.Get("acl_smtp_rcpt")
	if !ok {
		return
	}
	acl, ok := in.acl(strings.TrimSpace(o.Value))
	if !ok {
		return
	}
	for _, st := range acl.Statements {
		switch {
		case guardsRelay(st):
			return
		case st.Verb == "accept" && unconditional(st):
			h := in.hook("acl:"+acl.Name+":open", st.Place)
			h.Kind, h.Stage, h.Directive, h.Effects = waxseal.KindPolicy, waxseal.StageSession, "acl_smtp_rcpt", diverts
			h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "accept", Remote: true}
			h.Explain = "Everybody may send mail anywhere through this host: the ACL " + acl.Name + " accepts before it asks for whom the mail is (acl_smtp_rcpt)."
			in.emit(h)
			return
		}
	}
}

// guardsRelay reports whether a statement refuses mail by its recipient, or leaves
// that to another ACL or a condition.
func guardsRelay(st eximconf.Statement) bool {
	if st.Verb == "accept" || st.Verb == "warn" || st.Verb == "discard" {
		return false
	}
	return slices.ContainsFunc(st.Items, func(i eximconf.Item) bool {
		switch i.Name {
		case "domains", "recipients":
			return st.Verb == "require" || i.Negated || strings.Contains(i.Value, "!")
		case "acl":
			return st.Verb == "require"
		case "condition":
			return strings.Contains(i.Value, "domain")
		}
		return false
	})
}

// unconditional reports whether a statement holds for every client and recipient.
func unconditional(st eximconf.Statement) bool {
	return !slices.ContainsFunc(st.Items, func(i eximconf.Item) bool {
		switch i.Name {
		case "control", "message", "log_message", "logwrite", "set", "add_header", "remove_header", "delay", "endpass", "continue", "queue":
			return false
		case "hosts", "domains", "senders", "recipients", "local_parts":
			return i.Negated || strings.TrimSpace(i.Value) != "*"
		}
		return true
	})
}
