package exim

import (
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
)

// list is a list of destinations being read: the data of a router, an entry of a
// table, a file.
type list struct {
	*router
	spot
	at     eximconf.Place
	key    string // the name whose mail it is, "" where it is everybody's
	home   string
	user   string // whose rights commands and files get
	shows  string // the directive
	copied bool
	others int // destinations that keep the mail where it belongs
	seen   map[string]bool
	depth  int
}

func (x *router) list(place string, at eximconf.Place) *list {
	l := &list{router: x, spot: x.spot, at: at, user: x.Value("user"), shows: "redirect", copied: x.unseen, seen: map[string]bool{}}
	l.place += ":" + place
	if x.unseen {
		l.shows = "unseen"
	}
	return l
}

// destinations splits a list: at commas and line ends (spec 22.4). What follows
// ":fail:" and ":defer:" is a message.
func destinations(text string) []aliases.Destination {
	var out []aliases.Destination
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		low := strings.ToLower(line)
		if strings.HasPrefix(low, ":fail:") || strings.HasPrefix(low, ":defer:") || strings.HasPrefix(low, ":unknown:") {
			return append(out, aliases.Destination{Kind: aliases.Special, Text: line, Line: n})
		}
		out = append(out, aliases.ParseValue(line, n)...)
	}
	return out
}

// each makes the hooks of a list.
func (l *list) each(text string) {
	found := destinations(text)
	l.others = 0
	for _, d := range found {
		if l.keeps(d) {
			l.others++
		}
	}
	for n, d := range found {
		if l.Full() {
			return
		}
		l.destination(d, n+1)
	}
}

// keeps reports whether a destination is the recipient himself: then the others get
// copies.
func (l *list) keeps(d aliases.Destination) bool {
	if d.Kind == aliases.User {
		return true
	}
	name, domain, _ := strings.Cut(strings.ToLower(d.Text), "@")
	key, _, _ := strings.Cut(strings.ToLower(l.key), "@")
	return d.Kind == aliases.Address && (key != "" && name == key || name == "$local_part" || name == "${local_part}") && (domain == "" || l.domains.Own(domain) || strings.HasPrefix(domain, "$"))
}

// whose says whose mail it is, for a sentence.
func (l *list) whose() string {
	if l.key != "" {
		return "Mail for " + mta.Clip(l.key)
	}
	return whoseMail(l.spot.scope)
}

func (l *list) start(n int) waxseal.Hook {
	h := l.router.hook("")
	h.ID = waxseal.HookID("exim:" + l.prefix + l.spot.place + ":" + strconv.Itoa(n))
	h.Scope, h.Source = l.spot.scope, waxseal.Source{Path: l.at.Path, Line: l.at.Line}
	h.Kind, h.Effects, h.Directive, h.RunsAs = waxseal.KindRedirect, diverts, l.shows, l.user
	if l.spot.why != "" {
		mta.Inactive(&h, l.spot.why)
	}
	return h
}

func (l *list) destination(d aliases.Destination, n int) {
	h := l.start(n)
	from := " (" + l.router.where + ")."
	switch d.Kind {
	case aliases.Command:
		l.pipe(&h, d.Text, from)
	case aliases.File, aliases.Home:
		l.writes(&h, d.Text, from)
	case aliases.Include:
		l.includes(&h, d.Text, from)
		return
	case aliases.Special:
		if !l.special(&h, d.Text, from) {
			return
		}
	default:
		l.address(&h, d, from)
	}
	l.emit(h)
}

func (l *list) address(h *waxseal.Hook, d aliases.Destination, from string) {
	h.Target = l.domains.Address(d.Text)
	if strings.ContainsAny(d.Text, "$") {
		domain := domainOf(d.Text)
		h.Target = waxseal.Target{Type: waxseal.TargetAddress, Value: d.Text, Remote: domain != "" && !l.domains.Own(domain)}
	}
	switch {
	case l.copied:
		h.Kind, h.Effects = waxseal.KindCopy, copies
		h.Explain = l.whose() + " is delivered and copied to " + mta.Clip(d.Text) + mta.Where(h.Target) + from
	case l.keeps(d):
		h.Explain = l.whose() + " is delivered to " + mta.Clip(d.Text) + from
	case l.others > 0:
		h.Kind, h.Effects = waxseal.KindCopy, copies
		h.Explain = l.whose() + " is delivered and copied to " + mta.Clip(d.Text) + mta.Where(h.Target) + from
	default:
		h.Explain = l.whose() + " goes to " + mta.Clip(d.Text) + mta.Where(h.Target) + from
	}
}

