package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// postfwdOptions are those of postfwd2 --help; postfwd1 has the most of them too.
var postfwdOptions = grammar{bundled: true, options: map[string]takes{
	"rule|r": value, "file|f": value, "scores|score|s": value, "test|t": nothing, "instantcfg|I": nothing, "config_timeout": value, "showconfig|C": nothing, "defaults|settings|D": nothing,
	"umask": value, "user|u": value, "group|g": value, "server_socket|socket": value, "interface|i": value, "port|p": value, "proto": value, "server_umask": value,
	"min_servers": value, "max_servers": value, "min_spare_servers": value, "max_spare_servers": value, "nodns|n": nothing, "dns_timeout": value, "dns_async_txt": nothing,
	"dns_timeout_max": value, "dns_timeout_interval": value, "dns_max_ns_lookups": value, "dns_max_mx_lookups": value, "cache-rbl-timeout": value, "cache-rbl-default": value, "cleanup-rbls": value,
	"no_parent_dns_cache": nothing, "parent_dns_cache": nothing, "summary|stats|S": value, "norulestats": nothing, "no-rulestats": nothing, "noidlestats": nothing, "no-idlestats": nothing,
	"stdoutlog|stdout|L": nothing, "cache_socket": value, "cache_interface": value, "cache_port": value, "cache_proto": value, "cache_umask": value, "cache|c": value, "cacheid": value,
	"cache-rdomain-only": nothing, "cache-no-sender": nothing, "cache-no-size": nothing, "cleanup-requests": value, "no_parent_request_cache": nothing, "no_parent_rate_cache": nothing,
	"no_parent_cache": nothing, "cleanup-rates": value, "keep_rates|keep_limits|keep_rates_on_reload": nothing, "save_rates|save_limits|save_rates_on_restart": value, "fast_limit_evaluation": nothing,
	"version|V": nothing, "versionshort|shortversion": nothing, "manual|m": nothing, "term|kill|stop|k": nothing, "hup|reload": nothing, "delcache": value, "delrate": value, "dumpcache": nothing,
	"dumpstats": nothing, "pid|pidfile|pid_file": value, "watchdog": value, "respawn": value, "failures": value, "daemon|d": nothing, "nodaemon": nothing, "daemons": value, "chroot|R": value,
	"debug": value, "verbose|v": nothing, "logname|l": value, "facility": value, "socktype": value, "nodnslog": nothing, "no-dnslog": nothing, "anydnslog": nothing, "norulelog": nothing,
	"no-rulelog": nothing, "perfmon|P": nothing, "plugins": value, "start": nothing, "shortlog": nothing, "dns_queuesize": value, "dns_retries": value,
}}

// postfwd reads the policy service postfwd: its rules, and how it is started
// (postfwd(1)).
func postfwd(s *service) {
	const defaults, rules = waxseal.Path("/etc/default/postfwd"), waxseal.Path("/etc/postfix/postfwd.cf")
	s.met.User = "nobody"
	r := &postfwdReader{service: s, seen: map[waxseal.Path]bool{}}
	r.ruleReader = ruleReader{macros: map[string]string{}, list: r.entries, problem: func(line int, message string) { s.Problem(r.at, line, message) }}
	set := map[string]option{}
	if text, ok := s.file(defaults, waxseal.RoleConfig); ok {
		set = assignments(defaults, text)
		for name, o := range set {
			s.note(option{"default:" + name, o.value, o.path, o.line})
		}
		r.started(debianStart(set), set["ARGS"].orAt(defaults))
	}
	for _, st := range s.starts("postfwd", "postfwd1", "postfwd2") {
		r.started(words(st.Argv[1:], set), option{"command line", "", st.Source.Path, st.Source.Line})
	}
	if !r.seen[rules] && s.Exists(rules) {
		r.rulesFrom(rules)
	}
	if len(s.config) == 0 {
		return
	}
	if len(s.met.Sockets) == 0 {
		s.sockets(inet("127.0.0.1", "10040"), inet("127.0.0.1", "10045"))
	}
	s.daemon("/usr/sbin/postfwd2", "/usr/sbin/postfwd1", "/usr/sbin/postfwd", "/usr/local/postfwd/sbin/postfwd")
	r.meaning()
}

// orAt is an option that may be missing from a file.
func (o option) orAt(p waxseal.Path) option {
	if o.path == "" {
		o.path = p
	}
	return o
}

// debianStart is the command line of Debian's unit and init script.
func debianStart(set map[string]option) []string {
	list := mta.ShellWords(set["ARGS"].value)
	for _, one := range [][2]string{{"--file", "CONF"}, {"--interface", "INET"}, {"--port", "PORT"}, {"--user", "RUNAS"}} {
		if v := set[one[1]].value; v != "" {
			list = append(list, one[0], v)
		}
	}
	return list
}

