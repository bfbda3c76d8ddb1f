package exim

import (
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// router is one router being read.
type router struct {
	*instance
	eximconf.Driver
	spot
	unseen bool
	// locals says that the router is for users of this host, each of whom the mail is
	// then delivered as.
	locals bool
}

// routing reads the routers in their order.
func (in *instance) routing() {
	passed := "" // a router that takes all mail
	for _, d := range in.conf.Routers {
		x := &router{instance: in, Driver: d, unseen: d.On("unseen"), locals: d.On("check_local_user")}
		x.spot = spot{place: "router:" + d.Name, at: d.Place, stage: waxseal.StageRoute, runsAs: "root", where: "router " + d.Name, scope: x.meets()}
		switch {
		case passed != "":
			x.why = "the router " + passed + " before it takes all mail"
		default:
			x.why = x.unreached()
		}
		x.strings()
		x.headers()
		x.byDriver()
		x.uses()
		if passed == "" && x.why == "" && x.takesAll() {
			passed = d.Name
		}
	}
	in.systemFilterTransports()
}

// preconditions are the options that keep mail from a router (spec 15, "precondition
// tests").
var preconditions = []string{"domains", "local_parts", "senders", "condition", "require_files", "check_local_user", "local_part_prefix", "local_part_suffix", "verify_only"}

// takesAll reports whether no mail comes past a router.
func (x *router) takesAll() bool {
	if x.unseen || x.On("pass_on_timeout") {
		return false
	}
	for _, name := range preconditions {
		if o, ok := x.Get(name); ok && o.Value != "false" { // an empty one is a condition too
			return false
		}
	}
	switch x.Kind() {
	case "accept":
		return true
	case "dnslookup":
		return !x.On("more")
	case "manualroute":
		return strings.HasPrefix(x.Value("route_list"), "* ") && !x.On("more")
	}
	return false
}

// always works a string out as far as neither a message nor a file decides it: a
// router that waits for a file is not dead.
func always(text string) (string, expand.Outcome) {
	e, message := expand.Parse(text)
	if message != "" {
		return "", expand.Broken
	}
	return e.Evaluate(expand.World{})
}

// unreached says why no mail is handled by a router.
func (x *router) unreached() string {
	if x.On("verify_only") {
		return "the router only answers whether addresses are right"
	}
	if condition, ok := x.Get("condition"); ok {
		if value, o := always(condition.Value); o == expand.Known && !expand.Holds(value) {
			return "the router's condition is never true"
		}
	}
	if list, ok := x.Get("domains"); ok {
		words, known := x.words("domainlist", list.Value)
		if known && !strings.Contains(list.Value, "$") && !slices.ContainsFunc(words, func(w string) bool { return w != "" }) {
			return "the router's list of domains is empty"
		}
	}
	return ""
}

// meets says in words which mail a router handles.
func (x *router) meets() string {
	if text := fixed(x.Value("senders")); text != "" {
		return "sender " + text
	}
	local, domain := fixed(x.Value("local_parts")), fixed(x.Value("domains"))
	switch {
	case local != "" && domain != "":
		return "recipient " + local + "@" + domain
	case local != "":
		return "recipient " + local
	case domain != "":
		return "recipient @" + domain
	}
	if prefix := x.Value("local_part_prefix"); prefix != "" && !x.On("local_part_prefix_optional") {
		return "recipient " + prefix + "*"
	}
	text := strings.ReplaceAll(x.Value("domains"), " ", "")
	switch {
	case text == "":
		return "all mail"
	case strings.HasPrefix(text, "!+local_domains"):
		return "all mail that leaves"
	case text == "+local_domains":
		return "all mail for this host's domains"
	case text == "+relay_to_domains":
		return "all mail for relayed domains"
	}
	return "all mail for the domains " + mta.Clip(x.Value("domains"))
}

// fixed is a list that names one or a few things outright, "" where it does not.
func fixed(list string) string {
	if list == "" || strings.ContainsAny(list, "$+!*;/^@<") && !(strings.Contains(list, "@") && !strings.ContainsAny(list, "$+!*;/^<")) {
		return ""
	}
	items := eximconf.Split(list)
	if len(items) > 3 || len(items) == 0 || items[0] == "@" {
		return ""
	}
	return mta.Clip(strings.Join(items, ", "))
}

// hook starts a hook of the router.
func (x *router) hook(place string) waxseal.Hook {
	h := x.instance.hook(x.place+place, x.at)
	h.Stage, h.Scope = x.stage, x.scope
	if condition := x.Value("condition"); condition != "" {
		mta.Modify(&h, "condition", condition)
	}
	x.mark(&h)
	return h
}

// notExpanded are options that are no strings to expand (spec 15).
var notExpanded = []string{"driver", "debug_print", "transport_", "self"}

// strings finds what the strings of the router run and ask.
func (x *router) strings() {
	for _, o := range x.Options {
		if slices.Contains(notExpanded, o.Name) {
			continue
		}
		s := x.spot
		s.place, s.at, s.where = s.place+":"+o.Name, o.Place, s.where+", "+o.Name
		x.scan(s, o.Value)
		if kind := aclLists[o.Name]; kind != "" {
			x.listTables(s, kind, o.Value)
		}
	}
}

// headers makes hooks of headers that the router adds and takes away.
func (x *router) headers() { x.headersOf(x.Driver, x.spot) }

func (in *instance) headersOf(d eximconf.Driver, s spot) {
	if o, ok := d.Get("headers_add"); ok && o.Value != "" {
		each := s
		each.place += ":headers_add"
		h := in.hook(each.place, o.Place)
		h.Kind, h.Stage, h.Scope, h.Effects, h.Directive = waxseal.KindRewrite, s.stage, s.scope, modifies, "headers_add"
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.Value}
		h.Explain = "The header " + mta.Clip(o.Value) + " is added to messages (" + s.where + ")."
		s.mark(&h)
		in.emit(h)
	}
	if o, ok := d.Get("headers_remove"); ok && o.Value != "" {
		each := s
		each.place, each.at = s.place+":headers_remove", o.Place
		in.removed(each, o.Name, o.Value)
	}
}

