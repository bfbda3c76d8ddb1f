package sendmail

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// mailerHooks reads M lines: those that start a program, and those that write to a
// socket of this host.
func (in *instance) mailerHooks() {
	for _, m := range in.Mailers {
		switch {
		case strings.EqualFold(m.Name, "prog") && m.Runs():
			in.shell(m)
		case m.Runs():
			in.program(m)
		case len(m.Argv) > 1 && strings.EqualFold(m.Argv[0], "FILE"):
			in.localSocket(m)
		case len(m.Argv) > 1 && strings.EqualFold(m.Argv[0], "TCP") && !strings.Contains(m.Argv[1], "$"):
			in.fixedHost(m)
		}
	}
}

// program is a mailer that hands mail to a program.
func (in *instance) program(m cf.Mailer) {
	h := in.hook(waxseal.KindPipe, waxseal.StageDeliver, "M mailer", "M:"+m.Name, m.Line)
	h.Effects, h.RunsAs, h.Scope = runsAll, in.mailerUser(m), in.mailerScope(m)
	argv := append([]string{m.Path}, m.Argv[1:]...)
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: strings.Join(argv, " ")}
	h.Closure = in.CommandParts(argv)
	if m.Root != "" && m.Root != "/" {
		mta.Modify(&h, "root", m.Root)
	}
	in.unused(&h, m)
	h.Explain = whoseMailer(m) + " is handed to the command " + clip(h.Target.Value) + ", run as " + mta.OrUnknown(h.RunsAs) + " (M" + m.Name + ")."
	in.Emit(h)
}

func whoseMailer(m cf.Mailer) string {
	if strings.EqualFold(m.Name, "local") {
		return "Mail for every user of this host"
	}
	return "Mail for the mailer " + clip(m.Name)
}

func (in *instance) mailerScope(m cf.Mailer) string {
	if strings.EqualFold(m.Name, "local") {
		return "all mail for users of this host"
	}
	return "all mail for the mailer " + clip(m.Name)
}

// mailerUser is as whom a mailer's program runs: U=, root where F=S keeps its
// rights, the recipient where F=o, else DefaultUser (op.me 5.4).
func (in *instance) mailerUser(m cf.Mailer) string {
	user := m.User
	if i := strings.IndexAny(user, ":."); i >= 0 {
		user = user[:i]
	}
	switch {
	case user == "0":
		return "root"
	case user != "":
		return user
	case m.Has('S'):
		return "root"
	case m.Has('o'):
		return "the recipient"
	}
	return in.defaultUser()
}

// unused notes that no rule and no table names a mailer.
func (in *instance) unused(h *waxseal.Hook, m cf.Mailer) {
	if strings.EqualFold(m.Name, "local") || in.mailersInUse()[strings.ToLower(m.Name)] {
		return
	}
	mta.Inactive(h, "no rule and no table hands mail to it")
}

// mailersInUse are the mailers that a rule names, or an entry of a mailer table.
func (in *instance) mailersInUse() map[string]bool {
	used := map[string]bool{}
	for _, s := range in.Rulesets {
		if !in.reach[s] {
			continue
		}
		for _, r := range s.Rules {
			for i, t := range r.Result {
				if t == "\x00#" && i+1 < len(r.Result) {
					used[strings.ToLower(r.Result[i+1])] = true
				}
				// "<procmail:/etc/x>" in a table or a macro is glued on by MailerToTriple.
				if i > 0 && i+1 < len(r.Result) && t == ":" && r.Result[i-1] != "" {
					used[strings.ToLower(r.Result[i-1])] = true
				}
			}
		}
	}
	for _, m := range in.Maps {
		if !in.asked[strings.ToLower(m.Name)] {
			continue
		}
		for _, e := range in.entries(m).kept {
			if mailer, _, ok := strings.Cut(e.value, ":"); ok {
				used[strings.ToLower(mailer)] = true
			}
		}
	}
	for _, macro := range in.Macros {
		if mailer, _, ok := strings.Cut(macro.Value, ":"); ok {
			used[strings.ToLower(mailer)] = true
		}
	}
	return used
}

// shell is the mailer of commands in aliases and forward files. /bin/sh and smrsh
// are what it is everywhere.
func (in *instance) shell(m cf.Mailer) {
	h := in.hook(waxseal.KindPipe, waxseal.StageDeliver, "M mailer", "M:"+m.Name, m.Line)
	h.Effects, h.Scope = runsAll, "all mail for commands in aliases and forward files"
	h.RunsAs = in.mailerUser(m)
	line := strings.Join(append([]string{m.Path}, m.Argv[1:]...), " ")
	restricted := baseName(m.Path) == "smrsh"
	in.smrsh = in.smrsh || restricted
	switch {
	case restricted || m.Path == "/bin/sh" && folded(strings.Join(m.Argv, " ")) == "sh -c $u":
		h.Target = waxseal.Target{Type: waxseal.TargetService, Value: "prog"}
		mta.Modify(&h, "shell", line)
		h.Explain = "Commands in aliases and forward files run by " + clip(line) + " (Mprog)."
		if restricted {
			h.Explain = "Commands in aliases and forward files run by " + clip(line) + ", which only runs what lies in its directory (Mprog)."
		}
	default:
		h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: line}
		h.Closure = in.CommandParts(append([]string{m.Path}, m.Argv[1:]...))
		h.Explain = "Every command in aliases and forward files runs through " + clip(line) + " (Mprog)."
	}
	in.Emit(h)
}

func baseName(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

func (in *instance) localSocket(m cf.Mailer) {
	h := in.hook(waxseal.KindTransport, waxseal.StageDeliver, "M mailer", "M:"+m.Name, m.Line)
	h.Effects, h.Scope = diverts, in.mailerScope(m)
	var part waxseal.Part
	h.Target, part = mta.UnixSocket(mta.Clean(m.Argv[1]))
	h.Closure = []waxseal.Part{part}
	in.unused(&h, m)
	h.Explain = whoseMailer(m) + " is handed to whoever listens at " + clip(m.Argv[1]) + " (M" + m.Name + ")."
	in.Emit(h)
}

// fixedHost is a mailer whose host does not depend on the address.
func (in *instance) fixedHost(m cf.Mailer) {
	h := in.hook(waxseal.KindTransport, waxseal.StageDeliver, "M mailer", "M:"+m.Name, m.Line)
	h.Effects, h.Scope = diverts, in.mailerScope(m)
	h.Target = hostTarget(m.Argv[1], strings.Join(m.Argv[2:], ""))
	in.unused(&h, m)
	h.Explain = whoseMailer(m) + " is sent to " + clip(h.Target.Value) + mta.Where(h.Target) + ", whatever its address (M" + m.Name + ")."
	in.Emit(h)
}

// hostTarget is a next hop; the square brackets of Sendmail say that no MX is
// asked, as those of Postfix do.
func hostTarget(host, port string) waxseal.Target {
	value := host
	if port != "" && !strings.Contains(port, "$") {
		value += ":" + port
	}
	return waxseal.Target{Type: waxseal.TargetHost, Value: value, Remote: !mta.IsLoopback(host)}
}
