package detect

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// unread matches names of addresses that exist so that nobody reads them.
var unread = regexp.MustCompile(`(?i)^(?:no-?_?reply|do-?_?not-?_?reply|dev-?null|null|nobody|blackhole|bit-?bucket|discard|bounces?)(?:@|$)`)

// aimed matches checks of headers that pick mail by who wrote it, who is to get it,
// or what it is about, rather than by what is attached or how it came.
var aimed = regexp.MustCompile(`(?i)^header \W{0,3}(?:from|to|cc|subject|reply-to|sender|return-path)`)

// discard weighs mail that is thrown away.
func (c *Context) discard(h waxseal.Hook, w *weight) {
	if key, ok := strings.CutPrefix(h.Scope, "recipient "); ok && unread.MatchString(key) {
		w.add(droppedUnread, clip(h.Scope))
		return
	}
	if h.Directive == "HOLD" || strings.HasSuffix(h.Directive, ":HOLD") || h.Modifiers["held"] != "" {
		w.add(pick(aimed.MatchString(h.Scope), heldFrom, held), clip(h.Scope))
		return
	}
	if c.hides(h) && h.Modifiers["marked"] == "" {
		w.add(hidesAbout, into(h), picked(h))
	}
	if onlyBulk(h) {
		w.add(droppedBulk, picked(h))
		return
	}
	w.add(pick(onlyMarked(h), droppedMarked, pick(conditions(h) != "", droppedSome, dropped)), picked(h))
}

// into is where mail goes that is thrown away: a file that keeps nothing, or, where
// the target is only the command that does it, nowhere.
func into(h waxseal.Hook) string {
	if h.Target.Type == waxseal.TargetText {
		return "nowhere"
	}
	return orNothing(clip(h.Target.Value))
}

// socket weighs a milter, policy server or proxy that is asked over a socket.
func (c *Context) socket(h waxseal.Hook, w *weight) {
	r := c.reachOf(h.Target.Value)
	if r == onHost && h.Listener != nil {
		c.listener(*h.Listener, documented(h.Target.Value), w)
		return
	}
	if r == onHost && c.served(h, w) {
		return
	}
	if r == onHost {
		// A filter's reader knows where its manual says that another program listens.
		if filter := cmp.Or(documentedFor(h), h.Modifiers["documented_for"]); filter != "" {
			w.add(documentedSocket, h.Target.Value, filter)
			return
		}
		w.add(strangeSocket, h.Target.Value)
		return
	}
	w.add(remoteSocket, h.Target.Value, r)
	if seesAll(h) && r != private {
		w.add(remoteSeesAll, orAll(h.Scope))
	}
}

// served weighs who should answer by what is configured on this host, and reports
// whether that settles who it is.
func (c *Context) served(h waxseal.Hook, w *weight) bool {
	s := h.Service
	if s == nil {
		return false
	}
	switch s.PackageState {
	case waxseal.PackageUnmodified:
		w.add(declaredSocket, s.Title, s.Source.Path, s.Package)
	case waxseal.PackageModified, waxseal.PackageUnowned:
		w.add(strangerDeclared, s.Title, s.Source.Path, s.Program)
	default:
		return false
	}
	return true
}

// listener weighs who really answers at a socket: the address says where a filter
// should be, and nothing about what is there.
func (c *Context) listener(l waxseal.Listener, documentedFor string, w *weight) {
	exe := string(l.Exe)
	switch {
	case exe == "":
		w.add(strangerListens, orNothing(l.Comm))
	case isGeneralTool(exe) && documentedFor == "":
		w.add(toolListens, exe)
	case l.PackageState == waxseal.PackageModified || l.PackageState == waxseal.PackageUnowned:
		w.add(strangerListens, exe)
	case isGeneralTool(exe) || isFilter(exe):
		w.add(filterListens, exe, orNothing(l.Package))
	case l.PackageState == waxseal.PackageUnmodified:
		w.add(packageListens, exe, l.Package)
	default:
		w.add(strangerListens, exe)
	}
	c.whereItLies(waxseal.Part{PackageState: l.PackageState, Package: l.Package}, exe, w)
}

func orAll(scope string) string {
	if scope == "" {
		return "all"
	}
	return scope
}

// nextHop weighs where mail is sent on.
func (c *Context) nextHop(h waxseal.Hook, w *weight) {
	r := c.reachOf(h.Target.Value)
	_, port := hostPort(h.Target.Value)
	switch {
	case r == onHost && h.Listener == nil && c.served(h, w):
	case r == onHost && (documented(h.Target.Value) != "" || port == ""):
		w.add(localHop, h.Target.Value)
	case r == onHost:
		w.add(oddLocalHop, h.Target.Value)
	case r == private:
		w.add(privateHop, h.Target.Value, r)
	case r == public:
		w.add(publicHop, h.Target.Value)
	case h.Kind == waxseal.KindRelay && !oddPort(port) && (seesAll(h) || wholeDomain(h)), c.ownDestination(h):
		w.add(namedHop, h.Target.Value)
	default:
		w.add(foreignHop, h.Target.Value, r)
	}
	if r >= named && oddPort(port) {
		w.add(oddMailPort, port)
	}
	if r == public && seesAll(h) {
		w.add(remoteSeesAll, orAll(h.Scope))
	}
}

