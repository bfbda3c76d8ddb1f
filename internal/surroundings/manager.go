package surroundings

import (
	"slices"
	"strings"

	"waxseal"
)

// managerConfig reads the settings of the system manager that every unit
// inherits (systemd-system.conf(5)).
func (m *manager) managerConfig() {
	for _, a := range m.reader.configFiles("systemd/system.conf") {
		if a.key != "DefaultEnvironment" && a.key != "ManagerEnvironment" || m.vendors(a.source.Path, waxseal.RoleConfig) {
			continue
		}
		m.note("system.conf", a.section+"."+a.key, a.value, a.source)
		m.assignmentHooks(unit{name: "every unit", active: true}, a)
	}
}

// configFiles reads "NAME.conf" and its drop-ins from the directories where
// systemd looks for its own configuration, and merges them.
func (r *reader) configFiles(name string) []assignment {
	var main waxseal.Path
	chosen := map[string]waxseal.Path{}
	for _, dir := range []waxseal.Path{"/etc/", "/run/", "/usr/local/lib/", "/usr/lib/", "/lib/"} {
		p := dir + waxseal.Path(name)
		if main == "" && r.exists(p) {
			main = p
		}
		for _, n := range r.list(p + ".d") {
			if _, taken := chosen[n]; !taken && strings.HasSuffix(n, ".conf") {
				chosen[n] = p + ".d/" + waxseal.Path(n)
			}
		}
	}
	order := make([]string, 0, len(chosen))
	for n := range chosen {
		order = append(order, n)
	}
	slices.Sort(order)
	files := []waxseal.Path{main}
	for _, n := range order {
		files = append(files, chosen[n])
	}
	var all []assignment
	for _, p := range files {
		if p == "" {
			continue
		}
		if text, ok := r.read(p); ok {
			u := parseUnit(p, text)
			all = append(all, u.assignments...)
			r.part(p, waxseal.RoleConfig)
		}
	}
	return merge(all)
}

// generators makes a hook of each program that systemd runs at boot and at each
// daemon-reload and that is not as a package brought it.
func (m *manager) generators() {
	seen := map[waxseal.Path]bool{}
	for _, dir := range generatorPath {
		for _, name := range m.list(dir) {
			p := dir + "/" + waxseal.Path(name)
			f, err := m.tree.Stat(p)
			if err != nil || f.Type != waxseal.Regular || f.Mode&0o111 == 0 {
				continue // a link to /dev/null masks a generator
			}
			if f.Resolved != "" && seen[f.Resolved] || seen[p] {
				continue
			}
			seen[p], seen[f.Resolved] = true, true
			mine := isMailUnit(strings.TrimSuffix(strings.TrimSuffix(name, "-generator"), "-instance") + ".service")
			if mine {
				m.part(p, waxseal.RoleBinary)
			}
			if !strings.HasPrefix(string(dir), "/usr/lib") && !strings.HasPrefix(string(dir), "/lib") || mine || m.complete != nil {
				m.generator(p)
			}
		}
	}
}

func (m *manager) generator(p waxseal.Path) {
	if m.vendors(p, waxseal.RoleBinary) {
		return
	}
	h := m.hook(waxseal.KindUnit, waxseal.Source{Path: p}, "generator")
	h.Directive, h.Effects, h.Target = "generator", runs, waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleBinary}}
	h.Explain = "systemd runs " + string(p) + " as root at boot and at each daemon-reload, to make units; no package vouches for it."
	m.emit(h)
}
