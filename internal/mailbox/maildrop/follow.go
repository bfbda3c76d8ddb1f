package maildrop

import (
	"path"
	"slices"
	"strings"

	"waxseal/internal/mailbox/possible"
)

// Value is a text as maildrop may come to see it.
type Value = possible.Value

// EffectKind is what maildrop does with a message, or with itself.
type EffectKind string

// The kinds of effect.
const (
	Sends     EffectKind = "!"         // to an address
	Runs      EffectKind = "|"         // a program gets the message
	Filters   EffectKind = "xfilter"   // a program gets the message, and what it prints goes on instead
	Files     EffectKind = "folder"    // written to a mailbox
	Starts    EffectKind = "system"    // a program that does not get the message
	Evaluates EffectKind = "backticks" // a program in an expression; it gets the message
	Sets      EffectKind = "="         // a variable
	Includes  EffectKind = "include"   // another filter file
	Looks     EffectKind = "lookup"    // a file of patterns, or a database
	Logs      EffectKind = "logfile"   // deliveries are logged in a file
	Exits     EffectKind = "exit"      // maildrop ends without a delivery
)

// Effect is one thing that a filter file makes maildrop do.
type Effect struct {
	Kind EffectKind
	File string // the filter file, as it was opened
	Line int
	// Name is the variable, or the statement: "to", "cc".
	Name string
	// Value is the command, the address, the mailbox, the file or the value.
	Value Value
	// When are the conditions in words, outermost first. None is every message.
	When []string
	// Copy says that the message itself goes on afterwards.
	Copy bool
	// Shell is what runs a command.
	Shell string
	// Unreached says why no message comes here, "" where one may.
	Unreached string
}

// Start is what maildrop begins with.
type Start struct {
	// Variables has what is set beforehand: HOME, LOGNAME, DEFAULT.
	Variables map[string]string
	// Open gives the text of a filter file, and how it is called; ok is false where
	// there is none. It may be nil.
	Open func(name string) (text, path string, ok bool)
}

const (
	// maxFiles bounds the files that one includes; maildrop itself stops at twenty
	// within each other.
	maxFiles = 64
	// maxEffects bounds what one file is told to do, included files counted.
	maxEffects = 20_000
	// maxWords bounds the conditions that are carried along.
	maxWords = 16
)

// Follow lists what a filter file does, in order. Problems are those of the file
// and of all that it includes, with the path of each.
func Follow(file, text string, s Start) ([]Effect, map[string][]Problem) {
	w := &walk{start: s, problems: map[string][]Problem{}}
	for name, value := range map[string]string{"SENDMAIL": "/usr/sbin/sendmail", "SHELL": "/bin/sh"} {
		w.vars.Set(name, Value{Text: value, Known: true})
	}
	for name, value := range s.Variables {
		w.vars.Set(name, Value{Text: value, Known: true})
	}
	w.file(file, text)
	return w.effects, w.problems
}

type walk struct {
	start    Start
	vars     possible.Variables
	effects  []Effect
	problems map[string][]Problem
	stack    []string
	files    int
	path     string
	when     []string
	trapped  int    // exceptions around: what fails goes on behind them
	ended    string // why nothing comes here
	over     bool
}

func (w *walk) file(at, text string) {
	outer := w.path
	w.path = at
	w.stack = append(w.stack, at)
	w.files++
	f := Parse(text)
	if len(f.Problems) > 0 {
		w.problems[at] = append(w.problems[at], f.Problems...)
	}
	w.statements(f.Statements)
	w.stack = w.stack[:len(w.stack)-1]
	w.path = outer
}

func (w *walk) problem(line int, message string) {
	w.problems[w.path] = append(w.problems[w.path], Problem{Line: line, Message: message, Lost: true})
}

func (w *walk) emit(e Effect) {
	if len(w.effects) >= maxEffects {
		if !w.over {
			w.problem(e.Line, "more statements than are followed")
		}
		w.over = true
		return
	}
	e.File, e.When, e.Unreached = w.path, slices.Clip(w.when), w.ended
	w.effects = append(w.effects, e)
}

func (w *walk) statements(list []Statement) {
	for _, s := range list {
		if w.over {
			return
		}
		w.statement(s)
	}
}

func (w *walk) statement(s Statement) {
	switch s.Verb {
	case "{":
		w.statements(s.Then)
	case "if":
		w.branches(s)
	case "while", "foreach":
		w.commands(s.Expr)
		w.within([]string{w.words(s.Expr)}, s.Then)
	case "exception":
		w.trapped++
		w.statements(s.Then)
		w.trapped--
	case "dotlock", "flock":
		w.commands(s.Expr)
		w.statements(s.Then)
	case "to", "cc":
		w.deliver(s)
	case "exit":
		w.emit(Effect{Kind: Exits, Line: s.Line, Name: "exit", Value: w.one("EXITCODE")})
		w.end(s.Line, "ends the reading before")
	case "":
		w.evaluate(s.Expr)
	default:
		w.verb(s)
	}
}

