package sendmail

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
	"waxseal/internal/mta/sendmail/mc"
)

// build is what an .mc would be built into.
type build struct {
	source waxseal.Path
	text   string
	config *cf.Config
	// sketched: Sendmail's own m4 files are not in the tree, so that only what the
	// source itself says is known.
	sketched bool
	// blind: a file or the output of a command is not known, so that what the .cf
	// has and the .mc lacks may come from there.
	blind bool
}

// buildOf expands the .mc of a configuration. nil is a source that is not there.
func (r *reader) buildOf(f found) *build {
	text, ok := r.Read(f.built, "the source of the configuration of Sendmail")
	if !ok {
		return nil
	}
	r.Part(f.built, waxseal.RoleConfig)
	result := mc.Expand(string(f.built), text, r.m4File)
	for _, p := range result.Problems {
		r.Problem(mta.Clean(p.File), p.Line, "m4: "+p.Message)
	}
	b := &build{source: f.built, text: result.Text, sketched: result.Sketched}
	for _, name := range result.Files {
		if p := m4Path(name); p != f.built {
			r.Part(p, waxseal.RoleInclude)
		}
	}
	r.m4Commands(f, result)
	for _, name := range result.Missing {
		b.blind = b.blind || !result.Sketched || !isLibrary(name)
	}
	b.blind = b.blind || result.Blind || slices.ContainsFunc(result.Commands, func(c mc.Command) bool { return c.Read })
	return b
}

// m4File is how m4 finds a file: make runs it in /etc/mail.
func (r *reader) m4File(name string) (string, bool) {
	text, err := r.Tree.ReadFile(m4Path(name), mta.MaxFile)
	return string(text), err == nil
}

func m4Path(name string) waxseal.Path {
	if !path.IsAbs(name) {
		name = settingsDirectory + "/" + name
	}
	return mta.Clean(name)
}

// libraryDirectories hold Sendmail's own m4 files.
var libraryDirectories = []string{"/usr/share/sendmail/cf/", "/usr/share/sendmail-cf/", "/usr/lib/sendmail-cf/", "/usr/share/sendmail/"}

func isLibrary(name string) bool {
	return slices.ContainsFunc(libraryDirectories, func(dir string) bool { return strings.HasPrefix(name, dir) })
}

// m4Commands tells of commands that m4 would run as root. Sendmail's own files run
// one, which writes into the head of the file who built it.
func (r *reader) m4Commands(f found, result mc.Result) {
	for _, c := range result.Commands {
		if isLibrary(c.File) && (strings.HasPrefix(c.Text, "rm -f /tmp/cf") || strings.HasPrefix(c.Text, "sh /usr/share/sendmail") && strings.Contains(c.Text, "sh/makeinfo.sh ") && !strings.ContainsAny(c.Text, ";|&`$")) {
			for _, w := range mta.PathWords(c.Text) {
				if strings.HasSuffix(w, "makeinfo.sh") && r.Exists(mta.Clean(w)) {
					r.Part(mta.Clean(w), waxseal.RoleScript)
				}
			}
			continue
		}
		directive := map[bool]string{true: "esyscmd", false: "syscmd"}[c.Read]
		h := r.rootCommand(m4Path(c.File), directive, statement{line: c.Line, text: c.Text, place: c.Text})
		if r.seen[h.ID] {
			continue
		}
		r.seen[h.ID] = true
		h.Explain = "Whenever " + string(f.path) + " is built (make -C /etc/mail), m4 runs " + clip(c.Text) + " as root (" + directive + ")."
		r.Emit(h)
	}
}

// pending says of a hook that the .mc has and the .cf does not.
const pending = "make in /etc/mail will put it into the .cf, which Sendmail reads; it is not there yet"

// drift compares the .cf with what its .mc would be built into: what the .cf has and
// the .mc does not give is told on the hook, and what the .mc gives and the .cf lacks
// is a hook that is to come.
func (in *instance) drift() {
	b := in.build
	if b == nil {
		return
	}
	hooks := in.Take()
	if !in.Exists(in.path) {
		for i := range hooks {
			mta.Modify(&hooks[i], "pending", "only "+string(b.source)+" is there: make in /etc/mail will build "+string(in.path))
			if hooks[i].Source.Path == in.path {
				hooks[i].Source = waxseal.Source{Path: b.source}
			}
		}
		in.Put(hooks)
		return
	}
	if sameLines(in.text, b.text) {
		in.Put(hooks)
		return
	}
	b.config = cf.Parse(b.text, in.given)
	if in.Macro("Z") != b.config.Macro("Z") && !b.sketched {
		// The m4 files of another release make other rules of the same source.
		in.Problem(in.path, in.Macros["Z"].Line, "it was built by the m4 files of another release: "+clip(in.Macro("Z"))+", which are "+clip(b.config.Macro("Z"))+" now")
		b.sketched = true
	}
	want := in.itemsOf(b.config)
	have := in.itemsOf(in.Config)
	for i := range hooks {
		in.drifted(&hooks[i], have, want)
	}
	in.Put(append(hooks, in.pendingHooks(hooks, have, want)...))
}

// sameLines reports whether two configurations differ in comments only.
func sameLines(a, b string) bool {
	for {
		var x, y string
		x, a = nextLine(a)
		y, b = nextLine(b)
		if x != y {
			return false
		}
		if x == "" {
			return true
		}
	}
}

// nextLine is the next line that is neither empty nor a comment, "" at the end.
func nextLine(text string) (line, rest string) {
	for text != "" {
		line, text, _ = strings.Cut(text, "\n")
		if line != "" && line[0] != '#' {
			return line, text
		}
	}
	return "", ""
}

