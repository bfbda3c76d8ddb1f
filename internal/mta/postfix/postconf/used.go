package postconf

import (
	"strings"

	"waxseal/internal/mapdb"
)

// usage is what decides which names have an effect.
type usage struct {
	view       View
	services   []Service
	transports map[string]bool // names of master.cf services of type unix
}

// Used are the names of main.cf that have an effect: Postfix knows them, or
// something that Postfix reads refers to them.
func Used(v View, services []Service) map[string]bool {
	in := usage{v, services, map[string]bool{}}
	for _, s := range services {
		in.transports[s.Name] = in.transports[s.Name] || s.Type == "unix"
	}
	used := map[string]bool{}
	var queue []string
	add := func(name string) {
		if _, ok := in.view.main.Set[name]; ok && !used[name] {
			used[name] = true
			queue = append(queue, name)
		}
	}
	for _, name := range in.view.main.Order {
		_, known := in.view.defaults[name]
		_, derived := in.view.derived[name]
		if known || derived || in.byService(name) {
			add(name)
		}
	}
	for _, class := range mapdb.Fields(v.Value("smtpd_restriction_classes")) {
		add(class)
	}
	for i := range in.services {
		for _, o := range in.services[i].Overrides {
			references(o.Raw, add)
		}
	}
	for _, name := range in.view.main.Order {
		if used[name] {
			in.tablePrefixes(name, add)
		}
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		references(in.view.main.Set[name].Raw, add)
	}
	return used
}

// byService reports whether the name is one that a service of master.cf gives
// rise to: name_time_limit, name_destination_concurrency_limit (postconf(5)).
func (in usage) byService(name string) bool {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == '_' && in.transports[name[:i]] {
			if _, ok := perTransport(in.view.defaults, name); ok {
				return true
			}
		}
	}
	return false
}

// tablePrefixes follows ldap:name, whose definition is name_server_host and so
// on in main.cf (ldap_table(5)).
func (in usage) tablePrefixes(name string, add func(string)) {
	for _, item := range mapdb.Fields(in.view.Value(name)) {
		ref := mapdb.Ref{}
		if mapdb.IsRef(item) {
			ref = mapdb.Parse(item)
		}
		if ref.Class != mapdb.Database || ref.Source() != "" {
			continue
		}
		for _, other := range in.view.main.Order {
			if strings.HasPrefix(other, ref.Name+"_") {
				add(other)
			}
		}
	}
}

// references calls add with every name that a text refers to.
func references(text string, add func(string)) {
	for i := 0; i < len(text); i++ {
		if text[i] != '$' {
			continue
		}
		i++
		for i < len(text) && strings.IndexByte("{( \t", text[i]) >= 0 {
			i++
		}
		start := i
		for i < len(text) && isNameByte(text[i]) {
			i++
		}
		add(text[start:i])
		i--
	}
}
