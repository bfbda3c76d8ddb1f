package cf

import "strings"

// Map is a K line: "Kaccess hash -T<TMPF> /etc/mail/access".
type Map struct {
	Name  string
	Class string // "hash", "program", "socket", "ldap", "sequence", …
	Args  string // all that follows the class, macros expanded
	Line  int
	// What the flags say (map_parseargs in map.c).
	File       string   // the first word behind the flags
	Rest       string   // what follows it
	Append     string   // -a
	TempFail   string   // -T
	Key, Value string   // -k, -v: columns of text, attributes of ldap
	Delimiter  string   // -z
	Flags      string   // the letters of all flags
	Words      []string // all words behind the flags
	Space      byte     // -S: what joins words of a key; 0 for option BlankSub
}

// Has reports whether a flag is set.
func (m Map) Has(flag byte) bool { return strings.IndexByte(m.Flags, flag) >= 0 }

// mapLine reads what follows the K (makemapentry in readcf.c).
func (r *reading) mapLine(l line, body string) {
	body = strings.TrimLeft(r.text(pieces(body), l.number), blanks)
	name, rest := leading(body, func(c byte) bool { return isAlnum(c) || c == '_' || c == '.' })
	rest = strings.TrimLeft(rest, blanks)
	class, args := leading(rest, isAlnum)
	if name == "" || !isAlnum(name[0]) || class == "" {
		r.problem(l.number, "a map without a name or class is not used: "+clip(body))
		return
	}
	m := Map{Name: name, Class: lower(class), Args: strings.Trim(args, blanks), Line: l.number}
	m.flags()
	if i, known := r.byMap[lower(name)]; known {
		r.Maps[i] = m
		return
	}
	r.byMap[lower(name)] = len(r.Maps)
	r.Maps = append(r.Maps, m)
}

func leading(s string, is func(byte) bool) (front, rest string) {
	i := 0
	for i < len(s) && is(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// flags reads "-f -a. -T<TMPF> file rest". What a flag's value is depends on the
// class only for those that take the next word.
func (m *Map) flags() {
	s := m.Args
	for {
		s = strings.TrimLeft(s, blanks)
		if len(s) < 2 || s[0] != '-' {
			break
		}
		flag := s[1]
		s = s[2:]
		if (flag == 'k' || flag == 'v') && m.Class != "regex" {
			s = strings.TrimLeft(s, blanks)
		}
		var value string
		if value, s = leading(s, func(c byte) bool { return !isBlank(c) }); flag == 'k' && strings.HasPrefix(value, "(") {
			value, s = balanced(value + s)
		}
		m.Flags += string([]byte{flag})
		switch flag {
		case 'a':
			m.Append = value
		case 'T':
			m.TempFail = value
		case 'k':
			m.Key = value
		case 'v':
			m.Value = value
		case 'z':
			m.Delimiter = value
		case 'S':
			if value != "" {
				m.Space = value[0]
			}
		case 's', 'd':
			m.Rest += "-" + string([]byte{flag}) + value + " " // regex: fields and delimiter
		}
	}
	m.Words = strings.Fields(s)
	if len(m.Words) > 0 {
		m.File = m.Words[0]
		m.Rest += strings.Join(m.Words[1:], " ")
	}
}

// balanced takes an ldap filter off the front.
func balanced(s string) (filter, rest string) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return s[:i+1], s[i+1:]
			}
		}
	}
	return s, ""
}
