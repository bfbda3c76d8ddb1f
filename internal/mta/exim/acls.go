package exim

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
)

// accessLists makes the hooks of all ACLs, and of those that stand in the option
// that names them or in a file of their own.
func (in *instance) accessLists() {
	in.anybodyRelays()
	for _, a := range in.conf.ACLs {
		by, ok := in.reached[a.Name]
		why := ""
		if !ok {
			by.stage, why = waxseal.StageSession, "no option names the ACL "+a.Name
		}
		in.accessList(a, by, why)
	}
	for _, o := range aclOptions {
		option, ok := in.conf.Get(o.name)
		if !ok || strings.Contains(option.Value, "$") {
			continue
		}
		name, _, _ := strings.Cut(option.Value, " ")
		if _, named := in.acl(name); named || name == "" {
			continue
		}
		in.looseList(option, reach{o.name, o.stage})
	}
}

// looseList reads an ACL that is written in the option, or in a file that it names
// (spec 44.6).
func (in *instance) looseList(o eximconf.Option, by reach) {
	text, at := o.Value, o.Place
	if strings.HasPrefix(text, "/") && !strings.ContainsAny(text, "\n ") {
		p := mta.Clean(text)
		content, ok := in.Book.Read(p, "an ACL of Exim")
		if !ok {
			in.Problem(at.Path, at.Line, "the ACL "+o.Value+" can't be read")
			return
		}
		in.part(p, waxseal.RoleConfig)
		text, at = content, eximconf.Place{Path: p, Line: 1}
	}
	acl, problems := eximconf.ParseACL(o.Name, text, at)
	for _, p := range problems {
		in.Problem(p.Path, p.Line, p.Message)
	}
	in.accessList(acl, by, "")
}

func (in *instance) accessList(a eximconf.ACL, by reach, why string) {
	verbs := map[string]int{}
	var order []string
	for _, st := range a.Statements {
		verbs[st.Verb]++ // counted by verb, so that one more shifts only its like
		order = append(order, st.Verb)
		s := spot{
			place: "acl:" + a.Name + ":" + st.Verb + ":" + strconv.Itoa(verbs[st.Verb]), at: st.Place, stage: by.stage, runsAs: in.user, why: why,
			where: "ACL " + a.Name, scope: aclScope(by.option, st),
		}
		in.statement(s, a, st)
		count := map[string]int{}
		for _, item := range st.Items {
			count[item.Name]++
			each := s
			each.at = item.Place
			each.place += ":" + item.Name
			if count[item.Name] > 1 {
				each.place += ":" + strconv.Itoa(count[item.Name])
			}
			each.where += ", " + item.Name
			in.scan(each, item.Value)
			in.item(each, st, item)
		}
		in.set(s.place, shownStatement(st), st.Place)
	}
	in.set("acl:"+a.Name, strings.Join(order, ", "), a.Place)
}

// shownStatement writes a statement in one line, for a setting.
func shownStatement(st eximconf.Statement) string {
	var b strings.Builder
	b.WriteString(st.Verb)
	for _, i := range st.Items {
		b.WriteByte(' ')
		if i.Negated {
			b.WriteByte('!')
		}
		b.WriteString(i.Name)
		if i.Variable != "" {
			b.WriteString(" " + i.Variable)
		}
		b.WriteString("=" + i.Value)
	}
	return b.String()
}

// aclScope says which mail a statement meets.
func aclScope(option string, st eximconf.Statement) string {
	scope := "all mail by SMTP"
	if strings.HasPrefix(option, "acl_not_smtp") {
		scope = "all mail of this host's own users and programs"
	}
	for _, i := range st.Items {
		value := strings.TrimSpace(i.Value)
		if i.Negated || value == "*" || value == "" || strings.ContainsAny(value, "$+!") {
			continue
		}
		switch i.Name {
		case "senders":
			return "sender " + mta.Clip(value)
		case "recipients":
			return "recipient " + mta.Clip(value)
		case "local_parts":
			return "recipient " + mta.Clip(value)
		case "domains":
			return "recipient @" + mta.Clip(value)
		case "sender_domains":
			return "sender @" + mta.Clip(value)
		}
	}
	return scope
}

// statement makes the hook of a verb that drops mail without a word.
func (in *instance) statement(s spot, a eximconf.ACL, st eximconf.Statement) {
	if st.Verb != "discard" {
		return
	}
	h := in.aclHook(s, "discard")
	h.Kind, h.Effects = waxseal.KindDiscard, drops
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: conditionsOf(st)}
	h.Explain = "Mail is taken and thrown away without a word to anyone: " + mta.Clip(h.Scope) + ", where " + mta.Clip(conditionsOf(st)) + " (ACL " + a.Name + ")."
	in.emit(h)
}

// conditionsOf writes the conditions of a statement.
func conditionsOf(st eximconf.Statement) string {
	var words []string
	for _, i := range st.Items {
		switch i.Name {
		case "message", "log_message", "set", "control", "logwrite", "add_header", "remove_header", "delay", "endpass", "continue":
		default:
			not := ""
			if i.Negated {
				not = "!"
			}
			words = append(words, not+i.Name+" = "+i.Value)
		}
	}
	if len(words) == 0 {
		return "nothing is asked"
	}
	return strings.Join(words, ", ")
}

func (in *instance) aclHook(s spot, directive string) waxseal.Hook {
	h := in.hook(s.place+":"+directive, s.at)
	h.Stage, h.Scope, h.Directive = s.stage, s.scope, directive
	s.mark(&h)
	return h
}

