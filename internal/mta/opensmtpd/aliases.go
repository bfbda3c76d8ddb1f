package opensmtpd

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

func sortedEntries(m map[string]smtpdconf.Entry) []smtpdconf.Entry {
	var list []smtpdconf.Entry
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[k])
	}
	return list
}

// following is an alias, list or forward file whose members become hooks.
type following struct {
	*instance
	directive string // alias, virtual or .forward
	whose     string // "Mail for alice"
	scope     string
	key       string // the name that is replaced
	owner     string // whose rights commands get
	list      []member
	keeps     bool // the recipient gets the mail too
	// refused says why smtpd takes no commands, files and errors from here.
	refused string
	// inactive says why nothing comes this way.
	inactive string
	drift    string
}

// replaced makes the hooks of an action's table of aliases or virtual addresses
// (aliases(5), table(5)).
func (in *instance) replaced(a *smtpdconf.Action, o smtpdconf.Option) {
	way := in.routes[a]
	for _, e := range in.entriesOf(o.Table) {
		if in.Full() {
			return
		}
		x := following{instance: in, directive: o.Name, key: e.Key, whose: "Mail for " + mta.Clip(e.Key), scope: "recipient " + mta.Clip(e.Key),
			owner: in.ownerOf(a), inactive: way.why, drift: e.drift}
		if a.Method == "forward-only" {
			x.refused = "the action is forward-only, which runs no commands and writes no files"
		}
		switch {
		case e.Unused != "":
			x.inactive = e.Unused
		case o.Name == "alias" && strings.Contains(e.Key, "@"):
			x.inactive = "a table of aliases is asked for user names, and this has a domain"
		}
		x.entry(o, e)
	}
}

// ownerOf is who runs the commands of aliases: the user of the action, or smtpd's
// own (forkmda(), lka_submit()).
func (in *instance) ownerOf(a *smtpdconf.Action) string {
	if user, ok := a.Option("user"); ok {
		return user.Value
	}
	return in.daemon
}

func (x following) entry(o smtpdconf.Option, e entry) {
	list, ok := members(e.Value, e.Pos.Line)
	if !ok {
		x.Problem(mta.Clean(e.Pos.Path), e.Pos.Line, "smtpd can't read what "+mta.Clip(e.Key)+" leads to, and defers mail for it")
		if x.inactive == "" {
			x.inactive = "smtpd can't read the whole list, and defers the mail"
		}
	}
	if i := slices.IndexFunc(list, func(m member) bool { return m.kind == toError }); i >= 0 && len(list) > 1 && x.inactive == "" {
		x.inactive = "the list has an error among its members, with which all of the mail is refused: " + mta.Clip(list[i].text)
	}
	x.list, x.keeps = list, slices.ContainsFunc(list, x.isOwn)
	if x.inactive == "" && !x.keeps && x.directive == "alias" {
		x.aliased[strings.ToLower(e.Key)] = true
	}
	for n, m := range list {
		h := x.hook(x.directive+":"+e.Key, e.Pos)
		place := string(x.path)
		if o.Table.Path != "" {
			place = o.Table.Path
		}
		h.ID = waxseal.HookID(string(MTA) + ":" + place + ":" + x.directive + ":" + mta.Clip(e.Key))
		if n > 0 {
			h.ID += waxseal.HookID(":" + strconv.Itoa(n+1))
		}
		x.member(h, m)
	}
}

// isOwn reports whether a member is the recipient himself.
func (x following) isOwn(m member) bool {
	local, domain, _ := strings.Cut(strings.ToLower(x.key), "@")
	if m.kind == toUser {
		return strings.EqualFold(m.text, local)
	}
	user, at, _ := strings.Cut(strings.ToLower(m.text), "@")
	return m.kind == toAddress && user == local && (at == domain || x.domains.Own(at) && domain == "")
}

// member makes the hook of one destination.
func (x following) member(h waxseal.Hook, m member) {
	h.Kind, h.Stage, h.Effects = waxseal.KindRedirect, waxseal.StageRoute, diverts
	h.Directive, h.Scope = x.directive, x.scope
	if x.keeps && !x.isOwn(m) {
		h.Kind, h.Effects = waxseal.KindCopy, copies
	}
	mta.Modify(&h, "drift", x.drift)
	switch m.kind {
	case toCommand:
		x.command(&h, m)
	case toFile:
		x.file(&h, m)
	case toList:
		x.include(h, m)
		return
	case toError:
		h.Kind, h.Effects = waxseal.KindPolicy, drops
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: m.text}
		h.Explain = x.whose + " is refused with the words " + mta.Clip(m.text) + " (" + x.directive + ")."
		x.note(x.directive+" "+mta.Clip(x.key), m.text, smtpdconf.Pos{Path: string(h.Source.Path), Line: h.Source.Line})
		return
	default:
		x.address(&h, m)
	}
	if x.inactive != "" {
		mta.Inactive(&h, x.inactive)
	}
	x.emit(h)
}

