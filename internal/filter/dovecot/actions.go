package dovecot

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/sieve"
	"waxseal/internal/mta"
)

// acting makes hooks of the actions of one script.
type acting struct {
	*interpreter
	script script
	text   string
	parts  []waxseal.Part
	count  map[string]int // of each verb, for identities
}

// hook begins the hook of an action.
func (a acting) hook(act sieve.Action, kind waxseal.HookKind, effects ...waxseal.Effect) waxseal.Hook {
	verb := string(act.Verb)
	a.count[verb]++
	h := waxseal.Hook{
		ID: a.id(a.conf.Root, a.script.name, verb, itoa(a.count[verb])), Kind: kind, Stage: waxseal.StageDeliver, Effects: effects, Directive: verb,
		Scope: a.script.scope, Active: true, RunsAs: a.script.user.name, Source: waxseal.Source{Path: a.script.path, Line: act.Line}, Closure: slices.Clone(a.parts),
	}
	if a.script.when == "imapsieve" {
		h.Stage = waxseal.StageDelivered
	}
	when := act.When()
	if when != "" {
		mta.Modify(&h, "when", when)
		if a.script.user.name == "" && strings.HasPrefix(h.Scope, "all mail ") {
			h.Scope = "mail " + strings.TrimPrefix(h.Scope, "all mail ") + " where " + when
		}
	}
	switch {
	case a.script.inactive != "":
		mta.Inactive(&h, a.script.inactive)
	case act.Never != "":
		mta.Inactive(&h, act.Never)
	}
	return h
}

// of says whose mail it is, and when, for a sentence.
func (a acting) of(act sieve.Action) string {
	out := "Mail for " + strings.TrimPrefix(a.script.scope, "recipient ")
	if a.script.user.name == "" {
		out = strings.ToUpper(a.script.scope[:1]) + a.script.scope[1:]
	}
	if when := act.When(); when != "" {
		out += " is, where " + mta.Clip(when) + ","
	} else {
		out += " is"
	}
	return out
}

func (a acting) where(act sieve.Action) string {
	return " (" + string(act.Verb) + " in " + string(a.script.path) + ")."
}

func (a acting) action(act sieve.Action, extensions []string, depth int) {
	switch act.Verb {
	case sieve.Redirect:
		a.redirect(act)
	case sieve.Notify, sieve.Report:
		a.notify(act)
	case sieve.Discard:
		h := a.hook(act, waxseal.KindDiscard, waxseal.Drop)
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "discard"}
		h.Scope = cmp.Or(h.Modifiers["when"], h.Scope)
		if a.script.user.name != "" {
			h.Scope = a.script.scope + cmp.Or(prefixed(" where ", h.Modifiers["when"]), "")
		}
		h.Explain = a.of(act) + " thrown away without a word to anyone" + a.where(act)
		a.Emit(h)
	case sieve.FileInto:
		a.fileInto(act)
	case sieve.SetFlag, sieve.AddFlag:
		a.flags(act)
	case sieve.Reject, sieve.Ereject:
		a.rewriting(act, "refused, and the sender told: ", waxseal.Modify)
	case sieve.Vacation:
		a.rewriting(act, "answered automatically: ", waxseal.Modify)
	case sieve.AddHeader, sieve.DeleteHeader:
		a.rewriting(act, map[sieve.Verb]string{sieve.AddHeader: "given a header: ", sieve.DeleteHeader: "stripped of a header: "}[act.Verb], waxseal.Modify)
	case sieve.Pipe, sieve.Filter, sieve.Execute:
		a.run(act)
	case sieve.Include:
		a.include(act, extensions, depth)
	}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// targets are all texts that the target of an action may be.
func targets(act sieve.Action) []string {
	if len(act.May) > 0 {
		return act.May
	}
	return []string{act.Target}
}

func (a acting) redirect(act sieve.Action) {
	for _, address := range targets(act) {
		h := a.hook(act, waxseal.KindRedirect, waxseal.Observe, waxseal.Divert)
		verb := " redirected to "
		if act.Copy || !act.Diverts {
			h.Kind, h.Effects, verb = waxseal.KindCopy, copies, " delivered and copied to "
		}
		h.Target = a.domains.Address(address)
		h.Explain = a.of(act) + verb + mta.Clip(address) + mta.Where(h.Target) + a.where(act)
		a.Emit(h)
	}
}

