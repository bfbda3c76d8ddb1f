package opensmtpd

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

// actionHooks makes the hooks of actions and of the tables that they replace
// recipients by.
func (in *instance) actionHooks() {
	done := map[string]bool{}
	for _, a := range in.inUseFirst() {
		in.note("action "+actionName(a), actionText(a), a.Pos)
		for _, o := range a.Options {
			if o.Name != "alias" && o.Name != "virtual" {
				continue
			}
			key := o.Name + tableKey(o)
			if !done[key] {
				in.replaced(a, o)
			}
			done[key] = true
		}
		if a.Method == "relay" {
			in.relay(a)
		} else {
			in.delivery(a)
		}
	}
	in.wrappers()
}

// tableKey tells the tables of options apart; one in braces is used once.
func tableKey(o smtpdconf.Option) string {
	if o.Table.Name == "" {
		return fmt.Sprintf("%s:%d %s", o.Pos.Path, o.Pos.Line, o.Table)
	}
	return "<" + o.Table.Name + ">"
}

// inUseFirst are the actions, those first that mail comes to.
func (in *instance) inUseFirst() []*smtpdconf.Action {
	list := slices.Clone(in.conf.Actions)
	slices.SortStableFunc(list, func(a, b *smtpdconf.Action) int {
		return idle(in.routes[a]) - idle(in.routes[b])
	})
	return list
}

// idle is 1 where nothing leads mail to an action.
func idle(r route) int {
	if r.why == "" {
		return 0
	}
	return 1
}

// actionText writes an action in one form.
func actionText(a *smtpdconf.Action) string {
	words := []string{a.Method}
	if a.Argument != "" {
		words = append(words, quoted(a.Argument))
	}
	for _, o := range a.Options {
		word := o.Name
		if o.Value != "" {
			word += " " + quoted(o.Value)
		}
		if o.Table != nil && o.Name != "auth" {
			word += " " + tableText(o.Table)
		} else if o.Table != nil {
			word += " " + mta.Clip(o.Table.Name)
		}
		words = append(words, word)
	}
	if a.Filter != nil {
		words = append(words, "filter "+filterText(a.Filter))
	}
	return strings.Join(words, " ")
}

// hookOf starts a hook of an action.
func (in *instance) hookOf(a *smtpdconf.Action, what string, pos smtpdconf.Pos) waxseal.Hook {
	h := in.hook("action "+actionName(a)+":"+what, pos)
	way := in.routes[a]
	h.Directive, h.Stage, h.Scope = what, waxseal.StageDeliver, scopeOf(way)
	if way.why != "" {
		mta.Inactive(&h, way.why)
	}
	return h
}

// scopeOf joins the scopes of the matches that lead to an action, the widest
// first.
func scopeOf(r route) string {
	if len(r.scopes) == 0 {
		return "all mail"
	}
	list := slices.Compact(slices.Clone(r.scopes))
	slices.SortStableFunc(list, func(a, b string) int { return width(a) - width(b) })
	const most = 3
	if len(list) > most {
		list = append(list[:most], "…")
	}
	return strings.Join(list, "; ")
}

func width(scope string) int {
	switch {
	case scope == "all mail":
		return 0
	case strings.HasPrefix(scope, "all"):
		return 1
	}
	return 2
}

// delivery makes the hook of mbox, maildir, lmtp, mda.
func (in *instance) delivery(a *smtpdconf.Action) {
	h := in.hookOf(a, a.Method, a.Pos)
	whose := upper(h.Scope)
	h.RunsAs = "the recipient"
	if user, ok := a.Option("user"); ok {
		h.RunsAs = user.Value
	}
	switch a.Method {
	case "mda":
		h.Kind, h.Effects = waxseal.KindPipe, runsAll
		h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: a.Argument}
		h.Closure = in.CommandParts(mta.ShellWords(a.Argument))
		h.Explain = whose + " is handed to the command " + mta.Clip(a.Argument) + ", run as " + h.RunsAs + " (action " + mta.Clip(actionName(a)) + ")."
	case "lmtp":
		h.Kind, h.Effects = waxseal.KindTransport, diverts
		in.lmtp(&h, a.Argument)
		h.Explain = whose + " is handed to the LMTP server " + mta.Clip(h.Target.Value) + mta.Where(h.Target) + " (action " + mta.Clip(actionName(a)) + ")."
	case "maildir":
		if ordinaryMaildir(a.Argument) {
			return
		}
		h.Kind, h.Effects = waxseal.KindRedirect, diverts
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: a.Argument}
		h.Explain = whose + " is written below " + mta.Clip(a.Argument) + ", outside the recipient's home (action " + mta.Clip(actionName(a)) + ")."
		if !strings.Contains(a.Argument, "%") {
			h.Closure = []waxseal.Part{{Path: mta.Clean(a.Argument), Role: waxseal.RoleDirectory}}
		}
	default:
		return
	}
	in.emit(h)
}

func (in *instance) lmtp(h *waxseal.Hook, where string) {
	if strings.HasPrefix(where, "/") {
		target, part := mta.UnixSocket(mta.Clean(where))
		h.Target, h.Closure = target, []waxseal.Part{part}
		return
	}
	host, port := mta.SplitHostPort(where)
	h.Target = mta.InetSocket(host, port)
}

