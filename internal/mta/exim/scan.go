package exim

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// spot is where a string is expanded: what is found in it has this from it.
type spot struct {
	place  string // "router:smarthost:condition"
	at     eximconf.Place
	stage  waxseal.Stage
	runsAs string
	where  string // for a sentence: "router smarthost, condition"
	scope  string
	why    string // why nothing leads mail here
}

func (s spot) mark(h *waxseal.Hook) {
	if s.why != "" {
		mta.Inactive(h, s.why)
	}
}

// scan finds what a string runs, loads, asks or reads when it is expanded.
func (in *instance) scan(s spot, text string) expand.Expansion {
	e, message := expand.Parse(text)
	if message != "" && strings.Contains(text, "${") && !in.silent {
		in.Problem(s.at.Path, s.at.Line, "the string can't be read to its end: "+message)
	}
	n := 0
	e.Walk(func(p expand.Part) {
		if p.Kind == expand.Operator && p.Name == "expand" {
			in.again(s, p)
		}
		if p.Kind == expand.Item {
			n++
			in.found(s, p, n)
		}
	})
	return e
}

// again reads what ${expand:…} expands a second time, where it is plain text.
func (in *instance) again(s spot, p expand.Part) {
	if text, ok := p.Args[0].Plain(); ok && strings.Contains(text, "$") && strings.Count(s.place, ":again") < 8 {
		s.place += ":again"
		in.scan(s, text)
	}
}

func (in *instance) found(s spot, p expand.Part, n int) {
	h := in.hook(s.place+":"+p.Name+":"+strconv.Itoa(n), s.at)
	h.Stage, h.Scope, h.RunsAs, h.Directive = s.stage, s.scope, s.runsAs, "${"+p.Name+"}"
	s.mark(&h)
	switch p.Name {
	case "run":
		in.runs(s, &h, p)
	case "perl":
		in.perlCall(s, &h, p)
	case "dlfunc":
		in.library(s, &h, p)
	case "readsocket":
		in.readSocket(s, &h, p)
	case "readfile":
		if len(p.Args) > 0 {
			in.readsFile(s, &h, p.Args[0])
		}
	case "lookup":
		in.lookup(s, p)
	case "if ldapauth", "if radius":
		in.passwordServer(s, &h, p)
	}
}

// ldapServer matches the host in a URL of LDAP; one without stands for
// ldap_default_servers (spec 9.16).
var ldapServer = regexp.MustCompile(`(?i)ldaps?://(\[[^\]]+\]|[^/:\s}]+)`)

// passwordServer makes the hook of a server that hears the passwords of those who
// log in.
func (in *instance) passwordServer(s spot, h *waxseal.Hook, p expand.Part) {
	h.Directive = strings.TrimPrefix(p.Name, "if ")
	h.Kind, h.Effects, h.External = waxseal.KindMap, looks, true
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: h.Directive}
	if h.Directive == "ldapauth" {
		in.server(h, "ldap")
		h.Target.Value = h.Directive
		if g := ldapServer.FindStringSubmatch(argument(p, 0)); g != nil {
			host := strings.Trim(g[1], "[]")
			mta.Modify(h, "hosts", host)
			h.Target.Remote = !mta.IsLoopback(host)
		}
	}
	h.Explain = "A server is asked whether a password is right, and hears it: " + h.Directive + mta.Where(h.Target) + " (" + s.where + ")."
	in.emit(*h)
}

func argument(p expand.Part, n int) string {
	if n < len(p.Args) {
		return p.Args[n].String()
	}
	return ""
}

