package exim

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/eximfilter"
	"waxseal/internal/mailbox/sieve"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// file reads the files of a redirect router: one for all, or one for each user of
// this host, who writes it himself.
func (x *router) file(o eximconf.Option) {
	e, _ := expand.Parse(o.Value)
	if name := e.Tainted(); name != "" && x.release.AtLeast(4, 94) {
		x.why = "Exim refuses to open a file in whose name the sender has a part by $" + name
	}
	if text, outcome := x.work(e); outcome == expand.Known {
		x.followed(x.list("file", o.Place), text)
		return
	}
	if !x.locals && !strings.Contains(o.Value, "home") {
		for _, name := range x.files(e) {
			l := x.list("file:"+clipKey(name), o.Place)
			l.key = path.Base(name)
			l.spot.scope = "recipient " + mta.Clip(l.key)
			x.followed(l, name)
		}
		return
	}
	for _, u := range x.users() {
		if !x.Reads(u.Home) {
			continue
		}
		x.forwardOf(u, e, o)
	}
}

// forwardOf reads the forward files of one user.
func (x *router) forwardOf(u mta.Account, e expand.Expansion, o eximconf.Option) {
	var b strings.Builder
	for _, p := range e.Parts {
		switch {
		case p.Kind == expand.Text:
			b.WriteString(p.Text)
		case p.Kind == expand.Variable && p.Name == "home":
			b.WriteString(u.Home)
		case p.Kind == expand.Variable && strings.HasPrefix(p.Name, "local_part_suffix"), p.Kind == expand.Item:
			b.WriteByte('*')
		case p.Kind == expand.Variable && strings.HasPrefix(p.Name, "local_part"):
			b.WriteString(u.Name)
		default:
			b.WriteByte('*')
		}
	}
	for _, name := range x.matching(b.String()) {
		l := x.list("file:"+clipKey(name), eximconf.Place{Path: mta.Clean(name), Line: 1})
		l.key, l.home = u.Name, u.Home
		if _, suffix, ok := strings.Cut(path.Base(name), ".forward"); ok {
			l.key += suffix
		}
		if l.user == "" {
			l.user = u.Name
		}
		l.spot.scope = "recipient " + mta.Clip(l.key)
		x.followed(l, name)
	}
}

// matching are the files that a name with a star stands for; the name without what
// the star stands for among them.
func (x *router) matching(name string) []string {
	dir, base := path.Split(name)
	before, after, star := strings.Cut(base, "*")
	if !star {
		return []string{name}
	}
	names, _ := x.Tree.ReadDir(mta.Clean(dir)) // a home that can't be listed is told by Accounts
	var files []string
	for _, n := range names {
		if strings.HasPrefix(n, before) && strings.HasSuffix(n, strings.Trim(after, "*")) && len(files) < 200 {
			files = append(files, dir+n)
		}
	}
	return files
}

// followed reads one file: a list, an Exim filter or a Sieve script, as its first
// line says (spec 22.6).
func (x *router) followed(l *list, name string) {
	if !path.IsAbs(name) {
		return
	}
	p := mta.Clean(name)
	text, ok := x.Book.Read(p, "a forward file")
	if !ok {
		return
	}
	x.part(p, waxseal.RoleAliases)
	l.at = eximconf.Place{Path: p, Line: 1}
	if l.key != "" {
		l.shows = "forward"
	}
	switch {
	case x.On("allow_filter") && eximfilter.IsFilter(text):
		x.filter(l, text, eximfilter.Rights{Defer: x.On("allow_defer"), Fail: x.On("allow_fail"), Freeze: x.On("allow_freeze")})
	case x.On("allow_filter") && isSieve(text):
		x.sieve(l, text)
	default:
		l.lines(text)
	}
}

