package cf

import (
	"errors"
	"strings"
)

// Answer is what a lookup in a map gives.
type Answer int

// The answers.
const (
	Missing Answer = iota // the map has no such key
	Found
	Unknown // only a network or a program could tell
)

// Lookup looks a key up in a map that lies in a file.
type Lookup func(m Map, key string) (value string, answer Answer)

// Engine rewrites addresses with the rulesets of a configuration.
type Engine struct {
	Config *Config
	Lookup Lookup
	Given  Given
	// Macros are set while rewriting ($&{client_addr}), above those of the file.
	Macros map[string]string
	// Trace, where it is set, is told what goes into a ruleset and what comes out.
	Trace func(ruleset, what string, tokens []string)

	steps   int
	failed  error // the first error in a ruleset that another called
	blind   []string
	isWord  func(byte) bool
	patters map[string]*pattern
}

const (
	maxCalls = 50        // MaxRuleRecursion
	maxLoop  = 100       // of one rule
	maxSteps = 2_000_000 // of matching, for one address
	maxBytes = 16 << 10  // of an address; Sendmail's own buffers are smaller
	maxCall  = 16        // MAX_SUBR
)

// What keeps an address from being rewritten to its end.
var (
	ErrBounds  = errors.New("the rules take longer than is followed")
	ErrDepth   = errors.New("rulesets call each other too deeply")
	ErrRuleset = errors.New("a rule calls a ruleset that is not there")
	ErrLong    = errors.New("the rules make the address too long")
	ErrNothing = errors.New("what a rule looks up is no address")
)

// Blind are the maps that could not be asked, in order, since New or the last
// Rewrite.
func (e *Engine) Blind() []string { return e.blind }

// Rewrite sends an address through rulesets, as "sendmail -bt" does with
// "3,0 address".
func (e *Engine) Rewrite(address string, rulesets ...string) ([]string, error) {
	tokens, err := e.Config.Tokens(address)
	e.steps, e.blind, e.failed = 0, nil, nil
	for _, name := range rulesets {
		if err != nil {
			return tokens, err
		}
		if s := e.Config.Ruleset(name); s != nil {
			tokens, err = e.apply(s, tokens, 0)
		} else if _, ok := number(name); !ok {
			return nil, ErrRuleset
		}
		if err == nil {
			err = e.failed
		}
	}
	return tokens, err
}

func (e *Engine) trace(s *Ruleset, what string, tokens []string) {
	if e.Trace != nil {
		e.Trace(s.Title(), what, tokens)
	}
}

// apply runs one ruleset (rewrite in parseaddr.c).
func (e *Engine) apply(s *Ruleset, tokens []string, depth int) ([]string, error) {
	e.trace(s, "input", tokens)
	if depth > maxCalls {
		return tokens, ErrDepth
	}
	loops := 0
	for i := 0; i < len(s.Rules); {
		if len(tokens) > 0 && tokens[0] == mark+"#" {
			break
		}
		if loops++; loops > maxLoop {
			break // "Infinite loop in ruleset": Sendmail goes on with what there is
		}
		rule := &s.Rules[i]
		bound, ok, err := e.match(rule, tokens)
		if err != nil {
			return tokens, err
		}
		if !ok {
			i, loops = i+1, 0
			continue
		}
		result := rule.Result
		last := false
		if len(result) > 0 {
			switch result[0] {
			case mark + ":":
				result = result[1:]
				i, loops = i+1, 0
			case mark + "@":
				result, last = result[1:], true
			}
		}
		built, err := e.build(result, tokens, bound, depth)
		if err != nil {
			return tokens, err
		}
		tokens = built
		if last {
			break
		}
	}
	e.trace(s, "returns", tokens)
	return tokens, nil
}

// binding is what a wild card stands for: the tokens from first up to, not with,
// end.
type binding struct {
	pattern    int // its place in the pattern
	first, end int
}

// match finds the leftmost, shortest way in which a pattern fits.
func (e *Engine) match(rule *Rule, tokens []string) ([]binding, bool, error) {
	var bound []binding
	p, a := 0, 0
	for p < len(rule.Pattern) || a < len(tokens) {
		if e.steps++; e.steps > maxSteps {
			return nil, false, ErrBounds
		}
		fits := false
		if p < len(rule.Pattern) {
			var b binding
			var wild bool
			if b, wild, fits = e.one(rule.Pattern[p], p, tokens, a); fits {
				if wild {
					bound = append(bound, b)
				}
				p, a = p+1, b.end
				continue
			}
		}
		var ok bool
		if bound, p, a, ok = e.back(rule, bound, tokens); !ok {
			return nil, false, nil
		}
	}
	return bound, true, nil
}

// one matches one token of the pattern at a place.
func (e *Engine) one(want string, at int, tokens []string, a int) (b binding, wild, fits bool) {
	b = binding{at, a, a}
	if want[0] != 0 {
		b.end = a + 1
		return b, false, a < len(tokens) && equalFold(want, tokens[a])
	}
	switch want[1] {
	case '*':
		return b, true, true
	case '@':
		return b, false, true
	}
	if a >= len(tokens) {
		return b, false, false
	}
	if want[1] == '&' {
		return e.deferred(want[2:], b, tokens)
	}
	b.end = a + 1
	switch want[1] {
	case '+', '-':
		return b, true, true
	case '~':
		return b, true, !e.Config.Classes[want[2:]].Has(tokens[a])
	case '=':
		end, ok := e.inClass(want[2:], tokens, a, a+1)
		b.end = end
		return b, true, ok
	}
	return b, false, want == tokens[a] // $| and the like
}

