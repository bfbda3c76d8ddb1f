package calls

import "strings"

// lua reads one token of Lua (manual §3.1).
func (s *scanner) lua() {
	c := s.text[s.at]
	switch {
	case c == '\n' || isBlank(c):
		s.at++
	case s.has("--"):
		s.at += 2
		if !s.long(false) {
			s.toLineEnd()
		}
	case c == '#' && s.at == 0:
		s.toLineEnd() // a line for the kernel, "#!"
	case isDigit(c):
		s.number()
	case isNameStart(c):
		from := s.at
		s.at = s.nameEnd(s.at)
		s.emit(name, s.text[from:s.at], from)
	case c == '"' || c == '\'':
		from := s.at
		s.at++
		body := s.quoted(c)
		s.emit(literal, escapes(body), from)
	case c == '[' && s.long(true):
	default:
		s.operator("...", "..", "==", "~=", "<=", ">=", "::", "//")
	}
}

// long moves over a long bracket, [[ ]] or [==[ ]==]; where it is a string, a token is
// made of it.
func (s *scanner) long(isString bool) bool {
	from := s.at
	at := from + 1
	for at < len(s.text) && s.text[at] == '=' {
		at++
	}
	if !s.has("[") || at >= len(s.text) || s.text[at] != '[' {
		return false
	}
	end := "]" + s.text[from+1:at] + "]"
	body := at + 1
	s.at = body
	s.past(end)
	if isString {
		s.emit(literal, strings.TrimPrefix(strings.TrimSuffix(s.text[body:s.at], end), "\n"), from)
	}
	return true
}

// escapes are those that Lua and Python have in strings, as far as names and
// addresses can be written with them: \n, \t, \x41, \065 (Lua: decimal).
func escapes(body string) string {
	if strings.IndexByte(body, '\\') < 0 {
		return body
	}
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' || i+1 == len(body) {
			b.WriteByte(body[i])
			continue
		}
		i++
		switch c := body[i]; {
		case c == 'n':
			b.WriteByte('\n')
		case c == 't':
			b.WriteByte('\t')
		case c == 'x':
			i += hexEscape(&b, body[i:])
		case isDigit(c):
			n, value := 0, 0
			for n < 3 && i+n < len(body) && isDigit(body[i+n]) {
				value, n = value*10+int(body[i+n]-'0'), n+1
			}
			b.WriteByte(byte(value))
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
