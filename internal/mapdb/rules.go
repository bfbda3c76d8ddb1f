package mapdb

import "strings"

// rule is one line of a table of patterns or networks.
type rule struct {
	kind      ruleKind
	line      int
	valueLine int
	key       string // patterns with delimiters, flags and negation as written
	first     pattern
	second    *pattern // regexp: /first/!/second/
	network   network
	value     string
	template  []piece
	skipped   bool // Postfix does not use it
	// end is the index of the endif of an if; -1 where there is none.
	end int
}

type ruleKind int

const (
	ruleMatch ruleKind = iota
	ruleIf
	ruleEndif
)

// rulesParser reads a table as dict_regexp.c, dict_pcre.c and dict_cidr.c do: a
// rule that they skip is not there, an if that they skip opens nothing.
type rulesParser struct {
	sourceParser
	format Format
	rules  []rule
	open   []int // the if rules not yet closed
}

func parseRules(f Format, content string) ([]rule, []Problem) {
	lines, problems := Lines(content)
	p := rulesParser{format: f}
	p.problems = problems
	for _, line := range lines {
		line = p.upToNUL(line)
		line.Text = strings.TrimRight(line.Text, spaces)
		p.line(line)
	}
	for _, i := range p.open {
		p.problem(p.rules[i].line, "if without endif")
	}
	return p.rules, p.problems
}

func (p *rulesParser) line(line Line) {
	switch word, _ := firstWord(line.Text); {
	case strings.EqualFold(word, "if"):
		p.ifRule(line)
	case strings.EqualFold(word, "endif"):
		p.endif(line, strings.Trim(line.Text[len("endif"):], spaces))
	case p.format == Networks:
		p.networkRule(line)
	default:
		p.patternRule(line)
	}
}

func (p *rulesParser) ifRule(line Line) {
	rest := strings.Trim(line.Text[len("if"):], spaces)
	r := rule{kind: ruleIf, line: line.Number, key: rest, end: -1}
	if p.format == Networks {
		n, message := parseNetwork(rest)
		if message != "" {
			p.problem(line.Number, message)
			return
		}
		r.network = n
	} else {
		first, end, message := cutPattern(p.format, rest, 0)
		switch {
		case message != "":
			p.problem(line.Number, message)
			return
		case strings.Trim(rest[end:], spaces) != "":
			p.problem(line.Number, "text behind the pattern of an if: ignored by Postfix")
			r.key = rest[:end]
		}
		if _, err := first.translation(p.format); err == errBadPattern {
			p.problem(line.Number, "the pattern of an if can not be used")
			return
		}
		r.first = first
	}
	p.open = append(p.open, len(p.rules))
	p.rules = append(p.rules, r)
}

func (p *rulesParser) endif(line Line, rest string) {
	switch {
	case rest != "" && p.format == Networks:
		p.problem(line.Number, "text behind endif: Postfix skips it")
		return
	case len(p.open) == 0:
		p.problem(line.Number, "endif without if")
		return
	case rest != "":
		p.problem(line.Number, "text behind endif: ignored by Postfix")
	}
	last := len(p.open) - 1
	p.rules[p.open[last]].end = len(p.rules)
	p.open = p.open[:last]
	p.rules = append(p.rules, rule{kind: ruleEndif, line: line.Number})
}

func (p *rulesParser) networkRule(line Line) {
	end := networkEnd(line.Text)
	r := rule{line: line.Number, key: line.Text[:end], value: strings.Trim(line.Text[end:], spaces), valueLine: line.At(valueAt(line.Text, end))}
	n, message := parseNetwork(r.key)
	switch {
	case message != "":
		p.problem(line.Number, message)
		return
	case r.value == "":
		p.problem(line.Number, "a network without a result")
		return
	}
	r.network = n
	p.rules = append(p.rules, r)
}

func (p *rulesParser) patternRule(line Line) {
	s := line.Text
	if s == "" || isAlnum(s[0]) {
		p.problem(line.Number, "neither a pattern nor if nor endif")
		return
	}
	r := rule{line: line.Number}
	first, end, message := cutPattern(p.format, s, 0)
	if message == "" && p.format != PCRE && end < len(s) && s[end] == '!' {
		var second pattern
		second, end, message = cutPattern(p.format, s, end)
		r.second = &second
	}
	if message != "" {
		p.problem(line.Number, message)
		return
	}
	r.first, r.key, r.value = first, s[:end], strings.Trim(s[end:], spaces)
	r.valueLine = line.At(valueAt(s, end))
	if r.value == "" {
		p.problem(line.Number, "a pattern without a result")
	}
	if r.template, message = parseTemplate(r.value); message == "" {
		message = p.unusable(r)
	}
	if message != "" {
		p.problem(line.Number, message)
		r.skipped = true
	}
	p.rules = append(p.rules, r)
}

// unusable says why Postfix skips a rule whose parts can be read.
func (p *rulesParser) unusable(r rule) string {
	groups := highest(r.template)
	if groups > 0 && r.first.negate {
		return "the result of a negated pattern has a $number"
	}
	t, err := r.first.translation(p.format)
	switch {
	case err == errBadPattern && p.format != Patterns:
		return "the pattern can not be used"
	case err == nil && groups > t.groups && p.format != Patterns:
		return "the result has a $number for which the pattern has no group"
	}
	if r.second != nil {
		if _, err := r.second.translation(p.format); err == errBadPattern {
			return "the second pattern can not be used"
		}
	}
	return ""
}

// maxWithin bounds what an entry repeats of the blocks around it.
const maxWithin = 20

// entriesOf lists the rules that give a result.
func entriesOf(rules []rule) []Entry {
	var (
		entries []Entry
		within  []string
	)
	for _, r := range rules {
		switch r.kind {
		case ruleIf:
			within = append(within, r.key)
		case ruleEndif:
			within = within[:len(within)-1]
		default:
			e := Entry{Line: r.line, Key: r.key, Value: r.value, ValueLine: r.valueLine, Skipped: r.skipped}
			if len(within) > 0 && len(within) <= maxWithin {
				e.Within = append([]string(nil), within...)
			}
			entries = append(entries, e)
		}
	}
	return entries
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

// cutPattern reads "!/re/flags" at offset i; end is where the flags end.
func cutPattern(f Format, s string, i int) (p pattern, end int, message string) {
	start := i
	i = skipNegation(s, i)
	if i >= len(s) {
		return p, 0, "no pattern"
	}
	p.negate = strings.Count(s[start:i], "!")%2 == 1
	closing := closingDelimiter(s, i)
	if closing < 0 {
		return p, 0, "the pattern has no closing delimiter " + s[i:i+1]
	}
	p.text = s[i+1 : closing]
	for end = closing + 1; end < len(s) && !isSpace(s[end]); end++ {
		if s[end] == '!' && f != PCRE {
			break
		}
		if !knownFlag(f, s[end]) {
			return p, 0, "unknown pattern flag " + s[end:end+1]
		}
	}
	p.flags = s[closing+1 : end]
	return p, end, ""
}

func knownFlag(f Format, c byte) bool {
	return f != PCRE && strings.IndexByte("imx", c) >= 0 || f != Regexp && strings.IndexByte("imsxAEUX", c) >= 0
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
