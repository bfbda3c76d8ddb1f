package sendmail

import (
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// instance is one configuration file: sendmail.cf of the daemon, submit.cf of the
// program that takes mail from users of the host.
type instance struct {
	*reader
	found
	*cf.Config
	name    string // "" for the daemon, "submit", or the path of another
	text    string
	domains mta.Domains
	reach   map[*cf.Ruleset]bool   // the rulesets that mail can get to
	shown   map[*cf.Ruleset]string // the header that a ruleset is shown
	asked   map[string]bool        // maps that such rulesets look up, lower case
	inert   string                 // why nothing leads mail here, "" if something does
	// built is what the .mc says, nil where there is none or it says too little.
	build  *build
	prefix string
}

func (r *reader) instance(f found) *instance {
	in := &instance{reader: r, found: f, prefix: string(MTA) + ":" + string(f.path) + ":"}
	in.name = map[string]string{"sendmail.cf": "", "submit.cf": "submit"}[path.Base(string(f.path))]
	if f.why != "" {
		in.name = string(f.path)
	}
	text, ok := r.Read(f.path, "the configuration of Sendmail")
	in.text = text
	if f.built != "" {
		in.build = r.buildOf(f)
	}
	switch {
	case ok:
		r.Part(f.path, waxseal.RoleConfig)
	case in.build != nil && in.build.text != "" && !r.Exists(f.path):
		// Only the source is there: it is read as what it would be built into.
		in.text = in.build.text
	default:
		if f.why != "" && !r.Exists(f.path) {
			r.Problem(f.source.Path, f.source.Line, "Sendmail is led to "+clip(string(f.path))+", which is not there: "+clip(f.why))
		}
		return nil
	}
	if !f.active {
		in.inert = "nothing starts Sendmail with this file"
	}
	r.instances = append(r.instances, in)
	return in
}

// read makes the hooks of the configuration.
func (in *instance) read() []waxseal.Hook {
	in.Config = cf.Parse(in.text, in.given)
	for _, p := range in.Problems {
		in.Problem(in.path, p.Line, p.Message)
	}
	in.classFiles()
	in.ownDomains()
	in.follow()
	in.settings()
	in.environment()
	in.filters()
	in.optionHooks()
	in.classHooks()
	in.mapHooks()
	in.ruleHooks()
	in.headerHooks()
	in.mailerHooks()
	in.routes()
	if in.name != "submit" {
		in.openRelay()
		in.aliasHooks()
		in.forwards()
	}
	in.drift()
	in.stack()
	return in.Take()
}

func (in *instance) stack() {
	in.AddStack(waxseal.Stack{MTA: MTA, Version: in.version(), Instance: in.name, Config: []waxseal.Path{in.path}, Domains: in.domains.List()})
}

func (in *instance) version() string {
	if v := in.options.Version("sendmail-bin", "sendmail"); v != "" {
		return v
	}
	z := in.Macro("Z") // "8.17.1.9/Debian-2+deb12u2"
	z, _, _ = strings.Cut(z, "/")
	return z
}

// hook starts a hook that stands in the configuration file.
func (in *instance) hook(kind waxseal.HookKind, stage waxseal.Stage, directive, place string, line int) waxseal.Hook {
	h := waxseal.Hook{ID: waxseal.HookID(in.prefix + place), Kind: kind, Stage: stage, Scope: "all", Active: true,
		Source: waxseal.Source{Path: in.path, Line: line}, Directive: directive}
	if in.inert != "" {
		mta.Inactive(&h, in.inert)
	}
	return h
}

// note records a setting.
func (in *instance) note(name, value string, line int) {
	in.Setting(in.name, name, value, waxseal.Source{Path: in.path, Line: line})
}

// settings notes everything that the file sets, so that an edit with an effect is
// seen, and one without is none.
func (in *instance) settings() {
	count, last := map[string]int{}, map[string]int{}
	for _, o := range in.Options {
		last[o.Name] = o.Line
	}
	for _, o := range in.Options {
		name := "O " + o.Name
		if adds[o.Name] {
			count[name]++
			name += " " + strconv.Itoa(count[name])
		} else if last[o.Name] != o.Line {
			continue
		}
		in.note(name, folded(o.Value), o.Line)
	}
	for name, m := range in.Macros {
		if m.Line > 0 {
			in.note("D "+name, folded(m.Value), m.Line)
		}
	}
	for name, c := range in.Classes {
		words := strings.Join(c.Words(), " ")
		in.note("class "+name, in.short(words), firstLine(c))
	}
	for _, m := range in.Mailers {
		in.note("M "+m.Name, mailerText(m), m.Line)
	}
	for _, m := range in.Maps {
		in.note("K "+m.Name, folded(m.Class+" "+m.Args), m.Line)
	}
	for _, f := range in.Filters {
		in.note("X "+f.Name, folded("S="+f.Socket+", F="+f.Flags+", T="+f.Timeout), f.Line)
	}
	for _, h := range in.Headers {
		count["H "+h.Name]++
		in.note("H "+h.Name+" "+strconv.Itoa(count["H "+h.Name]), folded("?"+h.Flags+"? "+h.Value), h.Line)
	}
	for _, s := range in.Rulesets {
		if len(s.Rules) > 0 {
			in.note("ruleset "+s.Title(), in.rulesText(s), s.Line)
		}
	}
	in.otherSettings()
}

func (in *instance) otherSettings() {
	for _, p := range in.Levels {
		in.note("P "+p.Name, p.Value, p.Line)
	}
	for _, q := range in.Queues {
		var fields []string
		for c, v := range q.Fields {
			fields = append(fields, string([]byte{c})+"="+v)
		}
		in.note("Q "+q.Name, strings.Join(sorted(fields), ", "), q.Line)
	}
	for _, e := range in.Environ {
		in.note("E "+e.Name, e.Value, e.Line)
	}
	in.note("V", strconv.Itoa(in.Level), 0)
}

// adds are the options of which every one counts, not the last only.
var adds = map[string]bool{"AliasFile": true, "DaemonPortOptions": true, "ClientPortOptions": true}

func folded(s string) string { return strings.Join(strings.Fields(s), " ") }

func firstLine(c *cf.Class) int {
	if len(c.Sources) == 0 {
		return 0
	}
	return c.Sources[0].Line
}

// short keeps a long value to a digest: that it changed is what counts.
func (in *instance) short(s string) string {
	if len(s) <= 2000 {
		return s
	}
	return strconv.Itoa(len(strings.Fields(s))) + " words, " + digest(s)
}

// rulesText is a ruleset in one line: comments and blanks do not count.
func (in *instance) rulesText(s *cf.Ruleset) string {
	var b strings.Builder
	for _, r := range s.Rules {
		b.WriteString(cf.Show(r.Pattern) + " => " + cf.Show(r.Result) + "\n")
	}
	return strconv.Itoa(len(s.Rules)) + " rules, " + digest(b.String())
}

func mailerText(m cf.Mailer) string {
	var fields []string
	for c, v := range m.Fields {
		fields = append(fields, string([]byte{c})+"="+folded(v))
	}
	return strings.Join(sorted(fields), ", ")
}
