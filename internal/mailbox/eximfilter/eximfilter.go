// Package eximfilter reads Exim filter files: which mail meets which command,
// and what becomes of it.
//
// The language is that of "Exim's interfaces to mail filtering", chapter 3, as
// system filters and the .forward files of users have it:
//
//	# Exim filter
//	if $h_subject: contains "invoice" and not personal then
//	  unseen deliver bob@example.test
//	endif
//
// The package is handed text and opens nothing. Strings that Exim expands are
// left as text: Expansions lists them for a reader of the expansion language. It
// does not say whose addresses and files they are, nor whether the router permits
// pipes, files and replies.
package eximfilter

import "strings"

// Verb is the word of a command.
type Verb string

// The commands. Seen, unseen and noerror are marks on the command that follows
// them; if, elif, else and endif are the conditions around it.
const (
	Add       Verb = "add"     // Arg is the number, To the variable
	Defer     Verb = "defer"   // Arg is the message
	Deliver   Verb = "deliver" // Arg is the address, ErrorsTo where its bounces go
	Fail      Verb = "fail"    // Arg is the message
	Finish    Verb = "finish"
	Freeze    Verb = "freeze"  // Arg is the message
	Headers   Verb = "headers" // How is add, remove or charset, Arg the header lines or names
	Logfile   Verb = "logfile" // Arg is the file name
	Logwrite  Verb = "logwrite"
	Mail      Verb = "mail" // Options
	Pipe      Verb = "pipe" // Arg is the command, expanded when it is run
	Save      Verb = "save" // Arg is the file name, or a directory with a / behind it
	Testprint Verb = "testprint"
	Vacation  Verb = "vacation" // Options, with the defaults of the command
)

// Command is one command with what surrounds it.
type Command struct {
	Verb Verb
	Line int
	// Arg is what the command is about, without quotes, not expanded.
	Arg string
	// To is the variable of add, How the kind of headers, ErrorsTo the address
	// behind errors_to of deliver, Mode the octal mode of save and logfile.
	To, How, ErrorsTo, Mode string
	// Options are those of mail and vacation, else nil; of one given twice the last
	// counts.
	Options *Options
	// Seen is set where the command counts as a delivery: the mail then goes
	// nowhere else. Deliver, save and pipe are, unless unseen is written before
	// them; the others are not, unless seen is.
	Seen    bool
	NoError bool
	// Ends is the line of a command that always ends the filter before this one is
	// reached, 0 where there is none.
	Ends int
	// Diverts is set where the command delivers, and the mail that meets it is not
	// delivered as usual as well: it counts as a delivery itself, or some command does
	// that is always obeyed with it. Where it is not set, the mail is copied.
	Diverts bool
	// Drops is set where the command counts as a delivery, and nothing on its way
	// delivers anything: "seen finish" is a black hole (section 3.17).
	Drops bool

	guard *guard
	block *block
}

// Options are the keywords of mail and vacation.
type Options struct {
	To, CC, BCC, From, ReplyTo, Subject, ExtraHeaders, Text string
	File, Log, Once, OnceRepeat                             string
	ExpandFile, ReturnMessage                               bool
}

// Delivers reports whether the command hands the message on: deliver, save or pipe.
func (c Command) Delivers() bool { return c.Verb == Deliver || c.Verb == Save || c.Verb == Pipe }

// Stops reports whether nothing after the command is obeyed.
func (c Command) Stops() bool {
	return c.Verb == Finish || c.Verb == Fail || c.Verb == Freeze || c.Verb == Defer
}

// When says in words which mail meets the command; all mail does where it is
// empty: `"$h_subject:" contains "invoice" and not (the mail is personal)`.
func (c Command) When() string { return c.guard.words() }

// Problem is something odd, or what Exim refuses.
type Problem struct {
	Line    int
	Message string
}

// Expansion is a string that Exim expands, and where it begins.
type Expansion struct {
	Line int
	Text string
}

// Filter is a filter file.
type Filter struct {
	// Commands are all commands in the order of the file.
	Commands []Command
	Problems []Problem
	// Refused is set where Exim obeys no command at all, because it does not
	// understand one. Commands then has those before it.
	Refused bool
	// Unread is the line from which on a limit of this package kept it from
	// reading, 0 where there is none: what follows may well be obeyed.
	Unread int
	// Expansions are all strings that Exim expands when it comes to them.
	Expansions []Expansion

	top *block
}

// Rights say which commands a filter may use.
type Rights struct {
	// System is set for the system filter, which may add and remove headers, and
	// may defer, fail and freeze.
	System bool
	// These are allow_defer, allow_fail and allow_freeze of the redirect router.
	Defer, Fail, Freeze bool
}

const (
	// maxFile is MAX_FILTER_SIZE of the Exim source: it delays mail whose filter is
	// larger.
	maxFile = 1 << 20
	// maxDepth bounds how deep if and parentheses nest; Exim has no bound but its
	// memory.
	maxDepth = 200
)

// IsFilter reports whether a user's .forward is an Exim filter: it says so in its
// first line. A system filter need not.
func IsFilter(text string) bool {
	rest := strings.TrimLeft(text, spaces)
	for _, word := range []string{"#", "exim", "filter"} {
		rest = strings.TrimLeft(rest, " \t")
		if len(rest) < len(word) || !strings.EqualFold(rest[:len(word)], word) {
			return false
		}
		rest = rest[len(word):]
	}
	return true
}

// Parse reads a filter file.
func Parse(text string, rights Rights) Filter {
	p := &parser{rights: rights, line: 1}
	if len(text) > maxFile {
		p.problem(1, "the file is larger than the 1 MB that Exim reads")
		p.filter.Refused = true
		text = text[:maxFile]
	}
	text, _, hidden := strings.Cut(text, "\x00")
	p.rest = text
	p.skip()
	p.filter.top = p.list(nil, nil)
	switch {
	case p.filter.Refused: // what the cut tore apart is nothing to tell of
	case p.err != "":
		p.problem(p.errLine, p.err)
		p.filter.Refused = p.stopped && p.filter.Unread == 0
	case hidden:
		p.problem(p.line, "a NUL byte hides the rest of the file")
	}
	p.settle()
	return p.filter
}
