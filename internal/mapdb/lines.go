package mapdb

import (
	"sort"
	"strings"
)

// Line is one logical line: a line and the lines that continue it.
type Line struct {
	Number int // of its first physical line, from 1
	Text   string
	joints []joint
}

// joint is where a physical line that continues a logical one starts.
type joint struct{ offset, number int }

// At is the physical line on which the byte at offset of Text stands.
func (l Line) At(offset int) int {
	n := sort.Search(len(l.joints), func(i int) bool { return l.joints[i].offset > offset })
	if n == 0 {
		return l.Number
	}
	return l.joints[n-1].number
}

// Problem is a place in a source that Postfix would warn about and skip.
type Problem struct {
	Line    int
	Message string
}

// Lines splits a file into logical lines as all of Postfix does (readlline(3)):
// a line that starts with white space continues the one before, and comment
// lines and empty lines in between do not end it. Comments and empty lines are
// left out; so is text that continues nothing, with a problem.
func Lines(content string) ([]Line, []Problem) {
	var lines []Line
	problems := eachLine(content, func(l Line) { lines = append(lines, l) })
	return lines, problems
}

// eachLine is [Lines] for files of a million lines. A line that nothing
// continues shares the memory of content.
func eachLine(content string, yield func(Line)) []Problem {
	var (
		problems []Problem
		line     Line
		folded   strings.Builder
	)
	flush := func() {
		if folded.Len() > 0 {
			line.Text = folded.String()
			folded.Reset()
		}
		switch {
		case line.Text == "":
		case isSpace(line.Text[0]):
			problems = append(problems, Problem{line.Number, "a logical line must not start with white space: ignored by Postfix"})
		default:
			yield(line)
		}
		line = Line{}
	}
	for n, rest := 1, content; rest != ""; n++ {
		var text string
		text, rest = cutLine(rest)
		if text != "" && text[0] != '#' && !isSpace(text[0]) {
			flush()
		}
		if body := strings.TrimLeft(text, spaces); body == "" || body[0] == '#' {
			continue
		}
		if line.Text == "" {
			line = Line{Number: n, Text: text}
			continue
		}
		if folded.Len() == 0 {
			folded.WriteString(line.Text)
		}
		line.joints = append(line.joints, joint{folded.Len(), n})
		folded.WriteString(text)
	}
	flush()
	return problems
}

// spaces is what isspace(3) calls white space; a carriage return is among it,
// so files with CRLF lines read the same.
const spaces = " \t\r\n\v\f"

func isSpace(c byte) bool { return strings.IndexByte(spaces, c) >= 0 }

func cutLine(s string) (line, rest string) {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// Fields splits a list at white space and commas; braces keep what is inside
// them together (mystrtokq in the Postfix source).
func Fields(s string) []string { return fields(s, ", \t\r\n") }

// Words splits at white space only, braces as in [Fields]: the rest of a
// master.cf line is split this way.
func Words(s string) []string { return fields(s, " \t\r\n") }

func fields(s, separators string) []string {
	var out []string
	start, level := -1, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if level == 0 && strings.IndexByte(separators, c) >= 0 {
			if start >= 0 {
				out = append(out, s[start:i])
			}
			start = -1
			continue
		}
		if start < 0 {
			start = i
		}
		switch {
		case c == '{':
			level++
		case c == '}' && level > 0:
			level--
		}
	}
	if start >= 0 {
		out = append(out, s[start:])
	}
	return out
}

// Unbrace takes the outer braces and the white space inside them off; ok is
// false where s is not one balanced pair of braces.
func Unbrace(s string) (inner string, ok bool) {
	if len(s) < 2 || s[0] != '{' {
		return s, false
	}
	level := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			level++
		case '}':
			if level--; level == 0 {
				return strings.Trim(s[1:i], spaces), i == len(s)-1
			}
		}
	}
	return s, false
}
