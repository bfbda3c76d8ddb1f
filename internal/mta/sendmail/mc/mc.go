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

import "strings"

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
