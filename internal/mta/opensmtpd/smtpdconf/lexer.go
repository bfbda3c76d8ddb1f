package smtpdconf

import "strings"

// token is what the grammar is made of.
type token struct {
	kind kind
	text string // of a word; the character, the keyword
}

type kind int

const (
	endOfFile kind = iota
	spoiled        // what could not be read; its line is lost
	word           // STRING
	number
	arrow
	keyword
	char
)

// source is a file being read.
type source struct {
	name string
	text string
	at   int
	back []byte // characters put back, the last one first
	line int
	// ended says that the newline which every file ends with has been given.
	ended bool
}

const eof = -1

const (
	// Markers around the value of a macro, as parse.y has them: inside no other
	// macro is expanded.
	startExpand = 1
	doneExpand  = 2
	// maxWord is the buffer of yylex().
	maxWord = 8096
	// maxExpanded bounds what macros make of a configuration.
	maxExpanded = 16 << 20
	maxDepth    = 32
	maxFiles    = 512
)

// lexer turns files into tokens as yylex() in parse.y does.
type lexer struct {
	files     []*source // the last one is being read
	expanding bool
	expanded  int
	macros    map[string]string
	keywords  map[string]bool
	report    func(message string)
	// line is that of the last token (yylval.lineno).
	line int
}

func (l *lexer) file() *source { return l.files[len(l.files)-1] }

// push starts an included file. Its first character is the newline that ends the
// include.
func (l *lexer) push(name, text string) {
	s := &source{name: name, text: text, line: 1}
	if len(l.files) > 0 {
		s.line, s.back = 0, []byte{'\n'}
	}
	l.files = append(l.files, s)
}

// pop goes back to the including file; false where there is none.
func (l *lexer) pop() bool {
	if len(l.files) == 1 {
		return false
	}
	l.files = l.files[:len(l.files)-1]
	return true
}

// raw is igetc().
func (l *lexer) raw() int {
	f := l.file()
	for {
		c := eof
		switch {
		case len(f.back) > 0:
			c = int(f.back[len(f.back)-1])
			f.back = f.back[:len(f.back)-1]
		case f.at < len(f.text):
			c = int(f.text[f.at])
			f.at++
		}
		switch c {
		case startExpand:
			l.expanding = true
		case doneExpand:
			l.expanding = false
		default:
			return c
		}
	}
}

func (l *lexer) unget(c int) {
	if c != eof {
		f := l.file()
		f.back = append(f.back, byte(c))
	}
}

// next is lgetc(0): a backslash joins lines, and a file ends with a newline.
func (l *lexer) next() int {
	c := l.raw()
	for c == '\\' {
		n := l.raw()
		if n != '\n' {
			c = n
			break
		}
		l.line = l.file().line
		l.file().line++
		c = l.raw()
	}
	if c != eof {
		return c
	}
	if f := l.file(); !f.ended {
		f.ended = true
		return '\n'
	}
	for c == eof {
		if !l.pop() {
			return eof
		}
		c = l.raw()
	}
	return c
}

// quotedNext is lgetc(quote).
func (l *lexer) quotedNext(quote int) int {
	c := l.raw()
	if c != eof {
		return c
	}
	l.report("a quoted string does not end")
	if !l.pop() {
		return eof
	}
	return quote
}

// spoil gives up the rest of the line. Its newline goes too, so that the parser
// passes over the next line as well (findeol()).
func (l *lexer) spoil(message string) token {
	l.report(message)
	for {
		switch l.next() {
		case '\n':
			l.file().line++
			return token{kind: spoiled}
		case eof:
			return token{kind: spoiled}
		}
	}
}

// token is yylex().
func (l *lexer) token() token {
	for {
		c := l.blank()
		if c == '$' && !l.expanding {
			if t, bad := l.macro(); bad {
				return t
			}
			continue
		}
		switch {
		case c == '\'' || c == '"':
			return l.quoted(c)
		case c == '-' || isDigit(c):
			if t, ok := l.digits(c); ok {
				return t
			} else if c == '-' {
				return token{char, "-"}
			}
		case c == '=':
			if n := l.next(); n == '>' {
				return token{kind: arrow}
			} else {
				l.unget(n)
			}
			return token{char, "="}
		}
		return l.plain(c)
	}
}

