package policy

import (
	"regexp"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// postgreyOptions are those of postgrey(8).
var postgreyOptions = grammar{options: map[string]takes{
	"help|h": nothing, "man": nothing, "version": nothing, "noaction|no-action|n": nothing, "verbose|v": nothing, "quiet|q": nothing, "daemonize|d": nothing,
	"unix|u": value, "inet|i": value, "socketmode": value, "user": value, "group": value, "dbdir": value, "pidfile": value, "delay": value, "max-age": value,
	"lookup-by-subnet": nothing, "lookup-by-host": nothing, "ipv4cidr": value, "ipv6cidr": value, "auto-whitelist-clients": maybe,
	"whitelist-clients": value, "whitelist-recipients": value, "syslogfacility|syslog-facility|facility": value,
	"retry-window": value, "greylist-action": value, "greylist-text": value, "privacy": nothing, "hostname": value, "exim": nothing, "listen-queue-size": value, "x-greylist-header": value,
}}

// postgreyDefaults are what the options are without being given (postgrey(8)).
var postgreyDefaults = map[string]string{
	"delay": "300", "max-age": "35", "retry-window": "2", "auto-whitelist-clients": "5", "ipv4cidr": "24", "ipv6cidr": "64", "greylist-action": "DEFER_IF_PERMIT",
	"greylist-text":     "Greylisted, see http://postgrey.schweikert.ch/help/%r.html",
	"x-greylist-header": "X-Greylist: delayed %t seconds by postgrey-%v at %h; %d",
	"user":              "postgrey", "group": "postgrey", "dbdir": "/var/lib/postgrey", "socketmode": "0666", "syslogfacility": "mail", "privacy": "", "exim": "", "lookup-by-host": "", "hostname": "",
}

const greylistHeader = "x-greylist-header"

// postgrey reads the greylisting service postgrey: how it is started (postgrey(8),
// in Debian POSTGREY_OPTS of /etc/default/postgrey), and whom it lets by.
func postgrey(s *service) {
	const defaults, dir = waxseal.Path("/etc/default/postgrey"), waxseal.Path("/etc/postgrey")
	set := map[string]option{}
	text, ok := s.file(defaults, waxseal.RoleConfig)
	if ok {
		set = assignments(defaults, text)
		for name, o := range set {
			if name != "POSTGREY_OPTS" {
				s.note(option{"default:" + name, o.value, o.path, o.line})
			}
		}
		s.postgreyStarted(mta.ShellWords(set["POSTGREY_OPTS"].value), set["POSTGREY_OPTS"].orAt(defaults))
	}
	for _, st := range s.starts("postgrey") {
		s.postgreyStarted(words(st.Argv[1:], set), option{path: st.Source.Path, line: st.Source.Line})
	}
	for _, name := range []waxseal.Path{"whitelist_clients", "whitelist_clients.local", "whitelist_recipients", "whitelist_recipients.local"} {
		s.greyWhitelist(dir+"/"+name, strings.HasPrefix(string(name), "whitelist_c"))
	}
	if len(s.config) == 0 {
		return
	}
	s.daemon("/usr/sbin/postgrey", "/usr/local/sbin/postgrey")
	s.beside(dir, waxseal.RoleUnused)
}

// postgreyStarted reads one command line.
func (s *service) postgreyStarted(argv []string, from option) {
	list := postgreyOptions.parse(argv)
	s.met.User = last(list, "user", "postgrey")
	if port := last(list, "inet", ""); port != "" {
		host, number := mta.SplitHostPort(port)
		if strings.Trim(port, "0123456789") == "" {
			host, number = "localhost", port
		}
		s.sockets(inet(host, number))
	} else if p := last(list, "unix", ""); p != "" {
		s.sockets(unix(p))
	}
	for name, otherwise := range postgreyDefaults {
		s.note(option{"--" + name, last(list, name, otherwise), from.path, from.line})
	}
	for i, g := range list {
		o := option{"--" + g.name, g.value, from.path, from.line}
		switch g.name {
		case "whitelist-clients", "whitelist-recipients":
			s.greyWhitelist(mta.Clean(g.value), g.name == "whitelist-clients")
		case "greylist-action":
			s.greyAction(o)
		case greylistHeader:
			s.greyHeader(o)
		case "inet", "unix":
			s.note(option{o.name + ":" + strconv.Itoa(i), o.value, o.path, o.line})
		}
	}
}

// greyAction reads what is answered of mail that is to wait: any action.
func (s *service) greyAction(o option) {
	h := s.hook(o, "")
	h.Scope = "mail that is greylisted"
	switch mta.ParseAction(o.value).Verb {
	case "OK", "DUNNO", "PERMIT", "RELAY", "INFO", "WARN":
		s.letsBy(o, "", "postgrey puts nobody off: it answers "+mta.Clip(o.value)+" of mail that should wait")
	default:
		s.answer(h, o.value)
	}
}

// greyHeader reads the header that a message gets that waited; one that is no
// X- header changes what the message says.
func (s *service) greyHeader(o option) {
	name, _, _ := strings.Cut(o.value, ":")
	if strings.HasPrefix(strings.ToLower(name), "x-") {
		return
	}
	h := s.hook(o, "")
	h.Scope = "all mail that waited"
	h.Kind, h.Effects = waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: o.value}
	h.Explain = "Mail that waited gets the header " + mta.Clip(o.value) + " (" + o.name + ")."
	s.Emit(h)
}

