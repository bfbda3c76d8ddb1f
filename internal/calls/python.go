package calls

import "strings"

// python reads one token of Python (reference, "Lexical analysis"). Lines end a
// statement outside brackets, and where no backslash joins them.
func (s *scanner) python() {
	c := s.text[s.at]
	switch {
	case c == '\n':
		s.at++
		if s.depth == 0 && len(s.tokens) > 0 && s.last().sort != newline {
			s.emit(newline, "\n", s.at-1)
		}
	case isBlank(c):
		s.at++
	case c == '\\':
		s.at++
		if s.has("\r\n") {
			s.at += 2
		} else if s.has("\n") {
			s.at++
		}
	case c == '#':
		s.toLineEnd()
	case isDigit(c):
		s.number()
	case isNameStart(c):
		s.pythonName()
	case c == '"' || c == '\'':
		s.pythonString(s.at, "")
	default:
		s.depth = max(0, s.depth+brackets[c])
		s.operator("->", "**", "//", "==", "!=", ":=", "+=", "-=")
	}
}

var brackets = map[byte]int{'(': 1, '[': 1, '{': 1, ')': -1, ']': -1, '}': -1}

// pythonName reads an identifier, or a string with a prefix.
func (s *scanner) pythonName() {
	from := s.at
	end := s.nameEnd(s.at)
	word := s.text[from:end]
	if end < len(s.text) && (s.text[end] == '"' || s.text[end] == '\'') && len(word) <= 2 && strings.Trim(strings.ToLower(word), "rbuf") == "" {
		s.at = end
		s.pythonString(from, strings.ToLower(word))
		return
	}
	s.at = end
	s.emit(name, word, from)
}

// pythonString reads a string; what stands in the braces of an f-string is code.
func (s *scanner) pythonString(from int, prefix string) {
	quote := s.text[s.at]
	var body string
	if three := strings.Repeat(string(quote), 3); s.has(three) {
		s.at += 3
		body = s.tripled(three)
	} else {
		s.at++
		body = s.quoted(quote)
	}
	raw := body
	if !strings.Contains(prefix, "r") {
		body = escapes(body)
	}
	s.emit(literal, body, from)
	if strings.Contains(prefix, "f") && strings.Contains(raw, "{") {
		s.tokens[len(s.tokens)-1].open = true
		s.inside(raw, "{")
	}
}

// tripled moves behind three quotes that end a string.
func (s *scanner) tripled(three string) string {
	from := s.at
	for s.at < len(s.text) {
		switch {
		case s.text[s.at] == '\\':
			s.at++
		case s.has(three):
			s.at += 3
			return s.text[from : s.at-3]
		}
		s.at++
	}
	s.at = len(s.text)
	return s.text[min(from, len(s.text)):]
}
