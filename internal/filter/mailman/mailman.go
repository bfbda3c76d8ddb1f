// Package mailman reads the list manager Mailman: version 3, whose settings are
// mailman.cfg and the files that it names (the schema.cfg that it brings documents
// them), and version 2.1, whose settings are a program in Python, mm_cfg.py
// (Defaults.py documents them).
//
// Lists themselves are rows of a database, or objects in Python's own format: who is
// on a list is not seen. Mailman makes mail of its own and is told to by its web
// pages, so its hooks are in use whether or not a mail system was seen to lead mail
// to it.
package mailman

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// MTA is the name under which it appears in stacks and hooks.
const MTA waxseal.StackName = "mailman"

const (
	maxFile  = 4 << 20
	maxLists = 20_000
)

// user is the account of Mailman in Debian and Red Hat's packages.
const user = "list"

// Read reads both versions.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	x := &reader{Book: mta.NewBook(MTA, tree, m), domains: mta.NewDomains(o.Domains...), noted: map[waxseal.Path]bool{}}
	for _, p := range []waxseal.Path{"/etc/mailname", "/etc/hostname"} {
		if content, err := tree.ReadFile(p, 4096); err == nil {
			x.domains.Add(strings.TrimSpace(string(content)))
		}
	}
	x.three(o)
	x.two()
	if len(x.config) > 0 {
		x.AddStack(waxseal.Stack{MTA: MTA, Version: o.Version("mailman3", "mailman"), Config: x.config})
	}
	result := x.Result()
	slices.SortStableFunc(result.Settings, func(a, b waxseal.Setting) int { return strings.Compare(a.Instance+a.Name, b.Instance+b.Name) })
	return result
}

// reader is the reading of one tree.
type reader struct {
	*mta.Book
	domains mta.Domains
	config  []waxseal.Path
	noted   map[waxseal.Path]bool
}

// part notes a file once; main says that it makes Mailman one that is there.
func (x *reader) part(p waxseal.Path, role waxseal.Role) {
	if !x.noted[p] {
		x.noted[p] = true
		x.Part(p, role)
	}
}

// option is a setting and where it stands.
type option struct {
	section, name, value string
	path                 waxseal.Path
	line                 int
}

func (o option) source() waxseal.Source { return waxseal.Source{Path: o.path, Line: o.line} }

// place is where it stands, in words: "[mta] in /etc/mailman3/mailman.cfg".
func (o option) place() string {
	if o.section == "" {
		return string(o.path)
	}
	return "[" + o.section + "] in " + string(o.path)
}

// hook begins a hook for a setting.
func (x *reader) hook(o option) waxseal.Hook {
	id := string(MTA) + ":" + string(o.path) + ":"
	if o.section != "" {
		id += o.section + ":"
	}
	return waxseal.Hook{ID: waxseal.HookID(id + o.name), Stage: waxseal.StageDeliver, Scope: "all mail of lists", RunsAs: user, Active: true, Directive: o.name, Source: o.source()}
}

var (
	observes = []waxseal.Effect{waxseal.Observe}
	copies   = []waxseal.Effect{waxseal.Copy}
	diverts  = []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	runs     = []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Execute}
)

// relay emits the hook of a host that mail of lists goes out by.
func (x *reader) relay(o option, port string) {
	h := x.hook(o)
	h.Kind, h.Stage, h.Effects = waxseal.KindRelay, waxseal.StageRoute, diverts
	h.Target = hostTarget(o.value, port)
	h.Explain = "Mail of lists goes out by " + mta.Clip(o.value) + mta.Where(h.Target) + " (" + o.name + ", " + o.place() + ")."
	x.Emit(h)
}

func hostTarget(host, port string) waxseal.Target {
	t := waxseal.Target{Type: waxseal.TargetHost, Value: host, Remote: !mta.IsLoopback(host)}
	if port != "" && port != "25" && port != "0" {
		t.Value = "[" + host + "]:" + port
	}
	return t
}

// address emits the hook of an address that gets mail, or notices of it.
func (x *reader) address(o option, kind waxseal.HookKind, effects []waxseal.Effect, scope, says string) {
	h := x.hook(o)
	h.Kind, h.Effects, h.Scope = kind, effects, scope
	h.Target = x.domains.Address(o.value)
	h.Explain = says + " " + mta.Clip(o.value) + mta.Where(h.Target) + " (" + o.name + ", " + o.place() + ")."
	x.Emit(h)
}

// command emits the hook of a command that Mailman runs.
func (x *reader) command(o option, says string) {
	h := x.hook(o)
	h.Kind, h.Effects = waxseal.KindPipe, []waxseal.Effect{waxseal.Observe, waxseal.Execute}
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: o.value}
	h.Closure = x.CommandParts(mta.ShellWords(o.value))
	h.Explain = says + " " + mta.Clip(o.value) + " as " + user + " (" + o.name + ", " + o.place() + ")."
	x.Emit(h)
}

