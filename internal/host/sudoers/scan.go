package sudoers

import (
	"regexp"
	"strings"

	"waxseal"
)

// item is a member of a list as it is written, with its escapes taken off.
type item struct {
	text string
	not  bool
}

// scanner walks through one logical line.
type scanner struct {
	text string
	at   int
}

func (s *scanner) blanks() {
	for s.at < len(s.text) && (s.text[s.at] == ' ' || s.text[s.at] == '\t') {
		s.at++
	}
}

func (s *scanner) done() bool { s.blanks(); return s.at >= len(s.text) }

func (s *scanner) rest() string { s.blanks(); return s.text[s.at:] }

func (s *scanner) take(n int) { s.blanks(); s.at = min(s.at+n, len(s.text)) }

// is takes a byte if it is next.
func (s *scanner) is(c byte) bool {
	s.blanks()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) peekWord() string {
	rest := s.rest()
	if i := strings.IndexAny(rest, " \t="); i >= 0 {
		return rest[:i]
	}
	return rest
}

// nots takes negations: an even number of them is none.
func (s *scanner) nots() bool {
	not := false
	for s.is('!') {
		not = !not
	}
	return not
}

// word takes a name up to one of the ends, with quotes and escapes taken off.
func (s *scanner) word(ends string) string {
	s.blanks()
	var b strings.Builder
	quoted := false
	for ; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		switch {
		case c == '\\' && s.at+1 < len(s.text):
			s.at++
			b.WriteByte(s.text[s.at])
		case c == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(ends, c) >= 0:
			return b.String()
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// list takes members with commas between them: users or hosts. It ends where no
// comma follows.
func (s *scanner) list() []item {
	var list []item
	for !s.done() {
		not := s.nots()
		w := s.word(" \t,=:()")
		if w == "" {
			return list
		}
		if len(list) < maxMembers {
			list = append(list, item{w, not})
		}
		if !s.is(',') {
			return list
		}
	}
	return list
}

// spec is what one list of commands says, before aliases are put in.
type spec struct {
	users, hosts       []item
	runAs, runAsGroups []item
	command            item
	digest             string
	tags               tags
	source             waxseal.Source
}

type tags struct{ noPassword, noExec, setEnv bool }

// userSpec reads "users hosts = commands : hosts = commands".
func (r *reader) userSpec(s *scanner, source waxseal.Source) {
	users := s.list()
	for {
		hosts := s.list()
		if len(users) == 0 || len(hosts) == 0 || !s.is('=') {
			r.problem(source.Path, source.Line, "no rule of sudoers: "+clip(s.text))
			return
		}
		r.commands(s, spec{users: users, hosts: hosts, source: source})
		if !s.is(':') {
			break
		}
	}
	if !s.done() {
		r.problem(source.Path, source.Line, "not understood from here on: "+clip(s.rest()))
	}
}

// commands reads a list of commands. What is said of one (run-as, tags) holds for
// those behind it.
func (r *reader) commands(s *scanner, now spec) {
	for !s.done() {
		if s.is('(') {
			now.runAs, now.runAsGroups = s.list(), nil
			if s.is(':') {
				now.runAsGroups = s.list()
			}
			if !s.is(')') {
				r.problem(now.source.Path, now.source.Line, "a list of accounts that does not end")
				return
			}
		}
		for s.option(&now.tags) {
		}
		now.command = item{not: s.nots()}
		now.digest = s.digest()
		now.command.not = now.command.not != s.nots()
		now.command.text = s.command()
		if now.command.text == "" {
			r.problem(now.source.Path, now.source.Line, "a rule without a command")
			return
		}
		if len(r.specs) >= maxRules {
			return
		}
		r.specs = append(r.specs, now)
		if !s.is(',') {
			return
		}
	}
}

var (
	optionWord = regexp.MustCompile(`^(?:ROLE|TYPE|PRIVS|LIMITPRIVS|TIMEOUT|NOTBEFORE|NOTAFTER|CWD|CHROOT|APPARMOR_PROFILE)[ \t]*=[ \t]*`)
	tagWord    = regexp.MustCompile(`^([A-Z_]+)[ \t]*:`)
	digestWord = regexp.MustCompile(`^(sha(?:224|256|384|512))[ \t]*:[ \t]*([A-Za-z0-9+/=]+)`)
)

// option takes a tag or an option in front of a command.
func (s *scanner) option(t *tags) bool {
	if m := optionWord.FindString(s.rest()); m != "" {
		s.take(len(m))
		s.word(" \t")
		return true
	}
	m := tagWord.FindStringSubmatch(s.rest())
	if m == nil {
		return false
	}
	switch m[1] {
	case "NOPASSWD", "PASSWD":
		t.noPassword = m[1] == "NOPASSWD"
	case "NOEXEC", "EXEC":
		t.noExec = m[1] == "NOEXEC"
	case "SETENV", "NOSETENV":
		t.setEnv = m[1] == "SETENV"
	case "FOLLOW", "NOFOLLOW", "LOG_INPUT", "NOLOG_INPUT", "LOG_OUTPUT", "NOLOG_OUTPUT", "MAIL", "NOMAIL", "INTERCEPT", "NOINTERCEPT":
	default:
		return false // an alias, with the next list of hosts behind it
	}
	s.take(len(m[0]))
	return true
}

// digest takes the digests that a command must have, separated by commas.
func (s *scanner) digest() string {
	first := ""
	for {
		m := digestWord.FindStringSubmatch(s.rest())
		if m == nil {
			return first
		}
		s.take(len(m[0]))
		if first == "" {
			first = m[1] + ":" + m[2]
		}
		if rest := s.rest(); strings.HasPrefix(rest, ",") && digestWord.MatchString(strings.TrimLeft(rest[1:], " \t")) {
			s.is(',')
		}
	}
}

// command takes a command with its arguments, up to a comma or colon that is not
// escaped. Escapes of what sudoers itself gives a meaning are taken off; quotes have
// none here.
func (s *scanner) command() string {
	s.blanks()
	var b strings.Builder
	pattern, begins := false, true // a regular expression goes from "^" to "$"
	for ; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		pattern = pattern || begins && c == '^'
		begins = c == ' ' || c == '\t'
		switch {
		case c == '\\' && s.at+1 < len(s.text):
			s.at++
			if next := s.text[s.at]; pattern || strings.IndexByte(`:\,= #"`, next) < 0 {
				b.WriteByte(c)
			}
			b.WriteByte(s.text[s.at])
		case pattern && c == '$' && (s.at+1 == len(s.text) || strings.IndexByte(" \t,:", s.text[s.at+1]) >= 0):
			pattern = false
			b.WriteByte(c)
		case !pattern && (c == ',' || c == ':'):
			return strings.TrimSpace(b.String())
		default:
			b.WriteByte(c)
		}
	}
	return strings.TrimSpace(b.String())
}

// alias reads "NAME = members : NAME = members".
func (r *reader) alias(kind string, s *scanner, p waxseal.Path, line int) {
	for !s.done() {
		name := s.word(" \t=")
		if name == "" || !s.is('=') || len(r.aliases) >= maxAliases {
			r.problem(p, line, "an alias that is not understood: "+clip(s.text))
			return
		}
		var members []item
		if kind != "command" {
			members = s.list()
		}
		for kind == "command" && !s.done() {
			m := item{not: s.nots()}
			s.digest()
			m.not = m.not != s.nots()
			if m.text = s.command(); m.text != "" && len(members) < maxMembers {
				members = append(members, m)
			}
			if !s.is(',') {
				break
			}
		}
		r.aliases[kind+"\x00"+name] = members
		if !s.is(':') {
			return
		}
	}
}

func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
