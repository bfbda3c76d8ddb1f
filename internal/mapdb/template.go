package mapdb

import (
	"strconv"
	"strings"
)

// piece is a part of a result: text as it is, or what a group matched.
type piece struct {
	text  string
	group int // from 1; 0 for text
}

// maxGroup bounds the number behind a $.
const maxGroup = 1000

// parseTemplate splits a result at $1, ${1} and $(1), and takes $$ for $
// (mac_parse in the Postfix source); message says what Postfix finds wrong.
func parseTemplate(s string) (pieces []piece, message string) {
	var text strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			text.WriteString(s)
			break
		}
		text.WriteString(s[:i])
		if s = s[i+1:]; strings.HasPrefix(s, "$") {
			text.WriteByte('$')
			s = s[1:]
			continue
		}
		name, rest, message := templateName(s)
		if message != "" {
			return nil, message
		}
		n, err := strconv.Atoi(name)
		switch {
		case strings.Trim(name, "0123456789") != "":
			return nil, "the result has $" + name + ", which is no number"
		case err != nil || n < 1 || n > maxGroup:
			return nil, "the result has $" + name + ", and there is no such group"
		}
		if text.Len() > 0 {
			pieces = append(pieces, piece{text: text.String()})
			text.Reset()
		}
		pieces = append(pieces, piece{group: n})
		s = rest
	}
	if text.Len() > 0 {
		pieces = append(pieces, piece{text: text.String()})
	}
	return pieces, ""
}

// templateName cuts the name of a group off what follows a $.
func templateName(s string) (name, rest, message string) {
	end := 0
	switch {
	case strings.HasPrefix(s, "{"), strings.HasPrefix(s, "("):
		if end = closingBracket(s); end < 0 {
			return "", "", "the result has a $" + s[:1] + " that is not closed"
		}
		name, rest = s[1:end], s[end+1:]
	default:
		for end < len(s) && (isAlnum(s[end]) || s[end] == '_') {
			end++
		}
		name, rest = s[:end], s[end:]
	}
	if name == "" {
		return "", "", "the result has a $ without a number; a plain $ is written $$"
	}
	return name, rest, ""
}

// closingBracket finds the end of the bracket that s starts with.
func closingBracket(s string) int {
	open, level := s[0], 0
	closing := byte('}')
	if open == '(' {
		closing = ')'
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case open:
			level++
		case closing:
			if level--; level == 0 {
				return i
			}
		}
	}
	return -1
}

// highest is the highest group that a result uses.
func highest(pieces []piece) int {
	n := 0
	for _, p := range pieces {
		n = max(n, p.group)
	}
	return n
}
