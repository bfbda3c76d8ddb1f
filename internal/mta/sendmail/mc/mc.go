// Package mc expands the m4 source of a Sendmail configuration, sendmail.mc or
// submit.mc, into the sendmail.cf that "make -C /etc/mail" would write.
//
// The language is that of GNU m4 1.4 (its manual, https://www.gnu.org/software/m4/),
// as far as Sendmail's own m4 files and those that packages and people add to them
// use it; a test holds it against a real m4 over the library of a real Sendmail.
//
// No command is run: syscmd and esyscmd are listed, with the place where they stand,
// since m4 would run them as root. The package opens nothing: it is handed the text
// of files. Time, depth and size are bounded, and a bound that is met is a problem.
package mc

import (
	"strconv"
	"strings"
)

// Command is a command that m4 would run.
type Command struct {
	File string
	Line int
	Text string
	// Read is true for esyscmd, whose output becomes part of the configuration.
	Read bool
}

// Problem is what m4 would complain about, or what is bounded here.
type Problem struct {
	File    string
	Line    int
	Message string
}

// Result is what a source expands to.
type Result struct {
	Text     string
	Commands []Command
	Problems []Problem
	Files    []string // that were read, in order, the source itself first
	Missing  []string // that were to be included and are not there
	// Macros are the definitions at the end that hold text.
	Macros map[string]string
	// Sketched: Sendmail's own m4 files are not there, and only what the source
	// itself declares is known.
	Sketched bool
	// Blind: something in a sketch may declare more than is known of it.
	Blind bool
}

const (
	maxOutput   = 16 << 20
	maxInput    = 32 << 20 // of all text that is pushed back to be read again
	maxCalls    = 500_000  // of macros; the largest real source makes some ten thousand
	maxDepth    = 500      // of calls in arguments
	maxIncludes = 40       // of files in files
	maxProblems = 200
	maxName     = 64 << 10 // of one argument that is a name
)

// Expand expands a source. read gives the text of a file; ok is false where there
// is none.
func Expand(name, text string, read func(name string) (text string, ok bool)) Result {
	m := newMachine(read)
	m.result.Files = []string{name}
	m.push(frame{text: text, file: name, line: 1})
	m.run()
	m.finish()
	return m.result
}

// frame is a text that is being read.
type frame struct {
	text string
	at   int
	file string // "" for text that a macro gave
	line int
}

// macro is what a name stands for: text, or something built in.
type macro struct {
	text    string
	builtin func(m *machine, args []string) // args[0] is the name
	blind   bool                            // only with a parenthesis behind it
}

type machine struct {
	result  Result
	read    func(string) (string, bool)
	input   []frame
	macros  map[string][]macro
	open    string
	closed  string
	comment string // "" for none
	end     string // of comments

	divert    int
	output    map[int]*strings.Builder
	size      int
	pushed    int
	calls     int
	depth     int
	included  int
	wrapped   []string
	temporary map[string]bool
	stopped   bool
	sketch    *sketch
}

func newMachine(read func(string) (string, bool)) *machine {
	m := &machine{read: read, macros: map[string][]macro{}, open: "`", closed: "'", comment: "#", end: "\n", output: map[int]*strings.Builder{}, temporary: map[string]bool{}}
	for name, b := range builtins() {
		m.macros[name] = []macro{b}
	}
	return m
}

func (m *machine) problem(message string) {
	if len(m.result.Problems) < maxProblems {
		file, line := m.place()
		m.result.Problems = append(m.result.Problems, Problem{file, line, message})
	}
}

// place is the file and line that are being read.
func (m *machine) place() (string, int) {
	for i := len(m.input) - 1; i >= 0; i-- {
		if m.input[i].file != "" {
			return m.input[i].file, m.input[i].line
		}
	}
	return m.result.Files[0], 0
}

func (m *machine) stop(why string) {
	if !m.stopped {
		m.problem(why)
		m.stopped = true
	}
}

func (m *machine) push(f frame) {
	if f.text == "" {
		return
	}
	m.pushed += len(f.text)
	if m.pushed > maxInput {
		m.stop("the macros expand to more than is followed")
		return
	}
	m.input = append(m.input, f)
}

// peek is the next character, -1 at the end.
func (m *machine) peek() int {
	for n := len(m.input); n > 0; n-- {
		f := &m.input[n-1]
		if f.at < len(f.text) {
			return int(f.text[f.at])
		}
		if f.file != "" {
			m.included--
		}
		m.input = m.input[:n-1]
	}
	return -1
}

func (m *machine) next() int {
	c := m.peek()
	if c >= 0 {
		f := &m.input[len(m.input)-1]
		f.at++
		if c == '\n' {
			f.line++
		}
	}
	return c
}

// ahead reports whether a text comes next, and takes it.
func (m *machine) ahead(s string) bool {
	if s == "" || m.peek() != int(s[0]) {
		return false
	}
	if len(s) == 1 {
		m.next()
		return true
	}
	f := &m.input[len(m.input)-1]
	if !strings.HasPrefix(f.text[f.at:], s) {
		return false
	}
	f.at += len(s)
	return true
}

func isName(c int) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// run reads to the end of the input, and then what m4wrap kept.
func (m *machine) run() {
	for !m.stopped {
		c := m.peek()
		if c < 0 {
			if len(m.wrapped) == 0 {
				return
			}
			text := m.wrapped[0]
			m.wrapped = m.wrapped[1:]
			m.push(frame{text: text})
			continue
		}
		m.token(m.emit)
	}
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

// emit puts text where output goes now.
func (m *machine) emit(s string) {
	if m.divert < 0 {
		return
	}
	if m.size += len(s); m.size > maxOutput {
		m.stop("the output is larger than is followed")
		return
	}
	if m.output[m.divert] == nil {
		m.output[m.divert] = &strings.Builder{}
	}
	m.output[m.divert].WriteString(s)
}