// postfwdReader gathers the rules of all command lines, in order.
type postfwdReader struct {
	*service
	ruleReader
	rules []rule
	seen  map[waxseal.Path]bool
	at    waxseal.Path // the file that is being read
}

// started reads one command line.
func (r *postfwdReader) started(argv []string, from option) {
	list := postfwdOptions.parse(argv)
	switch last(list, "term", last(list, "hup", "no")) {
	case "no":
	default:
		return // it stops the service, or makes it read its files anew
	}
	r.listens(list)
	for i, g := range list {
		o := option{"--" + g.name, g.value, from.path, from.line}
		switch g.name {
		case "file":
			r.rulesFrom(mta.Clean(g.value))
		case "rule":
			r.at = from.path
			if one, ok := r.rule(logical{strip(g.value), from.line}, len(r.rules)); ok {
				one.file = from.path
				r.rules = append(r.rules, one)
			}
		case "scores":
			r.scores(o, strconv.Itoa(i))
		case "plugins":
			r.plugin(o)
		case "interface", "port", "proto", "user", "group", "pid":
		default:
			r.note(o)
		}
	}
}

// listens notes where a command line lets it be met.
func (r *postfwdReader) listens(list []given) {
	proto, host, port := last(list, "proto", "tcp"), last(list, "interface", "127.0.0.1"), last(list, "port", "")
	if f := strings.SplitN(last(list, "server_socket", ""), ":", 3); len(f) == 3 {
		proto, host, port = f[0], f[1], f[2]
	}
	if user := last(list, "user", ""); user != "" {
		r.met.User = user
	}
	switch {
	case port == "":
	case proto == "unix":
		r.sockets(unix(port))
	default:
		r.sockets(inet(host, port))
	}
}

// rulesFrom reads a file of rules.
func (r *postfwdReader) rulesFrom(p waxseal.Path) {
	if r.seen[p] || len(r.seen) > 50 {
		return
	}
	r.seen[p] = true
	if text, ok := r.service.file(p, waxseal.RoleConfig); ok {
		r.at = p
		r.rules = append(r.rules, r.ruleReader.file(p, text, len(r.rules))...)
	}
}

// entries reads a list that an item names: "file:/path" has a value on each line,
// of "table:/path" the last word of a line does not count.
func (r *postfwdReader) entries(reference string, line int) []string {
	kind, name, _ := strings.Cut(reference, ":")
	if !path.IsAbs(name) {
		r.Problem(r.at, line, "the list "+mta.Clip(name)+" has no absolute path, so it is not known which file that is")
		return nil
	}
	p := mta.Clean(name)
	text, ok := r.ReadUpTo(p, "a list of "+r.title, maxFile)
	r.part(p, waxseal.RoleList)
	if !ok {
		return nil
	}
	return listEntries(kind, text)
}

// listEntries are the values in a file of the kind "file", or "table".
func listEntries(kind, text string) []string {
	kind, _, _ = strings.Cut(kind, ":")
	var list []string
	for entry := range strings.Lines(text) {
		entry, _, _ = strings.Cut(strings.TrimRight(entry, "\n"), "#")
		if strings.HasSuffix(strings.ToLower(kind), "table") {
			if i := strings.LastIndexAny(entry, blanks); i >= 0 && i < len(entry)-1 {
				entry = entry[:i]
			}
		}
		if entry = strings.Trim(entry, blanks); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// digest stands for a list in a setting where it is too long to be written out.
func digest(list []string) string {
	text := strings.Join(list, ", ")
	if len(text) <= 200 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return strconv.Itoa(len(list)) + " entries (" + hex.EncodeToString(sum[:6]) + ")"
}

// plugin takes down Perl code that postfwd loads when it starts.
func (r *postfwdReader) plugin(o option) {
	p := mta.Clean(o.value)
	text, ok := r.ReadUpTo(p, "a plugin of "+r.title, maxFile)
	if !ok {
		r.Problem(o.path, o.line, "the plugin "+string(p)+" is not there")
	}
	r.part(p, waxseal.RoleScript)
	r.program(option{"plugins", "", p, 1}, text, calls.Perl, "postfwd runs it for what it is asked about")
}

// scores reads "5.0=REJECT", what is answered where the points of a message reach a
// sum.
func (r *postfwdReader) scores(o option, place string) {
	sum, action, _ := strings.Cut(o.value, "=")
	h := r.hook(o, place)
	h.Scope, h.Directive = "mail with "+mta.Clip(sum)+" points or more", "action"
	if !r.answer(h, action) {
		r.note(option{o.name + ":" + sum, action, o.path, o.line})
	}
}
