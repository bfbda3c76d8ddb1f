// Package fetch reads the programs that fetch mail from mailboxes elsewhere and deliver
// it here: fetchmail and getmail. Each account may have its rules, which hand all that
// is fetched to a command, a file, an address or a host.
//
// Their files are those of fetchmail(1), ~/.fetchmailrc and /etc/fetchmailrc, and of
// getmail's documentation, ~/.getmail/getmailrc and others beside it. Passwords are kept
// by digest only. When something runs them is not asked: whoever has such a file does.
package fetch

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// The names under which they appear in stacks and hooks.
const (
	Fetchmail waxseal.StackName = "fetchmail"
	Getmail   waxseal.StackName = "getmail"
)

const (
	maxFile   = 1 << 20
	maxValues = 10_000
	// maxHooks is how many hooks one file makes. Each may have the closure of a command.
	maxHooks = 500
)

// Read reads both.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	var found mta.Result
	for _, one := range []struct {
		name     waxseal.StackName
		programs []waxseal.Path
		read     func(*reader, mta.Account)
	}{{Fetchmail, []waxseal.Path{"/usr/bin/fetchmail", "/usr/local/bin/fetchmail"}, fetchmail}, {Getmail, []waxseal.Path{"/usr/bin/getmail", "/usr/local/bin/getmail"}, getmail}} {
		r := &reader{Book: mta.NewBook(one.name, tree, m), domains: mta.NewDomains(o.Domains...)}
		if one.name == Fetchmail {
			r.fetchmailrc("/etc/fetchmailrc", mta.Account{Name: "fetchmail"})
		}
		// A host that has programs, and not this one, has nobody who runs it.
		if !r.Exists("/usr/bin") || slices.ContainsFunc(one.programs, r.Exists) || len(r.config) > 0 {
			for _, a := range r.Accounts() {
				if r.Reads(a.Home) {
					one.read(r, a)
				}
			}
		}
		if len(r.config) > 0 {
			r.AddStack(waxseal.Stack{MTA: one.name, Version: o.Version(string(one.name), "getmail6"), Config: r.config[:min(len(r.config), 20)]})
		}
		found.Join(r.Result())
	}
	return found
}

// reader is the reading of one of them.
type reader struct {
	*mta.Book
	domains mta.Domains
	config  []waxseal.Path
	left    int // hooks that the file may still make; below 0 there were more
}

func (r *reader) emit(h waxseal.Hook) {
	if r.left--; r.left >= 0 {
		r.Emit(h)
	}
}

// endFile tells of hooks that were too many.
func (r *reader) endFile(p waxseal.Path) {
	if r.left < 0 {
		r.Unreadable(p, "the rules of "+string(r.Stack), fmt.Sprintf("they make %d hooks, and %d are told", maxHooks-r.left, maxHooks))
	}
}

// open reads a file of rules; one with a password is kept by digest.
func (r *reader) open(p waxseal.Path) (string, bool) {
	if !r.Exists(p) {
		return "", false
	}
	text, ok := r.ReadUpTo(p, "what "+string(r.Stack)+" is to fetch", maxFile)
	if !ok {
		return "", false
	}
	r.config, r.left = append(r.config, p), maxHooks
	role := waxseal.RoleInclude // a user's own
	if strings.Contains(strings.ToLower(text), "pass") {
		role = waxseal.RoleSecret
	}
	r.Part(p, role)
	return text, true
}

// rule is one setting, and whose mail it is about.
type rule struct {
	name, value string
	at          waxseal.Source
	place       string // "mail.example.org alice", for identities
	scope       string
	account     string
	home        string // "" for the host's
}

func (r *reader) hook(u rule) waxseal.Hook {
	id := string(r.Stack) + ":" + string(u.at.Path) + ":" + u.name
	if u.place != "" {
		id += ":" + u.place
	}
	return waxseal.Hook{ID: waxseal.HookID(id), Stage: waxseal.StageDeliver, Active: true, Directive: u.name, Source: u.at, Scope: u.scope, RunsAs: u.account}
}

func (u rule) where() string { return " (" + u.name + " in " + string(u.at.Path) + ")." }

// command emits the hook of a command; says is what it has to do with mail.
func (r *reader) command(u rule, effects []waxseal.Effect, says string) {
	h := r.hook(u)
	h.Kind, h.Effects = waxseal.KindPipe, effects
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: u.value}
	h.Closure = r.CommandParts(mta.ShellWords(u.value))
	h.Explain = says + " the command " + mta.Clip(u.value) + " as " + mta.OrUnknown(u.account) + u.where()
	r.emit(h)
}

// address emits the hook of an address to which what is fetched goes.
func (r *reader) address(u rule, says string) {
	h := r.hook(u)
	h.Kind, h.Effects, h.Target = waxseal.KindRedirect, []waxseal.Effect{waxseal.Divert}, r.domains.Address(u.value)
	h.Explain = says + " goes to " + mta.Clip(u.value) + mta.Where(h.Target) + u.where()
	r.emit(h)
}

// file emits the hook of a file or mailbox.
func (r *reader) file(u rule) {
	h := r.hook(u)
	h.Kind, h.Effects = waxseal.KindRedirect, []waxseal.Effect{waxseal.Divert}
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: u.value}
	if rest, ok := strings.CutPrefix(u.value, u.home+"/"); ok && u.home != "" {
		h.Target.Value = "~/" + rest
	}
	h.Explain = "What is fetched is written to " + mta.Clip(u.value) + u.where()
	r.emit(h)
}

// relay emits the hook of a host that is handed what is fetched.
func (r *reader) relay(u rule) {
	host, port, _ := strings.Cut(u.value, "/")
	h := r.hook(u)
	h.Kind, h.Effects = waxseal.KindRelay, []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: host, Remote: !mta.IsLoopback(host)}
	if port != "" && port != "25" && port != "smtp" {
		h.Target.Value = "[" + host + "]:" + port
	}
	if !h.Target.Remote && h.Target.Value == host {
		r.note(u)
		return
	}
	h.Explain = "What is fetched is handed to " + mta.Clip(u.value) + mta.Where(h.Target) + u.where()
	r.emit(h)
}

// note takes a setting down; a password under a name that says so.
func (r *reader) note(u rule) {
	name := u.name
	if strings.HasPrefix(name, "pass") {
		name = "password"
	}
	r.Setting(string(u.at.Path), strings.TrimSpace(u.place+" "+name), u.value, u.at)
}

// inHome is a path as the owner of a home writes it.
func inHome(home, p string) string {
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		p = rest
	}
	if !path.IsAbs(p) {
		p = path.Join(home, p)
	}
	return p
}
