package sieve

import (
	"slices"
	"strings"
)

// Verb is the word of an action.
type Verb string

// The actions. Target is what it says here.
const (
	Keep         Verb = "keep"
	Discard      Verb = "discard"
	FileInto     Verb = "fileinto" // the folder
	Redirect     Verb = "redirect" // the address
	Reject       Verb = "reject"   // the reason; so has ereject
	Ereject      Verb = "ereject"
	Vacation     Verb = "vacation"     // the answer
	Notify       Verb = "notify"       // the method: "mailto:alice@example.test"
	Report       Verb = "report"       // the address that an abuse report goes to
	AddHeader    Verb = "addheader"    // the name of the header, Args its value
	DeleteHeader Verb = "deleteheader" // the name of the header, Args the values
	SetFlag      Verb = "setflag"      // Args are the flags; so have the next two
	AddFlag      Verb = "addflag"
	RemoveFlag   Verb = "removeflag"
	Pipe         Verb = "pipe" // the name of the program, Args its arguments; so have the next two
	Filter       Verb = "filter"
	Execute      Verb = "execute"
	// Include names a script, Args are personal or global, once, optional. Where it is
	// not there and not optional, Dovecot refuses the script that names it: that is for
	// the caller to see.
	Include Verb = "include"
	Stop    Verb = "stop"
	Return  Verb = "return" // stops an included script
	Error   Verb = "error"  // the message; the mail is then delivered as usual
	Log     Verb = "debug_log"
)

// Action is one thing that a script does with mail.
type Action struct {
	Verb Verb
	Line int
	// Target and Args have the values of variables that the script sets to a text.
	Target string
	Args   []string
	// May are all texts that Target may be, where variables make it several.
	May []string
	// To are the addresses that a notification goes to.
	To []string
	// From is the address behind :from of vacation and notify.
	From string
	// Copy is set where :copy keeps the action from cancelling the implicit keep.
	Copy bool
	// Test is set where a test runs the program: "if execute …".
	Test bool
	// Cancels is set where the action cancels the implicit keep: the mail is then
	// only delivered where an action says so (RFC 5228 section 2.10.2).
	Cancels bool
	// Lacks is an extension that the action needs and that no require names: such a
	// script is refused as a whole.
	Lacks string
	// Never says why the action is never taken, "" where it may be.
	Never string
	// Diverts is set where mail that meets the action does not reach the recipient's
	// own folders: what is sent or piped away is no copy.
	Diverts bool
	// Drops is set where mail that meets the action is neither delivered nor sent
	// anywhere, and nobody is told.
	Drops bool

	cmd   *Command
	guard *guard
	scope *scope
}

// When says in words which mail meets the action; all mail does where it is empty.
func (a Action) When() string { return a.guard.words() }

// keeps reports whether the action puts mail into a folder of the recipient.
func (a Action) keeps() bool { return a.Verb == Keep || a.Verb == FileInto || a.Verb == Error }

// sends reports whether the action hands mail to somebody or something else.
func (a Action) sends() bool { return a.Verb == Redirect || a.Verb == Pipe }

// hears reports whether somebody is told of the mail or gets it.
func (a Action) hears() bool {
	return a.keeps() || a.sends() || a.Verb == Reject || a.Verb == Ereject || a.Verb == Include
}

// lister makes the list of actions.
type lister struct {
	checker *checker
	list    []Action
	values  variables
}

// actions lists what a script does.
func actions(commands []*Command, c *checker) []Action {
	l := &lister{checker: c, values: variables{}}
	l.block(commands, &scope{cancels: -1, keeps: -1, hears: -1}, nil, "")
	for i := range l.list {
		l.list[i].settle(i)
	}
	return l.list
}

// block lists the actions of a block; never is why it is never obeyed.
func (l *lister) block(list []*Command, s *scope, g *guard, never string) {
	var branch *guard // what holds where no test of this if did
	var ends []string // how the branches of this if end
	for _, cmd := range list {
		why := first(never, s.ends, l.checker.never[cmd])
		switch cmd.Name {
		case "if", "elsif", "else":
			if cmd.Name == "if" || branch == nil {
				branch, ends = g, nil
			}
			l.tests(cmd.Tests, s, branch, why)
			inner := s.inner()
			here := branch
			if len(cmd.Tests) > 0 {
				here = &guard{branch, cmd.Tests[0], true}
				branch = &guard{branch, cmd.Tests[0], false}
			}
			l.block(cmd.Block, inner, here, why)
			if ends = append(ends, inner.ends); cmd.Name == "else" {
				s.closed(ends)
				branch = nil
			}
		case "foreverypart":
			l.block(cmd.Block, s.inner(), &guard{g, cmd, true}, why)
		case "set":
			l.values.set(cmd)
		default:
			l.action(cmd, s, g, why, false)
		}
	}
}

