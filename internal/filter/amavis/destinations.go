package amavis

import (
	"cmp"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// leaf is a scalar, or what is not known, anywhere in a value.
type leaf struct {
	calls.Value
	key string // of the hash that it stands in
}

// leaves are the values in a value; the keys of tables are whom they are for.
func leaves(v calls.Value, key string, depth int) (list []leaf) {
	switch {
	case depth > 8:
	case v.Sort == calls.Hash:
		for i := 0; i+1 < len(v.Items); i += 2 {
			list = append(list, leaves(v.Items[i+1], v.Items[i].Text, depth+1)...)
		}
	case v.Sort == calls.List:
		for _, item := range v.Items {
			list = append(list, leaves(item, key, depth+1)...)
		}
	case v.Sort != calls.Undef && v.Sort != "":
		list = append(list, leaf{v, key})
	}
	return list
}

// leaves are those of a value of a variable, or of one key of it.
func (u use) leaves() []leaf {
	key := ""
	if len(u.keys) > 0 {
		key = u.keys[len(u.keys)-1]
	}
	return leaves(u.value, key, 0)
}

// addresses emits a hook for each mail address in the value. A name without "@" is a
// file in quarantine, and none.
func addresses(u use) {
	for n, v := range u.leaves() {
		h := u.hook(place(n, v.key))
		if v.key != "" && v.key != "." && !strings.HasPrefix(v.key, "CC_") && strings.Contains(v.key, "@") {
			h.Scope = "recipient " + v.key
		}
		switch {
		case v.Sort != calls.Scalar:
			h.Target = waxseal.Target{Type: waxseal.TargetText, Value: v.Text}
		case !strings.Contains(v.Text, "@"):
			continue
		default:
			h.Target = u.domains.Address(v.Text)
		}
		u.unlessSet(&h)
		h.Explain = sentence(h) + u.written() + "."
		u.Emit(h)
	}
}

// unlessSet puts a hook to rest that needs another variable, if that is not set.
func (u use) unlessSet(h *waxseal.Hook) {
	if u.row.needs != "" && !u.env.Variables[u.row.needs].True() {
		mta.Inactive(h, u.row.needs+" is not set, so that nothing is kept")
	}
}

func place(n int, key string) string {
	if key != "" {
		return key
	}
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n + 1)
}

// sentence says what becomes of mail.
func sentence(h waxseal.Hook) string {
	whose := strings.ToUpper(h.Scope[:1]) + h.Scope[1:]
	if h.Kind == waxseal.KindCopy {
		return whose + " is copied to " + mta.Clip(h.Target.Value) + mta.Where(h.Target)
	}
	if strings.HasPrefix(h.Scope, "notices") {
		return whose + " go to " + mta.Clip(h.Target.Value) + mta.Where(h.Target)
	}
	return whose + " goes to " + mta.Clip(h.Target.Value) + mta.Where(h.Target)
}

// written says where a value stands.
func (u use) written() string {
	name := u.name
	if u.bank != nil {
		name += " in the policy bank " + u.bank.name
	}
	return " (" + name + " in " + string(u.source.Path) + ")"
}

// methods emits a hook for each way by which mail goes on (amavisd.conf-default
// "$forward_method"): smtp:[host]:port, lmtp:/socket, pipe:flags=q argv=command.
func methods(u use) {
	for n, v := range u.leaves() {
		if v.Sort != calls.Scalar {
			h := u.hook(place(n, v.key))
			h.Target = waxseal.Target{Type: waxseal.TargetText, Value: v.Text}
			h.Explain = "Where " + h.Scope + " goes on to is worked out by code" + u.written() + "."
			u.Emit(h)
			continue
		}
		if u.bank == nil && v.Text == defaults["$"+u.name] {
			continue // as it would be without a word
		}
		u.method(v.Text, place(n, v.key))
	}
}

func (u use) method(text, place string) {
	protocol, rest, _ := strings.Cut(text, ":")
	h := u.hook(place)
	switch strings.ToLower(protocol) {
	case "smtp", "lmtp":
		u.nextHop(h, rest)
	case "pipe":
		if _, command, ok := strings.Cut(rest, "argv="); ok {
			u.pipe(h, command)
		}
	}
}

func (u use) nextHop(h waxseal.Hook, to string) {
	to, _, _ = strings.Cut(to, ",") // options follow
	if p, ok := strings.CutPrefix(to, "unix:"); ok || strings.HasPrefix(to, "/") {
		if !ok {
			p = to
		}
		target, part := mta.UnixSocket(mta.Clean(p))
		h.Target, h.Closure = target, []waxseal.Part{part}
	} else {
		host, port := mta.SplitHostPort(to)
		if host == "*" || host == "" { // back to where it came from
			return
		}
		h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: "[" + host + "]", Remote: !mta.IsLoopback(host)}
		if port != "" && port != "*" {
			h.Target.Value += ":" + port
		}
	}
	h.Explain = sentence(h) + u.written() + "."
	u.Emit(h)
}

// pipe emits the hook for a command that mail is handed to.
func (u use) pipe(h waxseal.Hook, command string) {
	h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, executes, u.user
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = u.CommandParts(mta.ShellWords(command))
	h.Explain = "The command " + mta.Clip(command) + " gets " + h.Scope + u.written() + "."
	u.Emit(h)
}

