package exim

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/eximfilter"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// filter makes the hooks of a user's Exim filter.
func (x *router) filter(l *list, text string, rights eximfilter.Rights) {
	f := filtering{instance: x.instance, list: l, who: l.whose(), rights: rights}
	f.all(text)
}

// filtering is one filter file being read.
type filtering struct {
	*instance
	list   *list
	who    string
	rights eximfilter.Rights
}

// systemFilter reads the filter that decides about every message (spec chapter
// 46).
func systemFilter(in *instance, o eximconf.Option, h waxseal.Hook) {
	name, outcome := in.evaluate(o.Value)
	if outcome != expand.Known {
		name = o.Value
	}
	p := mta.Clean(name)
	h.Effects, h.RunsAs = runsAll, in.filterUser()
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
	h.Kind = waxseal.KindMap // what its commands do are hooks of their own
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleConfig}}
	h.Explain = "The filter " + mta.Clip(name) + " decides about every message, as " + mta.OrUnknown(h.RunsAs) + " (system_filter)."
	in.emit(h)
	text, ok := in.Book.Read(p, "the system filter")
	if !ok {
		if outcome == expand.Known {
			in.Problem(o.Path, o.Line, "the system filter "+name+" is not there: Exim puts all mail off")
		}
		return
	}
	x := &router{instance: in, Driver: eximconf.Driver{Name: "system_filter", Class: "router", Options: in.filterTransports()}}
	x.spot = spot{place: "system_filter", at: o.Place, stage: waxseal.StageQueue, runsAs: in.filterUser(), where: "system_filter", scope: "all mail"}
	l := x.list("command", eximconf.Place{Path: p, Line: 1})
	l.user, l.spot.place = in.filterUser(), "system_filter"
	f := filtering{instance: in, list: l, who: "All mail", rights: eximfilter.Rights{System: true, Defer: true, Fail: true, Freeze: true}}
	f.all(text)
}

// filterUser is the account that the system filter works as (spec 46.2).
func (in *instance) filterUser() string {
	if user := in.conf.Value("system_filter_user"); user != "" {
		return user
	}
	return "root"
}

// filterTransports are the transports of the system filter, as a redirect router
// names them.
func (in *instance) filterTransports() []eximconf.Option {
	options := []eximconf.Option{{Name: "driver", Value: "redirect"}}
	for _, sort := range []string{"pipe", "file", "directory", "reply"} {
		if o, ok := in.conf.Get("system_filter_" + sort + "_transport"); ok {
			options = append(options, eximconf.Option{Name: sort + "_transport", Value: o.Value})
		}
	}
	return options
}

func (in *instance) systemFilterTransports() {
	if _, ok := in.conf.Get("system_filter"); !ok {
		return
	}
	for _, o := range in.filterTransports()[1:] {
		in.used(o.Value, spot{where: "system_filter", scope: "all mail"}, in.filterUser())
	}
}

func (f *filtering) all(text string) {
	parsed := eximfilter.Parse(text, f.rights)
	at := f.list.at.Path
	for _, p := range parsed.Problems {
		f.Problem(at, p.Line, p.Message)
	}
	if parsed.Unread > 0 {
		f.Problem(at, parsed.Unread, "the filter is not read from here on")
	}
	for n, c := range parsed.Commands {
		f.list.at.Line = c.Line
		h := f.list.start(n + 1)
		h.Directive = directiveOf(c)
		h.Stage = f.list.spot.stage
		if when := c.When(); when != "" {
			mta.Modify(&h, "condition", when)
		}
		switch {
		case parsed.Refused:
			mta.Inactive(&h, "Exim does not understand the filter, and obeys none of it")
		case c.Ends > 0:
			mta.Inactive(&h, "the filter ends before it, in line "+strconv.Itoa(c.Ends))
		}
		if !f.rights.System {
			f.forbidden(&h)
		}
		if f.command(&h, c) {
			f.emit(h)
		}
	}
	for n, e := range parsed.Expansions {
		s := f.list.spot
		s.place, s.at, s.where, s.runsAs = s.place+":string:"+strconv.Itoa(n+1), eximconf.Place{Path: at, Line: e.Line}, "filter "+string(at), f.list.user
		if parsed.Refused {
			s.why = "Exim does not understand the filter, and obeys none of it"
		}
		f.scan(s, e.Text)
	}
}

func (f *filtering) forbidden(h *waxseal.Hook) {
	if f.list.On("forbid_exim_filter") {
		mta.Inactive(h, "the router forbids it (forbid_exim_filter)")
	}
}

func directiveOf(c eximfilter.Command) string {
	if !c.Seen && c.Delivers() {
		return "filter unseen " + string(c.Verb)
	}
	return "filter " + string(c.Verb)
}

