package policy

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// greylistdDefaults are the settings of greylistd (greylistd(8)), by section.
var greylistdDefaults = map[string]string{
	"data:statefile": "/var/lib/greylistd/states", "data:tripletfile": "/var/lib/greylistd/triplets", "data:savetriplets": "True", "data:singlecheck": "False", "data:singleupdate": "False", "data:update": "300",
	"socket:path": "/var/run/greylistd/socket", "socket:owner": "greylist:greylist", "socket:mode": "0660", "timeouts:retryMin": "3600", "timeouts:retryMax": "28800", "timeouts:expire": "5184000",
}

// greylistd reads the greylisting service that an ACL of Exim asks (greylistd(8)):
// its timeouts and socket, and the hosts that the ACL lets by, which Exim reads
// (greylistd-setup-exim4(8)).
func greylistd(s *service) {
	const dir = waxseal.Path("/etc/greylistd")
	text, ok := s.file(dir+"/config", waxseal.RoleConfig)
	if !ok && !s.Exists(dir) {
		return
	}
	set := parseGreylistd(text, func(line int, message string) { s.Problem(dir+"/config", line, message) })
	for name, otherwise := range greylistdDefaults {
		o, ok := set[name]
		if !ok {
			o = option{name: name, value: otherwise}
		}
		o.path = dir + "/config"
		set[name] = o
		s.note(o)
	}
	s.met.User, _, _ = strings.Cut(set["socket:owner"].value, ":")
	s.sockets(unix(set["socket:path"].value))
	s.daemon("/usr/sbin/greylistd")
	if wait := strings.TrimLeft(set["timeouts:retryMin"].value, "+0"); wait == "" || strings.HasPrefix(wait, "-") {
		s.letsBy(set["timeouts:retryMin"], "", "greylistd puts nobody off: whoever comes a second time need not have waited")
	}
	for _, p := range []waxseal.Path{dir + "/whitelist-hosts", "/var/lib/greylistd/whitelist-hosts"} {
		s.hostList(p)
	}
	s.beside(dir, waxseal.RoleUnused)
}

// parseGreylistd reads sections of "name = value"; a name that is not known counts
// for nothing, and a bad number or truth leaves what was there.
func parseGreylistd(text string, problem func(line int, message string)) map[string]option {
	set := map[string]option{}
	section, n := "", 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && strings.Contains(line, "]"):
			section = strings.ToLower(strings.TrimSpace(line[1:strings.IndexByte(line, ']')]))
			if section != "data" && section != "socket" && section != "timeouts" {
				problem(n, "greylistd knows no section "+mta.Clip(section))
				section = ""
			}
		case section != "" && strings.Contains(line, "="):
			name, v, _ := strings.Cut(line, "=")
			name, v = section+":"+strings.TrimSpace(name), strings.TrimSpace(v)
			otherwise, known := greylistdDefaults[name]
			v, good := converted(v, otherwise)
			if !known || !good {
				problem(n, "greylistd ignores "+mta.Clip(line))
				continue
			}
			set[name] = option{name: name, value: v, line: n}
		default:
			problem(n, "greylistd ignores the line, since it is no setting")
		}
	}
	return set
}

// converted reads a value as one of the default's type: a truth, a number or a
// text.
func converted(v, otherwise string) (string, bool) {
	switch {
	case otherwise == "True" || otherwise == "False":
		if n, ok := integer(v); ok {
			return map[bool]string{true: "True", false: "False"}[strings.Trim(n, "-0") != ""], true
		}
		switch strings.ToLower(v) {
		case "yes", "true", "on":
			return "True", true
		case "no", "false", "off":
			return "False", true
		}
		return "", false
	case otherwise != "" && otherwise != "0660" && strings.Trim(otherwise, "0123456789") == "":
		return integer(v)
	}
	return v, true
}

// integer reads a number as Python's int() does, as far as a person writes one.
func integer(v string) (string, bool) {
	sign, digits := "", strings.TrimSpace(v)
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		sign, digits = strings.Trim(digits[:1], "+"), digits[1:]
	}
	if digits == "" || digits[0] == '_' || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") || strings.Trim(digits, "0123456789_") != "" {
		return "", false
	}
	digits = strings.TrimLeft(strings.ReplaceAll(digits, "_", ""), "0")
	if digits == "" {
		return "0", true
	}
	return sign + digits, true
}

// hostList reads a host list of Exim: "*" is everybody (exim spec 10.12).
func (s *service) hostList(p waxseal.Path) {
	text, ok := s.ReadUpTo(p, "a list of hosts", maxFile)
	if !ok {
		return
	}
	s.part(p, waxseal.RoleList)
	var entries []option
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		for w := range strings.FieldsSeq(line) {
			o := option{"whitelist-hosts", w, p, n}
			entries = append(entries, o)
			if w == "*" || w == "*.*" || isEverywhere(w) || strings.HasPrefix(w, "*.") && isTopDomain(w[2:]) || strings.HasPrefix(w, "^") && matchesAnything(w) {
				s.letsBy(o, w, "Mail from everybody is let by greylisting: "+mta.Clip(w)+" is in the list of hosts that need not wait")
			}
		}
	}
	s.listed("whitelist-hosts", p, entries)
}
