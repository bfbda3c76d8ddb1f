package milterconf

import (
	"strings"
)

// Rule is one of milter-regex(8): what becomes of mail that one of the expressions
// picks.
type Rule struct {
	// Action is "reject", "tempfail", "discard", "quarantine" or "accept"; of a setting
	// it is the setting's name.
	Action string
	// Message is what the sender is told, or the value of a setting.
	Message string
	// Expressions are as written, with what their macros stand for put in.
	Expressions []string
	// All says that one of them picks all mail.
	All  bool
	Line int
}

// ParseRegex reads milter-regex.conf. At the first thing that it can not read the
// program lets all mail pass; this tells, and reads no further.
func ParseRegex(text string) (rules []Rule, refusal *Refusal) {
	p := &regexParser{lexer: regexLexer{text: text, line: 1}, macros: map[string]regexTerm{}}
	p.next()
	for p.token.kind != tokenEnd && p.wrong == "" && len(rules) < mostValues {
		if r, ok := p.statement(); ok && p.wrong == "" {
			rules = append(rules, r)
		}
	}
	if p.wrong != "" {
		r := refusalAt(p.token.line, p.wrong)
		return rules, &r
	}
	return rules, nil
}

type tokenKind byte

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenKeyword
	tokenSign
)

type regexToken struct {
	kind tokenKind
	text string
	line int
}

// arguments are the keywords of a term, and how many arguments each takes.
var regexArguments = map[string]int{"connect": 2, "country": 1, "helo": 1, "envfrom": 1, "envrcpt": 1, "header": 2, "macro": 2, "body": 1}

var regexSettings = map[string]bool{"ipv4file": true, "ipv6file": true, "geoipCashKeep": true, "geoipCashMax": true, "geoipDebugLog": true}

func isRegexKeyword(s string) bool {
	switch s {
	case "accept", "and", "discard", "not", "or", "quarantine", "reject", "tempfail":
		return true
	}
	return regexArguments[s] > 0 || regexSettings[s]
}

// regexLexer splits a configuration of milter-regex into tokens (parse.y yylex).
type regexLexer struct {
	text     string
	at, line int
}

// peek is the next byte, behind line ends that a backslash joins; 0 at the end.
func (l *regexLexer) peek() byte {
	for strings.HasPrefix(l.text[l.at:], "\\\n") {
		l.at += 2
		l.line++
	}
	if l.at >= len(l.text) {
		return 0
	}
	return l.text[l.at]
}

