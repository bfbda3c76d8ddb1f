package aliases

import "strings"

// token is what RFC 822 calls one: an operator, an atom, a quoted string, a
// comment or a domain literal.
type token struct {
	kind tokenKind
	text string // of an operator, the character
}

type tokenKind int

const (
	operator tokenKind = iota
	atom
	quotedString
	comment // with its parentheses
	literal // without its brackets
)

const (
	operators = `|%!()<>@,;:\".[]` // tok822_opchar in the Postfix source
	blanks    = " \t\r\n"
)

// scan splits a line into tokens as tok822_scan in the Postfix source does.
func scan(s string) []token {
	var tokens []token
	for i := 0; i < len(s); {
		c := s[i]
		var t token
		switch {
		case strings.IndexByte(blanks, c) >= 0:
			i++
			continue
		case c == '(':
			end := commentEnd(s, i)
			t = token{comment, s[i:end]}
			i = end
		case c == '[':
			t.kind = literal
			t.text, i = collect(s, i+1, "]")
			i++
		case c == '"':
			t.kind = quotedString
			t.text, i = collect(s, i+1, `"`)
			i++
		case c != '\\' && strings.IndexByte(operators, c) >= 0:
			t = token{operator, s[i : i+1]}
			i++
		default:
			t.kind = atom
			t.text, i = collect(s, i, operators+blanks)
			if strings.ContainsFunc(t.text, func(r rune) bool { return r < 0x20 || r == 0x7f || r < 0x80 && strings.ContainsRune(operators+" ", r) }) {
				t.kind = quotedString
			}
		}
		tokens = append(tokens, t)
	}
	return tokens
}

// collect reads up to one of stops; a backslash takes the next character as it
// is, and other white space than a blank becomes one.
func collect(s string, i int, stops string) (text string, end int) {
	var b strings.Builder
	for ; i < len(s); i++ {
		c := s[i]
		if c == '\\' {
			if i++; i == len(s) {
				break
			}
			c = s[i]
		} else if strings.IndexByte(stops, c) >= 0 {
			break
		}
		if strings.IndexByte(blanks, c) >= 0 {
			c = ' '
		}
		b.WriteByte(c)
	}
	return b.String(), i
}

// commentEnd is where the comment that starts at i ends; comments nest.
func commentEnd(s string, i int) int {
	level := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			level++
		case ')':
			if level--; level == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// splitEntry splits a line at its first colon; message says why postalias(1)
// skips it.
func splitEntry(tokens []token) (key, value []token, message string) {
	for i, t := range tokens {
		if t.kind != operator {
			continue
		}
		switch t.text {
		case ",":
			return nil, nil, "expected name: value, found a list of names"
		case ":":
			switch key, value = tokens[:i], tokens[i+1:]; {
			case len(key) == 0 || len(value) == 0:
				return nil, nil, "expected name: value"
			case strings.ContainsAny(internal(operatorsOf(key)), "@%"):
				return nil, nil, "the name must be local"
			}
			return key, value, ""
		}
	}
	return nil, nil, "expected name: value"
}

func operatorsOf(tokens []token) []token {
	var out []token
	for _, t := range tokens {
		if t.kind == operator {
			out = append(out, t)
		}
	}
	return out
}

// internal joins tokens without quotes (tok822_internalize), as keys are stored.
func internal(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if t.kind == literal {
			b.WriteString("[" + t.text + "]")
		} else {
			b.WriteString(t.text)
		}
		if spaceBehind(tokens, i) {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// external joins tokens with quotes (tok822_externalize), as values are stored.
func external(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		switch {
		case t.kind == operator && t.text == ",":
			b.WriteString(", ")
			continue
		case t.kind == quotedString:
			b.WriteString(`"` + backslashed(t.text, "\"\\\r\n") + `"`)
		case t.kind == literal:
			b.WriteString("[" + backslashed(t.text, "\\\r\n") + "]")
		default:
			b.WriteString(t.text)
		}
		if spaceBehind(tokens, i) {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func backslashed(s, what string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(what, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// spaceBehind is tok822_append_space.
func spaceBehind(tokens []token, i int) bool {
	if i+1 == len(tokens) {
		return false
	}
	t, next := tokens[i], tokens[i+1]
	return t.kind == operator && t.text == "," || next.kind == operator && next.text == "<" || t.kind != operator && next.kind != operator
}
