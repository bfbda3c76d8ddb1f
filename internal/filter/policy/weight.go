package policy

import (
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// policydWeight reads policyd-weight, which scores the client of a message by
// lists of the DNS and its names. Its configuration is a program in Perl that sets
// variables (policyd-weight.conf(5)).
func policydWeight(s *service) {
	p := waxseal.Path("/etc/policyd-weight.conf")
	for _, st := range s.starts("policyd-weight") {
		for i, w := range st.Argv[:len(st.Argv)-1] {
			if w == "-f" {
				p = mta.Clean(st.Argv[i+1])
			}
		}
	}
	text, ok := s.file(p, waxseal.RoleScript)
	if !ok {
		return
	}
	set := perlAssignments(p, text)
	s.met.User = set["USER"].or("polw")
	s.program(option{name: "configuration", path: p, line: 1}, text, calls.Perl, "policyd-weight runs it when it starts")
	for _, o := range set {
		s.note(o)
	}
	port := set["TCP_PORT"].or("12525")
	for host := range strings.FieldsSeq(strings.ReplaceAll(set["BIND_ADDRESS"].or("127.0.0.1"), ",", " ")) {
		if host == "all" {
			host = "0.0.0.0"
		}
		s.sockets(inet(host, port))
	}
	s.daemon("/usr/sbin/policyd-weight", "/usr/lib/postfix/policyd-weight", "/usr/local/sbin/policyd-weight")
	for _, name := range []string{"REJECTMSG", "DNSERRMSG", "MAXDNSBLMSG"} {
		if o := set[name]; o.value != "" {
			h := s.hook(o, "")
			h.Scope = "mail that it thinks is spam"
			s.answer(h, o.value)
			if v := mta.ParseAction(o.value); name == "REJECTMSG" && (v.Verb == "DUNNO" || v.Verb == "OK") {
				s.letsBy(o, "", "policyd-weight refuses nothing: it answers "+mta.Clip(o.value)+" of what it thinks is spam")
			}
		}
	}
}

// or is the value of an option, or another where it is not set.
func (o option) or(otherwise string) string {
	if o.value == "" {
		return otherwise
	}
	return o.value
}