// item makes the hook of a modifier or condition.
func (in *instance) item(s spot, st eximconf.Statement, i eximconf.Item) {
	switch i.Name {
	case "control":
		in.control(s, st, i)
	case "add_header":
		in.aclHeader(s, i, "is added to")
	case "message":
		if st.Verb == "warn" && strings.Contains(i.Value, ":") {
			in.aclHeader(s, i, "is added to")
		}
	case "remove_header":
		in.removed(s, i.Name, i.Value)
	case "spam", "malware":
		in.set(s.place+":asked", i.Value, i.Place)
	case "udpsend":
		in.udpSend(s, i)
	case "log_reject_target":
		if strings.TrimSpace(i.Value) == "" && (st.Verb == "deny" || st.Verb == "drop" || st.Verb == "defer") {
			h := in.aclHook(s, i.Name)
			h.Kind = waxseal.KindLog
			h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "nowhere"}
			h.Explain = "What this statement rejects is not logged (" + s.where + ")."
			in.emit(h)
		}
	case "domains", "hosts", "senders", "sender_domains", "local_parts", "recipients":
		in.listTables(s, aclLists[i.Name], i.Value)
	}
}

var aclLists = map[string]string{"domains": "domainlist", "sender_domains": "domainlist", "hosts": "hostlist", "senders": "addresslist", "recipients": "addresslist", "local_parts": "localpartlist"}

func (in *instance) aclHeader(s spot, i eximconf.Item, what string) {
	h := in.aclHook(s, "add_header")
	h.Kind, h.Effects = waxseal.KindRewrite, modifies
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: strings.TrimSpace(i.Value)}
	h.Explain = "The header " + mta.Clip(h.Target.Value) + " " + what + " messages (" + s.where + ")."
	in.emit(h)
}

// removed makes the hook of headers that are taken away. Who takes away Received
// hides through whose hands mail went: no mail system may (RFC 5321 section 4.4).
func (in *instance) removed(s spot, directive, value string) {
	h := in.hook(s.place+":removed", s.at)
	h.Kind, h.Stage, h.Scope, h.Effects, h.Directive = waxseal.KindRewrite, s.stage, s.scope, modifies, directive
	s.mark(&h)
	names := strings.Join(eximconf.Split(value), ", ")
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: names}
	h.Explain = "The headers " + mta.Clip(names) + " are taken out of messages (" + s.where + ")."
	for _, name := range eximconf.Split(value) {
		name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), ":"))
		if name == "received" || name == "received*" || name == "*" {
			h.Effects = hides
			h.Explain = "The headers " + mta.Clip(names) + " are taken out of messages, so that nobody sees through whose hands they went (" + s.where + ")."
		}
	}
	in.emit(h)
}

// control makes the hooks of controls that keep mail, or lie about it.
func (in *instance) control(s spot, st eximconf.Statement, i eximconf.Item) {
	name, options, _ := strings.Cut(strings.TrimSpace(i.Value), "/")
	h := in.aclHook(s, "control")
	h.ID += waxseal.HookID(":" + clipKey(name))
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: name}
	where := " (" + s.where + ")."
	switch name {
	case "freeze":
		h.Kind, h.Effects, h.Directive = waxseal.KindDiscard, []waxseal.Effect{waxseal.Observe, waxseal.Drop}, "control = freeze:HOLD"
		if aimed := aclAim(st); aimed != "" {
			h.Scope = aimed
		}
		h.Explain = "Mail is put on hold until somebody looks" + where
	case "queue_only", "queue":
		h.Kind, h.Effects = waxseal.KindRewrite, modifies
		h.Explain = "Mail waits for the next run of the queue" + where
	case "fakereject", "fakedefer":
		h.Kind, h.Effects = waxseal.KindRewrite, hides
		h.Explain = "The sender is told that mail is not taken, and it is taken and delivered all the same" + where
	case "cutthrough_delivery", "debug":
		if name == "debug" && !strings.Contains(options, "kill") {
			h.Kind, h.Effects = waxseal.KindLog, nil
			h.Explain = "What happens to this mail is written into a log of its own, word by word" + where
			break
		}
		return
	default:
		return // a setting
	}
	in.emit(h)
}

// aclAim says whose mail a statement picks, in the words of a header check.
func aclAim(st eximconf.Statement) string {
	for _, i := range st.Items {
		if aimed := headerIn(i.Value); aimed != "" {
			return aimed
		}
		if (i.Name == "senders" || i.Name == "recipients") && !strings.ContainsAny(i.Value, "$*") {
			return "header from " + mta.Clip(i.Value)
		}
	}
	return ""
}

// headerIn names the header that a condition asks for, of those that say who writes
// to whom, and about what.
func headerIn(condition string) string {
	low := strings.ToLower(condition)
	for _, header := range []string{"subject", "from", "to", "cc", "reply-to", "sender"} {
		if strings.Contains(low, "h_"+header) || strings.Contains(low, "header_"+header) {
			return "header " + header
		}
	}
	return ""
}

// udpSend reads "host : port : text", a list with any separator (spec 44.20,
// "udpsend").
func (in *instance) udpSend(s spot, i eximconf.Item) {
	words := append(eximconf.Split(i.Value), "", "")
	h := in.aclHook(s, "udpsend")
	h.Kind, h.Effects = waxseal.KindPolicy, copies
	h.Target = mta.InetSocket(words[0], words[1])
	h.Explain = "What is known of mail is sent to " + h.Target.Value + mta.Where(h.Target) + " (" + s.where + ")."
	in.emit(h)
}
