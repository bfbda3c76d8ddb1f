// Package doveconf reads the configuration of Dovecot as doveconf(1) shows it:
// all files put together, every setting in the section where it counts.
//
// A configuration is a tree of sections: the whole, and below it filters
// (protocol, local, remote, local_name), which hold for a part of the connections,
// and lists (service, namespace, passdb, plugin). Two sections of one kind and
// name are one. Dovecot 2.3 knows a setting by its name alone; 2.4 also by the
// name that its section puts before it: path in "sieve_script x { }" is
// sieve_script_path. Sources: doc.dovecot.org, "Configuration file syntax" of 2.3
// and of 2.4, and doveconf(1) itself, which the tests ask.
//
// It says what Dovecot refuses, and reads on behind it: the daemon that runs has
// its configuration already. It opens nothing but through a Source, and does not
// know what a setting does to mail.
package doveconf

import (
	"strings"

	"waxseal"
)

// Grammar is which of the two languages a configuration is written in.
type Grammar string

// The grammars.
const (
	Grammar23 Grammar = "2.3"
	Grammar24 Grammar = "2.4" // the first setting is dovecot_config_version
)

// Source is what a configuration is read from.
type Source interface {
	Stat(waxseal.Path) (waxseal.File, error)
	ReadFile(p waxseal.Path, limit int64) ([]byte, error)
	ReadDir(waxseal.Path) ([]string, error)
}

// Use is what a file is to the configuration.
type Use string

// The uses.
const (
	Main     Use = "main"
	Included Use = "included"
	Value    Use = "value" // the value of a setting: key = </path
)

// File is a file that was read, or would be.
type File struct {
	Path    waxseal.Path
	Use     Use
	From    waxseal.Source // what names it; none for the main file
	Missing bool
}

// Config is a whole configuration.
type Config struct {
	Grammar Grammar
	// Version is dovecot_config_version, "" in 2.3.
	Version string
	Root    *Section
	Files   []File
	// Refused is the first thing for which Dovecot does not take the configuration;
	// nil where it does.
	Refused  *waxseal.Problem
	Problems []waxseal.Problem

	known *table
	views map[string][]View // that were asked for
}

// Section is a part of the configuration in braces; the root is the whole.
type Section struct {
	Kind, Name string
	Parent     *Section
	Source     waxseal.Source
	Settings   []*Setting // in the order in which each was first set
	Sections   []*Section

	byKey  map[string]*Setting
	byName map[sectionKey]*Section
	whole  *Config
}

type sectionKey struct{ kind, name string }

// Setting is one setting with what it is set to last.
type Setting struct {
	Key string
	// Value has variables and files put in; Written has only those put in that name
	// the setting itself, as doveconf(1) shows it without -x.
	Value, Written string
	// File is the file whose content is the value.
	File   waxseal.Path
	Source waxseal.Source
}

// filters are the sections that hold for a part of the connections.
var filters = map[string]bool{"protocol": true, "local": true, "remote": true, "local_name": true}

// IsFilter reports whether a section holds for a part of the connections.
func (s *Section) IsFilter() bool { return filters[s.Kind] }

// Get is a setting of this very section; nil where it is not set here. In 2.4 the
// name that the section puts before is tried as well.
func (s *Section) Get(key string) *Setting {
	if found := s.byKey[key]; found != nil {
		return found
	}
	if s.whole.Grammar == Grammar24 && s.Kind != "" {
		if short, ok := strings.CutPrefix(key, s.Kind+"_"); ok {
			return s.byKey[short]
		}
	}
	return nil
}

// Value is that of Get, "" where it is not set.
func (s *Section) Value(key string) string {
	if found := s.Get(key); found != nil {
		return found.Value
	}
	return ""
}

// Section finds a section below this one, nil where there is none.
func (s *Section) Section(kind, name string) *Section { return s.byName[sectionKey{kind, name}] }

// Below lists the sections of a kind, in the order of the files.
func (s *Section) Below(kind string) []*Section {
	var list []*Section
	for _, sub := range s.Sections {
		if sub.Kind == kind {
			list = append(list, sub)
		}
	}
	return list
}

// Path names a section as a reader of the files would: "service auth, unix_listener x".
func (s *Section) Path() string {
	if s.Parent == nil {
		return ""
	}
	name := strings.TrimSpace(s.Kind + " " + s.Name)
	if above := s.Parent.Path(); above != "" {
		return above + ", " + name
	}
	return name
}

func newSection(whole *Config, parent *Section, kind, name string, at waxseal.Source) *Section {
	return &Section{Kind: kind, Name: name, Parent: parent, Source: at, whole: whole, byKey: map[string]*Setting{}, byName: map[sectionKey]*Section{}}
}

// open finds or makes the section of a kind and name.
func (s *Section) open(kind, name string, at waxseal.Source) *Section {
	key := sectionKey{kind, name}
	if have := s.byName[key]; have != nil && (name != "" || s.merges(kind)) {
		return have
	}
	made := newSection(s.whole, s, kind, name, at)
	s.Sections = append(s.Sections, made)
	if s.byName[key] == nil {
		s.byName[key] = made
	}
	return made
}

// merges reports whether sections without a name are one: lists of words in 2.3,
// all in 2.4. Two "passdb { }" of 2.3 are two.
func (s *Section) merges(kind string) bool {
	return s.whole.Grammar == Grammar24 || wordLists[kind]
}

// wordLists are the sections of 2.3 that take any setting.
var wordLists = map[string]bool{"plugin": true, "dict": true}

// set notes a setting; of two the last counts.
func (s *Section) set(n Setting) {
	if have := s.byKey[n.Key]; have != nil {
		*have = n
		return
	}
	made := &n
	s.byKey[n.Key] = made
	s.Settings = append(s.Settings, made)
}
