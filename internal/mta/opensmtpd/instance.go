package opensmtpd

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

// instance is one smtpd with its configuration.
type instance struct {
	*reader
	found
	name    string // "" for the standard configuration
	conf    *smtpdconf.Config
	libexec string
	daemon  string // the user that smtpd's processes run as
	domains mta.Domains
	ruled   []rule
	// routes says which matches lead to an action.
	routes map[*smtpdconf.Action]route
	// tables says what uses a table, and whether that is active.
	tables map[*smtpdconf.Table]use
	// aliased are the users whose mail an alias takes away from them.
	aliased map[string]bool
	listed  map[waxseal.HookID]bool // members of lists that are told
	lists   map[waxseal.Path]following
}

// use is how a table is used.
type use struct {
	as     []string // "alias of the action local"
	active bool
	why    string // it is inactive
	secret bool
}

func (r *reader) readInstance(f found) {
	in := &instance{reader: r, found: f, aliased: map[string]bool{}, listed: map[waxseal.HookID]bool{}, lists: map[waxseal.Path]following{}, tables: map[*smtpdconf.Table]use{}}
	if f.why != "" || len(f.macros) > 0 {
		in.name = string(f.path)
	}
	in.libexec = r.libexecDir()
	in.daemon = r.daemonUser()
	version := r.o.Version("opensmtpd")
	in.conf = smtpdconf.Parse(string(f.path), smtpdconf.Options{Version: version, Macros: f.macros, Libexec: in.libexec, Read: in.readText, Exists: in.exists})
	in.arrange()
	in.domains = in.ownDomains()
	in.reachRules()
	in.useTables()
	r.AddStack(waxseal.Stack{MTA: MTA, Version: version, Instance: in.name, Config: in.configFiles(), Domains: in.domains.List()})
	in.files()
	in.complaints()
	in.listenerSettings()
	in.filterHooks()
	in.matchHooks()
	in.tableHooks()
	in.actionHooks()
	in.listHooks()
	in.forwardHooks()
	in.settings()
	hooks := mta.InMailOrder(r.Take())
	r.Put(hooks)
}

