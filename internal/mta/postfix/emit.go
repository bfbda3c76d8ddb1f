package postfix

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// site is one place where a parameter has a value: main.cf, or an -o option of
// one service.
type site struct {
	in      *instance
	view    view
	param   param
	name    string // of the parameter
	value   string // expanded
	source  waxseal.Source
	prefix  string // of the identities: "postfix:/etc/postfix/main.cf:smtpd_milters"
	scope   string
	service *service // nil for main.cf
	active  bool
	unread  string // why no daemon reads it, "" if one does
	class   string // the restriction class whose list it is
}

// hook starts a hook that stands at the site; suffix tells several apart.
func (s site) hook(suffix string) waxseal.Hook {
	id := s.prefix
	if suffix != "" {
		id += ":" + suffix
	}
	h := waxseal.Hook{
		ID: waxseal.HookID(id), Kind: s.param.kind, Stage: s.param.stage, Effects: s.param.effects,
		Scope: s.scope, RunsAs: s.param.runsAs, Active: s.active, Source: s.source, Directive: s.name,
		LoadedBy: strings.Fields(s.param.daemons),
	}
	mta.Modify(&h, "inactive", s.unread)
	return h
}

// entry starts a hook that stands in a table which the site names.
func (s site) entry(t table, e entry, n int) waxseal.Hook {
	h := s.hook("")
	id := string(MTA) + ":" + string(t.path) + ":" + s.name + ":" + clip(e.Key)
	if n > 1 {
		id += ":" + strconv.Itoa(n)
	}
	h.ID = waxseal.HookID(id)
	h.Source = waxseal.Source{Path: t.path, Line: e.Line}
	if e.Line == 0 && t.path == s.source.Path {
		h.Source.Line = s.source.Line
	}
	if len(e.Within) > 0 {
		mta.Modify(&h, "if", strings.Join(e.Within, " and "))
	}
	e.mark(&h, t)
	return h
}

// emit writes a hook of the instance down.
func (in *instance) emit(h waxseal.Hook) {
	mta.Modify(&h, "instance", in.why)
	if done, ok := in.Finish(h); ok {
		in.hooks = append(in.hooks, done)
	}
}

// note records a setting of the instance.
func (in *instance) note(name, value string, source waxseal.Source) {
	in.Setting(in.name, name, value, source)
}
