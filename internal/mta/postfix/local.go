package postfix

import (
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta/postfix/postconf"
)

// aliasTable reads alias_maps: local(8) replaces recipients, runs commands,
// appends to files and follows lists (aliases(5)).
func aliasTable(s site) {
	for _, t := range s.tableHooks(s.value, aliasFormat) {
		owner := s.in.ownerOf(t)
		for _, a := range t.aliases {
			s.alias(t, mapdb.Entry{Line: a.Line, Key: a.Key}, a.Destinations, owner)
		}
		if len(t.aliases) > 0 {
			continue
		}
		for _, e := range t.entries {
			s.alias(t, e, aliases.ParseValue(e.Value, e.Line), owner)
		}
	}
}

func (s site) alias(t table, e mapdb.Entry, list []aliases.Destination, owner string) {
	for n, d := range list {
		e.Value = string(d.Kind) + d.Text + "\x00" + strconv.Itoa(n)
		if !s.once(t, e) {
			continue
		}
		h := s.entry(t, e, n+1)
		h.Scope = "recipient " + clip(e.Key)
		x := following{site: s, whose: "Mail for " + clip(e.Key), list: list, key: e.Key, class: "alias", owner: owner, seen: map[waxseal.Path]bool{}}
		x.destination(h, d)
	}
}

// following is one alias, list or forward file being followed.
type following struct {
	site
	whose string
	key   string
	list  []aliases.Destination
	class string // of allow_mail_to_commands and allow_mail_to_files
	owner string // whose privileges commands get
	seen  map[waxseal.Path]bool
}

// ownerOf says with whose privileges local(8) runs a table's commands: those of
// the owner of the database, or default_privs where that is root.
func (in *instance) ownerOf(t table) string {
	p := t.path
	if c := t.ref.CompiledFile(); c != "" && in.exists(clean(c)) {
		p = clean(c)
	}
	return in.privileges(p)
}

func (in *instance) privileges(p waxseal.Path) string {
	if f, err := in.tree.Stat(p); err == nil && f.UID != 0 {
		return "uid " + strconv.FormatUint(uint64(f.UID), 10)
	}
	return in.view.Value("default_privs")
}

// destination makes the hook of one destination.
func (x following) destination(h waxseal.Hook, d aliases.Destination) {
	kept := x.keepsOwn(d)
	switch d.Kind {
	case aliases.Command:
		x.command(&h, d.Text)
		h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, runsAll, x.owner
		h.Active = h.Active && x.allowed("allow_mail_to_commands")
		h.Explain = x.whose + " is handed to the command " + clip(d.Text) + ", run as " + orUnknown(x.owner) + " (" + x.name + ")."
	case aliases.File, aliases.Home:
		x.file(&h, d, kept)
	case aliases.Include:
		x.include(&h, d)
		return
	default:
		h.Target = x.in.addressTarget(d.Text)
		if d.Kind == aliases.Special {
			h.Target = waxseal.Target{Type: waxseal.TargetText, Value: d.Text}
		}
		h.Explain = x.whose + " goes to " + clip(d.Text) + where(h.Target) + " (" + x.name + ")."
		switch own := d.Kind == aliases.User || sameAddress(d.Text, x.key); {
		case own && len(x.list) > 1:
			h.Explain = x.whose + " is delivered to " + clip(d.Text) + " as well (" + x.name + ")."
		case kept:
			h.Kind, h.Effects = waxseal.KindCopy, copies
			h.Explain = x.whose + " is delivered and copied to " + clip(d.Text) + where(h.Target) + " (" + x.name + ")."
		}
	}
	x.in.emit(h)
}

// keepsOwn reports whether the recipient keeps the mail too: then the others get
// copies.
func (x following) keepsOwn(d aliases.Destination) bool {
	for _, other := range x.list {
		if other != d && (sameAddress(other.Text, x.key) && other.Kind == aliases.Address || other.Kind == aliases.User) {
			return true
		}
	}
	return false
}

func (x following) file(h *waxseal.Hook, d aliases.Destination, kept bool) {
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: d.Text}
	h.Active = h.Active && x.allowed("allow_mail_to_files")
	h.RunsAs = x.owner
	if d.Kind == aliases.File && clean(d.Text) == "/dev/null" {
		h.Kind, h.Effects = waxseal.KindDiscard, drops
		h.Explain = x.whose + " is thrown away (" + x.name + ")."
		return
	}
	if d.Kind == aliases.File {
		h.Closure = append(h.Closure, waxseal.Part{Path: clean(d.Text), Role: waxseal.RoleMailbox})
	}
	if kept {
		h.Kind, h.Effects = waxseal.KindCopy, copies
	}
	h.Explain = x.whose + " is written to the file " + clip(d.Text) + " (" + x.name + ")."
}