// notify tells somebody of mail: "mailto:alice@example.test", or the whole of it in
// a report.
func (a acting) notify(act sieve.Action) {
	to := act.To
	if act.Verb == sieve.Report {
		to = targets(act)
	}
	for _, address := range to {
		h := a.hook(act, waxseal.KindCopy, waxseal.Observe, waxseal.Copy)
		h.Target = a.domains.Address(address)
		h.Explain = a.of(act) + " announced to " + mta.Clip(address) + mta.Where(h.Target) + a.where(act)
		a.Emit(h)
	}
	if len(to) == 0 { // another method than mail, or one that comes out of the message
		h := a.hook(act, waxseal.KindCopy, waxseal.Observe, waxseal.Copy)
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: act.Target}
		h.Explain = a.of(act) + " announced by " + mta.Clip(act.Target) + a.where(act)
		a.Emit(h)
	}
}

// fileInto puts mail into a folder other than the inbox.
func (a acting) fileInto(act sieve.Action) {
	for _, folder := range targets(act) {
		if strings.EqualFold(folder, "INBOX") {
			continue
		}
		effects := []waxseal.Effect{waxseal.Modify}
		if act.Diverts || !act.Copy {
			effects = []waxseal.Effect{waxseal.Divert}
		}
		h := a.hook(act, waxseal.KindRedirect, effects...)
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: "folder " + folder}
		h.Explain = a.of(act) + " put into the folder " + mta.Clip(folder) + a.where(act)
		a.Emit(h)
	}
}

// flags notes flags by which mail is out of sight: deleted, or read already.
func (a acting) flags(act sieve.Action) {
	all := strings.ToLower(strings.Join(append([]string{act.Target}, act.Args...), " "))
	if !strings.Contains(all, `\deleted`) && !strings.Contains(all, `\seen`) {
		return
	}
	h := a.hook(act, waxseal.KindRewrite, waxseal.Modify)
	flag := "seen"
	if strings.Contains(all, `\deleted`) {
		flag = "deleted"
	}
	h.Kind = waxseal.KindRedirect
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: "folder of " + flag + " mail"}
	h.Explain = a.of(act) + " marked as " + flag + a.where(act)
	a.Emit(h)
}

func (a acting) rewriting(act sieve.Action, verb string, effects ...waxseal.Effect) {
	h := a.hook(act, waxseal.KindRewrite, effects...)
	value := strings.TrimSpace(strings.Join(append([]string{act.Target}, act.Args...), " "))
	if act.From != "" {
		value = "from " + act.From + ": " + value
	}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: mta.Clip(value)}
	h.Explain = a.of(act) + " " + verb + mta.Clip(value) + a.where(act)
	a.Emit(h)
}

// run hands mail to a program of sieve_extprograms: one in the directory that is
// set, or the service behind a socket of that name (doc.dovecot.org,
// "Extprograms").
func (a acting) run(act sieve.Action) {
	for _, name := range targets(act) {
		effects := map[sieve.Verb][]waxseal.Effect{
			sieve.Pipe: {waxseal.Observe, waxseal.Copy, waxseal.Execute}, sieve.Filter: {waxseal.Observe, waxseal.Modify, waxseal.Execute}, sieve.Execute: seesAndRuns,
		}[act.Verb]
		h := a.hook(act, waxseal.KindPipe, effects...)
		h.RunsAs = cmp.Or(a.script.user.name, "the recipient")
		mta.Modify(&h, "named_by", "a Sieve script")
		argv, why := a.program(act.Verb, name, &h)
		h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: strings.TrimSpace(strings.Join(append(argv, act.Args...), " "))}
		h.Closure = append(a.CommandParts(argv), h.Closure...)
		if why != "" {
			mta.Inactive(&h, why)
		}
		h.Explain = a.of(act) + " handed to the program " + mta.Clip(h.Target.Value) + ", which runs as " + h.RunsAs + a.where(act)
		a.Emit(h)
	}
}

