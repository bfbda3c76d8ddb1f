package cf

import (
	"strconv"
	"strings"
)

// lookups asks the maps that "$(map key $@ argument $: default $)" and
// "$[host $]" name, from left to right; they don't nest.
func (e *Engine) lookups(tokens []string) ([]string, error) {
	for i := 0; i < len(tokens); i++ {
		if tokens[i] != mark+"(" && tokens[i] != mark+"[" {
			continue
		}
		q, end, ok := parseQuestion(tokens, i)
		if !ok {
			return tokens, nil
		}
		answer, err := e.ask(q)
		if err != nil {
			return nil, err
		}
		if len(tokens)-(end-i)+len(answer) > maxTokens {
			return nil, ErrLong
		}
		next := append(append([]string(nil), tokens[:i]...), answer...)
		tokens = append(next, tokens[end:]...)
		i += len(answer) - 1
	}
	return tokens, nil
}

// question is one lookup.
type question struct {
	name       string
	key        []string
	arguments  [][]string
	otherwise  []string
	hasDefault bool
}

// parseQuestion reads a lookup that starts at a place, and says where it ends.
func parseQuestion(tokens []string, at int) (q question, end int, ok bool) {
	closing := mark + "]"
	i := at + 1
	q.name = "host"
	if tokens[at] == mark+"(" {
		closing = mark + ")"
		if i >= len(tokens) {
			return q, 0, false
		}
		q.name = tokens[i]
		i++
	}
	into := &q.key
	for ; i < len(tokens) && tokens[i] != closing; i++ {
		switch tokens[i] {
		case mark + "@":
			q.arguments = append(q.arguments, nil)
			into = &q.arguments[len(q.arguments)-1]
		case mark + ":":
			q.hasDefault, q.otherwise = true, nil
			into = &q.otherwise
		default:
			*into = append(*into, tokens[i])
		}
	}
	if i < len(tokens) {
		i++
	}
	return q, i, true
}

// ask gives the tokens that stand in place of a lookup.
func (e *Engine) ask(q question) ([]string, error) {
	m, known := e.Config.Map(q.name)
	if !known {
		m = Map{Name: q.name, Class: lower(q.name)}
	}
	key := e.join(q.key, m.Space)
	if m.Class != "dequote" && !m.Has('q') {
		key = unquote(key)
	}
	arguments := []string{key}
	for _, a := range q.arguments {
		arguments = append(arguments, e.join(a, 0))
	}
	value, answer := e.lookup(m, key, arguments, 0)
	switch {
	case answer == Found && value == "":
		return nil, nil
	case answer == Found:
		return e.reread([]piece{{text: value}})
	case q.hasDefault:
		if len(q.otherwise) == 0 {
			return nil, nil
		}
		return e.reread(e.written(q.otherwise))
	}
	return q.key, nil
}

// reread cuts a text into tokens again. One of which nothing is left is an error.
func (e *Engine) reread(list []piece) ([]string, error) {
	tokens, err := e.Config.scan(list, dropComments)
	if err == nil && len(tokens) == 0 {
		err = ErrNothing
	}
	return tokens, err
}

// written is tokens as text, to be read again: two words in a row become one, with
// the character of option BlankSub between them.
func (e *Engine) written(tokens []string) []piece {
	var list []piece
	for len(tokens) > 0 {
		n := 0
		for n < len(tokens) && tokens[n][0] != 0 {
			n++
		}
		if n > 0 {
			list = append(list, piece{text: e.join(tokens[:n], 0)})
		}
		if n < len(tokens) {
			list = append(list, piece{mark: tokens[n][1], text: tokens[n][2:]})
			n++
		}
		tokens = tokens[n:]
	}
	return list
}