// allowed reports whether local(8) accepts commands or files from here
// (postconf(5) allow_mail_to_commands).
func (x following) allowed(parameter string) bool {
	for _, class := range mapdb.Fields(x.view.Value(parameter)) {
		if class == x.class {
			return true
		}
	}
	return false
}

const (
	maxIncludes = 16 // lists inside lists
	maxMembers  = 20_000
)

// include follows :include:/path. The members of a list have no names, so that
// each is known by its text.
func (x following) include(h *waxseal.Hook, d aliases.Destination) {
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: d.Text}
	h.Explain = x.whose + " goes to everyone on the list " + clip(d.Text) + " (" + x.name + ")."
	if !path.IsAbs(d.Text) {
		h.Explain = x.whose + " goes to the list " + clip(d.Text) + ", which has no absolute path and is refused (" + x.name + ")."
		h.Active = false
		x.in.emit(*h)
		return
	}
	p := clean(d.Text)
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleInclude})
	x.in.emit(*h)
	if x.seen[p] || len(x.seen) >= maxIncludes {
		x.in.problem(h.Source.Path, h.Source.Line, "the list "+clip(d.Text)+" includes itself or is nested too deeply")
		return
	}
	x.seen[p] = true
	text, ok := x.in.read(p, "a list of recipients")
	if !ok {
		return
	}
	x.class, x.owner = "include", x.in.privileges(p)
	x.members(p, text, *h)
	delete(x.seen, p)
}

// members makes the hooks of a list or forward file.
func (x following) members(p waxseal.Path, text string, like waxseal.Hook) {
	x.list = aliases.ParseList(text)
	for n, d := range x.list {
		if n >= maxMembers {
			x.in.problem(p, d.Line, "the list is longer than is read")
			return
		}
		h := x.hook("")
		h.ID = waxseal.HookID(string(MTA) + ":" + string(p) + ":" + x.name + ":" + clip(d.Text))
		if x.in.given[string(h.ID)+"\x00"+strconv.Itoa(d.Line)] {
			continue
		}
		x.in.given[string(h.ID)+"\x00"+strconv.Itoa(d.Line)] = true
		h.Source = waxseal.Source{Path: p, Line: d.Line}
		h.Scope, h.Active = like.Scope, like.Active
		x.destination(h, d)
	}
}

// forwardPath reads forward_path when it is not the default: where local(8) looks
// for forward files besides, or instead of, those of users.
func forwardPath(s site) {
	for i, item := range mapdb.Fields(s.value) {
		h := s.hook(strconv.Itoa(i + 1))
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: item}
		h.Explain = "Each user's mail is forwarded as the file " + clip(item) + " says; it may name addresses, files and commands (forward_path)."
		dir, pattern := path.Split(item)
		fixed := path.IsAbs(dir) && !strings.Contains(dir, "$")
		if fixed {
			h.Closure = []waxseal.Part{{Path: clean(dir), Role: waxseal.RoleDirectory}}
		}
		s.in.emit(h)
		if fixed {
			s.forwardFiles(clean(dir), pattern)
		}
	}
}

const maxForwardFiles = 1000

// forwardFiles reads the files that a forward_path of fixed directory and
// pattern such as $user can name.
func (s site) forwardFiles(dir waxseal.Path, pattern string) {
	before, after := pattern, ""
	if i := strings.IndexByte(pattern, '$'); i >= 0 {
		before = pattern[:i]
		after = postconf.AfterName(pattern[i+1:])
	}
	names, err := s.in.tree.ReadDir(dir)
	if err != nil {
		return
	}
	for n, name := range names {
		user, ok := strings.CutPrefix(name, before)
		user, isFile := strings.CutSuffix(user, after)
		if !ok || !isFile || n >= maxForwardFiles || !strings.Contains(pattern, "$") && name != pattern {
			continue
		}
		p := clean(string(dir) + "/" + name)
		f, err := s.in.tree.Stat(p)
		if err != nil || f.Type == waxseal.Directory {
			continue
		}
		text, readable := s.in.read(p, "a forward file")
		if !readable {
			continue
		}
		h := s.hook("")
		h.Scope = "recipient " + clip(user)
		x := following{site: s, whose: "Mail for " + clip(user), key: user, class: "forward", owner: "recipient", seen: map[waxseal.Path]bool{p: true}}
		x.members(p, text, h)
	}
}
