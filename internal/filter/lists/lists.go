// Package lists reads the list managers mlmmj and Sympa: where mail of a list goes
// besides its subscribers, what is done to it, which programs run for it, and who is
// asked before it is sent.
//
// A list of mlmmj is a directory; each file of its control directory is a setting
// (TUNABLES and README.access of mlmmj). Sympa's settings are sympa.conf, robot.conf of
// each of its domains, the file config of each list (sympa_config(5), list_config(5)),
// and the rules by which it decides, scenari (sympa_scenario(5)).
//
// Subscribers of a list are meant to get its mail, wherever they are. Only one of
// elsewhere on a list that has nobody else from there is told. Subscribers of Sympa are
// rows of a database, and not seen.
package lists

import (
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// The names under which the list managers appear in stacks and hooks.
const (
	Mlmmj waxseal.StackName = "mlmmj"
	Sympa waxseal.StackName = "sympa"
)

const (
	maxFile  = 4 << 20
	maxLists = 20_000
	// maxEntries bounds the addresses and rules of one file that are looked at.
	maxEntries = 5_000
)

// Read reads both.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	var found mta.Result
	for _, one := range []struct {
		stack    waxseal.StackName
		title    string
		packages []string
		read     func(*reader)
	}{{Mlmmj, "mlmmj", []string{"mlmmj"}, (*reader).mlmmj}, {Sympa, "Sympa", []string{"sympa"}, (*reader).sympa}} {
		x := &reader{Book: mta.NewBook(one.stack, tree, m), title: one.title, domains: mta.NewDomains(o.Domains...), noted: map[waxseal.Path]bool{}}
		for _, p := range []waxseal.Path{"/etc/mailname", "/etc/hostname"} {
			if content, err := tree.ReadFile(p, 4096); err == nil {
				x.domains.Add(strings.TrimSpace(string(content)))
			}
		}
		one.read(x)
		if len(x.config) > 0 {
			x.AddStack(waxseal.Stack{MTA: x.Stack, Version: o.Version(one.packages...), Config: x.config[:min(len(x.config), 20)]})
		}
		found.Join(x.Result())
	}
	return found
}

// reader is the reading of one of them.
type reader struct {
	*mta.Book
	title   string
	domains mta.Domains
	config  []waxseal.Path
	noted   map[waxseal.Path]bool
	lists   int
}

var (
	copies   = []waxseal.Effect{waxseal.Copy}
	diverts  = []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	modifies = []waxseal.Effect{waxseal.Modify}
	drops    = []waxseal.Effect{waxseal.Drop}
	runs     = []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	loads    = []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Execute}
)

// part notes a file once.
func (x *reader) part(p waxseal.Path, role waxseal.Role) {
	if !x.noted[p] {
		x.noted[p] = true
		x.Part(p, role)
		if role == waxseal.RoleConfig {
			x.config = append(x.config, p)
		}
	}
}

// text reads a file of the list manager and notes it.
func (x *reader) text(p waxseal.Path, role waxseal.Role) (string, bool) {
	text, ok := x.ReadUpTo(p, "the configuration of "+x.title, maxFile)
	if ok {
		x.part(p, role)
	}
	return text, ok
}

// names lists a directory; a missing one is silence.
func (x *reader) names(dir waxseal.Path) []string {
	names, err := x.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) {
		x.AddProblems([]waxseal.Problem{{Path: dir, Message: "the directory can't be listed: " + err.Error(), Unreadable: true}})
	}
	if len(names) > maxLists {
		x.AddProblems([]waxseal.Problem{{Path: dir, Message: "more files than are read", Unreadable: true}})
		names = names[:maxLists]
	}
	return names
}

// isDirectory reports whether something is a directory itself, and no link to one.
func (x *reader) isDirectory(p waxseal.Path) bool {
	f, err := x.Tree.Lstat(p)
	return err == nil && f.Type == waxseal.Directory
}

