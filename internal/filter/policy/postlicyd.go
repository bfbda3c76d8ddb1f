package policy

import (
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// licyFiles are where postlicyd's configuration lies; its manual uses the first.
var licyFiles = []waxseal.Path{"/etc/pfixtools/postlicyd.conf", "/etc/postlicyd.conf", "/etc/postlicyd/postlicyd.conf", "/etc/postfix/postlicyd.conf"}

// postlicydOptions are those of postlicyd(8).
var postlicydOptions = grammar{options: map[string]takes{
	"help|h": nothing, "unsafe|u": nothing, "foreground|f": nothing, "debug|d": nothing, "check-conf|c": nothing, "port|l": value, "socketfile|L": value, "pid-file|p": value,
}, bundled: true}

// licy is the reading of one configuration.
type licy struct {
	*service
	licyConfig
	path waxseal.Path
	// reached are the filters to which an entry point leads.
	reached map[string]bool
}

// postlicyd reads the policy service of pfixtools (postlicyd(8), postlicyd.conf(5)): a
// tree of filters, of which each result leads to another filter or to an answer. No
// distribution that is in support packages it, so that no lab asks it.
func postlicyd(s *service) {
	files := slices.DeleteFunc(slices.Clone(licyFiles), func(p waxseal.Path) bool { return !s.Exists(p) })
	files = files[:min(len(files), 1)]
	port, socket := "", ""
	for _, st := range s.starts("postlicyd") {
		list := postlicydOptions.parse(st.Argv[1:])
		port, socket = last(list, "port", port), last(list, "socketfile", socket)
		conf := st.Argv[len(st.Argv)-1]
		ofOption := slices.ContainsFunc(list, func(g given) bool { return g.value == conf })
		if len(st.Argv) > 1 && strings.HasPrefix(conf, "/") && !ofOption && !slices.Contains(files, mta.Clean(conf)) {
			files = append(files, mta.Clean(conf))
		}
	}
	for _, p := range files {
		text, ok := s.file(p, waxseal.RoleConfig)
		if !ok {
			continue
		}
		l := &licy{service: s, licyConfig: parsePostlicyd(text), path: p, reached: map[string]bool{}}
		l.all()
		if port == "" {
			port = l.param("port").value
		}
		if socket == "" {
			socket = l.param("socketfile").value
		}
	}
	if len(s.config) == 0 {
		return
	}
	if s.met.User = "nobody"; socket != "" {
		s.sockets(unix(socket))
	}
	if port != "" || socket == "" {
		s.sockets(inet("127.0.0.1", option{value: port}.or("10000")))
	}
	s.daemon("/usr/sbin/postlicyd", "/usr/local/sbin/postlicyd", "/usr/local/bin/postlicyd")
	s.beside("/etc/pfixtools", waxseal.RoleUnused)
}

func (l *licy) param(name string) licyParam {
	for _, p := range slices.Backward(l.params) {
		if p.name == name {
			return p
		}
	}
	return licyParam{}
}

func (l *licy) filter(name string) (licyFilter, bool) {
	i := slices.IndexFunc(l.filters, func(f licyFilter) bool { return f.name == name })
	if i < 0 {
		return licyFilter{}, false
	}
	return l.filters[i], true
}

// entries are the parameters that say which filter is asked first, by what the client
// said.
var licyEntries = []string{"client_filter", "helo_filter", "ehlo_filter", "sender_filter", "recipient_filter", "data_filter", "end_of_data_filter", "etrn_filter", "verify_filter"}

func (l *licy) all() {
	if l.wrong != "" {
		l.Unreadable(l.path, "the configuration of postlicyd", "line "+strconv.Itoa(l.line)+": postlicyd does not start with this: "+l.wrong)
	}
	for _, name := range licyEntries {
		if p := l.param(name); p.name != "" {
			l.entry(option{name, p.value, l.path, p.line})
		}
	}
	for _, p := range l.params {
		l.note(option{p.name, p.value, l.path, p.line})
	}
	for _, f := range l.filters {
		l.read(f)
	}
}

// outcomes are the actions of a filter that can happen: one whose condition always
// holds gives no other result.
func (f licyFilter) outcomes() (list []licyParam) {
	always := f.get("type") == "match" && f.alwaysMatches()
	for _, p := range f.params {
		if result, ok := strings.CutPrefix(p.name, "on_"); ok && (!always || result == "match") {
			list = append(list, p)
		}
	}
	return list
}

// alwaysMatches reports whether a filter of the type match has a condition that holds
// for whatever is asked about.
func (f licyFilter) alwaysMatches() bool {
	all := slices.Contains([]string{"true", "yes", "1", "on"}, strings.ToLower(f.get("match_all")))
	conditions, always := 0, 0
	for _, p := range f.params {
		if p.name != "condition" {
			continue
		}
		w := strings.Fields(p.value)
		conditions++
		switch {
		case len(w) > 1 && slices.Contains([]string{"#i", "NOTEMPTY"}, w[1]) && slices.Contains([]string{"client_address", "client_name", "protocol_state", "instance"}, w[0]),
			len(w) == 3 && slices.Contains([]string{"=~", "MATCH"}, w[1]) && matchesAnything(strings.Trim(strings.TrimSuffix(w[2], "i"), "/")):
			always++
		}
	}
	return always > 0 && (!all || always == conditions)
}

// entry follows the tree from one entry point; where no answer there ever refuses or
// delays anything, the service lets everybody by.
func (l *licy) entry(o option) {
	seen, queue := map[string]bool{}, []string{o.value}
	answers, refuses := 0, false
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		f, ok := l.filter(name)
		if seen[name] || !ok {
			if !ok {
				l.Problem(l.path, o.line, "there is no filter "+mta.Clip(name)+", to which "+o.name+" leads")
				refuses = true // postlicyd does not start
			}
			continue
		}
		seen[name], l.reached[name] = true, true
		for _, p := range f.outcomes() {
			a := parseLicyAction(p.value)
			if a.filter != "" {
				queue = append(queue, a.filter)
				continue
			}
			answers++
			verb := mta.ParseAction(a.answer).Verb
			refuses = refuses || !slices.Contains([]string{"OK", "DUNNO", "PERMIT", "INFO", "WARN"}, verb)
		}
	}
	if answers > 0 && !refuses {
		l.letsBy(o, "", "postlicyd refuses and delays nothing: none of the filters to which "+o.name+" leads answers otherwise than OK or DUNNO")
	}
}

