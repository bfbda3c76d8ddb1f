package postfix

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// transportTable reads transport(5) and tables with the same results.
func transportTable(s site) {
	s.entries(func(t table, e entry) {
		d := s.in.deliver(e.Value, s.param.kind)
		h := s.entry(t, e, 1)
		d.fill(&h)
		h.Scope = s.whoseMail(e)
		h.Explain = mailWith(h.Scope) + " " + d.words + " (" + s.name + ")."
		s.in.emit(h)
	})
}

// whoseMail is the scope of an entry. In transport(5), and in static:, a * is all
// mail.
func (s site) whoseMail(e entry) string {
	if e.Key == "*" {
		return "all"
	}
	return scopeWord(s.name) + " " + clip(e.Key)
}

func mailWith(scope string) string {
	if scope == "all" {
		return "All mail"
	}
	return "Mail with " + scope
}

func scopeWord(name string) string {
	if strings.HasPrefix(name, "sender_") {
		return "sender"
	}
	return "recipient"
}

// hostTable reads tables whose results are next hops.
func hostTable(s site) {
	s.entries(func(t table, e entry) {
		h := s.entry(t, e, 1)
		h.Target, h.Closure = s.in.hostTarget(e.Value, notChrooted)
		h.Scope = s.whoseMail(e)
		h.Explain = mailWith(h.Scope) + " is sent to " + clip(h.Target.Value) + mta.Where(h.Target) + " (" + s.name + ")."
		s.in.emit(h)
	})
}

// addressTable reads tables whose results are addresses: virtual(5),
// canonical(5), generic(5), bcc.
func addressTable(s site) {
	for _, t := range s.tableHooks(s.value, mapdb.KeyValue) {
		if s.param.kind == waxseal.KindRedirect {
			s.foldEntries(t, s.ownToOwn, s.addressEntry)
		} else {
			s.each(t, s.addressEntry)
		}
	}
}

func (s site) addressEntry(t table, e entry) {
	list := addressList(e.Value)
	kept := false
	for _, a := range list {
		kept = kept || sameAddress(a, e.Key)
	}
	for n, a := range list {
		h := s.entry(t, e, n+1)
		h.Target = s.in.addressTarget(a)
		h.Scope = s.whoseMail(e)
		h.Explain = s.addressSentence(&h, e, a, kept)
		s.in.emit(h)
	}
}

func (s site) addressSentence(h *waxseal.Hook, e entry, address string, kept bool) string {
	to := clip(address) + mta.Where(h.Target) + " (" + s.name + ")."
	switch {
	case s.param.kind == waxseal.KindCopy:
		return mailWith(h.Scope) + " is copied to " + to
	case s.param.kind == waxseal.KindRewrite:
		h.Scope = "address " + clip(e.Key)
		return "The address " + clip(e.Key) + " is replaced by " + to
	case kept && !sameAddress(address, e.Key):
		h.Kind, h.Effects = waxseal.KindCopy, copies
		return "Mail for " + clip(e.Key) + " is delivered and copied to " + to
	case kept:
		return "Mail for " + clip(e.Key) + " is delivered as well (" + s.name + ")."
	}
	return "Mail for " + clip(e.Key) + " goes to " + to
}

// sameAddress reports whether a result is its own key, with or without the
// domain.
func sameAddress(result, key string) bool {
	result, key = strings.ToLower(strings.TrimPrefix(result, `\`)), strings.ToLower(key)
	if result == key {
		return true
	}
	user, _, keyHasDomain := strings.Cut(key, "@")
	name, _, resultHasDomain := strings.Cut(result, "@")
	return user == name && user != "" && keyHasDomain != resultHasDomain
}

// filterTable reads tables that rewrite commands, replies or outcomes: every
// entry acts.
func filterTable(s site) {
	s.entries(func(t table, e entry) {
		h := s.entry(t, e, 1)
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: e.Value}
		h.Scope = "what matches " + clip(e.Key)
		h.Explain = "What matches " + clip(e.Key) + " becomes " + clip(e.Value) + ", and nothing of that is logged (" + s.name + ")."
		s.in.emit(h)
	})
}

// textTable reads relocated(5).
func textTable(s site) {
	s.entries(func(t table, e entry) {
		h := s.entry(t, e, 1)
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: e.Value}
		h.Scope = "recipient " + clip(e.Key)
		h.Explain = "Mail for " + clip(e.Key) + " is sent back with the advice that the user has moved to " + clip(e.Value) + " (" + s.name + ")."
		s.in.emit(h)
	})
}

// mailboxTable reads virtual_mailbox_maps: files below virtual_mailbox_base. An
// entry that stays there says where an own user's mail is kept, and no more.
func mailboxTable(s site) {
	base := s.view.Value("virtual_mailbox_base")
	stays := func(e entry) bool {
		return strings.HasPrefix(base, "/") && !strings.Contains(e.Value, "..") && !strings.Contains(e.Value, "/.")
	}
	for _, t := range s.tableHooks(s.value, mapdb.KeyValue) {
		s.foldEntries(t, func(e entry) bool { return stays(e) && s.plainName(e.Key) }, func(t table, e entry) {
			h := s.entry(t, e, 1)
			box := path.Join("/", base, e.Value)
			h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: box}
			h.Scope = "recipient " + clip(e.Key)
			if stays(e) {
				h.Kind = waxseal.KindMap
			}
			if !strings.Contains(box, "$") && !strings.HasSuffix(e.Value, "/") && base != "" {
				h.Closure = []waxseal.Part{{Path: mta.Clean(box), Role: waxseal.RoleMailbox}}
			}
			h.Explain = "Mail for " + clip(e.Key) + " is written to " + clip(box) + " (" + s.name + ")."
			s.in.emit(h)
		})
	}
}

// commandTable reads mailbox_command_maps.
func commandTable(s site) {
	s.entries(func(t table, e entry) {
		h := s.entry(t, e, 1)
		s.command(&h, e.Value)
		h.Scope = "recipient " + clip(e.Key)
		h.Explain = "Mail for " + clip(e.Key) + " is delivered by the command " + clip(e.Value) + ", run as the recipient (" + s.name + ")."
		s.in.emit(h)
	})
}
