package mapdb

import "strings"

// Format is the grammar of a table's source.
type Format string

// The grammars.
const (
	KeyValue Format = "key value" // postmap(1)
	Patterns Format = "patterns"  // regexp_table(5), pcre_table(5)
	Networks Format = "networks"  // cidr_table(5)
)

// Entry is one entry of a table.
type Entry struct {
	Line  int    // from 1; 0 for an entry written in a reference
	Key   string // a pattern with its delimiters, flags and negation as written
	Value string
	// Within are the conditions of the if…endif blocks around the entry, outermost
	// first.
	Within []string
}

// ParseSource reads the text of a table. What Postfix would skip becomes a
// problem, and nothing else is lost.
func ParseSource(f Format, content string) ([]Entry, []Problem) {
	lines, problems := Lines(content)
	p := sourceParser{problems: problems}
	for _, line := range lines {
		switch f {
		case Patterns, Networks:
			p.rule(f, line)
		default:
			p.pair(line)
		}
	}
	for _, open := range p.open {
		p.problem(open.Number, "if without endif")
	}
	return p.entries, p.problems
}

type sourceParser struct {
	entries  []Entry
	problems []Problem
	open     []Line // the if lines not yet closed
	within   []string
}

func (p *sourceParser) problem(line int, message string) {
	p.problems = append(p.problems, Problem{line, message})
}

// pair reads "key white-space value"; a key may be quoted.
func (p *sourceParser) pair(line Line) {
	end, quoted := keyEnd(line.Text)
	key, value := line.Text[:end], strings.Trim(line.Text[end:], spaces)
	switch {
	case quoted:
		p.problem(line.Number, `unbalanced '"'`)
	case value == "":
		p.problem(line.Number, "expected key, white space, value")
	default:
		p.entries = append(p.entries, Entry{Line: line.Number, Key: key, Value: value})
	}
}

func keyEnd(s string) (end int, inQuotes bool) {
	for end < len(s) {
		switch c := s[end]; {
		case c == '\\' && end+1 < len(s):
			end++
		case c == '"':
			inQuotes = !inQuotes
		case isSpace(c) && !inQuotes:
			return end, false
		}
		end++
	}
	return end, inQuotes
}

// rule reads one line of a pattern or network table.
func (p *sourceParser) rule(f Format, line Line) {
	text := strings.Trim(line.Text, spaces)
	switch word, rest := firstWord(text); {
	case strings.EqualFold(word, "if"):
		p.open = append(p.open, line)
		p.within = append(p.within, strings.Trim(rest, spaces))
	case strings.EqualFold(word, "endif"):
		if len(p.open) == 0 {
			p.problem(line.Number, "endif without if")
			return
		}
		p.open = p.open[:len(p.open)-1]
		p.within = p.within[:len(p.within)-1]
	default:
		p.match(f, line.Number, text)
	}
}

// maxWithin bounds what an entry repeats of the blocks around it.
const maxWithin = 20

func (p *sourceParser) match(f Format, number int, text string) {
	end, message := networkEnd(text), ""
	if f == Patterns {
		end, message = patternEnd(text)
	}
	if message != "" {
		p.problem(number, message)
		return
	}
	e := Entry{Line: number, Key: text[:end], Value: strings.Trim(text[end:], spaces)}
	if len(p.within) > 0 && len(p.within) <= maxWithin {
		e.Within = append([]string(nil), p.within...)
	}
	if e.Value == "" {
		p.problem(number, "a pattern without a result")
		if f == Networks {
			return
		}
	}
	p.entries = append(p.entries, e)
}

// firstWord is the run of letters and digits that a line opens with: an "if" may
// be followed directly by its pattern.
func firstWord(s string) (word, rest string) {
	i := 0
	for i < len(s) && isAlnum(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func networkEnd(s string) int {
	i := skipNegation(s, 0)
	for i < len(s) && !isSpace(s[i]) {
		i++
	}
	return i
}

func skipNegation(s string, i int) int {
	for i < len(s) && (s[i] == '!' || isSpace(s[i])) {
		i++
	}
	return i
}

// patternEnd finds where pattern and flags end: /re/flags, any delimiter,
// possibly /re1/flags!/re2/flags.
func patternEnd(s string) (int, string) {
	if s == "" || isAlnum(s[0]) {
		return 0, "neither a pattern nor if nor endif"
	}
	i := 0
	for {
		i = skipNegation(s, i)
		if i >= len(s) {
			return 0, "no pattern"
		}
		closing := closingDelimiter(s, i)
		if closing < 0 {
			return 0, "the pattern has no closing delimiter " + s[i:i+1]
		}
		i = closing + 1
		for i < len(s) && !isSpace(s[i]) && s[i] != '!' {
			if !isAlnum(s[i]) {
				return 0, "unknown pattern flag " + s[i:i+1]
			}
			i++
		}
		if i >= len(s) || s[i] != '!' {
			return i, ""
		}
	}
}

func closingDelimiter(s string, open int) int {
	for i := open + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[open]:
			return i
		}
	}
	return -1
}
