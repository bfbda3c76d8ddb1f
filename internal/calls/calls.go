// Package calls reads configuration that is a program, in Perl, Lua, shell or Python,
// and finds the calls in it that matter to mail: commands run, other hosts asked,
// code loaded, files written, recipients added, messages thrown away.
//
// Nothing is run. Each language has a tolerant tokenizer that knows its strings,
// comments and quoting (perlop(1) "Quote-Like Operators", perlpod(1); Lua 5.4 manual
// §3.1; Python's reference, "Lexical analysis"; POSIX.1 "Shell Command Language"),
// and a call is a name that the language or the caller's vocabulary gives an effect.
// So it is inferred, and says nothing of when the call is reached. Arguments are
// followed as far as they are literals, or variables that are set to a literal once.
//
// What only looks like a call, in a comment, in a string, as the name of a definition
// or the key of a table, is none. A name that is put together while the program runs
// is not seen, unless by the means that put it together (eval, getattr, symbolic
// references), which are calls that matter themselves.
package calls

import (
	"slices"
	"strings"
	"unicode/utf8"

	"waxseal"
)

// Language is what a program is written in.
type Language string

// The languages that are read.
const (
	Perl   Language = "perl"
	Lua    Language = "lua"
	Shell  Language = "shell"
	Python Language = "python"
)

// Word is what a call of a name does.
type Word struct {
	// Kind is the hook that such a call is.
	Kind    waxseal.HookKind
	Effects []waxseal.Effect
	// Target is what its arguments name: a command, host, address or file;
	// TargetText where they are no destination.
	Target waxseal.TargetType
}

// Words is a vocabulary, by the name that is called: "action_discard",
// "odkim.add_rcpt". "->name" (Perl) and ":name" (Lua) stand for the method of any
// object, ".name" (Python) likewise. In shell "*" stands for every command that is
// not known to be harmless.
type Words map[string]Word

// Call is one call that matters.
type Call struct {
	Line    int    // from 1
	Name    string // as the vocabulary has it
	Text    string // the call as it is written, clipped
	Kind    waxseal.HookKind
	Effects []waxseal.Effect
	// Target is the literal argument: a command line, a host ("mx.example.net:25"), a
	// mail address, a file. Where it is worked out, it is the text of the call.
	Target waxseal.Target
}

const (
	// Max bounds the calls of one program that are listed.
	Max = 1000
	// maxArguments bounds the tokens of a call that are looked at.
	maxArguments = 256
	// maxText bounds the text of a call.
	maxText = 160
	// maxDepth bounds code inside strings inside code.
	maxDepth = 4
)

// Find lists the calls that matter, in the order of their lines; Max of them at most.
func Find(lang Language, text string, words Words) []Call {
	f := &finder{lang: lang, words: words, bounds: Max}
	f.program(text, 1, 0)
	slices.SortStableFunc(f.found, func(a, b Call) int { return a.Line - b.Line })
	return f.found
}

// finder looks for calls in one program.
type finder struct {
	lang   Language
	words  Words
	found  []Call
	bounds int
}

// program reads a text that begins at a line, and the code that stands in its
// strings.
func (f *finder) program(text string, line, depth int) {
	s := scan(f.lang, text, line)
	if f.lang == Shell {
		f.shell(s)
	} else {
		newProgram(f, s).calls()
	}
	if depth == maxDepth {
		return
	}
	for _, n := range s.nested {
		f.program(n.text, n.line, depth+1)
	}
}

// add notes a call.
func (f *finder) add(c Call) {
	if len(f.found) < f.bounds {
		c.Text = Clip(c.Text)
		if c.Target.Type == "" {
			c.Target.Type = waxseal.TargetText
		}
		if c.Target.Value == "" {
			c.Target.Value = c.Text
		}
		f.found = append(f.found, c)
	}
}

func (f *finder) full() bool { return len(f.found) >= f.bounds }

// word looks a name up: the caller's vocabulary comes first.
func (f *finder) word(name string) (Word, bool) {
	if w, ok := f.words[name]; ok {
		return w, true
	}
	w, ok := builtin[f.lang][name]
	return w, ok
}

// Clip writes a piece of a program on one line of bounded length.
func Clip(s string) string {
	if len(s) > 4*maxText {
		s = s[:4*maxText]
	}
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
