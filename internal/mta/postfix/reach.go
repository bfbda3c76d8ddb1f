package postfix

import (
	"maps"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// complete reports whether master.cf is that of a whole mail system: only then
// does what it lacks say anything.
func (in *instance) complete() bool {
	return len(in.running("cleanup")) > 0 && len(in.running("qmgr")) > 0
}

// running are the services of master.cf that are switched on and run a program.
func (in *instance) running(program string) []*service {
	var list []*service
	for i := range in.services {
		s := &in.services[i]
		if s.Program() == program && !in.disabled(s) && in.byKey[s.Key()] == s {
			list = append(list, s)
		}
	}
	return list
}

// unread says why no daemon reads what main.cf sets, "" if one does: none that
// reads it is started, or each has an -o of its own.
func (in *instance) unread(p param) string {
	if p.daemons == "" || !in.complete() {
		return ""
	}
	overridden := ""
	for _, program := range strings.Fields(p.daemons) {
		for _, s := range in.running(program) {
			if _, ok := s.Override(p.name); !ok {
				return ""
			}
			overridden = s.Program()
		}
	}
	if overridden != "" {
		return "every " + overridden + " in master.cf has an -o " + p.name + " of its own"
	}
	return "no service in master.cf runs " + strings.Join(strings.Fields(p.daemons), " or ")
}

// settle decides which hooks mail reaches, now that it is known what leads where.
func (in *instance) settle() {
	in.settleClasses()
	in.settleLocal()
	in.settleDestinations()
	for _, h := range in.hooks {
		if h.Active {
			in.leads(h)
		}
	}
}

// leads marks the services that a hook hands mail to.
func (in *instance) leads(h waxseal.Hook) {
	if t := h.Modifiers["transport"]; t != "" {
		in.reached[t+"/unix"] = true
	}
	for _, p := range h.Closure {
		if p.Role != waxseal.RoleSocket {
			continue
		}
		if rest, ok := strings.CutPrefix(string(p.Path), in.queueDirectory()+"/"); ok {
			in.reached[strings.TrimPrefix(strings.TrimPrefix(rest, "private/"), "public/")+"/unix"] = true
		}
	}
}

// isLocal reports whether only local(8) acts on a hook.
func isLocal(h *waxseal.Hook) bool { return len(h.LoadedBy) == 1 && h.LoadedBy[0] == "local" }

// settleLocal looks whether mail reaches local(8) at all, and which of its ways
// to deliver comes first (local(8), mailbox.c and unknown.c in its source).
func (in *instance) settleLocal() {
	unreached := in.noLocal()
	for i := range in.hooks {
		h := &in.hooks[i]
		if !isLocal(h) || !h.Active {
			continue
		}
		why := unreached
		for _, earlier := range before[h.Directive] {
			if why == "" && !strings.HasSuffix(string(h.Source.Path), "/master.cf") && in.view.Value(earlier) != "" {
				why = earlier + " takes the mail first"
			}
		}
		if why != "" {
			mta.Inactive(h, why)
		}
	}
}

// before lists what local(8) uses before, and instead of, a parameter.
var before = map[string][]string{
	"mailbox_command_maps": {"mailbox_transport"},
	"mailbox_command":      {"mailbox_transport"},
	"home_mailbox":         {"mailbox_transport", "mailbox_command"},
	"mail_spool_directory": {"mailbox_transport", "mailbox_command", "home_mailbox"},
	"luser_relay":          {"fallback_transport"},
}

// noLocal says why no mail reaches local(8), "" if some does.
func (in *instance) noLocal() string {
	if !in.complete() {
		return ""
	}
	var names []string
	for _, s := range in.running("local") {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return "no service in master.cf runs local(8)"
	}
	for _, h := range in.hooks {
		if h.Active && h.Directive != "local_transport" && slices.Contains(names, h.Modifiers["transport"]) {
			return ""
		}
	}
	transport, _, _ := strings.Cut(in.view.Value("local_transport"), ":")
	switch {
	case !slices.Contains(names, transport):
		return "local_transport hands mail for local users to " + clip(in.view.Value("local_transport"))
	case len(in.listed("mydestination")) == 0:
		return "mydestination is empty, so that no domain is local"
	}
	return ""
}

// settleDestinations switches off the transports of destination classes that have
// no domain (ADDRESS_CLASS_README).
func (in *instance) settleDestinations() {
	domains := map[string]string{"relay_transport": "relay_domains", "virtual_transport": "virtual_mailbox_domains", "local_transport": "mydestination"}
	for i := range in.hooks {
		h := &in.hooks[i]
		if list := domains[h.Directive]; h.Active && list != "" && in.view.Value(list) == "" {
			mta.Inactive(h, list+" is empty, so that no mail takes this way")
		}
	}
}

// classUse is what is known of one restriction class: its hooks and who names it.
type classUse struct {
	from, to int // of in.hooks
	named    bool
	names    []string // the classes that it names itself
}

// nameClasses notes the restriction classes that a list of restrictions names.
// class is the class whose list it is, "" for those that smtpd(8) begins with.
func (in *instance) nameClasses(class string, items []string) {
	for _, item := range items {
		if class == "" {
			in.class(item).named = true
		} else if c := in.class(class); len(c.names) < 1000 {
			c.names = append(c.names, item)
		}
	}
}

func (in *instance) class(name string) *classUse {
	c, ok := in.classes[name]
	if !ok {
		c = &classUse{}
		in.classes[name] = c
	}
	return c
}

// settleClasses switches off what stands in restriction classes that nobody
// names (RESTRICTION_CLASS_README).
func (in *instance) settleClasses() {
	names := slices.Sorted(maps.Keys(in.classes))
	for again := true; again; {
		again = false
		for _, name := range names {
			c := in.classes[name]
			for _, other := range c.names {
				if o := in.classes[other]; c.named && o != nil && !o.named {
					o.named, again = true, true
				}
			}
			if c.named {
				c.names = nil
			}
		}
	}
	for _, name := range names {
		c := in.classes[name]
		for i := c.from; i < c.to && !c.named; i++ {
			mta.Inactive(&in.hooks[i], "no list of restrictions and no table names the class "+clip(name))
		}
	}
}