// class emits the hook of code that Mailman loads by its name in Python: "a.b.C".
// Where the module is found, the calls in it that matter are hooks as well.
func (x *reader) class(o option, says string) {
	h := x.hook(o)
	h.Kind, h.Effects = waxseal.KindPlugin, runs
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.value}
	module, found := x.module(o.value)
	if found {
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(module)}
		h.Closure = []waxseal.Part{{Path: module, Role: waxseal.RoleLibrary}}
	}
	h.Explain = says + " " + mta.Clip(o.value) + ", which is not Mailman's own (" + o.name + ", " + o.place() + ")."
	mta.Modify(&h, "class", o.value)
	x.Emit(h)
	if found {
		x.code(module, o.name, "Mailman loads it ("+o.name+", "+o.place()+")", waxseal.RoleScript, "all mail of lists")
	}
}

// code takes a program in Python down.
func (x *reader) code(p waxseal.Path, directive, says string, role waxseal.Role, scope string) {
	text, ok := x.ReadUpTo(p, "code of Mailman", maxFile)
	if !ok {
		return
	}
	x.part(p, role)
	x.Code(mta.Code{Path: p, Text: text, Language: calls.Python, Domains: x.domains, Directive: directive, Stage: waxseal.StageDeliver, Scope: scope, RunsAs: user, Runs: says, Role: role})
}

// module finds the file of a name in Python, where Mailman's interpreter looks.
func (x *reader) module(name string) (waxseal.Path, bool) {
	words := strings.Split(name, ".")
	if !slices.ContainsFunc(words, func(w string) bool { return w == "" || strings.ContainsAny(w, "/ ") }) {
		for _, dir := range x.pythonPath() {
			for n := len(words); n > 0; n-- {
				base := mta.Clean(dir + "/" + path.Join(words[:n]...))
				for _, p := range []waxseal.Path{base + ".py", base + "/__init__.py"} {
					if f, err := x.Tree.Stat(p); err == nil && f.Type == waxseal.Regular {
						return p, true
					}
				}
			}
		}
	}
	return "", false
}

// pythonPath are the directories of modules, of the system and of the environments
// that Mailman's documentation tells to make.
func (x *reader) pythonPath() []string {
	list := []string{"/usr/lib/python3/dist-packages"}
	for _, dir := range []string{"/usr/local/lib", "/usr/lib", "/opt/mailman/venv/lib", "/opt/mailman/mm/venv/lib", "/opt/mailman/lib"} {
		names, err := x.Tree.ReadDir(waxseal.Path(dir))
		if err != nil {
			continue // not there, or told elsewhere
		}
		for _, n := range names {
			if strings.HasPrefix(n, "python3") && len(list) < 40 {
				list = append(list, dir+"/"+n+"/dist-packages", dir+"/"+n+"/site-packages")
			}
		}
	}
	return append(list, "/opt/mailman/mm", "/etc/mailman3", "/var/lib/mailman3")
}

// host is that of a URL, "" where there is none.
func host(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	rest = rest[strings.LastIndexByte(rest[:authority(rest)], '@')+1:]
	h, _ := mta.SplitHostPort(rest[:authority(rest)])
	return h
}

// authority is how long the part of a URL is that names the host.
func authority(rest string) int {
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		return end
	}
	return len(rest)
}

// two reads Mailman 2.1.
func (x *reader) two() {
	for _, p := range []waxseal.Path{"/etc/mailman/mm_cfg.py", "/usr/lib/mailman/Mailman/mm_cfg.py", "/usr/local/mailman/Mailman/mm_cfg.py"} {
		if f, err := x.Tree.Lstat(p); err == nil && f.Type != waxseal.Symlink {
			x.config = append(x.config, p)
			x.code(p, "mm_cfg.py", "Mailman runs it whenever one of its programs starts", waxseal.RoleConfig, "all mail of lists")
			x.assignments(p)
		}
	}
	x.beside("/etc/mailman", false)
	x.lists()
}

var assignment = regexp.MustCompile(`^\s*([A-Z][A-Z0-9_]*)\s*=\s*(?:'([^']*)'|"([^"]*)"|([^\s#][^#\n]*?))\s*(?:#.*)?$`)

// assignments finds plain ones; what else the program does is told by its calls.
func (x *reader) assignments(p waxseal.Path) {
	text, _ := x.ReadUpTo(p, "the configuration of Mailman", maxFile)
	set := map[string]option{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if len(line) > 1<<14 {
			continue
		}
		if g := assignment.FindStringSubmatch(line); g != nil {
			set[g[1]] = option{"", g[1], g[2] + g[3] + g[4], p, n}
		}
	}
	for _, o := range set {
		x.Setting(string(p), o.name, o.value, o.source())
	}
	x.setting(set)
	x.pipeline(p, text)
}

