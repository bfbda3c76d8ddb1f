package opensmtpd

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

// route is how mail comes to an action.
type route struct {
	scopes []string
	// why nothing leads to it, "" where something does.
	why string
	// everyone says that mail from anywhere comes this way.
	everyone bool
}

// rule is a match with what is worked out of it.
type rule struct {
	*smtpdconf.Match
	hidden string // why it never decides, "" if it may
}

// maxHiders bounds the matches that others are compared with, wide ones aside.
const maxHiders = 64

// wide reports whether a match asks for little: there are few that differ.
func wide(m *smtpdconf.Match) bool {
	return m.From.Table == nil && m.For.Table == nil && m.Tag == nil && m.Helo == nil && m.TLS == nil && m.Auth == nil && m.Sender == nil && m.Rcpt == nil
}

// reachRules finds the matches that an earlier one hides, and the actions that
// no match leads to.
func (in *instance) reachRules() {
	in.routes = map[*smtpdconf.Action]route{}
	for _, a := range in.conf.Actions {
		in.routes[a] = route{why: "no match names this action"}
	}
	for _, r := range in.rules() {
		if r.Reject {
			continue
		}
		way := in.routes[r.Action]
		switch {
		case r.hidden != "" && way.why != "":
			way.why = "the match on line " + strconv.Itoa(r.Pos.Line) + ", which leads to it, never decides: " + r.hidden
		case r.hidden == "":
			way.why = ""
			way.scopes = append(way.scopes, in.scope(r.Match))
			way.everyone = way.everyone || fromAnywhere(r.From)
		}
		in.routes[r.Action] = way
	}
}

// rules are the matches, each with why it never decides.
func (in *instance) rules() []rule {
	if in.ruled != nil {
		return in.ruled
	}
	list := []rule{}
	var hiders []*smtpdconf.Match
	for _, m := range in.conf.Matches {
		r := rule{Match: m, hidden: impossible(m)}
		for _, h := range hiders {
			if r.hidden == "" && covers(h, m) {
				r.hidden = "the match on line " + strconv.Itoa(h.Pos.Line) + " takes all its mail first"
			}
		}
		if r.hidden == "" && (len(hiders) < maxHiders || wide(m)) {
			hiders = append(hiders, m)
		}
		if m.TLS != nil && r.hidden == "" {
			r.hidden = "OpenSMTPD up to 7.8 can't tell later whether a session was encrypted, and defers what comes to a match with tls"
		}
		list = append(list, r)
	}
	in.ruled = list
	return list
}

// impossible says why a match takes nothing whatever comes.
func impossible(m *smtpdconf.Match) string {
	switch {
	case m.From.Not && m.From.Kind == "any":
		return "it asks for mail from nowhere"
	case m.For.Not && m.For.Kind == "any":
		return "it asks for mail for nobody"
	}
	return ""
}

// covers reports whether a takes everything that b would take (ruleset.c).
func covers(a, b *smtpdconf.Match) bool {
	return coversFor(a.For, b.For) && coversFrom(a.From, b.From) &&
		coversTest(a.Tag, b.Tag) && coversTest(a.Helo, b.Helo) && coversTest(a.TLS, b.TLS) && coversTest(a.Auth, b.Auth) &&
		coversTest(a.Sender, b.Sender) && coversTest(a.Rcpt, b.Rcpt)
}

func coversFrom(a, b smtpdconf.Test) bool {
	switch {
	case a.Kind == "any" && !a.Not:
		return true
	case a.Not || b.Not:
		return sameTest(a, b)
	case a.Kind == "src" && b.Kind == "src" && !a.Regex && !b.Regex:
		return sameTest(a, b) || insideOf(a.Table, b.Table)
	}
	return sameTest(a, b) || a.Kind == "local" && b.Kind == "socket"
}

// insideOf reports whether each network of b lies in one of a. What the host
// itself sends is no network, whatever a says.
func insideOf(a, b *smtpdconf.Table) bool {
	const most = 64
	if a.Backend != "static" || b.Backend != "static" || len(a.Entries) > most || len(b.Entries) > most {
		return false
	}
	return !slices.ContainsFunc(b.Entries, func(e smtpdconf.Entry) bool {
		inner, ok := network(e.Key)
		return !ok || !slices.ContainsFunc(a.Entries, func(e smtpdconf.Entry) bool {
			outer, ok := network(e.Key)
			return ok && outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
		})
	})
}

