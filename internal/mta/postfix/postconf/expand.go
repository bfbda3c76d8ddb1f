package postconf

import (
	"fmt"
	"slices"
	"strings"
)

const (
	maxExpanded  = 1 << 20  // of one value
	maxAllOutput = 64 << 20 // of all values of one view
	// maxNesting is how deep names, conditions and the text in them may lie in one
	// another (mac_expand.c).
	maxNesting = 100
)

// lookup answers a name with its value before expansion.
type lookup func(name string) (value string, defined bool)

// expansion is the result of a name.
type expansion struct {
	text    string
	problem string
	// depth is how many levels of nesting the value took.
	depth int
}

// macros is the state of one view's expansions: mac_expand(3) of one release
// with bounds. A name is expanded once, so that nested names cost no more than
// they are long.
type macros struct {
	release *Release
	lookup  lookup
	// late reports which values are put in as they are.
	late  func(name string) bool
	memo  map[string]expansion
	spent int
}

func newMacros(r *Release, l lookup) *macros {
	m := &macros{release: r, lookup: l, memo: map[string]expansion{}, late: func(string) bool { return false }}
	if r.since(3, 11) {
		m.late = func(name string) bool { return r.raw[name] }
	}
	return m
}

// expand expands a text.
func (m *macros) expand(s string) (text, problem string) {
	e := &expander{macros: m}
	return e.text(s, 0), e.problem
}

// Expand expands a text as a daemon does that has names of its own ($user,
// $recipient) instead of parameters (mac_expand(3)).
func Expand(s string, values map[string]string) (text, problem string) {
	look := func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
	return newMacros(NewRelease("", ""), look).expand(s)
}

// names calls add with every name that a text refers to, in either branch of a
// condition, up to the first error.
func (m *macros) names(s string, add func(string)) {
	e := &expander{macros: m, scan: add}
	e.text(s, 0)
}

// expander is one call of mac_expand(3).
type expander struct {
	*macros
	stack   []string
	scan    func(string) // nil when expanding
	depth   int          // the deepest level so far
	nested  int          // relations inside relations
	problem string
}

func (e *expander) fail(format string, args ...any) {
	if e.problem == "" {
		e.problem = fmt.Sprintf(format, args...)
	}
}

// enter notes that something stands at a level.
func (e *expander) enter(level int) bool {
	e.depth = max(e.depth, level+1)
	if level > maxNesting {
		e.fail("names and conditions are nested too deeply")
	}
	return e.problem == ""
}

// text expands every $name in s (mac_parse.c).
func (e *expander) text(s string, level int) string {
	var b, literal strings.Builder
	flush := func() {
		if literal.Len() > 0 && e.enter(level) {
			e.add(&b, literal.String())
		}
		literal.Reset()
	}
	for s != "" && e.problem == "" {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			i = len(s)
		}
		literal.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "$$") {
			literal.WriteByte('$')
			s = s[2:]
			continue
		}
		if s == "" {
			break
		}
		flush()
		expr, rest, problem := reference(s[1:])
		if problem != "" {
			e.fail("%s: %s", problem, Clip(s))
			literal.WriteString(s) // so that it can be seen
			break
		}
		s = rest
		if e.enter(level) {
			e.add(&b, e.evaluate(expr, level))
		}
	}
	// What Postfix would not have is kept so that it can be seen.
	if e.problem != "" {
		e.add(&b, literal.String())
		return b.String()
	}
	flush()
	return b.String()
}

func (e *expander) add(b *strings.Builder, s string) {
	if e.scan != nil {
		return
	}
	e.spent += len(s)
	if b.Len()+len(s) > maxExpanded || e.spent > maxAllOutput {
		e.fail("the expanded value is too large")
		return
	}
	b.WriteString(s)
}

// reference takes name, {…} or (…) off the front of s.
func reference(s string) (expr, rest, problem string) {
	if s != "" && (s[0] == '{' || s[0] == '(') {
		end := closing(s)
		if end < 0 {
			return "", s, "truncated reference"
		}
		expr, rest = s[1:end], s[end+1:]
	} else {
		end := 0
		for end < len(s) && isNameByte(s[end]) {
			end++
		}
		expr, rest = s[:end], s[end:]
	}
	if expr == "" {
		return "", rest, "a reference without a name"
	}
	return expr, rest, ""
}

// AfterName is what follows a name, {…} or (…) at the start of s, as behind "$".
func AfterName(s string) string {
	_, rest, _ := reference(s)
	return rest
}

// closing finds the partner of the bracket that s starts with; the other sort of
// bracket is text.
func closing(s string) int {
	open, shut := s[0], byte('}')
	if open == '(' {
		shut = ')'
	}
	level := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case open:
			level++
		case shut:
			if level--; level == 0 {
				return i
			}
		}
	}
	return -1
}

func isNameByte(c byte) bool { return c == '_' || isAlnum(c) }

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// space is what may stand around the parts of an expression.
const space = " \t\r\n"

