package opensmtpd

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

// matchHooks makes a hook of each match: the first that takes a message says what
// becomes of it. One that refuses mail is a setting.
func (in *instance) matchHooks() {
	for n, r := range in.rules() {
		text := matchText(r.Match)
		if r.Reject {
			in.note("match "+text, "reject, as rule "+strconv.Itoa(n+1), r.Pos)
			continue
		}
		in.note("match "+text, methodText(r.Action)+", as rule "+strconv.Itoa(n+1), r.Pos)
		h := in.hook("match "+text, r.Pos)
		h.Kind, h.Stage, h.Effects, h.Directive = waxseal.KindTransport, waxseal.StageRoute, diverts, "match"
		h.Scope = in.scope(r.Match)
		h.Target = waxseal.Target{Type: waxseal.TargetService, Value: quoted(actionName(r.Action))}
		h.Explain = upper(h.Scope) + " is handed to the action " + mta.Clip(actionName(r.Action)) + " (" + r.Action.Method + ")."
		if r.hidden != "" {
			mta.Inactive(&h, r.hidden)
		}
		in.openRelay(r, text)
		in.emit(h)
	}
}

// openRelay tells of a match that lets anybody send mail anywhere.
func (in *instance) openRelay(r rule, text string) {
	m := r.Match
	narrow := m.Tag != nil || m.Helo != nil || m.Auth != nil && !m.Auth.Not || m.Sender != nil && !m.Sender.Not || m.Rcpt != nil || m.TLS != nil
	if m.Action.Method != "relay" || narrow || !fromAnywhere(m.From) {
		return
	}
	if everywhere := m.For.Kind == "any" || m.For.Not || hasKey(m.For.Table, "*"); !everywhere {
		return
	}
	h := in.hook("open "+text, r.Pos)
	h.Kind, h.Stage, h.Effects, h.Directive, h.Scope = waxseal.KindPolicy, waxseal.StageSession, diverts, "match", "all mail"
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: text, Remote: true}
	h.Explain = "Anybody on the Internet may send mail anywhere through this host (match " + mta.Clip(text) + ")."
	if r.hidden != "" {
		mta.Inactive(&h, r.hidden)
	}
	in.emit(h)
}

func actionName(a *smtpdconf.Action) string {
	if a.Name != "" {
		return a.Name
	}
	return "of the rule on line " + strconv.Itoa(a.Pos.Line)
}

// quoted marks a name as one that is no host.
func quoted(name string) string { return `"` + name + `"` }

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// matchText writes the conditions in one form, whatever order they stand in.
func matchText(m *smtpdconf.Match) string {
	words := []string{testText("from", m.From), testText("for", m.For)}
	for _, t := range []struct {
		name string
		test *smtpdconf.Test
	}{{"tag", m.Tag}, {"helo", m.Helo}, {"tls", m.TLS}, {"auth", m.Auth}, {"mail-from", m.Sender}, {"rcpt-to", m.Rcpt}} {
		if t.test != nil {
			words = append(words, testText("", smtpdconf.Test{Kind: t.name, Not: t.test.Not, Regex: t.test.Regex, Table: t.test.Table}))
		}
	}
	return strings.Join(words, " ")
}

func testText(word string, t smtpdconf.Test) string {
	text := strings.TrimSpace(word + " " + t.Kind)
	if t.Not {
		text = "! " + text
	}
	if t.Regex {
		text += " regex"
	}
	if t.Table != nil {
		text += " " + tableText(t.Table)
	}
	return text
}

// maxWritten bounds the entries of a table that are written where it is used.
const maxWritten = 20

// tableText writes a table as it is used: its name, or what stands in braces.
func tableText(t *smtpdconf.Table) string {
	if t.Name != "" {
		return "<" + t.Name + ">"
	}
	var items []string
	for _, e := range t.Entries[:min(len(t.Entries), maxWritten)] {
		item := e.Key
		if t.Shape == smtpdconf.Map {
			item += " = " + e.Value
		}
		items = append(items, mta.Clip(item))
	}
	if len(t.Entries) > maxWritten {
		items = append(items, "…")
	}
	return "{ " + strings.Join(items, ", ") + " }"
}

// methodText names what an action does: "relay", "maildir".
func methodText(a *smtpdconf.Action) string {
	return "action " + quoted(actionName(a)) + " (" + a.Method + ")"
}
