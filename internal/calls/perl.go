package calls

import (
	"slices"
	"strings"
)

// perl reads one token of Perl (perldata(1), perlop(1), perlpod(1)).
func (s *scanner) perl() {
	c := s.text[s.at]
	switch {
	case c == '\n':
		s.at++
		s.documents()
		if s.at < len(s.text)-1 && s.text[s.at] == '=' && isNameStart(s.text[s.at+1]) {
			s.pod()
		}
	case isBlank(c):
		s.at++
	case c == '#':
		s.toLineEnd()
	case c == '=' && s.at == 0 && len(s.text) > 1 && isNameStart(s.text[1]):
		s.pod()
	case isDigit(c):
		s.number()
	case isNameStart(c):
		s.perlName()
	case c == '$' || c == '@' || c == '%' && !s.afterTerm() || c == '&' && !s.afterTerm() && !s.has("&&"):
		s.perlVariable()
	case c == '\'' || c == '"' || c == '`':
		s.perlString(c, s.at+1)
	case c == '/' && !s.afterTerm():
		s.perlPattern(s.at, s.at+1)
	case s.has("<<"):
		s.perlHeredoc()
	default:
		s.operator("=>", "->", "=~", "!~", "::", "..", "||=", "&&=", "//=", ".=", "||", "&&", "//", "==", "!=", "+=", "-=", "*=")
	}
}

// pod moves over documentation that stands in the program.
func (s *scanner) pod() {
	s.past("\n=cut")
	s.toLineEnd()
}

// notTerms are words behind which a value begins, so that "/" begins a pattern.
var notTerms = strings.Fields("and or not if unless while until for foreach return x eq ne lt gt le ge cmp split grep map join push unshift print when")

// afterTerm reports whether a value has just ended, so that "/" divides and "%"
// takes the rest.
func (s *scanner) afterTerm() bool {
	t := s.last()
	switch t.sort {
	case op:
		return t.text == ")" || t.text == "]" || t.text == "}"
	case name:
		return !slices.Contains(notTerms, t.text)
	}
	return true
}

// perlName reads an identifier, or what begins with the name of a quote operator.
func (s *scanner) perlName() {
	from, end := s.at, s.at
	for {
		end = s.nameEnd(end)
		if !strings.HasPrefix(s.text[end:], "::") {
			break
		}
		end += 2
	}
	word := s.text[from:end]
	if word == "__END__" || word == "__DATA__" {
		s.at = len(s.text)
		return
	}
	if open, ok := s.quoteOperator(word, end); ok {
		s.perlQuote(word, open)
		return
	}
	s.at = end
	s.emit(name, word, from)
}

// quoteOperator reports whether a word begins a quote, and where its delimiter is.
func (s *scanner) quoteOperator(word string, end int) (open int, ok bool) {
	switch word {
	case "q", "qq", "qw", "qx", "m", "s", "tr", "y", "qr":
	default:
		return 0, false
	}
	at := end
	for at < len(s.text) && (isBlank(s.text[at]) || s.text[at] == '\n') {
		at++
	}
	last := s.last()
	if at == len(s.text) || last.is("->") || last.named("sub") || strings.HasPrefix(s.text[at:], "=>") || last.is("{") && s.text[at] == '}' {
		return 0, false
	}
	if last.is("-") && last.to == s.at && (word == "s" || word == "y") { // a file test
		return 0, false
	}
	c := s.text[at]
	if at > end && (c == '#' || c == '=' || c == ',' || c == ';' || c == ')') || at > end && isName(c) || c == ')' {
		return 0, false
	}
	return at, true
}

// perlQuote reads a quote whose operator and delimiter are known.
func (s *scanner) perlQuote(word string, open int) {
	from := s.at
	switch word {
	case "m", "qr":
		s.perlPattern(from, open+1)
		return
	case "s", "tr", "y":
		s.perlSubstitute(word, open)
		return
	}
	quote := s.text[open]
	s.at = open + 1
	body := s.delimited(quote)
	switch {
	case word == "qw":
		s.perlWords(body, from)
	case word == "qx":
		s.emit(command, body, from)
		s.interpolated(body, quote != '\'')
	default:
		s.emit(literal, unescape(body, word == "qq"), from)
		s.interpolated(body, word == "qq")
	}
}

// perlWords emits the words of qw as the list that they are.
func (s *scanner) perlWords(body string, from int) {
	s.emit(op, "(", from)
	for i, w := range strings.Fields(body) {
		if i > 0 {
			s.emit(op, ",", from)
		}
		s.emit(literal, w, from)
	}
	s.emit(op, ")", from)
}

