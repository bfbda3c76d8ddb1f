package postfix

import (
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// parameterHooks makes the hooks of main.cf and of -o options in master.cf. What
// a daemon reads comes first: a table that is named twice is listed once, and
// counts if mail meets it anywhere.
func (in *instance) parameterHooks() {
	sites := in.mainSites()
	for i := range in.services {
		if s := &in.services[i]; len(s.Overrides) > 0 {
			sites = append(sites, in.serviceSites(s)...)
		}
	}
	for _, s := range sites {
		if s.active {
			s.param.make(s)
		}
	}
	in.otherTables()
	for _, s := range sites {
		if !s.active {
			s.param.make(s)
		}
	}
}

func (in *instance) mainSites() []site {
	var sites []site
	for _, p := range in.params {
		defined, ok := in.main.Set[p.name]
		if !ok {
			defined, ok = in.main.Set[renamed[p.name]]
		}
		if !ok && (p.when != whenever || len(in.main.Set) == 0) {
			continue
		}
		value := in.view.Value(p.name)
		if value == "" {
			continue
		}
		if p.when != whenSet && p.when != whenever && in.isDefault(p.name, value) {
			continue
		}
		s := in.mainSite(p, p.name, value, defined.Line)
		s.unread = in.unread(p)
		s.active = s.unread == ""
		sites = append(sites, s)
	}
	return sites
}

func (in *instance) mainSite(p param, name, value string, line int) site {
	return site{
		in: in, view: in.view, param: p, name: name, value: value, scope: "all", active: true,
		source: waxseal.Source{Path: in.main.Path, Line: line},
		prefix: string(MTA) + ":" + string(in.main.Path) + ":" + name,
	}
}

// isDefault reports whether a value is what Postfix would use without it.
func (in *instance) isDefault(name, value string) bool {
	standard, ok := in.view.Standard(name)
	if !ok {
		return false
	}
	if !in.view.LateExpanded(name) {
		standard, _ = in.view.Expand(standard)
	}
	return in.spelled(in.view, name, standard) == in.spelled(in.view, name, value)
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
func (in *instance) otherTables() {
	known := map[string]bool{}
	for _, p := range in.params {
		known[p.name] = true
	}
	for _, class := range in.listed("smtpd_restriction_classes") {
		known[class] = true
	}
	for _, name := range in.main.Order {
		if known[name] || notTables(name) || !in.isParameter(name) {
			continue
		}
		value := in.view.Value(name)
		if !strings.Contains(value, ":") {
			continue
		}
		p := param{name: name, stage: waxseal.StageSession, kind: waxseal.KindMap, effects: noEffects, looks: "Postfix decides"}
		s := in.mainSite(p, name, value, in.main.Set[name].Line)
		for _, t := range s.tableHooks(value, mapdb.KeyValue) {
			s.settingEntries(t)
		}
	}
}

// entrySetting records a table entry that makes no hook.
func (s site) entrySetting(t table, e entry) {
	if e.unused != "" {
		return
	}
	source := waxseal.Source{Path: t.path, Line: e.Line}
	switch {
	case e.compiled:
		source = waxseal.Source{Path: mta.Clean(t.ref.CompiledFile())}
	case e.Line == 0:
		source.Line = s.source.Line
	}
	s.in.note("map:"+string(t.path)+":"+clip(e.Key), strings.Join(strings.Fields(e.Value), " "), source)
}

func (in *instance) serviceSites(svc *service) []site {
	var sites []site
	v := in.viewFor(svc)
	for _, o := range svc.Overrides {
		if _, problem := v.ExpandName(o.Name); problem != "" {
			in.Problem(in.dir+"/master.cf", svc.Line, "-o "+clip(o.Name)+": "+problem)
		}
	}
	bare := svc.WithoutOverrides()
	without := in.viewFor(&bare)
	for _, p := range in.params {
		value := v.Value(p.name)
		if value == "" || p.when == mainChanged || !changes(svc, p, v, without) {
			continue
		}
		if p.when == whenChanged && in.isDefault(p.name, value) {
			continue
		}
		sites = append(sites, in.serviceSite(svc, v, p, value))
	}
	return sites
}

// changes reports whether a service gives a parameter another meaning than
// main.cf does: by its own -o, because an -o changes a name that main.cf uses, or
// by an -o of what goes with it.
func changes(s *service, p param, with, without view) bool {
	if _, ok := s.Override(p.name); ok {
		return true
	}
	if !reads(s, p) {
		return false
	}
	for _, name := range p.also {
		if _, ok := s.Override(name); ok {
			return true
		}
	}
	return with.Value(p.name) != without.Value(p.name)
}

// reads reports whether the service's program looks at the parameter.
func reads(s *service, p param) bool {
	if p.daemons == "" {
		return true
	}
	for _, d := range strings.Fields(p.daemons) {
		if d == s.Program() {
			return true
		}
	}
	return false
}

func (in *instance) serviceSite(svc *service, v view, p param, value string) site {
	return site{
		in: in, view: v, param: p, name: p.name, value: value, scope: scopeOf(svc), service: svc,
		unread: in.serviceUnread(svc, p), active: in.serviceUnread(svc, p) == "",
		source: waxseal.Source{Path: in.dir + "/master.cf", Line: svc.Line},
		prefix: string(MTA) + ":" + string(in.dir) + "/master.cf:" + clip(svc.Key()) + ":" + p.name,
	}
}

// serviceUnread says why an -o option has no effect, "" if it has.
func (in *instance) serviceUnread(svc *service, p param) string {
	switch {
	case !reads(svc, p):
		return "the program " + clip(svc.Program()) + " does not read " + p.name
	case in.disabled(svc):
		return "master_service_disable switches the service off"
	case in.byKey[svc.Key()] != svc:
		return "a later entry of master.cf has the same name and type"
	}
	return ""
}

func scopeOf(svc *service) string {
	if svc.Type == "inet" {
		return "port " + clip(svc.Name)
	}
	return "service " + clip(svc.Key())
}

// disabled reports whether master_service_disable switches a service off
// (postconf(5)): type, name/type, or name.
func (in *instance) disabled(svc *service) bool {
	for _, f := range mapdb.Fields(in.view.Value("master_service_disable")) {
		f = strings.ReplaceAll(f, ".", "/")
		if f == svc.Type || f == svc.Key() {
			return true
		}
	}
	return false
}

// meeting says in words which mail meets the site.
func (s site) meeting() string {
	switch {
	case s.service != nil && s.service.Type == "inet":
		return "Every message that arrives on port " + clip(s.service.Name)
	case s.service != nil:
		return "Every message that the service " + clip(s.service.Key()) + " handles"
	case strings.HasPrefix(s.name, "smtpd_"):
		return "Every message that arrives by SMTP"
	case strings.HasPrefix(s.name, "non_smtpd_"):
		return "Every message that is sent from this host itself"
	}
	return "Every message"
}
