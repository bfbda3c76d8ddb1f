package surroundings

import (
	"regexp"
	"strings"
)

// rule is one statement of rsyslog.conf(5): which messages, and what is done.
type rule struct {
	line   int
	filter string // as written: "mail.*", `:programname, isequal, "postfix"`, `$programname == 'postfix'`
	action string
}

// parameter is the value of a parameter in action(type="omfile" …).
func parameter(statement, name string) string {
	lower := strings.ToLower(statement)
	for at := 0; ; {
		i := strings.Index(lower[at:], name)
		if i < 0 {
			return ""
		}
		i += at
		at = i + len(name)
		rest := strings.TrimLeft(statement[at:], " \t")
		if i > 0 && !strings.ContainsRune(" \t(,\n", rune(lower[i-1])) || !strings.HasPrefix(rest, "=") {
			continue
		}
		rest = strings.TrimLeft(rest[1:], " \t")
		if rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return ""
		}
		value, _, _ := strings.Cut(rest[1:], rest[:1])
		return value
	}
}

// parseSyslog splits rsyslog.conf(5) into rules. A block of RainerScript gives
// one rule for each of its actions, under the condition before it; conditions
// within it are joined to that.
func parseSyslog(text string) []rule {
	p := &syslogParser{text: text}
	p.block("", 0)
	return p.rules
}

type syslogParser struct {
	text  string
	at    int
	line  int
	rules []rule
	last  string // the filter that "&" repeats
	// pending is a condition whose action or block follows on the next line.
	pending string
}

const maxDepth = 32

// statement reads up to the end of a logical line, or of a "{…}" or "(…)" that
// begins in it; it stops before a brace.
func (p *syslogParser) statement() (text string, line int) {
	p.blanks()
	start, depth := p.at, 0
	line = p.line + 1
	unfinished := startsIf(p.text[p.at:]) // a condition goes on until "then"
	var quote byte
	for ; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			if p.text[p.at] == '\n' {
				p.line++
			}
		case quote != 0:
			if c == quote || c == '\n' && depth == 0 {
				quote = 0
			}
			if c == '\n' {
				if depth == 0 && !unfinished {
					return p.text[start:p.at], line
				}
				p.line++
			}
		case c == '"' || c == '\'' && (depth > 0 || unfinished):
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth = max(depth-1, 0)
		case c == '\n' && depth == 0 && !unfinished:
			return p.text[start:p.at], line
		case c == '\n':
			if p.line++; p.line-line > maxCondition {
				unfinished = false
			}
		case unfinished && (c == 't' || c == 'T') && thenAt(p.text, p.at):
			unfinished = false
		case (c == '{' || c == '}') && depth == 0:
			return p.text[start:p.at], line
		}
	}
	return p.text[start:], line
}

// maxCondition bounds the lines of one condition, so that an "if" that has lost
// its "then" does not hide the rest of the file.
const maxCondition = 50

func startsIf(s string) bool {
	if len(s) > 4 && strings.EqualFold(s[:4], "else") {
		s = strings.TrimLeft(s[4:min(len(s), 64)], " \t")
	}
	return len(s) > 2 && strings.EqualFold(s[:2], "if") && (isSpace(s[2]) || s[2] == '(')
}

// thenAt reports whether the word "then" stands at i.
func thenAt(s string, i int) bool {
	before := i == 0 || isSpace(s[i-1]) || s[i-1] == ')' || s[i-1] == '"' || s[i-1] == '\''
	return before && i+4 <= len(s) && strings.EqualFold(s[i:i+4], "then") && (i+4 == len(s) || isSpace(s[i+4]) || s[i+4] == '{')
}

// blanks skips white space and comments.
func (p *syslogParser) blanks() {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '\n':
			p.line++
			p.at++
		case isSpace(c):
			p.at++
		case c == '#':
			for p.at < len(p.text) && p.text[p.at] != '\n' {
				p.at++
			}
		case strings.HasPrefix(p.text[p.at:], "/*"):
			end := strings.Index(p.text[p.at+2:], "*/")
			if end < 0 {
				end = len(p.text) - p.at - 4
			}
			skipped := p.text[p.at:min(len(p.text), p.at+end+4)]
			p.line += strings.Count(skipped, "\n")
			p.at += max(len(skipped), 1)
		default:
			return
		}
	}
}

