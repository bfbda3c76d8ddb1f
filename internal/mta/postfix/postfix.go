// Package postfix reads a whole Postfix out of a tree: what it would do with
// mail, in the order in which mail meets it, as main.cf, master.cf and the
// tables they name say.
//
// It follows postconf(5), master(5), access(5), header_checks(5), aliases(5),
// transport(5), local(8), pipe(8) and the Postfix source where those are
// silent: effective values count, not lines, as package postconf finds them.
//
// Compiled tables are read as lookups would read them, and compared with their
// sources. It runs nothing and asks nobody: SQL, LDAP and remote tables are listed,
// not read. It digests no file and knows no package database; parts come with path
// and role only. It gives no judgement.
package postfix

import (
	"path"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/postfix/postconf"
)

// MTA is the name under which Postfix appears in stacks and hooks.
const MTA waxseal.StackName = "postfix"

// Result is everything read.
type Result = mta.Result

const (
	mainDirectory = "/etc/postfix"
	// maxInstances bounds multi_instance_directories.
	maxInstances = 32
)

// Options are what is known besides the tree.
type Options struct {
	// Version of the installed package; where no package database has it, Number is
	// empty.
	Version postconf.Version
	// Also are configuration directories found elsewhere than in main.cf.
	Also []Directory
	// Releases are those that earlier readings made; nil where there was none.
	Releases postconf.Releases
}

// Directory is a configuration directory that something leads Postfix to:
// MAIL_CONFIG or -c in a unit, a wrapper or a command line.
type Directory struct {
	Path   waxseal.Path
	Why    string // a clause: "MAIL_CONFIG is set in postfix@.service"
	Source waxseal.Source
	// Active says that what leads to it is in use itself.
	Active bool
}

// Read reads every Postfix instance of the tree. The result is empty where there
// is none.
func Read(tree waxseal.Tree, m *mask.Masker) Result {
	return ReadWith(tree, m, Options{Version: postconf.Installed(tree)})
}

// ReadWith is Read with what is known besides the tree.
func ReadWith(tree waxseal.Tree, m *mask.Masker, o Options) Result {
	r := &reader{Book: mta.NewBook(MTA, tree, m), version: o.Version, releases: o.Releases, params: parameters()}
	queue := []found{{path: mainDirectory, active: true}}
	for _, d := range o.Also {
		if path.IsAbs(string(d.Path)) && mta.Clean(string(d.Path)) != "/" {
			queue = enqueue(queue, found{path: mta.Clean(string(d.Path)), why: d.Why, source: d.Source, active: d.Active})
		}
	}
	for n := 0; n < len(queue) && n < maxInstances; n++ {
		at := queue[n]
		if !r.Exists(at.path+"/main.cf") && !r.Exists(at.path+"/master.cf") {
			if at.why != "" {
				r.Problem(at.source.Path, at.source.Line, "Postfix is led to "+clip(string(at.path))+", which has no main.cf: "+clip(at.why))
			}
			continue
		}
		in := r.readInstance(at, instanceRank(n))
		for _, other := range in.otherInstances() {
			queue = enqueue(queue, found{path: other, managed: true, active: true})
		}
		if len(queue) > maxInstances {
			r.Problem(at.path+"/main.cf", 0, "more instances than are read (multi_instance_directories)")
		}
	}
	return r.Result()
}

// found is a configuration directory to be read.
type found struct {
	path   waxseal.Path
	why    string
	source waxseal.Source
	active bool
	// managed says that postmulti(1) knows it, and starts it if it is enabled.
	managed bool
}

// enqueue adds a directory, or joins it with what is known of it.
func enqueue(queue []found, d found) []found {
	for i := range queue {
		if queue[i].path == d.path {
			queue[i].active = queue[i].active || d.active && !d.managed
			queue[i].managed = queue[i].managed || d.managed
			return queue
		}
	}
	return append(queue, d)
}

// instanceRank is the position of an instance: 0 is the primary one.
type instanceRank int

// reader holds what is shared by all instances of one tree.
type reader struct {
	*mta.Book
	version  postconf.Version
	releases postconf.Releases
	doubted  bool // what is doubtful about the version has been said
	params   []param
}
