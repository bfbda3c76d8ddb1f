// Package rspamd reads the configuration of rspamd, the spam filter: which mail it is
// handed, whom it asks, where it sends mail or what it knows of mail, what it throws
// away or lets through unchecked, and the Lua that runs in it.
//
// What counts is the configuration as it comes together from rspamd.conf and all that
// this includes (package ucl): local.d is merged into what the package says, override.d
// wins over it, and what the web interface wrote ("rspamd_dynamic") comes last. Sources:
// rspamd's documentation ("Modules", "Workers", "Settings") and the plugins of rspamd
// 3.4. Modules that hand mail or knowledge of it to others are the rows of a table
// (modules.go); of any other value the reader knows whether it names a file or a server.
//
// It does not run Lua, nor work out what rules come to for a message.
package rspamd

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// Stack is the name under which rspamd appears.
const Stack waxseal.StackName = "rspamd"

const (
	// maxFile bounds a file of the configuration.
	maxFile   = mta.MaxFile
	configDir = "/etc/rspamd"
	mainFile  = waxseal.Path(configDir + "/rspamd.conf")
	stateDir  = "/var/lib/rspamd"
	// dynamicFile is what the web interface writes.
	dynamicFile = waxseal.Path(stateDir + "/rspamd_dynamic")
	shareDir    = "/usr/share/rspamd"
	// everything is the scope of what meets all mail.
	everything = "all mail that rspamd checks"
)

// reader reads one configuration.
type reader struct {
	*mta.Book
	options  mta.Options
	domains  mta.Domains
	doc      *ucl.Document
	top      *ucl.Value
	instance string
	user     string
	partial  bool   // the tree lacks the package
	inert    string // why nothing starts this configuration
	settings []setting
	used     map[string]int      // names of settings
	known    map[*ucl.Value]bool // values that a hook tells about
	lua      map[waxseal.Path][]snippet
	parts    map[waxseal.Path]waxseal.Role
	maps     map[string]bool
	packaged map[string]string     // what stands in the place of the package's files
	ghosts   map[waxseal.Path]bool // files of the package that the tree lacks
}

// Read reads every configuration of rspamd in a tree.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	b := mta.NewBook(Stack, tree, m)
	service := mta.Service{Stack: Stack, Title: "rspamd", Programs: []string{"rspamc"}, Daemon: daemon, User: "_rspamd", Source: waxseal.Source{Path: mainFile}}
	for _, s := range starts(o) {
		if !b.Exists(s.file) && (s.why != "" || b.Exists(daemon) || !b.Exists(configDir) && !b.Exists(dynamicFile)) {
			continue
		}
		r := &reader{Book: b, options: o, domains: mta.NewDomains(o.Domains...), known: map[*ucl.Value]bool{}, lua: map[waxseal.Path][]snippet{}, parts: map[waxseal.Path]waxseal.Role{}, maps: map[string]bool{}, used: map[string]int{}, ghosts: map[waxseal.Path]bool{}, partial: !b.Exists(daemon), user: "_rspamd"}
		if s.file != mainFile {
			r.instance = string(s.file)
		}
		if !s.active {
			r.inert = s.why + " is not in use"
		}
		r.read(s.file)
		service.Sockets = append(service.Sockets, r.sockets()...)
	}
	if len(b.Result().Stacks) == 0 {
		return b.Result()
	}
	leftovers(b)
	result := b.Result()
	result.Hooks = mta.InMailOrder(result.Hooks)
	result.Services = []mta.Service{service}
	return result
}

// start is one configuration, and what starts rspamd with it.
type start struct {
	file   waxseal.Path
	why    string
	active bool
}

// starts are the package's configuration, and those that command lines name.
func starts(o mta.Options) []start {
	list := []start{{file: mainFile, active: true}}
	for _, s := range o.Starts {
		if path.Base(s.Argv[0]) != "rspamd" {
			continue
		}
		if file := configOf(s.Argv); file != "" && file != mainFile {
			list = append(list, start{file, s.Why, s.Active})
		}
	}
	return list
}

// configOf is the file behind -c or --config.
func configOf(argv []string) waxseal.Path {
	for i, w := range argv {
		switch {
		case (w == "-c" || w == "--config") && i+1 < len(argv):
			return mta.Clean(argv[i+1])
		case strings.HasPrefix(w, "--config="):
			return mta.Clean(strings.TrimPrefix(w, "--config="))
		case strings.HasPrefix(w, "-c") && len(w) > 2 && w[2] == '/':
			return mta.Clean(w[2:])
		}
	}
	return ""
}

