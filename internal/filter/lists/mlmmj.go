package lists

import (
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// spool is where lists of mlmmj are; they may lie in directories of their domains
// (README.postfix).
const spool waxseal.Path = "/var/spool/mlmmj"

func (x *reader) mlmmj() {
	for _, name := range x.names(spool) {
		dir := spool + "/" + waxseal.Path(name)
		if !x.isDirectory(dir) {
			continue
		}
		if x.isList(dir) {
			x.list(dir)
			continue
		}
		for _, inner := range x.names(dir) {
			if x.isList(dir + "/" + waxseal.Path(inner)) {
				x.list(dir + "/" + waxseal.Path(inner))
			}
		}
	}
}

func (x *reader) isList(dir waxseal.Path) bool { return x.isDirectory(dir + "/control") }

// mlmmjList is one list with its control files.
type mlmmjList struct {
	dir     waxseal.Path
	address string
	lines   map[string][]string // of each control file
}

// list reads a list. Of an ordinary file only the first line counts, of a switch that
// it is there, of a list every line.
func (x *reader) list(dir waxseal.Path) {
	if x.full(dir) {
		return
	}
	l := mlmmjList{dir: dir, address: string(dir[len(spool)+1:]), lines: map[string][]string{}}
	names := x.names(dir + "/control")
	for _, name := range names {
		p := dir + "/control/" + waxseal.Path(name)
		if text, ok := x.text(p, waxseal.RoleConfig); ok {
			l.lines[name] = strings.Split(strings.TrimRight(text, "\n"), "\n")
		}
	}
	if first := l.first("listaddress"); strings.Contains(first, "@") {
		l.address = first
	}
	for _, name := range names {
		if _, ok := l.lines[name]; ok {
			x.control(l, name)
		}
	}
	for _, name := range x.names(dir + "/text") {
		if p := dir + "/text/" + waxseal.Path(name); !x.isDirectory(p) {
			x.part(p, waxseal.RoleFilterConfig)
		}
	}
	x.subscribers(l)
}

func (l mlmmjList) first(name string) string {
	if lines := l.lines[name]; len(lines) > 0 {
		return strings.TrimSpace(lines[0])
	}
	return ""
}

func (l mlmmjList) has(name string) bool { _, ok := l.lines[name]; return ok }

// entry is a line of a control file.
func (l mlmmjList) entry(name, value string, line int) entry {
	return entry{name: name, value: value, path: l.dir + "/control/" + waxseal.Path(name), line: line, scope: "all mail to the list " + mta.Clip(l.address)}
}

// control takes one control file down.
func (x *reader) control(l mlmmjList, name string) {
	e := l.entry(name, l.first(name), 1)
	switch list := "the list " + mta.Clip(l.address); name {
	case "owner":
		x.people(l, name, "mail to the owners of "+list, "Mail to the owners of "+list+" goes to", waxseal.KindRedirect, diverts)
	case "moderators", "submod":
		x.people(l, name, "mail to "+list+" that somebody has to let through", "Whoever writes to "+list+", or asks to be on it, is told to", waxseal.KindCopy, copies)
	case "relayhost":
		x.relay(e, l.first("smtpport"), "Mail of "+list+" goes out by")
	case "smtpport":
		if !l.has("relayhost") {
			local := e
			local.value = "127.0.0.1"
			x.relay(local, e.value, "Mail of "+list+" goes out by")
		}
	case "staticbounceaddr":
		e.scope = "bounces of " + list
		x.addresses(e, waxseal.KindRedirect, diverts, "Bounces of "+list+" go to variants of")
	case "customheaders", "delheaders":
		x.headers(l, name)
	case "access":
		x.access(l)
	case "footer":
		e.value = strings.Join(l.lines[name], "\n")
		x.setting(e)
	default:
		x.setting(e)
	}
}

// people emits hooks for the addresses of a file, one a line.
func (x *reader) people(l mlmmjList, name, scope, says string, kind waxseal.HookKind, effects []waxseal.Effect) {
	for n, line := range l.lines[name] {
		e := l.entry(name, strings.TrimSpace(line), n+1)
		e.scope = scope
		if n < maxEntries {
			x.addresses(e, kind, effects, says)
		}
	}
	x.setting(l.entry(name, strconv.FormatBool(true), 1))
}

// headers emits hooks for headers that are added to each message, or removed.
func (x *reader) headers(l mlmmjList, name string) {
	says := "Each message of the list " + mta.Clip(l.address) + " gets the header"
	if name == "delheaders" {
		says = "Each message of the list " + mta.Clip(l.address) + " loses the header"
	}
	for n, line := range l.lines[name] {
		e := l.entry(name, strings.TrimSpace(line), n+1)
		header, _, _ := strings.Cut(e.value, ":")
		if e.key = strings.ToLower(header); e.value != "" && n < maxEntries {
			x.rewrite(e, says)
		}
	}
}

// access reads the rules of who may write: "action[ [!]regexp]", of which the first
// that matches a header counts (README.access). Without one that matches, mail is sent
// back.
func (x *reader) access(l mlmmjList) {
	for n, line := range l.lines["access"] {
		action, pattern, _ := strings.Cut(strings.TrimSpace(line), " ")
		e := l.entry("access", strings.TrimSpace(line), n+1)
		e.key = strings.TrimSpace(pattern)
		if e.value == "" || n >= maxEntries {
			continue
		}
		if action == "discard" {
			if e.key != "" {
				e.scope = "mail to the list " + mta.Clip(l.address) + " that matches " + mta.Clip(e.key)
			}
			x.discard(e, e.key, "Mail to the list "+mta.Clip(l.address)+" is thrown away where it matches "+orAll(e.key))
			continue
		}
		e.name += ":" + strconv.Itoa(n+1)
		x.setting(e)
	}
}

func orAll(pattern string) string {
	if pattern == "" {
		return "no rule before"
	}
	return mta.Clip(pattern)
}

// fewOwn is how many people of the own domains a list has at least, for a single one
// from elsewhere to stand out among them.
const fewOwn = 3

// subscribers reads who gets the mail of a list: subscribers.d, digesters.d. That
// people from elsewhere are on a list is ordinary. What is told is one alone among
// own people, those on a list to which nobody can have subscribed by mail, and those
// whom mlmmj did not write down itself.
func (x *reader) subscribers(l mlmmjList) {
	var all []entry
	var outside []int
	odd := map[int]bool{}
	for _, sub := range []string{"subscribers.d", "digesters.d"} {
		dir := l.dir + "/" + waxseal.Path(sub)
		for _, name := range x.names(dir) {
			p := dir + "/" + waxseal.Path(name)
			text, ok := x.text(p, waxseal.RoleList)
			if !ok {
				continue
			}
			n := 0
			for line := range strings.Lines(text) {
				n++
				address := strings.TrimSpace(line)
				if !strings.Contains(address, "@") {
					continue
				}
				if len(all) == maxLists {
					x.Unreadable(l.dir, "the subscribers of a list", "there are more than are read")
					break
				}
				if !x.domains.Own(address[strings.LastIndexByte(address, '@')+1:]) {
					outside = append(outside, len(all))
					odd[len(all)] = !writtenBySub(name, address)
				}
				all = append(all, entry{name: sub, value: address, path: p, line: n, scope: "all mail to the list " + mta.Clip(l.address)})
			}
		}
	}
	own := len(all) - len(outside)
	closed := l.has("closedlist") || l.has("closedlistsub")
	told := own >= fewOwn && len(outside) == 1 || own > 0 && closed
	hooks := 0
	for i, e := range all {
		_, foreign := slices.BinarySearch(outside, i)
		if foreign && (odd[i] || told) {
			hooks++
		}
		switch {
		case foreign && odd[i] && hooks <= mostCopies:
			x.addresses(e, waxseal.KindCopy, copies, "Mail to the list "+mta.Clip(l.address)+", by a file that mlmmj did not write, goes to")
		case foreign && told && hooks <= mostCopies:
			x.addresses(e, waxseal.KindCopy, copies, "Mail to the list "+mta.Clip(l.address)+", which is for own people, goes to")
		default:
			e.name += ":" + e.value
			x.setting(e)
		}
	}
}

// mostCopies bounds the hooks of one list; further ones are settings.
const mostCopies = 20

// writtenBySub reports whether mlmmj-sub(1) puts an address into a file of this name:
// that is its first character.
func writtenBySub(name, address string) bool { return strings.EqualFold(name, address[:1]) }
