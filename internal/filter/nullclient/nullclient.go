// Package nullclient reads the small programs that stand for sendmail(1) on hosts
// without a mail system: nullmailer, msmtp, dma, sSMTP and esmtp. Where one of them
// sends, all mail of the host goes.
//
// Each is a stack of its own. Their files are those of nullmailer-send(8),
// msmtp(1), dma(8), ssmtp(8) with ssmtp.conf(5), and esmtprc(5). Passwords are kept
// by digest only.
//
// It does not say which of them sendmail(1) is: internal/mailpath does.
package nullclient

import (
	"net/netip"
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// The names under which the programs appear in stacks and hooks.
const (
	Nullmailer waxseal.StackName = "nullmailer"
	Msmtp      waxseal.StackName = "msmtp"
	DMA        waxseal.StackName = "dma"
	SSMTP      waxseal.StackName = "ssmtp"
	Esmtp      waxseal.StackName = "esmtp"
)

// maxConfig bounds one file: these are a few lines long.
const maxConfig = 1 << 20

// Read reads all of them.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	var found mta.Result
	for _, one := range []struct {
		name waxseal.StackName
		read func(*client)
	}{{Nullmailer, nullmailer}, {Msmtp, msmtp}, {DMA, dma}, {SSMTP, ssmtp}, {Esmtp, esmtp}} {
		c := &client{Book: mta.NewBook(one.name, tree, m), domains: mta.NewDomains()}
		c.hostDomains()
		one.read(c)
		found.Join(c.finish(o))
	}
	return found
}

// client is the reading of one program.
type client struct {
	*mta.Book
	domains mta.Domains
	config  []waxseal.Path
	there   bool
}

// finish closes the reading; without a file of its own the program is not there.
func (c *client) finish(o mta.Options) mta.Result {
	if c.there {
		c.AddStack(waxseal.Stack{MTA: c.Stack, Version: o.Version(string(c.Stack)), Config: c.config, Domains: c.domains.List()})
	}
	return c.Result()
}

// hostDomains makes the name of the host, and the domain that it is in, own.
func (c *client) hostDomains() {
	for _, p := range []waxseal.Path{"/etc/mailname", "/etc/hostname"} {
		if content, err := c.Tree.ReadFile(p, 4096); err == nil {
			name, _, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
			c.ownName(name)
		}
	}
}

func (c *client) ownName(name string) {
	name = strings.TrimSpace(name)
	if name == "localhost" || strings.HasPrefix(name, "localhost.") {
		return
	}
	c.domains.Add(name)
	if _, parent, ok := strings.Cut(name, "."); ok && strings.Contains(parent, ".") {
		c.domains.Add(parent)
	}
}

// open reads a configuration file. One that holds a password is never kept as
// text.
func (c *client) open(p waxseal.Path, secret func(text string) bool) (string, bool) {
	text, ok := c.ReadUpTo(p, "the configuration of "+string(c.Stack), maxConfig)
	if !ok {
		c.there = c.there || c.Exists(p)
		return "", false
	}
	c.there = true
	c.config = append(c.config, p)
	role := waxseal.RoleConfig
	if strings.HasPrefix(string(p), "/home/") || strings.HasPrefix(string(p), "/root/") {
		role = waxseal.RoleInclude // a user's own
	}
	if secret(text) {
		role = waxseal.RoleSecret
	}
	c.Part(p, role)
	return text, true
}

// never: a file that can hold no password.
func never(string) bool { return false }

// setting is one line of a configuration.
type setting struct {
	name, value string
	line        int
}

// note takes a setting down; a password under a name that says so.
func (c *client) note(p waxseal.Path, s setting) {
	c.Setting(string(p), s.name, s.value, waxseal.Source{Path: p, Line: s.line})
}

// hook begins a hook for a setting.
func (c *client) hook(p waxseal.Path, s setting, place string) waxseal.Hook {
	id := string(c.Stack) + ":" + string(p) + ":" + s.name
	if place != "" {
		id += ":" + place
	}
	return waxseal.Hook{ID: waxseal.HookID(id), Stage: waxseal.StageRoute, Active: true, Directive: s.name, Source: waxseal.Source{Path: p, Line: s.line},
		Scope: "all mail that is handed to " + string(c.Stack)}
}