// block reads statements up to the closing brace.
func (p *syslogParser) block(condition string, depth int) {
	for p.at < len(p.text) && len(p.rules) < maxRules {
		before := p.at
		text, line := p.statement()
		text = strings.TrimSpace(text)
		closed := p.at < len(p.text) && p.text[p.at] == '}'
		opened := p.at < len(p.text) && p.text[p.at] == '{'
		if closed || opened {
			p.at++
		}
		inner := p.take(text, line, condition, opened)
		if opened && depth < maxDepth {
			p.block(inner, depth+1)
		}
		if closed {
			return
		}
		if p.at == before {
			p.at++
		}
	}
}

// thenIndex is where the "then" of a condition stands, outside of quotes; -1 where
// there is none.
func thenIndex(s string) int {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case (c == 't' || c == 'T') && thenAt(s, i):
			return i
		}
	}
	return -1
}

// take reads one statement; it returns the condition under which a block that
// opens after it runs.
func (p *syslogParser) take(text string, line int, condition string, opened bool) string {
	lower := strings.ToLower(text)
	if p.pending != "" { // the action of a condition that ended with its line
		condition, p.pending = p.pending, ""
	}
	switch {
	case text == "":
		return condition
	case lower == "else" || lower == "then":
		return condition
	case strings.HasPrefix(lower, "else ") && !strings.HasPrefix(strings.TrimSpace(lower[5:]), "else"):
		return p.take(strings.TrimSpace(text[5:]), line, condition, opened)
	case strings.HasPrefix(lower, "if ") || strings.HasPrefix(lower, "if("):
		filter, action := text[2:], ""
		if i := thenIndex(text); i >= 2 {
			filter, action = text[2:i], strings.TrimSpace(text[i+4:])
		}
		filter = both(condition, strings.TrimSpace(filter))
		if action != "" {
			p.add(line, filter, action)
		} else if !opened {
			p.pending = filter
		}
		p.last = filter
		return filter
	case strings.HasPrefix(lower, "ruleset(") || strings.HasPrefix(lower, "module(") || strings.HasPrefix(lower, "input(") || strings.HasPrefix(lower, "global(") || strings.HasPrefix(lower, "template(") || strings.HasPrefix(lower, "main_queue("):
		return condition
	case strings.HasPrefix(text, "&"):
		p.add(line, p.last, strings.TrimSpace(text[1:]))
	case strings.HasPrefix(text, "$"), strings.HasPrefix(lower, "include("):
		p.rules = append(p.rules, rule{line: line, action: text})
	default:
		filter, action := filterAndAction(text)
		if filter == "" && opened {
			return both(condition, action)
		}
		filter = both(condition, filter)
		if action == "" && opened { // a selector before a block
			p.last = filter
			return filter
		}
		p.add(line, filter, action)
		p.last = filter
		return filter
	}
	return condition
}

func both(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	case len(a) > 2000:
		return a
	}
	return a + " and " + b
}

func (p *syslogParser) add(line int, filter, action string) {
	p.rules = append(p.rules, rule{line, filter, action})
}

var selector = regexp.MustCompile(`^(?:[A-Za-z0-9*,]+\.[=!]*[A-Za-z0-9*]+;?)+(?:[ \t]+|$)`)

// filterAndAction splits "mail.* /file", `:property, operation, "value" action`
// and a bare action.
func filterAndAction(text string) (filter, action string) {
	if text[0] == ':' {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			return text, ""
		}
		for j := i + 1; j < len(text); j++ {
			if text[j] == '\\' {
				j++
			} else if text[j] == '"' {
				return text[:j+1], strings.TrimSpace(text[j+1:])
			}
		}
		return text, ""
	}
	if m := selector.FindString(text); m != "" {
		return strings.TrimSpace(m), strings.TrimSpace(text[len(m):])
	}
	return "", text
}
