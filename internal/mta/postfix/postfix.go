// Package postfix reads a whole Postfix out of a tree: what it would do with
// mail, in the order in which mail meets it, as main.cf, master.cf and the
// tables they name say.
//
// It follows postconf(5), master(5), access(5), header_checks(5), aliases(5),
// transport(5), local(8), pipe(8) and the Postfix source where those are
// silent: effective values count, not lines. Defaults are those of Postfix
// 3.7.11 (defaults.txt).
//
// Compiled tables are read as lookups would read them, and compared with their
// sources. It runs nothing and asks nobody: SQL, LDAP and remote tables are listed,
// not read. It digests no file and knows no package database; parts come with path
// and role only. It gives no judgement.
package postfix

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta/postfix/postconf"
)

// MTA is the name under which Postfix appears in stacks and hooks.
const MTA waxseal.StackName = "postfix"

// Result is everything read.
type Result struct {
	Stacks   []waxseal.Stack
	Hooks    []waxseal.Hook // in mail-path order, instance by instance
	Settings []waxseal.Setting
	Problems []waxseal.Problem
	// Parts are files of the configuration that are in no hook's closure, and the
	// daemons and commands of Postfix that exist in the tree.
	Parts []waxseal.Part
}

const (
	mainDirectory = "/etc/postfix"
	// maxFile bounds what is read as text. A main.cf of that size is no main.cf.
	maxFile = 8 << 20
	// maxInstances bounds multi_instance_directories.
	maxInstances = 32
	// maxHooks bounds one tree; a table beyond it is reported as not read.
	maxHooks = 200_000
)

// Read reads every Postfix instance of the tree. The result is empty where there
// is none.
func Read(tree waxseal.Tree, m *mask.Masker) Result {
	r := &reader{tree: tree, mask: m, ids: map[waxseal.HookID]int{}, defaults: postconf.BuiltIn(), params: parameters()}
	queue := []waxseal.Path{mainDirectory}
	for n := 0; n < len(queue) && n < maxInstances; n++ {
		dir := queue[n]
		if !r.exists(dir+"/main.cf") && !r.exists(dir+"/master.cf") {
			continue
		}
		in := r.readInstance(dir, instanceRank(n))
		for _, other := range in.otherInstances() {
			if !slices.Contains(queue, other) {
				queue = append(queue, other)
			}
		}
		if len(queue) > maxInstances {
			r.problem(dir+"/main.cf", 0, "more instances than are read (multi_instance_directories)")
		}
	}
	r.finish()
	return r.result
}

// instanceRank is the position of an instance: 0 is the primary one.
type instanceRank int

// reader holds what is shared by all instances of one tree.
type reader struct {
	tree     waxseal.Tree
	mask     *mask.Masker
	defaults map[string]string
	params   []param
	result   Result
	ids      map[waxseal.HookID]int
	full     bool
	asked    bool
	packaged string
}

func (r *reader) problem(p waxseal.Path, line int, message string) {
	r.addProblems([]waxseal.Problem{{Path: p, Line: line, Message: message}})
}

// addProblems keeps a hostile tree from filling the memory with complaints.
func (r *reader) addProblems(problems []waxseal.Problem) {
	const most = 10_000
	if room := most - len(r.result.Problems); len(problems) > room {
		problems = problems[:max(room, 0)]
	}
	r.result.Problems = append(r.result.Problems, problems...)
}

// exists also says yes to what is there but can't be looked at.
func (r *reader) exists(p waxseal.Path) bool {
	_, err := r.tree.Lstat(p)
	return err == nil || !isMissing(err)
}

// finish takes from Parts what a hook's closure already names.
func (r *reader) finish() {
	seen := map[waxseal.Path]bool{}
	for _, h := range r.result.Hooks {
		for _, p := range h.Closure {
			seen[p.Path] = true
		}
	}
	var parts []waxseal.Part
	for _, p := range r.result.Parts {
		if seen[p.Path] {
			continue
		}
		seen[p.Path] = true
		parts = append(parts, p)
	}
	slices.SortStableFunc(parts, func(a, b waxseal.Part) int { return strings.Compare(string(a.Path), string(b.Path)) })
	r.result.Parts = parts
}

// clean makes an absolute path inside the tree.
func clean(p string) waxseal.Path { return waxseal.Path(path.Clean("/" + p)) }
