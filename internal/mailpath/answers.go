package mailpath

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// Filters stand beside the mail systems. A hook leads to one by its socket or by a
// program that it runs; that filter may hand mail on to another. What nothing leads to
// does nothing to mail.

// transferAgents are the mail systems that hand mail to filters. Where none of them
// was read, the tree is a part of a host, and says nothing about who leads where.
var transferAgents = []waxseal.StackName{"postfix", "exim", "sendmail", "opensmtpd", "qmail", "courier"}

// answers tells each hook which service answers it, and puts the hooks of services to
// rest that nothing leads to. The code of such a service runs all the same, as soon as
// its daemon starts: what executes, and what code calls, stays in use, unless it is
// code that a package brought.
func (c *closer) answers(found *mta.Result) {
	if len(found.Services) == 0 {
		return
	}
	a := c.answering(found.Services, queueDirectory(found.Settings))
	reached := map[waxseal.StackName]bool{}
	own := map[waxseal.StackName]bool{}
	for _, s := range found.Services {
		own[s.Stack] = true
	}
	for i := range found.Hooks {
		h := &found.Hooks[i]
		for _, n := range a.leads(*h) {
			s := a.service(n, c)
			h.Service = &s
			if h.Active && !own[h.MTA] {
				a.reach(found.Services[n].Stack, found.Hooks, reached)
			}
		}
	}
	if !slices.ContainsFunc(found.Stacks, func(s waxseal.Stack) bool { return slices.Contains(transferAgents, s.MTA) }) {
		return
	}
	for i := range found.Hooks {
		if h := &found.Hooks[i]; own[h.MTA] && !reached[h.MTA] && !runs(*h) {
			mta.Inactive(h, "no mail system hands mail to "+a.title[h.MTA])
		}
	}
}

// runs reports whether a hook is, or does, something as soon as its daemon starts.
func runs(h waxseal.Hook) bool {
	return (h.Has(waxseal.Execute) || h.Modifiers["seen"] != "") && !packaged(h)
}

// packaged reports whether a hook does no more than load code that a package brought;
// what becomes of that code is told of its file. A command is another thing: what it
// does is in its arguments.
func packaged(h waxseal.Hook) bool {
	if h.Kind != waxseal.KindPlugin && h.Kind != waxseal.KindModule || h.Target.Type != waxseal.TargetFile {
		return false
	}
	for _, p := range h.Closure {
		if string(p.Path) == h.Target.Value {
			return (isProgram(p.Role) || p.Role == waxseal.RoleModule) && p.Package != ""
		}
	}
	return false
}

// answerers finds services by what hooks call them.
type answerers struct {
	all      []mta.Service
	title    map[waxseal.StackName]string
	sockets  listening
	programs map[string][]int // by path, and by name alone
	queue    string
}

func (c *closer) answering(all []mta.Service, queue string) *answerers {
	a := &answerers{all: all, title: map[waxseal.StackName]string{}, programs: map[string][]int{}, queue: queue}
	var offered []waxseal.Listener
	for i, s := range all {
		a.title[s.Stack] = s.Title
		for _, socket := range s.Sockets {
			if l, ok := offeredAt(socket, queue); ok {
				l.PID = i // which service it is
				offered = append(offered, l)
			}
		}
		for _, p := range s.Programs {
			a.programs[p] = append(a.programs[p], i)
		}
	}
	a.sockets = newListening(offered)
	return a
}

// offeredAt is a socket as the list of listeners has it. A host that is not written as
// an address is one of this host's names.
func offeredAt(socket, queue string) (waxseal.Listener, bool) {
	if p, ok := unixPath(socket); ok {
		if !path.IsAbs(p) {
			p = path.Join(queue, p)
		}
		return waxseal.Listener{Network: "unix", Address: p}, true
	}
	host, port, ok := hostAndPort(socket)
	if !ok {
		return waxseal.Listener{}, false
	}
	switch host {
	case "", "*":
		host = "0.0.0.0"
	case "localhost":
		host = "127.0.0.1"
	}
	return waxseal.Listener{Network: "tcp", Address: joinHostPort(host, port)}, true
}

func joinHostPort(host string, port uint16) string {
	if slices.Contains([]byte(host), ':') {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}

// leads are the services that a hook hands mail to.
func (a *answerers) leads(h waxseal.Hook) (to []int) {
	switch h.Target.Type {
	case waxseal.TargetSocket, waxseal.TargetHost, waxseal.TargetService:
		l, ok := a.sockets.find(h.Target.Value, a.queue)
		if rest, chrooted := strings.CutPrefix(h.Target.Value, "unix:"+a.queue+"/"); !ok && chrooted {
			// A bind mount or link may bring it into the chroot, as the configuration means it.
			l, ok = a.sockets.find("unix:/"+rest, a.queue)
		}
		if ok && !h.Target.Remote {
			to = append(to, l.PID)
		}
	}
	if socket, ok := asked(h.Target); ok && !h.Target.Remote {
		if l, ok := a.sockets.find(socket, a.queue); ok {
			to = append(to, l.PID)
		}
	}
	for _, p := range h.Closure {
		if p.Role == waxseal.RoleBinary || p.Role == waxseal.RoleScript || p.Role == waxseal.RoleLibrary {
			to = append(append(to, a.programs[string(p.Path)]...), a.programs[path.Base(string(p.Path))]...)
		}
	}
	if h.Target.Type == waxseal.TargetCommand {
		for _, word := range mta.ShellWords(h.Target.Value) {
			to = append(append(to, a.programs[word]...), a.programs[path.Base(word)]...)
		}
	}
	return to
}

// asked is the socket at which a table is asked: "tcp:127.0.0.1:10001",
// "socketmap:unix:/run/x:name" (tcp_table(5), socketmap_table(5)).
func asked(t waxseal.Target) (socket string, ok bool) {
	if t.Type != waxseal.TargetTable {
		return "", false
	}
	table := strings.TrimPrefix(t.Value, "proxy:")
	if rest, ok := strings.CutPrefix(table, "tcp:"); ok {
		return "inet:" + rest, true
	}
	rest, ok := strings.CutPrefix(table, "socketmap:")
	if end := strings.LastIndexByte(rest, ':'); ok && end > 0 {
		return rest[:end], true
	}
	return "", false
}

// reach notes that mail comes to a service, and to those that it hands mail on to.
func (a *answerers) reach(stack waxseal.StackName, hooks []waxseal.Hook, reached map[waxseal.StackName]bool) {
	if reached[stack] {
		return
	}
	reached[stack] = true
	for _, s := range a.all {
		if s.Stack == stack {
			for _, next := range s.Uses {
				a.reach(next, hooks, reached)
			}
		}
	}
	for _, h := range hooks {
		if h.MTA == stack && h.Active {
			for _, n := range a.leads(h) {
				a.reach(a.all[n].Stack, hooks, reached)
			}
		}
	}
}

// service says of one who vouches for its program.
func (a *answerers) service(n int, c *closer) waxseal.Service {
	s := a.all[n]
	done := waxseal.Service{Stack: s.Stack, Title: s.Title, Program: s.Daemon, User: s.User, Source: s.Source, PackageState: waxseal.PackageUnknown}
	if s.Daemon != "" {
		p, _ := c.part(waxseal.Part{Path: s.Daemon, Role: waxseal.RoleBinary})
		done.Package, done.PackageState = p.Package, p.PackageState
	}
	return done
}
