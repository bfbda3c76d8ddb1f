package policy

import (
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// rateDefaults are the settings of policyd-rate-limit and their defaults (its
// README, and the comments of the file that its package brings).
var rateDefaults = map[string]string{
	"debug": "True", "user": "policyd-rate-limit", "group": "policyd-rate-limit", "backend": "0", "SOCKET": "/var/spool/postfix/ratelimit/policy", "socket_permission": "0666",
	"limits": "10, 60, 150, 86400", "limits_by_id": "", "limit_by_sasl": "True", "limit_by_sender": "False", "limit_by_ip": "False", "limited_networks": "",
	"success_action": "dunno", "fail_action": "defer_if_permit Rate limit reach, retry later", "db_error_action": "dunno",
	"report": "False", "report_from": "", "report_to": "", "report_subject": "policyd-rate-limit report", "report_limits": "86400", "report_only_if_needed": "True",
	"smtp_server": "localhost, 25", "smtp_starttls": "False", "smtp_credentials": "", "delay_to_close": "300",
}

// rateFiles are where its configuration is looked for; the first that is there
// counts. Those that end with ".conf" are programs in Python.
var rateFiles = []waxseal.Path{"/root/.config/policyd-rate-limit.conf", "/root/.config/policyd-rate-limit.yaml", "/etc/policyd-rate-limit.conf", "/etc/policyd-rate-limit.yaml"}

// rateLimit reads the policy service policyd-rate-limit, which counts what users
// send (its README).
func rateLimit(s *service) {
	files := rateFiles
	for _, st := range s.starts("policyd-rate-limit") {
		for i, w := range st.Argv[:len(st.Argv)-1] {
			if w == "-f" || w == "--file" {
				files = append([]waxseal.Path{mta.Clean(st.Argv[i+1])}, files...)
			}
		}
	}
	// That root's home can't be looked into says nothing of this service.
	at := slices.IndexFunc(files, func(p waxseal.Path) bool {
		_, err := s.Tree.Stat(p)
		return err == nil || s.Exists(p) && !strings.HasPrefix(string(p), "/root/")
	})
	if at < 0 {
		return
	}
	p := files[at]
	text, ok := s.ReadUpTo(p, "the configuration of "+s.title, maxFile)
	if !ok {
		return
	}
	var set map[string]option
	if strings.HasSuffix(string(p), ".conf") {
		set = pythonAssignments(p, text)
		s.part(p, waxseal.RoleScript)
		s.program(option{name: "configuration", path: p, line: 1}, text, calls.Python, "policyd-rate-limit runs it when it starts")
	} else {
		set = parseYAML(p, text, func(line int, message string) { s.Problem(p, line, message) })
		s.part(p, s.roleOf(text, set))
		s.config = append(s.config[:0], p)
	}
	for _, other := range files[at+1:] {
		if s.Exists(other) && other != p {
			s.part(other, waxseal.RoleUnused)
		}
	}
	s.rates(p, set)
	s.daemon("/usr/bin/policyd-rate-limit", "/usr/local/bin/policyd-rate-limit")
}

// roleOf says whether a configuration is kept as text: one with a password that
// can't be masked is not.
func (s *service) roleOf(text string, set map[string]option) waxseal.Role {
	masked := s.Mask.Text(waxseal.RoleConfig, text)
	for name, o := range set {
		secret := strings.HasSuffix(name, "passwd") || strings.HasSuffix(strings.ToLower(name), "password") || name == "smtp_credentials"
		for part := range strings.SplitSeq(o.value, ", ") {
			if secret && strings.Trim(part, "*") != "" && o.value != "None" && strings.Contains(masked, part) {
				return waxseal.RoleSecret
			}
		}
	}
	return waxseal.RoleConfig
}

func (s *service) rates(p waxseal.Path, set map[string]option) {
	for name, otherwise := range rateDefaults {
		if _, ok := set[name]; !ok {
			set[name] = option{name: name, value: otherwise, path: p}
		}
	}
	for name, o := range set {
		if name == "smtp_credentials" && o.value != "" {
			o.value = s.Mask.Token(o.value)
		}
		s.note(o)
	}
	s.met.User = set["user"].value
	if host, port, ok := strings.Cut(set["SOCKET"].value, ", "); ok {
		s.sockets(inet(host, port))
	} else {
		s.sockets(unix(host))
	}
	whose := map[string]string{"success_action": "mail within the limits", "fail_action": "mail beyond the limits", "db_error_action": "mail that can't be counted"}
	for _, name := range slices.Sorted(slices.Values([]string{"success_action", "fail_action", "db_error_action"})) {
		h := s.hook(set[name], "")
		h.Scope = whose[name]
		s.answer(h, set[name].value)
	}
	s.limitsNobody(set)
	s.reports(set)
	s.counts(set)
}

// limitsNobody tells where it counts and refuses nothing.
func (s *service) limitsNobody(set map[string]option) {
	off := func(name string) bool {
		v := strings.ToLower(set[name].value)
		return v == "false" || v == "no" || v == "off" || v == ""
	}
	switch a := mta.ParseAction(set["fail_action"].value); {
	case a.Bearing == mta.Decides && slices.Contains([]string{"OK", "DUNNO", "WARN", "INFO", "RELAY"}, a.Verb) || a.Verb == "PERMIT":
		s.letsBy(set["fail_action"], "", "policyd-rate-limit lets mail by that is beyond the limits")
	case off("limit_by_sasl") && off("limit_by_sender") && off("limit_by_ip"):
		s.letsBy(set["limit_by_sasl"], "", "policyd-rate-limit counts for nobody")
	case set["limits"].value == "" && set["limits_by_id"].value == "":
		s.letsBy(set["limits"], "", "policyd-rate-limit has no limit")
	}
}

// reports makes the hooks of who is told which users were limited.
func (s *service) reports(set map[string]option) {
	if v := strings.ToLower(set["report"].value); v != "true" && v != "yes" && v != "on" {
		return
	}
	o := set["report_to"]
	server, port, _ := strings.Cut(set["smtp_server"].value, ", ")
	for i, to := range strings.Split(o.value, ", ") {
		if to == "" {
			continue
		}
		h := s.hook(o, strconv.Itoa(i+1))
		h.Kind, h.Effects, h.Scope = waxseal.KindCopy, []waxseal.Effect{waxseal.Observe}, "reports on limits"
		h.Target = s.domains.Address(to)
		mta.Modify(&h, "server", strings.Trim(server+":"+port, ":"))
		h.Explain = "Reports on who sent how much go to " + mta.Clip(to) + mta.Where(h.Target) + ", by " + mta.Clip(server) + " (report_to)."
		s.Emit(h)
	}
}

// counts makes the hook of a database on another host, which decides who is at his
// limit.
func (s *service) counts(set map[string]option) {
	prefix := map[string]string{"1": "mysql_config", "2": "pgsql_config", "MYSQL_DB": "mysql_config", "PGSQL_DB": "pgsql_config"}[set["backend"].value]
	o := set[prefix+":host"]
	if prefix == "" || mta.IsLoopback(o.value) || strings.HasPrefix(o.value, "/") {
		return
	}
	h := s.hook(o, "")
	h.Directive = prefix
	h.Kind, h.Effects, h.External = waxseal.KindMap, []waxseal.Effect{waxseal.Observe}, true
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: strings.TrimSuffix(prefix, "_config") + ":" + o.value, Remote: true}
	mta.Modify(&h, "hosts", o.value)
	h.Explain = "How much each user sent is kept in the database on " + mta.Clip(o.value) + ", whose content is not seen from here (" + prefix + ")."
	s.Emit(h)
}
