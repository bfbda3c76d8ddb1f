// Package eximconf reads the configuration of Exim as Exim itself does: which lines
// are in force, and what each of its sections says.
//
// The language is that of the Exim specification, chapter 6 ("The Exim run time
// configuration file") and readconf.c: macros that replace text anywhere in a
// line, conditions on macros, included files, continued lines, then a main section
// and others that start with "begin". Exim stops at the first error and then
// handles no mail at all; this package notes the error as a problem and reads on,
// because what stands behind it is in force as soon as somebody mends the line.
//
// It expands no strings: see package expand. It opens nothing itself.
package eximconf

import "waxseal"

// Version is a release of Exim: {4, 96}. The zero value is one that is not known.
type Version struct{ Major, Minor int }

// AtLeast reports whether a release is this one or a later one. One that is not
// known is taken for a present one.
func (v Version) AtLeast(major, minor int) bool {
	return v == Version{} || v.Major > major || v.Major == major && v.Minor >= minor
}

// Source says where a configuration is and how its files are opened.
type Source struct {
	Path waxseal.Path
	// Open returns the text of a file. Missing reports whether an error of it says
	// that there is no such file.
	Open    func(waxseal.Path) (string, error)
	Missing func(error) bool
	// Text is the configuration where it is no file: what update-exim4.conf would
	// write. Origins say where each of its lines comes from, by line number less one.
	Text    string
	Origins []Place
	// Defines are macros set on the command line (-D): a definition of the same
	// name in the file is passed over.
	Defines map[string]string
}

// Place is where something is written.
type Place struct {
	Path waxseal.Path
	Line int
}

// Line is one logical line that is in force, with macros replaced.
type Line struct {
	Place
	Text string
}

// Include is a file that a line names.
type Include struct {
	Place
	File     waxseal.Path
	IfExists bool
	Missing  bool
}

// Macro is a definition in force.
type Macro struct {
	Place
	Name, Value string
}

// Config is a whole configuration.
type Config struct {
	Path     waxseal.Path
	Lines    []Line
	Includes []Include
	Macros   []Macro
	Problems []Problem

	Main           []Option
	Lists          []List
	ACLs           []ACL
	Routers        []Driver
	Transports     []Driver
	Authenticators []Driver
	Rewrites       []Rewrite
	Retries        []Line
	LocalScan      []Option
}

// Problem is a line at which Exim would stop, or a bound of this reader.
type Problem struct {
	Place
	Message string
}

// Option is a setting of the main section or of a driver.
type Option struct {
	Place
	Name string
	// Value is the text behind "=", quotes interpreted where it is quoted; "true" or
	// "false" of a switch.
	Value string
	Type  Type
	Hide  bool
}

// List is a named list: "domainlist local_domains = @ : localhost".
type List struct {
	Place
	Kind  string // "domainlist", "hostlist", "addresslist", "localpartlist"
	Name  string
	Value string
	Hide  bool
}

// Driver is a router, transport or authenticator.
type Driver struct {
	Place
	Class   string // "router", "transport", "authenticator"
	Name    string
	Options []Option // in their order; of a list that is set twice, one option
}

// Kind is the driver's driver: "redirect", "smtp".
func (d Driver) Kind() string { return d.Value("driver") }

// Get finds an option that is set.
func (d Driver) Get(name string) (Option, bool) { return get(d.Options, name) }

// Value is that of an option, "" where it is not set.
func (d Driver) Value(name string) string {
	o, _ := d.Get(name)
	return o.Value
}

// On reports whether a switch is on.
func (d Driver) On(name string) bool {
	if o, ok := d.Get(name); ok {
		return o.Value == "true"
	}
	return Default(d.Class, d.Kind(), name) == "true"
}

// Get finds an option of the main section.
func (c *Config) Get(name string) (Option, bool) { return get(c.Main, name) }

// Value is that of an option of the main section, its default where it is not set.
func (c *Config) Value(name string) string {
	if o, ok := c.Get(name); ok {
		return o.Value
	}
	return Default("main", "", name)
}

func get(options []Option, name string) (Option, bool) {
	for i := len(options) - 1; i >= 0; i-- {
		if options[i].Name == name {
			return options[i], true
		}
	}
	return Option{}, false
}

// ACL is an access control list.
type ACL struct {
	Place
	Name       string
	Statements []Statement
}

// Statement is a verb with its conditions and modifiers.
type Statement struct {
	Place
	Verb  string
	Items []Item
}

// Item is a condition or modifier of an ACL.
type Item struct {
	Place
	Name     string // "hosts", "control", "set"
	Variable string // of set: "acl_m_x"
	Value    string
	Negated  bool
}

// Rewrite is a rule of the rewrite section, or of headers_rewrite.
type Rewrite struct {
	Place
	Pattern, Replacement, Flags string
}

// Read reads a configuration.
func Read(s Source) *Config {
	r := &reader{source: s, config: &Config{Path: s.Path}, macros: newMacros(s.Defines)}
	r.sections()
	r.config.Macros = r.macros.list()
	return r.config
}
