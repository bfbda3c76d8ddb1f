// Package aliases reads alias files: which name hands its mail to which
// addresses, programs, files and lists.
//
// The grammar is aliases(5) as Postfix and Sendmail share it; lists named by
// :include: and plain .forward files have the same right-hand side. The
// package is handed text and opens nothing: an included list is read by whoever
// holds the tree. It does not say what an address means or who owns it.
package aliases

import "strings"

// Kind is what a destination is.
type Kind string

// The kinds of destination.
const (
	Address Kind = "address"
	Command Kind = "command" // "|program arguments"
	File    Kind = "file"    // "/path": the message is appended to it
	Home    Kind = "home"    // "~/path": a file below the recipient's home
	Include Kind = "include" // ":include:/path": a list of destinations
	User    Kind = "user"    // "\alice": delivered to alice, no more aliases
	Special Kind = "special" // ":fail:", ":defer:", ":blackhole:" of other MTAs
)

// Destination is one place where mail for a name goes.
type Destination struct {
	Kind Kind
	// Text is the address, the command without its bar, the file name, the path
	// of the list, or the user without the backslash.
	Text string
	Line int // of the logical line it stands in, from 1
}

// Entry is one alias.
type Entry struct {
	Key          string // without quotes, else as written; look-ups fold case
	Line         int
	Destinations []Destination
	// Value is the right-hand side as postalias(1) writes it into the compiled
	// table: the same text with other white space and quotes.
	Value string
}

// Problem is a line that the mail system would warn about.
type Problem struct {
	Line    int
	Message string
}

// Parse reads an alias file.
func Parse(content string) ([]Entry, []Problem) {
	var entries []Entry
	lines, problems := logicalLines(content)
	for _, line := range lines {
		text, _, hidden := strings.Cut(line.text, "\x00") // C ends a line there
		if hidden {
			problems = append(problems, Problem{line.number, "a NUL byte hides the rest of the line"})
		}
		left, right, message := splitEntry(scan(text))
		key := internal(left)
		if message == "" && key == "" {
			message = "the name is empty"
		}
		if message != "" {
			problems = append(problems, Problem{line.number, message})
			continue
		}
		_, value, _ := cutKey(text)
		if openQuote(value) {
			problems = append(problems, Problem{line.number, `unbalanced '"'`})
		}
		e := Entry{Key: key, Line: line.number, Destinations: ParseValue(value, line.number), Value: external(right)}
		if len(e.Destinations) == 0 {
			problems = append(problems, Problem{line.number, "an alias without a destination"})
		}
		entries = append(entries, e)
	}
	return entries, problems
}

// ParseList reads a list of destinations: an :include: file or a .forward.
// There each line stands for itself (local(8)); only a # in the first column
// makes a comment.
func ParseList(content string) []Destination { return parseList(content, ParseValue) }

func parseList(content string, parse func(value string, line int) []Destination) []Destination {
	var out []Destination
	for n, rest := 1, content; rest != ""; n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		out = append(out, parse(line, n)...)
	}
	return out
}

type logicalLine struct {
	number int
	text   string
}

const spaces = " \t\r\n\v\f"

// logicalLines joins a line with those that start with white space; comment
// lines and empty lines do not end it (postalias(1)).
func logicalLines(content string) ([]logicalLine, []Problem) {
	var (
		lines    []logicalLine
		problems []Problem
		text     strings.Builder
		first    int
	)
	flush := func() {
		s := text.String()
		text.Reset()
		switch {
		case s == "":
		case strings.IndexByte(spaces, s[0]) >= 0:
			problems = append(problems, Problem{first, "text that continues nothing"})
		default:
			lines = append(lines, logicalLine{first, s})
		}
	}
	for n, rest := 1, content; rest != ""; n++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if line != "" && line[0] != '#' && strings.IndexByte(spaces, line[0]) < 0 {
			flush()
		}
		if body := strings.TrimLeft(line, spaces); body == "" || body[0] == '#' {
			continue
		}
		if text.Len() == 0 {
			first = n
		}
		text.WriteString(line)
	}
	flush()
	return lines, problems
}

// cutKey splits at the first colon that is not inside quotes.
func cutKey(s string) (key, value string, ok bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				return unquote(strings.Trim(s[:i], spaces)), s[i+1:], true
			}
		}
	}
	return "", "", false
}

func openQuote(s string) bool {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		}
	}
	return quoted
}
