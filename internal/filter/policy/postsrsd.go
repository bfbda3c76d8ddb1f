package policy

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// srsDefaults are what Debian's start script sets before it reads
// /etc/default/postsrsd; the letters are the options of the program (postsrsd(8)).
var srsDefaults = map[string]string{
	"SRS_FORWARD_PORT": "10001", "SRS_REVERSE_PORT": "10002", "SRS_DOMAIN": "", "SRS_SECRET": "/etc/postsrsd.secret", "SRS_SEPARATOR": "=", "SRS_HASHLENGTH": "4", "SRS_HASHMIN": "4",
	"SRS_EXTRA_OPTIONS": "", "RUN_AS": "postsrsd", "SRS_LISTEN_ADDR": "127.0.0.1", "CHROOT": "/var/lib/postsrsd", "SRS_EXCLUDE_DOMAINS": "",
}

var srsOptions = map[string]string{
	"-f": "SRS_FORWARD_PORT", "-r": "SRS_REVERSE_PORT", "-d": "SRS_DOMAIN", "-s": "SRS_SECRET", "-a": "SRS_SEPARATOR", "-n": "SRS_HASHLENGTH", "-N": "SRS_HASHMIN", "-u": "RUN_AS",
	"-l": "SRS_LISTEN_ADDR", "-c": "CHROOT", "-X": "SRS_EXCLUDE_DOMAINS",
}

// postsrsd reads PostSRSd, which rewrites the senders of mail that is sent on, so
// that notices of errors come back here (README of PostSRSd 1.x; postsrsd.conf of
// 2.x).
func postsrsd(s *service) {
	const defaults = waxseal.Path("/etc/default/postsrsd")
	set := map[string]option{}
	if text, ok := s.file(defaults, waxseal.RoleConfig); ok {
		set = assignments(defaults, text)
	}
	for _, st := range s.starts("postsrsd") {
		srsStarted(set, words(st.Argv[1:], set), st.Source)
	}
	if s.srsConfig(set); len(s.config) == 0 {
		return
	}
	for name, otherwise := range srsDefaults {
		if _, ok := set[name]; !ok {
			set[name] = option{name: name, value: otherwise, path: s.config[0]}
		}
	}
	for name, o := range set {
		if _, known := srsDefaults[name]; known {
			s.note(o)
		}
	}
	s.met.User = set["RUN_AS"].value
	host := set["SRS_LISTEN_ADDR"].value
	s.sockets(inet(host, set["SRS_FORWARD_PORT"].value), inet(host, set["SRS_REVERSE_PORT"].value))
	s.daemon("/usr/sbin/postsrsd", "/usr/local/sbin/postsrsd")
	s.srsDomain(set["SRS_DOMAIN"])
	s.srsSecret(set["SRS_SECRET"])
}

// srsStarted takes what a command line says over what was set.
func srsStarted(set map[string]option, argv []string, from waxseal.Source) {
	for i := 0; i < len(argv); i++ {
		letter, v := argv[i], ""
		if len(letter) > 2 && letter[0] == '-' {
			letter, v = letter[:2], letter[2:]
		}
		name, ok := srsOptions[letter]
		if !ok {
			continue
		}
		if v == "" && letter != "-X" && i+1 < len(argv) {
			i++
			v = argv[i]
		}
		if !strings.Contains(v, "$") {
			set[name] = option{name, v, from.Path, from.Line}
		}
	}
}

// srsConfig reads postsrsd.conf of version 2.
func (s *service) srsConfig(set map[string]option) {
	const p = waxseal.Path("/etc/postsrsd.conf")
	text, ok := s.file(p, waxseal.RoleConfig)
	if !ok {
		return
	}
	names := map[string]string{"srs-domain": "SRS_DOMAIN", "secrets-file": "SRS_SECRET", "unprivileged-user": "RUN_AS", "chroot-dir": "CHROOT", "domains": "SRS_EXCLUDE_DOMAINS"}
	for name, o := range plainAssignments(p, text, confSet) {
		o.name = name
		if old, ok := names[name]; ok {
			o.name = old
			set[old] = o
		}
		s.note(option{"conf:" + name, o.value, p, o.line})
		if name == "socketmap" {
			s.srsSocket(o.value)
		}
		if name == "milter" && o.value != "" {
			s.srsSocket(o.value)
		}
	}
}

// srsSocket reads "unix:/path" or "inet:host:port".
func (s *service) srsSocket(v string) {
	if p, ok := strings.CutPrefix(v, "unix:"); ok {
		s.sockets(unix(p))
	} else if rest, ok := strings.CutPrefix(v, "inet:"); ok {
		host, port := mta.SplitHostPort(rest)
		s.sockets(inet(host, port))
	}
}

// srsDomain makes the hook of a domain that is not this host's own: notices of
// errors, which hold the message, go there.
func (s *service) srsDomain(o option) {
	unknown := len(s.domains.List()) == 0 // a part of a host: nothing says what is foreign
	if o.value == "" || unknown || s.domains.Own(o.value) || strings.ContainsAny(o.value, "`$") {
		return
	}
	h := s.hook(o, "")
	h.Kind, h.Effects, h.Stage = waxseal.KindRewrite, []waxseal.Effect{waxseal.Modify}, waxseal.StageQueue
	h.Target = s.domains.Address("@" + o.value)
	h.Explain = "The senders of mail that is sent on become addresses of " + mta.Clip(o.value) + ", which is none of this host's own domains: notices of errors, with the message in them, go there (" + h.Directive + ")."
	s.Emit(h)
}

// srsSecret reads the key by which addresses are made and known again: who knows
// it makes this host send mail anywhere. A key that can be guessed is a hook.
func (s *service) srsSecret(o option) {
	if !strings.HasPrefix(o.value, "/") {
		return
	}
	p := mta.Clean(o.value)
	s.part(p, waxseal.RoleSecret)
	content, err := s.Tree.ReadFile(p, 1<<16)
	why := ""
	switch {
	case err != nil:
	case guessable(string(content)):
		why = "can be guessed"
	}
	if why == "" && !isTemporary(string(p)) {
		return
	}
	if why == "" {
		why = "lies where anyone may put another"
	}
	h := s.hook(o, "")
	h.Kind, h.Effects = waxseal.KindRewrite, []waxseal.Effect{waxseal.Divert}
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleSecret}}
	h.Explain = "The key in " + string(p) + " " + why + ": who has it can write addresses by which this host sends mail anywhere (" + h.Directive + ")."
	s.Emit(h)
}

// guessable reports whether a key is too short or too plain to be one that a
// program made: its package makes 32 characters of 24 random bytes.
func guessable(key string) bool {
	key, _, _ = strings.Cut(strings.TrimSpace(key), "\n")
	seen := map[rune]bool{}
	for _, r := range key[:min(len(key), 256)] {
		seen[r] = true
	}
	return len(key) < 12 || len(seen) < 6
}

// isTemporary reports whether anyone may write in the directory of a file.
func isTemporary(p string) bool {
	for _, dir := range []string{"/tmp/", "/var/tmp/", "/dev/shm/", "/run/lock/", "/run/user/"} {
		if strings.HasPrefix(p, dir) {
			return true
		}
	}
	return false
}
