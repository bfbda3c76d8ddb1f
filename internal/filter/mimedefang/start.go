package mimedefang

import (
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// start is how MIMEDefang is started.
type start struct {
	user    string
	sockets []string
	filter  option // SUBFILTER, or -F of mimedefang-multiplexor(8)
	program option // FILTER, or -f: what runs instead of mimedefang.pl
	source  waxseal.Source
	asUser  waxseal.Source // what says so
}

// option is a value with its place.
type option struct {
	value  string
	name   string
	source waxseal.Source
}

// spool is where its sockets are, unless SPOOLDIR says otherwise.
const spool = "/var/spool/MIMEDefang"

// started reads the variables of the start and the command lines that are known.
func (r *reader) started() {
	variables := map[string]option{}
	for _, p := range []waxseal.Path{"/etc/default/mimedefang", "/etc/sysconfig/mimedefang"} {
		r.defaults(p, variables)
	}
	r.byVariables(variables)
	for _, s := range r.options.Starts {
		r.commandLine(s)
	}
	r.otherProgram()
	if r.start.user == "root" {
		r.asRoot(r.start.asUser)
	}
}

// byVariables takes what the command lines say that the start makes of variables. Without
// -U both programs stay root.
func (r *reader) byVariables(variables map[string]option) {
	m, f := options(argv(toMultiplexor, variables), multiplexorTakes), options(argv(toMilter, variables), milterTakes)
	r.start.user, r.start.asUser = "root", variables["MX_USER"].source
	if u := m['U']; u.value != "" {
		r.start.user, r.start.asUser = u.value, u.source
	}
	r.start.filter, r.start.program = m['F'], m['f']
	r.start.source = f['p'].source
	r.socket(f['p'].value)
	if n := m['N'].value; n != "" {
		r.socket(n)
	}
	if a := f['m']; a.value != m['s'].value {
		r.otherMultiplexor(a)
	}
}

// otherMultiplexor emits the hook for a milter that asks another program than the
// multiplexor that is started with it.
func (r *reader) otherMultiplexor(a option) {
	target, part := mta.UnixSocket(mta.Clean(strings.TrimPrefix(a.value, "unix:")))
	h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":start:MX_SOCKET"), Kind: waxseal.KindPolicy, Stage: waxseal.StageData, Effects: executes, Scope: "all mail that is handed to MIMEDefang",
		Active: true, Source: a.source, Directive: "MX_SOCKET", Target: target, Closure: []waxseal.Part{part}}
	h.Explain = "MIMEDefang asks whoever listens on " + mta.Clip(a.value) + " what to do with each message, and not its own multiplexor (" + a.name + " in " + string(a.source.Path) + ")."
	r.Emit(h)
}

// asRoot emits the hook for the filter running with all rights, which the manual warns
// of.
func (r *reader) asRoot(source waxseal.Source) {
	h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":start:MX_USER"), Kind: waxseal.KindUnit, Stage: waxseal.StageConnect, Effects: executes, Scope: "all", RunsAs: "root", Active: true,
		Source: source, Directive: "User", Target: waxseal.Target{Type: waxseal.TargetText, Value: "root"}}
	h.Explain = "MIMEDefang runs its filter as root (MX_USER, or -U)."
	r.Emit(h)
}

// defaults reads a file that the init script sources, and whose variables units take.
func (r *reader) defaults(p waxseal.Path, variables map[string]option) {
	text, ok := r.open(p, "the start of MIMEDefang")
	if !ok {
		return
	}
	for _, v := range calls.Variables(text) {
		source := waxseal.Source{Path: p, Line: v.Line}
		r.Setting("", "start:"+v.Name, v.Value, source)
		variables[v.Name] = option{inSpool(v.Value, variables), v.Name, source}
	}
	r.Code(mta.Code{Path: p, Text: text, Language: calls.Shell, Domains: r.domains, Directive: "sourced", Stage: waxseal.StageConnect, RunsAs: "root",
		Words: calls.Words{"*": {Kind: waxseal.KindExpansionExec, Effects: executes, Target: waxseal.TargetCommand}}, Runs: "The init script of MIMEDefang sources it as root", Counts: calls.Commands})
}

// socket notes where the milter listens, in the manner of libmilter: "inet:port@host",
// "unix:/path", "/path".
func (r *reader) socket(s string) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "unix:"), "local:")
	if rest, ok := strings.CutPrefix(strings.Replace(s, "inet6:", "inet:", 1), "inet:"); ok {
		port, host, _ := strings.Cut(rest, "@")
		r.start.sockets = append(r.start.sockets, mta.InetSocket(strings.Trim(host, "[]"), port).Value)
	} else if strings.HasPrefix(s, "/") {
		r.start.sockets = append(r.start.sockets, "unix:"+string(mta.Clean(s)))
	}
}

// commandLine takes options from a unit or script.
func (r *reader) commandLine(s mta.Start) {
	program := s.Argv[0][strings.LastIndexByte(s.Argv[0], '/')+1:]
	if program != "mimedefang" && program != "mimedefang-multiplexor" || !s.Active {
		return
	}
	for i, word := range s.Argv {
		if i == 0 || len(word) < 2 || word[0] != '-' {
			continue
		}
		value := word[2:]
		if value == "" && i+1 < len(s.Argv) {
			value = s.Argv[i+1]
		}
		if value == "" || strings.HasPrefix(value, "$") {
			continue
		}
		switch at := (option{value, word[:2], s.Source}); {
		case program == "mimedefang" && word[1] == 'p':
			r.socket(value)
		case word[1] == 'U':
			r.start.user = value
		case program != "mimedefang" && word[1] == 'F':
			r.start.filter = at
		case program != "mimedefang" && word[1] == 'f':
			r.start.program = at
		}
	}
}

// otherProgram emits the hook for a program that gets each message instead of
// mimedefang.pl.
func (r *reader) otherProgram() {
	f := r.start.program
	if f.value == "" || f.value == "/usr/bin/mimedefang.pl" {
		return
	}
	h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":start:FILTER"), Kind: waxseal.KindPipe, Stage: waxseal.StageData, Effects: executes, Scope: "all mail that is handed to MIMEDefang",
		RunsAs: r.start.user, Active: true, Source: f.source, Directive: "FILTER", Target: waxseal.Target{Type: waxseal.TargetCommand, Value: f.value}}
	h.Closure = r.CommandParts(mta.ShellWords(f.value))
	h.Explain = "MIMEDefang hands each message to " + mta.Clip(f.value) + " instead of its own mimedefang.pl (" + f.name + " in " + string(f.source.Path) + ")."
	r.Emit(h)
}
