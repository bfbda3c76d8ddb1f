package cf

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fieldMark stands between the fields of a regex map. In an answer it is part of a
// word, and no rule finds it there.
const fieldMark = "$|"

// pattern is a regex map made ready.
type pattern struct {
	expression *regexp.Regexp
	fields     []int
	delimiter  string
}

// regex is the map class regex. Expressions that RE2 does not know stay
// unanswered.
func (e *Engine) regex(m Map, key string, arguments []string) (string, Answer) {
	if e.patters == nil {
		e.patters = map[string]*pattern{}
	}
	p, made := e.patters[m.Name]
	if !made {
		p = compile(m)
		e.patters[m.Name] = p
	}
	if p == nil {
		return e.unknown(m)
	}
	found := p.expression.FindStringSubmatch(key)
	switch {
	case m.Has('n') && found != nil, !m.Has('n') && found == nil:
		return "", Missing
	case m.Has('m'):
		return arguments[0] + m.Append, Found
	case m.Has('n') || p.fields == nil:
		return m.Append, Found
	}
	fields := p.fields
	if len(arguments) > 1 { // "$@ 1,2" asks for other fields than -s does
		if fields = fieldNumbers(arguments[1]); slices.Max(fields) >= len(found) {
			return "", Missing
		}
	}
	var parts []string
	for _, n := range fields {
		if n < len(found) {
			parts = append(parts, found[n])
		}
	}
	if unsafeText(strings.Join(parts, "")) {
		return "", Missing
	}
	return strings.Join(parts, p.delimiter) + m.Append, Found
}

// fieldNumbers reads "1,0"; what is no number is 0, as atoi(3) has it.
func fieldNumbers(s string) []int {
	var list []int
	for f := range strings.SplitSeq(s, ",") {
		digits, _ := leading(strings.TrimLeft(f, blanks), func(c byte) bool { return c >= '0' && c <= '9' })
		n, err := strconv.Atoi(digits)
		if err != nil && digits != "" {
			n = 1 << 20
		}
		list = append(list, n)
	}
	return list
}

// unsafeText reports whether a text would not be one address any more: blanks, or
// quotes and brackets that do not close (regex_map_lookup in map.c).
func unsafeText(s string) bool {
	angles, parentheses, blank, quote, escaped := 0, 0, 0, false, false
	for i := range len(s) {
		c := s[i]
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quote = !quote
		case quote:
		case c == '(':
			parentheses++
		case c == ')':
			parentheses--
		case c == '<':
			angles++
		case c == '>':
			angles--
		case c == ' ':
			blank++
		}
	}
	return angles != 0 || parentheses != 0 || blank != 0 || quote || escaped
}

// compile makes a pattern of POSIX extended or basic syntax ready; nil where it
// can't be.
func compile(m Map) *pattern {
	expression := m.Args
	p := &pattern{delimiter: fieldMark}
	for strings.HasPrefix(expression, "-") {
		flag, rest := leading(expression, func(c byte) bool { return !isBlank(c) })
		expression = strings.TrimLeft(rest, blanks)
		switch {
		case strings.HasPrefix(flag, "-s"):
			if p.fields = []int{}; len(flag) > 2 {
				p.fields = fieldNumbers(flag[2:])
			}
		case strings.HasPrefix(flag, "-d"):
			p.delimiter = flag[2:]
		}
	}
	if m.Has('b') {
		return nil
	}
	if !m.Has('f') {
		expression = "(?i)" + expression
	}
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil
	}
	compiled.Longest()
	if p.fields != nil && len(p.fields) == 0 {
		for n := range compiled.NumSubexp() + 1 {
			p.fields = append(p.fields, n)
		}
	}
	p.expression = compiled
	return p
}