// isSieve reports whether a file says in its first line that it is a Sieve script.
func isSieve(text string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(text, " \t\r\n"), "\n")
	words := strings.Fields(strings.ToLower(first))
	return len(words) > 2 && words[0] == "#" && words[1] == "sieve" && words[2] == "filter" || len(words) > 1 && words[0] == "#sieve" && words[1] == "filter"
}

// lines reads a plain list, each destination with its line.
func (l *list) lines(text string) {
	l.others = 0
	found := destinations(text)
	for _, d := range found {
		if l.keeps(d) {
			l.others++
		}
	}
	for n, d := range found {
		if l.Full() {
			return
		}
		l.at.Line = d.Line
		l.destination(d, n+1)
	}
}

// sieve makes the hooks of a Sieve script that Exim itself obeys.
func (x *router) sieve(l *list, text string) {
	script := sieve.Parse(text, sieve.Options{Extensions: x.sieveExtensions()})
	for _, p := range script.Problems {
		x.Problem(l.at.Path, p.Line, p.Message)
	}
	for n, a := range script.Actions {
		l.at.Line = a.Line
		h := l.start(n + 1)
		h.Directive = "sieve " + string(a.Verb)
		if when := a.When(); when != "" {
			mta.Modify(&h, "condition", when)
		}
		x.forbids(&h, "forbid_sieve_filter")
		switch {
		case script.Refused:
			mta.Inactive(&h, "Exim does not understand the script")
		case a.Never != "":
			mta.Inactive(&h, a.Never)
		}
		if x.sieveAction(l, &h, a) {
			x.emit(h)
		}
	}
}

// sieveExtensions are those that Exim's own interpreter takes, as 4.96 says when it
// is asked with -bf; notices need an option (spec 22.7, "sieve_enotify_mailto_owner").
func (x *router) sieveExtensions() []string {
	list := []string{"comparator-i;ascii-numeric", "copy", "encoded-character", "envelope", "fileinto", "subaddress", "vacation"}
	if x.Value("sieve_enotify_mailto_owner") != "" {
		list = append(list, "enotify")
	}
	return list
}

func (x *router) forbids(h *waxseal.Hook, option string) {
	if x.On(option) {
		mta.Inactive(h, "the router forbids it ("+option+")")
	}
}

func (x *router) sieveAction(l *list, h *waxseal.Hook, a sieve.Action) bool {
	from := whenClause(a.When()) + " (" + string(l.at.Path) + ")."
	switch a.Verb {
	case sieve.Redirect:
		h.Target = x.domains.Address(a.Target)
		h.Explain = l.whose() + " goes to " + mta.Clip(a.Target) + mta.Where(h.Target) + from
		if !a.Diverts {
			h.Kind, h.Effects = waxseal.KindCopy, copies
			h.Explain = l.whose() + " is delivered and copied to " + mta.Clip(a.Target) + mta.Where(h.Target) + from
		}
	case sieve.Discard, sieve.Stop:
		if !a.Drops {
			return false
		}
		h.Kind, h.Effects = waxseal.KindDiscard, drops
		h.Target = waxseal.Target{Type: waxseal.TargetText, Value: string(a.Verb)}
		h.Explain = l.whose() + " is thrown away without a word to anyone" + from
	case sieve.FileInto:
		name := a.Target
		if !path.IsAbs(name) {
			return false // a folder of the user's own
		}
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: name}
		h.Explain = l.whose() + " is written to " + mta.Clip(name) + from
		l.needs(h, "file_transport", "forbid_file")
	case sieve.Notify:
		h.Kind, h.Effects = waxseal.KindCopy, copies
		h.Target = x.domains.Address(strings.TrimPrefix(a.Target, "mailto:"))
		h.Explain = "A notice of mail goes to " + mta.Clip(a.Target) + mta.Where(h.Target) + from
	default:
		return false
	}
	return true
}

// whenClause says on what condition, for a sentence.
func whenClause(when string) string {
	if when == "" {
		return ""
	}
	return " where " + mta.Clip(when)
}
