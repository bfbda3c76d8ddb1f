package maildrop

import "strings"

// token is one of maildrop's. Kind is the operator or keyword itself, ";" for the
// end of a line, "" for the end of the file, "error" for what is no token.
type token struct {
	kind string
	text string
	line int
}

// keywords are words that stand for themselves where they are not quoted.
var keywords = wordSet("lt le gt ge eq ne to cc length substr if elsif else while exception echo xfilter system dotlock flock logfile log include exit foreach " +
	"getaddr lookup escape tolower toupper hasaddr gdbmopen gdbmclose gdbmfetch gdbmstore time import unset")

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

type lexer struct {
	src  string
	pos  int
	line int
	last string // kind of the token before
}

func (l *lexer) peek() int {
	if l.pos < len(l.src) {
		return int(l.src[l.pos])
	}
	return -1
}

func (l *lexer) skip() {
	if l.pos < len(l.src) {
		if l.src[l.pos] == '\n' {
			l.line++
		}
		l.pos++
	}
}

func isSpace(c int) bool   { return c == ' ' || c >= '\t' && c <= '\r' }
func isNewline(c int) bool { return c == '\n' || c == '\r' }

func (l *lexer) next() token {
	t := token{line: l.line}
	t.kind, t.text = l.token()
	if t.kind != ";" {
		t.line = l.line - strings.Count(t.text, "\n")
	}
	l.last = t.kind
	return t
}

// token reads the next token.
func (l *lexer) token() (kind, text string) {
	switch ended, bad := l.blanks(); {
	case ended:
		return ";", ""
	case bad:
		return "error", ""
	}
	c := l.peek()
	switch {
	case c < 0 && l.last != ";":
		return ";", ""
	case c < 0:
		return "", ""
	case c == '"':
		return l.quoted('"', "string")
	case c == '\'':
		return l.quoted('\'', "literal")
	case c == '`':
		return l.quoted('`', "command")
	case c == '/' && l.last != "=" && l.last != "to" && l.last != "cc":
		return l.pattern()
	case isWordStart(c):
		return l.word()
	}
	return l.operator(), ""
}

// blanks passes over blanks, comments and joined lines; ended is a line that ended,
// bad a backslash that joins nothing.
func (l *lexer) blanks() (ended, bad bool) {
	for {
		for isSpace(l.peek()) {
			newline := isNewline(l.peek())
			l.skip()
			if newline {
				return true, false
			}
		}
		switch l.peek() {
		case '\\':
			l.skip()
			if !isSpace(l.peek()) {
				return false, true
			}
			l.toNewline()
			l.skip()
		case '#':
			l.toNewline()
			if l.peek() < 0 {
				return false, false
			}
			l.skip()
			return true, false
		default:
			return false, false
		}
	}
}

func (l *lexer) toNewline() {
	for c := l.peek(); c >= 0 && c != '\n'; c = l.peek() {
		l.skip()
	}
}

// quoted reads a string between quotes, which ends before its line does unless a
// backslash joins the next.
func (l *lexer) quoted(quote int, kind string) (string, string) {
	l.skip()
	var b strings.Builder
	for c := l.peek(); c != quote; c = l.peek() {
		if c < 0 || isNewline(c) {
			return "error", ""
		}
		l.skip()
		if c != '\\' {
			b.WriteByte(byte(c))
			continue
		}
		if !l.escaped(quote, &b) {
			return "error", ""
		}
	}
	l.skip()
	return kind, b.String()
}

// escaped reads what follows a backslash in a string.
func (l *lexer) escaped(quote int, b *strings.Builder) bool {
	c := l.peek()
	if c < 0 {
		return false
	}
	if !isSpace(c) {
		if c != quote && c != '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(byte(c))
		l.skip()
		return true
	}
	start := l.pos
	for c = l.peek(); isSpace(c) && !isNewline(c); c = l.peek() {
		l.skip()
	}
	if c != '#' && !isNewline(c) {
		b.WriteByte('\\')
		b.WriteString(l.src[start:l.pos])
		return c >= 0
	}
	l.toNewline()
	for isSpace(l.peek()) {
		l.skip()
	}
	return l.peek() >= 0
}

// pattern reads /…/ with its flags, or the sign of a division.
func (l *lexer) pattern() (string, string) {
	start := l.pos
	l.skip()
	if c := l.peek(); c < 0 || isSpace(c) {
		return "/", ""
	}
	for c := l.peek(); c != '/'; c = l.peek() {
		if c == '\\' {
			l.skip()
			c = l.peek()
		}
		if c < 0 || isNewline(c) {
			return "error", ""
		}
		l.skip()
	}
	l.skip()
	if l.peek() == ':' {
		l.skip()
		for c := l.peek(); isAlnum(c) || c >= 0 && strings.IndexByte("-+.,", byte(c)) >= 0; c = l.peek() {
			l.skip()
		}
	}
	return "pattern", l.src[start:l.pos]
}

func isAlnum(c int) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isWordStart(c int) bool {
	return isAlnum(c) || c >= 0 && strings.IndexByte("_-@.:/$", byte(c)) >= 0
}

// word reads a keyword or a string without quotes.
func (l *lexer) word() (string, string) {
	start := l.pos
	for c := l.peek(); isWordStart(c) || c == '{' || c == '}'; c = l.peek() {
		l.skip()
	}
	text := l.src[start:l.pos]
	for c := l.peek(); isSpace(c) && !isNewline(c); c = l.peek() {
		l.skip()
	}
	if keywords[text] || text == "-" {
		return text, text
	}
	return "string", text
}

// operator reads one of the signs.
func (l *lexer) operator() string {
	rest := l.src[l.pos:]
	for _, op := range []string{"&&", "||", "<=", ">=", "==", "=~", "!="} {
		if strings.HasPrefix(rest, op) {
			l.pos += len(op)
			return op
		}
	}
	op := rest[:1]
	l.skip()
	if strings.Contains("&|{}();+*~<>=!,", op) {
		return op
	}
	return "error"
}
