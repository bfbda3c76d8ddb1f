package policy

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// cluebringer reads policyd version 2 (cbpolicyd): where it listens, what modules
// are on, and the database that holds its policies, which is not seen from here
// (its cluebringer.conf, and wiki.policyd.org "Installing").
func cluebringer(s *service) {
	for _, p := range []waxseal.Path{"/etc/cluebringer/cluebringer.conf", "/etc/cluebringer.conf", "/etc/policyd/cluebringer.conf"} {
		text, ok := s.ReadUpTo(p, "the configuration of "+s.title, maxFile)
		if !ok {
			continue
		}
		set := parseSections(p, text)
		s.part(p, s.roleOf(text, set))
		s.config = append(s.config[:0], p)
		for name, o := range set {
			o.name = name
			s.note(o)
		}
		s.met.User = set["server:user"].or("root")
		port := set["server:port"].or("10031")
		if strings.HasPrefix(port, "/") {
			s.sockets(unix(port))
		} else {
			host := strings.Trim(set["server:host"].or("0.0.0.0"), "*")
			s.sockets(inet(host, port))
		}
		s.database(set)
		if dir := mta.Clean(path.Dir(string(p))); dir != "/etc" {
			s.beside(dir, waxseal.RoleUnused)
		}
		s.daemon("/usr/sbin/cbpolicyd", "/usr/local/sbin/cbpolicyd", "/usr/bin/cbpolicyd")
		return
	}
}

// database makes the hook of the database of policies, whose rows may tell Postfix
// to redirect, copy, hold or discard.
func (s *service) database(set map[string]option) {
	o, ok := set["database:DSN"]
	if !ok {
		return
	}
	o.name = "DSN"
	h := s.hook(o, "")
	h.Kind, h.Effects, h.External = waxseal.KindMap, []waxseal.Effect{waxseal.Observe, waxseal.Copy, waxseal.Divert, waxseal.Modify, waxseal.Drop}, true
	host := ""
	for part := range strings.FieldsFuncSeq(o.value, func(r rune) bool { return r == ';' || r == ':' }) {
		if v, ok := strings.CutPrefix(part, "host="); ok {
			host = v
		}
	}
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: o.value, Remote: !mta.IsLoopback(host)}
	mta.Modify(&h, "hosts", host)
	h.Explain = "policyd keeps its policies in the database " + mta.Clip(o.value) + mta.Where(h.Target) + ", whose content is not seen from here: it may redirect, copy, hold or discard mail (DSN)."
	s.Emit(h)
}

// parseSections reads "[section]" and "name=value", and values that go on line by
// line between "<<EOT" and "EOT" (Config::IniFiles).
func parseSections(p waxseal.Path, text string) map[string]option {
	set := map[string]option{}
	section, end, n := "", "", 0
	var open option
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		switch {
		case end != "" && line == end:
			set[open.name], end = open, ""
		case end != "":
			if len(open.value) < maxWords {
				open.value = strings.TrimSpace(open.value + " " + line)
			}
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section = strings.Trim(line, "[] ")
		default:
			name, v, ok := strings.Cut(line, "=")
			if !ok {
				continue
			}
			open = option{section + ":" + strings.TrimSpace(name), strings.TrimSpace(v), p, n}
			if rest, ok := strings.CutPrefix(open.value, "<<"); ok {
				end, open.value = strings.TrimSpace(rest), ""
				continue
			}
			set[open.name] = open
		}
	}
	return set
}
