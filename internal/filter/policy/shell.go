package policy

import (
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// assignments reads the lines "NAME=value" of a file that a shell or systemd
// reads (/etc/default); of two for one name the last counts. Any other line is code
// where a shell reads it, which internal/surroundings tells of.
func assignments(p waxseal.Path, text string) map[string]option {
	set := map[string]option{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		line = strings.TrimPrefix(line, "export ")
		name, value, ok := strings.Cut(line, "=")
		if !ok || !isName(name) {
			continue
		}
		value = unquote(value, set)
		if name, ok := strings.CutSuffix(name, "+"); ok {
			value = set[name].value + value
			set[name] = option{name, value, p, n}
			continue
		}
		set[name] = option{name, value, p, n}
	}
	return set
}

func isName(s string) bool {
	s = strings.TrimSuffix(s, "+")
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 || !isWord(byte(r)) }) < 0 && (s[0] < '0' || s[0] > '9')
}

// isWord reports whether a byte may be in a name (\w in the C locale).
func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// unquote takes the quotes off a value, and puts in variables that were set
// before. What follows an unquoted value is a comment or a command.
func unquote(value string, set map[string]option) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(value) && b.Len() < maxWords; i++ {
		c := value[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != '\'' && c == '\\' && i+1 < len(value):
			i++
			b.WriteByte(value[i])
		case quote == 0 && strings.IndexByte(" \t;&|", c) >= 0:
			return b.String()
		case quote != '\'' && c == '$':
			text, length := variable(value[i:], set)
			b.WriteString(text)
			i += length - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// maxWords bounds a value with its variables put in.
const maxWords = 1 << 16

// variable reads $NAME or ${NAME} at the beginning of a text: its value, or itself
// where it is not set, and how long it is.
func variable(s string, set map[string]option) (text string, length int) {
	name, length := "", 1
	if inner, ok := strings.CutPrefix(s, "${"); ok {
		if end := strings.IndexByte(inner, '}'); end > 0 {
			name, length = inner[:end], end+3
		}
	} else {
		for length < len(s) && isWord(s[length]) {
			length++
		}
		name = s[1:length]
	}
	if o, ok := set[name]; ok {
		return o.value, length
	}
	return s[:length], length
}

// words puts the variables that are set into a command line. A variable that is a
// word by itself is split, as systemd and a shell do.
func words(argv []string, set map[string]option) []string {
	var out []string
	for _, w := range argv {
		text, length := "", 0
		if strings.HasPrefix(w, "$") {
			text, length = variable(w, set)
		}
		if length == len(w) && text != w {
			out = append(out, mta.ShellWords(text)...)
			continue
		}
		out = append(out, expand(w, set))
	}
	return out
}

// expand puts variables in.
func expand(s string, set map[string]option) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < maxWords; {
		if s[i] != '$' {
			b.WriteByte(s[i])
			i++
			continue
		}
		text, length := variable(s[i:], set)
		b.WriteString(text)
		i += length
	}
	return b.String()
}
