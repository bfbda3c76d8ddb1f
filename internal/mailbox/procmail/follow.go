package procmail

import (
	"slices"
	"strings"
)

// EffectKind is what procmail does with a message, or with itself.
type EffectKind string

// The kinds of effect.
const (
	Sends     EffectKind = "!"         // to an address
	Runs      EffectKind = "|"         // a program gets the message
	Filters   EffectKind = "f"         // a program gets the message, and what it prints goes on instead
	Files     EffectKind = "folder"    // written to a folder
	Asks      EffectKind = "?"         // a program whose exit code is a condition
	Captures  EffectKind = "=|"        // a program's output becomes a variable
	Evaluates EffectKind = "backticks" // a program in a value or a folder's name
	Sets      EffectKind = "="         // a variable
	Includes  EffectKind = "INCLUDERC" // another rc file is read as if it stood there
	Switches  EffectKind = "SWITCHRC"  // another rc file is read instead of the rest
	Stops     EffectKind = "HOST"      // reading ends without a delivery
)

// Effect is one thing that an rc file makes procmail do.
type Effect struct {
	Kind EffectKind
	File string // the rc file, as it was opened
	Line int
	// Name is the variable, where there is one.
	Name string
	// Value is the command, the address, the folder, the file or the value.
	Value Value
	// When are the conditions in words, outermost first. None is every message.
	When []string
	// Copy says that the message itself goes on afterwards.
	Copy bool
	// Part is what of the message is meant: "", "header" or "body".
	Part string
	// Shell is what runs a command, "" where procmail starts the program itself.
	Shell string
	// Path is where programs are looked for.
	Path string
	// Dropped says that procmail has become the recipient here, whoever started it.
	Dropped bool
	// Unreached says why no message comes here, "" where one may.
	Unreached string
}

// Start is what procmail begins with.
type Start struct {
	// Variables has what is set beforehand: HOME, LOGNAME, HOST, arguments.
	Variables map[string]string
	// Open gives the text of an rc file, and how it is called; ok is false where
	// there is none. It may be nil.
	Open func(name string) (text, path string, ok bool)
}

const (
	// maxFiles bounds the rc files that one leads to.
	maxFiles = 64
	// maxEffects bounds what one rc file is told to do, included files counted.
	maxEffects = 20_000
)

// presets are what procmail sets itself (procmailrc(5) "Environment variable
// defaults"), but for those that the caller must know, in an order in which each knows
// those before it.
var presets = []preset{
	presetTo("SHELL", "/bin/sh"), presetTo("SENDMAIL", "/usr/sbin/sendmail"), presetTo("SENDMAILFLAGS", "-oi"), presetTo("MAILDIR", "$HOME"),
	presetTo("ORGMAIL", "/var/mail/$LOGNAME"), presetTo("DEFAULT", "$ORGMAIL"), presetTo("PATH", "$HOME/bin:/usr/local/bin:/usr/bin:/bin"),
}

type preset struct {
	name  string
	value Text
}

func presetTo(name, value string) preset {
	text, _, _ := readWords(value, 0, whole, nothingYet)
	return preset{name, text}
}

// Follow lists what an rc file does, in order. Problems are those of the file and
// of all that it includes, with the path of each.
func Follow(path, text string, s Start) ([]Effect, map[string][]Problem) {
	w := &walk{start: s, problems: map[string][]Problem{}}
	for name, value := range s.Variables {
		w.vars.Set(name, Value{Text: value, Known: true})
	}
	for _, p := range presets {
		if _, set := s.Variables[p.name]; !set {
			w.vars.Set(p.name, w.vars.expand(p.value)...)
		}
	}
	w.file(path, text)
	return w.effects, w.problems
}

// walk is one way through rc files.
type walk struct {
	start    Start
	vars     variables
	effects  []Effect
	problems map[string][]Problem
	stack    []string // rc files being read
	files    int
	when     []string
	dropped  bool
	copied   bool   // in a block with a c flag: another process
	ended    string // why nothing comes here
	over     bool   // no more effects are taken
	path     string
}

func (w *walk) problem(line int, message string) {
	w.problems[w.path] = append(w.problems[w.path], Problem{Line: line, Message: message, Lost: true})
}

func (w *walk) file(path, text string) {
	outer := w.path
	w.path = path
	w.stack = append(w.stack, path)
	w.files++
	f := Parse(text)
	if len(f.Problems) > 0 {
		w.problems[path] = append(w.problems[path], f.Problems...)
	}
	w.items(f.Items)
	w.stack = w.stack[:len(w.stack)-1]
	w.path = outer
}

