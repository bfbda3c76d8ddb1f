package milters

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mta"
)

// greylist reads greylist.conf(5) of milter-greylist. Debian has no package of it
// since bookworm: what is here is held against its grammar, and against no program.
func greylist(f *filter) {
	statements := f.greyFile(f.main, 0)
	if f.there {
		for _, s := range f.starts {
			if u := s.options["u"]; u != "" {
				f.user = u
			}
		}
		f.greyAll(statements)
	}
}

const mostIncludes = 5

// greyLine is a statement and where it stands.
type greyLine struct {
	milterconf.Statement
	source waxseal.Source
}

func (f *filter) greyFile(p waxseal.Path, level int) (list []greyLine) {
	text, ok := f.text(p, func(text string) bool { return strings.Contains(strings.ToLower(text), "bindpw") })
	if !ok {
		return nil
	}
	statements, refusals := milterconf.ParseGreylist(text)
	for i := range refusals {
		refusals[i].Source.Path = p
	}
	f.refused(refusals)
	for _, s := range statements {
		at := waxseal.Source{Path: p, Line: s.Line}
		if s.Verb != "include" || len(s.Words) == 0 {
			list = append(list, greyLine{s, at})
			continue
		}
		f.further(milterconf.Entry{Name: "include", Value: s.Words[0].Text, Source: at})
		if level == mostIncludes || len(f.config) > 50 {
			f.Problem(p, s.Line, "more files are included than are read")
			continue
		}
		list = append(list, f.greyFile(mta.Clean(s.Words[0].Text), level+1)...)
	}
	return list
}

func (f *filter) greyAll(list []greyLine) {
	socket := ""
	for _, s := range list {
		switch {
		case s.Verb == "user" && len(s.Words) > 0 && f.user == "":
			f.account(milterconf.Entry{Name: "user", Value: s.Words[0].Text, Source: s.source})
		case s.Verb == "socket" && len(s.Words) > 0:
			socket = s.Words[0].Text
		}
	}
	f.listens(cmp.Or(socket, "/var/milter-greylist/milter-greylist.sock"))
	f.accessLists(list)
	count := map[string]int{}
	for _, s := range list {
		count[s.Verb]++
		f.Setting(f.name(), "greylist "+s.Verb+" "+strconv.Itoa(count[s.Verb]), s.Text(), s.source)
		f.greyStatement(s)
	}
}

func (s greyLine) entry(name string) milterconf.Entry {
	return milterconf.Entry{Name: name, Value: s.Text(), Source: s.source}
}

// accessLists finds the entry that lets all mail pass before others are asked. As the
// last of several it is what greylist.conf(5) tells to write.
func (f *filter) accessLists(list []greyLine) {
	var asked []greyLine
	for _, s := range list {
		if s.Action() != "" && s.Verb != "dacl" {
			asked = append(asked, s)
		}
	}
	for i, s := range asked {
		if s.Action() != "whitelist" || !s.all() {
			continue
		}
		checks := 0
		for _, before := range asked[:i] {
			if before.Action() != "whitelist" {
				checks++
			}
		}
		if i+1 < len(asked) || checks == 0 {
			f.passes(f.hook(s.entry(s.Verb+" whitelist")), "all", s.Text(), "No mail is delayed or refused: the entry lets all pass, and what stands below it is not asked")
		}
		return
	}
}

// all reports whether an entry is for all mail.
func (s greyLine) all() bool {
	if _, ok := s.Clause("default"); ok {
		return true
	}
	clauses := 0
	for _, w := range s.Words {
		if !w.Quoted && !w.Regex {
			clauses++
		}
		if w.Regex && matchesAll(w.Text) && len(s.Words) <= 4 {
			return true
		}
	}
	address, ok := s.Clause("addr")
	net, err := netip.ParsePrefix(address)
	return ok && err == nil && net.Bits() == 0 && clauses == 3
}

