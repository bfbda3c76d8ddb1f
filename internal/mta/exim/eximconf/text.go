package eximconf

import "strings"

// blanks is what isspace(3) calls white space in the C locale.
const blanks = " \t\n\v\f\r"

func isSpace(c byte) bool { return strings.IndexByte(blanks, c) >= 0 }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlpha(c byte) bool { return isUpper(c) || c >= 'a' && c <= 'z' }
func isNameByte(c byte) bool {
	return isAlpha(c) || isDigit(c) || c == '_'
}

// readName takes a name off a text: a letter, then letters, digits and
// underscores. White space before it and behind it is gone
// (readconf.c readconf_readname).
func readName(s string) (name, rest string) {
	s = strings.TrimLeft(s, blanks)
	if s == "" || !isAlpha(s[0]) {
		return "", s
	}
	i := 0
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	return s[:i], strings.TrimLeft(s[i:], blanks)
}

// Unquote interprets a quoted string as string_dequote() does: the text up to the
// closing quote, with escapes. rest is what follows; a string that is not quoted
// ends at white space.
func Unquote(s string) (text, rest string, closed bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, blanks)
		if end < 0 {
			return s, "", true
		}
		return s[:end], strings.TrimLeft(s[end:], blanks), true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return b.String(), strings.TrimLeft(s[i+1:], blanks), true
		case '\\':
			n := Escape(s[i:], &b)
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", false
}

// escapes are those that stand for another character (string.c
// string_interpret_escape).
var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// Escape interprets the backslash at the start of a text and says how many bytes
// it took: "\n", "\x41", "\101". A backslash at the end stands for itself.
func Escape(s string, b *strings.Builder) int {
	if len(s) < 2 {
		b.WriteByte('\\')
		return 1
	}
	c := s[1]
	switch {
	case c >= '0' && c <= '7':
		value, n := 0, 1
		for n < len(s) && n < 4 && s[n] >= '0' && s[n] <= '7' {
			value = value*8 + int(s[n]-'0')
			n++
		}
		b.WriteByte(byte(value))
		return n
	case c == 'x':
		value, n := 0, 2
		for n < len(s) && n < 4 && hexDigit(s[n]) >= 0 {
			value = value*16 + hexDigit(s[n])
			n++
		}
		b.WriteByte(byte(value))
		return n
	}
	if to, ok := escapes[c]; ok {
		c = to
	}
	b.WriteByte(c)
	return 2
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Split splits a list: at colons, or at what "<x" says at its start. A separator
// that is doubled stands for itself. White space around items is gone; an empty
// item at the very end is none (spec 6.21, string.c string_nextinlist).
func Split(list string) []string {
	s := strings.TrimLeft(list, blanks)
	separator := byte(':')
	if len(s) > 1 && s[0] == '<' && (isPunct(s[1]) || s[1] < ' ' && s[1] != 0) {
		separator, s = s[1], s[2:]
	}
	return SplitAt(s, separator)
}

// SplitAt splits a list at one separator.
func SplitAt(s string, separator byte) []string {
	var items []string
	for s = strings.TrimLeft(s, blanks); s != ""; s = strings.TrimLeft(s, blanks) {
		var item string
		item, s = nextItem(s, separator)
		items = append(items, trimmed(item))
	}
	return items
}

// trimmed takes white space off the end of an item, but not what a backslash stands
// before.
func trimmed(item string) string {
	n := len(item)
	for n > 0 && isSpace(item[n-1]) && (n < 2 || item[n-2] != '\\') {
		n--
	}
	return item[:n]
}

func nextItem(s string, separator byte) (item, rest string) {
	i := strings.IndexByte(s, separator)
	if i < 0 {
		return s, ""
	}
	if i+1 >= len(s) || s[i+1] != separator {
		return s[:i], s[i+1:]
	}
	var b strings.Builder
	for i >= 0 {
		b.WriteString(s[:i])
		if i+1 >= len(s) || s[i+1] != separator {
			return b.String(), s[i+1:]
		}
		b.WriteByte(separator)
		s = s[i+2:]
		i = strings.IndexByte(s, separator)
	}
	return b.String() + s, ""
}

func isPunct(c byte) bool { return c > ' ' && c < 0x7f && !isAlpha(c) && !isDigit(c) }
