package sendmail

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// maxClassFile bounds a file of words.
const maxClassFile = 32 << 20

// classFiles reads the files that F lines name.
func (in *instance) classFiles() {
	in.Class("w").AddWords(in.classGiven()...)
	for _, c := range in.Classes {
		for _, s := range c.Sources {
			if s.File == "" || !path.IsAbs(s.File) {
				continue
			}
			p := mta.Clean(s.File)
			in.Part(p, waxseal.RoleList)
			if text, ok := in.ReadUpTo(p, "a file of class "+c.Name, maxClassFile); ok {
				c.Fill(s, text)
			}
		}
	}
}

// classGiven is what Sendmail puts into class w by itself, as far as files tell.
func (in *instance) classGiven() []string {
	return []string{in.given["j"], in.given["w"], "[127.0.0.1]"}
}

// ownClasses list domains whose mail is this host's business.
var ownClasses = []string{"w", "R", "VirtHost", "LDAPRoute", "LDAPRouteEquiv", "G", "M"}

func (in *instance) ownDomains() {
	in.domains = mta.NewDomains(in.names...)
	for _, name := range ownClasses {
		words := in.Classes[name].Words()
		for _, w := range words[:min(len(words), 20_000)] {
			in.domains.Add(strings.Trim(w, "[]"))
		}
	}
	for _, macro := range []string{"j", "M"} {
		in.domains.Add(in.Expand("$"+macro, in.given))
	}
	if !slices.ContainsFunc(in.domains.List(), func(d string) bool {
		return strings.Contains(d, ".") && strings.ContainsAny(d, "abcdefghijklmnopqrstuvwxyz")
	}) {
		in.domains.Add(builtBy(in.text))
	}
}

// builtBy is the host on which m4 made the file, which stands in a comment at its
// head: "built by root@mail.example.test on …". It is asked where nothing else in
// the tree tells the name of the host.
func builtBy(text string) string {
	head := text[:min(len(text), 8<<10)]
	_, after, ok := strings.Cut(head, "\n##### built by ")
	if !ok {
		return ""
	}
	f := strings.Fields(after)
	if len(f) == 0 {
		return ""
	}
	_, host, _ := strings.Cut(f[0], "@")
	return host
}

// classHooks tells of classes that a program or a directory fills.
func (in *instance) classHooks() {
	for _, name := range sortedKeys(in.Classes) {
		for _, s := range in.Classes[name].Sources {
			switch {
			case s.Command != "":
				in.classCommand(name, s)
			case s.Map != "":
				in.classMap(name, s)
			}
		}
	}
}

func (in *instance) classCommand(name string, s cf.ClassSource) {
	h := in.hook(waxseal.KindExpansionExec, waxseal.StageConnect, "F class", "F"+braced(name)+":"+"program", s.Line)
	h.Effects, h.RunsAs = runs, in.defaultUser()
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: s.Command}
	h.Closure = in.CommandParts(mta.ShellWords(s.Command))
	h.Explain = "Whenever Sendmail starts, it runs " + clip(s.Command) + " as " + mta.OrUnknown(h.RunsAs) + ", and takes what it prints into class " + name + " (F)."
	in.Emit(h)
}

func (in *instance) classMap(name string, s cf.ClassSource) {
	key, spec, _ := strings.Cut(s.Map, "@")
	h := in.hook(waxseal.KindMap, waxseal.StageConnect, "F class", "F"+braced(name)+":map", s.Line)
	h.Effects, h.External = decides, true
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: spec}
	in.hosts(&h, spec)
	h.Explain = "Whenever Sendmail starts, it asks " + clip(spec) + " for " + clip(orName(key, "the members")) + " of class " + name + " (F)."
	in.Emit(h)
}

func orName(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func braced(name string) string {
	if len(name) == 1 {
		return name
	}
	return "{" + name + "}"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return sorted(keys)
}

// defaultUser is whose rights programs get that belong to nobody else (option
// DefaultUser; 1:1 where it is not set, op.me 5.6).
func (in *instance) defaultUser() string {
	user := strings.TrimSpace(in.Value("DefaultUser", "daemon"))
	if i := strings.IndexAny(user, ":."); i >= 0 {
		user = user[:i]
	}
	if user == "0" {
		return "root"
	}
	return user
}

// environment reads E lines: every program that Sendmail starts gets them.
func (in *instance) environment() {
	for _, e := range in.Environ {
		h := in.hook(waxseal.KindEnvironment, waxseal.StageConnect, "E variable", "E:"+e.Name, e.Line)
		h.Effects = runs
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: e.Name + "=" + e.Value}
		if strings.HasPrefix(e.Name, "LD_") {
			for _, w := range strings.FieldsFunc(e.Value, func(r rune) bool { return r == ':' || r == ' ' }) {
				if path.IsAbs(w) {
					h.Closure = append(h.Closure, waxseal.Part{Path: mta.Clean(w), Role: waxseal.RoleLibrary})
				}
			}
		}
		h.Explain = "Every program that Sendmail starts gets " + clip(e.Name+"="+e.Value) + " in its environment (E)."
		in.Emit(h)
	}
	if t := in.Classes["t"]; t != nil {
		in.trusted(t)
	}
}

// stockTrusted are the users whom Sendmail's own m4 files trust.
var stockTrusted = map[string]bool{"root": true, "daemon": true, "uucp": true, "smmsp": true, "smmta": true, "mail": true}

// trusted reads class t: these users may set the sender of mail as they like.
func (in *instance) trusted(t *cf.Class) {
	for _, w := range t.Words() {
		if stockTrusted[w] {
			continue
		}
		h := in.hook(waxseal.KindPolicy, waxseal.StageSession, "T user", "T:"+clip(w), firstLine(t))
		h.Effects, h.Scope = changes, "mail that "+clip(w)+" sends"
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: w}
		h.Explain = "The user " + clip(w) + " may send mail as anybody, and nothing in it tells (class t)."
		in.Emit(h)
	}
}
