package exim

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// redirect makes the hooks of a redirect router: where its data, its tables and its
// files send mail (spec chapter 22).
func (x *router) redirect() {
	if o, ok := x.Get("data"); ok {
		x.data(o)
	}
	if o, ok := x.Get("file"); ok {
		x.file(o)
	}
}

// data reads the string: as a list where it is known beforehand, else the entries of
// every table and the content of every file that it asks.
func (x *router) data(o eximconf.Option) {
	e, _ := expand.Parse(o.Value)
	to := x.list("data", o.Place)
	if text, outcome := x.work(e); outcome == expand.Known {
		to.each(text)
		return
	}
	x.written(e, to)
	x.eachEntry(e, func(t lookedUp, row entry) {
		key := x.list("data:"+clipKey(row.Key), eximconf.Place{Path: t.path, Line: row.Line})
		key.key, key.scope = row.Key, "recipient "+mta.Clip(row.Key)
		if row.Key == "*" || strings.HasPrefix(row.Key, "*@") {
			key.scope = x.scope
		}
		key.each(row.Value)
	})
}

// written reads the texts that an expansion has in it: each alternative of a
// condition may become the list.
func (x *router) written(e expand.Expansion, to *list) {
	if len(e.Parts) > 1 { // "${local_part}@hub.example": one address with unknown parts
		if text := e.String(); !hasItems(e) || strings.Contains(text, ",") || domainOf(text) != "" {
			to.each(text)
			return
		}
	}
	for _, p := range e.Parts {
		switch {
		case p.Kind == expand.Variable && p.Name != "value":
			to.each("$" + p.Name)
		case p.Kind != expand.Item:
		case p.Name == "readfile" && len(p.Args) > 0:
			x.included(to, p.Args[0].Outline())
		case p.Name == "if":
			for _, a := range p.Args {
				x.alternative(a, to)
			}
		case p.Name == "lookup":
			n := 1
			if p.Keyed {
				n = 2
			}
			for _, a := range p.Args[min(n, len(p.Args)):] {
				x.alternative(a, to)
			}
		}
	}
}

func hasItems(e expand.Expansion) bool {
	return slices.ContainsFunc(e.Parts, func(p expand.Part) bool { return p.Kind == expand.Item })
}

func (x *router) alternative(e expand.Expansion, to *list) {
	if text, plain := e.Plain(); plain {
		if strings.TrimSpace(text) != "" {
			to.each(text)
		}
		return
	}
	x.written(e, to)
}

// eachEntry visits the entries of every table that a string asks. A table whose
// name holds the domain is one for each domain. Of several routers that do the same
// with a table the first says what its entries are.
func (x *router) eachEntry(e expand.Expansion, visit func(lookedUp, entry)) {
	likeThis := strings.Join([]string{x.Kind(), x.why, x.Value("unseen"), unset(x.Value("pipe_transport")), unset(x.Value("file_transport")), x.Value("user")}, ":")
	if x.visited[likeThis] == nil {
		x.visited[likeThis] = map[string]bool{}
	}
	seen := x.visited[likeThis]
	e.Walk(func(p expand.Part) {
		if p.Kind != expand.Item || p.Name != "lookup" || !p.Keyed || len(p.Args) < 2 {
			return
		}
		for _, file := range x.files(p.Args[1]) {
			if seen[file] {
				continue
			}
			seen[file] = true
			t := x.table(p.Option, file)
			if base, _ := style(p.Option); base == "dsearch" {
				continue // it says only which names there are
			}
			for _, row := range t.entries {
				if x.Full() {
					return
				}
				visit(t, row)
			}
		}
	})
}

func unset(value string) string {
	if value == "" {
		return "not set"
	}
	return ""
}

// files are the names that a string may become: one, or, where one part of the
// path is not known, those in the directory.
func (in *instance) files(e expand.Expansion) []string {
	if text, o := in.work(e); o == expand.Known {
		return []string{strings.TrimSpace(text)}
	}
	pattern := strings.TrimSpace(e.Outline())
	if files, ok := in.patterns[pattern]; ok {
		return files
	}
	dir, base := path.Split(pattern)
	if strings.Contains(dir, "*") || !path.IsAbs(pattern) || strings.Trim(base, "*") == base {
		return nil
	}
	names, err := in.Tree.ReadDir(mta.Clean(dir))
	if err != nil {
		return nil
	}
	var files []string
	before, after, _ := strings.Cut(base, "*")
	for _, n := range names {
		if strings.HasPrefix(n, before) && strings.HasSuffix(n, after) && len(n) >= len(before)+len(after) && len(files) < maxWords {
			files = append(files, dir+n)
		}
	}
	in.patterns[pattern] = files
	return files
}

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
