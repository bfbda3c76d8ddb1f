package sendmail

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
)

// aliasHooks reads option AliasFile: files, and what else says who an alias is
// (aliases(5), op.me 4.1 and 5.6).
func (in *instance) aliasHooks() {
	n := 0
	for _, o := range in.All("AliasFile") {
		for _, item := range aliasSpecs(in.Expand(o.Value, in.given)) {
			if n++; n > 64 {
				in.Problem(in.path, o.Line, "AliasFile names more files than are read")
				return
			}
			in.aliasFile(item, o)
		}
	}
}

// aliasSpecs cuts the value of AliasFile at commas outside quotes; blanks are part
// of what a class is given, "ldap:-h localhost -k (uid=%0)" (setalias in alias.c).
func aliasSpecs(value string) (list []string) {
	quoted := false
	for item := range strings.FieldsFuncSeq(value, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ',' && !quoted
	}) {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

func (in *instance) aliasFile(item string, o cf.Option) {
	class, name := "", item
	if i := strings.IndexByte(item, ':'); i > 0 && !strings.HasPrefix(item, "/") {
		class, name = strings.ToLower(item[:i]), item[i+1:]
	}
	h := in.hook(waxseal.KindMap, waxseal.StageDeliver, "AliasFile", "O:AliasFile:"+clip(item), o.Line)
	h.Scope = "all mail for users of this host"
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: item}
	if class != "" && class != "optional" && fileClasses[class] == "" || !path.IsAbs(name) {
		h.Effects, h.External = diverts, true
		in.hosts(&h, name)
		h.Explain = "Aliases are looked up in " + clip(item) + ", whose answers are not seen from here (AliasFile)."
		in.Emit(h)
		return
	}
	suffix := ".db"
	if s, ok := fileClasses[class]; ok {
		suffix = s
	}
	if class == "" && in.Exists(mta.Clean(name+".cdb")) && !in.Exists(mta.Clean(name+".db")) {
		suffix = ".cdb"
	}
	t := in.table(name, orName(class, "hash"), suffix, true, false)
	h.Closure = t.parts()
	h.Explain = "Aliases are looked up in " + clip(name) + " (AliasFile)."
	in.Emit(h)
	fold := folding{in: in, name: "aliases", table: t}
	for _, e := range t.kept {
		in.alias(t, e, h, &fold)
	}
	fold.done()
}

// following is one alias, list or forward file being followed.
type following struct {
	in        *instance
	directive string
	whose     string // "Mail for root"
	key       string
	scope     string
	owner     string // whose rights commands and files get
	home      string
	inactive  string
	barred    string // why commands and files are refused, "" if they are not
	drift     string
	seen      map[waxseal.Path]bool
	keeps     bool // the recipient gets the mail too
}

func (in *instance) alias(t *table, e entry, like waxseal.Hook, fold *folding) {
	list := aliases.ParseValue(e.value, e.line)
	x := following{in: in, directive: "aliases", whose: "Mail for " + clip(e.key), key: e.key, scope: "recipient " + clip(e.key), owner: in.defaultUser(),
		inactive: like.Modifiers["inactive"], drift: e.drift, seen: map[waxseal.Path]bool{}}
	if e.unused != "" {
		x.inactive = e.unused
	}
	x.keeps = keepsOwn(list, e.key)
	plain := e.drift == "" && e.unused == "" && len(list) == 1 && list[0].Kind == aliases.Address && !in.address(list[0].Text).Remote
	if plain && fold.takes(e) {
		return
	}
	for n, d := range list {
		if n >= maxMembers {
			in.Problem(e.at, e.line, "the alias has more members than are read")
			return
		}
		h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":" + string(t.source) + ":aliases:" + clip(e.key)), Source: waxseal.Source{Path: e.at, Line: e.line}}
		if n > 0 {
			h.ID += waxseal.HookID(":" + itoa(n+1))
		}
		x.destination(h, d)
	}
}

