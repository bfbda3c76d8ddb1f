package postfix

import (
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
)

// parameterHooks makes the hooks of main.cf.
func (in *instance) parameterHooks() {
	known := map[string]bool{}
	for _, p := range in.params {
		known[p.name] = true
		defined, ok := in.main.set[p.name]
		if !ok {
			defined, ok = in.main.set[renamed[p.name]]
		}
		value := in.view.value(p.name)
		if value == "" || !ok && (p.when != whenever || len(in.main.set) == 0) {
			continue
		}
		if p.when != whenSet && p.when != whenever && in.isDefault(p.name, value) {
			continue
		}
		p.make(in.mainSite(p, p.name, value, defined.line))
	}
	in.otherTables(known)
}

func (in *instance) mainSite(p param, name, value string, line int) site {
	return site{
		in: in, view: in.view, param: p, name: name, value: value, scope: "all", active: true,
		source: waxseal.Source{Path: in.main.path, Line: line},
		prefix: string(MTA) + ":" + string(in.main.path) + ":" + name,
	}
}

// isDefault reports whether a value is what Postfix would use without it.
func (in *instance) isDefault(name, value string) bool {
	standard, ok := in.view.standard(name)
	if !ok {
		return false
	}
	if !rawParameters[name] {
		standard, _ = in.view.expand(standard)
	}
	return normal(name, standard) == normal(name, value)
}

// notTables are parameters whose table references are a cache that Postfix
// writes, a list of permissions, or passwords.
func notTables(name string) bool {
	for _, suffix := range []string{"_cache_database", "_cache_map", "_cache_name", "password_maps", "_sni_maps", "alias_database", "proxy_read_maps", "proxy_write_maps", "address_verify_map"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// otherTables lists the tables that parameters outside the hook table name: who
// may relay, which TLS policy holds. Their entries are settings.
func (in *instance) otherTables(known map[string]bool) {
	for _, name := range in.main.order {
		if known[name] || notTables(name) || !in.isParameter(name) {
			continue
		}
		value := in.view.value(name)
		if !strings.Contains(value, ":") {
			continue
		}
		p := param{name: name, stage: waxseal.StageSession, kind: waxseal.KindMap, effects: noEffects, looks: "Postfix decides"}
		s := in.mainSite(p, name, value, in.main.set[name].line)
		for _, t := range s.tableHooks(value, mapdb.KeyValue) {
			for _, e := range t.entries {
				s.entrySetting(t, e)
			}
		}
	}
}

// entrySetting records a table entry that makes no hook.
func (s site) entrySetting(t table, e mapdb.Entry) {
	source := waxseal.Source{Path: t.path, Line: e.Line}
	if e.Line == 0 {
		source.Line = s.source.Line
	}
	s.in.note("map:"+string(t.path)+":"+clip(e.Key), strings.Join(strings.Fields(e.Value), " "), source)
}

// overrideHooks makes the hooks of -o options in master.cf.
func (in *instance) overrideHooks() {
	for i := range in.services {
		if s := &in.services[i]; len(s.overrides) > 0 {
			in.serviceParameters(s)
		}
	}
}

func (in *instance) serviceParameters(svc *service) {
	v := in.viewFor(svc)
	for _, o := range svc.overrides {
		if _, problem := v.expandName(o.name); problem != "" {
			in.problem(in.dir+"/master.cf", svc.line, "-o "+clip(o.name)+": "+problem)
		}
	}
	bare := *svc
	bare.overrides, bare.index = nil, nil
	without := in.viewFor(&bare)
	for _, p := range in.params {
		value := v.value(p.name)
		if value == "" || p.when == mainChanged || !svc.changes(p, v, without) {
			continue
		}
		if p.when == whenChanged && in.isDefault(p.name, value) {
			continue
		}
		p.make(in.serviceSite(svc, v, p, value))
	}
}

// changes reports whether a service gives a parameter another meaning than
// main.cf does: by its own -o, because an -o changes a name that main.cf uses, or
// by an -o of what goes with it.
func (s service) changes(p param, with, without view) bool {
	if _, ok := s.override(p.name); ok {
		return true
	}
	if !s.reads(p) {
		return false
	}
	for _, name := range p.also {
		if _, ok := s.override(name); ok {
			return true
		}
	}
	return with.value(p.name) != without.value(p.name)
}

// reads reports whether the service's program looks at the parameter.
func (s service) reads(p param) bool {
	if p.daemons == "" {
		return true
	}
	for _, d := range strings.Fields(p.daemons) {
		if d == s.program() {
			return true
		}
	}
	return false
}

func (in *instance) serviceSite(svc *service, v view, p param, value string) site {
	return site{
		in: in, view: v, param: p, name: p.name, value: value, scope: scopeOf(svc), service: svc,
		active: svc.reads(p) && !in.disabled(svc),
		source: waxseal.Source{Path: in.dir + "/master.cf", Line: svc.line},
		prefix: string(MTA) + ":" + string(in.dir) + "/master.cf:" + clip(svc.key()) + ":" + p.name,
	}
}

func scopeOf(svc *service) string {
	if svc.typ == "inet" {
		return "port " + clip(svc.name)
	}
	return "service " + clip(svc.key())
}

// disabled reports whether master_service_disable switches a service off
// (postconf(5)): type, name/type, or name.
func (in *instance) disabled(svc *service) bool {
	for _, f := range mapdb.Fields(in.view.value("master_service_disable")) {
		f = strings.ReplaceAll(f, ".", "/")
		if f == svc.typ || f == svc.key() {
			return true
		}
	}
	return false
}

// meeting says in words which mail meets the site.
func (s site) meeting() string {
	switch {
	case s.service != nil && s.service.typ == "inet":
		return "Every message that arrives on port " + clip(s.service.name)
	case s.service != nil:
		return "Every message that the service " + clip(s.service.key()) + " handles"
	case strings.HasPrefix(s.name, "smtpd_"):
		return "Every message that arrives by SMTP"
	case strings.HasPrefix(s.name, "non_smtpd_"):
		return "Every message that is sent from this host itself"
	}
	return "Every message"
}