// arrange puts definitions into the order of their names: where they stand has no
// meaning, unlike the order of matches.
func (in *instance) arrange() {
	for _, m := range in.conf.Matches { // before 6.4 what a rule does has no name
		if m.Action != nil && m.Action.Name == "" {
			m.Action.Name = matchText(m)
		}
	}
	slices.SortStableFunc(in.conf.Actions, func(a, b *smtpdconf.Action) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(in.conf.Filters, func(a, b *smtpdconf.Filter) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(in.conf.Procs, func(a, b *smtpdconf.Proc) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(in.conf.Tables, func(a, b *smtpdconf.Table) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(in.conf.Wrappers, func(a, b *smtpdconf.Wrapper) int { return strings.Compare(a.Name, b.Name) })
}

// libexecDir is where the helper programs are.
func (r *reader) libexecDir() string {
	list := []string{"/usr/libexec/opensmtpd", "/usr/lib/x86_64-linux-gnu/opensmtpd", "/usr/lib/aarch64-linux-gnu/opensmtpd", "/usr/lib/opensmtpd", "/usr/local/libexec/smtpd", "/usr/local/libexec/opensmtpd", "/usr/libexec/smtpd"}
	for _, dir := range list {
		if r.Exists(waxseal.Path(dir)) {
			return dir
		}
	}
	return list[0]
}

// daemonUser is the user of smtpd: opensmtpd on Debian, smtpd in EPEL, _smtpd as
// the source has it.
func (r *reader) daemonUser() string {
	for _, name := range []string{"opensmtpd", "smtpd", "_smtpd"} {
		for _, u := range r.everyone() {
			if u.Name == name && u.Listed {
				return name
			}
		}
	}
	return "opensmtpd"
}

const maxTable = 64 << 20

// readText reads for the grammar; what can't be read is told there.
func (in *instance) readText(p string) (string, error) {
	if !strings.HasPrefix(p, "/") {
		return "", errors.New("the name is relative: what it is depends on where smtpd is started")
	}
	clean := mta.Clean(p)
	limit := int64(mta.MaxFile)
	if clean != in.path {
		limit = maxTable
	}
	text, err := in.Tree.ReadFile(clean, limit)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		in.Unreadable(clean, "a file of the configuration", err.Error())
	}
	return string(text), err
}

// exists answers for back-end programs that they are there where the tree has
// none at all: it is a part of a host only.
func (in *instance) exists(p string) bool {
	if strings.HasPrefix(p, in.libexec+"/") && !in.Exists(waxseal.Path(in.libexec)) {
		return true
	}
	_, err := in.Tree.Stat(mta.Clean(p))
	return err == nil
}

// ownDomains are the names of the host, and the domains that matches take mail
// for: to deliver it, or from everybody to pass it on.
func (in *instance) ownDomains() mta.Domains {
	d := mta.NewDomains("localhost")
	for _, p := range []waxseal.Path{"/etc/mailname", "/etc/mail/mailname", "/etc/hostname"} {
		if text, ok := in.Read(p, "the name of the host"); ok {
			name, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
			d.Add(name)
		}
	}
	for _, m := range in.conf.Matches {
		if m.Reject || m.For.Kind != "domain" || m.For.Not || m.For.Regex || m.Action.Method == "relay" && m.From.Kind != "any" {
			continue
		}
		for _, e := range m.For.Table.Entries {
			d.Add(e.Key)
		}
	}
	return d
}

func (in *instance) configFiles() []waxseal.Path {
	var list []waxseal.Path
	seen := map[waxseal.Path]bool{}
	for i, f := range in.conf.Files {
		if p := mta.Clean(f.Path); !seen[p] && (i == 0 || in.included(f)) {
			seen[p] = true
			list = append(list, p)
		}
	}
	return list
}

// included reports whether a file is part of the configuration and no table.
func (in *instance) included(f smtpdconf.File) bool {
	for _, t := range in.conf.Tables {
		if t.Path == f.Path && t.Backend == "static" {
			return false
		}
	}
	return true
}

// files notes the files of the configuration, and makes a hook of each include:
// whoever may write there writes the configuration.
func (in *instance) files() {
	in.Part(in.path, waxseal.RoleConfig)
	stored := map[string]bool{}
	for _, t := range in.conf.Tables {
		stored[t.Path] = true
	}
	for _, f := range in.conf.Files[1:] {
		if stored[f.Path] {
			continue
		}
		h := in.hook("include "+f.Path, f.From)
		h.Kind, h.Stage, h.Directive, h.Scope = waxseal.KindMap, waxseal.StageConnect, "include", "all"
		h.Effects = decides
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: f.Path}
		h.Closure = []waxseal.Part{{Path: mta.Clean(f.Path), Role: waxseal.RoleConfig}}
		h.Explain = "The file " + mta.Clip(f.Path) + " is a part of OpenSMTPD's configuration (include)."
		in.emit(h)
	}
}

// complaints tells why smtpd would not start with the configuration. What could
// be read of it is listed all the same.
func (in *instance) complaints() {
	for i, e := range in.conf.Errors {
		p := mta.Clean(e.Pos.Path)
		in.Problem(p, e.Pos.Line, "smtpd does not start with this: "+mta.Clip(e.Message))
		if i == 0 && e.Message != "no rules, nothing to do" {
			in.Unreadable(p, "the configuration of OpenSMTPD", "smtpd refuses it: "+mta.Clip(e.Message))
		}
	}
	if in.conf.Old {
		in.Problem(in.path, 0, "the configuration has the grammar before OpenSMTPD 6.4: its rules, tables and listeners are read, its settings are taken as they stand")
	}
}

// hook starts a hook of this instance. The name tells it apart in the file.
func (in *instance) hook(name string, pos smtpdconf.Pos) waxseal.Hook {
	p := mta.Clean(pos.Path)
	h := waxseal.Hook{
		ID: waxseal.HookID(string(MTA) + ":" + string(in.path) + ":" + mta.Clip(name)), Active: true,
		Source: waxseal.Source{Path: p, Line: pos.Line},
	}
	if len(in.macros) > 0 {
		for _, m := range in.macros {
			h.ID += waxseal.HookID(":" + m.Name + "=" + m.Value)
		}
	}
	return h
}

func (in *instance) emit(h waxseal.Hook) {
	if in.idle != "" {
		mta.Inactive(&h, in.idle)
	}
	in.Emit(h)
}

func (in *instance) note(name, value string, pos smtpdconf.Pos) {
	in.Setting(in.name, name, value, waxseal.Source{Path: mta.Clean(pos.Path), Line: pos.Line})
}

// What hooks can do to mail.
var (
	observes = []waxseal.Effect{waxseal.Observe}
	decides  = []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop}
	filters  = []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Divert, waxseal.Drop, waxseal.Execute}
	runsAll  = []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Execute}
	runs     = []waxseal.Effect{waxseal.Execute}
	diverts  = []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	copies   = []waxseal.Effect{waxseal.Observe, waxseal.Copy}
	modifies = []waxseal.Effect{waxseal.Modify}
	drops    = []waxseal.Effect{waxseal.Drop}
)
