package mapdb

import "strings"

// Format is the grammar of a table's source.
type Format string

// The grammars.
const (
	KeyValue Format = "key value" // postmap(1)
	Patterns Format = "patterns"  // regexp_table(5) or pcre_table(5), whichever
	Regexp   Format = "regexp"    // regexp_table(5)
	PCRE     Format = "pcre"      // pcre_table(5)
	Networks Format = "networks"  // cidr_table(5)
)

// Entry is one entry of a table.
type Entry struct {
	Line  int    // from 1; 0 for an entry written in a reference, or compiled
	Key   string // a pattern with its delimiters, flags and negation as written
	Value string
	// ValueLine is the physical line on which the value starts, which is not Line
	// where an entry is folded.
	ValueLine int
	// Within are the conditions of the if…endif blocks around the entry, outermost
	// first.
	Within []string
	// Skipped: the rule can be read, yet Postfix does not use it; a problem on the
	// same line says why.
	Skipped bool
}

// ParseSource reads the text of a table. What Postfix would skip becomes a
// problem, and nothing else is lost; a skipped rule that can be read is listed
// too, and says so.
func ParseSource(f Format, content string) ([]Entry, []Problem) {
	switch f {
	case Patterns, Regexp, PCRE, Networks:
		rules, problems := parseRules(f, content)
		return entriesOf(rules), problems
	}
	var p sourceParser
	problems := eachLine(content, func(line Line) { p.pair(p.upToNUL(line)) })
	return p.entries, append(problems, p.problems...)
}

type sourceParser struct {
	entries  []Entry
	problems []Problem
}

func (p *sourceParser) problem(line int, message string) {
	p.problems = append(p.problems, Problem{line, message})
}

// upToNUL cuts a line where it ends for a program in C.
func (p *sourceParser) upToNUL(line Line) Line {
	if i := strings.IndexByte(line.Text, 0); i >= 0 {
		line.Text = line.Text[:i]
		p.problem(line.Number, "a NUL byte hides the rest of the line")
	}
	return line
}

// pair reads "key white-space value"; a key may be quoted.
func (p *sourceParser) pair(line Line) {
	end, quoted := keyEnd(line.Text)
	key, value := line.Text[:end], strings.Trim(line.Text[end:], spaces)
	switch {
	case quoted:
		p.problem(line.Number, `unbalanced '"'`)
	case key == "" || value == "":
		p.problem(line.Number, "expected key, white space, value")
	default:
		if strings.HasSuffix(key, ":") {
			p.problem(line.Number, `the key ends with a ":", as in an alias file`)
		}
		p.entries = append(p.entries, Entry{Line: line.Number, Key: key, Value: value, ValueLine: line.At(valueAt(line.Text, end))})
	}
}

// valueAt is where the text behind end starts.
func valueAt(s string, end int) int {
	return len(s) - len(strings.TrimLeft(s[end:], spaces))
}

func keyEnd(s string) (end int, inQuotes bool) { return keyEndAt(s, "") }

// keyEndAt finds the first white space, or character of stops, that is neither
// quoted nor behind a backslash.
func keyEndAt(s, stops string) (end int, inQuotes bool) {
	for end < len(s) {
		switch c := s[end]; {
		case c == '\\' && end+1 < len(s):
			end++
		case c == '"':
			inQuotes = !inQuotes
		case (isSpace(c) || strings.IndexByte(stops, c) >= 0) && !inQuotes:
			return end, false
		}
		end++
	}
	return end, inQuotes
}