// blank passes over white space and a comment, which a backslash continues.
func (l *lexer) blank() int {
	c := l.next()
	for c == ' ' || c == '\t' {
		c = l.next()
	}
	l.line = l.file().line
	if c == '#' {
		for c != '\n' && c != eof {
			c = l.next()
		}
	}
	return c
}

// macro puts the value of $name back to be read; bad says that there is none, and
// the token stands for it.
func (l *lexer) macro() (t token, bad bool) {
	var name strings.Builder
	for {
		c := l.next()
		if c == eof {
			return token{kind: endOfFile}, true
		}
		if name.Len() >= maxWord-2 {
			return l.spoil("the name of a macro is too long"), true
		}
		if !isAlnum(c) && c != '_' {
			l.unget(c)
			break
		}
		name.WriteByte(byte(c))
	}
	value, ok := l.macros[name.String()]
	switch {
	case !ok:
		return l.spoil("macro '" + name.String() + "' not defined"), true
	case l.expanded+len(value) > maxExpanded:
		return l.spoil("macros make more text than is read"), true
	}
	l.expanded += len(value)
	f := l.file()
	f.back = append(f.back, doneExpand)
	for i := len(value) - 1; i >= 0; i-- {
		f.back = append(f.back, value[i])
	}
	f.back = append(f.back, startExpand)
	return token{}, false
}

func (l *lexer) quoted(quote int) token {
	var b strings.Builder
	for {
		c := l.quotedNext(quote)
		switch c {
		case eof:
			return token{kind: endOfFile}
		case '\n':
			l.file().line++
			continue
		case quote:
			return token{word, b.String()}
		case 0:
			return l.spoil("syntax error: a null byte")
		case '\\':
			n := l.quotedNext(quote)
			switch {
			case n == eof:
				return token{kind: endOfFile}
			case n == quote || n == ' ' || n == '\t':
				c = n
			case n == '\n':
				l.file().line++
				continue
			default:
				l.unget(n)
			}
		}
		if b.Len() >= maxWord-2 {
			return l.spoil("string too long")
		}
		b.WriteByte(byte(c))
	}
}

// digits reads a number. What goes on otherwise is a word: its digits are put
// back but for the first.
func (l *lexer) digits(c int) (token, bool) {
	text := []byte{byte(c)}
	for {
		c = l.next()
		if c == eof || !isDigit(c) {
			break
		}
		if len(text) >= maxWord-1 {
			return l.spoil("string too long"), true
		}
		text = append(text, byte(c))
	}
	l.unget(c)
	if string(text) != "-" && (c == eof || endsNumber(c)) {
		if !fitsNumber(string(text)) {
			return l.spoil(`"` + string(text) + `" invalid number`), true
		}
		return token{number, string(text)}, true
	}
	for i := len(text) - 1; i > 0; i-- {
		l.unget(int(text[i]))
	}
	return token{}, false
}

// plain reads a word without quotes, or a single character.
func (l *lexer) plain(c int) token {
	if isAlnum(c) || c == ':' || c == '_' {
		var b strings.Builder
		for c != eof && (b.Len() == 0 || inWord(c)) {
			if b.Len() >= maxWord-1 {
				return l.spoil("string too long")
			}
			b.WriteByte(byte(c))
			c = l.next()
		}
		l.unget(c)
		if l.keywords[b.String()] {
			return token{keyword, b.String()}
		}
		return token{word, b.String()}
	}
	switch c {
	case '\n':
		l.line = l.file().line
		l.file().line++
	case eof, 0:
		return token{kind: endOfFile}
	}
	return token{char, string([]byte{byte(c)})}
}

func isDigit(c int) bool { return c >= '0' && c <= '9' }

func isAlnum(c int) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func inWord(c int) bool {
	return isAlnum(c) || c > ' ' && c < 0x7f && strings.IndexByte("(){}<>!=#,", byte(c)) < 0
}

func endsNumber(c int) bool {
	return c >= '\t' && c <= '\r' || strings.IndexByte(" ),/}=", byte(c)) >= 0
}

// fitsNumber reports whether strtonum(3) takes it as a 64 bit number.
func fitsNumber(text string) bool {
	digits := strings.TrimLeft(strings.TrimPrefix(text, "-"), "0")
	most := "9223372036854775807"
	if text[0] == '-' {
		most = "9223372036854775808"
	}
	return len(digits) < len(most) || len(digits) == len(most) && digits <= most
}
