package postconf

import (
	"strings"

	"waxseal/internal/mapdb"
)

// usage is what decides which names have an effect.
type usage struct {
	*Config
	view View
}

// Used are the names of main.cf that have an effect: Postfix knows them, or
// something that Postfix reads refers to them.
func (c *Config) Used() map[string]bool {
	in := usage{c, c.View(nil)}
	used := map[string]bool{}
	var queue []string
	add := func(name string) {
		if _, ok := c.Main.Set[name]; ok && !used[name] {
			used[name] = true
			queue = append(queue, name)
		}
	}
	for _, name := range c.Main.Order {
		if in.known(name) {
			add(name)
		}
	}
	for _, class := range mapdb.Fields(in.view.Value("smtpd_restriction_classes")) {
		add(class)
	}
	for _, s := range c.Master.Services {
		for _, o := range s.Overrides {
			references(o.Raw, add)
			if o.Name == "smtpd_restriction_classes" {
				for _, class := range mapdb.Fields(c.View(&s).Value(o.Name)) {
					add(class)
				}
			}
		}
	}
	for _, name := range c.Main.Order {
		if used[name] {
			in.tablePrefixes(name, add)
		}
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		references(c.Main.Set[name].Raw, add)
	}
	return used
}

// known reports whether a name is a parameter: of this release, of another one,
// or of a service of master.cf.
func (in usage) known(name string) bool {
	_, ok := in.view.Standard(name)
	return ok || in.Release.elsewhere[name]
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
		for _, other := range in.Main.Order {
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
