package ucl

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"waxseal"
)

// quoted reads up to the closing quote of a JSON string (ucl_lex_json_string). The
// opening one is read already.
func (c *chunk) quoted() (text string, escaped, variables bool, err error) {
	from := c.pos
	for ; !c.done(); c.pos++ {
		switch b := c.text[c.pos]; {
		case b < 0x1f:
			return "", false, false, errors.New("a control character or the end of the line in quotes")
		case b == '\\':
			escaped = true
			if err := c.escape(); err != nil {
				return "", false, false, err
			}
		case b == '"':
			c.pos++
			return c.text[from : c.pos-1], escaped, variables, nil
		case b == '$':
			variables = true
		}
	}
	return "", false, false, errors.New("a quote that is not closed")
}

// escape looks at what stands behind a backslash, and leaves the position at its
// last character.
func (c *chunk) escape() error {
	unfinished := errors.New("an unfinished escape character")
	switch c.pos++; {
	case c.done():
		return unfinished
	case c.text[c.pos] == 'u':
		for range 4 {
			if c.pos+1 < len(c.text) && !isHex(c.text[c.pos+1]) {
				return errors.New("an invalid utf escape")
			}
			c.pos++
		}
		if c.pos+1 >= len(c.text) {
			return unfinished
		}
	case strings.IndexByte(`"/\bfnrt`, c.text[c.pos]) < 0:
		c.pos-- // it is an ordinary character, and may be a control character
	}
	return nil
}

// singleQuoted reads up to the closing single quote. \' is a quote, and a backslash
// at the end of a line takes the line's end away; nothing else is special.
func (c *chunk) singleQuoted() (string, error) {
	from := c.pos
	for ; !c.done(); c.pos++ {
		switch c.text[c.pos] {
		case '\\':
			if c.pos++; c.done() {
				return "", errors.New("an unfinished escape character")
			}
		case '\'':
			c.pos++
			text := c.text[from : c.pos-1]
			if len(text) > 1 && strings.Contains(text, `\`) {
				text = unescapeSingle(text)
			}
			return text, nil
		}
	}
	return "", errors.New("a single quote that is not closed")
}

func unescapeSingle(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		switch i++; {
		case s[i] == '\'':
			b.WriteByte('\'')
		case s[i] == '\n':
		case s[i] == '\r':
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

var escapes = map[byte]byte{'n': '\n', 'r': '\r', 'b': '\b', 't': '\t', 'f': '\f'}

// unescape resolves the escapes of JSON; a backslash before anything else is left
// out (ucl_unescape_json_string). One character is left as it is.
func unescape(s string) string {
	if len(s) <= 1 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch e := escapes[s[i]]; {
		case e != 0:
			b.WriteByte(e)
		case s[i] == 'u' && len(s)-i > 4:
			writeUnicode(&b, s[i+1:i+5])
			i += 4
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// writeUnicode writes a code of four digits as libucl does: halves of a pair are
// written each for itself, and a digit that is none ends the number.
func writeUnicode(b *strings.Builder, digits string) {
	end := 0
	for end < 4 && isHex(digits[end]) {
		end++
	}
	n, _ := strconv.ParseUint("0"+digits[:end], 16, 32) // nothing but digits
	r := rune(n)
	if end < 4 {
		r <<= 4
	}
	if r < 0x80 || utf8.ValidRune(r) {
		b.WriteRune(r)
		return
	}
	b.Write([]byte{0xe0 | byte(r>>12), 0x80 | byte(r>>6&0x3f), 0x80 | byte(r&0x3f)})
}

// expand puts in the variables of a text; unknown ones stay, and "$$" is "$" where
// there is a known one (ucl_expand_variable).
func (p *parser) expand(s string) string {
	if !p.hasVariable(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		at := strings.IndexByte(s[i:], '$')
		if at < 0 || i+at+1 == len(s) {
			b.WriteString(s[i:])
			break
		}
		b.WriteString(s[i : i+at])
		i += at
		value, length := p.variable(s[i:])
		b.WriteString(value)
		i += length
	}
	return b.String()
}

func (p *parser) hasVariable(s string) bool {
	for i := 0; ; {
		at := strings.IndexByte(s[i:], '$')
		if at < 0 || i+at+1 == len(s) {
			return false
		}
		i += at
		_, length := p.variable(s[i:])
		if length > 2 {
			return true
		}
		if s[i+1] == '$' {
			i++
		}
		i++
	}
}

// variable is what stands for the "$" with which s begins, and how much of s it is
// in the place of: 1 or 2 where there is no variable.
func (p *parser) variable(s string) (value string, length int) {
	rest, braces := s[1:], false
	switch rest[0] {
	case '$':
		return "$", 2
	case '{':
		rest, braces = rest[1:], true
	}
	for v := range p.variables() {
		after, ok := strings.CutPrefix(rest, v.Name)
		switch {
		case !ok || v.Name == "":
		case braces && strings.HasPrefix(after, "}"):
			return v.Value, len(v.Name) + 3
		case !braces:
			return v.Value, len(v.Name) + 1
		}
	}
	return "$", 1
}

// variables are those of the file that is read, and those given.
func (p *parser) variables() func(func(Variable) bool) {
	return func(yield func(Variable) bool) {
		for _, v := range p.o.Variables {
			if !yield(v) {
				return
			}
		}
		if yield(Variable{"FILENAME", string(p.current)}) {
			yield(Variable{"CURDIR", string(dirOf(p.current))})
		}
	}
}

// setFile makes a file the current one.
func (p *parser) setFile(f waxseal.Path) { p.current = f }