func (x *router) byDriver() {
	x.errorsTo()
	switch x.Kind() {
	case "redirect":
		x.redirect()
	case "manualroute":
		x.manualRoute()
	case "queryprogram":
		x.queryProgram()
	case "iplookup":
		x.ipLookup()
	case "accept", "dnslookup", "ipliteral":
	default:
		x.Problem(x.at.Path, x.at.Line, "no router is of the kind "+x.Kind())
	}
	if fallback, ok := x.Get("fallback_hosts"); ok && fallback.Value != "" {
		x.hosts("fallback_hosts", fallback.Place, fallback.Value, "Mail that can't be delivered otherwise")
	}
}

// errorsTo makes the hook of another address to which bounces go.
func (x *router) errorsTo() {
	o, ok := x.Get("errors_to")
	if !ok || o.Value == "" || strings.Contains(o.Value, "$") || !strings.Contains(o.Value, "@") {
		return
	}
	h := x.hook(":errors_to")
	h.Kind, h.Effects, h.Directive, h.Scope = waxseal.KindRedirect, diverts, "errors_to", "bounces of "+x.scope
	h.Target = x.domains.Address(o.Value)
	h.Explain = "Bounces of what the router handles go to " + o.Value + mta.Where(h.Target) + " (" + x.where + ")."
	x.emit(h)
}

// queryProgram makes the hook of the command that a queryprogram router asks.
func (x *router) queryProgram() {
	o, _ := x.Get("command")
	e, _ := expand.Parse(o.Value)
	h := x.hook(":command")
	h.Kind, h.Effects, h.Directive, h.RunsAs = waxseal.KindPipe, runsAll, "queryprogram", x.Value("command_user")
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: o.Value}
	h.Closure = x.CommandParts(mta.ShellWords(o.Value))
	h.Explain = "The command " + mta.Clip(o.Value) + " decides where mail goes, run as " + mta.OrUnknown(h.RunsAs) + " (" + x.where + ")."
	if name := e.Tainted(); name != "" && x.release.AtLeast(4, 96) {
		mta.Inactive(&h, "Exim refuses to run it, because the sender has a part in the command by $"+name)
	}
	x.emit(h)
}

func (x *router) ipLookup() {
	for n, host := range eximconf.Split(x.Value("hosts")) {
		h := x.hook(":hosts:" + strconv.Itoa(n+1))
		h.Kind, h.Effects, h.Directive = waxseal.KindPolicy, diverts, "iplookup"
		h.Target = mta.InetSocket(host, x.Value("port"))
		h.Explain = "The program at " + h.Target.Value + mta.Where(h.Target) + " decides to whom mail goes (" + x.where + ")."
		x.emit(h)
	}
}

// uses notes the transports that the router hands mail to, and makes the hook of a
// copy where the mail goes on.
func (x *router) uses() {
	for _, name := range []string{"transport", "pipe_transport", "file_transport", "directory_transport", "reply_transport"} {
		o, ok := x.Get(name)
		if !ok {
			continue
		}
		for _, word := range wordsIn(o.Value) {
			d, ok := x.transport(word)
			if !ok {
				continue
			}
			x.used(word, x.spot, x.deliverer())
			if name == "transport" && x.unseen {
				x.copied(d, o)
			}
		}
	}
}

// deliverer is the account that what the router accepts is delivered as.
func (x *router) deliverer() string {
	if user := x.Value("user"); user != "" {
		return user
	}
	if x.locals {
		return "the recipient"
	}
	return ""
}

func (x *router) copied(d eximconf.Driver, o eximconf.Option) {
	h := x.hook(":transport")
	h.Source = waxseal.Source{Path: o.Path, Line: o.Line}
	h.Kind, h.Effects, h.Directive = waxseal.KindCopy, copies, "unseen"
	h.Target, h.Closure = x.transportTarget(d)
	h.Explain = whoseMail(x.scope) + " is delivered and also handed to the transport " + d.Name + " (" + x.where + ")."
	x.emit(h)
}

// used notes that something hands mail to a transport.
func (in *instance) used(name string, s spot, user string) {
	u, seen := in.transports[name]
	switch {
	case !seen:
		u = usage{scope: s.scope, user: user, why: s.why}
	case u.why != "" && s.why == "":
		u.scope, u.user, u.why = s.scope, user, ""
	case s.why != "":
	case u.scope != s.scope:
		u.scope = "all mail of several routers"
	}
	if u.user == "" {
		u.user = user
	}
	in.transports[name] = u
}
