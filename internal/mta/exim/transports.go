package exim

import (
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// transport is one transport being read.
type transport struct {
	*instance
	eximconf.Driver
	spot
	use usage
}

// delivery reads the transports.
func (in *instance) delivery() {
	in.shadows()
	for _, d := range in.conf.Transports {
		use, ok := in.transports[d.Name]
		x := &transport{instance: in, Driver: d, use: use}
		x.spot = spot{place: "transport:" + d.Name, at: d.Place, stage: waxseal.StageDeliver, where: "transport " + d.Name, scope: use.scope, why: use.why}
		if !ok {
			x.scope, x.why = "all mail", "nothing hands mail to the transport "+d.Name
		}
		x.runsAs = x.account()
		x.read()
	}
}

// shadows notes the transports that only shadow others (spec 24, "shadow_transport").
func (in *instance) shadows() {
	for _, d := range in.conf.Transports {
		if o, ok := d.Get("shadow_transport"); ok {
			use, used := in.transports[d.Name]
			s := spot{where: "transport " + d.Name + ", shadow_transport", scope: use.scope, why: use.why}
			if !used {
				s.why = "nothing hands mail to the transport " + d.Name
			}
			in.used(o.Value, s, use.user)
		}
	}
}

// account is whose rights the transport works with.
func (x *transport) account() string {
	switch {
	case x.Value("user") != "":
		return x.Value("user")
	case x.use.user != "":
		return x.use.user
	}
	return x.instance.user
}

func (x *transport) hook(place string) waxseal.Hook {
	h := x.instance.hook(x.place+place, x.at)
	h.Stage, h.Scope, h.RunsAs = x.stage, x.scope, x.runsAs
	x.mark(&h)
	return h
}

func (x *transport) read() {
	for _, o := range x.Options {
		if o.Name == "driver" || o.Name == "debug_print" {
			continue
		}
		s := x.spot
		s.place, s.at, s.where = s.place+":"+o.Name, o.Place, s.where+", "+o.Name
		x.scan(s, o.Value)
	}
	x.headersOf(x.Driver, x.spot)
	x.headersRewrite()
	x.filter()
	x.shadow()
	switch x.Kind() {
	case "pipe":
		x.command("command", "pipe")
	case "appendfile":
		x.writes()
	case "autoreply":
		x.replies()
	case "smtp":
		x.sends()
	case "lmtp":
		x.command("command", "lmtp")
		x.socket()
	default:
		x.Problem(x.at.Path, x.at.Line, "no transport is of the kind "+x.Kind())
	}
}

// command makes the hook of the command of a transport.
func (x *transport) command(option, directive string) {
	o, ok := x.Get(option)
	if !ok || o.Value == "" {
		return
	}
	e, _ := expand.Parse(o.Value)
	h := x.hook(":" + option)
	h.Source = waxseal.Source{Path: o.Path, Line: o.Line}
	h.Kind, h.Effects, h.Directive = waxseal.KindPipe, runsAll, directive
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: o.Value}
	h.Closure = x.CommandParts(mta.ShellWords(o.Value))
	h.Explain = whoseMail(x.scope) + " is handed to the command " + mta.Clip(o.Value) + ", run as " + mta.OrUnknown(x.runsAs) + " (" + x.where + ")."
	for _, name := range []string{"path", "environment"} {
		mta.Modify(&h, name, x.Value(name))
	}
	if x.On("use_shell") && x.Kind() == "pipe" {
		mta.Modify(&h, "use_shell", "true")
	}
	if name := e.Tainted(); name != "" && x.release.AtLeast(4, 96) && name != "address_pipe" {
		mta.Inactive(&h, "Exim refuses to run it, because the sender has a part in the command by $"+name)
	}
	x.emit(h)
}

// filter makes the hook of the command that every message of the transport passes
// through.
func (x *transport) filter() {
	o, ok := x.Get("transport_filter")
	if !ok || o.Value == "" {
		return
	}
	h := x.hook(":transport_filter")
	h.Source = waxseal.Source{Path: o.Path, Line: o.Line}
	h.Kind, h.Effects, h.Directive = waxseal.KindPipe, runsAll, "transport_filter"
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: o.Value}
	h.Closure = x.CommandParts(mta.ShellWords(o.Value))
	h.Explain = whoseMail(x.scope) + " passes through the command " + mta.Clip(o.Value) + " on its way out, run as " + mta.OrUnknown(x.runsAs) + " (" + x.where + ")."
	x.emit(h)
}