func first(reasons ...string) string {
	for _, r := range reasons {
		if r != "" {
			return r
		}
	}
	return ""
}

// tests lists the programs that tests run.
func (l *lister) tests(list []*Command, s *scope, g *guard, never string) {
	for _, t := range list {
		if t.Name == string(Execute) || t.Name == string(Filter) {
			l.action(t, s, g, never, true)
		}
		l.tests(t.Tests, s, g, never)
	}
}

// action lists one command, if it is an action.
func (l *lister) action(cmd *Command, s *scope, g *guard, never string, inTest bool) {
	a := Action{cmd: cmd, Verb: Verb(cmd.Name), Line: cmd.Line, Never: never, Test: inTest, guard: g, scope: s}
	w, known := words[cmd.Name]
	if !known || !a.fill(cmd) {
		return
	}
	if l.checker.has("variables") {
		a.expand(l.values)
	}
	if a.Verb == Notify {
		a.To, _ = Mailto(a.Target)
	}
	if !l.checker.has(w.ext) {
		a.Lacks = w.ext
	}
	_, a.Copy = cmd.tag("copy")
	if a.Copy && !l.checker.has("copy") {
		a.Lacks = "copy"
	}
	switch a.Verb {
	case Discard, Reject, Ereject, Keep:
		a.Cancels = true
	case Redirect, FileInto, Pipe:
		a.Cancels = !a.Copy
	}
	if never == "" {
		l.note(a, len(l.list))
	}
	l.list = append(l.list, a)
}

// note takes down in the block what the action does for certain.
func (l *lister) note(a Action, index int) {
	set := func(at *int, yes bool) {
		if yes && *at < 0 {
			*at = index
		}
	}
	set(&a.scope.cancels, a.Cancels)
	set(&a.scope.keeps, a.keeps())
	set(&a.scope.hears, a.hears())
	switch a.Verb {
	case Stop, Return, Error:
		a.scope.ends = first(a.scope.ends, "the script ends before it ("+string(a.Verb)+")")
	}
}

// fill takes the arguments of a command; false where it is no action.
func (a *Action) fill(cmd *Command) bool {
	values := positional(cmd)
	text := func(i int) string {
		if i < len(values) {
			return values[i].Text
		}
		return ""
	}
	list := func(i int) []string {
		if i < len(values) {
			return values[i].List
		}
		return nil
	}
	switch a.Verb {
	case Keep, Discard, Stop, Return:
	case FileInto, Redirect, Reject, Ereject, Vacation, Error, Log:
		a.Target = text(0)
	case Notify:
		a.notify(cmd, text(0))
	case Report:
		a.Target, a.Args = text(2), []string{text(0), text(1)}
	case AddHeader, DeleteHeader, Pipe, Filter, Execute:
		a.Target, a.Args = text(0), list(1)
	case SetFlag, AddFlag, RemoveFlag:
		a.Args = list(max(0, len(values)-1))
		if len(values) > 1 {
			a.Target = text(0) // a variable
		}
	case Include:
		a.Target = text(0)
		for _, arg := range cmd.Args {
			if arg.Sort == Tag {
				a.Args = append(a.Args, arg.Text)
			}
		}
	default:
		return false
	}
	if from, ok := cmd.tag("from"); ok {
		a.From = from.Text
	}
	return true
}

// expand puts the values of variables in.
func (a *Action) expand(v variables) {
	if may := v.expand(a.Target); len(may) > 0 {
		if a.Target = may[0]; len(may) > 1 {
			a.May = may
		}
	}
	for i, arg := range a.Args {
		if may := v.expand(arg); len(may) == 1 && may[0] != arg {
			a.Args = slices.Clone(a.Args)
			a.Args[i] = may[0]
		}
	}
}

// notify takes the method; the extension "notify", which is older, has it in tags:
// notify :method "mailto" :options "alice@example.test".
func (a *Action) notify(cmd *Command, method string) {
	a.Target = method
	if m, ok := cmd.tag("method"); ok {
		to, _ := cmd.tag("options")
		a.Target = m.Text + ":" + strings.Join(to.List, ",")
	}
	if message, ok := cmd.tag("message"); ok {
		a.Args = []string{message.Text}
	}
}

// positional are the arguments that belong to no tag.
func positional(cmd *Command) []Argument {
	args := cmd.Args
	for len(args) > 0 && args[0].Sort == Tag {
		n := 1
		if takesValue(cmd.Name, args[0].Text) && len(args) > 1 {
			n = 2
		}
		args = args[n:]
	}
	return args
}

func takesValue(name, tag string) bool {
	for _, t := range words[name].tags {
		if t.name == tag {
			return t.value != ""
		}
	}
	return false
}