// read makes the hooks of one filter.
func (l *licy) read(f licyFilter) {
	count := map[string]int{}
	for _, p := range f.params {
		name := f.name + ":" + p.name
		if count[p.name]++; count[p.name] > 1 {
			name += ":" + strconv.Itoa(count[p.name])
		}
		o := option{name, p.value, l.path, p.line}
		l.note(o)
		switch p.name {
		case "file", "rbldns":
			l.list(f, o)
		}
		if result, ok := strings.CutPrefix(p.name, "on_"); ok {
			l.outcome(f, o, result)
		}
	}
}

// outcome makes a hook of an answer that does more than refuse or let pass.
func (l *licy) outcome(f licyFilter, o option, result string) {
	a := parseLicyAction(o.value)
	if a.answer == "" {
		return
	}
	h := l.hook(o, "")
	h.Directive, h.Scope = "action", "mail of which the filter "+mta.Clip(f.name)+" says "+result+f.asks()
	if f.get("type") == "match" && f.alwaysMatches() && result == "match" {
		h.Scope = "all mail that it is asked about"
	}
	h.Closure = []waxseal.Part{{Path: l.path, Role: waxseal.RoleConfig}}
	if !l.reached[f.name] {
		mta.Inactive(&h, "no entry point leads to the filter "+f.name)
	}
	l.answer(h, a.answer)
}

// asks says what a filter picks mail by.
func (f licyFilter) asks() string {
	var list []string
	for _, p := range f.params {
		if p.name == "condition" {
			list = append(list, p.value)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return ": " + mta.Clip(strings.Join(list, ", "))
}

// list reads a list of addresses or names: "lock:1:/path" in a filter of the type
// iplist, "lock:1:suffix:/path" in one of strlist. Whom it lets by is a hook.
func (l *licy) list(f licyFilter, o option) {
	i := strings.IndexByte(o.value, '/')
	if i < 0 {
		return
	}
	p := mta.Clean(o.value[i:])
	l.part(p, waxseal.RoleList)
	text, ok := l.ReadUpTo(p, "a list of postlicyd's", maxFile)
	if !ok || !l.reached[f.name] || !f.welcomes() {
		return
	}
	var entries []option
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || strings.IndexByte("#:$;!", line[0]) >= 0 {
			continue
		}
		e := option{"file", line, p, n}
		entries = append(entries, e)
		if why := greyEverybody(line, true); why != "" && len(entries) < maxListed {
			l.letsBy(e, line, "postlicyd lets everybody by: "+mta.Clip(line)+" is "+why)
		}
	}
	l.listed("file", p, entries)
}

// welcomes reports whether whoever is on the lists of a filter is let by.
func (f licyFilter) welcomes() bool {
	verb := mta.ParseAction(parseLicyAction(f.get("on_hard_match")).answer).Verb
	return slices.Contains([]string{"OK", "DUNNO", "PERMIT"}, verb)
}
