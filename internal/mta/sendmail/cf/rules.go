package cf

import (
	"strconv"
	"strings"
)

// Ruleset is a named or numbered list of rules.
type Ruleset struct {
	Name   string // "" where it has a number only
	Number int    // -1 where it has a name only
	Line   int    // of its first S line, 0 where it is only named
	Rules  []Rule
}

// Title is the name, or the number where there is none.
func (s *Ruleset) Title() string {
	if s.Name == "" {
		return strconv.Itoa(s.Number)
	}
	return s.Name
}

// Rule is an R line.
type Rule struct {
	Left, Right string // as written
	Line        int
	left, right []piece // macros expanded
	// Pattern and Result are the tokens.
	Pattern, Result []string
	wild            int // wild cards in the pattern
}

const (
	maxRulesets = 100 // MAXRWSETS/2: what a number may be
	maxWild     = 9   // MAXMATCH
	maxNamed    = 10_000
)

func number(s string) (n int, ok bool) {
	digits, rest := leading(s, func(c byte) bool { return c >= '0' && c <= '9' })
	if digits == "" || rest != "" && rest[0] != ' ' || len(digits) > 6 {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// rulesetLine reads what follows the S: "3", "canonify=3", "Local_check_rcpt".
func (r *reading) rulesetLine(l line, body string) {
	r.current = r.ruleset(strings.TrimLeft(r.text(pieces(body), l.number), blanks), l.number)
	if r.current != nil && r.current.Line == 0 {
		r.current.Line = l.number
	}
}

// ruleset finds or makes a ruleset (strtorwset in readcf.c).
func (r *reading) ruleset(text string, line int) *Ruleset {
	if n, ok := number(text); ok || text != "" && text[0] >= '0' && text[0] <= '9' {
		if n >= maxRulesets || !ok {
			r.problem(line, "the number of the ruleset is too large: "+clip(text))
			return nil
		}
		if r.byNumber[n] == nil {
			r.add(&Ruleset{Number: n})
		}
		return r.byNumber[n]
	}
	name, rest := leading(text, func(c byte) bool { return isAlnum(c) || c == '_' })
	if name == "" || !(name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z') {
		r.problem(line, "no name of a ruleset: "+clip(text))
		return nil
	}
	n, numbered := -1, false
	if after, ok := strings.CutPrefix(strings.TrimLeft(rest, blanks), "="); ok {
		if n, numbered = number(strings.Trim(after, blanks)); !numbered || n >= maxRulesets {
			r.problem(line, "the number of the ruleset is none: "+clip(text))
			return nil
		}
	}
	return r.named(name, n, line)
}

func (r *reading) named(name string, n, line int) *Ruleset {
	s := r.byName[lower(name)]
	switch {
	case s == nil && n >= 0 && r.byNumber[n] != nil:
		s = r.byNumber[n] // the number gets another name
		s.Name = name
		r.byName[lower(name)] = s
	case s == nil:
		s = &Ruleset{Name: name, Number: n}
		if len(r.Rulesets) >= maxNamed {
			r.problem(line, "more rulesets than are read")
			return nil
		}
		r.add(s)
	case n >= 0 && s.Number >= 0 && s.Number != n:
		r.problem(line, "the ruleset "+clip(name)+" has the number "+strconv.Itoa(s.Number)+" already")
	case n >= 0 && s.Number < 0 && r.byNumber[n] == nil:
		s.Number = n
		r.byNumber[n] = s
	}
	return s
}

func (r *reading) add(s *Ruleset) {
	r.Rulesets = append(r.Rulesets, s)
	if s.Name != "" {
		r.byName[lower(s.Name)] = s
	}
	if s.Number >= 0 {
		r.byNumber[s.Number] = s
	}
}

// rule reads what follows the R: two fields with tabs between them, and a comment
// behind a third.
func (r *reading) rule(l line, body string) {
	left, rest, ok := strings.Cut(body, "\t")
	switch {
	case r.current == nil:
		r.problem(l.number, "a rule that stands in no ruleset is not used: "+clip(body))
		return
	case !ok:
		r.problem(l.number, "a rule without a tab is not used: "+clip(body))
		return
	}
	right, _, _ := strings.Cut(strings.TrimLeft(rest, "\t"), "\t")
	rule := Rule{Left: left, Right: right, Line: l.number, left: r.expanded(pieces(left), l.number), right: r.expanded(pieces(right), l.number)}
	for _, p := range rule.left {
		if strings.IndexByte("*+-=~", p.mark) >= 0 && p.mark != 0 {
			rule.wild++
		}
	}
	if rule.wild > maxWild {
		r.problem(l.number, "a rule with more than nine wild cards never matches: "+clip(left))
		rule.left = nil
	}
	r.current.Rules = append(r.current.Rules, rule)
}

// tokenise cuts the rules into tokens. Sendmail does so at the first rule, with
// the operators that it knows by then; every file sets them above its rules.
func (r *reading) tokenise() {
	operators := r.operators()
	for _, s := range r.Rulesets {
		for i := range s.Rules {
			rule := &s.Rules[i]
			rule.Pattern = ruleTokens(rule.left, operators)
			rule.Result = ruleTokens(rule.right, operators)
			rule.left, rule.right = nil, nil
		}
	}
}

func ruleTokens(list []piece, operators string) []string {
	t := tokeniser{operators: operators, comments: keepComments, broken: leave, state: atom}
	t.pieces(list)
	return t.done()
}
