package policy

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// pfixSrsdOptions are those of pfix-srsd(8).
var pfixSrsdOptions = grammar{options: map[string]takes{
	"P": value, "s": value, "I": nothing, "p": value, "u": nothing, "U": value, "G": value, "f": nothing, "v": nothing, "h": nothing, "e": value, "d": value, "l": value, "L": value,
}, bundled: true}

// pfixSrsd reads the rewriter of senders of pfixtools (pfix-srsd(8)), which is all
// command line: "pfix-srsd [options] domain secrets"; its package's start script puts
// that together from /etc/default/pfixtools.
func pfixSrsd(s *service) {
	const defaults = waxseal.Path("/etc/default/pfixtools")
	if text, ok := s.file(defaults, waxseal.RoleConfig); ok {
		set := assignments(defaults, text)
		for _, o := range set {
			s.note(o)
		}
		if on := strings.ToLower(set["SRSD_ENABLE"].value); on == "yes" || on == "true" || on == "1" {
			s.pfixSrsdStarted(mta.ShellWords(set["SRSD_OPTIONS"].value))
			s.srsDomain(set["SRSD_DOMAIN"])
			s.srsSecret(set["SRSD_SECRETS"])
		}
	}
	for _, st := range s.starts("pfix-srsd") {
		s.part(st.Source.Path, waxseal.RoleConfig)
		s.pfixSrsdStarted(st.Argv[1:])
		if n := len(st.Argv); n > 2 && strings.HasPrefix(st.Argv[n-1], "/") {
			s.srsDomain(option{"SRSD_DOMAIN", st.Argv[n-2], st.Source.Path, st.Source.Line})
			s.srsSecret(option{"SRSD_SECRETS", st.Argv[n-1], st.Source.Path, st.Source.Line})
		}
	}
	if len(s.config) > 0 {
		s.daemon("/usr/sbin/pfix-srsd", "/usr/local/sbin/pfix-srsd", "/usr/local/bin/pfix-srsd")
	}
}

// pfixSrsdStarted notes where it listens.
func (s *service) pfixSrsdStarted(argv []string) {
	list := pfixSrsdOptions.parse(argv)
	s.met.User = last(list, "U", "nobody")
	if last(list, "P", "tcp") == "tcp" {
		s.sockets(inet("127.0.0.1", last(list, "e", "10001")), inet("127.0.0.1", last(list, "d", "10002")))
		return
	}
	if p := last(list, "L", ""); p != "" {
		s.sockets(unix(p))
		return
	}
	s.sockets(inet("127.0.0.1", last(list, "l", "10001")))
}
