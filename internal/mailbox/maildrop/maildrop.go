// Package maildrop reads the filter files of maildrop: which mail they copy, send
// on, file, throw away or hand to programs, and which mail that is.
//
// The language is that of maildropfilter(7); TestParity asks maildrop itself.
// [Parse] gives statements as they are written. [Follow] walks through them as
// maildrop would without a message at hand, so that every branch is looked at: a
// variable has all the values that it can have, and conditions are carried along
// as words.
//
// The package is handed text and opens nothing: an included file comes from
// whoever holds the tree. It matches no message, and does not say what an address
// or a program means.
package maildrop

// File is a filter file as it is written.
type File struct {
	Statements []Statement
	// Problems are errors for which maildrop refuses the whole file, so that mail
	// stays in the queue. What is around them is read all the same: another release
	// may see it otherwise.
	Problems []Problem
}

// Problem is a line that maildrop would refuse, or that is beyond what is read.
type Problem struct {
	Line    int
	Message string
	// Lost says that something was not read.
	Lost bool
}

// Statement is one statement. Verb is its keyword, "{" for a block, and "" for an
// expression: an assignment, mostly.
type Statement struct {
	Verb string
	Line int
	Expr *Expr
	// Then are the statements of a block, a branch or a loop; Else those of the other
	// branch.
	Then, Else []Statement
}

// Expr is an expression. Op is an operator or function, or what a leaf is:
// "string" is expanded, "literal" is not, "command" runs, "pattern" is /…/:flags.
type Expr struct {
	Op   string
	Line int
	Text string
	Args []*Expr
}

const (
	// maxDepth bounds braces and brackets within each other.
	maxDepth = 60
	// maxTokens bounds one file.
	maxTokens = 500_000
	// maxProblems bounds the complaints about one file.
	maxProblems = 100
)
