package saconf

import (
	"regexp"
	"strconv"
	"strings"
)

// lexer cuts a condition as Mail::SpamAssassin::Constants does; what fits nothing
// between tokens is passed over.
var (
	lexer     = regexp.MustCompile(`[-+\d.]+|\w[\w:]*|[()]|\|\||&&|\^|>=?|<=?|==|!=|!|[-+*/]|[?:]`)
	operator  = regexp.MustCompile(`^\W{1,5}$`)
	number    = regexp.MustCompile(`^[+-]?\d+(?:\.\d+)?$`)
	class     = regexp.MustCompile(`^\w[\w:]+$`)
	className = regexp.MustCompile(`^(?:\w+::){0,10}\w+$`)
)

const maxTokens = 2_000

// lex cuts a condition; trouble says what can't be read.
func lex(text string) (tokens []string, trouble string) {
	for _, t := range lexer.FindAllString(text, maxTokens+1) {
		switch {
		case len(tokens) == maxTokens:
			return nil, "too long"
		case operator.MatchString(t), number.MatchString(t):
		case class.MatchString(t) && className.MatchString(t):
			t = renamed(t)
		default:
			return nil, strconv.Quote(t)
		}
		tokens = append(tokens, signs(t)...)
	}
	return tokens, ""
}

// signs takes signs apart from what they stand before: Perl does not know of the
// tokens, and "5 -3" is a difference. "--" is an operator of its own, and of no use here.
func signs(t string) []string {
	if t[0] != '-' && t[0] != '+' || len(t) == 1 || strings.Contains(t, "--") || strings.Contains(t, "++") {
		return []string{t}
	}
	return append([]string{t[:1]}, signs(t[1:])...)
}

// facts answer what conditions ask.
type facts interface {
	hasPlugin(name string) bool
	can(method string) bool
	versionNumber() float64
}

// truth works a condition out with Perl's precedence; what is no expression does not
// hold.
func truth(tokens []string, f facts) bool {
	e := &expression{tokens: tokens, facts: f}
	v := e.choice(0)
	return !e.bad && e.at == len(tokens) && v.true()
}

type value struct {
	n    float64
	s    string
	text bool
}

func (v value) true() bool {
	if v.text {
		return v.s != "" && v.s != "0"
	}
	return v.n != 0
}

func (v value) number() float64 {
	if !v.text {
		return v.n
	}
	n, _ := strconv.ParseFloat(strings.TrimRight(v.s, "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:"), 64) // a word is 0, as in Perl
	return n
}

func yes(b bool) value {
	if b {
		return value{n: 1}
	}
	return value{text: true}
}

type expression struct {
	tokens []string
	at     int
	bad    bool
	facts  facts
}

func (e *expression) peek() string {
	if e.at < len(e.tokens) {
		return e.tokens[e.at]
	}
	return ""
}

func (e *expression) take(t string) bool {
	if e.peek() == t && t != "" {
		e.at++
		return true
	}
	return false
}

const maxDepth = 200

func (e *expression) choice(depth int) value {
	if depth > maxDepth {
		e.bad = true
		return value{}
	}
	v := e.binary(0, depth)
	if !e.take("?") {
		return v
	}
	a := e.choice(depth + 1)
	if !e.take(":") {
		e.bad = true
	}
	b := e.choice(depth + 1)
	if v.true() {
		return a
	}
	return b
}

// levels are Perl's binary operators, loosest first (perlop(1)).
var levels = [][]string{{"||"}, {"&&"}, {"^"}, {"==", "!="}, {"<", ">", "<=", ">="}, {"+", "-"}, {"*", "/"}}

func (e *expression) binary(level, depth int) value {
	if level == len(levels) {
		return e.unary(depth)
	}
	v := e.binary(level+1, depth)
	if level == equality || level == relation {
		return e.chain(level, depth, v)
	}
	for op := e.operator(level); op != "" && !e.bad; op = e.operator(level) {
		v = e.apply(op, v, e.binary(level+1, depth))
	}
	return v
}

const (
	equality = 3
	relation = 4
)

// chain works out comparisons, which Perl chains: "1 < 2 < 3" holds where both do.
func (e *expression) chain(level, depth int, first value) value {
	op := e.operator(level)
	if op == "" {
		return first
	}
	all := value{n: 1}
	for last := first; op != "" && !e.bad; op = e.operator(level) {
		next := e.binary(level+1, depth)
		if all.true() {
			all = e.apply(op, last, next)
		}
		last = next
	}
	return all
}

// operator takes one of a level, "" where none is next.
func (e *expression) operator(level int) string {
	for _, o := range levels[level] {
		if e.take(o) {
			return o
		}
	}
	return ""
}

func (e *expression) apply(op string, a, b value) value {
	x, y := a.number(), b.number()
	switch op {
	case "||":
		if a.true() {
			return a
		}
		return b
	case "&&":
		if !a.true() {
			return a
		}
		return b
	case "^":
		return value{n: float64(uint64(int64(x)) ^ uint64(int64(y)))}
	case "==":
		return yes(x == y)
	case "!=":
		return yes(x != y)
	case "<":
		return yes(x < y)
	case ">":
		return yes(x > y)
	case "<=":
		return yes(x <= y)
	case ">=":
		return yes(x >= y)
	case "+":
		return value{n: x + y}
	case "-":
		return value{n: x - y}
	case "*":
		return value{n: x * y}
	}
	if y == 0 {
		e.bad = true
		return value{}
	}
	return value{n: x / y}
}

func (e *expression) unary(depth int) value {
	if depth > maxDepth {
		e.bad = true
		return value{}
	}
	switch {
	case e.take("!"):
		return yes(!e.unary(depth + 1).true())
	case e.take("-"):
		v := e.unary(depth + 1)
		if v.text && v.s != "" { // a word becomes "-word", which is true
			return value{text: true, s: "-" + v.s}
		}
		return value{n: -v.number()}
	case e.take("+"):
		return e.unary(depth + 1)
	}
	return e.primary(depth)
}

func (e *expression) primary(depth int) value {
	t := e.peek()
	e.at++
	switch {
	case t == "(" && e.take(")"):
		return value{text: true} // an empty list is nothing
	case t == "(":
		v := e.choice(depth + 1)
		if !e.take(")") {
			e.bad = true
		}
		return v
	case t == "plugin":
		return yes(e.facts.hasPlugin(e.argument(depth)))
	case t == "can" || t == "has":
		return yes(e.facts.can(e.argument(depth)))
	case t == "version":
		return value{n: e.facts.versionNumber()}
	case t == "perl_version":
		return value{n: perlVersion}
	case t == "local_tests_only":
		return value{}
	case number.MatchString(t):
		n, _ := strconv.ParseFloat(t, 64) // the pattern says that it is one
		return value{n: n}
	case class.MatchString(t):
		return value{s: t, text: true}
	}
	e.bad = true
	return value{}
}

// perlVersion stands for any Perl that a host of today has; conditions ask for much
// older ones (5.010000).
const perlVersion = 5.036000

func (e *expression) argument(depth int) string {
	if !e.take("(") {
		return ""
	}
	v := e.choice(depth + 1)
	if !e.take(")") {
		e.bad = true
	}
	if !v.text {
		return strconv.FormatFloat(v.n, 'g', -1, 64)
	}
	return v.s
}
