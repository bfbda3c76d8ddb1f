package calls

import (
	"strings"
)

// Variable is one that a shell script sets outside of commands.
type Variable struct {
	Name, Value string
	// Known is false where something in the value is expanded.
	Known bool
	Line  int
}

// Variables lists the assignments of a shell script, in their order, exported ones
// too: what a file is made of that others source (EnvironmentFile= reads the same
// lines).
func Variables(text string) (list []Variable) {
	s := scan(Shell, text, 1)
	start := true
	for _, t := range s.tokens {
		switch {
		case endsCommand(t):
			start = true
		case start && t.sort == name && isAssignment(s, t):
			n, value, _ := strings.Cut(t.text, "=")
			list = append(list, Variable{Name: strings.TrimSuffix(n, "+"), Value: value, Known: !t.open, Line: t.line})
		default:
			start = start && (t.named("export") || t.named("readonly") || t.named("then") || t.named("do"))
		}
	}
	return list
}
