package opensmtpd

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

// askedFilters says for each filter which sessions meet it; those of a chain are
// met where the chain is.
func (in *instance) askedFilters() map[*smtpdconf.Filter][]string {
	asked := map[*smtpdconf.Filter][]string{}
	ask := func(f *smtpdconf.Filter, who string) {
		if f == nil {
			return
		}
		for _, each := range append([]*smtpdconf.Filter{f}, f.Chain...) {
			if len(asked[each]) < 5 {
				asked[each] = append(asked[each], who)
			}
		}
	}
	for _, l := range in.conf.Listeners {
		where := "all mail that comes in on " + mta.Clip(l.On)
		if port, ok := l.Option("port"); ok {
			where += " port " + port.Value
		}
		if l.On == "socket" {
			where = "all mail that users of this host send"
		}
		ask(l.Filter, where)
	}
	for _, a := range in.conf.Actions {
		if way := in.routes[a]; way.why == "" {
			ask(a.Filter, scopeOf(way)+" that leaves by the action "+mta.Clip(actionName(a)))
		}
	}
	return asked
}

// filterHooks makes the hooks of filters: programs, and what built-in ones do.
func (in *instance) filterHooks() {
	asked := in.askedFilters()
	users := map[*smtpdconf.Proc][]string{}
	for _, f := range in.conf.Filters {
		in.note("filter "+f.Name, filterText(f), f.Pos)
		if f.Proc != nil {
			users[f.Proc] = append(users[f.Proc], asked[f]...)
		}
		if f.Type == "phase" {
			in.builtIn(f, asked[f])
		}
	}
	for _, p := range in.conf.Procs {
		in.filterProgram(p, "proc", users[p])
	}
	for _, f := range in.conf.Filters {
		if f.Type == "proc-exec" {
			in.filterProgram(f.Proc, "proc-exec", users[f.Proc])
		}
	}
}

// filterText writes a filter in one form.
func filterText(f *smtpdconf.Filter) string {
	switch f.Type {
	case "proc":
		return "proc " + f.Proc.Name
	case "proc-exec":
		return "proc-exec " + quoted(f.Proc.Command)
	case "chain":
		var names []string
		for _, c := range f.Chain {
			names = append(names, c.Name)
		}
		if f.Name != "" {
			return "chain { " + strings.Join(names, ", ") + " }"
		}
		return "{ " + strings.Join(names, ", ") + " }"
	case "phase":
		text := "phase " + f.Phase + " match " + testText("", f.Test) + " " + f.Verb
		if f.Text != "" {
			text += " " + quoted(f.Text)
		}
		return text
	}
	return f.Name
}

// filterProgram is the hook of a program that filters mail. smtpd starts it
// whether a listener uses it or not (fork_filter_processes()), and ends when it
// ends.
func (in *instance) filterProgram(p *smtpdconf.Proc, directive string, asked []string) {
	h := in.hook("filter "+directive+" "+p.Name, p.Pos)
	h.Kind, h.Stage, h.Effects, h.Directive = waxseal.KindPipe, waxseal.StageData, filters, directive
	h.RunsAs = p.User
	if h.RunsAs == "" {
		h.RunsAs = in.daemon
	}
	command := p.Command
	if !path.IsAbs(command) {
		command = in.libexec + "/" + command
	}
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = in.filterParts(command, p.Chroot)
	mta.Modify(&h, "chroot", p.Chroot)
	mta.Modify(&h, "group", p.Group)
	if len(asked) == 0 {
		h.Stage, h.Effects, h.Scope = waxseal.StageConnect, runs, "no mail"
		h.Explain = "The command " + mta.Clip(command) + " is started with smtpd and runs as " + h.RunsAs + " although no listener and no relay hands mail to it (" + directive + " " + mta.Clip(p.Name) + ")."
		in.emit(h)
		return
	}
	h.Scope = strings.Join(asked, "; ")
	h.Explain = upper(h.Scope) + " passes through the command " + mta.Clip(command) + ", run as " + h.RunsAs +
		", which may read, change and refuse it; smtpd ends if the command does (" + directive + " " + mta.Clip(p.Name) + ")."
	in.emit(h)
}

// filterParts are the files of a filter's command: smtpd hands it to a shell, in
// the directory that it is locked in.
func (in *instance) filterParts(command, root string) []waxseal.Part {
	words := mta.ShellWords(command)
	if root != "" && path.IsAbs(root) && len(words) > 0 {
		words[0] = path.Join(root, words[0])
	}
	parts := in.CommandParts(words)
	for i, p := range parts {
		name := path.Base(string(p.Path))
		if i > 0 && p.Role == waxseal.RoleInclude && (strings.Contains(name, "key") || strings.HasSuffix(name, ".pem") || strings.Contains(name, "private")) {
			parts[i].Role = waxseal.RoleSecret
		}
	}
	return parts
}

// builtIn makes the hook of a built-in filter, where it does more to mail than
// refuse it.
func (in *instance) builtIn(f *smtpdconf.Filter, asked []string) {
	h := in.hook("filter phase "+f.Name, f.Pos)
	h.Stage, h.Directive = waxseal.StageSession, "filter phase"
	when := testText("", f.Test)
	h.Scope = in.builtInScope(f, asked, when)
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: f.Verb}
	whose := upper(h.Scope)
	switch {
	case f.Verb == "rewrite" && f.Phase == "rcpt-to":
		h.Kind, h.Effects = waxseal.KindRedirect, diverts
		h.Target = in.domains.Address(strings.Trim(f.Text, "<>"))
		h.Explain = whose + " goes to " + mta.Clip(f.Text) + mta.Where(h.Target) + " instead (filter " + mta.Clip(f.Name) + ")."
	case f.Verb == "rewrite" && f.Phase == "mail-from":
		h.Kind, h.Effects = waxseal.KindRewrite, modifies
		h.Target = in.domains.Address(strings.Trim(f.Text, "<>"))
		h.Explain = whose + " gets the sender " + mta.Clip(f.Text) + mta.Where(h.Target) + " (filter " + mta.Clip(f.Name) + ")."
	case f.Verb == "rewrite":
		h.Kind, h.Effects = waxseal.KindRewrite, modifies
		h.Target.Value = f.Text
		h.Explain = "What a client says in the phase " + f.Phase + " is replaced by " + mta.Clip(f.Text) + " (filter " + mta.Clip(f.Name) + ")."
	case f.Verb == "junk":
		h.Kind, h.Effects = waxseal.KindRewrite, modifies
		h.Explain = whose + " is marked as junk, which the recipient's delivery may put aside (filter " + mta.Clip(f.Name) + ")."
	case f.Verb == "bypass":
		h.Kind, h.Effects = waxseal.KindRewrite, observes
		h.Explain = whose + " is not seen by the filters that follow in this phase (filter " + mta.Clip(f.Name) + ")."
	default:
		return // reject, disconnect, report: what they say is a setting
	}
	if len(asked) == 0 {
		mta.Inactive(&h, "no listener and no relay uses this filter")
	}
	in.emit(h)
}

// builtInScope says which mail a built-in filter takes.
func (in *instance) builtInScope(f *smtpdconf.Filter, asked []string, when string) string {
	switch {
	case f.Test.Table != nil && f.Test.Kind == "rcpt-to":
		return person("recipient", f.Test)
	case f.Test.Table != nil && f.Test.Kind == "mail-from":
		return person("sender", f.Test)
	case len(asked) == 0:
		return "all mail with " + when
	}
	return asked[0] + " with " + when
}
