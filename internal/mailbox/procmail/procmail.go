// Package procmail reads procmail's rc files: which mail they copy, send on, file,
// throw away or hand to programs, and which mail that is.
//
// The language is that of procmailrc(5); what its page leaves open was asked of
// procmail 3.22 itself, and TestParity asks again. [Parse] gives recipes and
// assignments as they are written. [Follow] walks through them as procmail would
// without a message at hand, so that every branch is looked at: a variable has
// all the values that it can have, and conditions are carried along as words.
//
// The package is handed text and opens nothing: an included file comes from
// whoever holds the tree. It matches no message, and does not say what an address
// or a program means.
package procmail

// File is an rc file as it is written.
type File struct {
	Items    []Item
	Problems []Problem
}

// Item is an assignment or a recipe, whichever is not nil.
type Item struct {
	Line       int // from 1
	Assignment *Assignment
	Recipe     *Recipe
}

// Assignment gives a variable a value, or takes it away.
type Assignment struct {
	Name  string
	Value Text
	Unset bool // "NAME" alone
}

// Recipe is ":0 flags : lock", its conditions and its action.
type Recipe struct {
	Flags      string // without blanks, as written
	Locked     bool
	Conditions []string // as written behind the "*", lines joined
	Action     Action
}

// Has reports whether a recipe has a flag.
func (r Recipe) Has(flag byte) bool {
	for i := range len(r.Flags) {
		if r.Flags[i] == flag {
			return true
		}
	}
	return false
}

// ActionKind is what a recipe does with what it gets.
type ActionKind string

// The kinds of action.
const (
	Pipe    ActionKind = "|"
	Forward ActionKind = "!"
	Folder  ActionKind = "folder"
	Block   ActionKind = "{"
)

// Action is the action of a recipe.
type Action struct {
	Kind ActionKind
	Line int
	// Capture is the variable that gets what a program prints: "NAME=| program".
	Capture string
	// Command is the text behind a bar, lines joined.
	Command string
	// Text are the words behind "!", or the folders.
	Text Text
	// Items are those between braces.
	Items []Item
}

// Problem is something that procmail would complain about, or that is beyond what
// is read.
type Problem struct {
	Line    int
	Message string
	// Lost says that something was not read.
	Lost bool
}

const (
	// maxDepth bounds braces within braces.
	maxDepth = 50
	// maxItems bounds the assignments and recipes of one file.
	maxItems = 50_000
	// maxProblems bounds the complaints about one file.
	maxProblems = 100
)
