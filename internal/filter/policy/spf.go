package policy

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// spfDefaults are the settings of policyd-spf in Python and their defaults
// (policyd-spf.conf(5); what has none is off).
var spfDefaults = map[string]string{
	"debugLevel": "1", "HELO_reject": "Fail", "Mail_From_reject": "Fail", "PermError_reject": "False", "TempError_Defer": "False", "Mail_From_pass_restriction": "", "HELO_pass_restriction": "",
	"Prospective": "", "Whitelist": "", "skip_addresses": "127.0.0.0/8,::ffff:127.0.0.0/104,::1", "HELO_Whitelist": "", "Domain_Whitelist": "", "Domain_Whitelist_PTR": "", "No_Mail": "False",
	"Reject_Not_Pass_Domains": "", "Per_User": "", "TestOnly": "1", "defaultSeedOnly": "", "SPF_Enhanced_Status_Codes": "Yes", "Header_Type": "SPF", "Hide_Receiver": "No", "Authserv_Id": "HOSTNAME",
	"Lookup_Time": "20", "Whitelist_Lookup_Time": "10", "Void_Limit": "2", "Reason_Message": "Message {rejectdefer} due to: {spf}. Please see {url}", "Mock": "False",
	"Socket": "local:/run/pyspf-milter/pyspf-milter.sock", "PidFile": "/run/pyspf-milter/pyspf-milter.pid", "UserID": "pyspf-milter", "UMask": "7", "InternalHosts": "127.0.0.1", "MacroList": "",
}

const spfConfig = waxseal.Path("/etc/postfix-policyd-spf-python/policyd-spf.conf")

// policydSPF reads the policy service that checks SPF, which spawn(8) of Postfix
// starts: the one in Python (policyd-spf(1), policyd-spf.conf(5)), and the one in
// Perl, which has no configuration.
func policydSPF(s *service) {
	s.met.Programs = []string{"policyd-spf"}
	files := append([]waxseal.Path{spfConfig, "/etc/python-policyd-spf/policyd-spf.conf", "/etc/pyspf-milter/pyspf-milter.conf"}, s.namedInMasterCf()...)
	for _, p := range files {
		if text, ok := s.file(p, waxseal.RoleConfig); ok {
			s.spf(p, parseSPF(text, func(line int, message string) { s.Problem(p, line, message) }))
		}
	}
	for _, p := range []waxseal.Path{"/usr/sbin/postfix-policyd-spf-perl", "/usr/local/bin/policyd-spf-perl", "/usr/local/lib/policyd-spf-perl", "/usr/sbin/policyd-spf-perl"} {
		if s.Exists(p) {
			s.part(p, waxseal.RoleScript)
			s.met.Programs = append(s.met.Programs, "postfix-policyd-spf-perl", "policyd-spf-perl")
		}
	}
	s.daemon("/usr/bin/policyd-spf", "/usr/local/bin/policyd-spf")
	s.beside("/etc/postfix-policyd-spf-python", waxseal.RoleUnused)
}

// namedInMasterCf finds configuration files that spawn(8) gives to the program.
func (s *service) namedInMasterCf() []waxseal.Path {
	text, err := s.Tree.ReadFile("/etc/postfix/master.cf", maxFile)
	if err != nil {
		return nil
	}
	var list []waxseal.Path
	var before string
	for w := range strings.FieldsSeq(string(text)) {
		if strings.HasSuffix(before, "/policyd-spf") && strings.HasPrefix(w, "/") && len(list) < 20 {
			list = append(list, mta.Clean(w))
		}
		before = w
	}
	return list
}

// parseSPF reads "name = value"; a line with two equal signs counts for nothing.
func parseSPF(text string, problem func(line int, message string)) map[string]option {
	set := map[string]option{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		f := strings.Split(strings.TrimSpace(line), "=")
		if len(f) != 2 {
			if len(f) > 2 {
				problem(n, "policyd-spf ignores the line, since it has several equal signs")
			}
			continue
		}
		name := strings.TrimSpace(f[0])
		if _, ok := spfDefaults[name]; !ok {
			problem(n, "policyd-spf ignores the line, since it knows no "+mta.Clip(name))
			continue
		}
		set[name] = option{name: name, value: strings.TrimSpace(f[1]), line: n}
	}
	return set
}