// full reports, once, that there are more lists than are read.
func (x *reader) full(p waxseal.Path) bool {
	if x.lists++; x.lists == maxLists+1 {
		x.AddProblems([]waxseal.Problem{{Path: p, Message: "more lists of " + x.title + " than are read", Unreadable: true}})
	}
	return x.lists > maxLists
}

// entry is a setting and where it stands.
type entry struct {
	name, value string
	path        waxseal.Path
	line        int
	scope       string // what mail meets it
	key         string // tells it from others of its name in the file
}

func (e entry) source() waxseal.Source { return waxseal.Source{Path: e.path, Line: e.line} }

func (e entry) place() string { return " (" + e.name + ", " + string(e.path) + ")." }

// hook begins a hook for a setting.
func (x *reader) hook(e entry, kind waxseal.HookKind, effects []waxseal.Effect) waxseal.Hook {
	id := string(x.Stack) + ":" + string(e.path) + ":" + e.name
	if e.key != "" {
		id += ":" + e.key
	}
	return waxseal.Hook{ID: waxseal.HookID(id), Kind: kind, Stage: waxseal.StageDeliver, Effects: effects, Scope: e.scope, RunsAs: string(x.Stack), Active: true,
		Directive: e.name, Source: e.source()}
}

// addresses emits a hook for each address of a setting.
func (x *reader) addresses(e entry, kind waxseal.HookKind, effects []waxseal.Effect, says string) {
	for n, address := range strings.FieldsFunc(e.value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		if n == maxEntries || !strings.Contains(address, "@") {
			break
		}
		one := e
		one.key = strings.TrimPrefix(e.key+":"+strings.ToLower(address), ":")
		h := x.hook(one, kind, effects)
		h.Target = x.domains.Address(address)
		h.Explain = says + " " + mta.Clip(address) + mta.Where(h.Target) + e.place()
		x.Emit(h)
	}
}

// relay emits the hook of a host that mail goes out by.
func (x *reader) relay(e entry, port, says string) {
	host := strings.Trim(e.value, "[]")
	h := x.hook(e, waxseal.KindRelay, diverts)
	h.Stage = waxseal.StageRoute
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: host, Remote: !mta.IsLoopback(host)}
	if port != "" && port != "25" {
		h.Target.Value = "[" + host + "]:" + port
	}
	h.Explain = says + " " + mta.Clip(h.Target.Value) + mta.Where(h.Target) + e.place()
	x.Emit(h)
}

// command emits the hook of a command that is run; its arguments may be added.
func (x *reader) command(e entry, arguments, says string) {
	h := x.hook(e, waxseal.KindPipe, runs)
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: strings.TrimSpace(e.value + " " + arguments)}
	h.Closure = x.CommandParts(mta.ShellWords(e.value))
	h.Explain = says + " " + mta.Clip(h.Target.Value) + e.place()
	x.Emit(h)
}

// rewrite emits the hook of something that is done to messages.
func (x *reader) rewrite(e entry, says string) {
	h := x.hook(e, waxseal.KindRewrite, modifies)
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: e.value}
	h.Explain = says + " " + mta.Clip(e.value) + e.place()
	x.Emit(h)
}

// spam matches a condition that picks what a filter has marked as spam, and nothing else.
var spam = regexp.MustCompile(`(?i)^(?:\^X-Spam-(?:Flag|Status):\s*Yes|match\(\[header->X-Spam-(?:Flag|Status)\](?:\[\d\])?\s*,\s*/\^?Yes\$?/i?\) [\w,]+)$`)

// discard emits the hook of mail that is thrown away without a word.
func (x *reader) discard(e entry, condition, says string) {
	h := x.hook(e, waxseal.KindDiscard, drops)
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: e.value}
	h.Explain = says + e.place()
	mta.Modify(&h, "condition", condition)
	if spam.MatchString(condition) {
		mta.Modify(&h, "marked", "yes")
	}
	x.Emit(h)
}

// setting takes an entry down that is no hook.
func (x *reader) setting(e entry) { x.Setting(string(e.path), e.name, e.value, e.source()) }
