package postconf

import (
	"fmt"
	"slices"
	"strings"

	"waxseal/internal/mapdb"
)

// scopes is what postconf(1) finds out before it prints: which names are
// parameters, and what the -o options of each service say
// (pcf_register_user_parameters in postconf_user.c).
type scopes struct {
	*Config
	// local are the -o options of each line of master.cf. Lines for one service
	// share them, from the first that has any.
	local []map[string]string
	// user are the names of main.cf that something refers to.
	user map[string]bool
	err  error
}

func (c *Config) scopes() *scopes {
	s := &scopes{Config: c, local: make([]map[string]string, len(c.Master.Lines)), user: map[string]bool{}}
	shared := map[string]map[string]string{}
	for i, line := range c.Master.Lines {
		line.options(func(word string) {
			if name, value, ok := SplitNameValue(word); ok {
				if shared[line.key()] == nil {
					shared[line.key()] = map[string]string{}
				}
				shared[line.key()][name] = value
			}
		})
		s.local[i] = shared[line.key()]
	}
	done := map[string]bool{}
	for i, line := range c.Master.Lines {
		if s.local[i] != nil && !done[line.key()] {
			done[line.key()] = true
			s.scan(s.local[i], s.scoped(i), true)
		}
	}
	s.hostDefaults()
	for name, value := range c.Release.defaults {
		if _, set := c.Main.Set[name]; !set && !c.Release.raw[name] {
			s.refer(value, s.flag)
		}
	}
	main := map[string]string{}
	for name, p := range c.Main.Set {
		main[name] = p.Raw
	}
	s.scan(main, s.global(), false)
	return s
}

func (l MasterLine) key() string { return l.Words[0] + "/" + l.Words[1] }

// options calls f with the value of each -o.
func (l MasterLine) options(f func(string)) {
	for i := masterFields; i < len(l.Words); i++ {
		w := l.Words[i]
		switch {
		case w == "" || w[0] != '-' || w == "--":
			return
		case w == "-o" && i+1 < len(l.Words):
			i++
			f(l.Words[i])
		}
	}
}

func (s *scopes) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// refer calls add with the names that a text refers to.
func (s *scopes) refer(text string, add func(string)) {
	newMacros(s.Release, nil).names(text, add)
}

// flag notes a name that is used.
func (s *scopes) flag(name string) {
	if _, ok := s.Main.Set[name]; ok {
		s.user[name] = true
	}
}

// scan looks through the settings of main.cf or of one service
// (pcf_scan_user_parameter_namespace).
func (s *scopes) scan(own map[string]string, v View, local bool) {
	add := s.flag
	if local {
		add = func(name string) {
			if _, ok := own[name]; !ok {
				s.flag(name)
			}
		}
	}
	// Restriction classes are looked for with nothing but these settings.
	alone := newMacros(s.Release, func(name string) (string, bool) {
		value, ok := own[name]
		return value, ok
	})
	list, problem := alone.expand(own["smtpd_restriction_classes"])
	if problem != "" {
		s.fail("smtpd_restriction_classes: %s", problem)
	}
	for _, class := range strings.FieldsFunc(list, func(c rune) bool { return strings.ContainsRune(", \t\r\n", c) }) {
		add(class)
	}
	names := make([]string, 0, len(own))
	for name := range own {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if s.Release.readOnly(name) {
			delete(own, name)
			continue
		}
		if s.Release.raw[name] {
			continue
		}
		s.refer(own[name], add)
		if _, parameter := s.parameter(name); parameter {
			text, problem := v.Expand(own[name])
			if problem != "" {
				s.fail("%s: %s", name, problem)
			}
			s.tables(text, add, 0)
		}
	}
}

// hostDefaults looks at what the defaults that depend on the host are made from:
// if main.cf has it wrong, postconf(1) gives up.
func (s *scopes) hostDefaults() {
	need := func(unset string, names ...string) {
		if _, ok := s.Main.Set[unset]; ok {
			return
		}
		for _, name := range names {
			if p, ok := s.Main.Set[name]; ok {
				if _, problem := s.alone(p.Raw); problem != "" {
					s.fail("%s: %s", name, problem)
				}
			} else if value, ok := s.Release.defaults[name]; ok {
				if _, problem := s.global().Expand(value); problem != "" {
					s.fail("%s: %s", name, problem)
				}
			}
		}
	}
	if !strings.Contains(s.Facts.Host, ".") {
		need("myhostname", "mydomain")
	}
	need("mydomain", "myhostname")
	need("mynetworks", "inet_interfaces", "mynetworks_style", "inet_protocols")
}

// alone expands a text with nothing but main.cf.
func (s *scopes) alone(text string) (string, string) {
	return newMacros(s.Release, func(name string) (string, bool) {
		p, ok := s.Main.Set[name]
		return p.Raw, ok
	}).expand(text)
}

// parameter is the default of what postconf(1) calls a built-in or a service
// parameter.
func (s *scopes) parameter(name string) (string, bool) {
	if value, ok := s.Release.defaults[name]; ok {
		return value, true
	}
	switch name {
	case "config_directory", "mail_version", "mail_release_date", "myhostname", "mydomain", "mynetworks":
		return "", true
	}
	return s.serviceDefault(name)
}

// tables looks for type:name of databases that have parameters of their own
// (pcf_register_dbms_helper).
func (s *scopes) tables(text string, add func(string), depth int) {
	if depth > maxNesting {
		return
	}
	for _, item := range mapdb.Fields(text) {
		if strings.HasPrefix(item, "{") {
			inner, _ := unbraceRaw(item)
			s.tables(inner, add, depth+1)
			continue
		}
		typ, name, ok := strings.Cut(item, ":")
		for ok && typ == "proxy" {
			typ, name, ok = strings.Cut(name, ":")
		}
		switch {
		case !ok, name == "", name[0] == '/', name[0] == '.':
		case name[0] == '{':
			inner, _ := unbraceRaw(name)
			s.tables(inner, add, depth+1)
		default:
			for _, suffix := range s.Release.tables[typ] {
				add(name + "_" + suffix)
			}
		}
	}
}

// unbraceRaw is unbrace with the white space kept.
func unbraceRaw(w string) (inner string, ok bool) {
	end := closing(w)
	if end < 0 {
		return w[1:], false
	}
	return w[1:end], end == len(w)-1
}

// global is the view of main.cf that postconf(1) has.
func (s *scopes) global() View {
	return s.view(nil, nil, map[string]string{"process_name": "postconf"})
}

// scoped is the view of one line of master.cf, by its number from 0.
func (s *scopes) scoped(i int) View {
	line := s.Master.Lines[i]
	fixed := map[string]string{}
	if s.Release.since(3, 3) {
		fixed["process_name"], fixed["service_name"] = base(line.Words[masterFields-1]), line.Words[0]
	} else {
		fixed["process_name"] = "postconf"
	}
	return s.view(s.local[i], nil, fixed)
}

// set are the names of main.cf that postconf -n shows.
func (s *scopes) set() []string {
	var names []string
	for name := range s.Main.Set {
		if s.Release.readOnly(name) {
			continue
		}
		if _, ok := s.parameter(name); ok || s.Release.legacy[name] || s.user[name] {
			names = append(names, name)
		}
	}
	if _, ok := s.Main.Set["config_directory"]; !ok && s.Facts.Directory != MainDirectory {
		names = append(names, "config_directory")
	}
	slices.Sort(names)
	return names
}