var (
	handlersOf = regexp.MustCompile(`^\s*(?:GLOBAL|OWNER)_PIPELINE\b(.*)`)
	quoted     = regexp.MustCompile(`['"]([A-Za-z_][\w.]*)['"]`)
)

// ownHandlers are the modules through which Mailman 2.1 hands each message
// (Defaults.py, GLOBAL_PIPELINE and OWNER_PIPELINE).
var ownHandlers = strings.Fields("SpamDetect Approve Replybot Moderate Hold MimeDel Scrubber Emergency Tagger CalcRecips AvoidDuplicates Cleanse CleanseDKIM CookHeaders " +
	"ToDigest ToArchive ToUsenet AfterDelivery Acknowledge WrapMessage ToOutgoing OwnerRecips FileRecips Decorate Sendmail SMTPDirect")

// pipeline finds handlers of nobody's that a line adds: GLOBAL_PIPELINE.insert(0, 'X').
func (x *reader) pipeline(p waxseal.Path, text string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		g := handlersOf.FindStringSubmatch(line)
		if len(line) > 1<<14 || g == nil {
			continue
		}
		for _, name := range quoted.FindAllStringSubmatch(g[1], 64) {
			if !slices.Contains(ownHandlers, name[1]) {
				x.class(option{"", "GLOBAL_PIPELINE", "Mailman.Handlers." + name[1], p, n}, "Mailman hands each message to the module")
			}
		}
	}
}

func (x *reader) setting(set map[string]option) {
	for _, name := range []string{"POSTFIX_ALIAS_CMD", "POSTFIX_MAP_CMD", "SENDMAIL_CMD", "PUBLIC_EXTERNAL_ARCHIVER", "PRIVATE_EXTERNAL_ARCHIVER", "HTML_TO_PLAIN_TEXT_COMMAND"} {
		if o, ok := set[name]; ok && strings.ContainsAny(o.value, "/ ") && o.value != twoCommands[name] {
			x.command(o, "Mailman runs the command")
		}
	}
	if o, ok := set["SMTPHOST"]; ok && o.value != "" {
		x.relay(o, set["SMTPPORT"].value)
	}
	if o, ok := set["MTA"]; ok && !slices.Contains([]string{"Manual", "Postfix", "None"}, o.value) {
		x.class(o, "Mailman makes its aliases by the module")
	}
	if o, ok := set["DELIVERY_MODULE"]; ok && o.value != "SMTPDirect" && o.value != "Sendmail" {
		x.class(o, "Mailman sends mail by the module")
	}
}

// twoCommands are the commands that Defaults.py names.
var twoCommands = map[string]string{"POSTFIX_ALIAS_CMD": "/usr/sbin/postalias", "POSTFIX_MAP_CMD": "/usr/sbin/postmap", "SENDMAIL_CMD": "/usr/lib/sendmail", "HTML_TO_PLAIN_TEXT_COMMAND": "/usr/bin/lynx -dump %(filename)s"}

// lists notes what Mailman 2.1 has of each list: its settings in Python's own
// format, kept by digest, and code that runs for it, extend.py.
func (x *reader) lists() {
	const dir = waxseal.Path("/var/lib/mailman/lists")
	names, err := x.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) {
		x.AddProblems([]waxseal.Problem{{Path: dir, Message: "the directory can't be listed: " + err.Error(), Unreadable: true}})
	}
	if len(names) > maxLists {
		x.AddProblems([]waxseal.Problem{{Path: dir, Message: strconv.Itoa(len(names)) + " lists are more than are read", Unreadable: true}})
		names = names[:maxLists]
	}
	for _, name := range names {
		if p := mta.Clean(string(dir) + "/" + name + "/config.pck"); x.Exists(p) {
			x.part(p, waxseal.RoleSecret)
		}
		p := mta.Clean(string(dir) + "/" + name + "/extend.py")
		if !x.Exists(p) {
			continue
		}
		h := x.hook(option{"", "extend.py", "", p, 0})
		h.Kind, h.Effects, h.Scope = waxseal.KindPlugin, runs, "list "+mta.Clip(name)
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
		h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleScript}}
		h.Explain = "Mailman runs the code in " + string(p) + " for the list " + mta.Clip(name) + "."
		x.Emit(h)
		x.code(p, "extend.py", "Mailman runs it for the list "+mta.Clip(name), waxseal.RoleScript, "list "+mta.Clip(name))
		x.config = append(x.config, p)
	}
}
