package policy

import (
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// command is an action of postfwd's own: "jump(R-7)", "rate(client_address/5/60/450
// too many)" (postfwd(1) "ACTIONS").
var command = regexp.MustCompile(`^(\w[-\w]+)\s*\(\s*(.*?)\s*\)$`)

func (r rule) command() (name, argument string) {
	if g := command.FindStringSubmatch(r.action); g != nil {
		return g[1], g[2]
	}
	return "", ""
}

// meaning makes hooks and settings of the rules.
func (r *postfwdReader) meaning() {
	reached := r.reach()
	var order []string
	for i, one := range r.rules {
		h := r.ruleHook(one)
		if why := reached.by[i]; why != "" {
			mta.Inactive(&h, why)
		}
		r.ruleSettings(one, h.Active)
		order = append(order, one.id)
		if one.isEverybody() && one.letsBy() && h.Active && (one.verb() != "DUNNO" || i+1 < len(r.rules)) {
			r.letsEverybodyBy(h, one)
			continue
		}
		r.action(h, one, one.action)
	}
	if len(r.rules) > 0 {
		r.note(option{"order of rules", digest(order), r.rules[0].file, 0})
	}
}

// ruleHook begins the hook of a rule.
func (r *postfwdReader) ruleHook(one rule) waxseal.Hook {
	h := r.hook(option{"action", one.action, one.file, one.line}, one.id)
	h.Scope = one.scope()
	return h
}

// verb is the first word of an action.
func (r rule) verb() string { return mta.ParseAction(r.action).Verb }

// letsBy reports whether an action means that mail is taken, or asked about no
// further.
func (r rule) letsBy() bool {
	return slices.Contains([]string{"OK", "DUNNO", "RELAY", "PERMIT"}, r.verb())
}

func (r *postfwdReader) letsEverybodyBy(h waxseal.Hook, one rule) {
	h.Kind, h.Effects = waxseal.KindRewrite, []waxseal.Effect{waxseal.Observe}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: one.action}
	mta.Modify(&h, "lets_pass", "all")
	h.Explain = "postfwd answers " + mta.Clip(one.action) + " whatever it is asked: the rule " + mta.Clip(one.id) + " in " + string(one.file) + " has no condition that anything fails, and no rule below it counts."
	r.Emit(h)
}

// action makes the hooks of what a rule answers or does.
func (r *postfwdReader) action(h waxseal.Hook, one rule, action string) {
	name, argument := rule{action: action}.command()
	switch strings.TrimSuffix(name, "5321") {
	case "":
		r.answer(h, action)
	case "rate", "size", "rcpt":
		if f := strings.SplitN(argument, "/", 4); len(f) == 4 {
			h.Scope += ", beyond " + mta.Clip(f[1]) + " in " + mta.Clip(f[2]) + " seconds"
			if nested, _ := (rule{action: f[3]}).command(); nested == "" {
				r.answer(h, f[3])
			} else {
				r.sideEffect(h, nested, f[3])
			}
		}
	default:
		r.sideEffect(h, name, argument)
	}
}

// sideEffect makes the hook of a command that asks others or sends mail itself.
func (r *postfwdReader) sideEffect(h waxseal.Hook, name, argument string) {
	h.Directive = name
	switch name {
	case "ask":
		f := strings.SplitN(argument, ":", 3)
		if len(f) < 2 {
			return
		}
		r.askedAt(h, "inet:"+f[0]+":"+f[1])
	case "mail":
		f := strings.SplitN(argument, "/", 6)
		if len(f) < 4 {
			return
		}
		mta.Modify(&h, "server", f[0])
		r.notice(h, f[3], "by the mail server "+mta.Clip(f[0]))
	case "sendmail":
		f := strings.SplitN(argument, "::", 5)
		if len(f) < 3 {
			return
		}
		r.sends(h, f)
	}
}

// notice makes the hook of a message about mail that the service itself sends.
func (r *postfwdReader) notice(h waxseal.Hook, to, how string) {
	to = strings.Trim(strings.TrimSpace(to), "<>")
	h.Kind, h.Effects = waxseal.KindCopy, []waxseal.Effect{waxseal.Observe}
	h.Target = r.domains.Address(to)
	h.Explain = "postfwd tells " + mta.Clip(to) + mta.Where(h.Target) + " of " + h.Scope + ", " + how + " (" + h.Directive + "() in " + string(h.Source.Path) + ")."
	r.Emit(h)
}