// special reads ":blackhole:", ":fail:" and ":defer:"; the latter two tell the
// sender, and are settings.
func (l *list) special(h *waxseal.Hook, text, from string) bool {
	if !strings.HasPrefix(strings.ToLower(text), ":blackhole:") {
		return false
	}
	h.Kind, h.Effects = waxseal.KindDiscard, drops
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: ":blackhole:"}
	h.Explain = l.whose() + " is thrown away without a word to anyone" + from
	if l.On("forbid_blackhole") {
		mta.Inactive(h, "the router forbids it (forbid_blackhole)")
	}
	if l.copied {
		return false // only the copy is thrown away
	}
	return true
}

// needs makes a hook inert where the router has no transport for it, or forbids it.
func (l *list) needs(h *waxseal.Hook, transport, forbidden string) {
	switch {
	case l.On(forbidden):
		mta.Inactive(h, "the router forbids it ("+forbidden+")")
	case l.Value(transport) == "":
		mta.Inactive(h, "Exim puts the mail off, because "+transport+" is not set in the router "+l.Name)
	}
}

func (l *list) pipe(h *waxseal.Hook, command, from string) {
	h.Kind, h.Effects = waxseal.KindPipe, runsAll
	h.RunsAs = l.runner("pipe_transport")
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = l.CommandParts(mta.ShellWords(command))
	h.Explain = l.whose() + " is handed to the command " + mta.Clip(command) + ", run as " + mta.OrUnknown(h.RunsAs) + from
	l.needs(h, "pipe_transport", "forbid_pipe")
}

// runner is the account under which a transport works for this list.
func (l *list) runner(option string) string {
	if d, ok := l.transport(l.Value(option)); ok && d.Value("user") != "" {
		return d.Value("user")
	}
	if l.user == "" {
		return l.instance.user
	}
	return l.user
}

func (l *list) writes(h *waxseal.Hook, name, from string) {
	if l.home != "" && strings.HasPrefix(name, "~") {
		name = l.home + name[1:]
	}
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
	h.RunsAs = l.runner("file_transport")
	h.Explain = l.whose() + " is written to " + mta.Clip(name) + from
	if name == "/dev/null" {
		h.Explain = l.whose() + " is thrown away (" + name + ")" + from
	}
	if l.copied || l.others > 0 {
		h.Kind, h.Effects = waxseal.KindCopy, copies
		h.Explain = l.whose() + " is delivered and also written to " + mta.Clip(name) + from
	}
	if strings.HasSuffix(name, "/") {
		l.needs(h, "directory_transport", "forbid_file")
	} else if name != "/dev/null" {
		l.needs(h, "file_transport", "forbid_file")
	}
}

// includes reads a list that another file holds.
func (l *list) includes(h *waxseal.Hook, name, from string) {
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
	h.Closure = []waxseal.Part{{Path: mta.Clean(name), Role: waxseal.RoleInclude}}
	h.Explain = l.whose() + " goes where the list " + mta.Clip(name) + " says" + from
	if l.On("forbid_include") {
		mta.Inactive(h, "the router forbids it (forbid_include)")
	}
	l.emit(*h)
	l.router.included(l, name)
}

// included reads a file of destinations.
func (x *router) included(l *list, name string) {
	if l.seen[name] || l.depth > 8 || !path.IsAbs(name) || strings.Contains(name, "*") {
		return
	}
	l.seen[name] = true
	p := mta.Clean(name)
	text, ok := x.Book.Read(p, "a list of addresses")
	if !ok {
		return
	}
	x.part(p, waxseal.RoleInclude)
	inner := *l
	inner.depth++
	inner.at, inner.spot.place = eximconf.Place{Path: p, Line: 1}, l.spot.place+":"+clipKey(name)
	inner.each(text)
}