var (
	greyPattern = regexp.MustCompile(`^/(\S+)/$`)
	greyIPv4    = regexp.MustCompile(`^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?:/\d{1,2})?$`)
	greyIPv6    = regexp.MustCompile(`^.*:.*:.*(?:/\d{1,3})?$`)
)

// greyWhitelist reads whom postgrey lets by (postgrey(8) "Configuration files").
func (s *service) greyWhitelist(p waxseal.Path, clients bool) {
	if s.noted[p] {
		return
	}
	text, ok := s.ReadUpTo(p, "a list of those whom postgrey lets by", maxFile)
	if !ok && !s.Exists(p) {
		return
	}
	s.part(p, waxseal.RoleList)
	s.config = append(s.config, p)
	var entries []option
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		line = strings.Trim(line, blanks)
		if line == "" {
			continue
		}
		o := option{"whitelist", line, p, n}
		entries = append(entries, o)
		if why := greyEverybody(line, clients); why != "" && len(entries) < maxListed {
			s.letsBy(o, line, "postgrey lets everybody by: "+mta.Clip(line)+" is "+why)
		}
	}
	s.listed("whitelist", p, entries)
}

// greyEverybody says why an entry lets everybody by, "" where it does not.
func greyEverybody(entry string, clients bool) string {
	switch {
	case greyPattern.MatchString(entry):
		if matchesAnything(entry[1 : len(entry)-1]) {
			return "a pattern that fits whatever there is"
		}
	case clients && (greyIPv4.MatchString(entry) || greyIPv6.MatchString(entry)):
		if isEverywhere(entry) {
			return "a network that everybody is in"
		}
	case isTopDomain(entry) && !strings.Contains(entry, "@") && (clients || !strings.HasPrefix(entry, ".")):
		return "a whole top-level domain"
	}
	return ""
}

// listed emits the hook of a list, and notes its entries as settings: each where
// they are few, else how many there are, and a digest of them.
func (s *service) listed(directive string, p waxseal.Path, entries []option) {
	var values []string
	for _, o := range entries {
		values = append(values, o.value)
	}
	s.passList(option{name: directive, path: p}, values)
	if len(entries) > 500 {
		s.Setting(string(p), "entries", digest(sorted(values)), waxseal.Source{Path: p})
		return
	}
	for _, o := range entries {
		s.Setting(string(p), o.value, "listed", o.source())
	}
}
