package postfix

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// milters reads smtpd_milters and non_smtpd_milters: sockets, each possibly
// { socket, option = value } (MILTER_README).
func milters(s site) {
	for i, item := range mapdb.Fields(s.value) {
		h := s.hook(strconv.Itoa(i + 1))
		s.milter(&h, item, s.meeting())
		s.in.emit(h)
	}
}

// milterMap reads smtpd_milter_maps: a client's address gives a milter list, or
// DISABLE.
func milterMap(s site) {
	s.entries(func(t table, e entry) {
		for n, item := range mapdb.Fields(e.Value) {
			h := s.entry(t, e, n+1)
			h.Scope = "client " + clip(e.Key)
			if strings.EqualFold(item, "DISABLE") {
				h.Target = waxseal.Target{Type: waxseal.TargetText, Value: item}
				h.Explain = "Mail from the client " + clip(e.Key) + " meets no milter (smtpd_milter_maps)."
			} else {
				s.milter(&h, item, "Mail from the client "+clip(e.Key))
			}
			s.in.emit(h)
		}
	})
}

func (s site) milter(h *waxseal.Hook, item, whose string) {
	var options []string
	socket := item
	if inner, ok := mapdb.Unbrace(item); ok {
		if f := mapdb.Fields(inner); len(f) > 0 {
			socket, options = f[0], f[1:]
		}
	}
	h.Target, h.Closure = s.in.socketTarget(socket, s.milterChroot())
	action := s.milterModifiers(h, options)
	h.Explain = whose + " is handed to the milter at " + clip(h.Target.Value) + mta.Where(h.Target) +
		", which can read, change, add recipients to or discard it; " + failure(action)
}

// milterModifiers notes what else decides what the milter can do; the result is
// what happens when it does not answer.
func (s site) milterModifiers(h *waxseal.Hook, options []string) (action string) {
	for _, name := range milterOptions {
		value := s.view.Value(name)
		if name == "milter_default_action" {
			action = value
		}
		standard, _ := s.view.Standard(name)
		if name == "milter_default_action" || value != standard {
			mta.Modify(h, name, value)
		}
	}
	for _, o := range options {
		if inner, ok := mapdb.Unbrace(o); ok {
			o = inner
		}
		name, value, ok := splitNameValue(o)
		if !ok {
			s.in.Problem(s.source.Path, s.source.Line, s.name+": expected name = value, found "+clip(o))
			continue
		}
		if name == "default_action" {
			action = value
		}
		mta.Modify(h, "milter_"+name, value)
	}
	return action
}

func failure(action string) string {
	reply := " (milter_default_action = " + clip(action) + ")."
	switch action {
	case "accept":
		return "if it does not answer, mail passes unfiltered" + reply
	case "reject":
		return "if it does not answer, mail is rejected" + reply
	case "quarantine":
		return "if it does not answer, mail is put on hold" + reply
	}
	return "if it does not answer, mail is put off" + reply
}

// milterChroot is the root directory of the daemon that opens the socket.
func (s site) milterChroot() chroot {
	if s.service != nil {
		return s.in.chrootOf(s.service)
	}
	if s.name == "non_smtpd_milters" {
		return s.in.daemonChroot("cleanup")
	}
	return s.in.daemonChroot("smtpd")
}