func (x following) address(h *waxseal.Hook, m member) {
	h.Target = x.domains.Address(m.text)
	switch {
	case x.isOwn(m) && len(x.list) > 1:
		h.Explain = x.whose + " is delivered to " + mta.Clip(m.text) + " as well (" + x.directive + ")."
	case x.keeps && !x.isOwn(m):
		h.Explain = x.whose + " is delivered and copied to " + mta.Clip(m.text) + mta.Where(h.Target) + " (" + x.directive + ")."
	default:
		h.Explain = x.whose + " goes to " + mta.Clip(m.text) + mta.Where(h.Target) + " (" + x.directive + ")."
	}
}

func (x following) command(h *waxseal.Hook, m member) {
	h.Kind, h.Stage, h.Effects, h.RunsAs = waxseal.KindPipe, waxseal.StageDeliver, runsAll, x.owner
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: m.text}
	h.Closure = append(h.Closure, x.CommandParts(mta.ShellWords(m.text))...)
	h.Explain = x.whose + " is handed to the command " + mta.Clip(m.text) + ", run as " + mta.OrUnknown(x.owner) + " (" + x.directive + ")."
	if x.refused != "" {
		mta.Inactive(h, x.refused)
	}
}

// shellActive are characters that mean something to a shell.
const shellActive = "|;&<>()`$\n"

// file is the mailbox that a message is added to. smtpd hands its name to a shell
// as it is, so that what follows a bar or semicolon is run (lka_submit(),
// mda_unpriv()).
func (x following) file(h *waxseal.Hook, m member) {
	if strings.ContainsAny(m.text, shellActive) {
		x.command(h, member{kind: toCommand, text: x.libexec + "/mail.mboxfile " + m.text})
		h.Explain = x.whose + " is written to a file whose name a shell takes for a command: " + mta.Clip(m.text) + ", run as " + mta.OrUnknown(x.owner) + " (" + x.directive + ")."
		return
	}
	h.RunsAs = x.owner
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: m.text}
	if x.refused != "" {
		mta.Inactive(h, x.refused)
	}
	if mta.Clean(m.text) == "/dev/null" {
		if !x.keeps {
			h.Kind, h.Effects = waxseal.KindDiscard, drops
		}
		h.Explain = x.whose + " is thrown away (" + x.directive + ")."
		return
	}
	h.Closure = append(h.Closure, waxseal.Part{Path: mta.Clean(m.text), Role: waxseal.RoleMailbox})
	h.Explain = x.whose + " is written to the file " + mta.Clip(m.text) + " (" + x.directive + ")."
}

const maxMembers = 20_000

// include follows :include:/path, one level deep: lists inside lists are passed
// over (aliases_expand_include()).
func (x following) include(h waxseal.Hook, m member) {
	p := mta.Clean(m.text)
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: m.text}
	h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleInclude})
	h.Explain = x.whose + " goes to everyone on the list " + mta.Clip(m.text) + " (" + x.directive + ")."
	if x.inactive != "" {
		mta.Inactive(&h, x.inactive)
	}
	x.emit(h)
	if have, ok := x.lists[p]; !ok || have.inactive != "" && x.inactive == "" {
		x.lists[p] = x
	}
}

// listHooks makes the hooks of the lists that aliases include, each once: by an
// alias that is used, if there is one.
func (in *instance) listHooks() {
	for _, p := range slices.Sorted(maps.Keys(in.lists)) {
		if text, ok := in.Read(p, "a list of recipients"); ok {
			list, _ := listLines(text, false)
			in.lists[p].members(p, list)
		}
	}
}

// members makes the hooks of a list or forward file: its members have no names,
// so that each is known by its text.
func (x following) members(p waxseal.Path, list []member) {
	x.list = list
	x.keeps = x.keeps || slices.ContainsFunc(list, x.isOwn)
	for n, m := range list {
		if n >= maxMembers {
			x.Problem(p, m.line, "the list is longer than is read")
			return
		}
		if x.Full() {
			return
		}
		h := x.hook("", smtpdconf.Pos{Path: string(p), Line: m.line})
		h.ID = waxseal.HookID(string(MTA) + ":" + string(p) + ":" + x.directive + ":" + mta.Clip(path.Clean(m.text)))
		if x.listed[h.ID] {
			continue
		}
		x.listed[h.ID] = true
		x.member(h, m)
	}
}
