package milters

import (
	"net/netip"
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mta"
)

// What the filters have in common: the sorts of hook that their lines make.

var (
	observes = []waxseal.Effect{waxseal.Observe}
	copies   = []waxseal.Effect{waxseal.Observe, waxseal.Copy}
	diverts  = []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	drops    = []waxseal.Effect{waxseal.Observe, waxseal.Drop}
	modifies = []waxseal.Effect{waxseal.Modify}
	executes = []waxseal.Effect{waxseal.Execute}
)

// address emits a hook for mail that goes to an address: instead of to its
// recipients, or as well.
func (f *filter) address(h waxseal.Hook, kind waxseal.HookKind, to, what string) {
	h.Kind, h.Effects, h.Target = kind, copies, f.domains.Address(to)
	verb := "is copied to "
	if kind == waxseal.KindRedirect {
		h.Effects, verb = diverts, "goes to "
	}
	h.Explain = what + " " + verb + mta.Clip(to) + mta.Where(h.Target) + where(h)
	f.emit(h)
}

// addresses does so for each of a list.
func (f *filter) addresses(e milterconf.Entry, scope, what string, finish func(*waxseal.Hook)) {
	for to := range strings.SplitSeq(e.Value, ",") {
		if to = strings.Trim(strings.TrimSpace(to), "<>"); to == "" {
			continue
		}
		h := f.hook(e)
		h.Scope = scope
		finish(&h)
		f.address(h, waxseal.KindCopy, to, what)
	}
}

// command emits a hook for a command line that runs.
func (f *filter) command(h waxseal.Hook, kind waxseal.HookKind, command, when string) {
	h.Kind, h.Effects = kind, executes
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = f.CommandParts(mta.ShellWords(command))
	h.Explain = "The command " + mta.Clip(command) + " runs " + when + ", as " + mta.OrUnknown(h.RunsAs) + where(h)
	f.emit(h)
}

// discard emits a hook for mail that is thrown away, or held where held says so.
func (f *filter) discard(h waxseal.Hook, value, what, held string) {
	h.Kind, h.Effects = waxseal.KindDiscard, drops
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: value}
	verb := " is thrown away without a word to anyone"
	if held != "" {
		mta.Modify(&h, "held", held)
		verb = " is put on hold until somebody looks"
	}
	h.Explain = what + verb + where(h)
	f.emit(h)
}

// passes emits a hook for mail that is let through: "some" of it, "all" of it,
// or although it is "infected".
func (f *filter) passes(h waxseal.Hook, how, value, explain string) {
	h.Kind, h.Effects = waxseal.KindRewrite, drops[:1]
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: value}
	mta.Modify(&h, "lets_pass", how)
	h.Explain = explain + where(h)
	f.emit(h)
}

// rewrites emits a hook for what changes messages or what is said of them.
func (f *filter) rewrites(h waxseal.Hook, value, explain string) {
	h.Kind, h.Effects = waxseal.KindRewrite, modifies
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: value}
	h.Explain = explain + where(h)
	f.emit(h)
}

// keeps emits a hook for copies of mail that stay in a directory.
func (f *filter) keeps(h waxseal.Hook, dir, what string) {
	h.Kind, h.Effects = waxseal.KindCopy, copies
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(mta.Clean(dir))}
	h.Explain = what + " stay in the directory " + mta.Clip(dir) + where(h)
	f.emit(h)
}

// table emits a hook for a file or server that is looked things up in.
func (f *filter) table(h waxseal.Hook, name string, part waxseal.Part, what string) {
	h.Kind, h.Effects = waxseal.KindMap, observes
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: name}
	if part.Path != "" {
		h.Closure = append([]waxseal.Part{part}, h.Closure...)
	}
	h.Explain = f.title + " looks up " + what + " in " + mta.Clip(name) + where(h)
	f.emit(h)
}

// server emits a hook for a table that somebody else answers from.
func (f *filter) server(h waxseal.Hook, name, host, what string) {
	h.External = true
	h.Kind, h.Effects = waxseal.KindMap, observes
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: name, Remote: !mta.IsLoopback(host)}
	mta.Modify(&h, "hosts", host)
	h.Explain = f.title + " asks " + mta.Clip(name) + mta.Where(h.Target) + " for " + what + where(h)
	f.emit(h)
}

// account notes whom a filter runs as; root is a hook.
func (f *filter) account(e milterconf.Entry) {
	f.user, _, _ = strings.Cut(e.Value, ":")
	if f.user != "root" && f.user != "0" {
		return
	}
	f.user = "root"
	h := f.hook(e)
	f.rewrites(h, e.Value, f.title+" keeps the rights of root")
}

// set notes a setting that is not its default.
func (f *filter) set(e milterconf.Entry, otherwise string) {
	if e.Value != otherwise {
		f.Setting(f.name(), e.Name, e.Value, e.Source)
	}
}

// refused notes why a program does not start with a configuration: what runs is what
// it read before, and after that nothing does.
func (f *filter) refused(list []milterconf.Refusal) {
	told := f.asleep != ""
	for _, r := range list {
		p := r.Source.Path
		if p == "" {
			p = f.main
		}
		message := f.title + " does not start with this: " + r.Reason
		if told || r.Missing || !f.Exists(p) {
			f.Problem(p, r.Source.Line, message)
			continue
		}
		told = true
		f.Unreadable(p, "the configuration of "+f.title, "line "+strconv.Itoa(r.Source.Line)+": "+message)
	}
}

// further emits a hook for a file that a configuration reads further lines from.
func (f *filter) further(e milterconf.Entry) {
	h := f.hook(e)
	p := mta.Clean(e.Value)
	h.Kind, h.Effects = waxseal.KindScript, modifies
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleConfig}}
	h.Explain = f.title + " reads further configuration from " + mta.Clip(string(p)) + where(h)
	f.emit(h)
}

// anyone finds the member of a list of clients by which nearly everybody is one:
// 0.0.0.0/0, ::/0, the domain "." or "*", or a net larger than any site has.
func anyone(members []string) string {
	for _, m := range members {
		m = strings.TrimSpace(m)
		if m == "*" || m == "." || m == "*.*" {
			return m
		}
		if net, err := netip.ParsePrefix(m); err == nil && net.Bits() < map[bool]int{true: 8, false: 16}[net.Addr().Is4()] {
			return m
		}
		// A mask written out, as older programs take it.
		if address, mask, ok := strings.Cut(m, "/"); ok && address == "0.0.0.0" && mask == "0.0.0.0" {
			return m
		}
	}
	return ""
}

// within is a path below a root directory that the daemon changes to.
func within(root, name string) waxseal.Path { return mta.Clean(path.Join("/", root, name)) }
