package postconf

import (
	"slices"
	"strconv"
	"strings"
)

// relation evaluates {left} == {right} and its like.
func (e *expander) relation(s string) (truth bool, rest string) {
	left, after, ok := curly(s)
	if !ok {
		e.fail("braces do not match: %s", Clip(s))
		return false, ""
	}
	n := 0
	for n < len(after) && strings.IndexByte("<>!=?+-*/~&|%", after[n]) >= 0 {
		n++
	}
	op, suffixed := after[:n], after[n:]
	if !slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, op) {
		e.fail("no such comparison: %s", Clip(after))
		return false, ""
	}
	n = 0
	for n < len(suffixed) && isAlnum(suffixed[n]) && e.release.since(3, 6) {
		n++
	}
	suffix := suffixed[:n]
	right, rest, ok := curly(suffixed[n:])
	if !ok || suffix != "" && suffix != "level" {
		e.fail("expected {text} %s {text} at %s", Clip(op), Clip(after))
		return false, ""
	}
	l, r := e.operand(left), e.operand(right)
	if e.scan != nil || e.problem != "" {
		return false, rest
	}
	order, problem := compare(l, r, suffix)
	if problem != "" {
		e.fail("%s", problem)
	}
	return holds(op, order), rest
}

// operand expands one side of a relation: in Postfix a call of its own, which
// counts levels anew.
func (e *expander) operand(s string) string {
	if e.nested >= maxNesting {
		e.fail("relations are nested too deeply")
		return ""
	}
	inner := &expander{macros: e.macros, stack: e.stack, scan: e.scan, nested: e.nested + 1}
	text := inner.text(s, 0)
	if inner.problem != "" {
		e.fail("%s", inner.problem)
	}
	return text
}

func holds(op string, order int) bool {
	switch op {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// compare orders two texts: as numbers where both are, as compatibility levels
// with the suffix "level" (postconf(5) compatibility_level).
func compare(left, right, suffix string) (order int, problem string) {
	if suffix == "level" {
		l, okLeft := parseLevel(left)
		r, okRight := parseLevel(right)
		if !okLeft || !okRight {
			return 0, "a compatibility level that is none: " + Clip(left+", "+right)
		}
		return slices.Compare(l, r), ""
	}
	if !isDigits(left) || !isDigits(right) {
		return strings.Compare(left, right), ""
	}
	l, errLeft := strconv.ParseInt(left, 10, 64)
	r, errRight := strconv.ParseInt(right, 10, 64)
	if errLeft != nil || errRight != nil {
		return 0, "a number that is too large: " + Clip(left+", "+right)
	}
	switch {
	case l < r:
		return -1, ""
	case l > r:
		return 1, ""
	}
	return 0, ""
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Level reads a compatibility level such as "3.6" as numbers, so that 3.10 is
// above 3.9; what is none is level 0.
func Level(s string) []int {
	level, ok := parseLevel(s)
	if !ok {
		return make([]int, 3)
	}
	return level
}

// parseLevel is compat_level_from_string(3): up to three numbers as strtol(3)
// reads them.
func parseLevel(s string) ([]int, bool) {
	out := make([]int, 3)
	most := []int{1<<43 - 1, 1<<10 - 1, 1<<10 - 1}
	parts := strings.Split(s, ".")
	if len(parts) > len(out) {
		return nil, false
	}
	for i, part := range parts {
		part = strings.TrimLeft(part, Blanks)
		sign := strings.TrimPrefix(strings.TrimPrefix(part, "+"), "-")
		n, err := strconv.Atoi(part)
		if err != nil || !isDigits(sign) || n < 0 || n > most[i] {
			return nil, false
		}
		out[i] = n
	}
	return out, true
}