// sends reads sendmail(command::from::to::subject::body): a shell runs the command
// "command -i -f from to".
func (r *postfwdReader) sends(h waxseal.Hook, f []string) {
	if f[0] == "/usr/sbin/sendmail" || f[0] == "/usr/lib/sendmail" {
		if !strings.ContainsAny(f[1]+f[2], ";|&`<>") || strings.Count(f[1]+f[2], "<") == strings.Count(f[1]+f[2], ">") && !strings.ContainsAny(f[1]+f[2], ";|&`") {
			r.notice(h, f[2], "by "+f[0])
			return
		}
	}
	line := f[0] + " -i -f " + f[1] + " " + f[2]
	h.Kind, h.Effects = waxseal.KindPipe, []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: line}
	h.Closure = r.CommandParts(mta.ShellWords(line))
	h.Explain = "postfwd runs the command " + mta.Clip(line) + " for " + h.Scope + ", as " + mta.OrUnknown(h.RunsAs) + " (sendmail() in " + string(h.Source.Path) + ")."
	r.Emit(h)
}

// ruleSettings notes what a rule says besides what its hook does: its conditions,
// and its action where that only decides.
func (r *postfwdReader) ruleSettings(one rule, active bool) {
	if !active {
		return
	}
	for _, it := range one.items {
		if it.name == "id" || it.name == "" {
			continue
		}
		var values []string
		for _, v := range it.values {
			if it.name != "action" && it.name != "score" {
				v.text = v.compare + v.text
			}
			values = append(values, v.text)
		}
		if it.name != "action" {
			slices.Sort(values) // any of them does
		}
		r.note(option{one.id + ":" + it.name, digest(values), one.file, one.line})
	}
}

// scope says in words which mail a rule is for.
func (r rule) scope() string {
	if r.isEverybody() {
		return "all mail that it is asked about"
	}
	var conditions []string
	for _, it := range r.items {
		if it.name == "id" || it.name == "action" || it.name == "" || len(it.values) == 0 {
			continue
		}
		c := it.name + it.values[0].compare + it.values[0].text
		if len(it.values) > 1 {
			c += ", …"
		}
		if conditions = append(conditions, mta.Clip(c)); len(conditions) == 4 {
			break
		}
	}
	return "mail with " + strings.Join(conditions, " and ")
}

// isEverybody reports whether a rule has no condition that any mail fails.
func (r rule) isEverybody() bool {
	for _, it := range r.items {
		if it.name == "id" || it.name == "action" || it.name == "" || slices.ContainsFunc(it.values, it.anything) {
			continue
		}
		return false
	}
	return true
}

// mayBeEmpty are attributes that not every client has a value for
// (SMTPD_POLICY_README).
var mayBeEmpty = regexp.MustCompile(`^(?:sasl_|ccert_|encryption_|etrn_|helo_name|queue_id)`)

// anything reports whether a value of an item fits all mail.
func (it item) anything(v operand) bool {
	switch {
	case v.compare == "=~":
		return matchesAnything(v.text) && (!mayBeEmpty.MatchString(it.name) || strings.Trim(v.text, "^$.*") == "" && !strings.HasSuffix(v.text, "."))
	case it.name == "client_address" && (v.compare == "=" || v.compare == "=="):
		return isEverywhere(v.text) && !strings.HasSuffix(v.text, "/1")
	case it.name == "size" || it.name == "recipient_count":
		return v.compare == "=>" && v.text == "0"
	}
	return false
}

// reached says of each rule why no mail gets there, "" where some does.
type reached struct{ by []string }

// reach follows the rules in order: what answers all mail ends them, and a jump
// leads to a rule by its id, the last of that id.
func (r *postfwdReader) reach() reached {
	byID := map[string]int{}
	for i, one := range r.rules {
		byID[one.id] = i
	}
	met := make([]bool, len(r.rules))
	queue := []int{0}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for ; i < len(met) && !met[i]; i++ {
			met[i] = true
			name, argument := r.rules[i].command()
			to, jumps := byID[argument]
			if jumps = jumps && name == "jump"; jumps {
				queue = append(queue, to)
			}
			if r.rules[i].isEverybody() && (name == "" || jumps) && !r.rules[i].sets() {
				break
			}
		}
	}
	out := reached{make([]string, len(r.rules))}
	for i := range met {
		if !met[i] {
			out.by[i] = "a rule above it answers whatever is asked"
		}
	}
	return out
}

// sets reports whether a rule only says what sum of points means.
func (r rule) sets() bool {
	return slices.ContainsFunc(r.items, func(it item) bool { return it.name == "score" })
}