// program finds what a name in a script runs; why says that it is nothing.
func (a acting) program(verb sieve.Verb, name string, h *waxseal.Hook) (argv []string, why string) {
	dirs := a.bins[verb]
	if strings.ContainsAny(name, "/\x00") || name == "" || name == ".." {
		return []string{name}, "a program's name may have no slash"
	}
	socket := "sieve-" + string(verb) + "/" + name
	if dirs.socket != nil {
		socket = dirs.socket.Value + "/" + name
	}
	if served, ok := a.services[socket]; ok {
		h.RunsAs = served.user
		return served.argv, ""
	}
	if dirs.bin == nil {
		return []string{name}, map[bool]string{false: "no directory of programs is set (sieve_" + string(verb) + "_bin_dir), and no service has this name"}[a.partial()]
	}
	p := mta.Clean(dirs.bin.Value + "/" + name)
	a.used[p] = true
	if _, err := a.Tree.ReadDir(mta.Clean(dirs.bin.Value)); err == nil && !a.Exists(p) {
		return []string{string(p)}, "there is no such program in " + dirs.bin.Value
	}
	return []string{string(p)}, ""
}

// include reads a script that another includes: a personal one from the user's
// store, a global one from the administrator's.
func (a acting) include(act sieve.Action, extensions []string, depth int) {
	global := slices.Contains(act.Args, "global")
	found, ok := a.included(act.Target, global)
	if !ok || depth >= maxIncludes || len(a.interpreter.run) > mta.MaxAccounts+maxIncluded {
		h := a.hook(act, waxseal.KindUnreadable)
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: act.Target}
		h.Explain = "The script " + mta.Clip(act.Target) + " is included and can not be found, so what it does is not known" + a.where(act)
		if slices.Contains(act.Args, "optional") {
			mta.Inactive(&h, "the script is not there, and need not be")
		}
		a.Emit(h)
		return
	}
	s := a.script
	s.path, s.name = found, a.script.name+":"+act.Target
	if s.inactive == "" {
		s.inactive = act.Never
	}
	if global {
		extensions = a.offered
	}
	a.read(s, extensions, depth+1)
}

// lacking says which script is included and not there, so that Dovecot does not
// compile the one that names it (RFC 6609 section 3.2); "" where none is, or where
// the tree may lack the directory of scripts.
func (a acting) lacking(actions []sieve.Action) string {
	for _, act := range actions {
		if act.Verb != sieve.Include || slices.Contains(act.Args, "optional") {
			continue
		}
		if _, ok := a.included(act.Target, slices.Contains(act.Args, "global")); ok {
			continue
		}
		if dir, ok := a.script.user.expand(a.store); ok && !slices.Contains(act.Args, "global") {
			if _, err := a.Tree.ReadDir(dir); err == nil {
				return "Dovecot does not compile this script, since the script " + mta.Clip(act.Target) + " that it includes is not there (line " + itoa(act.Line) + ")"
			}
		}
	}
	return ""
}

func (a acting) included(name string, global bool) (waxseal.Path, bool) {
	if strings.ContainsAny(name, "/\x00") || name == "" || name == ".." {
		return "", false
	}
	var dirs []string
	if global {
		for _, key := range []string{"sieve_global", "sieve_global_dir"} {
			if set := a.conf.View("lmtp").Plugin(key); set != nil {
				dirs = append(dirs, parsePlace(set.Value).path)
			}
		}
		for _, s := range a.conf.All("sieve_script") {
			if s.Value("sieve_script_type") == "global" {
				dirs = append(dirs, s.Value("sieve_script_path"))
			}
		}
	} else {
		dirs = append(dirs, a.store, path.Dir(string(a.script.path)))
	}
	for _, dir := range dirs {
		p, ok := a.script.user.expand(dir)
		if !ok {
			continue
		}
		for _, file := range []string{string(p) + "/" + name + ".sieve", string(p)} {
			if f, err := a.Tree.Stat(mta.Clean(file)); err == nil && f.Type == waxseal.Regular {
				return mta.Clean(file), true
			}
		}
	}
	return "", false
}
