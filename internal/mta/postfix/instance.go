package postfix

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta/postfix/postconf"
)

// instance is one configuration directory being read.
type instance struct {
	*reader
	dir     waxseal.Path
	name    string
	enabled bool
	// why says what leads Postfix to a directory that it would not look into.
	why      string
	main     postconf.Main
	config   *postconf.Config
	view     view
	services []service
	byKey    map[string]*service
	domains  domainSet
	hooks    []waxseal.Hook
	// reached are the services that something leads mail to, by key.
	reached map[string]bool
	// given remembers map entries already listed, by table and parameter.
	given  map[string]bool
	tables map[string]tableText
	// settings remembers the names already given out.
	settings map[string]bool
	// used are the names of main.cf that have an effect; nil until asked for.
	used map[string]bool
	// classes are the restriction classes, and other words in lists of restrictions.
	classes map[string]*classUse
	// aliased are the names that an alias leads away from, true where it does not
	// lead back.
	aliased map[string]bool
	// accounts are the users; nil until asked for.
	accounts []user
}

// readInstance reads one configuration directory into the result.
func (r *reader) readInstance(at found, rank instanceRank) *instance {
	in := &instance{
		reader: r, dir: at.path, byKey: map[string]*service{}, reached: map[string]bool{},
		given: map[string]bool{}, tables: map[string]tableText{}, settings: map[string]bool{},
		classes: map[string]*classUse{}, aliased: map[string]bool{},
	}
	in.load()
	in.identify(at, rank)
	in.domains = in.ownDomains()
	in.parameterHooks()
	in.settle()
	in.moduleHooks()
	in.serviceHooks()
	in.collectSettings()
	in.collectParts()
	in.order()
	return in
}

// identify names the instance and says whether it runs.
func (in *instance) identify(at found, rank instanceRank) {
	in.name = in.view.Value("multi_instance_name")
	if rank == 0 {
		in.enabled = true
		return
	}
	// What postmulti(1) does not manage runs where something else starts it.
	in.enabled = at.why != "" && at.active || at.managed && in.view.Value("multi_instance_enable") == "yes"
	in.why = at.why
	if in.name == "" {
		in.name = path.Base(string(in.dir))
	}
}

// read returns the text of a configuration file. A missing file is silence; any
// other failure is a problem and a hook of kind unreadable.
func (in *instance) read(p waxseal.Path, what string) (string, bool) {
	return in.readUpTo(p, what, maxFile)
}

// readLarge reads a table, which may be larger than other files.
func (in *instance) readLarge(p waxseal.Path, what string) (string, bool) {
	return in.readUpTo(p, what, maxTable)
}

func (in *instance) readUpTo(p waxseal.Path, what string, limit int64) (string, bool) {
	content, err := in.textOf(p, limit)
	switch {
	case err == nil:
	case isMissing(err):
		return "", false
	default:
		in.unreadable(p, what, err.Error())
		return "", false
	}
	if strings.IndexByte(content, 0) >= 0 {
		in.unreadable(p, what, "it holds null bytes and is not text")
	}
	return content, true
}

// copier is a tree that hands over a file piece by piece.
type copier interface {
	CopyTo(p waxseal.Path, w io.Writer, limit int64) error
}

// maxWhole is the largest file of which a tree is asked for all at once: it may
// have it at hand. Of a larger one there is to be one copy, not two.
const maxWhole = 4 << 20

func (in *instance) textOf(p waxseal.Path, limit int64) (string, error) {
	tree, ok := in.tree.(copier)
	if st, err := in.tree.Stat(p); ok && err == nil && st.Size > maxWhole && st.Size <= limit {
		var text strings.Builder
		text.Grow(int(st.Size))
		err := tree.CopyTo(p, &text, limit)
		return text.String(), err
	}
	content, err := in.tree.ReadFile(p, limit)
	return string(content), err
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// unreadable makes sure that what could not be read is not silence.
func (in *instance) unreadable(p waxseal.Path, what, why string) {
	id := string(MTA) + ":" + string(p) + ":unreadable"
	if in.given[id] {
		return
	}
	in.given[id] = true
	in.addProblems([]waxseal.Problem{{Path: p, Message: why, Unreadable: true}})
	in.emit(waxseal.Hook{
		ID: waxseal.HookID(id), Kind: waxseal.KindUnreadable, Stage: waxseal.StageConnect,
		Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(p)},
		Scope:  "all", Active: true, Source: waxseal.Source{Path: p}, Directive: what,
		Explain: what + " (" + string(p) + ") can not be read as it should be: " + why + ". What it does to mail is not known.",
	})
}

func firstWord(text, otherwise string) string {
	line, _, _ := strings.Cut(text, "\n")
	if f := strings.Fields(line); len(f) > 0 && !strings.HasPrefix(f[0], "#") {
		return f[0]
	}
	return otherwise
}

// otherInstances are the directories that this instance says postmulti(1) should
// manage too.
func (in *instance) otherInstances() []waxseal.Path {
	var out []waxseal.Path
	for _, dir := range mapdb.Fields(in.view.Value("multi_instance_directories")) {
		if strings.HasPrefix(dir, "/") && clean(dir) != "/" && len(out) < maxInstances {
			out = append(out, clean(dir))
		}
	}
	return out
}

// part notes a file of the configuration.
func (in *instance) part(p waxseal.Path, role waxseal.Role) {
	in.result.Parts = append(in.result.Parts, waxseal.Part{Path: p, Role: role})
}

// order puts the hooks in the order in which mail meets them.
func (in *instance) order() {
	rank := map[waxseal.Stage]int{}
	for i, s := range waxseal.Stages() {
		rank[s] = i
	}
	sorted := make([][]waxseal.Hook, len(rank)+1)
	for _, h := range in.hooks {
		sorted[rank[h.Stage]] = append(sorted[rank[h.Stage]], h)
	}
	for _, hooks := range sorted {
		for _, h := range hooks {
			if !in.enabled {
				inactive(&h, "the instance is not switched on (multi_instance_enable)")
			}
			in.result.Hooks = append(in.result.Hooks, h)
		}
	}
	in.result.Stacks = append(in.result.Stacks, in.stack())
}