// itemsOf are the lines of a configuration that make hooks, by the place that
// identities of hooks have.
func (in *instance) itemsOf(c *cf.Config) map[string]string {
	items := map[string]string{}
	for _, f := range c.Filters {
		items["X:"+f.Name] = folded("S=" + f.Socket + ", F=" + f.Flags + ", T=" + f.Timeout)
	}
	for _, m := range c.Mailers {
		items["M:"+m.Name] = mailerText(m)
	}
	for _, m := range c.Maps {
		items["K:"+m.Name] = folded(m.Class + " " + m.Args)
	}
	for _, o := range c.Options {
		items["O:"+o.Name] = folded(o.Value)
	}
	for _, m := range macroHosts {
		if v := c.Macro(m.macro); v != "" {
			items["D:"+m.macro] = folded(v)
		}
	}
	for _, e := range c.Environ {
		items["E:"+e.Name] = e.Value
	}
	for _, h := range c.Headers {
		items["H:"+h.Name] = folded(h.Value)
	}
	for _, s := range c.Rulesets {
		for _, r := range s.Rules {
			items["S:"+s.Title()+":"+patternName(r)] = cf.Show(r.Result)
		}
	}
	return items
}

// drifted notes on a hook what its .mc says otherwise. In a sketch only what makes
// no sense without the .mc counts: filters, maps and hosts that it does not name.
func (in *instance) drifted(h *waxseal.Hook, have, want map[string]string) {
	place, ours := strings.CutPrefix(string(h.ID), in.prefix)
	if !ours || in.build.sketched && !sketchTells(place) {
		return
	}
	place = strings.TrimSuffix(place, ":check")
	says, known := have[place]
	if !known {
		return
	}
	other, also := want[place]
	switch {
	case also && (other == says || in.build.sketched && !strings.HasPrefix(place, "X:")):
		return
	case !also && in.build.blind:
		return
	case !also:
		mta.Modify(h, "drift", string(in.path)+" has it, and "+string(in.build.source)+", from which it is built, does not")
	default:
		mta.Modify(h, "drift", string(in.path)+" says "+clip(says)+", "+string(in.build.source)+" would give "+clip(other))
	}
	mta.Modify(h, "built_from", string(in.build.source))
}

// sketchTells reports whether a source alone, without Sendmail's own m4 files, says
// all there is to say of a place.
func sketchTells(place string) bool {
	switch {
	case strings.HasPrefix(place, "X:"):
		return true
	case strings.HasPrefix(place, "D:"):
		return len(place) == 3 && strings.Contains("SHRL", place[2:])
	case strings.HasPrefix(place, "K:"):
		return !stockMaps[strings.ToLower(place[2:])]
	case strings.HasPrefix(place, "E:"):
		return true
	}
	return false
}

// stockMaps are maps that Sendmail's m4 files declare without being asked, or under
// names of their own.
var stockMaps = map[string]bool{"resolve": true, "arith": true, "macro": true, "dequote": true, "storage": true, "canonicalrcpt": true, "access": true, "checkaddr": true,
	"host": true, "stderr": true, "bestmx": true, "cleanflags": true, "ldapmh": true, "ldapmra": true, "dnsbl": true, "ednsbl": true, "rcount": true, "ltest": true, "sts": true, "lookup": true}

// pendingHooks makes the hooks of what the .mc gives and the .cf lacks, as they
// will be.
func (in *instance) pendingHooks(hooks []waxseal.Hook, have, want map[string]string) (list []waxseal.Hook) {
	missing := false
	for place, text := range want {
		if other, ok := have[place]; !ok || other != text && !in.build.sketched {
			missing = true
		}
	}
	if !missing {
		return nil
	}
	known := map[waxseal.HookID]string{}
	for _, h := range hooks {
		known[h.ID] = h.Target.Value
	}
	for _, h := range in.soon() {
		target, there := known[h.ID]
		place, ours := strings.CutPrefix(string(h.ID), in.prefix)
		if there && (target == h.Target.Value || !ours) || ours && want[place] == "" && !there || ours && in.build.sketched && !sketchTells(place) && !strings.HasPrefix(place, "M:") && !strings.HasPrefix(place, "O:") {
			continue
		}
		if there {
			h.ID += ":to come"
		}
		if h.Source.Path == in.path {
			h.Source = waxseal.Source{Path: in.build.source, Line: in.lineOf(h)}
		}
		mta.Modify(&h, "pending", pending)
		list = append(list, h)
	}
	return list
}

// soon are the hooks that the .cf will have once it is built, in a book of their
// own.
func (in *instance) soon() []waxseal.Hook {
	r := &reader{Book: mta.NewBook(MTA, in.Tree, in.Mask), options: in.options, given: in.given, names: in.names, accounts: in.accounts, tables: in.tables, seen: map[waxseal.HookID]bool{}}
	soon := &instance{reader: r, found: in.found, Config: in.build.config, name: in.name, text: in.build.text, prefix: in.prefix, inert: in.inert, domains: in.domains}
	soon.classFiles()
	soon.follow()
	soon.environment()
	soon.filters()
	soon.optionHooks()
	soon.classHooks()
	soon.mapHooks()
	soon.ruleHooks()
	soon.headerHooks()
	soon.mailerHooks()
	return r.Take()
}

// lineOf is the line of the .mc that names what a hook is about.
func (in *instance) lineOf(h waxseal.Hook) int {
	text, err := in.Tree.ReadFile(in.build.source, mta.MaxFile)
	if err != nil {
		return 0
	}
	name := string(h.ID)[strings.LastIndexByte(string(h.ID), ':')+1:]
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if len(name) > 2 && strings.Contains(line, name) || h.Target.Value != "" && strings.Contains(line, h.Target.Value) {
			return number
		}
	}
	return 0
}