// evaluate gives the value of what stands inside ${…}.
func (e *expander) evaluate(expr string, level int) string {
	if !e.release.since(3, 0) {
		return e.oldStyle(expr, level)
	}
	if trimmed := strings.TrimLeft(expr, space); strings.HasPrefix(trimmed, "{") {
		truth, rest := e.relation(trimmed)
		switch {
		case e.problem != "":
			return ""
		case rest != "":
			return e.choose(truth, rest, level)
		case truth:
			return "true"
		}
		return ""
	}
	expr = e.trimName(expr)
	end := 0
	for end < len(expr) && isNameByte(expr[end]) {
		end++
	}
	name, rest := expr[:end], e.trimName(expr[end:])
	switch {
	case rest == "":
		return e.name(name, level)
	case rest[0] == '?' || rest[0] == ':':
		return e.choose(e.set(name), rest, level)
	case rest[0] == '{' && e.release.since(3, 11):
		return e.function(name, rest)
	}
	e.fail("a name with other characters than letters, digits and _: %s", Clip(expr))
	return ""
}

// trimName takes white space off beside a name, where the release allows it.
func (e *expander) trimName(s string) string {
	if e.release.since(3, 1) {
		return strings.TrimLeft(s, space)
	}
	return s
}

// oldStyle is evaluate before Postfix 3.0: no braces, no relations, one branch.
func (e *expander) oldStyle(expr string, level int) string {
	end := 0
	for end < len(expr) && isNameByte(expr[end]) {
		end++
	}
	name, rest := expr[:end], expr[end:]
	switch {
	case rest == "":
		return e.name(name, level)
	case rest[0] != '?' && rest[0] != ':':
		e.fail("a name with other characters than letters, digits and _: %s", Clip(expr))
		return ""
	}
	if e.set(name) == (rest[0] == '?') || e.scan != nil {
		return e.text(rest[1:], level+1)
	}
	return ""
}

// set reports whether the name has a value. It looks at the value before
// expansion (mac_expand.c).
func (e *expander) set(name string) bool {
	if e.scan != nil {
		e.scan(name)
		return false
	}
	value, _ := e.lookup(name)
	return value != ""
}

// name gives the expanded value of a name; one that is not defined is empty.
func (e *expander) name(name string, level int) string {
	if e.scan != nil {
		e.scan(name)
		return ""
	}
	x, known := e.memo[name]
	if !known {
		raw, ok := e.lookup(name)
		if !ok || e.late(name) {
			return raw
		}
		if at := slices.Index(e.stack, name); at >= 0 {
			e.fail("$%s expands to itself through %s", Clip(name), Clip(strings.Join(e.stack[at:], ", ")))
			return ""
		}
		if len(e.stack) > maxNesting {
			e.fail("names and conditions are nested too deeply")
			return ""
		}
		x = e.inner(name, raw)
		e.memo[name] = x
	}
	if x.problem != "" {
		e.fail("%s", x.problem)
	}
	e.enter(level + x.depth)
	return x.text
}

// inner expands the value of a name. Most refer to nothing.
func (e *expander) inner(name, raw string) expansion {
	if !strings.Contains(raw, "$") && e.spent+len(raw) <= maxAllOutput && len(raw) <= maxExpanded {
		e.spent += len(raw)
		return expansion{text: raw, depth: min(len(raw), 1)}
	}
	inner := &expander{macros: e.macros, stack: append(e.stack, name), nested: e.nested}
	text := inner.text(raw, 0)
	return expansion{text, inner.problem, inner.depth}
}

// function applies a function such as domain_to_ascii (postconf(5)); for names
// in plain ASCII both known functions give back what they are given.
func (e *expander) function(name, rest string) string {
	arg, after, ok := curly(rest)
	switch {
	case !ok:
		e.fail("braces do not match: %s", Clip(rest))
		return ""
	case after != "":
		e.fail("unexpected text: %s", Clip(after))
		return ""
	case name != "domain_to_ascii" && name != "domain_to_utf8":
		e.fail("no such function: %s", Clip(name))
		return ""
	}
	return e.operand(strings.Trim(arg, Blanks))
}

// choose reads ?text, ?{text}, :text, :{text} and ?{a}:{b}.
func (e *expander) choose(truth bool, rest string, level int) string {
	out := ""
	if rest[0] == '?' {
		yes, after := e.branch(rest[1:])
		if e.problem == "" && (truth || e.scan != nil) {
			out = e.text(yes, level+1)
		}
		rest = after
	}
	if rest == "" || e.problem != "" {
		return out
	}
	if rest[0] != ':' {
		e.fail("expected ? or : at %s", Clip(rest))
		return ""
	}
	no, after := e.branch(rest[1:])
	if e.problem == "" && (!truth || e.scan != nil) {
		out = e.text(no, level+1)
	}
	if after != "" {
		e.fail("unexpected text: %s", Clip(after))
	}
	return out
}

// branch is one side of a condition: {text}, or all that is left.
func (e *expander) branch(s string) (text, rest string) {
	if !strings.HasPrefix(strings.TrimLeft(s, space), "{") {
		return s, ""
	}
	text, rest, ok := curly(s)
	if !ok {
		e.fail("braces do not match: %s", Clip(s))
	}
	return text, rest
}

// curly takes {text} and the white space around it off the front of s.
func curly(s string) (text, rest string, ok bool) {
	s = strings.TrimLeft(s, space)
	if !strings.HasPrefix(s, "{") {
		return "", s, false
	}
	end := closing(s)
	if end < 0 {
		return "", s, false
	}
	return s[1:end], strings.TrimLeft(s[end+1:], space), true
}
