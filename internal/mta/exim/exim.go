// Package exim reads a whole Exim out of a tree: what it would do with mail, in the
// order in which mail meets it.
//
// Which file Exim reads, what Debian's sources would make of it, and the sections
// of the configuration are put together here; the language is that of package
// eximconf, strings are those of package expand. It asks no lookup that is no
// file, and works out only what strings and files alone decide.
package exim

import (
	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
)

// MTA is the name under which Exim appears in stacks and hooks.
const MTA waxseal.StackName = "exim"

// Read reads the Exim of the tree. The result is empty where there is none.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	if o.Package == nil {
		o.Package = mta.NoPackages
	}
	r := &reader{Book: mta.NewBook(MTA, tree, m), options: o}
	r.read()
	return r.Result()
}

// reader reads one tree.
type reader struct {
	*mta.Book
	options  mta.Options
	version  string // "4.96-15+deb12u11", "" where nothing tells
	accounts []mta.Account
	followed map[waxseal.Path]bool // forward files that were read already
}

// instance is one configuration that something starts Exim with.
type instance struct {
	*reader
	// name is "exim" for the configuration that Exim reads by itself, and the path of
	// another. prefix goes into the identities of its hooks.
	name, prefix string
	conf         *eximconf.Config
	release      eximconf.Version
	// inactive says why nothing leads mail to this configuration, "" where something
	// does. silent keeps settings and parts of it unwritten.
	inactive string
	silent   bool

	domains    mta.Domains
	user       string // exim_user
	reached    map[string]reach
	transports map[string]usage
	perl       []waxseal.Part // of perl_startup
	tables     map[string]bool
	lookups    map[string]lookedUp
	// visited are the tables whose entries were told, by what is done with them.
	visited map[string]map[string]bool
	// patterns are the files that names with an unknown part stand for.
	patterns map[string][]string
	named    names
}

// release reads the number of a release out of a version of a package.
func release(version string) (v eximconf.Version) {
	numbers := []*int{&v.Major, &v.Minor}
	i := 0
	for _, c := range version {
		switch {
		case c >= '0' && c <= '9' && *numbers[i] < 1000:
			*numbers[i] = *numbers[i]*10 + int(c-'0')
		case c == '.' && i == 0:
			i++
		case c == ':' && i == 0: // an epoch
			v = eximconf.Version{}
		default:
			return v
		}
	}
	return v
}

// hook starts a hook of this configuration; place names it among the others.
func (in *instance) hook(place string, at eximconf.Place) waxseal.Hook {
	return waxseal.Hook{
		ID: waxseal.HookID("exim:" + in.prefix + place), MTA: MTA, Scope: "all", Active: true,
		Source: waxseal.Source{Path: at.Path, Line: at.Line},
	}
}

func (in *instance) emit(h waxseal.Hook) {
	if in.inactive != "" {
		mta.Inactive(&h, in.inactive)
	}
	in.Emit(h)
}

// set writes down an effective setting.
func (in *instance) set(name, value string, at eximconf.Place) {
	if !in.silent {
		in.Setting(in.name, name, value, waxseal.Source{Path: at.Path, Line: at.Line})
	}
}

// part writes down a file of the configuration.
func (in *instance) part(p waxseal.Path, role waxseal.Role) {
	if !in.silent {
		in.Part(p, role)
	}
}

// The effects of hooks, by what they are.
var (
	runs     = []waxseal.Effect{waxseal.Execute}
	runsAll  = []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop, waxseal.Execute}
	diverts  = []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	copies   = []waxseal.Effect{waxseal.Observe, waxseal.Copy}
	modifies = []waxseal.Effect{waxseal.Modify}
	hides    = []waxseal.Effect{waxseal.Modify, waxseal.Silence}
	drops    = []waxseal.Effect{waxseal.Drop}
	decides  = []waxseal.Effect{waxseal.Observe, waxseal.Drop}
	routes   = []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Drop}
	looks    = []waxseal.Effect{waxseal.Divert, waxseal.Modify}
	silences = []waxseal.Effect{waxseal.Silence}
)

// whole reads one configuration from first to last.
func (in *instance) whole() {
	in.reached, in.transports = map[string]reach{}, map[string]usage{}
	in.tables, in.lookups, in.visited = map[string]bool{}, map[string]lookedUp{}, map[string]map[string]bool{}
	in.patterns = map[string][]string{}
	in.named = in.index()
	in.user = in.eximUser()
	in.perl = in.perlFiles()
	in.domains = in.ownDomains()
	in.reach()
	in.mainOptions()
	in.accessLists()
	in.rewriting()
	in.routing()
	in.delivery()
	in.authenticators()
	in.settings()
}

// names find what a configuration names.
type names struct {
	acls, transports map[string]int
	lists            map[string]string
	written          map[string]writtenList
}

// writtenList is a named list as it is written out.
type writtenList struct {
	words []string
	known bool
}

func (in *instance) index() names {
	n := names{map[string]int{}, map[string]int{}, map[string]string{}, map[string]writtenList{}}
	for i, a := range in.conf.ACLs {
		if _, twice := n.acls[a.Name]; !twice {
			n.acls[a.Name] = i
		}
	}
	for i, d := range in.conf.Transports {
		n.transports[d.Name] = i
	}
	for _, l := range in.conf.Lists {
		n.lists[l.Kind+" "+l.Name] = l.Value
	}
	return n
}

// transport finds a transport.
func (in *instance) transport(name string) (eximconf.Driver, bool) {
	i, ok := in.named.transports[name]
	if !ok {
		return eximconf.Driver{}, false
	}
	return in.conf.Transports[i], true
}

// wordsIn are the words of a string that is expanded, each once: names among them
// are what it may become.
func wordsIn(text string) []string {
	seen := map[string]bool{}
	var list []string
	for from := 0; from < len(text); from++ {
		until := from
		for until < len(text) && isWord(text[until]) {
			until++
		}
		if word := text[from:until]; word != "" && !seen[word] {
			seen[word] = true
			list = append(list, word)
		}
		from = until
	}
	return list
}
