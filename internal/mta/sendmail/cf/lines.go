package cf

import "strings"

// maxLine bounds one folded line. Sendmail's own buffers hold 2048 bytes of most.
const maxLine = 64 << 10

// line is a line with those that continue it.
type line struct {
	number int // of the first, from 1
	text   string
}

// eachLine gives the folded lines: one that starts with a blank continues the
// line before it, the newline between them stays (fgetfolded in util.c).
func eachLine(text string, yield func(line), long func(number int)) {
	number := 1
	for text != "" {
		end, lines := fold(text)
		l := line{number, strings.ReplaceAll(strings.TrimSuffix(text[:end], "\n"), "\r", "")}
		if strings.IndexByte(l.text, 0) >= 0 {
			l.text = strings.ReplaceAll(l.text, "\x00", " ")
		}
		if len(l.text) > maxLine {
			long(number)
		} else if l.text != "" && l.text[0] != '#' {
			yield(l)
		}
		number += lines
		text = text[end:]
	}
}

// fold finds the end of a folded line, and of how many lines it is made.
func fold(text string) (end, lines int) {
	for end < len(text) {
		n := strings.IndexByte(text[end:], '\n')
		if n < 0 {
			return len(text), lines + 1
		}
		end += n + 1
		lines++
		if end >= len(text) || text[end] != ' ' && text[end] != '\t' {
			break
		}
	}
	return end, lines
}

// uncomment cuts what follows a # that is not in the first column, and blanks at
// the end (translate_dollars in readcf.c). "$#" and "\#" are none.
func uncomment(s string) string {
	if strings.IndexByte(s, '#') < 0 {
		return strings.TrimRight(s, blanks)
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '$' && i+1 < len(s):
			b.WriteString(s[i : i+2])
			i++
		case c == '\\' && i+1 < len(s) && s[i+1] == '#':
			b.WriteByte('#')
			i++
		case c == '#' && i > 0:
			kept := b.String()
			b.Reset()
			b.WriteString(kept[:1] + strings.TrimRight(kept[1:], " \t"))
			n := strings.IndexByte(s[i:], '\n')
			if n < 0 {
				return strings.TrimRight(b.String(), blanks)
			}
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	return strings.TrimRight(b.String(), blanks)
}

// blanks is what isspace(3) calls white space in the C locale.
const blanks = " \t\n\v\f\r"

func isBlank(c byte) bool { return strings.IndexByte(blanks, c) >= 0 }

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func lower(s string) string { return strings.ToLower(s) }

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }
