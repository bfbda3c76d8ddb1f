package postconf

import (
	"slices"
	"strings"

	"waxseal"
)

// Facts are what Postfix does not read in its configuration.
type Facts struct {
	// Directory is the configuration directory.
	Directory waxseal.Path
	// Host is what gethostname(2) would give; "" where it is not known.
	Host string
	// Networks are the addresses of the host's interfaces as the default of
	// mynetworks has them; "" where they are not known, as in any tree that is not
	// a running host.
	Networks string
	Version  Version
	// Releases are those that were made before; nil makes each anew.
	Releases Releases
}

// MainDirectory is the configuration directory that all of Postfix uses unless
// told otherwise.
const MainDirectory waxseal.Path = "/etc/postfix"

// Config is the configuration of one instance.
type Config struct {
	Main    Main
	Master  Master
	Facts   Facts
	Release *Release
	// byService are the services that have parameters of their own, name to
	// programs.
	byService map[string][]string
}

// New joins main.cf, master.cf and what is known besides.
func New(main Main, master Master, facts Facts) *Config {
	r := facts.Releases.of(facts.Version)
	c := &Config{Main: main, Master: master, Facts: facts, Release: r, byService: map[string][]string{}}
	for _, line := range master.Lines {
		name, command := line.Words[0], line.Words[masterFields-1]
		if perService[command] && !slices.Contains(c.byService[name], command) {
			c.byService[name] = append(c.byService[name], command)
		}
	}
	return c
}

// View is what the daemons of main.cf (nil) or of one service see.
func (c *Config) View(s *Service) View {
	if s == nil {
		return c.view(nil, nil, c.own("$$process_name", "$$service_name"))
	}
	over := s.Over()
	return c.view(over, over, c.own(s.Program(), s.Name))
}

// own are the values that a program sets itself.
func (c *Config) own(process, service string) map[string]string {
	return map[string]string{"process_id": "$$process_id", "process_name": process, "service_name": service}
}

// view makes a view; fixed values are above all others. Names of the host are
// derived from main.cf with host laid over it.
func (c *Config) view(over, host, fixed map[string]string) View {
	v := View{config: c, over: over, fixed: fixed, derived: map[string]string{}}
	v.macros = newMacros(c.Release, v.Raw)
	c.derive(v, host)
	return v
}

// derive adds the defaults that Postfix asks the host for: mail_params_init and
// postconf_builtin.c. They are found with what main.cf itself has only.
func (c *Config) derive(v View, over map[string]string) {
	plain := newMacros(c.Release, func(name string) (string, bool) {
		if s, ok := over[name]; ok {
			return s, true
		}
		p, ok := c.Main.Set[name]
		return p.Raw, ok
	})
	given := func(name string) (string, bool) {
		raw, ok := plain.lookup(name)
		text, _ := plain.expand(raw)
		return text, ok
	}
	domain, domainGiven := given("mydomain")
	if !domainGiven {
		domain = "localdomain"
	}
	host := c.Facts.Host
	if host == "" {
		host = "localhost"
	}
	if !strings.Contains(host, ".") {
		host += "." + domain
	}
	v.derived["myhostname"] = host
	if name, ok := given("myhostname"); ok {
		host = name
	}
	// $mydomain is $myhostname less its first label (postconf(5) mydomain).
	if _, parent, ok := strings.Cut(host, "."); ok {
		v.derived["mydomain"] = parent
	} else {
		v.derived["mydomain"] = "localdomain"
	}
	v.derived["config_directory"] = string(c.Facts.Directory)
	v.derived["mynetworks"] = c.Facts.Networks
	v.derived["mail_version"] = c.Facts.Version.upstream()
	v.derived["mail_release_date"] = ""
}

// Unknown says why the default of a parameter can not be told from files; ""
// where it can.
func (c *Config) Unknown(name string) string {
	if _, set := c.Main.Set[name]; set {
		return ""
	}
	switch {
	case name == "mynetworks" && c.Facts.Networks == "":
		return "it is made from the addresses that the host has when Postfix starts"
	case name == "myhostname" && c.Facts.Host == "":
		return "it is the name that the host has when Postfix starts"
	}
	return ""
}

// View answers names as one daemon sees them: main.cf, with the -o options of
// one service laid over it.
type View struct {
	config  *Config
	fixed   map[string]string // above everything
	over    map[string]string // nil for main.cf alone
	derived map[string]string // defaults that depend on host and directory
	macros  *macros
}

// Raw is the value of a parameter before expansion.
func (v View) Raw(name string) (string, bool) {
	if s, ok := v.fixed[name]; ok {
		return s, true
	}
	if v.config.Release.readOnly(name) {
		return v.Standard(name)
	}
	if s, ok := v.over[name]; ok {
		return s, true
	}
	if p, ok := v.config.Main.Set[name]; ok {
		return p.Raw, true
	}
	return v.Standard(name)
}

// Standard is the default of a parameter before expansion.
func (v View) Standard(name string) (string, bool) {
	if s, ok := v.derived[name]; ok {
		return s, true
	}
	return v.config.standard(name)
}

// standard is the default of a parameter that does not depend on the host.
func (c *Config) standard(name string) (string, bool) {
	if s, ok := c.Release.defaults[name]; ok {
		return s, true
	}
	if c.Release.legacy[name] {
		return "", true
	}
	return c.serviceDefault(name)
}

// serviceDefault is the default of name_time_limit and its like, which exist for
// services of master.cf (postconf(5)).
func (c *Config) serviceDefault(name string) (string, bool) {
	for _, x := range c.Release.suffixes {
		if service, ok := strings.CutSuffix(name, x.name); ok && slices.ContainsFunc(c.byService[service], x.has) {
			return x.value, true
		}
	}
	return "", false
}

// LateExpanded reports whether a parameter is kept as written when main.cf is
// read: a daemon expands it for each message, with names of its own such as
// $user and $recipient (CONFIG_RAW_TABLE in the Postfix source).
func (v View) LateExpanded(name string) bool { return v.config.Release.raw[name] }

// Value is the expanded value of a parameter.
func (v View) Value(name string) string {
	s, _ := v.ExpandName(name)
	return s
}

// ExpandName is the expanded value of a parameter, and what is wrong with it.
func (v View) ExpandName(name string) (text, problem string) {
	if v.LateExpanded(name) {
		s, _ := v.Raw(name)
		return s, ""
	}
	e := &expander{macros: v.macros}
	return e.name(name, 0), e.problem
}

// Expand expands a text that is no parameter itself.
func (v View) Expand(s string) (text, problem string) { return v.macros.expand(s) }

// base is basename(3) of Postfix.
func base(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
