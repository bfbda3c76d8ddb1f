// Package smtpdconf reads smtpd.conf as OpenSMTPD's smtpd(8) does: its macros,
// included files, tables, filters, listeners, actions and matches, each with the
// place where it is written, and what smtpd would refuse.
//
// The grammar is that of smtpd.conf(5) for 6.6 to 7.8, and of parse.y in the
// OpenSMTPD source where the manual is silent: which words are keywords, where a
// newline may stand, what an error swallows. Of the grammar before 6.4 it reads
// tables, listeners and rules (accept … deliver to …, relay via …).
//
// It opens nothing: files come through Options.Read. It does not judge, does not
// know which interfaces a host has, and asks no name server.
package smtpdconf

import (
	"strconv"
	"strings"
)

// Options are what parsing depends on.
type Options struct {
	// Version of OpenSMTPD, "6.8.0p2"; "" is taken for a recent one.
	Version string
	// Macros are those of the command line (-D name=value); they win over the file's.
	Macros []Macro
	// Libexec is the directory of back-end programs.
	Libexec string
	// Read returns a file's text.
	Read func(path string) (string, error)
	// Exists tells whether a file is there.
	Exists func(path string) bool
	// Strict gives up what smtpd gives up. Otherwise a table that can't be read is
	// taken to be of the right shape, so that what uses it is still known.
	Strict bool
}

// Pos is a place in a file.
type Pos struct {
	Path string
	Line int // from 1
}

// Config is what a file and those that it includes say.
type Config struct {
	Files     []File // in the order in which they are read, the main one first
	Macros    []Macro
	Tables    []*Table // named and inline
	Actions   []*Action
	Matches   []*Match
	Procs     []*Proc
	Filters   []*Filter
	Listeners []*Listener
	Wrappers  []*Wrapper
	Settings  []Setting
	Errors    []Error
	// Old says that the grammar is the one before 6.4.
	Old bool
}

// File is one that was read, or that could not be read.
type File struct {
	Path string
	From Pos // of the include; zero for the main file
	Err  error
}

func (f File) pos() Pos { return Pos{Path: f.Path} }

// Macro is name = "value".
type Macro struct {
	Name, Value string
	Pos         Pos
}

// Setting is an option that names no hook: "smtp max-message-size".
type Setting struct {
	Name, Value string
	Pos         Pos
}

// Error is something for which smtpd does not start with this configuration.
type Error struct {
	Pos     Pos
	Message string
	// abrupt says that smtpd ends there without naming the place.
	abrupt bool
}

// Wrapper is mda wrapper name "command".
type Wrapper struct {
	Name, Command string
	Pos           Pos
}

// Option is one word of an action or listener with what follows it.
type Option struct {
	Name, Value string
	Table       *Table
	Pos         Pos
}

// Action is what a match leads to.
type Action struct {
	Name string
	Pos  Pos
	// Method is mbox, maildir, lmtp, mda, forward-only, expand-only or relay.
	Method   string
	Argument string // of maildir, lmtp and mda
	Options  []Option
	Filter   *Filter // of relay
}

// Option finds an option by its name.
func (a *Action) Option(name string) (Option, bool) { return find(a.Options, name) }

func find(list []Option, name string) (Option, bool) {
	for _, o := range list {
		if o.Name == name {
			return o, true
		}
	}
	return Option{}, false
}

// Test is one condition of a match or filter.
type Test struct {
	// Kind tells how From and For compare: any, local, src, socket, rdns; any,
	// local, domain. Of others it repeats the word.
	Kind       string
	Not, Regex bool
	Table      *Table // nil where the word says all
	Pos        Pos
}

// Match is one rule.
type Match struct {
	Pos    Pos
	From   Test // local where nothing is said
	For    Test // local where nothing is said
	Tag    *Test
	Helo   *Test
	TLS    *Test
	Auth   *Test
	Sender *Test // mail-from
	Rcpt   *Test // rcpt-to
	Reject bool
	Action *Action // nil where mail is rejected
}

// Proc is a program that filters run in.
type Proc struct {
	Name, Command       string
	User, Group, Chroot string
	Pos                 Pos
}

// Filter is one that listeners and relay actions name.
type Filter struct {
	Name string // "" for a chain in braces
	Pos  Pos
	// Type is proc, proc-exec, phase or chain.
	Type  string
	Proc  *Proc
	Chain []*Filter
	// Phase, Test, Verb and Text are those of a built-in filter: on which phase it
	// acts, when, and what it does (reject, disconnect, rewrite, report, junk, bypass).
	Phase      string
	Test       Test
	Verb, Text string
}

// Listener is listen on … .
type Listener struct {
	On      string // an interface, address or name; "socket"
	Pos     Pos
	Options []Option
	Filter  *Filter
}

// Option finds an option by its name.
func (l *Listener) Option(name string) (Option, bool) { return find(l.Options, name) }

// Parse reads the configuration that the file at path holds.
func Parse(path string, o Options) *Config {
	p := newParser(o)
	p.start(path)
	p.grammar()
	if p.c.Old = p.old || p.looksOld(); p.c.Old && !p.old {
		p = newParser(o)
		p.old, p.c.Old = true, true
		p.start(path)
		p.grammar()
	}
	p.finish(path)
	return p.c
}

// version is a release as numbers: 6.8.0p2 is 608.
func version(text string) int {
	major, rest, _ := strings.Cut(text, ".")
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		rest = rest[:i]
	}
	a, err := strconv.Atoi(major)
	b, _ := strconv.Atoi(rest) // nothing is zero
	if err != nil {
		return recent
	}
	return a*100 + b
}

// The releases at which the grammar changed.
const (
	newGrammar = 604
	braceLines = 700 // newlines inside braces, several pki, ciphers and protocols
	recent     = 708
)
