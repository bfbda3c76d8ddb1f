package sendmail

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// userDatabase reads option UserDatabaseSpec: "/etc/mail/userdb.db", "@host", ";"
// and "," between them. Keys are "alice:maildrop" and "alice:mailname" (op.me 4.1.2).
func userDatabase(in *instance, h *waxseal.Hook, value string) bool {
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: value}
	for _, item := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",; \t", r) }) {
		switch {
		case strings.HasPrefix(item, "@"):
			h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: item, Remote: true}
			h.External = true
			mta.Modify(h, "hosts", item[1:])
		case path.IsAbs(item):
			t := in.table(strings.TrimSuffix(item, ".db"), "btree", ".db", false, false)
			h.Closure = append(h.Closure, t.parts()...)
			in.userEntries(t, *h)
		}
	}
	return true
}

func (in *instance) userEntries(t *table, like waxseal.Hook) {
	for _, e := range t.kept {
		user, field, _ := strings.Cut(e.key, ":")
		h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":" + string(t.source) + ":userdb:" + clip(e.key)), Kind: waxseal.KindRedirect, Stage: waxseal.StageRoute,
			Effects: diverts, Scope: "recipient " + clip(user), Active: like.Active, Source: waxseal.Source{Path: e.at, Line: e.line}, Directive: "userdb"}
		h.Target = in.address(e.value)
		h.Explain = "Mail for " + clip(user) + " goes to " + clip(e.value) + mta.Where(h.Target) + " (userdb maildrop)."
		if field == "mailname" {
			h.Kind, h.Effects, h.Scope = waxseal.KindRewrite, changes, "sender "+clip(user)
			h.Explain = "Mail of " + clip(user) + " leaves with the sender " + clip(e.value) + mta.Where(h.Target) + " (userdb mailname)."
		}
		mta.Modify(&h, "drift", e.drift)
		if e.unused != "" {
			mta.Inactive(&h, e.unused)
		}
		in.Emit(h)
	}
}
