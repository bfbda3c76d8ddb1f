package postfix

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
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
	// used are the names of main.cf that have an effect; nil until asked for.
	used map[string]bool
	// classes are the restriction classes, and other words in lists of restrictions.
	classes map[string]*classUse
	// aliased are the names that an alias leads away from, true where it does not
	// lead back.
	aliased map[string]bool
	// accounts are the users; nil until asked for.
	accounts []mta.Account
}

// readInstance reads one configuration directory into the result.
func (r *reader) readInstance(at found, rank instanceRank) *instance {
	earlier := r.Take()
	in := &instance{
		reader: r, dir: at.path, byKey: map[string]*service{}, reached: map[string]bool{},
		given: map[string]bool{}, tables: map[string]tableText{},
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
	in.order(earlier)
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
		if strings.HasPrefix(dir, "/") && mta.Clean(dir) != "/" && len(out) < maxInstances {
			out = append(out, mta.Clean(dir))
		}
	}
	return out
}

// order puts the hooks in the order in which mail meets them, behind those of the
// instances before.
func (in *instance) order(earlier []waxseal.Hook) {
	hooks := mta.InMailOrder(append(in.Take(), in.hooks...))
	for i := range hooks {
		if !in.enabled {
			mta.Inactive(&hooks[i], "the instance is not switched on (multi_instance_enable)")
		}
	}
	in.Put(earlier)
	in.Put(hooks)
	in.AddStack(in.stack())
}