func oddPort(port string) bool {
	return port != "" && !slices.Contains([]string{"25", "465", "587", "2525", "smtp", "smtps", "submission", "submissions", "24", "lmtp"}, port)
}

// wholeDomain reports whether a hook is for all senders or recipients of a domain
// rather than for one.
func wholeDomain(h waxseal.Hook) bool {
	_, key, ok := strings.Cut(h.Scope, " ")
	return ok && strings.HasPrefix(key, "@") && strings.Count(key, "@") == 1
}

// ownDestination reports whether mail for a domain goes to a host of that very
// domain: a transport entry "partner.example smtp:[mx.partner.example]".
func (c *Context) ownDestination(h waxseal.Hook) bool {
	scope := strings.ToLower(strings.TrimLeft(h.Scope[strings.LastIndexByte(h.Scope, ' ')+1:], ".@"))
	scope = scope[strings.LastIndexByte(scope, '@')+1:]
	to := strings.ToLower(host(h.Target.Value))
	return strings.Contains(scope, ".") && (to == scope || strings.HasSuffix(to, "."+scope))
}

// address weighs a copy or redirection to a mail address.
func (c *Context) address(h waxseal.Hook, w *weight) {
	switch {
	case h.Modifiers["computed"] != "" && !c.foreignAddress(h.Target.Value):
		w.add(computedAddress, clip(h.Target.Value))
	case c.foreignAddress(h.Target.Value) && !tells(c.domains):
		w.add(unknownAddress, h.Target.Value)
	case c.foreignAddress(h.Target.Value):
		w.add(foreignAddress, h.Target.Value)
		if seesAll(h) && h.Kind == waxseal.KindCopy {
			w.add(remoteSeesAll, orAll(h.Scope))
		}
	case h.Kind == waxseal.KindCopy || seesAll(h):
		w.add(ownCopy, h.Target.Value)
	default:
		w.add(ownUser, h.Target.Value)
	}
}

// mailFile weighs a file that mail is written to.
func (c *Context) mailFile(h waxseal.Hook, w *weight) {
	if name, ok := strings.CutPrefix(h.Target.Value, "folder "); ok {
		c.folder(h, name, w)
		return
	}
	if h.Kind == waxseal.KindScript {
		c.furtherRules(h, w)
		return
	}
	if c.hides(h) {
		w.add(hidesAbout, clip(h.Target.Value), picked(h))
	}
	if slices.ContainsFunc(h.Closure, func(p waxseal.Part) bool { return p.Role == waxseal.RoleInclude }) {
		w.add(addressList, h.Target.Value)
		c.whereTableLies(h, w)
		return
	}
	if (h.Directive == "queue_directory" || h.Directive == "QueueDirectory" || h.Directive == "data_directory") && hiding(h.Target.Value) == "" {
		w.add(systemMailbox, h.Target.Value)
		return
	}
	if inOwnHome(h) {
		w.add(ownHome, h.Target.Value)
		if hiddenFolder(h.Target.Value) {
			c.whereItLies(waxseal.Part{}, h.Target.Value, w)
		}
		return
	}
	w.add(systemMailbox, h.Target.Value)
	if strings.HasSuffix(h.Directive, "_directory") && (strings.HasPrefix(h.Target.Value, "/var/spool/") || strings.HasPrefix(h.Target.Value, "/var/lib/")) && !strings.Contains(h.Target.Value, "..") {
		c.whereItLies(waxseal.Part{}, h.Target.Value, w)
		return // where each instance has a queue of its own (MULTI_INSTANCE_README)
	}
	if !strings.HasPrefix(h.Target.Value, "/var/mail/") && !strings.HasPrefix(h.Target.Value, "/var/spool/mail/") && h.Target.Value != "/dev/null" {
		w.add(strangeFile, h.Target.Value)
	}
	c.whereItLies(waxseal.Part{}, h.Target.Value, w)
}

// inOwnHome reports whether a user has his own mail written below his home, as a
// forward file may.
func inOwnHome(h waxseal.Hook) bool {
	whose, _ := where(h.Scope)
	return inHomeOf(h, h.Target.Value) && (strings.HasPrefix(whose, "recipient ") || h.Kind != waxseal.KindCopy || strings.HasPrefix(h.Target.Value, "~/"))
}

// service weighs handing mail to a service of master.cf: what that service does
// is a hook of its own, and weighed there.
func (c *Context) service(h waxseal.Hook, w *weight) {
	name, _, _ := strings.Cut(h.Target.Value, ":")
	if _, ok := programOf(h); ok {
		w.add(handedToService, name)
		c.command(h, w)
		return
	}
	if name == "discard" {
		w.add(dropped, h.Target.Value)
		return
	}
	if strings.HasPrefix(name, `"`) { // the name of an action, and no host
		w.add(handedToService, h.Target.Value)
		return
	}
	if hop := host(h.Target.Value); strings.ContainsAny(h.Target.Value, ".[") && hop != "" {
		c.nextHop(h, w)
		return
	}
	w.add(handedToService, h.Target.Value)
}
