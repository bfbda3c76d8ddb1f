package doveconf

import (
	_ "embed"
	"strings"
)

// settings23 is what doveconf(1) of Dovecot 2.3.19 knows: in each line the
// section, the setting, what it takes and its default. TestSettings asks the
// program, and writes it anew.
//
//go:embed settings-2.3.19.txt
var settings23 string

// defaults24 are the defaults of the settings of the whole in Dovecot 2.4.1, which
// TestRecorded writes anew: setting and value. Those of Debian are among them.
//
//go:embed defaults-2.4.1.txt
var defaults24 string

// entry is a setting that Dovecot knows.
type entry struct {
	// Type is bool, uint, octal, port, time, msecs, size, str, or enum: with its
	// words.
	Type    string
	Default string
}

// table is what one release of Dovecot knows. Plugins bring more.
type table struct {
	entries  map[sectionKey]entry // kind of the section, name of the setting
	sections map[string]bool
	// services are the defaults of the services that Dovecot has by itself: the path
	// of a section ("service auth") and the setting.
	services map[sectionKey]string
}

// tableOf is the table of a grammar. Of 2.4, where any setting may stand in any
// section, it has only defaults: all is taken as it is written.
func tableOf(g Grammar) *table {
	t := &table{entries: map[sectionKey]entry{}, sections: map[string]bool{}, services: map[sectionKey]string{}}
	if g == Grammar24 {
		for l := range strings.Lines(defaults24) {
			if key, value, ok := strings.Cut(strings.TrimSuffix(l, "\n"), "\t"); ok {
				t.entries[sectionKey{"", key}] = entry{"str", value}
			}
		}
		return t
	}
	for l := range strings.Lines(settings23) {
		if f := strings.Split(strings.TrimSuffix(l, "\n"), "\t"); len(f) == 4 && f[0] != "#" {
			t.add(f[0], f[1], f[2], f[3])
		}
	}
	t.sections["plugin"], t.sections["dict"] = true, true
	return t
}

func (t *table) add(section, key, sort, otherwise string) {
	if sort == "of" { // a service that Dovecot has by itself
		t.services[sectionKey{section, key}] = otherwise
		return
	}
	section = strings.Trim(section, "-")
	t.entries[sectionKey{section, key}] = entry{sort, otherwise}
	t.sections[section] = true
}

// complete reports whether what is not in the table is unknown to Dovecot.
func (t *table) complete() bool { return len(t.services) > 0 }

// find looks a setting up that stands in a section; filters change nothing.
func (t *table) find(s *Section, key string) (entry, bool) {
	e, ok := t.entries[sectionKey{kinds(s), key}]
	return e, ok
}

func (t *table) hasSection(s *Section, kind string) bool {
	return !t.complete() || t.sections[strings.TrimPrefix(kinds(s)+"/"+kind, "/")]
}

// kinds is where a section stands: "service/unix_listener".
func kinds(s *Section) string {
	var out string
	for ; s.Parent != nil; s = s.Parent {
		if !s.IsFilter() {
			out = strings.TrimSuffix(s.Kind+"/"+out, "/")
		}
	}
	return out
}
