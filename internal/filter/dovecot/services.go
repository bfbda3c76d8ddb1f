package dovecot

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mta"
)

// service is one that runs a program which is not Dovecot's own.
type service struct {
	section *doveconf.Section
	set     *doveconf.Setting
	argv    []string // the program that is run in the end
	user    string
	sockets []string
	inet    []string
}

// findServices notes which programs wait behind which sockets.
func (r *reader) findServices() {
	r.services = map[string]service{}
	for _, s := range r.conf.Root.Below("service") {
		made, ok := r.service(s)
		if !ok {
			continue
		}
		for _, socket := range made.sockets {
			r.services[socket] = made
		}
	}
}

// service reads "service X { executable = … }". Ones that run Dovecot's own
// programs make no hook.
func (r *reader) service(s *doveconf.Section) (service, bool) {
	set := s.Get("executable")
	if set == nil {
		set = s.Get("service_executable")
	}
	if set == nil {
		return service{}, false
	}
	argv := r.program(unquoted(set.Value))
	if len(argv) == 0 {
		return service{}, false
	}
	made := service{section: s, set: set, argv: argv, user: r.user(s)}
	for _, l := range s.Sections {
		switch {
		case strings.HasSuffix(l.Kind, "unix_listener"), l.Kind == "fifo_listener":
			made.sockets = append(made.sockets, l.Name)
		case l.Kind == "inet_listener" && l.Value("port") != "0":
			made.inet = append(made.inet, strings.TrimSpace(l.Value("address")+l.Value("listen")+" "+l.Value("port")))
		}
	}
	return made, true
}

// programDirectories are where packages and a build from source put Dovecot's own
// programs.
var programDirectories = []string{"/usr/lib/dovecot", "/usr/libexec/dovecot", "/usr/local/libexec/dovecot"}

// program is what a service runs in the end: nothing where it is a program of
// Dovecot, else the words behind script and script-login (doc.dovecot.org,
// "Post-login scripting").
func (r *reader) program(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	base, own := path.Base(argv[0]), !strings.Contains(argv[0], "/")
	for _, dir := range programDirectories {
		own = own || path.Dir(argv[0]) == dir && base != "decode2text.sh"
	}
	if base != "script" && base != "script-login" {
		if own && base != "rawlog" && base != "gdbhelper" { // these write down all that another program is told
			return nil // "imap postlogin" names a socket
		}
		return argv
	}
	if !own {
		return argv
	}
	rest := argv[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		takes := rest[0] == "-e"
		if rest = rest[1:]; takes && len(rest) > 0 {
			rest = rest[1:]
		}
	}
	return rest
}

// user is who a service runs as: root where nothing says.
func (r *reader) user(s *doveconf.Section) string {
	user := s.Value("user")
	if name, ok := strings.CutPrefix(user, "$"); ok { // not put in where the default is meant
		user = r.conf.View("").Value(strings.TrimPrefix(name, "SET:"))
	}
	if user == "" {
		return "root"
	}
	return user
}

// doveadm tells of ports at which doveadm(1) of other hosts may ask for any mail.
func (r *reader) doveadm(s *doveconf.Section) {
	for _, l := range s.Sections {
		port := l.Value("port")
		if !strings.HasSuffix(l.Kind, "inet_listener") || port == "" || port == "0" {
			continue
		}
		h := waxseal.Hook{
			ID: r.id(l, "port"), Kind: waxseal.KindMap, Stage: waxseal.StageDelivered, Effects: copies, Directive: "doveadm", Scope: "all mail of every user", RunsAs: r.user(s), Active: true,
			Source: l.Source, Target: waxseal.Target{Type: waxseal.TargetTable, Value: "doveadm at port " + port},
			Explain: "Whoever knows doveadm_password may read and change the mail of every user from another host, through port " + port + " (service " + s.Name + ").",
		}
		mta.Modify(&h, "reads", "every mailbox")
		r.Emit(h)
	}
}

// executions makes hooks of what 2.4 runs at events: execute NAME { } in a quota
// warning or the welcome plugin (doc.dovecot.org, "Execute").
func (r *reader) executions() {
	for _, s := range r.conf.All("execute") {
		argv := append([]string{s.Name}, unquoted(s.Value("execute_args"))...)
		h := waxseal.Hook{
			ID: r.id(r.conf.Root, s.Path()), Kind: waxseal.KindScript, Stage: waxseal.StageDelivered, Effects: runs, Directive: "quota_warning", Scope: "all mail that is stored", Active: true, Source: s.Source,
			Target: waxseal.Target{Type: waxseal.TargetCommand, Value: strings.Join(argv, " ")},
		}
		switch served, ok := r.services[s.Name]; {
		case ok:
			h.RunsAs, h.Target.Value = served.user, strings.Join(append(slices.Clone(served.argv), argv[1:]...), " ")
			h.Closure = r.CommandParts(served.argv)
		case s.Value("execute_driver") == "fork":
			h.Closure = r.CommandParts(argv)
		default:
			var part waxseal.Part
			h.Target, part = r.socket(s.Name)
			h.Closure = []waxseal.Part{part}
		}
		h.Explain = mta.Clip(h.Target.Value) + " runs when what is set around it happens (" + s.Path() + ")."
		r.Emit(h)
	}
}

// serviceHooks makes a hook of each service that runs a program.
func (r *reader) serviceHooks() {
	r.executions()
	for _, s := range r.conf.Root.Below("service") {
		if s.Name == "doveadm" {
			r.doveadm(s)
		}
		made, ok := r.service(s)
		if !ok {
			continue
		}
		h := waxseal.Hook{
			ID: r.id(s, "executable"), Kind: waxseal.KindScript, Stage: waxseal.StageDelivered, Effects: seesAndRuns, Directive: "executable",
			Target: waxseal.Target{Type: waxseal.TargetCommand, Value: strings.Join(made.argv, " ")}, Scope: "service " + s.Name, RunsAs: made.user, Active: true,
			Source: made.set.Source, Closure: r.CommandParts(made.argv),
		}
		mta.Modify(&h, "sockets", strings.Join(slices.Concat(made.sockets, made.inet), ", "))
		h.Explain = "The service " + s.Name + " of Dovecot runs " + mta.Clip(h.Target.Value) + " as " + made.user + " for whoever connects to " + orSocket(h.Modifiers["sockets"]) + "."
		if len(made.sockets)+len(made.inet) == 0 && !builtIn[s.Name] {
			mta.Inactive(&h, "the service listens nowhere")
		}
		r.Emit(h)
	}
}

// builtIn are the services that have listeners of their own.
var builtIn = map[string]bool{"imap": true, "pop3": true, "lmtp": true, "auth": true, "auth-worker": true, "imap-login": true, "pop3-login": true, "submission": true, "submission-login": true,
	"managesieve": true, "managesieve-login": true, "log": true, "stats": true, "anvil": true, "config": true, "dict": true, "indexer": true, "indexer-worker": true, "doveadm": true, "ssl-params": true,
	"dns-client": true, "dns_client": true, "imap-hibernate": true, "imap-urlauth": true, "ipc": true, "replicator": true, "aggregator": true, "director": true, "health-check": true}

func orSocket(sockets string) string {
	if sockets == "" {
		return "its own sockets"
	}
	return sockets
}