// delimited moves behind the end of a quote, whose brackets nest.
func (s *scanner) delimited(open byte) string {
	end, ok := map[byte]byte{'(': ')', '[': ']', '{': '}', '<': '>'}[open]
	if !ok {
		return s.quoted(open)
	}
	from, depth := s.at, 1
	for ; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case open:
			depth++
		case end:
			if depth--; depth == 0 {
				s.at++
				return s.text[from : s.at-1]
			}
		}
	}
	s.at = len(s.text)
	return s.text[min(from, len(s.text)):]
}

// perlString reads a string in one of the plain quotes.
func (s *scanner) perlString(quote byte, body int) {
	from := s.at
	s.at = body
	text := s.quoted(quote)
	if quote == '`' {
		s.emit(command, text, from)
	} else {
		s.emit(literal, unescape(text, quote == '"'), from)
	}
	s.interpolated(text, quote != '\'')
}

// perlPattern reads a pattern whose delimiter stands before body. Code in it, (?{ }),
// runs when it matches.
func (s *scanner) perlPattern(from, body int) {
	s.at = body
	text := s.delimited(s.text[body-1])
	s.at = s.nameEnd(s.at)
	s.emit(literal, text, from)
	s.tokens[len(s.tokens)-1].open = true
	s.inside(text, "(?{", "(??{")
}

// perlSubstitute reads s///, tr/// and y///; with the modifier e the second part is
// code.
func (s *scanner) perlSubstitute(word string, open int) {
	from, quote := s.at, s.text[open]
	s.at = open + 1
	pattern := s.delimited(quote)
	if strings.IndexByte("([{<", quote) >= 0 {
		for s.at < len(s.text) && (isBlank(s.text[s.at]) || s.text[s.at] == '\n') {
			s.at++
		}
		if s.at < len(s.text) {
			quote = s.text[s.at]
			s.at++
		}
	}
	with := s.delimited(quote)
	flags := s.at
	s.at = s.nameEnd(s.at)
	s.emit(literal, pattern, from)
	s.tokens[len(s.tokens)-1].open = true
	switch {
	case word != "s":
		return
	case strings.Contains(s.text[flags:s.at], "e"):
		s.nested = append(s.nested, piece{with, s.last().line})
	default:
		s.interpolated(with, true)
	}
	s.inside(pattern, "(?{", "(??{")
}

// interpolated marks a string that takes in variables, and finds the code in it:
// "@{[ system 'id' ]}", "${\ f() }".
func (s *scanner) interpolated(body string, expands bool) {
	if !expands || !strings.ContainsAny(body, "$@") {
		return
	}
	t := &s.tokens[len(s.tokens)-1]
	t.raw = body
	for i := 0; i+1 < len(body); i++ {
		switch {
		case body[i] == '\\':
			i++
		case body[i] == '$', body[i] == '@' && (isNameStart(body[i+1]) || body[i+1] == '{'):
			t.open = true
		}
	}
	s.inside(body, "@{", "${")
}

// perlVariable reads a variable with its sigil, or a call by "&".
func (s *scanner) perlVariable() {
	from := s.at
	sigil := s.text[s.at]
	s.at++
	for s.at < len(s.text) && s.text[s.at] == '$' && sigil != '&' {
		s.at++ // $$name, @$name
	}
	if s.has("#") && sigil == '$' {
		s.at++ // $#list
	}
	if s.at == len(s.text) {
		s.emit(op, s.text[from:], from)
		return
	}
	switch c := s.text[s.at]; {
	case isNameStart(c) || s.has("::"):
		for s.at = s.nameEnd(s.at); s.has("::"); s.at = s.nameEnd(s.at + 2) {
		}
	case c == '{' && s.bracedName():
	case isDigit(c):
		s.at = s.nameEnd(s.at)
	case c == '{' || sigil != '$' && c != '_' || isBlank(c) || c == '\n':
		s.emit(op, string(sigil), from)
		return
	case s.at == from+1: // $@, $!, $/
		s.at++
	}
	word := s.text[from:s.at]
	if sigil == '&' && len(word) > 1 {
		s.emit(name, word[1:], from)
		return
	}
	s.emit(variable, strings.NewReplacer("{", "", "}", "", " ", "").Replace(word), from)
}

// bracedName moves over "{name}" behind a sigil.
func (s *scanner) bracedName() bool {
	end := s.at + 1
	for end < len(s.text) && (isName(s.text[end]) || s.text[end] == ':' || s.text[end] == '^') {
		end++
	}
	if end == s.at+1 || end == len(s.text) || s.text[end] != '}' {
		return false
	}
	s.at = end + 1
	return true
}