// read reads one configuration from its first file.
func (r *reader) read(first waxseal.Path) {
	r.doc = ucl.Parse(first, ucl.Options{Variables: variables(r.options.Version("rspamd")), Open: r.open, List: r.list})
	r.top = r.doc.Top
	r.complaints()
	r.AddStack(waxseal.Stack{MTA: Stack, Instance: r.instance, Version: r.options.Version("rspamd"), Config: r.files(), Domains: r.signed()})
	for _, f := range r.files() {
		r.part(f, waxseal.RoleConfig)
	}
	r.includes()
	r.workers()
	r.modules()
	r.verdicts()
	r.trust()
	r.signing()
	r.rest()
	r.code()
	r.flush()
	r.note()
}

// signed are the domains in whose name mail is signed: they are own ones.
func (r *reader) signed() []string {
	own := mta.NewDomains()
	for _, module := range []string{"dkim_signing", "arc"} {
		for domains := range r.top.Path(module, "domain").Each() {
			for name := range domains.Fields() {
				own.Add(name)
				r.domains.Add(name)
			}
		}
	}
	return own.List()
}

// files are those that were read and are in the tree.
func (r *reader) files() []waxseal.Path {
	return slices.DeleteFunc(slices.Clone(r.doc.Files), func(p waxseal.Path) bool { return r.ghosts[p] })
}

// complaints are what the parser has to tell. With an error rspamd does not start, and
// runs on with what it had read before.
func (r *reader) complaints() {
	r.AddProblems(r.doc.Problems)
	if e := r.doc.Refused; e != nil {
		r.Unreadable(e.Path, "the configuration of rspamd", e.Message+lineOf(e.Line)+", so that rspamd does not start with it")
	}
}

// variables are those that rspamd sets (rspamd_ucl_add_conf_variables), with the
// directories of its packages for Debian and Red Hat.
func variables(version string) []ucl.Variable {
	version = strings.TrimLeft(version[strings.IndexByte(version, ':')+1:], "v")
	version, _, _ = strings.Cut(version, "-")
	major, minor, _ := strings.Cut(version, ".")
	return []ucl.Variable{
		{Name: "CONFDIR", Value: configDir}, {Name: "LOCAL_CONFDIR", Value: configDir}, {Name: "RUNDIR", Value: "/run/rspamd"}, {Name: "DBDIR", Value: stateDir},
		{Name: "LOGDIR", Value: "/var/log/rspamd"}, {Name: "PLUGINSDIR", Value: shareDir + "/plugins"}, {Name: "SHAREDIR", Value: shareDir}, {Name: "RULESDIR", Value: shareDir + "/rules"},
		{Name: "WWWDIR", Value: shareDir + "/www"}, {Name: "PREFIX", Value: "/usr"}, {Name: "VERSION", Value: version}, {Name: "VERSION_MAJOR", Value: major}, {Name: "VERSION_MINOR", Value: minor},
		{Name: "BRANCH_VERSION", Value: major},
	}
}

// hook begins the hook that a value of the configuration makes. The place is where the
// value stands among the sections, and not in which file.
func (r *reader) hook(v *ucl.Value, place string, does ...waxseal.Effect) waxseal.Hook {
	id := string(Stack) + ":" + place
	if r.instance != "" {
		id = string(Stack) + ":" + r.instance + ":" + place
	}
	h := waxseal.Hook{
		ID: waxseal.HookID(id), Stage: waxseal.StageData, Effects: does, Scope: everything, RunsAs: r.user, Active: true,
		Source: v.Source, Directive: directive(place), Closure: []waxseal.Part{{Path: v.Source.Path, Role: waxseal.RoleConfig}},
	}
	if r.inert != "" {
		mta.Inactive(&h, r.inert)
	}
	return h
}

// directive is the option as documentation knows it: the module and the last key, with
// the names of rules left out ("metadata_exporter.url"). What is a section of its own
// goes by that: "upstream", "settings".
func directive(place string) string {
	words := strings.Split(place, ":")
	last, _, _ := strings.Cut(words[len(words)-1], "#")
	switch {
	case len(words) < 2 || words[0] == "settings":
		return words[0]
	case len(words) > 2 && words[0] == "worker" && (words[2] == "upstream" || words[2] == "mirror"):
		return words[2]
	case len(words) > 1 && (words[1] == "custom" || words[1] == "actions"):
		last = strings.TrimSuffix(words[1], "s")
	}
	return words[0] + "." + last
}