func (l *regexLexer) next() regexToken {
	for {
		c := l.peek()
		switch {
		case c == 0 && l.at >= len(l.text):
			return regexToken{tokenEnd, "", l.line}
		case c == '\n':
			l.at++
			l.line++
		case c == ' ' || c == '\t':
			l.at++
		case c == '#':
			for l.peek() != '\n' && l.at < len(l.text) {
				l.at++
			}
		case c == '"' || c == '\'':
			return l.quoted(c)
		case isLetter(c):
			return l.word()
		case strings.IndexByte("()=$", c) >= 0:
			l.at++
			return regexToken{tokenSign, string(c), l.line}
		default:
			return l.pattern(c)
		}
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// word is a letter and all letters, digits and signs behind it.
func (l *regexLexer) word() regexToken {
	line := l.line
	var b strings.Builder
	for c := l.peek(); c > ' ' && c < 0x7f; c = l.peek() {
		b.WriteByte(c)
		l.at++
	}
	kind := tokenWord
	if isRegexKeyword(b.String()) {
		kind = tokenKeyword
	}
	return regexToken{kind, b.String(), line}
}

func (l *regexLexer) quoted(sign byte) regexToken {
	line := l.line
	l.at++
	var b strings.Builder
	for c := l.peek(); l.at < len(l.text) && c != sign; c = l.peek() {
		b.WriteByte(c)
		l.at++
	}
	l.at = min(l.at+1, len(l.text))
	l.line = line + strings.Count(b.String(), "\n")
	return regexToken{tokenWord, b.String(), line}
}

// pattern is an argument between two signs of the same sort, with flags behind it.
func (l *regexLexer) pattern(sign byte) regexToken {
	line := l.line
	var b strings.Builder
	b.WriteByte(sign)
	l.at++
	c := l.peek()
	for ; l.at < len(l.text) && c != '\n' && c != sign; c = l.peek() {
		b.WriteByte(c)
		l.at++
	}
	if l.at < len(l.text) && c == sign {
		b.WriteByte(sign)
		l.at++
		for c = l.peek(); isLetter(c); c = l.peek() {
			b.WriteByte(c)
			l.at++
		}
	}
	return regexToken{tokenWord, b.String(), line}
}

// regexTerm is an expression: how it reads, and whether it picks all mail.
type regexTerm struct {
	text string
	all  bool
}

type regexParser struct {
	lexer  regexLexer
	token  regexToken
	macros map[string]regexTerm
	wrong  string
	depth  int
}

func (p *regexParser) next() { p.token = p.lexer.next() }

func (p *regexParser) fail(why string) {
	if p.wrong == "" {
		p.wrong = why
	}
}

// statement reads a rule, a setting, or a macro, which is no rule of its own.
func (p *regexParser) statement() (r Rule, ok bool) {
	t := p.token
	r = Rule{Action: t.text, Line: t.line}
	p.next()
	switch {
	case t.kind == tokenWord:
		if p.token.text != "=" || p.token.kind != tokenSign {
			p.fail("syntax error")
			return r, false
		}
		p.next()
		p.macros[t.text] = p.expression()
		return r, false
	case t.kind != tokenKeyword:
		p.fail("syntax error")
	case regexSettings[t.text]:
		r.Message = p.argument()
	case t.text == "reject" || t.text == "tempfail" || t.text == "quarantine":
		r.Message = p.argument()
		p.expressions(&r)
	case t.text == "discard" || t.text == "accept":
		p.expressions(&r)
	default:
		p.fail("syntax error")
	}
	return r, true
}

func (p *regexParser) argument() string {
	if p.token.kind != tokenWord {
		p.fail("syntax error")
		return ""
	}
	text := p.token.text
	p.next()
	return text
}

// expressions reads one or more: each is enough.
func (p *regexParser) expressions(r *Rule) {
	for p.wrong == "" {
		e := p.expression()
		r.Expressions = append(r.Expressions, e.text)
		r.All = r.All || e.all
		if !p.startsTerm() || len(r.Expressions) > mostValues {
			return
		}
	}
}

func (p *regexParser) startsTerm() bool {
	t := p.token
	return t.kind == tokenSign && (t.text == "(" || t.text == "$") || t.kind == tokenKeyword && (t.text == "not" || regexArguments[t.text] > 0)
}

// longestExpression bounds what macros may make of an expression.
const longestExpression = 4000

func (p *regexParser) expression() regexTerm {
	if p.token.kind == tokenKeyword && p.token.text == "not" {
		p.next()
		return regexTerm{text: bounded("not " + p.term().text)}
	}
	var e regexTerm
	for e = p.term(); p.wrong == ""; {
		op := p.token
		if op.kind != tokenKeyword || op.text != "and" && op.text != "or" {
			return e
		}
		p.next()
		right, last := p.operand()
		e.text = bounded(e.text + " " + op.text + " " + right.text)
		e.all = op.text == "and" && e.all && right.all || op.text == "or" && (e.all || right.all)
		if last {
			return e
		}
	}
	return e
}

// operand is what stands behind "and" or "or"; behind one with "not" nothing follows.
func (p *regexParser) operand() (e regexTerm, last bool) {
	if p.token.kind == tokenKeyword && p.token.text == "not" {
		p.next()
		return regexTerm{text: bounded("not " + p.term().text)}, true
	}
	return p.term(), false
}

func bounded(s string) string {
	if len(s) > longestExpression {
		return s[:longestExpression]
	}
	return s
}

const deepestRegex = 100

func (p *regexParser) term() regexTerm {
	t := p.token
	p.next()
	switch {
	case t.kind == tokenSign && t.text == "$":
		m, ok := p.macros[p.argument()]
		if !ok {
			p.fail("undefined macro")
		}
		return m
	case t.kind == tokenSign && t.text == "(":
		if p.depth++; p.depth > deepestRegex {
			p.fail("deeper than is read")
			return regexTerm{}
		}
		e := p.expression()
		p.depth--
		if p.token.text != ")" || p.token.kind != tokenSign {
			p.fail("syntax error")
		}
		p.next()
		return regexTerm{bounded("(" + e.text + ")"), e.all}
	case t.kind == tokenKeyword && regexArguments[t.text] > 0:
		e := regexTerm{t.text, true}
		for range regexArguments[t.text] {
			a := p.argument()
			e.text += " " + a
			e.all = e.all && everything(a)
		}
		return e
	}
	p.fail("syntax error")
	return regexTerm{}
}

// everything reports whether an argument is a pattern that all text matches.
func everything(argument string) bool {
	if len(argument) < 2 {
		return false
	}
	end := strings.LastIndexByte(argument, argument[0])
	if end < 1 || strings.Contains(argument[end:], "n") {
		return false
	}
	switch strings.TrimSuffix(strings.TrimPrefix(argument[1:end], "^"), "$") {
	case "", ".*":
		return true
	}
	return false
}
