// Package saconf reads the configuration of SpamAssassin as Mail::SpamAssassin reads
// it: which files, in which order, and which of their lines count.
//
//	loadplugin Mail::SpamAssassin::Plugin::SPF
//	ifplugin Mail::SpamAssassin::Plugin::SPF
//	  welcomelist_from_spf *@partner.example
//	endif
//	lang de describe SPF_FAIL …
//	include more.cf
//
// All files become one text, in the order *.pre of the site, *.pre and *.cf of the
// rules, *.cf of the site, preferences of a user; from it lines are taken one by one.
// So a condition asks which plug-ins were loaded above it, and an include ends the
// conditions around it, as it does there. The format is that of
// Mail::SpamAssassin::Conf(3) and spamassassin-run(1).
//
// It does not say what settings mean, runs no Perl (a plug-in counts as loaded where
// its file is there), and keeps of the rules that packages and sa-update(1) bring only
// the lines that it is asked for: they are a megabyte of text.
package saconf

import (
	"waxseal"
)

// Options say what a program asks SpamAssassin to read, by its command line.
type Options struct {
	// Version is that of the code, as its configuration compares it: "4.000001". ""
	// is found out from the tree.
	Version string
	// Site and System name other directories or files than the usual ones
	// (spamd(8p) --siteconfigpath, -C).
	Site, System string
	// Preferences are a user's, read with all rights: by spamassassin(1), or by a
	// program that gives its own file as such. "" for none.
	Preferences waxseal.Path
	// Before and After are lines of a command line (spamd(8p) --pre, --cf).
	Before, After []Given
	// Keep says which settings are kept of files that the site did not write; nil
	// keeps none but plug-ins.
	Keep func(key string) bool
}

// Given is a line that stands in no file of the configuration.
type Given struct {
	Text   string
	Source waxseal.Source
}

// Line is one setting that counts.
type Line struct {
	Key    string // lower case, "_" for "-", in the name of version 4: "welcomelist_from"
	Value  string
	Source waxseal.Source
	// Stock: it stands in rules that a package or sa-update(1) brought.
	Stock bool
	// Unless says why it does not count, "" for one that does: only lines that load
	// code are kept then.
	Unless string

	at int // when it was met, for tests
}

// Plugin is a line that loads code.
type Plugin struct {
	Line
	Package string // "Mail::SpamAssassin::Plugin::SPF"
	Named   string // the file as written, "" where Perl looks for the package
	File    waxseal.Path
	Missing bool // no such file in the tree: it is not loaded, or the tree is a part
	Again   bool // a package of this name was loaded before: the line does nothing
}

// File is one that was read, in the order in which that happened.
type File struct {
	Path  waxseal.Path
	Stock bool
	// Digest is over the lines that count, for rules that change every day; "" for
	// others.
	Digest string

	named string // as it was asked for
	at    int
}

// Config is what was read.
type Config struct {
	Version string
	// Site and System are the directories that were taken; "" where there is none.
	Site, System waxseal.Path
	Files        []File
	Lines        []Line
	Plugins      []Plugin
	Problems     []waxseal.Problem

	events int
	finder *finder
	loaded map[string]bool
	compat map[string]bool
}

const (
	maxFiles    = 2_000
	maxLines    = 3_000_000
	maxBytes    = 64 << 20
	maxProblems = 200
)

// Read reads the configuration of a tree.
func Read(tree waxseal.Tree, o Options) *Config {
	c := &Config{Version: o.Version, finder: newFinder(tree), loaded: map[string]bool{}, compat: map[string]bool{}}
	c.Site = firstPath(tree, o.Site, sitePlaces)
	if c.Version == "" {
		c.Version = c.finder.version()
	}
	c.System = firstPath(tree, o.System, systemPlaces(c.Version))
	p := newParser(tree, c, o.Keep)
	p.given(o.Before)
	p.all(c.Site, preEnd, siteFile)
	p.all(c.System, preEnd, c.systemKind())
	p.all(c.System, cfEnd, c.systemKind())
	p.all(c.Site, cfEnd, siteFile)
	if o.Preferences != "" {
		p.all(o.Preferences, cfEnd, siteFile)
	}
	p.given(o.After)
	p.parse()
	return c
}

// systemKind is whose the rules are: where a command line names a directory of the
// site's own, the site's.
func (c *Config) systemKind() fileKind {
	switch {
	case c.System == c.Site:
		return siteFile
	case under(c.System, stateDir):
		return updatedFile
	}
	return stockFile
}

// Preferences reads a user's preferences as spamd(8p) does: beside the rest, and
// without the rights of the administrator; see [IsAdmins] and [IsRule].
func (c *Config) Preferences(tree waxseal.Tree, p waxseal.Path) *Config {
	own := &Config{Version: c.Version, Site: c.Site, System: c.System, finder: c.finder, loaded: c.loaded, compat: c.compat}
	parser := newParser(tree, own, nil)
	parser.all(p, cfEnd, siteFile)
	parser.parse()
	return own
}

func (c *Config) problem(s waxseal.Source, message string) {
	if len(c.Problems) < maxProblems {
		c.Problems = append(c.Problems, waxseal.Problem{Path: s.Path, Line: s.Line, Message: message})
	}
}

// unread notes what is not known of the configuration.
func (c *Config) unread(s waxseal.Source, message string) {
	if len(c.Problems) < maxProblems {
		c.Problems = append(c.Problems, waxseal.Problem{Path: s.Path, Line: s.Line, Message: message, Unreadable: true})
	}
}

func firstPath(tree waxseal.Tree, named string, places []waxseal.Path) waxseal.Path {
	if named != "" {
		return clean(named)
	}
	for _, p := range places {
		if _, err := tree.Stat(p); err == nil {
			return p
		}
	}
	return ""
}