// command completes the hook of one command; ok is false where it does nothing to
// mail.
func (f *filtering) command(h *waxseal.Hook, c eximfilter.Command) (ok bool) {
	from := whenClause(c.When()) + " (" + string(f.list.at.Path) + ")."
	if c.Drops {
		h.Kind, h.Effects = waxseal.KindDiscard, drops
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: "seen " + string(c.Verb)}
		h.Explain = f.who + " is thrown away without a word to anyone" + from
		return true
	}
	switch c.Verb {
	case eximfilter.Deliver:
		f.deliver(h, c, from)
	case eximfilter.Pipe:
		f.pipe(h, c, from)
	case eximfilter.Save:
		f.save(h, c, from)
	case eximfilter.Mail, eximfilter.Vacation:
		return f.mail(h, c, from)
	case eximfilter.Headers:
		return f.headers(h, c, from)
	case eximfilter.Freeze:
		h.Kind, h.Effects, h.Directive = waxseal.KindDiscard, []waxseal.Effect{waxseal.Observe, waxseal.Drop}, "filter freeze:HOLD"
		h.Scope = cmp.Or(headerIn(c.When()), h.Scope)
		h.Explain = f.who + " is put on hold until somebody looks" + from
	case eximfilter.Logfile:
		h.Kind, h.Effects = waxseal.KindLog, nil
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: c.Arg}
		h.Explain = "The filter writes a log of its own into " + mta.Clip(c.Arg) + from
	default:
		return false
	}
	return true
}

func (f *filtering) deliver(h *waxseal.Hook, c eximfilter.Command, from string) {
	h.Target = f.domains.Address(c.Arg)
	if strings.Contains(c.Arg, "$") {
		domain := domainOf(c.Arg)
		h.Target.Remote = domain != "" && !f.domains.Own(domain)
	}
	if c.Diverts {
		h.Explain = f.who + " goes to " + mta.Clip(c.Arg) + mta.Where(h.Target) + from
		return
	}
	h.Kind, h.Effects = waxseal.KindCopy, copies
	h.Explain = f.who + " is delivered and copied to " + mta.Clip(c.Arg) + mta.Where(h.Target) + from
}

func (f *filtering) pipe(h *waxseal.Hook, c eximfilter.Command, from string) {
	h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, runsAll, f.list.runner("pipe_transport")
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: c.Arg}
	h.Closure = f.CommandParts(mta.ShellWords(c.Arg))
	h.Explain = f.who + " is handed to the command " + mta.Clip(c.Arg) + ", run as " + mta.OrUnknown(h.RunsAs) + from
	f.list.needs(h, "pipe_transport", "forbid_pipe")
}

func (f *filtering) save(h *waxseal.Hook, c eximfilter.Command, from string) {
	name := c.Arg
	for _, home := range []string{"$home/", "${home}/", "~/"} {
		if rest, ok := strings.CutPrefix(name, home); ok && f.list.home != "" {
			name = f.list.home + "/" + rest
		}
	}
	if !path.IsAbs(name) && !strings.HasPrefix(name, "$") && f.list.home != "" {
		name = f.list.home + "/" + name // filter_prepend_home
	}
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
	h.RunsAs = f.list.runner("file_transport")
	h.Explain = f.who + " is written to " + mta.Clip(name) + from
	if !c.Diverts {
		h.Kind, h.Effects = waxseal.KindCopy, copies
		h.Explain = f.who + " is delivered and also written to " + mta.Clip(name) + from
	}
	option := "file_transport"
	if strings.HasSuffix(name, "/") {
		option = "directory_transport"
	}
	if name != "/dev/null" {
		f.list.needs(h, option, "forbid_file")
	}
}

// mail makes the hook of a message that the filter sends; an answer to the sender
// is none.
func (f *filtering) mail(h *waxseal.Hook, c eximfilter.Command, from string) bool {
	if c.Options == nil {
		return false
	}
	to := strings.TrimSpace(c.Options.To + " " + c.Options.CC + " " + c.Options.BCC)
	switch {
	case to == "" || to == "$reply_address" || to == "$sender_address":
		return false
	case c.Verb == eximfilter.Vacation && c.Options.BCC == "" && c.Options.CC == "":
		return false
	}
	h.Kind, h.Effects = waxseal.KindCopy, copies
	h.Target = f.domains.Address(strings.Fields(to)[0])
	h.Explain = "A message about mail is sent to " + mta.Clip(to) + mta.Where(h.Target) + from
	f.list.needs(h, "reply_transport", "forbid_filter_reply")
	return true
}

func (f *filtering) headers(h *waxseal.Hook, c eximfilter.Command, from string) bool {
	h.Kind, h.Effects = waxseal.KindRewrite, modifies
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: c.Arg}
	switch c.How {
	case "add":
		h.Explain = "The header " + mta.Clip(c.Arg) + " is added to messages" + from
	case "remove":
		h.Explain = "The headers " + mta.Clip(c.Arg) + " are taken out of messages" + from
		for _, name := range strings.Fields(strings.ReplaceAll(strings.ToLower(c.Arg), ":", " ")) {
			if name == "received" {
				h.Effects = hides
			}
		}
	default:
		return false
	}
	return true
}
