package cf

import "strings"

// piece is a part of a text as Sendmail holds it: plain characters, or what a $
// makes of those that follow it.
type piece struct {
	// mark is 0 for plain text, 'x' for a macro, '1' to '9' as themselves, and
	// for everything else the character behind the $.
	mark byte
	text string // plain text, or the name of the macro or class
}

// pieces takes a text apart at its $ (macid_parse in readcf.c). A NUL is no part
// of any text here, and marks what is no plain token later.
func pieces(s string) []piece {
	var list []piece
	plain := func(text string) {
		if n := len(list); n > 0 && list[n-1].mark == 0 {
			list[n-1].text += text
		} else if text != "" {
			list = append(list, piece{text: text})
		}
	}
	for s != "" {
		i := strings.IndexByte(s, '$')
		if i < 0 || i+1 == len(s) {
			plain(s)
			break
		}
		plain(s[:i])
		c := s[i+1]
		s = s[i+2:]
		switch {
		case c == '$':
			plain("$")
		case strings.IndexByte("=~&?", c) >= 0:
			var name string
			if name, s = macroName(s); name != "" {
				list = append(list, piece{c, name})
			}
		case strings.IndexByte("*+-@#:>[]()|.", c) >= 0 || c >= '0' && c <= '9':
			list = append(list, piece{mark: c})
		default:
			var name string
			name, s = macroName(string(c) + s)
			list = append(list, piece{'x', name})
		}
	}
	return list
}

// macroName takes the name of a macro or class off the front: one character, or
// what stands in braces. {x} is x.
func macroName(s string) (name, rest string) {
	if s == "" {
		return "", ""
	}
	if s[0] != '{' {
		return s[:1], s[1:]
	}
	end := strings.IndexByte(s, '}')
	if end < 0 {
		end = len(s)
		return s[1:end], ""
	}
	return s[1:end], s[end+1:]
}

const (
	maxDepth = 10       // MaxMacroRecursion
	maxText  = 64 << 10 // of what one expansion may give
)

// macros looks values up while a text is expanded.
type macros struct {
	value func(name string) string
	size  int
	// deep and long say that a bound cut the text.
	deep, long bool
}

// expand puts the values of macros in place and settles $?x…$|…$. (doexpand in
// macro.c). What is left is plain text and the marks of rules.
func (m *macros) expand(list []piece) []piece { return m.within(list, 0) }

func (m *macros) within(list []piece, depth int) []piece {
	var out []piece
	skipping, skipped, open := false, 0, 0
	for _, p := range list {
		switch {
		case p.mark == '?':
			open++
			if skipping {
				skipped++
			} else {
				skipping = m.value(p.text) == ""
			}
		case p.mark == '|' && open > 0:
			if skipped == 0 {
				skipping = !skipping
			}
		case p.mark == '.' && open > 0:
			open--
			if skipped == 0 {
				skipping = false
			} else {
				skipped--
			}
		case skipping:
		case p.mark == 'x':
			out = append(out, m.macro(p.text, depth)...)
		default:
			out = append(out, p)
			m.size += len(p.text) + 1
		}
		if m.size > maxText {
			m.long = true
			break
		}
	}
	return out
}

func (m *macros) macro(name string, depth int) []piece {
	if m.size++; m.long || m.deep {
		return nil
	}
	value := m.value(name)
	if strings.IndexByte(value, '$') < 0 {
		m.size += len(value)
		return []piece{{text: value}}
	}
	if depth >= maxDepth {
		m.deep = true
		return nil
	}
	return m.within(pieces(value), depth+1)
}

// flat writes pieces as text; marks are written as they stand in a file.
func flat(list []piece) string {
	var b strings.Builder
	for _, p := range list {
		switch p.mark {
		case 0:
			b.WriteString(p.text)
		case 'x':
			b.WriteString("$" + braced(p.text))
		case '=', '~', '&', '?':
			b.WriteString("$" + string(p.mark) + braced(p.text))
		default:
			b.WriteString("$" + string(p.mark))
		}
	}
	return b.String()
}

func braced(name string) string {
	if len(name) == 1 {
		return name
	}
	return "{" + name + "}"
}

// munch takes quotes and backslashes off a text up to a delimiter, 0 for none
// (munchstring in readcf.c).
func munch(s string, delimiter byte) (text, rest string) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			if i+1 < len(s) {
				i++
				b.WriteString(unescaped(s[i]))
			}
		case c == '"':
			quoted = !quoted
		case quoted || c != delimiter || delimiter == 0:
			b.WriteByte(c)
		default:
			return b.String(), s[i:]
		}
	}
	return b.String(), ""
}

func unescaped(c byte) string {
	switch c {
	case 'r':
		return "\r"
	case 'n':
		return "\n"
	case 'f':
		return "\f"
	case 'b':
		return "\b"
	}
	return string([]byte{c})
}
