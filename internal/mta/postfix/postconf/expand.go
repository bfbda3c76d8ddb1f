package postconf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxExpanded  = 1 << 20  // of one value
	maxDepth     = 100      // as in mac_expand(3)
	maxAllOutput = 64 << 20 // of all values of one view
)

// View answers names as one daemon sees them: main.cf, with the -o options of
// one service laid over it.
type View struct {
	main     *Main
	over     map[string]string // nil for main.cf alone
	derived  map[string]string // defaults that depend on host and directory
	defaults map[string]string
	memo     map[string]expansion
	spent    *int
}

type expansion struct{ text, problem string }

// NewView makes a view; derived are the defaults that Postfix would ask the host
// for.
func NewView(main *Main, over, derived, defaults map[string]string) View {
	return View{main, over, derived, defaults, map[string]expansion{}, new(int)}
}

// Raw is the value of a parameter before expansion.
func (v View) Raw(name string) (string, bool) {
	if s, ok := v.over[name]; ok {
		return s, true
	}
	if p, ok := v.main.Set[name]; ok {
		return p.Raw, true
	}
	return v.Standard(name)
}

// Standard is the default of a parameter before expansion.
func (v View) Standard(name string) (string, bool) {
	if s, ok := v.derived[name]; ok {
		return s, true
	}
	s, ok := v.defaults[name]
	if !ok {
		s, ok = perTransport(v.defaults, name)
	}
	if s == unknownDefault {
		return "", false
	}
	return s, ok
}

// perTransport finds the default of transport_time_limit and its like, which
// exist for every transport of master.cf (postconf(5)).
func perTransport(defaults map[string]string, name string) (string, bool) {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] != '_' {
			continue
		}
		if strings.HasSuffix(name, "_time_limit") && i == len(name)-len("_time_limit") {
			return "$command_time_limit", true
		}
		if s, ok := defaults["error"+name[i:]]; ok {
			return s, true
		}
	}
	return "", false
}

// Value is the expanded value of a parameter.
func (v View) Value(name string) string {
	s, _ := v.ExpandName(name)
	return s
}

// ExpandName is the expanded value of a parameter, and what is wrong with it.
func (v View) ExpandName(name string) (text, problem string) {
	if rawParameters[name] {
		s, _ := v.Raw(name)
		return s, ""
	}
	e := &expander{view: v}
	s, _ := e.lookup(name)
	return s, e.problem
}

// Expand expands a text that is no parameter itself.
func (v View) Expand(s string) (text, problem string) {
	e := &expander{view: v}
	return e.expand(s), e.problem
}

// expander is mac_expand(3) with bounds.
type expander struct {
	view    View
	stack   []string
	problem string
	full    bool
}

func (e *expander) fail(format string, args ...any) {
	if e.problem == "" {
		e.problem = fmt.Sprintf(format, args...)
	}
}

// lookup is the expanded value of a name. A name is expanded once per view, so
// that nested names cost no more than they are long.
func (e *expander) lookup(name string) (string, bool) {
	if known, ok := e.view.memo[name]; ok {
		if known.problem != "" {
			e.fail("%s", known.problem)
		}
		return known.text, true
	}
	raw, ok := e.view.Raw(name)
	if !ok {
		return "", false
	}
	if slices.Contains(e.stack, name) {
		e.fail("$%s expands to itself through %s", Clip(name), Clip(strings.Join(e.stack[slices.Index(e.stack, name):], ", ")))
		return "", true
	}
	if len(e.stack) >= maxDepth {
		e.fail("parameters are nested too deeply")
		return "", true
	}
	e.stack = append(e.stack, name)
	inner := &expander{view: e.view, stack: e.stack}
	text := inner.expand(raw)
	e.stack = e.stack[:len(e.stack)-1]
	if inner.problem != "" {
		e.fail("%s", inner.problem)
	}
	e.view.memo[name] = expansion{text, inner.problem}
	return text, true
}

func (e *expander) expand(s string) string { return e.text(s, 0) }

// text expands every $name in s.
func (e *expander) text(s string, depth int) string {
	if strings.IndexByte(s, '$') < 0 {
		return s
	}
	if depth > maxDepth {
		e.fail("braces are nested too deeply")
		return s
	}
	var b strings.Builder
	for s != "" && !e.full {
		i := strings.IndexByte(s, '$')
		if i < 0 {
			e.add(&b, s)
			break
		}
		e.add(&b, s[:i])
		s = s[i+1:]
		if strings.HasPrefix(s, "$") {
			e.add(&b, "$")
			s = s[1:]
			continue
		}
		var expr string
		expr, s = e.expression(s)
		if expr == "" {
			// Postfix gives up here; the text is kept so that it can be seen.
			e.add(&b, "$"+s)
			break
		}
		e.add(&b, e.evaluate(expr, depth))
	}
	return b.String()
}

func (e *expander) add(b *strings.Builder, s string) {
	*e.view.spent += len(s)
	if b.Len()+len(s) > maxExpanded || *e.view.spent > maxAllOutput {
		e.fail("the expanded value is too large")
		e.full = true
		return
	}
	b.WriteString(s)
}

// expression takes name, {…} or (…) off the front of s.
func (e *expander) expression(s string) (expr, rest string) {
	if s != "" && (s[0] == '{' || s[0] == '(') {
		end := closing(s)
		if end < 0 {
			e.fail("truncated reference: $%s", Clip(s))
			return "", s
		}
		if strings.Trim(s[1:end], Blanks) == "" {
			e.fail("a reference without a name")
			return "", s
		}
		return s[1:end], s[end+1:]
	}
	end := 0
	for end < len(s) && isNameByte(s[end]) {
		end++
	}
	if end == 0 {
		e.fail("a $ without a name behind it")
	}
	return s[:end], s[end:]
}