func keepsOwn(list []aliases.Destination, key string) bool {
	for _, d := range list {
		if len(list) > 1 && (d.Kind == aliases.User || d.Kind == aliases.Address) && strings.EqualFold(strings.TrimPrefix(d.Text, `\`), key) {
			return true
		}
	}
	return false
}

const (
	maxIncludes = 16
	maxMembers  = 20_000
)

// destination makes the hook of one place where the mail goes.
func (x following) destination(h waxseal.Hook, d aliases.Destination) {
	h.Kind, h.Stage, h.Effects, h.Scope, h.Active, h.Directive = waxseal.KindRedirect, waxseal.StageDeliver, diverts, x.scope, true, x.directive
	own := d.Kind == aliases.User || d.Kind == aliases.Address && strings.EqualFold(d.Text, x.key)
	if x.keeps && !own {
		h.Kind, h.Effects = waxseal.KindCopy, copies
	}
	mta.Modify(&h, "drift", x.drift)
	if x.inactive != "" {
		mta.Inactive(&h, x.inactive)
	}
	if x.barred != "" && (d.Kind == aliases.Command || d.Kind == aliases.File || d.Kind == aliases.Home) {
		mta.Inactive(&h, x.barred)
	}
	switch d.Kind {
	case aliases.Command:
		x.command(&h, d.Text)
	case aliases.File, aliases.Home:
		x.file(&h, d)
	case aliases.Include:
		x.include(h, d)
		return
	default:
		x.to(&h, d)
	}
	x.in.Emit(h)
}

func (x following) to(h *waxseal.Hook, d aliases.Destination) {
	h.Target = x.in.address(d.Text)
	if name, rest, ok := strings.Cut(d.Text, ":"); ok && strings.EqualFold(name, "error") {
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: d.Text}
		h.Explain = x.whose + " is sent back: " + clip(rest) + " (" + x.directive + ")."
		h.Kind, h.Effects = waxseal.KindPolicy, changes
		return
	}
	verb := " goes to "
	if h.Kind == waxseal.KindCopy {
		verb = " is delivered and copied to "
	}
	h.Explain = x.whose + verb + clip(d.Text) + mta.Where(h.Target) + " (" + x.directive + ")."
}

// command is "|program": the mailer prog runs it, by a shell or by smrsh(8).
func (x following) command(h *waxseal.Hook, command string) {
	h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, runsAll, x.owner
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	argv := mta.ShellWords(command)
	h.Closure = x.in.CommandParts(argv)
	h.Explain = x.whose + " is handed to the command " + clip(command) + ", run as " + mta.OrUnknown(x.owner) + " (" + x.directive + ")."
	m, ok := x.in.Mailer("prog")
	switch {
	case !ok:
		mta.Inactive(h, "there is no mailer prog that would run it")
	case baseName(m.Path) == "smrsh":
		x.restricted(h, command, argv)
	case !m.Runs():
		mta.Inactive(h, "the mailer prog of this configuration runs no program")
	}
}

// smrshDirectories are where smrsh(8) looks, as packages and the source have it.
var smrshDirectories = []waxseal.Path{"/etc/mail/smrsh", "/etc/smrsh", "/usr/adm/sm.bin", "/usr/libexec/sm.bin", "/usr/lib/sm.bin", "/var/adm/sm.bin"}

// restricted is a command that smrsh(8) runs: its last path component, from one
// directory, and nothing with a character that a shell would act on.
func (x following) restricted(h *waxseal.Hook, command string, argv []string) {
	if len(argv) > 1 && argv[0] == "exec" {
		argv = argv[1:]
	}
	plain := strings.NewReplacer("&&", "", "||", "").Replace(command)
	if len(argv) == 0 || strings.ContainsAny(plain, "`<>|;&$(\r\n") {
		mta.Inactive(h, "smrsh refuses a command with such characters")
		return
	}
	name := baseName(argv[0])
	if name == "exit" || name == "echo" {
		return
	}
	for _, dir := range smrshDirectories {
		p := dir + "/" + waxseal.Path(name)
		if x.in.Exists(p) {
			h.Closure = append([]waxseal.Part{{Path: p, Role: waxseal.RoleBinary}}, h.Closure...)
			return
		}
	}
	mta.Inactive(h, "smrsh runs only what lies in its directory, and "+clip(name)+" does not")
}

func (x following) file(h *waxseal.Hook, d aliases.Destination) {
	name := d.Text
	if d.Kind == aliases.Home && x.home != "" {
		name = x.home + strings.TrimPrefix(name, "~")
	}
	h.Target, h.RunsAs = waxseal.Target{Type: waxseal.TargetFile, Value: name}, x.owner
	if path.IsAbs(name) && mta.Clean(name) == "/dev/null" {
		h.Kind, h.Effects = waxseal.KindDiscard, drops
		h.Explain = x.whose + " is thrown away (" + x.directive + ")."
		return
	}
	h.Explain = x.whose + " is written to the file " + clip(name) + " (" + x.directive + ")."
	if !path.IsAbs(name) {
		mta.Inactive(h, "there is no home directory that it could lie in")
		return
	}
	p := mta.Clean(name)
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleMailbox}}
	if f, err := x.in.Tree.Stat(p); err == nil && f.Type == waxseal.Regular && f.Mode&0o111 != 0 {
		mta.Inactive(h, "the file can be executed, and mail is not written to such a file")
	}
	if safe := x.in.Value("SafeFileEnvironment", ""); path.IsAbs(safe) && safe != "/" && !strings.HasPrefix(string(p), path.Clean(safe)+"/") {
		mta.Modify(h, "below", safe) // the file is looked for there, after chroot(2)
	}
}

// include follows ":include:/path": its commands and files get the rights of whoever
// owns the list (op.me 4.1, "owner of the :include: file").
func (x following) include(h waxseal.Hook, d aliases.Destination) {
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: d.Text}
	h.Explain = x.whose + " goes to everyone on the list " + clip(d.Text) + " (" + x.directive + ")."
	if !path.IsAbs(d.Text) {
		mta.Inactive(&h, "the list has no absolute path")
		x.in.Emit(h)
		return
	}
	p := mta.Clean(d.Text)
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleInclude})
	f, err := x.in.Tree.Stat(p)
	if err == nil {
		x.owner = mta.NameOf(x.in.users(), f.UID)
		if f.UID == 0 {
			x.owner = "root"
		}
		mta.Modify(&h, "owner", x.owner)
	}
	x.in.Emit(h)
	if x.seen[p] || len(x.seen) >= maxIncludes {
		x.in.Problem(h.Source.Path, h.Source.Line, "the list "+clip(d.Text)+" includes itself or is nested too deeply")
		return
	}
	x.seen[p] = true
	defer delete(x.seen, p)
	text, ok := x.in.Read(p, "a list of recipients")
	if !ok {
		return
	}
	open := err == nil && f.Mode&0o002 != 0
	x.members(p, text, open)
}

// members makes the hooks of a list or forward file. In one that anybody may write
// only addresses count.
func (x following) members(p waxseal.Path, text string, open bool) {
	list := aliases.ParseList(text)
	x.keeps = keepsOwn(list, x.key)
	for n, d := range list {
		if n >= maxMembers {
			x.in.Problem(p, d.Line, "the list is longer than is read")
			return
		}
		y := x
		if open && d.Kind != aliases.Address && d.Kind != aliases.User {
			y.inactive = "anyone may write the list, and commands and files in such a list are refused"
		}
		id := waxseal.HookID(string(MTA) + ":" + string(p) + ":" + x.directive + ":" + clip(d.Text))
		if x.in.seen[id] {
			continue // the list is reached another way too
		}
		x.in.seen[id] = true
		y.destination(waxseal.Hook{ID: id, Source: waxseal.Source{Path: p, Line: d.Line}}, d)
	}
}
