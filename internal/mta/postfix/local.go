package postfix

import (
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// aliasTable reads alias_maps: local(8) replaces recipients, runs commands,
// appends to files and follows lists (aliases(5)).
func aliasTable(s site) {
	for _, t := range s.tableHooks(s.value, aliasFormat) {
		like := following{site: s, class: "alias", seen: map[waxseal.Path]bool{}}
		like.owner, like.shared = s.in.ownerOf(t)
		s.foldEntries(t, s.ownToOwn, like.alias)
	}
}

func (x following) alias(t table, e entry) {
	list := aliases.ParseLocal(e.Value, e.Line)
	x.whose, x.key = "Mail for "+clip(e.Key)+x.errorsOf(e.Key), e.Key
	x.to(list)
	if e.unused == "" && x.active && t.ref.Format() == mapdb.KeyValue {
		x.in.aliased[mapdb.Fold(e.Key)] = !x.namesItself(list)
	}
	for n, d := range list {
		h := x.entry(t, e, n+1)
		h.Scope = "recipient " + clip(e.Key)
		x.destination(h, d)
	}
}

// namesItself reports whether an alias leads to its own name again: then the
// user's forward file is read after all (alias.c).
func (x following) namesItself(list []aliases.Destination) bool {
	for _, d := range list {
		name, domain, _ := strings.Cut(mapdb.Fold(d.Text), "@")
		if d.Kind == aliases.Address && (domain == "" || x.in.domains.own(domain)) && strings.HasPrefix(name, mapdb.Fold(x.key)) {
			return true
		}
	}
	return false
}

// following is one alias, list or forward file being followed.
type following struct {
	site
	whose string
	key   string
	list  []aliases.Destination
	own   []aliases.Destination // of list, at most two; see to
	class string                // of allow_mail_to_commands and allow_mail_to_files
	owner string                // whose privileges commands get
	home  string                // of the recipient, "" where there is none
	// shared is true while the rights are nobody's in particular: those of a
	// root-owned alias database.
	shared bool
	seen   map[waxseal.Path]bool
}

// ownerOf says with whose privileges local(8) runs a table's commands: those of
// the owner of the database, or default_privs where that is root.
func (in *instance) ownerOf(t table) (owner string, shared bool) {
	p := t.path
	if c := t.ref.CompiledFile(); c != "" && in.Exists(mta.Clean(c)) {
		p = mta.Clean(c)
	}
	if f, err := in.Tree.Stat(p); err == nil && f.UID != 0 && t.ref.Class != mapdb.Written {
		return in.userName(f.UID), false
	}
	return in.view.Value("default_privs"), true
}

// destination makes the hook of one destination.
func (x following) destination(h waxseal.Hook, d aliases.Destination) {
	kept := x.keepsOwn(d)
	switch d.Kind {
	case aliases.Command:
		x.command(&h, d.Text)
		h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, runsAll, x.owner
		h.Explain = x.whose + " is handed to the command " + clip(d.Text) + ", run as " + mta.OrUnknown(x.owner) + " (" + x.name + ")."
		x.allow(&h, "allow_mail_to_commands")
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
		h.Explain = x.whose + " goes to " + clip(d.Text) + mta.Where(h.Target) + " (" + x.name + ")."
		switch own := d.Kind == aliases.User || sameAddress(d.Text, x.key); {
		case own && len(x.list) > 1:
			h.Explain = x.whose + " is delivered to " + clip(d.Text) + " as well (" + x.name + ")."
		case kept:
			h.Kind, h.Effects = waxseal.KindCopy, copies
			h.Explain = x.whose + " is delivered and copied to " + clip(d.Text) + mta.Where(h.Target) + " (" + x.name + ")."
		}
	}
	x.in.emit(h)
}

// keepsOwn reports whether the recipient keeps the mail too: then the others get
// copies.
func (x following) keepsOwn(d aliases.Destination) bool {
	for _, other := range x.own {
		if other != d {
			return true
		}
	}
	return false
}

// to makes list the one that is followed. Of its own destinations two different
// ones tell everything, so that a long list is not searched for each of its
// members.
func (x *following) to(list []aliases.Destination) {
	x.list, x.own = list, nil
	for _, d := range list {
		own := sameAddress(d.Text, x.key) && d.Kind == aliases.Address || d.Kind == aliases.User
		if own && len(x.own) < 2 && (len(x.own) == 0 || x.own[0] != d) {
			x.own = append(x.own, d)
		}
	}
}

func (x following) file(h *waxseal.Hook, d aliases.Destination, kept bool) {
	name := d.Text
	if d.Kind == aliases.Home && x.home != "" {
		name = x.home + strings.TrimPrefix(name, "~")
	}
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
	h.RunsAs = x.owner
	if path.IsAbs(name) && mta.Clean(name) == "/dev/null" {
		h.Kind, h.Effects = waxseal.KindDiscard, drops
		h.Explain = x.whose + " is thrown away (" + x.name + ")."
		x.allow(h, "allow_mail_to_files")
		return
	}
	switch {
	case !path.IsAbs(name):
		mta.Inactive(h, "there is no home directory that it could lie in")
	case strings.HasSuffix(name, "/"): // a maildir
		h.Closure = append(h.Closure, waxseal.Part{Path: mta.Clean(name), Role: waxseal.RoleDirectory})
	default:
		h.Closure = append(h.Closure, waxseal.Part{Path: mta.Clean(name), Role: waxseal.RoleMailbox})
		x.executable(h, mta.Clean(name))
	}
	x.allow(h, "allow_mail_to_files")
	if kept {
		h.Kind, h.Effects = waxseal.KindCopy, copies
	}
	h.Explain = x.whose + " is written to the file " + clip(name) + " (" + x.name + ")."
}

// executable notes that local(8) appends to no file that can be executed.
func (x following) executable(h *waxseal.Hook, p waxseal.Path) {
	if f, err := x.in.Tree.Stat(p); err == nil && f.Type == waxseal.Regular && f.Mode&0o111 != 0 {
		mta.Inactive(h, "the file can be executed, and mail is not written to such a file")
	}
}

// allow notes where local(8) refuses commands or files from here.
func (x following) allow(h *waxseal.Hook, parameter string) {
	if !x.allowed(parameter) {
		mta.Inactive(h, parameter+" does not have "+x.class)
	}
}

// allowed reports whether local(8) accepts commands or files from here
// (postconf(5) allow_mail_to_commands).
func (x following) allowed(parameter string) bool {
	for _, class := range mapdb.Fields(x.view.Value(parameter)) {
		if strings.EqualFold(class, x.class) {
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
		mta.Inactive(h, "the list has no absolute path")
		x.in.emit(*h)
		return
	}
	p := mta.Clean(d.Text)
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleInclude})
	file, err := x.in.Tree.Stat(p)
	if err == nil && file.Mode&0o002 != 0 {
		mta.Inactive(h, "anyone may write the list, and such a list is refused")
	}
	x.in.emit(*h)
	if x.seen[p] || len(x.seen) >= maxIncludes {
		x.in.Problem(h.Source.Path, h.Source.Line, "the list "+clip(d.Text)+" includes itself or is nested too deeply")
		return
	}
	x.seen[p] = true
	text, ok := x.in.Read(p, "a list of recipients")
	if !ok {
		return
	}
	x.class = "include"
	// A list that belongs to a user gets that user's rights where the alias has
	// none of its own (include.c).
	if x.shared && err == nil && file.UID != 0 {
		x.owner, x.shared = x.in.userName(file.UID), false
	}
	x.members(p, text, *h)
	delete(x.seen, p)
}

// members makes the hooks of a list or forward file.
func (x following) members(p waxseal.Path, text string, like waxseal.Hook) {
	x.to(aliases.ParseLocalList(text))
	for n, d := range x.list {
		if n >= maxMembers {
			x.in.Problem(p, d.Line, "the list is longer than is read")
			return
		}
		h := x.hook("")
		h.ID = waxseal.HookID(string(MTA) + ":" + string(p) + ":" + x.name + ":" + clip(d.Text))
		given := string(h.ID) + "\x00" + strconv.Itoa(d.Line)
		if x.in.given[given] {
			continue
		}
		x.in.given[given] = true
		h.Source = waxseal.Source{Path: p, Line: d.Line}
		h.Scope, h.Active = like.Scope, like.Active
		mta.Modify(&h, "inactive", like.Modifiers["inactive"])
		x.destination(h, d)
	}
}

// userName is the name of a uid in passwd(5), "uid 1000" where there is none.
func (in *instance) userName(uid uint32) string {
	if in.accounts == nil {
		in.accounts = in.Accounts()
	}
	return mta.NameOf(in.accounts, uid)
}
