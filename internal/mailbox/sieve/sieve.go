// Package sieve reads Sieve scripts: which mail meets which action, and what
// becomes of it.
//
// The language is RFC 5228 with the extensions that Pigeonhole, the Sieve of
// Dovecot, knows:
//
//	require ["fileinto", "copy"];
//	if header :contains "subject" "invoice" {
//	    redirect :copy "bob@example.test";
//	} else {
//	    fileinto "Other";
//	}
//
// Above the syntax tree there is a flat list of actions, each with the tests
// around it in words and with what it means for the implicit keep (RFC 5228
// section 2.10.2). A script that Dovecot refuses to compile does nothing at all, so
// what it would be refused for is told with the line.
//
// The package is handed text and opens nothing: an included script is read by
// whoever holds the tree. It does not say whose addresses and programs they are,
// and it does not judge regular expressions.
package sieve

import "strconv"

// Script is a Sieve script.
type Script struct {
	// Commands is the syntax tree.
	Commands []*Command
	// Actions are what the script can do to mail, in the order of the script.
	Actions []Action
	// Requires are the extensions that the script asks for, in order.
	Requires []Require
	Problems []Problem
	// Refused is set where Dovecot does not compile the script: the mail is then
	// delivered as if there were none (RFC 5228 section 2.10.6).
	Refused bool
	// Unknown names extensions that this package does not know. Where there are any,
	// commands, tests and tags that it does not know are no reason to refuse.
	Unknown []string
}

// Require is an extension that a script asks for.
type Require struct {
	Name string
	Line int
}

// Problem is something odd, or what Dovecot refuses.
type Problem struct {
	Line    int
	Message string
}

// Command is a command or a test of the syntax tree.
type Command struct {
	Name  string // in lower case
	Line  int
	Args  []Argument
	Tests []*Command
	// List is set where the tests stand in parentheses.
	List bool
	// Block are the commands in braces; Braces is set where there are braces.
	Block  []*Command
	Braces bool
}

// tag is what stands behind a tag.
func (c *Command) tag(name string) (value Argument, ok bool) {
	for i, a := range c.Args {
		if a.Sort == Tag && a.Text == name {
			if i+1 < len(c.Args) {
				value = c.Args[i+1]
			}
			return value, true
		}
	}
	return value, false
}

// Sort is what an argument is.
type Sort string

// The sorts of arguments.
const (
	Tag     Sort = "tag" // ":copy", Text is "copy", in lower case
	Number  Sort = "number"
	String  Sort = "string"
	Strings Sort = "list of strings"
)

// Argument is one argument of a command or test.
type Argument struct {
	Sort   Sort
	Line   int
	Text   string   // of a tag or string
	List   []string // of strings; of one string, that
	Number uint64
}

// Options say what a Dovecot lets scripts do.
type Options struct {
	// Extensions are those that scripts may require, as sieve_extensions,
	// sieve_global_extensions and sieve_plugins give them; nil is all that this
	// package knows.
	Extensions []string
	// MaxSize is sieve_max_script_size in bytes; 0 is its default of 1 MB.
	MaxSize int
}

const (
	defaultSize = 1 << 20
	// maxSize bounds what is read whatever the options say.
	maxSize = 8 << 20
	// maxCommands bounds the syntax tree.
	maxCommands = 200_000
	// maxProblems keeps a hostile script from filling the memory with complaints.
	maxProblems = 100
)

// Parse reads a script.
func Parse(text string, o Options) Script {
	limit := o.MaxSize
	if limit <= 0 {
		limit = defaultSize
	}
	limit = min(limit, maxSize)
	large := len(text) > limit
	if large {
		text = text[:limit]
	}
	p := &parser{lexer: lexer{text: text, line: 1}}
	commands := p.script()
	c := newChecker(o)
	switch {
	case large:
		c.refuse(1, "the script is larger than the "+strconv.Itoa(limit)+" bytes that are compiled")
	case p.problem != nil:
		c.refuse(p.problem.Line, p.problem.Message)
		c.quiet = true // Pigeonhole looks no further
	}
	c.block(commands, nil)
	c.together()
	c.script.Commands = commands
	c.script.Actions = actions(commands, c)
	return c.script
}