// inClass finds the shortest phrase from first, of at least up to end, that is in
// a class.
func (e *Engine) inClass(class string, tokens []string, first, end int) (int, bool) {
	c := e.Config.Classes[class]
	if c == nil || len(c.words) == 0 {
		return 0, false
	}
	for ; end <= len(tokens) && e.steps <= maxSteps; end++ {
		e.steps += end - first // what joining them takes
		if c.Has(e.join(tokens[first:end], 0)) {
			return end, true
		}
	}
	return 0, false
}

// deferred matches $&x on the left side: token by token, as far as it goes.
func (e *Engine) deferred(name string, b binding, tokens []string) (binding, bool, bool) {
	value := e.macro(name)
	for value != "" {
		if b.end >= len(tokens) || len(tokens[b.end]) > len(value) || !equalFold(value[:len(tokens[b.end])], tokens[b.end]) || tokens[b.end] == "" {
			return b, false, false
		}
		value = value[len(tokens[b.end]):]
		b.end++
	}
	return b, false, true
}

// back gives the last wild card that can take more one token more.
func (e *Engine) back(rule *Rule, bound []binding, tokens []string) ([]binding, int, int, bool) {
	for n := len(bound) - 1; n >= 0; n-- {
		b := &bound[n]
		if b.end >= len(tokens) {
			continue
		}
		switch want := rule.Pattern[b.pattern]; want[1] {
		case '*', '+':
			b.end++
			return bound[:n+1], b.pattern + 1, b.end, true
		case '=':
			if end, ok := e.inClass(want[2:], tokens, b.first, b.end+1); ok {
				b.end = end
				return bound[:n+1], b.pattern + 1, b.end, true
			}
		}
	}
	return nil, 0, 0, false
}

func (e *Engine) macro(name string) string {
	if v, ok := e.Macros[name]; ok {
		return v
	}
	if v, ok := e.Config.Macros[name]; ok {
		return v.Value
	}
	return e.Given[name]
}

func (e *Engine) join(tokens []string, between byte) string {
	if e.isWord == nil {
		e.isWord = e.Config.isWord()
	}
	if between == 0 {
		between = e.Config.spaceSub()
	}
	return join(tokens, between, e.isWord)
}

// build makes the new address of the right side of a rule.
func (e *Engine) build(result, tokens []string, bound []binding, depth int) ([]string, error) {
	var out []string
	for _, t := range result {
		switch {
		case t[0] != 0:
			out = append(out, t)
		case t[1] >= '1' && t[1] <= '9':
			if n := int(t[1] - '1'); n < len(bound) {
				out = append(out, tokens[bound[n].first:bound[n].end]...)
			}
		case t[1] == '&':
			value := e.macro(t[2:])
			if value == "" {
				continue
			}
			list, err := e.reread(pieces(value))
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
		default:
			out = append(out, t)
		}
		if e.steps++; len(out) > maxTokens || e.steps > maxSteps {
			return nil, ErrLong
		}
	}
	if bytesOf(out) > maxBytes {
		return nil, ErrLong
	}
	out, err := e.lookups(out)
	if err != nil {
		return nil, err
	}
	return e.calls(out, depth)
}

func bytesOf(tokens []string) (n int) {
	for _, t := range tokens {
		n += len(t)
	}
	return n
}

// calls runs the rulesets that "$>name" calls: the last one first, each with all
// that follows it. Where one fails, Sendmail leaves the calls before it alone, and
// goes on with what there is (callsubr in parseaddr.c).
func (e *Engine) calls(tokens []string, depth int) ([]string, error) {
	var at []int
	var called []*Ruleset
	for i := 0; i < len(tokens); i++ {
		if tokens[i] != mark+">" || i+1 >= len(tokens) {
			continue
		}
		s := e.Config.Ruleset(strings.Trim(tokens[i+1], `"`))
		if s == nil || len(at) >= maxCall-1 {
			e.fail(map[bool]error{true: ErrRuleset, false: ErrDepth}[s == nil])
			return tokens, nil
		}
		at, called = append(at, i), append(called, s)
	}
	for n := len(at) - 1; n >= 0; n-- {
		rest := append([]string(nil), tokens[at[n]+2:]...)
		var err error
		if len(called[n].Rules) > 0 {
			rest, err = e.apply(called[n], rest, depth+1)
		}
		tokens = append(tokens[:at[n]:at[n]], rest...)
		switch {
		case errors.Is(err, ErrBounds):
			return nil, err
		case err != nil:
			e.fail(err)
			return tokens, nil
		case len(tokens) > maxTokens || bytesOf(tokens) > maxBytes:
			return nil, ErrLong
		}
	}
	return tokens, nil
}

func (e *Engine) fail(err error) {
	if e.failed == nil {
		e.failed = err
	}
}