// quarantine emits hooks for ways into quarantine that leave its directory: a copy of
// all mail for archive and clean, mail that is held for the others.
func quarantine(u use) {
	for n, v := range u.leaves() {
		all := u.row.scope == "" && (v.key == "" || v.key == "CC_CLEAN" || v.key == "CC_CATCHALL")
		u := u
		u.row.kind, u.row.effects = waxseal.KindTransport, relays
		switch protocol, rest, _ := strings.Cut(v.Text, ":"); {
		case v.Sort == calls.Scalar && (protocol == "smtp" || protocol == "lmtp" || protocol == "pipe"):
			u.method(v.Text, place(n, v.key))
		case v.Sort == calls.Scalar && all && (protocol == "local" || protocol == "bsmtp") && rest != "":
			h := u.hook(place(n, v.key))
			h.Kind, h.Effects = waxseal.KindCopy, copies
			h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: u.env.Variables["$QUARANTINEDIR"].Text + "/" + rest}
			h.Explain = sentence(h) + u.written() + "."
			u.Emit(h)
		}
	}
}

// destinies emits hooks for mail that amavis throws away: D_DISCARD, which is 0.
func destinies(u use) {
	for n, v := range u.leaves() {
		if v.Sort == calls.Scalar && (v.Text == "D_PASS" || v.Text == "1") {
			delivered(u, place(n, v.key), cmp.Or(contents[v.key], u.row.scope))
		}
		if v.Sort != calls.Scalar || v.Text != "D_DISCARD" && v.Text != "0" {
			continue
		}
		h := u.hook(place(n, v.key))
		h.Kind, h.Effects, h.Target = waxseal.KindDiscard, drops, waxseal.Target{Type: waxseal.TargetText, Value: "D_DISCARD"}
		what := u.row.scope
		if category := contents[v.key]; category != "" {
			what, h.Scope = category, category
		}
		if level := u.env.Variables["$sa_kill_level_deflt"].Text; what == "spam" && isClean(level) {
			h.Scope = "all mail of more than " + mta.Clip(level) + " points of spam, which clean mail has too,"
		} else {
			setModifier(&h, "marked", what)
		}
		h.Explain = strings.ToUpper(h.Scope[:1]) + h.Scope[1:] + " is thrown away, and nobody is told" + u.written() + "."
		u.Emit(h)
	}
}

// delivered emits a hook where mail in which a virus was found reaches people. Spam and
// banned attachments are delivered on many a server, to be sorted out there.
func delivered(u use, at, what string) {
	if what != "mail with viruses" {
		return
	}
	h := u.hook(at)
	h.Kind, h.Effects, h.Target, h.Scope = waxseal.KindRewrite, modifies, waxseal.Target{Type: waxseal.TargetText, Value: "D_PASS"}, what
	setModifier(&h, "lets_pass", "infected")
	h.Explain = "Mail in which a virus was found is delivered" + u.written() + "."
	u.Emit(h)
}

// isClean reports whether mail that nothing was found in has as many points of spam.
func isClean(level string) bool {
	n, err := strconv.ParseFloat(level, 64)
	return err == nil && n <= 0
}

// contents are categories of mail that a check of amavis found something in
// (Amavis::Conf CC_…).
var contents = map[string]string{"CC_VIRUS": "mail with viruses", "CC_BANNED": "mail with banned attachments", "CC_UNCHECKED": "mail that can't be checked", "CC_SPAM": "spam", "CC_SPAMMY": "spam",
	"CC_BADH": "mail with bad headers", "9": "mail with viruses", "8": "mail with banned attachments", "6": "spam"}

// bypasses emits a hook where all mail passes by a check. Debian's package switches
// scanners off so until somebody wants them.
func bypasses(u use) {
	if strings.HasPrefix(string(u.source.Path), string(packaged)+"/") || !coversAll(u.value, strings.HasSuffix(u.name, "_maps")) {
		return
	}
	h := u.hook("")
	h.Kind, h.Effects, h.Target = waxseal.KindRewrite, modifies, waxseal.Target{Type: waxseal.TargetText, Value: u.value.String()}
	what, _, _ := strings.Cut(strings.TrimPrefix(u.name, "bypass_"), "_checks")
	setModifier(&h, "bypasses", what+" checks")
	h.Explain = strings.ToUpper(h.Scope[:1]) + h.Scope[1:] + " passes without " + what + " checks" + u.written() + "."
	u.Emit(h)
}

// coversAll reports whether lookup tables say yes to everybody: a constant in a list of
// tables, "." in a table (README.lookups).
func coversAll(v calls.Value, tables bool) bool {
	if v.Sort == calls.Scalar {
		return v.True()
	}
	if all, ok := v.Lookup("."); ok {
		return all.True()
	}
	for _, item := range v.Items {
		switch {
		case v.Sort != calls.List:
			return false
		case item.Sort == calls.Scalar && (tables && item.True() || item.Text == "."):
			return true
		case tables && item.Sort != calls.Scalar && coversAll(item, false):
			return true
		}
	}
	return false
}
