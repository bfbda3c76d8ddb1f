package mta

import "waxseal"

// Options are what is known of a host besides what a reader looks up in the tree
// itself.
type Options struct {
	// Package describes an installed package; the zero value is none, or that no
	// package database tells. It is never nil.
	Package func(name string) waxseal.Package
	// Starts are the ways in which something on the host starts programs of mail
	// systems, in the order in which they were found.
	Starts []Start
	// Domains are those that other mail systems of the host call their own: a filter
	// has none itself, and addresses in them are not foreign.
	Domains []string
}

// Start is a command line by which a unit, script or job starts a program of a
// mail system: an option there may name another configuration.
type Start struct {
	Argv   []string // the program first, with quotes taken off and variables left as written
	Why    string   // a clause: "ExecStart in exim4.service"
	Source waxseal.Source
	// Active says that what starts it is in use itself.
	Active bool
}

// NoPackages is Options.Package where no package database tells.
func NoPackages(string) waxseal.Package { return waxseal.Package{} }

// Version is that of the first of the packages that is installed, "" where none
// is: "4.96-15+deb12u6".
func (o Options) Version(names ...string) string {
	for _, n := range names {
		if p := o.Package(n); p.Version != "" {
			return p.Version
		}
	}
	return ""
}