// closing finds the partner of the bracket that s starts with; the other sort of
// bracket is text.
func closing(s string) int {
	open, shut := s[0], byte('}')
	if open == '(' {
		shut = ')'
	}
	Level := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case open:
			Level++
		case shut:
			if Level--; Level == 0 {
				return i
			}
		}
	}
	return -1
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// evaluate gives the value of what stands inside ${…}.
func (e *expander) evaluate(expr string, depth int) string {
	expr = strings.TrimLeft(expr, Blanks)
	if strings.HasPrefix(expr, "{") {
		truth, rest, ok := e.relation(expr, depth)
		if !ok {
			return ""
		}
		if rest == "" {
			if truth {
				return "true"
			}
			return ""
		}
		return e.choose(truth, rest, depth)
	}
	end := 0
	for end < len(expr) && isNameByte(expr[end]) {
		end++
	}
	name, rest := expr[:end], strings.TrimLeft(expr[end:], Blanks)
	switch {
	case rest == "":
		s, _ := e.lookup(name)
		return s
	case rest[0] == '?' || rest[0] == ':':
		// The test looks at the value before expansion (mac_expand.c).
		raw, _ := e.view.Raw(name)
		return e.choose(raw != "", rest, depth)
	case rest[0] == '{':
		if arg, _, ok := curly(rest); ok { // a function such as domain_to_ascii
			return e.text(arg, depth+1)
		}
	}
	e.fail("a name with other characters than letters, digits and _: %s", Clip(expr))
	return ""
}

// choose reads ?text, ?{text}, :text, :{text} and ?{a}:{b}.
func (e *expander) choose(truth bool, rest string, depth int) string {
	yes, no := "", ""
	if rest[0] == '?' {
		arg, after, ok := curly(rest[1:])
		if !ok {
			arg, after = rest[1:], ""
		}
		yes, rest = arg, after
	}
	if rest != "" {
		if rest[0] != ':' {
			e.fail("expected ? or : at %s", Clip(rest))
			return ""
		}
		arg, after, ok := curly(rest[1:])
		if !ok {
			arg, after = rest[1:], ""
		}
		if after != "" {
			e.fail("unexpected text: %s", Clip(after))
		}
		no = arg
	}
	if truth {
		return e.text(yes, depth+1)
	}
	return e.text(no, depth+1)
}

// curly takes {text} and the white space around it off the front of s.
func curly(s string) (text, rest string, ok bool) {
	s = strings.TrimLeft(s, Blanks)
	if !strings.HasPrefix(s, "{") {
		return "", s, false
	}
	end := closing(s)
	if end < 0 {
		return "", s, false
	}
	return s[1:end], strings.TrimLeft(s[end+1:], Blanks), true
}

// relation evaluates {left} == {right} and its like.
func (e *expander) relation(s string, depth int) (truth bool, rest string, ok bool) {
	left, after, ok := curly(s)
	if !ok {
		e.fail("unbalanced braces: %s", Clip(s))
		return false, "", false
	}
	n := 0
	for n < len(after) && strings.IndexByte("<>=!", after[n]) >= 0 {
		n++
	}
	op, suffixed := after[:n], after[n:]
	n = 0
	for n < len(suffixed) && isNameByte(suffixed[n]) {
		n++
	}
	suffix := suffixed[:n]
	right, rest, ok := curly(suffixed[n:])
	if !ok {
		e.fail("expected {text} %s {text} at %s", Clip(op), Clip(after))
		return false, "", false
	}
	order, ok := compare(e.text(left, depth+1), e.text(right, depth+1), suffix)
	truth, known := holds(op, order)
	if !ok || !known {
		e.fail("no such comparison: %s", Clip(op+suffix))
		return false, "", false
	}
	return truth, rest, true
}

func holds(op string, order int) (truth, known bool) {
	switch op {
	case "==":
		return order == 0, true
	case "!=":
		return order != 0, true
	case "<":
		return order < 0, true
	case "<=":
		return order <= 0, true
	case ">":
		return order > 0, true
	case ">=":
		return order >= 0, true
	}
	return false, false
}

// compare orders two texts: as numbers where both are, as compatibility levels
// with the suffix "level" (postconf(5) compatibility_level).
func compare(left, right, suffix string) (int, bool) {
	switch {
	case suffix == "level":
		return slices.Compare(Level(left), Level(right)), true
	case suffix != "":
		return 0, false
	}
	l, errL := strconv.ParseUint(left, 10, 63)
	r, errR := strconv.ParseUint(right, 10, 63)
	if errL == nil && errR == nil {
		switch {
		case l < r:
			return -1, true
		case l > r:
			return 1, true
		}
		return 0, true
	}
	return strings.Compare(left, right), true
}

// Level reads "3.6" as numbers, so that 3.10 is above 3.9.
func Level(s string) []int {
	out := make([]int, 3)
	for i, part := range strings.SplitN(strings.TrimSpace(s), ".", 3) {
		out[i], _ = strconv.Atoi(part)
	}
	return out
}

// AfterName is what follows a name, {…} or (…) at the start of s, as behind "$".
func AfterName(s string) string {
	_, rest := (&expander{}).expression(s)
	return rest
}