// branches follows if, elsif and else one after the other.
func (w *walk) branches(s Statement) {
	var before []string
	for {
		w.commands(s.Expr)
		own := w.words(s.Expr)
		w.within(append(slices.Clone(before), own), s.Then)
		if len(before) < maxWords {
			before = append(before, "not ("+own+")")
		}
		if len(s.Else) != 1 || s.Else[0].Verb != "if" {
			break
		}
		s = s.Else[0]
	}
	if len(s.Else) > 0 {
		w.within(before, s.Else)
	}
}

// within follows a branch that is taken under conditions.
func (w *walk) within(conditions []string, list []Statement) {
	depth, ended := len(w.when), w.ended
	w.when = append(slices.Clip(w.when), conditions[:min(len(conditions), maxWords)]...)
	w.vars.Enter()
	w.statements(list)
	w.vars.Leave()
	w.when, w.ended = w.when[:depth], ended
}

// end: nothing behind is reached, unless a failure is caught on the way.
func (w *walk) end(line int, how string) {
	if w.trapped == 0 && w.ended == "" {
		w.ended = "line " + itoa(line) + " " + how
	}
}

// deliver follows to and cc. A delivery that fails ends maildrop too, and mail
// stays in the queue.
func (w *walk) deliver(s Statement) {
	w.commands(s.Expr)
	named := false
	for _, v := range w.values(s.Expr) {
		w.delivery(Effect{Line: s.Line, Name: s.Verb, Copy: s.Verb == "cc"}, v)
		named = named || v.Text != ""
	}
	if s.Verb == "to" && named {
		w.end(s.Line, "delivers every message before")
	}
}

// delivery emits what one destination stands for. An address and a command go
// through the shell, which has the variables too.
func (w *walk) delivery(e Effect, v Value) {
	if !v.Known || !strings.HasPrefix(v.Text, "|") && !strings.HasPrefix(v.Text, "!") {
		w.destination(e, v)
		return
	}
	for _, again := range w.expand(v.Text) {
		w.destination(e, again)
	}
}

func (w *walk) destination(e Effect, v Value) {
	if rest, ok := strings.CutPrefix(v.Text, "|"); ok {
		e.Kind, e.Shell, e.Value = Runs, w.one("SHELL").Text, Value{Text: strings.TrimSpace(rest), Known: v.Known}
		w.emit(e)
		return
	}
	rest, ok := strings.CutPrefix(v.Text, "!")
	switch {
	case ok && !v.Known: // what is not known is no blank between two addresses
		e.Kind, e.Value = Sends, Value{Text: strings.TrimSpace(rest)}
		w.emit(e)
	case ok && strings.ContainsAny(rest, ";|&<>`()"): // it goes through the shell
		e.Kind, e.Shell, e.Value = Runs, w.one("SHELL").Text, Value{Text: w.one("SENDMAIL").Text + " -f ''" + rest, Known: v.Known}
		w.emit(e)
	case ok:
		e.Kind = Sends
		for _, address := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" \t\n,", r) }) {
			if e.Value = (Value{Text: strings.Trim(address, `"'`), Known: v.Known}); !strings.HasPrefix(address, "-") {
				w.emit(e)
			}
		}
	default:
		e.Kind, e.Value = Files, Value{Text: w.below(v.Text), Known: v.Known}
		w.emit(e)
	}
}

// below makes a relative name one below the home, where maildrop delivers.
func (w *walk) below(name string) string {
	home := w.one("HOME").Text
	if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~/") || home == "" || name == "" || strings.HasPrefix(name, "$") || strings.HasPrefix(name, "`") {
		return name
	}
	clean := path.Join(home, name)
	if strings.HasSuffix(name, "/") {
		clean += "/"
	}
	return clean
}

// verb follows the statements that name a command or a file.
func (w *walk) verb(s Statement) {
	w.commands(s.Expr)
	kinds := map[string]EffectKind{"xfilter": Filters, "system": Starts, "logfile": Logs}
	for _, v := range w.values(s.Expr) {
		e := Effect{Kind: kinds[s.Verb], Line: s.Line, Name: s.Verb, Value: v, Copy: true}
		switch s.Verb {
		case "xfilter", "system":
			e.Shell = w.one("SHELL").Text
			w.emit(e)
		case "logfile":
			w.emit(e)
		case "include":
			w.include(v, s.Line)
		case "import":
			w.vars.Set(v.Text, Value{Text: "$" + v.Text})
		case "unset":
			w.vars.Set(v.Text, Value{Known: true})
		}
	}
}

func (w *walk) include(v Value, line int) {
	name := w.below(strings.TrimSpace(v.Text))
	w.emit(Effect{Kind: Includes, Line: line, Name: "include", Value: Value{Text: name, Known: v.Known}, Copy: true})
	if !v.Known || name == "" || w.start.Open == nil || w.over {
		return
	}
	text, at, ok := w.start.Open(name)
	switch {
	case !ok:
	case slices.Contains(w.stack, at):
		w.problem(line, "includes itself by "+clip(name)+"; not followed again")
	case w.files >= maxFiles:
		w.problem(line, "more included files than are followed: "+clip(name))
	default:
		w.file(at, text)
	}
}
