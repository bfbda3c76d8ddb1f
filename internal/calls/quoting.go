package calls

import "strings"

// perlHeredoc reads what begins a here-document: <<X, <<"X", <<'X', <<~X, <<`X`.
func (s *scanner) perlHeredoc() {
	from := s.at
	at := s.at + 2
	doc := heredoc{token: len(s.tokens)}
	if at < len(s.text) && s.text[at] == '~' {
		doc.indented = true
		at++
	}
	kind := literal
	switch {
	case at < len(s.text) && isNameStart(s.text[at]):
		end := s.nameEnd(at)
		doc.end, at = s.text[at:end], end
	case at < len(s.text) && strings.IndexByte("'\"`", s.text[at]) >= 0:
		quote := s.text[at]
		line, _, _ := strings.Cut(s.text[at+1:min(len(s.text), at+256)], "\n")
		end := strings.IndexByte(line, quote)
		if end < 0 {
			s.operator("<<=", "<<")
			return
		}
		doc.end, doc.raw = line[:end], quote == '\''
		if quote == '`' {
			kind = command
		}
		at += end + 2
	default:
		s.operator("<<=", "<<")
		return
	}
	s.at = at
	s.emit(kind, "", from)
	s.here = append(s.here, doc)
}

// documents reads the here-documents that begin on this line.
func (s *scanner) documents() {
	for _, doc := range s.here {
		body := s.document(doc)
		t := &s.tokens[doc.token]
		t.text = body
		if doc.raw || !strings.ContainsAny(body, "$@`") {
			continue
		}
		t.open, t.raw = true, body
		if s.lang == Perl {
			s.blocks(body, t.line+1, "@{", "${")
		} else {
			s.substitutions(body, t.line+1)
		}
	}
	s.here = s.here[:0]
}

// document moves behind the line that ends a here-document.
func (s *scanner) document(doc heredoc) string {
	from := s.at
	for s.at < len(s.text) {
		start := s.at
		s.toLineEnd()
		line := s.text[start:s.at]
		if s.at < len(s.text) {
			s.at++
		}
		if doc.indented {
			line = strings.TrimLeft(line, " \t")
		}
		if strings.TrimSuffix(line, "\r") == doc.end {
			return s.text[from:start]
		}
	}
	return s.text[from:]
}

// unescape takes the backslashes off that stand before quotes and signs; in a string
// that expands, \n and \t are what they say.
func unescape(body string, expands bool) string {
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
		case expands && c == 'n':
			b.WriteByte('\n')
		case expands && c == 't':
			b.WriteByte('\t')
		case expands && c == 'x':
			i += hexEscape(&b, body[i:])
		case isName(c) && !expands:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// hexEscape writes the character of "x41" or "x{41}", and returns how much more
// than the x was read.
func hexEscape(b *strings.Builder, text string) int {
	digits, brace := text[1:], 0
	if strings.HasPrefix(digits, "{") {
		digits, brace = digits[1:], 1
	}
	value, n := 0, 0
	for n < len(digits) && n < 2 {
		d := strings.IndexByte("0123456789abcdef", digits[n]|0x20)
		if isDigit(digits[n]) {
			d = int(digits[n] - '0')
		}
		if d < 0 {
			break
		}
		value, n = value*16+d, n+1
	}
	if n == 0 {
		b.WriteByte('x')
		return 0
	}
	b.WriteByte(byte(value))
	if brace == 1 && n < len(digits) && digits[n] == '}' {
		return n + 2
	}
	return n + brace
}
