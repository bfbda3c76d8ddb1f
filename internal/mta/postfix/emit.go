package postfix

import (
	"strconv"
	"strings"

	"waxseal"
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
	modify(&h, "inactive", s.unread)
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
		modify(&h, "if", strings.Join(e.Within, " and "))
	}
	e.mark(&h, t)
	return h
}

// modify notes a setting that changes what the hook does; an empty one is none.
func modify(h *waxseal.Hook, name, value string) {
	if value == "" {
		return
	}
	if h.Modifiers == nil {
		h.Modifiers = map[string]string{}
	}
	h.Modifiers[name] = value
}

// emit finishes a hook: unique identity, secrets masked, nothing nil.
func (in *instance) emit(h waxseal.Hook) {
	if in.full {
		return
	}
	if len(in.ids) >= maxHooks {
		in.full = true
		in.addProblems([]waxseal.Problem{{Path: h.Source.Path, Line: h.Source.Line, Message: "more hooks than are listed: what follows is not read", Unreadable: true}})
		h = waxseal.Hook{ID: "postfix:too many hooks", Kind: waxseal.KindUnreadable, Stage: h.Stage, Scope: "all", Active: true, Directive: h.Directive,
			Source: h.Source, Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(h.Source.Path)}, Explain: "The configuration has more hooks than can be listed; from here on they are not known."}
	}
	h.MTA = MTA
	in.ids[h.ID]++
	if n := in.ids[h.ID]; n > 1 {
		h.ID += waxseal.HookID("#" + strconv.Itoa(n))
		in.ids[h.ID]++
	}
	if h.Effects == nil {
		h.Effects = []waxseal.Effect{}
	}
	h.Closure = uniqueParts(h.Closure)
	modify(&h, "instance", in.why)
	in.hide(&h)
	in.hooks = append(in.hooks, h)
}

// hide masks secrets in every free text of the hook.
func (in *instance) hide(h *waxseal.Hook) {
	plain := h.Target.Value
	h.Target.Value = in.mask.Setting(h.Directive, plain)
	if plain != "" && plain != h.Target.Value {
		h.Explain = strings.ReplaceAll(h.Explain, plain, h.Target.Value)
	}
	h.Explain = in.mask.Setting("", h.Explain)
	for name, value := range h.Modifiers {
		h.Modifiers[name] = in.mask.Setting(name, value)
	}
}

func uniqueParts(parts []waxseal.Part) []waxseal.Part {
	out := []waxseal.Part{}
	seen := map[waxseal.Path]bool{}
	for _, p := range parts {
		if !seen[p.Path] {
			seen[p.Path] = true
			out = append(out, p)
		}
	}
	return out
}

// note records a setting under its name once; Name is unique per instance.
func (in *instance) note(name, value string, source waxseal.Source) {
	if in.settings[name] {
		return
	}
	in.settings[name] = true
	last := name[strings.LastIndexByte(name, ':')+1:]
	in.result.Settings = append(in.result.Settings, waxseal.Setting{
		MTA: MTA, Instance: in.name, Name: name, Value: in.mask.Setting(last, value), Source: source,
	})
}