// shadow makes the hook of a second delivery of everything.
func (x *transport) shadow() {
	o, ok := x.Get("shadow_transport")
	if !ok || o.Value == "" {
		return
	}
	h := x.hook(":shadow_transport")
	h.Source = waxseal.Source{Path: o.Path, Line: o.Line}
	h.Kind, h.Effects, h.Directive = waxseal.KindCopy, copies, "shadow_transport"
	h.Target = waxseal.Target{Type: waxseal.TargetService, Value: o.Value}
	if d, ok := x.transport(o.Value); ok {
		h.Target, h.Closure = x.transportTarget(d)
	} else {
		mta.Inactive(&h, "there is no transport "+o.Value)
	}
	mta.Modify(&h, "shadow_condition", x.Value("shadow_condition"))
	h.Explain = whoseMail(x.scope) + " is delivered and handed to the transport " + o.Value + " as well, which no recipient is told of (" + x.where + ")."
	x.emit(h)
}

// transportTarget is where a transport puts mail.
func (in *instance) transportTarget(d eximconf.Driver) (waxseal.Target, []waxseal.Part) {
	switch {
	case d.Value("command") != "":
		return waxseal.Target{Type: waxseal.TargetCommand, Value: d.Value("command")}, in.CommandParts(mta.ShellWords(d.Value("command")))
	case d.Value("file") != "" && d.Kind() == "appendfile":
		return waxseal.Target{Type: waxseal.TargetFile, Value: d.Value("file")}, nil
	case d.Value("directory") != "":
		return waxseal.Target{Type: waxseal.TargetFile, Value: d.Value("directory")}, nil
	case d.Value("to") != "":
		return in.domains.Address(d.Value("to")), nil
	}
	if hosts := hostList(d.Value("hosts")); len(hosts) > 0 {
		var h waxseal.Hook
		in.nextHop(&h, hosts[0])
		return h.Target, nil
	}
	return waxseal.Target{Type: waxseal.TargetService, Value: d.Name}, nil
}

// ordinary are the places where mailboxes belong.
var ordinary = []string{"/var/mail/", "/var/spool/mail/", "$home/", "${home}/", "/home/", "/var/vmail/", "/srv/mail/", "/srv/vmail/", "/var/lib/mailman"}

// writes makes the hook of a file that is no mailbox of the recipient.
func (x *transport) writes() {
	for _, name := range []string{"file", "directory"} {
		o, ok := x.Get(name)
		if !ok || o.Value == "" {
			continue
		}
		e, _ := expand.Parse(o.Value)
		personal := len(e.Variables()) > 0
		if personal && slices.ContainsFunc(ordinary, func(dir string) bool { return strings.HasPrefix(o.Value, dir) }) && !strings.Contains(o.Value, "..") {
			continue // a setting
		}
		if text, plain := e.Plain(); plain && text == "" || o.Value == "$address_file" || hasOnlyChoice(e) {
			continue
		}
		h := x.hook(":" + name)
		h.Source = waxseal.Source{Path: o.Path, Line: o.Line}
		h.Kind, h.Effects, h.Directive = waxseal.KindRedirect, diverts, "appendfile"
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: o.Value}
		h.Explain = whoseMail(x.scope) + " is written to " + mta.Clip(o.Value) + " (" + x.where + ")."
		if bad := e.Tainted(); bad != "" && x.release.AtLeast(4, 94) {
			mta.Inactive(&h, "Exim refuses to write a file in whose name the sender has a part by $"+bad)
		}
		x.emit(h)
	}
}

// hasOnlyChoice reports whether a string is a look-up or condition, whose outcome
// is not known.
func hasOnlyChoice(e expand.Expansion) bool {
	return len(e.Parts) > 0 && e.Parts[0].Kind == expand.Item
}

// replies makes hooks of addresses, other than the sender's, that get the
// messages of an autoreply transport.
func (x *transport) replies() {
	for _, name := range []string{"to", "cc", "bcc"} {
		o, ok := x.Get(name)
		if !ok || o.Value == "" || strings.HasPrefix(o.Value, "$") {
			continue
		}
		for n, address := range strings.FieldsFunc(o.Value, func(r rune) bool { return strings.ContainsRune(", \t", r) }) {
			h := x.hook(":" + name + ":" + strconv.Itoa(n+1))
			h.Kind, h.Effects, h.Directive = waxseal.KindCopy, copies, "autoreply"
			h.Target = x.domains.Address(address)
			h.Explain = "A message about mail is sent to " + mta.Clip(address) + mta.Where(h.Target) + " (" + x.where + ")."
			if x.On("return_message") {
				h.Explain = "A message with the text of mail is sent to " + mta.Clip(address) + mta.Where(h.Target) + " (" + x.where + ")."
			}
			x.emit(h)
		}
	}
	for _, name := range []string{"log", "once"} {
		if o, ok := x.Get(name); ok && path.IsAbs(o.Value) && !strings.Contains(o.Value, "$") {
			h := x.hook(":" + name)
			h.Kind, h.Directive = waxseal.KindLog, "autoreply"
			h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: o.Value}
			h.Explain = "Answers are noted in " + mta.Clip(o.Value) + " (" + x.where + ")."
			x.emit(h)
		}
	}
}

