package policy

import (
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// answer makes the hooks of what a service answers Postfix, which may be any
// action of access(5); whose mail gets it is said by the scope. It reports false
// where the answer only says whether mail is taken.
func (s *service) answer(h waxseal.Hook, text string) bool {
	whose := h.Scope
	a := mta.ParseAction(text)
	switch {
	case a.Bearing == mta.Acts:
		h.Kind, h.Effects = a.Kind, a.Effects
		h.Target = waxseal.Target{Type: a.Target, Value: a.Rest}
		s.answerTarget(&h, a)
		mta.Modify(&h, "action", a.Verb)
		if a.Verb == "HOLD" || a.Verb == "DISCARD" {
			h.Target.Value = strings.TrimSpace(a.Verb + " " + a.Rest)
		}
		if h.Directive == "action" {
			h.Directive = a.Verb
		}
		if a.Verb == "HOLD" {
			mta.Modify(&h, "held", "yes")
		}
		h.Explain = s.title + " says of " + whose + " that it " + does(a, h) + " (" + a.Verb + " in " + string(h.Source.Path) + ")."
	case strings.HasPrefix(a.Verb, "$$"):
		h.Kind, h.Effects = waxseal.KindRedirect, []waxseal.Effect{waxseal.Divert, waxseal.Drop}
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: text}
		h.Explain = s.title + " takes what happens to " + whose + " from the message itself: " + mta.Clip(text) + " (" + string(h.Source.Path) + ")."
	case a.Bearing == mta.Restricts && strings.Contains(strings.ToLower(text), "check_policy_service"):
		s.asks(h, text)
		return true
	default:
		return false
	}
	s.Emit(h)
	return true
}

func does(a mta.Action, h waxseal.Hook) string {
	if h.Kind == waxseal.KindDiscard || a.Rest == "" {
		return a.Does
	}
	return a.Does + " " + mta.Clip(a.Rest) + mta.Where(h.Target)
}

func (s *service) answerTarget(h *waxseal.Hook, a mta.Action) {
	switch a.Verb {
	case "REDIRECT", "BCC":
		h.Target = s.domains.Address(a.Rest)
		if !strings.Contains(a.Rest, "@") && !strings.Contains(a.Rest, "$$") {
			mta.Inactive(h, "the action is ignored, since the address has no @")
		}
	case "FILTER":
		transport, next, ok := strings.Cut(a.Rest, ":")
		if !ok {
			mta.Inactive(h, "the action is ignored, since it does not name transport:destination")
		}
		h.Target = waxseal.Target{Type: waxseal.TargetService, Value: a.Rest}
		if next != "" && (transport == "smtp" || transport == "relay" || transport == "lmtp") {
			host, _ := mta.SplitHostPort(strings.TrimPrefix(next, "inet:"))
			h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: next, Remote: !mta.IsLoopback(host)}
		}
	}
}

// asks makes a hook of each policy service that an answer names
// (SMTPD_POLICY_README).
func (s *service) asks(h waxseal.Hook, text string) {
	items := mapdb.Fields(text)
	for i, item := range items {
		if !strings.EqualFold(item, "check_policy_service") || i+1 >= len(items) {
			continue
		}
		s.askedAt(h, items[i+1])
	}
}

// askedAt emits the hook of another service that is asked at a socket.
func (s *service) askedAt(h waxseal.Hook, server string) {
	h.Kind, h.Effects = waxseal.KindPolicy, []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Modify, waxseal.Drop}
	if p, ok := strings.CutPrefix(server, "unix:"); ok {
		target, part := mta.UnixSocket(mta.Clean(p))
		h.Target, h.Closure = target, append(h.Closure, part)
	} else {
		host, port := mta.SplitHostPort(strings.TrimPrefix(server, "inet:"))
		h.Target = mta.InetSocket(host, port)
	}
	h.Explain = s.title + " asks the policy server at " + mta.Clip(h.Target.Value) + mta.Where(h.Target) + " about " + h.Scope + ", and does what it says (" + h.Directive + " in " + string(h.Source.Path) + ")."
	s.Emit(h)
}
