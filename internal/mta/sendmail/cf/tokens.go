package cf

import (
	"errors"
	"strings"
)

// A token is a word, an operator, or a mark: what a $ stands for, which starts
// with a NUL, since no text has that: "\x00*", "\x00=w", "\x001", "\x00>".
const mark = "\x00"

// delimiters are operators whatever option OperatorChars says (DELIMCHARS).
const delimiters = "()<>,;\r\n"

// comments says what parentheses are.
type comments int

const (
	keepComments comments = iota // in rules: parentheses are operators
	dropComments                 // in addresses: what they hold is left out
)

// unbalanced says what becomes of quotes and brackets that do not close.
type unbalanced int

const (
	mend  unbalanced = iota // in addresses
	leave                   // in rules
)

// tokeniser cuts text into tokens (prescan in parseaddr.c).
type tokeniser struct {
	operators string
	comments  comments
	broken    unbalanced

	list    []string
	current []byte
	state   state
	escaped bool
	depth   int // of parentheses
	angles  int
	odd     string // what was not balanced
}

type state byte

const (
	operator state = iota
	atom
	quoted
	space
)

func (t *tokeniser) flush() {
	if len(t.current) > 0 {
		t.list = append(t.list, string(t.current))
		t.current = t.current[:0]
	}
}

func (t *tokeniser) kind(c byte) state {
	switch {
	case c == '"':
		return quoted
	case c == ' ' || c >= '\t' && c <= '\r':
		return space
	case strings.IndexByte(t.operators, c) >= 0 || strings.IndexByte(delimiters, c) >= 0:
		return operator
	}
	return atom
}

func (t *tokeniser) char(c byte) {
	if t.escaped {
		t.escaped = false
		if t.depth > 0 {
			return
		}
		if c != '!' || t.state == quoted {
			t.current = append(t.current, '\\', c)
			return
		}
	}
	switch {
	case c == '\\':
		t.escaped = true
		t.step(atom, 0)
		return
	case t.state == quoted:
	case t.comments == dropComments && (c == '(' || c == ')'):
		t.parenthesis(c)
		return
	case t.depth > 0:
		return
	case c == '<':
		t.angles++
	case c == '>' && t.angles > 0:
		t.angles--
	case c == '>' && t.broken == mend:
		t.odd = ">"
		return
	}
	t.step(t.kind(c), c)
}

func (t *tokeniser) parenthesis(c byte) {
	switch {
	case c == '(':
		t.depth++
	case t.depth > 0:
		t.depth--
		t.step(space, ' ')
	case t.broken == mend:
		t.odd = ")"
	default:
		t.step(space, ' ')
	}
}

// step goes to the next state; c is 0 for what is no character of its own.
func (t *tokeniser) step(next state, c byte) {
	if t.state == quoted {
		if next == quoted {
			t.state = operator
		}
		t.put(c)
		return
	}
	if !(t.state == atom && next == atom) && t.state != space {
		t.flush()
	}
	t.state = next
	if next != space {
		t.put(c)
	}
}

func (t *tokeniser) put(c byte) {
	if c != 0 {
		t.current = append(t.current, c)
	}
}

func (t *tokeniser) pieces(list []piece) {
	for _, p := range list {
		switch {
		case p.mark == 0:
			for i := range len(p.text) {
				t.char(p.text[i])
			}
		case t.state == quoted: // a mark in quotes is part of the word
			t.current = append(t.current, flat([]piece{p})...)
		default:
			t.flush()
			t.list = append(t.list, mark+string([]byte{p.mark})+p.text)
			t.state = operator
		}
	}
}

// done ends the text; what is open is closed where that is asked for.
func (t *tokeniser) done() []string {
	if t.broken == mend {
		if t.state == quoted {
			t.odd = `"`
			t.char('"')
		}
		for t.depth > 0 {
			t.odd = "("
			t.char(')')
		}
		for t.angles > 0 {
			t.odd = "<"
			t.char('>')
		}
	}
	t.flush()
	return t.list
}

// maxTokens is MAXATOM: a longer address is refused.
const maxTokens = 1000

var errTooMany = errors.New("the address has more tokens than Sendmail takes")

// Tokens cuts an address into tokens as the rules see it.
func (c *Config) Tokens(address string) ([]string, error) {
	return c.scan([]piece{{text: strings.ReplaceAll(address, "\x00", "")}}, keepComments)
}

func (c *Config) scan(list []piece, comments comments) ([]string, error) {
	t := tokeniser{operators: c.operators(), comments: comments, state: atom}
	t.pieces(list)
	tokens := t.done()
	if len(tokens) > maxTokens {
		return nil, errTooMany
	}
	return tokens, nil
}

// operators are those of option OperatorChars, macro o before version 7 of the
// file.
func (c *Config) operators() string {
	if o, ok := c.Option("OperatorChars"); ok {
		return c.Expand(o.Value, nil)
	}
	if o := c.Macro("o"); o != "" && c.Level < 7 {
		return o
	}
	return ".:@[]"
}

// spaceSub joins two words of an address (option BlankSub).
func (c *Config) spaceSub() byte {
	if v := c.Value("BlankSub", " "); v != "" {
		return v[0]
	}
	return ' '
}

// join writes tokens as text again; two words in a row are joined by a character
// (cataddr in parseaddr.c).
func join(tokens []string, between byte, isWord func(byte) bool) string {
	var b strings.Builder
	word := false
	for _, t := range tokens {
		now := t != "" && t[0] != 0 && isWord(t[0])
		if word && now {
			b.WriteByte(between)
		}
		b.WriteString(shown(t))
		word = now
	}
	return b.String()
}

// shown is a token as a person reads it.
func shown(token string) string {
	if token == "" || token[0] != 0 {
		return token
	}
	switch c := token[1]; c {
	case '=', '~', '&':
		return "$" + string(c) + braced(token[2:])
	default:
		return "$" + token[1:]
	}
}

// Show writes tokens as sendmail -bt does.
func Show(tokens []string) string {
	list := make([]string, len(tokens))
	for i, t := range tokens {
		list[i] = shown(t)
	}
	return strings.Join(list, " ")
}

func (c *Config) isWord() func(byte) bool {
	t := tokeniser{operators: c.operators()}
	return func(b byte) bool { return t.kind(b) == atom }
}