// sends makes hooks of the hosts that an smtp transport names itself.
func (x *transport) sends() {
	for _, name := range []string{"hosts", "fallback_hosts"} {
		o, ok := x.Get(name)
		if !ok {
			continue
		}
		text := o.Value
		if value, outcome := x.evaluate(text); outcome == expand.Known {
			text = value
		}
		for n, host := range hostList(text) {
			if strings.Contains(host, "$") {
				continue
			}
			if port := x.Value("port"); port != "" && !strings.Contains(host, ":") && !strings.Contains(port, "$") {
				host += ":" + port
			}
			h := x.hook(":" + name + ":" + strconv.Itoa(n+1))
			h.Source, h.Directive, h.RunsAs = waxseal.Source{Path: o.Path, Line: o.Line}, "hosts", ""
			x.nextHop(&h, host)
			h.Explain = whoseMail(x.scope) + " is sent to " + host + mta.Where(h.Target) + " (" + x.where + ")."
			if name == "fallback_hosts" {
				h.Explain = "Mail that can't be delivered otherwise is sent to " + host + mta.Where(h.Target) + " (" + x.where + ")."
			} else if !x.On("hosts_override") {
				mta.Modify(&h, "hosts_override", "false: only where a router names no host")
			}
			x.emit(h)
		}
	}
	x.returnPath()
}

// returnPath makes the hook of another address to which bounces go.
func (x *transport) returnPath() {
	o, ok := x.Get("return_path")
	if !ok || strings.Contains(o.Value, "$") || !strings.Contains(o.Value, "@") {
		return
	}
	h := x.hook(":return_path")
	h.Kind, h.Effects, h.Directive, h.Scope = waxseal.KindRedirect, diverts, "return_path", "bounces of "+x.scope
	h.Target = x.domains.Address(o.Value)
	h.Explain = "Bounces of mail that is sent go to " + o.Value + mta.Where(h.Target) + " (" + x.where + ")."
	x.emit(h)
}

// headersRewrite makes hooks of the rules in headers_rewrite.
func (x *transport) headersRewrite() {
	o, ok := x.Get("headers_rewrite")
	if !ok {
		return
	}
	for n, text := range eximconf.Split(o.Value) {
		rule, ok := eximconf.ParseRewrite(text)
		if !ok {
			continue
		}
		rule.Place = o.Place
		s := x.spot
		s.place += ":headers_rewrite:" + strconv.Itoa(n+1)
		x.rewrite(s, rule, "headers_rewrite")
	}
}

func (x *transport) socket() {
	o, ok := x.Get("socket")
	if !ok || !path.IsAbs(o.Value) || strings.Contains(o.Value, "$") {
		return
	}
	target, part := mta.UnixSocket(mta.Clean(o.Value))
	h := x.hook(":socket")
	h.Kind, h.Effects, h.Directive = waxseal.KindTransport, routes, "lmtp"
	h.Target, h.Closure = target, []waxseal.Part{part}
	h.Explain = whoseMail(x.scope) + " is handed to the program at " + target.Value + " (" + x.where + ")."
	x.emit(h)
}

// authSocket makes the hook of the program that hears the passwords of those who
// log in (spec chapter 37, "server_socket").
func (in *instance) authSocket(d eximconf.Driver) {
	o, ok := d.Get("server_socket")
	if !ok || !path.IsAbs(o.Value) {
		return
	}
	target, part := mta.UnixSocket(mta.Clean(o.Value))
	h := in.hook("authenticator:"+d.Name+":server_socket", o.Place)
	h.Kind, h.Stage, h.Effects, h.Directive, h.Scope = waxseal.KindPolicy, waxseal.StageSession, decides, "server_socket", "users who log in to send mail"
	h.Target, h.Closure = target, []waxseal.Part{part}
	h.Explain = "The program at " + target.Value + " hears the passwords of those who log in to send mail (authenticator " + d.Name + ")."
	in.emit(h)
}