// ordinaryMaildir reports whether each recipient has a mailbox of his own, in his
// home or where virtual users have theirs.
func ordinaryMaildir(p string) bool {
	if p == "" || strings.HasPrefix(p, "~/") && !strings.Contains(p, "..") || strings.HasPrefix(p, "%{user.directory}/") && !strings.Contains(p, "..") {
		return true
	}
	own := strings.Contains(p, "user}") || strings.Contains(p, "username}") || strings.Contains(p, "user:") || strings.Contains(p, "%{dest}") || strings.Contains(p, "%{rcpt}")
	for _, place := range []string{"/home/", "/var/mail/", "/var/spool/", "/var/vmail/", "/var/lib/", "/srv/"} {
		if own && strings.HasPrefix(p, place) && !strings.Contains(p, "..") && !strings.Contains(p, "/.") {
			return true
		}
	}
	return false
}

// wrappers makes the hooks of mda wrappers: commands around every delivery of the
// actions that name them.
func (in *instance) wrappers() {
	for _, w := range in.conf.Wrappers {
		h := in.hook("mda wrapper "+w.Name, w.Pos)
		h.Kind, h.Stage, h.Effects, h.Directive = waxseal.KindPipe, waxseal.StageDeliver, filters, "mda wrapper"
		h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: w.Command}
		h.Closure = in.CommandParts(mta.ShellWords(w.Command))
		h.RunsAs = "the recipient"
		var ways route
		why := "no action names this wrapper"
		for _, a := range in.conf.Actions {
			o, ok := a.Option("wrapper")
			if !ok || o.Value != w.Name {
				continue
			}
			if way := in.routes[a]; way.why == "" {
				why, ways.scopes = "", append(ways.scopes, way.scopes...)
			} else if len(ways.scopes) == 0 {
				why = way.why
			}
			if user, ok := a.Option("user"); ok {
				h.RunsAs = user.Value
			}
		}
		h.Scope = scopeOf(ways)
		h.Explain = upper(h.Scope) + " is delivered through the command " + mta.Clip(w.Command) + ", run as " + h.RunsAs + " (mda wrapper " + mta.Clip(w.Name) + ")."
		if why != "" {
			mta.Inactive(&h, why)
		}
		in.emit(h)
	}
}

// relay makes the hooks of a relay action.
func (in *instance) relay(a *smtpdconf.Action) {
	for _, o := range a.Options {
		switch o.Name {
		case "host":
			in.hosts(a, o)
		case "domain":
			in.domainHosts(a, o)
		case "backup":
			if o.Value != "" {
				in.nextHop(a, "backup", o.Value, o.Pos, scopeOf(in.routes[a]))
			}
		case "mail-from":
			in.newSender(a, o)
		}
	}
}

// hosts are the next hops of relay host, one of which is taken at a time.
func (in *instance) hosts(a *smtpdconf.Action, o smtpdconf.Option) {
	if o.Table.Backend != "static" {
		return // the hook of the table tells of it
	}
	for _, e := range o.Table.Entries {
		in.nextHop(a, "host", e.Key, e.Pos, scopeOf(in.routes[a]))
	}
}

// domainHosts are the next hops of relay domain, by recipient domain.
func (in *instance) domainHosts(a *smtpdconf.Action, o smtpdconf.Option) {
	for _, e := range in.entriesOf(o.Table) {
		if e.Unused == "" {
			in.nextHop(a, "domain "+e.Key, e.Value, e.Pos, "recipient @"+mta.Clip(e.Key))
		}
	}
}

// nextHop makes the hook of one next hop: "smtp+tls://label@host:port"
// (text_to_relayhost()).
func (in *instance) nextHop(a *smtpdconf.Action, what, url string, pos smtpdconf.Pos, scope string) {
	h := in.hookOf(a, strings.Fields(what)[0], pos)
	h.ID = in.hook("action "+actionName(a)+":"+what, pos).ID
	h.Kind, h.Effects, h.Scope = waxseal.KindRelay, diverts, scope
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		scheme, rest = "smtp", url
	}
	if i := strings.IndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	host, port := mta.SplitHostPort(rest)
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		host = "[" + addr.String() + "]"
	}
	h.Target = waxseal.Target{Type: waxseal.TargetHost, Value: host, Remote: !mta.IsLoopback(host)}
	if port != "" {
		h.Target.Value += ":" + port
	}
	switch strings.ToLower(scheme) {
	case "lmtp":
		h.Kind = waxseal.KindTransport
	case "smtp+notls":
		mta.Modify(&h, "tls", "none")
	}
	h.Explain = upper(h.Scope) + " is sent to " + mta.Clip(h.Target.Value) + mta.Where(h.Target) + " (relay " + mta.Clip(what) + " of the action " + mta.Clip(actionName(a)) + ")."
	in.emit(h)
}

// newSender is relay mail-from: the envelope sender, to which bounces go.
func (in *instance) newSender(a *smtpdconf.Action, o smtpdconf.Option) {
	h := in.hookOf(a, "mail-from", o.Pos)
	h.Kind, h.Effects = waxseal.KindRewrite, modifies
	h.Target = in.domains.Address(o.Value)
	h.Explain = upper(h.Scope) + " leaves with the sender " + mta.Clip(o.Value) + mta.Where(h.Target) + ", who gets the bounces (relay mail-from of the action " + mta.Clip(actionName(a)) + ")."
	in.emit(h)
}
