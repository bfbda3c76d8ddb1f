package amavis

import (
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// Milter is the name under which amavisd-milter appears in stacks and hooks.
const Milter waxseal.StackName = "amavisd-milter"

const (
	milterDefaults waxseal.Path = "/etc/default/amavisd-milter"
	milterProgram  waxseal.Path = "/usr/sbin/amavisd-milter"
)

// readMilter reads how amavisd-milter(8) is started: a file of shell that its init
// script sources.
func readMilter(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	b := mta.NewBook(Milter, tree, m)
	text, ok := b.Read(milterDefaults, "the start of amavisd-milter")
	if !ok && !b.Exists(milterProgram) {
		return b.Result()
	}
	variables := map[string]string{"MILTERSOCKET": "/var/lib/amavis/amavisd-milter.sock", "AMAVISSOCKET": "/var/lib/amavis/amavisd.sock", "SYSTEMUSER": "amavis"}
	sources := map[string]waxseal.Source{}
	for _, v := range calls.Variables(text) {
		variables[v.Name], sources[v.Name] = v.Value, waxseal.Source{Path: milterDefaults, Line: v.Line}
		b.Setting("", "start:"+v.Name, v.Value, sources[v.Name])
	}
	stack := waxseal.Stack{MTA: Milter, Version: o.Version("amavisd-milter")}
	if ok {
		stack.Config = []waxseal.Path{milterDefaults}
		b.Code(mta.Code{Path: milterDefaults, Text: text, Language: calls.Shell, Domains: mta.NewDomains(o.Domains...), Directive: "sourced", Stage: waxseal.StageConnect, RunsAs: "root",
			Words: calls.Words{"*": {Kind: waxseal.KindExpansionExec, Effects: executes, Target: waxseal.TargetCommand}}, Runs: "The init script of amavisd-milter sources it as root", Counts: calls.Commands})
	}
	b.AddStack(stack)
	asksAmavis(b, variables["AMAVISSOCKET"], sources["AMAVISSOCKET"])
	done := b.Result()
	service := mta.Service{Stack: Milter, Title: "amavisd-milter", Uses: []waxseal.StackName{MTA}, User: variables["SYSTEMUSER"], Source: sources["MILTERSOCKET"]}
	if service.Source.Path == "" {
		service.Source.Path = milterDefaults
	}
	if b.Exists(milterProgram) {
		service.Daemon = milterProgram
	}
	if t, ok := milterSocket(variables["MILTERSOCKET"]); ok {
		service.Sockets = []string{t.Value}
	}
	done.Services = []mta.Service{service}
	return done
}

// milterSocket reads a socket as libmilter writes it: "inet:port@host", "local:/path",
// "/path".
func milterSocket(s string) (waxseal.Target, bool) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "unix:"), "local:")
	if rest, ok := strings.CutPrefix(strings.Replace(s, "inet6:", "inet:", 1), "inet:"); ok {
		port, host, _ := strings.Cut(rest, "@")
		return mta.InetSocket(strings.Trim(host, "[]"), port), true
	}
	if !strings.HasPrefix(s, "/") {
		return waxseal.Target{}, false
	}
	t, _ := mta.UnixSocket(mta.Clean(s))
	return t, true
}

// asksAmavis emits the hook for the socket that messages are handed to.
func asksAmavis(b *mta.Book, socket string, source waxseal.Source) {
	target, ok := milterSocket(socket)
	if !ok || source.Path == "" {
		return
	}
	h := waxseal.Hook{ID: waxseal.HookID(string(Milter) + ":AMAVISSOCKET"), Kind: waxseal.KindPolicy, Stage: waxseal.StageData, Effects: []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Drop},
		Target: target, Scope: "all mail that is handed to amavisd-milter", Active: true, Source: source, Directive: "AMAVISSOCKET"}
	h.Explain = "amavisd-milter hands each message to " + mta.Clip(socket) + mta.Where(target) + " (AMAVISSOCKET in " + string(source.Path) + ")."
	b.Emit(h)
}
