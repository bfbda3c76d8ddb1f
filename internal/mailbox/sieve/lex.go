package sieve

import (
	"strconv"
	"strings"
)

// kind is what a token is.
type kind int

const (
	end kind = iota
	identifier
	tag
	literal // a string, however it is written
	number
	mark // one of ; , ( ) [ ] { }
	garbage
)

// token is a piece of a script; text is what it says, a message of garbage.
type token struct {
	kind   kind
	text   string
	number uint64
	line   int
}

// describe names a token in a message.
func (t token) describe() string {
	switch t.kind {
	case end:
		return "the end of the script"
	case tag:
		return ":" + clip(t.text)
	case literal:
		return "a string"
	case number:
		return "a number"
	}
	return strconv.Quote(clip(t.text))
}

const (
	maxIdentifier = 32      // SIEVE_MAX_IDENTIFIER_LEN of Pigeonhole
	maxString     = 1 << 20 // SIEVE_MAX_STRING_LEN
)

// lexer splits a script into tokens (RFC 5228 section 8.1).
type lexer struct {
	text string
	pos  int
	line int
}

// at is the character at an offset from here, 0 behind the end: a NUL is never
// part of a script.
func (l *lexer) at(offset int) byte {
	if l.pos+offset < len(l.text) {
		return l.text[l.pos+offset]
	}
	return 0
}

// take goes on by n characters, and counts the lines.
func (l *lexer) take(n int) string {
	s := l.text[l.pos : l.pos+n]
	l.pos += n
	l.line += strings.Count(s, "\n")
	return s
}

func (l *lexer) bad(line int, message string) token {
	l.pos = len(l.text)
	return token{kind: garbage, text: message, line: line}
}

// next reads a token.
func (l *lexer) next() token {
	if t, ok := l.skip(); !ok {
		return t
	}
	t := token{line: l.line}
	c := l.at(0)
	switch {
	case l.pos == len(l.text):
		return t
	case c == '"':
		return l.quotedString()
	case strings.IndexByte(";,()[]{}", c) >= 0:
		t.kind, t.text = mark, l.take(1)
	case c >= '0' && c <= '9':
		return l.numeral()
	case letter(c):
		t.kind, t.text = identifier, strings.ToLower(l.name())
		if t.text == "text" && l.at(0) == ':' {
			return l.multiLine()
		}
	case c == ':' && letter(l.at(1)):
		l.take(1)
		t.kind, t.text = tag, strings.ToLower(l.name())
	default:
		return l.bad(l.line, "an unexpected character: "+strconv.Quote(l.text[l.pos:l.pos+1]))
	}
	if len(t.text) > maxIdentifier {
		return l.bad(t.line, "a word is longer than 32 characters: "+strconv.Quote(clip(t.text)))
	}
	return t
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

func (l *lexer) name() string {
	n := 0
	for letter(l.at(n)) || l.at(n) >= '0' && l.at(n) <= '9' {
		n++
	}
	return l.take(n)
}

// skip goes over white space and comments.
func (l *lexer) skip() (bad token, ok bool) {
	for l.pos < len(l.text) {
		line := l.line
		switch c := l.at(0); {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			l.take(1)
		case c == '#':
			if strings.IndexByte(l.take(l.lineLength()), 0) >= 0 {
				return l.bad(line, "a NUL byte in a comment"), false
			}
		case c == '/' && l.at(1) == '*':
			n := strings.Index(l.text[l.pos+2:], "*/")
			if n < 0 {
				return l.bad(line, "a comment /* does not end"), false
			}
			if strings.IndexByte(l.take(n+4), 0) >= 0 {
				return l.bad(line, "a NUL byte in a comment"), false
			}
		default:
			return token{}, true
		}
	}
	return token{}, true
}

// lineLength is how far it is to the end of the line.
func (l *lexer) lineLength() int {
	if n := strings.IndexByte(l.text[l.pos:], '\n'); n >= 0 {
		return n
	}
	return len(l.text) - l.pos
}

// numeral reads a number with its quantifier: 100K (section 2.4.1).
func (l *lexer) numeral() token {
	line, n := l.line, 0
	for l.at(n) >= '0' && l.at(n) <= '9' {
		n++
	}
	value, err := strconv.ParseUint(l.take(n), 10, 64)
	shift := map[byte]uint{'k': 10, 'm': 20, 'g': 30}[l.at(0)|0x20]
	if shift > 0 {
		l.take(1)
	}
	if err != nil || value > (1<<64-1)>>shift {
		return l.bad(line, "a number is too large")
	}
	return token{kind: number, number: value << shift, line: line}
}

// quotedString reads "a string": a backslash takes the next character as it is.
func (l *lexer) quotedString() token {
	line := l.line
	l.take(1)
	var b strings.Builder
	for {
		if l.at(0) == '\\' {
			l.take(1)
		} else if l.at(0) == '"' {
			break
		}
		switch c := l.at(0); {
		case l.pos == len(l.text):
			return l.bad(l.line, "the string of line "+strconv.Itoa(line)+" does not end")
		case c == 0:
			return l.bad(l.line, "a NUL byte in the string of line "+strconv.Itoa(line))
		case c == '\r' && l.at(1) != '\n':
			return l.bad(l.line, "a carriage return alone in the string of line "+strconv.Itoa(line))
		case c == '\r':
			l.take(1)
		}
		b.WriteString(l.take(1))
	}
	l.take(1)
	if b.Len() > maxString {
		return l.bad(line, "a string is too long")
	}
	return token{kind: literal, text: b.String(), line: line}
}

// multiLine reads a string behind text:, up to a line that is a dot; of a line
// that begins with two dots the first goes (section 2.4.2).
func (l *lexer) multiLine() token {
	line := l.line
	l.take(1)
	n := 0
	for l.at(n) == ' ' || l.at(n) == '\t' {
		n++
	}
	l.take(n)
	if rest := l.take(l.lineLength()); strings.IndexByte(rest, 0) >= 0 || rest != "" && rest != "\r" && rest[0] != '#' {
		return l.bad(line, `something else than a comment behind "text:"`)
	}
	var b strings.Builder
	for {
		if l.pos == len(l.text) {
			return l.bad(line, "the text of line "+strconv.Itoa(line)+" does not end")
		}
		l.take(1) // the line feed
		s := l.take(l.lineLength())
		s = strings.TrimSuffix(s, "\r")
		switch {
		case l.pos == len(l.text):
			return l.bad(l.line, "the text of line "+strconv.Itoa(line)+" does not end")
		case strings.IndexByte(s, 0) >= 0:
			return l.bad(l.line, "a NUL byte in the text of line "+strconv.Itoa(line))
		case strings.IndexByte(s, '\r') >= 0:
			return l.bad(l.line, "a carriage return alone in the text of line "+strconv.Itoa(line))
		case s == ".":
			l.take(1)
			if b.Len() > maxString {
				return l.bad(line, "a text is too long")
			}
			return token{kind: literal, text: b.String(), line: line}
		case strings.HasPrefix(s, ".."):
			s = s[1:]
		}
		b.WriteString(s + "\n")
	}
}
