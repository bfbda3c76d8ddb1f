package policy

import (
	"strconv"
	"strings"
)

// postlicyd.conf(5) is a list of "name = value;" and of filters, "name { name = value;
// … }". A value is text up to the next semicolon, in which a backslash joins lines, or
// strings in quotes, which stand beside each other as one. "#" begins a comment outside
// of values. What is wrong anywhere keeps postlicyd from starting.

// licyFilter is one filter with its parameters, in the order of the file.
type licyFilter struct {
	name   string
	line   int
	params []licyParam
}

type licyParam struct {
	name, value string
	line        int
}

// licyConfig is a configuration as far as it can be read; wrong says what stopped that.
type licyConfig struct {
	params  []licyParam
	filters []licyFilter
	wrong   string
	line    int
}

// get is the last value of a parameter.
func (f licyFilter) get(name string) string {
	value := ""
	for _, p := range f.params {
		if p.name == name {
			value = p.value
		}
	}
	return value
}

const (
	maxLicyFilters = 2_000
	maxLicyParams  = 1_000 // of one filter
	maxLicyText    = 8_191 // BUFSIZ less one: a longer value is refused
)

// licyScanner reads the text.
type licyScanner struct {
	text     string
	at, line int
	wrong    string
}

func parsePostlicyd(text string) (c licyConfig) {
	s := &licyScanner{text: text, line: 1}
	for s.blank(); s.at < len(s.text) && s.wrong == ""; s.blank() {
		line, name := s.line, s.token()
		s.blank()
		switch s.next() {
		case '=':
			if value := s.value(); s.wrong == "" {
				c.params = append(c.params, licyParam{name, value, line})
			}
		case '{':
			f := licyFilter{name: name, line: line}
			s.body(&f)
			c.filters = append(c.filters, f)
		default:
			s.refuse("neither = nor { stands behind " + strconv.Quote(name))
		}
		if len(c.filters)+len(c.params) > maxLicyFilters {
			s.refuse("more filters than are read")
		}
	}
	c.wrong, c.line = s.wrong, s.line
	return c
}

func (s *licyScanner) refuse(why string) {
	if s.wrong == "" {
		s.wrong = why
	}
}

// body reads the parameters of a filter.
func (s *licyScanner) body(f *licyFilter) {
	for s.blank(); s.wrong == ""; s.blank() {
		if s.peek() == '}' {
			s.at++
			return
		}
		p := licyParam{line: s.line}
		p.name = s.token()
		s.blank()
		if s.next() != '=' {
			s.refuse("no = stands behind " + strconv.Quote(p.name))
			return
		}
		p.value = s.value()
		if f.params = append(f.params, p); len(f.params) > maxLicyParams {
			s.refuse("a filter with more parameters than are read")
		}
	}
}

func (s *licyScanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *licyScanner) next() byte {
	c := s.peek()
	if s.at++; c == '\n' {
		s.line++
	}
	return c
}

// blank passes over blanks and comments.
func (s *licyScanner) blank() {
	for s.at < len(s.text) {
		switch c := s.peek(); {
		case c == '#':
			for s.at < len(s.text) && s.peek() != '\n' {
				s.at++
			}
		case strings.IndexByte(blanks+"\n\v\f\r", c) >= 0:
			s.next()
		default:
			return
		}
	}
}

func (s *licyScanner) token() string {
	from := s.at
	for isWord(s.peek()) && (s.at > from || isLetter(s.peek())) {
		s.at++
	}
	if s.at == from {
		s.refuse("a name begins with a letter")
	}
	return s.text[from:s.at]
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// value reads what stands between = and the semicolon.
func (s *licyScanner) value() string {
	var b strings.Builder
	s.blank()
	if s.peek() != '"' {
		s.raw(&b)
		return strings.TrimRight(b.String(), blanks)
	}
	for s.peek() == '"' && s.wrong == "" {
		s.at++
		s.quoted(&b)
		s.blank()
	}
	if s.next() != ';' {
		s.refuse("a value ends with a semicolon")
	}
	return b.String()
}

func (s *licyScanner) quoted(b *strings.Builder) {
	for s.wrong == "" {
		switch c := s.next(); {
		case s.at > len(s.text) || c == '\n':
			s.refuse("a string ends on the line on which it begins")
		case c == '"':
			return
		case c == '\\':
			b.WriteByte(s.next())
		default:
			b.WriteByte(c)
		}
		s.bound(b)
	}
}

func (s *licyScanner) raw(b *strings.Builder) {
	for s.wrong == "" {
		switch c := s.next(); {
		case s.at > len(s.text):
			s.refuse("a value ends with a semicolon")
		case c == ';':
			return
		case c == '\\' && (s.peek() == '\n' || s.peek() == '\r'):
			s.blank()
		case c == '\n' || c == '\r':
			s.refuse("a value without quotes stands on one line")
		default:
			b.WriteByte(c)
		}
		s.bound(b)
	}
}

func (s *licyScanner) bound(b *strings.Builder) {
	if b.Len() > maxLicyText {
		s.refuse("a value is longer than postlicyd reads")
	}
}

// licyAction is what a filter does with one of its results: notes, and then another
// filter, or an answer to Postfix.
type licyAction struct{ filter, answer string }

// parseLicyAction reads "counter:0:1:warn:text:next".
func parseLicyAction(text string) (a licyAction) {
	rest := strings.TrimSpace(text)
	for range 64 {
		kind, after, ok := strings.Cut(rest, ":")
		if !ok {
			break
		}
		switch strings.TrimSpace(kind) {
		case "counter":
			_, after, _ = strings.Cut(after, ":")
			after = strings.TrimLeft(after, "0123456789 \t")
			rest = strings.TrimPrefix(after, ":")
		case "warn":
			_, rest, _ = strings.Cut(after, ":")
		case "postfix":
			return licyAction{answer: strings.TrimSpace(after)}
		default:
			return licyAction{filter: rest}
		}
	}
	return licyAction{filter: strings.TrimSpace(rest)}
}