// unquote takes the quotes off (stripquotes in util.c); what a backslash stands
// before is kept.
func unquote(s string) string {
	if !strings.ContainsAny(s, `"\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			b.WriteByte(s[i])
		} else if s[i] != '"' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

const maxSequence = 8 // sequences in sequences

// lookup asks one map.
func (e *Engine) lookup(m Map, key string, arguments []string, depth int) (string, Answer) {
	switch m.Class {
	case "null":
		return "", Missing
	case "dequote":
		return e.dequote(m, key)
	case "arith":
		return arithmetic(key, arguments[1:])
	case "macro":
		return e.setMacro(key, arguments)
	case "regex":
		return e.regex(m, key, arguments)
	case "sequence":
		return e.sequence(m, key, arguments, depth)
	}
	if e.Lookup == nil {
		return e.unknown(m)
	}
	if !m.Has('f') {
		key = lower(key)
	}
	value, answer := e.Lookup(m, key)
	switch answer {
	case Unknown:
		return e.unknown(m)
	case Missing:
		return "", Missing
	}
	if m.Has('m') {
		return arguments[0] + m.Append, Found
	}
	return fill(value, arguments) + m.Append, Found
}

func (e *Engine) unknown(m Map) (string, Answer) {
	if len(e.blind) < 64 {
		e.blind = append(e.blind, m.Name)
	}
	return "", Unknown
}

// fill puts arguments in place of %0 to %9 (map_rewrite in map.c).
func fill(value string, arguments []string) string {
	if strings.IndexByte(value, '%') < 0 {
		return value
	}
	var b strings.Builder
	for i := 0; i < len(value) && b.Len() < maxText; i++ {
		c := value[i]
		if c != '%' {
			b.WriteByte(c)
			continue
		}
		if i++; i >= len(value) {
			b.WriteByte('%')
			break
		}
		switch n := value[i]; {
		case n == '%':
			b.WriteByte('%')
		case n < '0' || n > '9':
			b.WriteString("%" + string([]byte{n}))
		case int(n-'0') < len(arguments):
			b.WriteString(arguments[n-'0'])
		}
	}
	return b.String()
}

// dequote takes the quotes off a key that is a plain word without them
// (dequote_map in parseaddr.c).
func (e *Engine) dequote(m Map, key string) (string, Answer) {
	var b strings.Builder
	between := m.Space
	if between == 0 && m.Name != "dequote" || !strings.Contains(m.Flags, "S") && !strings.Contains(m.Flags, "s") {
		between = 0
	}
	comments, angles, quotes, open, escaped := 0, 0, 0, false, false
	for i := range len(key) {
		c := key[i]
		if escaped {
			escaped = false
			b.WriteByte(c)
			continue
		}
		if c == ' ' && between != 0 {
			c = between
		}
		switch c {
		case '\\':
			escaped = true
		case '(':
			comments++
		case ')':
			if comments--; comments < 0 {
				return "", Missing
			}
		case ' ', '\t':
			return "", Missing
		}
		if comments == 0 {
			switch c {
			case '"':
				open = !open
				quotes++
				continue
			case '<':
				angles++
			case '>':
				if angles--; angles < 0 {
					return "", Missing
				}
			}
		}
		b.WriteByte(c)
	}
	if angles != 0 || comments != 0 || escaped || open || quotes == 0 {
		return "", Missing
	}
	return b.String() + m.Append, Found
}

// arithmetic is the map class arith.
func arithmetic(operation string, arguments []string) (string, Answer) {
	if operation == "" || len(arguments) < 2 {
		return "", Missing
	}
	a, b := integer(arguments[0]), integer(arguments[1])
	truth := map[bool]string{true: "TRUE", false: "FALSE"}
	switch operation[0] {
	case '+':
		return strconv.FormatInt(a+b, 10), Found
	case '-':
		return strconv.FormatInt(a-b, 10), Found
	case '*':
		return strconv.FormatInt(a*b, 10), Found
	case '|':
		return strconv.FormatInt(a|b, 10), Found
	case '&':
		return strconv.FormatInt(a&b, 10), Found
	case '/', '%':
		if b == 0 {
			return "", Missing
		}
		if operation[0] == '/' {
			return strconv.FormatInt(a/b, 10), Found
		}
		return strconv.FormatInt(a%b, 10), Found
	case 'l':
		return truth[a < b], Found
	case '=':
		return truth[a == b], Found
	case 'r':
		return "", Unknown // chance decides
	}
	return "", Missing
}

// integer is strtol(3) of base 0, as far as digits go.
func integer(s string) int64 {
	s = strings.TrimLeft(s, blanks)
	for end := len(s); end > 0; end-- {
		if n, err := strconv.ParseInt(s[:end], 0, 64); err == nil && s[end-1] != '_' {
			return n
		}
	}
	return 0
}

// setMacro is the map class macro: it sets one and gives nothing.
func (e *Engine) setMacro(key string, arguments []string) (string, Answer) {
	if key == "" {
		return "", Missing
	}
	name, _ := macroName(key)
	if e.Macros == nil {
		e.Macros = map[string]string{}
	}
	value := ""
	if len(arguments) > 1 {
		value = arguments[1]
	}
	if len(e.Macros) < 10_000 {
		e.Macros[name] = value
	}
	return "", Found
}

func (e *Engine) sequence(m Map, key string, arguments []string, depth int) (string, Answer) {
	if depth > maxSequence {
		return e.unknown(m)
	}
	for _, name := range append([]string{m.File}, strings.Fields(m.Rest)...) {
		other, ok := e.Config.Map(name)
		if !ok {
			continue
		}
		if value, answer := e.lookup(other, key, arguments, depth+1); answer != Missing {
			return value + m.Append, answer
		}
	}
	return "", Missing
}
