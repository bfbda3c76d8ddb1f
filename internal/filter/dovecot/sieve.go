package dovecot

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mailbox/sieve"
	"waxseal/internal/mta"
)

const (
	maxScript   = 4 << 20
	maxIncludes = 10 // deep; Pigeonhole's own bound (sieve_include_max_nesting_depth)
	maxIncluded = 255
)

// interpreter makes hooks of what Sieve scripts do.
type interpreter struct {
	*reader
	run   map[string]bool // scope and path of scripts that have been read
	store string          // where personal scripts lie
	// own and global are the extensions that users' and the administrator's scripts
	// may use; nil is all.
	own, offered []string
	// bins are the directories of programs: by pipe, filter and execute.
	bins map[sieve.Verb]programs
	// used are the programs that scripts run.
	used map[waxseal.Path]bool
}

// programs is where the programs of one command lie.
type programs struct {
	bin    *doveconf.Setting
	socket *doveconf.Setting
}

// prepare reads what scripts may use.
func (i *interpreter) prepare() {
	i.bins, i.used = map[sieve.Verb]programs{}, map[waxseal.Path]bool{}
	v := i.conf.View("lmtp")
	for _, verb := range []sieve.Verb{sieve.Pipe, sieve.Filter, sieve.Execute} {
		i.bins[verb] = programs{v.Plugin("sieve_" + string(verb) + "_bin_dir"), v.Plugin("sieve_" + string(verb) + "_socket_dir")}
	}
	if i.partial() {
		return
	}
	i.own = extended(sieve.Standard(), v.Words("sieve_extensions"), i.conf.Grammar)
	i.offered = extended(slices.Clone(i.own), v.Words("sieve_global_extensions"), i.conf.Grammar)
	i.offered = append(i.offered, "imapsieve", "vnd.dovecot.imapsieve")
}

// extended is a list of extensions as a setting changes it: "+x -y" to it, "x y"
// instead of it (2.3); in 2.4 every word adds.
func extended(list []string, words []doveconf.Word, g doveconf.Grammar) []string {
	fresh := g == doveconf.Grammar23
	for _, w := range words {
		name := strings.TrimLeft(w.Text, "+-")
		switch {
		case strings.HasPrefix(w.Text, "-"):
			list = slices.DeleteFunc(list, func(have string) bool { return have == name })
		case strings.HasPrefix(w.Text, "+") || !fresh:
			list = append(list, name)
		default:
			list, fresh = []string{name}, false
		}
		fresh = fresh && !strings.ContainsAny(w.Text[:1], "+-")
	}
	return list
}

// global reads a script of the administrator.
func (i *interpreter) global(s script) {
	h := i.scriptHook(s)
	h.Closure = i.scriptParts(s.path)
	h.Explain = "The Sieve script " + string(s.path) + " sees " + s.scope + " (" + s.directive + ")."
	i.Emit(h)
	i.read(s, i.offered, 0)
}

// personal reads a user's active script.
func (i *interpreter) personal(s script) {
	i.read(s, i.own, 0)
	i.others(s)
}

// others are scripts that ManageSieve keeps beside the active one: parts, so that
// it shows when one of them becomes the active one.
func (i *interpreter) others(s script) {
	dir, ok := s.user.expand(i.store)
	if !ok {
		return
	}
	if f, err := i.Tree.Stat(dir); err != nil || f.Type != waxseal.Directory {
		return
	}
	names, err := i.Tree.ReadDir(dir)
	if err != nil {
		return
	}
	for n, name := range names {
		if strings.HasSuffix(name, ".sieve") && n < 50 {
			i.Part(mta.Clean(string(dir)+"/"+name), waxseal.RoleInclude)
		}
	}
}

// scriptParts are the script and what Dovecot has compiled of it.
func (i *interpreter) scriptParts(p waxseal.Path) []waxseal.Part {
	parts := []waxseal.Part{{Path: p, Role: waxseal.RoleInclude}}
	if bin, _, ok := i.compiled(p); ok {
		parts = append(parts, waxseal.Part{Path: bin, Role: waxseal.RoleCompiledMap})
	}
	return parts
}

// read makes hooks of what a script does.
func (i *interpreter) read(s script, extensions []string, depth int) {
	key := s.scope + string(s.path)
	if i.run[key] || i.Full() {
		return
	}
	i.run[key] = true
	text, ok := i.ReadUpTo(s.path, "a Sieve script", maxScript)
	if !ok {
		return
	}
	parsed := sieve.Parse(text, sieve.Options{Extensions: extensions})
	for n, p := range parsed.Problems {
		if n < 3 {
			i.Problem(s.path, p.Line, p.Message)
		}
	}
	if parsed.Refused && s.inactive == "" {
		s.inactive = "Dovecot does not compile this script, and delivers as if there were none"
		if len(parsed.Problems) > 0 {
			s.inactive += ": line " + itoa(parsed.Problems[0].Line) + ", " + parsed.Problems[0].Message
		}
	}
	if len(parsed.Actions) == 0 {
		i.Part(s.path, waxseal.RoleInclude)
	}
	a := acting{interpreter: i, script: s, text: text, parts: i.scriptParts(s.path), count: map[string]int{}}
	if why := a.lacking(parsed.Actions); why != "" && a.script.inactive == "" {
		a.script.inactive = why
	}
	for _, action := range parsed.Actions {
		a.action(action, extensions, depth)
	}
	a.drift()
}

// programs tells of the directories from which scripts may run programs.
func (i *interpreter) programs() {
	why := i.noSieve()
	if why == "" && !i.partial() {
		words := i.conf.View("lmtp").Words("sieve_plugins")
		if !slices.ContainsFunc(words, func(w doveconf.Word) bool { return w.Text == "sieve_extprograms" }) {
			why = "sieve_plugins does not name sieve_extprograms"
		}
	}
	for _, verb := range []sieve.Verb{sieve.Pipe, sieve.Filter, sieve.Execute} {
		if set := i.bins[verb].bin; set != nil && path.IsAbs(set.Value) {
			i.programsIn(mta.Clean(set.Value), set, string(verb), why)
		}
	}
}

// programsIn makes a hook of each program that a script may run, and none does: a
// user's script of tomorrow may.
func (i *interpreter) programsIn(dir waxseal.Path, set *doveconf.Setting, verb, why string) {
	names, err := i.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) {
		i.Unreadable(dir, "a directory of programs for Sieve", err.Error())
	}
	for n, name := range names {
		p := mta.Clean(string(dir) + "/" + name)
		if f, err := i.Tree.Stat(p); err != nil || f.Type != waxseal.Regular || i.used[p] || n > 500 {
			continue
		}
		h := waxseal.Hook{
			ID: i.id(i.conf.Root, set.Key, name), Kind: waxseal.KindPipe, Stage: waxseal.StageDeliver, Effects: seesAndRuns, Directive: set.Key,
			Target: waxseal.Target{Type: waxseal.TargetCommand, Value: string(p)}, Scope: "mail of which a Sieve script says " + verb, RunsAs: "the recipient", Active: true,
			Source: set.Source, Closure: i.CommandParts([]string{string(p)}),
			Explain: "Sieve scripts may hand mail to the program " + string(p) + " (" + set.Key + "); no script that is known here does.",
		}
		mta.Inactive(&h, cmp.Or(why, "no Sieve script that is known here runs it"))
		i.Emit(h)
	}
}
