package postfix

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// actions makes the hooks of a table of actions. Those of a large table that only
// let mail pass or refuse it are folded.
func (s site) actions(t table, whose string) {
	if t.lines <= maxOrdinary || t.format != mapdb.KeyValue {
		s.each(t, func(t table, e entry) { s.entryAction(t, e, whose) })
		return
	}
	f := folding{lines: t.lines}
	s.each(t, func(t table, e entry) {
		if a := mta.ParseAction(e.Value); a.Bearing == mta.Decides && a.Verb == e.Value {
			s.settingOrFold(&f, t, e)
		} else {
			s.entryAction(t, e, whose)
		}
	})
	s.foldedSettings(t, &f)
}

// entryAction makes the hook of one table entry, or a setting where the entry
// only lets mail pass or refuses it.
func (s site) entryAction(t table, e entry, whose string) {
	a := mta.ParseAction(e.Value)
	switch {
	case a.Bearing == mta.Acts:
	case strings.Contains(a.Verb, "$"):
		// The mail itself supplies the action: ${1} in a pattern table.
		a = mta.Action{Verb: "$", Rest: e.Value, Kind: waxseal.KindRedirect, Effects: decides, Does: "meets an action taken from the message itself:", Target: waxseal.TargetText}
	default:
		s.entrySetting(t, e)
		if a.Bearing == mta.Restricts {
			s.reachRestrictions(e.Value)
		}
		return
	}
	verb, rest := a.Verb, a.Rest
	h := s.entry(t, e, 1)
	h.Kind, h.Effects, h.Directive, h.Scope = a.Kind, a.Effects, verb, whose+" "+clip(e.Key)
	h.Target = waxseal.Target{Type: a.Target, Value: rest}
	s.actionTarget(&h, verb, rest)
	if s.outgoing() && strings.Contains("REDIRECT BCC FILTER DISCARD HOLD PASS", verb) {
		mta.Inactive(&h, "smtp(8) knows no such action")
	}
	h.Explain = sentence("Mail whose " + whose + " matches " + clip(e.Key) + " " + a.Does + tail(h, rest) + " (" + verb + " in " + string(t.path) + ").")
	s.in.emit(h)
}

func sentence(s string) string { return strings.Join(strings.Fields(s), " ") }

func tail(h waxseal.Hook, rest string) string {
	if rest == "" || h.Kind == waxseal.KindDiscard {
		return ""
	}
	if h.Kind == waxseal.KindContentFilter {
		return " it goes to " + clip(h.Target.Value) + mta.Where(h.Target)
	}
	return " " + clip(rest) + mta.Where(h.Target)
}

// actionTarget resolves what the word behind the action names.
func (s site) actionTarget(h *waxseal.Hook, verb, rest string) {
	switch verb {
	case "REDIRECT", "BCC":
		h.Target = s.in.addressTarget(rest)
		if !strings.Contains(rest, "@") {
			mta.Inactive(h, "the action is ignored, since the address has no @")
		}
	case "FILTER":
		d := s.in.deliver(rest, waxseal.KindContentFilter)
		d.fill(h)
		h.Kind = waxseal.KindContentFilter
		if d.target.Type != waxseal.TargetCommand && d.kind != waxseal.KindDiscard {
			h.Effects = seesAll
		}
		if !strings.Contains(rest, ":") {
			mta.Inactive(h, "the action is ignored, since it does not name transport:destination")
		}
	case "STRIP", "IGNORE", "PASS", "DISCARD", "HOLD":
		h.Target.Value = strings.TrimSpace(verb + " " + rest)
	}
}

// outgoing reports whether the checks are those of smtp(8) or lmtp(8).
func (s site) outgoing() bool {
	return strings.HasPrefix(s.name, "smtp_") || strings.HasPrefix(s.name, "lmtp_")
}

// checksTable reads header_checks and its like (header_checks(5)).
func checksTable(s site) {
	whose := "header"
	if strings.HasSuffix(s.name, "body_checks") {
		whose = "body"
	}
	for _, t := range s.tableHooks(s.value, mapdb.KeyValue) {
		s.actions(t, whose)
	}
}

