// Package cf reads the configuration file that Sendmail runs with, sendmail.cf or
// submit.cf, and works out what its rules make of an address.
//
// The first character of a line says what it is: a macro (D), a class (C, F, T),
// an option (O), a mailer (M), a map (K), a ruleset (S) and its rules (R), a
// header (H), a mail filter (X), a variable (E), a queue (Q), a priority (P). The
// grammar and the rewriting are those of the "Sendmail Installation and Operation
// Guide", chapter 5, and of Sendmail's readcf.c and parseaddr.c where that is
// silent; a test holds them against a real sendmail -bt.
//
// The package is handed text and opens nothing: what files of classes and maps
// hold is asked of whoever holds the tree. What only a network knows (the host
// map, ldap, dns) stays unanswered, and is said to be.
package cf

// Macro is a D line: "DSsmart.example.net", "D{MTAHost}[127.0.0.1]".
type Macro struct {
	Name  string // one character, or what stands in the braces
	Value string // as written, its $x not expanded
	Line  int
}

// Option is an O line; of one name in one file the last counts, but for those
// that add up (AliasFile, DaemonPortOptions, ClientPortOptions).
type Option struct {
	Name  string // as the guide spells it, with what follows a dot: "Timeout.queuereturn"
	Value string
	Line  int
	// Known is false where this package does not know the name.
	Known bool
}

// Header is an H line.
type Header struct {
	Flags string // between the question marks
	Name  string
	Value string
	// Ruleset is called with the value: "HSubject: $>CheckSubject"; else "".
	Ruleset string
	Line    int
}

// Variable is an E line: it is set for every program that Sendmail starts.
type Variable struct {
	Name, Value string
	Line        int
}

// Queue is a Q line.
type Queue struct {
	Name   string
	Fields map[byte]string
	Line   int
}

// Priority is a P line.
type Priority struct {
	Name, Value string
	Line        int
}

// Problem is a line that Sendmail would complain about, or what is bounded here.
type Problem struct {
	Line    int
	Message string
}

// Config is one configuration file.
type Config struct {
	Level    int // of the V line
	Options  []Option
	Macros   map[string]Macro
	Classes  map[string]*Class
	Mailers  []Mailer
	Maps     []Map
	Filters  []Filter
	Headers  []Header
	Rulesets []*Ruleset // in the order of their first S line
	Environ  []Variable
	Queues   []Queue
	Levels   []Priority
	Problems []Problem

	byName   map[string]*Ruleset
	byNumber map[int]*Ruleset
	byMap    map[string]int
}

// Option is the last one of the name; ok is false where there is none.
func (c *Config) Option(name string) (o Option, ok bool) {
	for i := len(c.Options) - 1; i >= 0; i-- {
		if c.Options[i].Name == name {
			return c.Options[i], true
		}
	}
	return Option{Name: name}, false
}

// Value is that of the last option of the name, otherwise where there is none.
func (c *Config) Value(name, otherwise string) string {
	if o, ok := c.Option(name); ok {
		return o.Value
	}
	return otherwise
}

// All are the options of a name, in order.
func (c *Config) All(name string) []Option {
	var list []Option
	for _, o := range c.Options {
		if o.Name == name {
			list = append(list, o)
		}
	}
	return list
}

// Mailer is the one of a name; case does not count.
func (c *Config) Mailer(name string) (Mailer, bool) {
	for _, m := range c.Mailers {
		if equalFold(m.Name, name) {
			return m, true
		}
	}
	return Mailer{}, false
}

// Map is the one of a name: a later K line takes the place of an earlier one.
func (c *Config) Map(name string) (Map, bool) {
	if i, ok := c.byMap[lower(name)]; ok {
		return c.Maps[i], true
	}
	return Map{}, false
}

// Ruleset finds a ruleset by its name or number; nil where there is none.
func (c *Config) Ruleset(name string) *Ruleset {
	if n, ok := number(name); ok {
		return c.byNumber[n]
	}
	return c.byName[lower(name)]
}