// spf makes hooks and settings of one file.
func (s *service) spf(p waxseal.Path, set map[string]option) {
	for name, otherwise := range spfDefaults {
		o, ok := set[name]
		if !ok {
			o = option{name: name, value: otherwise}
		}
		o.path = p
		set[name] = o
		s.Setting(string(p), name, o.value, o.source())
	}
	s.spfListens(p, set)
	for _, name := range []string{"skip_addresses", "Whitelist", "Domain_Whitelist", "Domain_Whitelist_PTR", "HELO_Whitelist"} {
		if o := set[name]; o.value != "" && o.value != spfDefaults[name] {
			s.passList(o, commaList(o.value))
		}
	}
	for _, name := range []string{"skip_addresses", "Whitelist"} {
		for network := range strings.SplitSeq(set[name].value, ",") {
			if isEverywhere(network) {
				s.letsBy(named(set[name], network), network, "policyd-spf checks no mail that comes from "+strings.TrimSpace(network)+", and so from anywhere")
			}
		}
	}
	for _, name := range []string{"Domain_Whitelist", "Domain_Whitelist_PTR", "HELO_Whitelist"} {
		for domain := range strings.SplitSeq(set[name].value, ",") {
			if set[name].value != "" && isTopDomain(domain) && strings.Trim(domain, ". ") != "" {
				s.letsBy(named(set[name], domain), domain, "policyd-spf checks no mail from hosts of all of "+strings.TrimSpace(domain))
			}
		}
	}
	if o := set["TestOnly"]; strings.Trim(o.value, "+-0") == "" && o.value != "" {
		s.letsBy(o, "", "policyd-spf only looks: it refuses nothing, whatever SPF says")
	}
	if set["HELO_reject"].checksNothing() && set["Mail_From_reject"].checksNothing() {
		s.letsBy(set["Mail_From_reject"], "", "policyd-spf refuses nothing, whatever SPF says of the client's name and of the sender")
	}
	for _, name := range []string{"Mail_From_pass_restriction", "HELO_pass_restriction"} {
		h := s.hook(set[name], "")
		h.Scope = "mail that SPF has nothing against"
		s.answer(h, set[name].value)
	}
	if o := set["Per_User"]; o.value != "" {
		s.perUser(o)
	}
}

// commaList are the members of a list.
func commaList(v string) (list []string) {
	for w := range strings.SplitSeq(v, ",") {
		if w = strings.TrimSpace(w); w != "" {
			list = append(list, w)
		}
	}
	return list
}

func named(o option, value string) option {
	o.value = value
	return o
}

// checksNothing reports whether a setting of what is refused refuses nothing
// (policyd-spf.conf(5) HELO_reject, Mail_From_reject).
func (o option) checksNothing() bool { return o.value == "False" || o.value == "No_Check" }

// spfListens notes the socket of the milter that the same program can be.
func (s *service) spfListens(p waxseal.Path, set map[string]option) {
	if p != "/etc/pyspf-milter/pyspf-milter.conf" {
		return
	}
	socket := set["Socket"].value
	s.met.User = set["UserID"].value
	kind, rest, _ := strings.Cut(socket, ":")
	switch kind {
	case "local", "unix":
		s.sockets(unix(rest))
	case "inet", "inet6":
		port, host, _ := strings.Cut(rest, "@")
		s.sockets(inet(host, port))
	}
}

// perUser reads the file of settings for single recipients: "user,name=value|…"
// (policyd-spf.peruser(5)).
func (s *service) perUser(o option) {
	if !strings.HasPrefix(o.value, "/") && !strings.HasPrefix(o.value, "text:") {
		return
	}
	p := mta.Clean(strings.TrimPrefix(o.value, "text:"))
	text, ok := s.ReadUpTo(p, "settings for recipients", maxFile)
	s.part(p, waxseal.RoleInclude)
	if !ok {
		return
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		user, values, ok := strings.Cut(strings.TrimSpace(line), ",")
		if !ok {
			continue
		}
		for one := range strings.SplitSeq(values, "|") {
			name, v, _ := strings.Cut(one, "=")
			at := option{strings.TrimSpace(name), strings.TrimSpace(v), p, n}
			s.Setting(string(p), user+":"+at.name, at.value, at.source())
			if strings.HasSuffix(at.name, "_pass_restriction") {
				h := s.hook(at, user)
				h.Scope = "mail for " + mta.Clip(user) + " that SPF has nothing against"
				s.answer(h, at.value)
			}
		}
	}
}
