package eximfilter

import "strings"

const (
	spaces = " \t\n\v\f\r"
	// maxWord is what fits into the buffer that Exim reads a word or string into.
	maxWord = 1023
)

// skip goes to the next character that is neither white space nor comment.
func (p *parser) skip() {
	for p.rest != "" {
		switch c := p.rest[0]; {
		case c == '\n':
			p.line++
			p.rest = p.rest[1:]
		case strings.IndexByte(spaces, c) >= 0:
			p.rest = p.rest[1:]
		case c == '#':
			end := strings.IndexByte(p.rest, '\n')
			if end < 0 {
				end = len(p.rest)
			}
			p.rest = p.rest[end:]
		default:
			return
		}
	}
}

// ending is what ends a word besides white space.
type ending string

const (
	atSpace   ending = spaces
	atBracket ending = spaces + "()" // in conditions
)

// word reads up to white space, and what is skipped behind it.
func (p *parser) word(end ending) string {
	n := strings.IndexAny(p.rest, string(end))
	if n < 0 {
		n = len(p.rest)
	}
	if n > maxWord {
		p.fail("a word is longer than the 1023 characters that Exim takes")
		n = maxWord
	}
	w := p.rest[:n]
	p.rest = p.rest[n:]
	p.skip()
	return w
}

// item reads a word or a quoted string.
func (p *parser) item(end ending) string {
	if !strings.HasPrefix(p.rest, `"`) {
		return p.word(end)
	}
	var b strings.Builder
	i := 1
	for i < len(p.rest) && p.rest[i] != '"' && p.rest[i] != '\n' {
		if b.Len() >= maxWord {
			p.fail("a string is longer than the 1023 characters that Exim takes")
			break
		}
		if next, ok := p.continued(i); ok {
			i = next
			continue
		}
		c, n := p.character(i)
		b.WriteByte(c)
		i += n
	}
	if i < len(p.rest) && p.rest[i] == '"' {
		i++
	} else {
		p.fail("a string has no quote at its end")
	}
	p.rest = p.rest[i:]
	p.skip()
	return b.String()
}

// continued goes over a backslash, the end of its line, and the white space
// around that.
func (p *parser) continued(i int) (next int, ok bool) {
	if p.rest[i] != '\\' {
		return 0, false
	}
	j := i + 1
	for j < len(p.rest) && p.rest[j] != '\n' && strings.IndexByte(spaces, p.rest[j]) >= 0 {
		j++
	}
	if j == len(p.rest) || p.rest[j] != '\n' {
		return 0, false
	}
	p.line++
	for j++; j < len(p.rest) && p.rest[j] != '\n' && strings.IndexByte(spaces, p.rest[j]) >= 0; {
		j++
	}
	return j, true
}

// escapes are those of string_interpret_escape in the Exim source, besides
// numbers; any other character stands for itself.
var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// character reads one character of a string, and says how many it is written with.
func (p *parser) character(i int) (c byte, n int) {
	if p.rest[i] != '\\' || i+1 == len(p.rest) {
		return p.rest[i], 1
	}
	e := p.rest[i+1]
	if e == 'x' {
		return p.number(i+2, 2, 16, 2)
	}
	if digit(e) < 8 {
		return p.number(i+1, 3, 8, 1)
	}
	if c, ok := escapes[e]; ok {
		return c, 2
	}
	return e, 2
}

// number reads up to most digits behind a prefix of some characters.
func (p *parser) number(i, most, base, prefix int) (c byte, n int) {
	value := 0
	for n < most && i+n < len(p.rest) && digit(p.rest[i+n]) < base {
		value = value*base + digit(p.rest[i+n])
		n++
	}
	return byte(value), n + prefix
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 99
}