// restrictions reads an smtpd restriction list (SMTPD_ACCESS_README).
func restrictions(s site) {
	items := mapdb.Fields(s.value)
	policies, tables := 0, 0
	if s.active {
		s.in.nameClasses(s.class, items)
	}
	s.openRelay(items)
	for i := 0; i < len(items); i++ {
		check := strings.ToLower(items[i])
		switch {
		case check == "check_policy_service" && i+1 < len(items):
			i++
			policies++
			s.policyService(items[i], "check_policy_service:"+strconv.Itoa(policies))
		case strings.HasPrefix(check, "check_") && strings.HasSuffix(check, "_access") && i+1 < len(items) && strings.Contains(items[i+1], ":"):
			i++
			tables++
			s.accessTable(check, items[i], strconv.Itoa(tables))
		case mapdb.IsRef(items[i]):
			tables++
			s.accessTable(s.name, items[i], strconv.Itoa(tables))
		}
	}
}

func (s site) accessTable(check, ref, suffix string) {
	s.param.looks = "mail is let in or not"
	for _, t := range s.tableHook(mapdb.Parse(ref), mapdb.KeyValue, suffix) {
		s.actions(t, accessSubject(check))
	}
}

// accessSubject says what a check_*_access looks up.
func accessSubject(check string) string {
	for _, subject := range []string{"recipient", "sender", "client", "helo", "etrn", "sasl", "ccert"} {
		if strings.Contains(check, subject) {
			return subject
		}
	}
	return "sender, recipient or client"
}

// policyService reads what follows check_policy_service: inet:host:port,
// unix:private/name, or { server, option = value } (SMTPD_POLICY_README).
func (s site) policyService(item, suffix string) {
	h := s.hook(suffix)
	server := item
	if inner, ok := mapdb.Unbrace(item); ok {
		f := mapdb.Fields(inner)
		if len(f) == 0 {
			return
		}
		server = f[0]
		for _, o := range f[1:] {
			if name, value, ok := splitNameValue(strings.Trim(o, "{}")); ok {
				mta.Modify(&h, name, value)
			}
		}
	}
	chroot := s.in.daemonChroot("smtpd")
	if s.service != nil {
		chroot = s.in.chrootOf(s.service)
	}
	h.Directive = "check_policy_service"
	h.Target, h.Closure = s.in.socketTarget(server, chroot)
	by := ""
	if svc := s.in.socketService(server); svc != nil {
		x := svc.External()
		h.Closure = append(h.Closure, s.in.CommandParts(x.Argv)...)
		h.RunsAs = x.User
		mta.Modify(&h, "service", clip(svc.Key()))
		mta.Modify(&h, "command", commandLine(x.Argv))
		by = ", answered by the command " + clip(commandLine(x.Argv)) + " run as " + mta.OrUnknown(x.User)
	}
	for _, name := range []string{"smtpd_policy_service_default_action", "smtpd_policy_service_try_limit"} {
		if value := s.view.Value(name); !s.in.isDefault(name, value) {
			mta.Modify(&h, name, value)
		}
	}
	h.Explain = "The policy server at " + clip(h.Target.Value) + mta.Where(h.Target) + by +
		" is asked about sender and recipient of mail (" + s.name + "); it can refuse, redirect, copy, hold or discard it."
	s.in.emit(h)
}

// socketService finds the master.cf service behind unix:private/name or
// unix:public/name.
func (in *instance) socketService(server string) *service {
	rest, ok := strings.CutPrefix(server, "unix:")
	if !ok {
		return nil
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, in.queueDirectory()), "/")
	for _, class := range []string{"private/", "public/"} {
		if name, ok := strings.CutPrefix(rest, class); ok {
			return in.byKey[name+"/unix"]
		}
	}
	return nil
}

// restrictionClasses reads the lists that smtpd_restriction_classes names
// (RESTRICTION_CLASS_README).
func restrictionClasses(s site) {
	for _, class := range mapdb.Fields(s.value) {
		value, defined := s.view.Value(class), s.in.main.Set[class]
		if value == "" || s.in.given["class\x00"+s.prefix+class] {
			continue
		}
		s.in.given["class\x00"+s.prefix+class] = true
		c := s
		c.name, c.value, c.class = class, value, class
		use := s.in.class(class)
		use.from = len(s.in.hooks)
		c.prefix = strings.TrimSuffix(s.prefix, s.name) + clip(class)
		if s.service == nil {
			c.source.Line = defined.Line
		}
		restrictions(c)
		use.to = len(s.in.hooks)
	}
}

// reachRestrictions follows a table result that is itself a restriction list:
// policy servers in it are reached.
func (s site) reachRestrictions(value string) {
	items := mapdb.Fields(value)
	if s.active {
		s.in.nameClasses(s.class, items)
	}
	for i, item := range items {
		if strings.EqualFold(item, "check_policy_service") && i+1 < len(items) {
			if svc := s.in.socketService(items[i+1]); svc != nil {
				s.in.reached[svc.Key()] = true
			}
		}
	}
}
