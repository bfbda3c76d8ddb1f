package calls

import "strings"

// sort is what sort of token one is.
type sort uint8

const (
	name     sort = iota // an identifier, with "::" in Perl
	variable             // Perl: a variable with its sigil
	literal              // a string; its value is text
	command              // Perl: a string that is run: `id`, qx{id}
	number
	op      // punctuation
	newline // Python: the end of a logical line
)

// token is one token of a program.
type token struct {
	sort     sort
	text     string
	open     bool // a string that takes in variables
	line     int
	from, to int // where it stands
}

func (t token) is(text string) bool { return t.sort == op && t.text == text }

func (t token) named(text string) bool { return t.sort == name && t.text == text }

// piece is code that stands inside a string.
type piece struct {
	text string
	line int
}

// scanner is the reading of one text.
type scanner struct {
	lang    Language
	text    string
	at      int
	line    int
	counted int // up to where lines are counted
	tokens  []token
	nested  []piece
	here    []heredoc // Perl, shell: documents that begin on the next line
	depth   int       // Python: open brackets
}

// heredoc is a document that begins behind the present line.
type heredoc struct {
	end      string
	raw      bool // nothing in it is expanded
	indented bool
	token    int // the token that stands for it
}

// scan reads the tokens of a program that begins at a line.
func scan(lang Language, text string, line int) *scanner {
	s := &scanner{lang: lang, text: text, line: line}
	next := map[Language]func(){Perl: s.perl, Lua: s.lua, Python: s.python, Shell: s.sh}[lang]
	if next == nil {
		return s
	}
	for s.at < len(s.text) {
		before := s.at
		next()
		if s.at <= before { // no reader of a token stands still
			s.at = before + 1
		}
	}
	return s
}

// lineAt counts the lines up to a place, which never goes back.
func (s *scanner) lineAt(at int) int {
	if at > s.counted {
		s.line += strings.Count(s.text[s.counted:at], "\n")
		s.counted = at
	}
	return s.line
}

// emit notes a token that ends where the reading stands.
func (s *scanner) emit(sort sort, text string, from int) {
	s.tokens = append(s.tokens, token{sort: sort, text: text, line: s.lineAt(from), from: from, to: s.at})
}

// last is the token before, the zero token where there is none.
func (s *scanner) last() token {
	if len(s.tokens) == 0 {
		return token{sort: op}
	}
	return s.tokens[len(s.tokens)-1]
}

// rest is what is not read yet.
func (s *scanner) rest() string { return s.text[s.at:] }

// has reports whether the text goes on with a prefix.
func (s *scanner) has(prefix string) bool { return strings.HasPrefix(s.rest(), prefix) }

// toLineEnd moves to the end of the line, before its newline.
func (s *scanner) toLineEnd() {
	if i := strings.IndexByte(s.rest(), '\n'); i >= 0 {
		s.at += i
		return
	}
	s.at = len(s.text)
}

// past moves behind the next occurrence of a text, or to the end.
func (s *scanner) past(end string) {
	if i := strings.Index(s.rest(), end); i >= 0 {
		s.at += i + len(end)
		return
	}
	s.at = len(s.text)
}

// quoted moves behind a string whose opening quote is read already, and returns its
// content as it is written. A backslash takes the next character with it.
func (s *scanner) quoted(quote byte) string {
	from := s.at
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case quote:
			s.at++
			return s.text[from : s.at-1]
		}
		s.at++
	}
	s.at = len(s.text)
	return s.text[min(from, len(s.text)):]
}

func isNameStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isName(c byte) bool { return isNameStart(c) || isDigit(c) }

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' }

// nameEnd is where an identifier that begins at a place ends.
func (s *scanner) nameEnd(at int) int {
	for at < len(s.text) && isName(s.text[at]) {
		at++
	}
	return at
}

// number moves over a number and emits it.
func (s *scanner) number() {
	from := s.at
	for s.at < len(s.text) && (isName(s.text[s.at]) || s.text[s.at] == '.' && s.at+1 < len(s.text) && isDigit(s.text[s.at+1])) {
		s.at++
	}
	s.emit(number, s.text[from:s.at], from)
}

// operator emits the longest of some operators, or one character.
func (s *scanner) operator(long ...string) {
	from := s.at
	for _, o := range long {
		if s.has(o) {
			s.at += len(o)
			s.emit(op, o, from)
			return
		}
	}
	s.at++
	s.emit(op, s.text[from:s.at], from)
}

// inside finds the code in the token just read: what stands in braces behind one of
// the openings, unless it is only a name.
func (s *scanner) inside(body string, openings ...string) { s.blocks(body, s.last().line, openings...) }

// blocks finds code in a text that begins at a line.
func (s *scanner) blocks(body string, line int, openings ...string) {
	for i := 0; i < len(body); i++ {
		opening := openingAt(body[i:], openings)
		if opening == "" {
			if body[i] == '\\' {
				i++
			}
			continue
		}
		from := i + len(opening)
		end := closing(body, from)
		if code := body[from:end]; !plainName(code) {
			s.nested = append(s.nested, piece{code, line})
		}
		i = end
	}
}

func openingAt(text string, openings []string) string {
	for _, o := range openings {
		if strings.HasPrefix(text, o) {
			return o
		}
	}
	return ""
}

// closing is where the brace ends that was opened before a place.
func closing(body string, from int) int {
	depth := 1
	for i := from; i < len(body); i++ {
		switch body[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(body)
}

func plainName(code string) bool {
	for i := range len(code) {
		if !isName(code[i]) && code[i] != ':' && code[i] != '.' {
			return false
		}
	}
	return true
}
