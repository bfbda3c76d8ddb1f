package mc

import (
	"strconv"
	"strings"
)

func isName(c int) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// token reads one token and gives what it stands for as text to put.
func (m *machine) token(put func(string)) {
	switch c := m.peek(); {
	case m.comment != "" && m.ahead(m.comment):
		put(m.comment + m.until(m.end))
	case m.open != "" && m.ahead(m.open):
		put(m.quoted())
	case isName(c):
		m.word(put)
	default:
		put(m.plain())
	}
}

// plain takes what no rule of the language is about: up to a name, a quote, a
// comment, or what arguments end with; one character at least.
func (m *machine) plain() string {
	f := &m.input[len(m.input)-1]
	quote, comment := first(m.open), first(m.comment)
	end := f.at
	for {
		c := f.text[end]
		if c == '\n' {
			f.line++
		}
		end++
		if end == len(f.text) {
			break
		}
		if c = f.text[end]; isName(int(c)) || c == quote || c == comment || c == '(' || c == ')' || c == ',' {
			break
		}
	}
	text := f.text[f.at:end]
	f.at = end
	return text
}

// first is the first character of a delimiter; NUL, which is in no text, for none.
func first(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}

// upTo takes what lies in one frame before one of two characters.
func (m *machine) upTo(a, b byte) string {
	if m.peek() < 0 {
		return ""
	}
	f := &m.input[len(m.input)-1]
	end := f.at
	for end < len(f.text) && f.text[end] != a && f.text[end] != b {
		if f.text[end] == '\n' {
			f.line++
		}
		end++
	}
	text := f.text[f.at:end]
	f.at = end
	return text
}

func (m *machine) until(end string) string {
	var b strings.Builder
	for m.peek() >= 0 {
		if m.ahead(end) {
			b.WriteString(end)
			break
		}
		b.WriteByte(byte(m.next()))
		b.WriteString(m.upTo(first(end), 0))
	}
	return b.String()
}

// quoted reads a quoted text; quotes inside stay.
func (m *machine) quoted() string {
	var b strings.Builder
	for depth := 1; ; {
		switch {
		case m.peek() < 0:
			m.problem("a quote is not closed")
			return b.String()
		case m.ahead(m.closed):
			if depth--; depth == 0 {
				return b.String()
			}
			b.WriteString(m.closed)
		case m.ahead(m.open):
			depth++
			b.WriteString(m.open)
		default:
			b.WriteByte(byte(m.next()))
			b.WriteString(m.upTo(first(m.open), first(m.closed)))
		}
	}
}

// word reads a name and, where it is a macro, what it stands for.
func (m *machine) word(put func(string)) {
	name := m.nameHere()
	for c := m.peek(); isName(c) || c >= '0' && c <= '9'; c = m.peek() {
		name += m.nameHere() // a name may go on behind what a macro gave
	}
	stack := m.macros[name]
	if len(stack) == 0 {
		put(name)
		return
	}
	d := stack[len(stack)-1]
	if m.peek() != '(' && d.blind {
		put(name)
		return
	}
	if m.calls++; m.calls > maxCalls {
		m.stop("more macros are called than is followed")
		return
	}
	args := []string{name}
	if m.peek() == '(' {
		m.next()
		args = append(args, m.arguments()...)
	}
	if m.stopped {
		return
	}
	if d.builtin != nil {
		d.builtin(m, args)
		return
	}
	m.push(frame{text: m.filled(d.text, args)})
}

// nameHere is as much of a name as the frame holds.
func (m *machine) nameHere() string {
	f := &m.input[len(m.input)-1]
	end := f.at
	for end < len(f.text) && (isName(int(f.text[end])) || f.text[end] >= '0' && f.text[end] <= '9') {
		end++
	}
	name := f.text[f.at:end]
	f.at = end
	return name
}

// arguments reads up to the parenthesis that closes, macros expanded.
func (m *machine) arguments() []string {
	if m.depth++; m.depth > maxDepth {
		m.stop("macros are nested more deeply than is followed")
		return nil
	}
	defer func() { m.depth-- }()
	var args []string
	var b strings.Builder
	put := func(s string) {
		if b.Len()+len(s) > maxOutput {
			m.stop("an argument is larger than is followed")
			return
		}
		b.WriteString(s)
	}
	m.skipBlanks()
	for nested := 0; !m.stopped; {
		switch c := m.peek(); {
		case c < 0:
			m.problem("the arguments of a macro do not end")
			return append(args, b.String())
		case c == '(':
			nested++
			put(string([]byte{byte(m.next())}))
		case c == ')' && nested == 0:
			m.next()
			return append(args, b.String())
		case c == ')':
			nested--
			put(string([]byte{byte(m.next())}))
		case c == ',' && nested == 0:
			m.next()
			args = append(args, b.String())
			b.Reset()
			m.skipBlanks()
		default:
			m.token(put)
		}
	}
	return args
}

func (m *machine) skipBlanks() {
	for c := m.peek(); c == ' ' || c >= '\t' && c <= '\r'; c = m.peek() {
		m.next()
	}
}

// filled puts arguments into the text of a macro: $0 to $9 and beyond, $#, $*, $@.
func (m *machine) filled(text string, args []string) string {
	if strings.IndexByte(text, '$') < 0 {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text) && b.Len() < maxInput; i++ {
		c := text[i]
		if c != '$' || i+1 == len(text) {
			b.WriteByte(c)
			continue
		}
		i++
		switch d := text[i]; {
		case d >= '0' && d <= '9':
			end := i
			for end < len(text) && end < i+6 && text[end] >= '0' && text[end] <= '9' {
				end++
			}
			if n, _ := strconv.Atoi(text[i:end]); n < len(args) {
				b.WriteString(args[n])
			}
			i = end - 1
		case d == '#':
			b.WriteString(strconv.Itoa(len(args) - 1))
		case d == '*':
			b.WriteString(strings.Join(args[1:], ","))
		case d == '@':
			for n, a := range args[1:] {
				if n > 0 {
					b.WriteByte(',')
				}
				b.WriteString(m.open + a + m.closed)
			}
		default:
			b.WriteString("$" + string([]byte{d}))
		}
	}
	return b.String()
}