// network reads an address with or without a prefix length.
func network(s string) (netip.Prefix, bool) {
	s = strings.Trim(s, "[]")
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

// fromAnywhere reports whether every client of the Internet is meant.
func fromAnywhere(t smtpdconf.Test) bool {
	if t.Not || t.Regex {
		return false
	}
	if t.Kind == "any" {
		return true
	}
	return t.Kind == "src" && t.Table != nil && slices.ContainsFunc(t.Table.Entries, func(e smtpdconf.Entry) bool {
		p, ok := network(e.Key)
		return ok && p.Bits() == 0
	})
}

func coversFor(a, b smtpdconf.Test) bool {
	if a.Not || b.Not {
		return sameTest(a, b)
	}
	switch {
	case a.Kind == "any":
		return true
	case a.Kind != "domain" || a.Regex:
		return sameTest(a, b)
	case hasKey(a.Table, "*"):
		return true
	}
	return sameTest(a, b)
}

func hasKey(t *smtpdconf.Table, key string) bool {
	return t != nil && t.Backend == "static" && slices.ContainsFunc(t.Entries, func(e smtpdconf.Entry) bool { return e.Key == key })
}

// coversTest: a condition that is not there takes everything.
func coversTest(a, b *smtpdconf.Test) bool {
	return a == nil || b != nil && sameTest(*a, *b)
}

// sameTest reports whether a and b take the same, or a takes more: the same word
// with a table that has all keys of the other.
func sameTest(a, b smtpdconf.Test) bool {
	if a.Kind != b.Kind || a.Not != b.Not || a.Regex != b.Regex {
		return false
	}
	if a.Table == b.Table || a.Table == nil && !a.Not {
		return true
	}
	if a.Table == nil || b.Table == nil || a.Table.Backend != "static" || b.Table.Backend != "static" || a.Not || len(b.Table.Entries) > 64 {
		return false
	}
	return !slices.ContainsFunc(b.Table.Entries, func(e smtpdconf.Entry) bool { return !hasFolded(a.Table, e.Key) })
}

func hasFolded(t *smtpdconf.Table, key string) bool {
	const most = 1000
	return slices.ContainsFunc(t.Entries[:min(len(t.Entries), most)], func(e smtpdconf.Entry) bool { return strings.EqualFold(e.Key, key) })
}

// scope says in words which mail a match takes.
func (in *instance) scope(m *smtpdconf.Match) string {
	if m.Rcpt != nil {
		return person("recipient", *m.Rcpt) + also(m)
	}
	if m.Sender != nil {
		return person("sender", *m.Sender) + also(m)
	}
	switch {
	case m.For.Not:
		return "all mail but for " + destination(m.For) + also(m)
	case m.For.Kind == "any":
		return "all mail" + also(m)
	}
	return "all mail for " + destination(m.For) + also(m)
}

func destination(t smtpdconf.Test) string {
	switch {
	case t.Kind == "local":
		return "this host"
	case t.Kind == "any":
		return "anybody"
	case t.Table.Backend == "static" && len(t.Table.Entries) == 1:
		return "the domain " + mta.Clip(t.Table.Entries[0].Key)
	case t.Table.Backend == "static":
		return "the domains " + keys(t.Table)
	}
	return "the domains of " + mta.Clip(t.Table.String())
}

func keys(t *smtpdconf.Table) string {
	const most = 5
	var list []string
	for _, e := range t.Entries[:min(len(t.Entries), most)] {
		list = append(list, mta.Clip(e.Key))
	}
	if len(t.Entries) > most {
		list = append(list, "…")
	}
	return strings.Join(list, " : ")
}

// person names a sender or recipient: "sender alice@example.test".
func person(what string, t smtpdconf.Test) string {
	who := keys(t.Table)
	switch {
	case t.Table.Backend != "static":
		who = "in " + mta.Clip(t.Table.String())
	case t.Table.Path != "" && len(t.Table.Entries) > 1:
		who = "in " + mta.Clip(t.Table.Path) + ": " + who
	}
	if hasKey(t.Table, "*") && t.Regex || hasKey(t.Table, ".*") || hasKey(t.Table, "@") {
		return "all mail"
	}
	if t.Not {
		return "all mail but of the " + what + " " + who
	}
	return what + " " + who
}

// also are the conditions that narrow a match further.
func also(m *smtpdconf.Match) string {
	var list []string
	add := func(t *smtpdconf.Test, words, without string) {
		switch {
		case t == nil:
		case t.Not:
			list = append(list, without)
		default:
			list = append(list, words)
		}
	}
	switch from := m.From; {
	case from.Kind == "any" && m.Auth == nil, from.Kind == "any":
	case from.Kind == "local" || from.Kind == "socket":
		add(&from, "from this host", "from other hosts")
	default:
		add(&from, "from "+operandText(from), "but from "+operandText(from))
	}
	add(m.Auth, "from users who log in", "from clients that do not log in")
	add(m.Helo, "with another greeting", "without a certain greeting")
	if m.Helo != nil {
		list[len(list)-1] = "whose HELO is " + operandText(*m.Helo)
	}
	if m.Tag != nil {
		list = append(list, "with the tag "+operandText(*m.Tag))
	}
	if m.Rcpt != nil && m.Sender != nil {
		if of := person("sender", *m.Sender); !strings.HasPrefix(of, "all mail") {
			list = append(list, "of the "+of)
		} else if of != "all mail" {
			list = append(list, strings.TrimPrefix(of, "all mail "))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " " + strings.Join(list, " ")
}

func operandText(t smtpdconf.Test) string {
	switch {
	case t.Table == nil:
		return "hosts with a name"
	case t.Table.Backend == "static":
		return keys(t.Table)
	}
	return mta.Clip(t.Table.String())
}