// chain is what the flags A, a, E and e look back at.
type chain struct {
	last     []string // conditions of the last recipe without A or a
	previous []string // of those that E would be the else of
}

// items reports whether the rest of the rc file is read (a SWITCHRC ends it).
func (w *walk) items(list []Item) (goesOn bool) {
	var c chain
	for _, it := range list {
		switch {
		case w.over:
			return false
		case it.Assignment != nil:
			goesOn = w.assign(*it.Assignment, it.Line)
		default:
			goesOn = w.recipe(*it.Recipe, it.Line, &c)
		}
		if !goesOn {
			return false
		}
	}
	return true
}

func (w *walk) emit(e Effect) {
	if len(w.effects) >= maxEffects {
		if !w.over {
			w.problem(e.Line, "more recipes and assignments than are followed")
		}
		w.over = true
		return
	}
	e.File, e.When, e.Unreached = w.path, slices.Clip(w.when), w.ended
	e.Dropped = w.dropped
	e.Copy = e.Copy || w.copied
	w.effects = append(w.effects, e)
}

// one is the value of a variable that most likely holds one.
func (w *walk) one(name string) string { return w.vars.get(name)[0].Text }

// run emits an effect that starts a program.
func (w *walk) run(e Effect, command string) {
	e.Value = w.vars.command(command)
	if NeedsShell(command) {
		e.Shell = w.one("SHELL")
	}
	e.Path = w.one("PATH")
	w.emit(e)
}

// recipe follows one recipe.
func (w *walk) recipe(r Recipe, line int, c *chain) (goesOn bool) {
	own := w.conditions(r, line)
	when := append(c.before(r), own...)
	if !r.Has('A') && !r.Has('a') {
		c.last = when
		if !r.Has('E') {
			c.previous = nil
		}
		c.previous = append(c.previous, strings.Join(own, " and "))
	}
	depth, dropped, ended := len(w.when), w.dropped, w.ended
	w.when = append(slices.Clip(w.when), when...)
	goesOn = w.action(r)
	w.when = w.when[:depth]
	if len(when) > 0 { // what is only so where it matches
		w.dropped, w.ended = dropped, ended
		return true
	}
	return goesOn
}

// before says what the flags A, a, E and e ask of the recipes before: something
// always, so that nothing behind them is certain.
func (c *chain) before(r Recipe) []string {
	switch {
	case r.Has('A') && len(c.last) > 0:
		return slices.Clone(c.last)
	case r.Has('A'):
		return []string{"the recipe before matches"}
	case r.Has('a'):
		return append(slices.Clone(c.last), "the recipe before succeeds")
	case r.Has('e'):
		return append(slices.Clone(c.last), "the recipe before fails")
	case r.Has('E'):
		if list := otherwise(c.previous); len(list) > 0 {
			return list
		}
		return []string{"no recipe before matches"}
	}
	return nil
}

// otherwise says that none of the recipes before matched.
func otherwise(previous []string) []string {
	var out []string
	for _, p := range previous {
		if p != "" && len(out) < 8 {
			out = append(out, "not ("+p+")")
		}
	}
	return out
}

// conditions gives the conditions of a recipe in words, and emits the programs
// that they run.
func (w *walk) conditions(r Recipe, line int) []string {
	var out []string
	for i, raw := range r.Conditions {
		c := condition(raw, r.area(), w.quoted)
		if c.Test == "program" {
			w.run(Effect{Kind: Asks, Line: line + 1 + i, Copy: true}, c.Text)
		}
		if strings.HasPrefix(raw, "$") || c.Test == "smaller" || c.Test == "larger" {
			t, _, _ := readWords(raw, 0, whole, doubleQuoted)
			w.commands(t, line+1+i)
		}
		if len(out) < 32 {
			out = append(out, c.String())
		}
	}
	return out
}

// quoted expands a text as within double quotes.
func (w *walk) quoted(s string) string {
	t, _, _ := readWords(s, 0, whole, doubleQuoted)
	return w.vars.expand(t)[0].Text
}

// commands emits the commands between backticks.
func (w *walk) commands(t Text, line int) {
	for _, command := range t.Commands() {
		w.run(Effect{Kind: Evaluates, Line: line, Copy: true}, command)
	}
}