func (in *instance) runs(s spot, h *waxseal.Hook, p expand.Part) {
	command := strings.TrimSpace(argument(p, 0))
	h.Kind, h.Effects = waxseal.KindExpansionExec, runsAll
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = in.CommandParts(mta.ShellWords(command))
	h.Explain = "The command " + mta.Clip(command) + " runs as " + mta.OrUnknown(s.runsAs) + " whenever a string is expanded (" + s.where + ")."
	if len(p.Args) > 0 && in.release.AtLeast(4, 94) && p.Option == "preexpand" {
		if name := p.Args[0].Tainted(); name != "" && in.release.AtLeast(4, 96) {
			mta.Inactive(h, "Exim refuses to run it, because the sender has a part in the command by $"+name)
		}
	}
	in.emit(*h)
}

func (in *instance) perlCall(s spot, h *waxseal.Hook, p expand.Part) {
	h.Kind, h.Effects, h.Closure = waxseal.KindExpansionExec, runsAll, in.perl
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: "perl:" + argument(p, 0)}
	h.Explain = "The Perl function " + argument(p, 0) + " runs as " + mta.OrUnknown(s.runsAs) + " whenever a string is expanded (" + s.where + ")."
	if in.conf.Value("perl_startup") == "" {
		mta.Inactive(h, "perl_startup is not set, so that there is no such function")
	}
	in.emit(*h)
}

func (in *instance) library(s spot, h *waxseal.Hook, p expand.Part) {
	name := argument(p, 0)
	h.Kind, h.Effects = waxseal.KindModule, runsAll
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
	if path.IsAbs(name) && !strings.Contains(name, "$") {
		h.Closure = []waxseal.Part{{Path: mta.Clean(name), Role: waxseal.RoleLibrary}}
	}
	h.Explain = "Exim loads the library " + mta.Clip(name) + " and calls its function " + mta.Clip(argument(p, 1)) + " as " + mta.OrUnknown(s.runsAs) + " (" + s.where + ")."
	in.emit(*h)
}

func (in *instance) readSocket(s spot, h *waxseal.Hook, p expand.Part) {
	name := strings.TrimSpace(argument(p, 0))
	h.Kind, h.Effects = waxseal.KindPolicy, []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Modify}
	if rest, ok := strings.CutPrefix(name, "inet:"); ok {
		host, port := rest, ""
		if i := strings.LastIndexByte(rest, ':'); i > 0 {
			host, port = strings.Trim(rest[:i], "[]"), rest[i+1:]
		}
		h.Target = mta.InetSocket(host, port)
	} else {
		target, part := mta.UnixSocket(mta.Clean(name))
		h.Target, h.Closure = target, []waxseal.Part{part}
	}
	h.Explain = "The answer of the program at " + h.Target.Value + mta.Where(h.Target) + " is taken into a string: it sees what is asked and decides what follows (" + s.where + ")."
	in.emit(*h)
}

func (in *instance) readsFile(s spot, h *waxseal.Hook, name expand.Expansion) {
	p := name.Outline()
	h.Kind, h.Effects = waxseal.KindMap, looks
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: "file:" + p}
	if path.IsAbs(p) && !strings.Contains(p, "*") {
		h.Closure = []waxseal.Part{{Path: mta.Clean(p), Role: waxseal.RoleMap}}
	}
	h.Explain = "The content of " + mta.Clip(p) + " is taken into a string (" + s.where + ")."
	in.emit(*h)
}

// lookup notes the table of a lookup; one that is in a file for each domain is
// noted by its pattern.
func (in *instance) lookup(s spot, p expand.Part) {
	n := 0
	if p.Keyed {
		n = 1
	}
	if len(p.Args) <= n {
		return
	}
	file := p.Args[n]
	text := strings.TrimSpace(file.Outline())
	if value, o := in.work(file); o == expand.Known {
		text = value
	}
	base, _ := style(p.Option)
	if name := file.Tainted(); name != "" && p.Keyed && in.release.AtLeast(4, 94) {
		s.why = "Exim refuses to read a table in whose name the sender has a part by $" + name
	}
	if base == "dnsdb" || base == "passwd" || base == "spf" {
		return // the DNS and the list of users are asked for every message anyway
	}
	in.asked(s, p.Option, text)
}