// relay emits the hook for the host that gets all mail.
func (c *client) relay(h waxseal.Hook, host, port string) {
	h.Kind, h.Effects = waxseal.KindRelay, []waxseal.Effect{waxseal.Observe, waxseal.Divert}
	h.Target = hostTarget(host, port)
	to := mta.Clip(host)
	if port != "" {
		to += " port " + mta.Clip(port)
	}
	h.Explain = "Mail that is handed to " + string(c.Stack) + " goes to " + to + mta.Where(h.Target) + " (" + h.Directive + " in " + string(h.Source.Path) + ")."
	c.Emit(h)
}

// hostTarget writes a next hop as those of other mail systems: "[host]:port".
func hostTarget(host, port string) waxseal.Target {
	host = strings.Trim(host, "[]")
	value := host
	if _, err := netip.ParseAddr(host); err == nil || port != "" {
		value = "[" + host + "]"
	}
	if port != "" {
		value += ":" + port
	}
	return waxseal.Target{Type: waxseal.TargetHost, Value: value, Remote: !mta.IsLoopback(host)}
}

// address emits the hook for an address that gets mail instead of others.
func (c *client) address(h waxseal.Hook, whose, to string) {
	h.Kind, h.Effects = waxseal.KindRedirect, []waxseal.Effect{waxseal.Divert}
	h.Target = c.domains.Address(to)
	h.Explain = whose + " goes to " + mta.Clip(to) + mta.Where(h.Target) + " (" + h.Directive + " in " + string(h.Source.Path) + ")."
	c.Emit(h)
}

// command emits the hook for a program that runs when mail is sent.
func (c *client) command(h waxseal.Hook, command, does string) {
	h.Kind, h.Effects = waxseal.KindPipe, []waxseal.Effect{waxseal.Execute}
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = c.CommandParts(mta.ShellWords(command))
	h.RunsAs = "whoever sends mail"
	h.Explain = "The command " + mta.Clip(command) + " " + does + " (" + h.Directive + " in " + string(h.Source.Path) + ")."
	// The name passwordeval says password, and its value is none.
	directive := h.Directive
	h.Directive = "command"
	if done, ok := c.Finish(h); ok {
		done.Directive = directive
		c.Put([]waxseal.Hook{done})
	}
}

// unsafeTLS emits the hook for a setting by which anyone on the way can read mail.
func (c *client) unsafeTLS(h waxseal.Hook, value, what string) {
	h.Kind, h.Effects = waxseal.KindRewrite, []waxseal.Effect{waxseal.Observe}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: value}
	h.Explain = what + " (" + h.Directive + " in " + string(h.Source.Path) + ")."
	c.Emit(h)
}

// aliasFile reads the aliases by which a program replaces local recipients.
func (c *client) aliasFile(p waxseal.Path) {
	text, ok := c.ReadUpTo(p, "an alias file", mta.MaxFile)
	if !ok {
		return
	}
	c.Part(p, waxseal.RoleAliases)
	entries, problems := aliases.Parse(text)
	for _, q := range problems[:min(len(problems), 100)] {
		c.Problem(p, q.Line, q.Message)
	}
	for _, e := range entries {
		for n, d := range e.Destinations {
			h := c.hook(p, setting{name: "aliases", line: e.Line}, e.Key+":"+strconv.Itoa(n+1))
			h.Scope = "recipient " + mta.Clip(e.Key)
			c.address(h, "Mail for "+mta.Clip(e.Key), d.Text)
		}
	}
}

// users lists configuration files that users may have of their own.
func (c *client) users(names ...string) map[waxseal.Path]mta.Account {
	files := map[waxseal.Path]mta.Account{}
	for _, u := range c.Accounts() {
		if u.Home == "/" || !c.Reads(u.Home) {
			continue
		}
		for _, name := range names {
			if p := mta.Clean(path.Join(u.Home, name)); c.Exists(p) {
				files[p] = u
			}
		}
	}
	return files
}