func (f *filter) greyStatement(s greyLine) {
	if len(s.Words) == 0 {
		return
	}
	switch s.Verb {
	case "stat":
		f.greyStat(s)
	case "urlcheck":
		f.greyURL(s)
	case "ldapconf":
		for url := range strings.FieldsSeq(s.Words[0].Text) {
			f.server(f.hook(s.entry("ldapconf")), url, hostOf(url), "whose mail to delay")
		}
	case "spamdsock":
		f.greySpamd(s)
	case "peer":
		host := s.Words[0].Text
		f.server(f.hook(s.entry("peer")), host, host, "who may pass, and is told who may")
	case "geoipdb":
		f.Part(mta.Clean(s.Words[0].Text), waxseal.RoleFilterConfig)
	case "racl", "dacl", "acl", "sacl":
		for _, name := range []string{"addheader", "addfooter", "subject"} {
			if value, ok := s.Clause(name); ok {
				h := f.hook(s.entry(name))
				h.Scope = "mail that meets " + mta.Clip(s.Text())
				f.rewrites(h, value, "Messages get "+map[string]string{"addheader": "the header field ", "addfooter": "the text below them ", "subject": "the subject "}[name]+mta.Clip(value))
			}
		}
	}
}

// greyStat is a report of each message: a command, or a file.
func (f *filter) greyStat(s greyLine) {
	h := f.hook(s.entry("stat"))
	to := s.Words[0].Text
	if command, ok := strings.CutPrefix(to, "|"); ok {
		f.command(h, waxseal.KindPipe, strings.TrimSpace(command), "for each message, and is told who sent it to whom")
		return
	}
	h.Kind, h.Effects = waxseal.KindLog, observes
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(mta.Clean(strings.TrimLeft(to, "> ")))}
	h.Explain = "Who sent each message to whom is written to " + mta.Clip(h.Target.Value) + where(h)
	f.emit(h)
}

// greyURL is a server that is asked about each message, and given all of it with
// "postmsg".
func (f *filter) greyURL(s greyLine) {
	if len(s.Words) < 2 {
		return
	}
	url := s.Words[1].Text
	h := f.hook(s.entry("urlcheck"))
	if _, ok := s.Clause("postmsg"); !ok {
		f.server(h, url, hostOf(url), "whose mail to delay, and is told sender and recipient")
		return
	}
	h.Kind, h.Effects = waxseal.KindPolicy, copies
	h.Target = mta.InetSocket(hostOf(url), portOf(url))
	h.Explain = "Each message is sent to " + mta.Clip(url) + mta.Where(h.Target) + where(h)
	f.emit(h)
}

// greySpamd is the SpamAssassin that each message is handed to.
func (f *filter) greySpamd(s greyLine) {
	if len(s.Words) < 2 {
		return
	}
	h := f.hook(s.entry("spamdsock"))
	h.Kind, h.Effects = waxseal.KindPolicy, []waxseal.Effect{waxseal.Observe, waxseal.Drop}
	if strings.EqualFold(s.Words[0].Text, "unix") {
		target, part := mta.UnixSocket(mta.Clean(s.Words[1].Text))
		h.Target, h.Closure = target, []waxseal.Part{part}
	} else {
		host, port := mta.SplitHostPort(s.Words[1].Text)
		h.Target = mta.InetSocket(host, cmp.Or(port, "783"))
	}
	h.Explain = "Each message is handed to the SpamAssassin at " + mta.Clip(h.Target.Value) + mta.Where(h.Target) + where(h)
	f.emit(h)
}

func authority(url string) (scheme, host, port string) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		scheme, rest = "", url
	}
	rest, _, _ = strings.Cut(rest, "/")
	host, port = mta.SplitHostPort(rest[strings.LastIndexByte(rest, '@')+1:])
	return scheme, host, port
}

func hostOf(url string) string {
	_, host, _ := authority(url)
	return host
}

func portOf(url string) string {
	scheme, _, port := authority(url)
	return cmp.Or(port, map[string]string{"https": "443", "ldap": "389", "ldaps": "636"}[scheme], "80")
}
