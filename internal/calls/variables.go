package calls

import "strings"

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
func Variables(text string) []Variable {
	list, _ := variables(text)
	return list
}

// Commands is a shell script without its assignments: what else it does.
func Commands(text string) string {
	_, rest := variables(text)
	return rest
}

func variables(text string) (list []Variable, rest string) {
	s := scan(Shell, text, 1)
	kept := []byte(text)
	start := true
	for _, t := range s.tokens {
		switch {
		case endsCommand(t):
			start = true
		case start && t.sort == name && isAssignment(s, t):
			n, value, _ := strings.Cut(t.text, "=")
			list = append(list, Variable{Name: strings.TrimSuffix(n, "+"), Value: value, Known: !t.open, Line: t.line})
			for i := t.from; i < t.to && !t.open; i++ { // what is expanded may run commands
				kept[i] = ' '
			}
		default:
			start = start && (t.named("export") || t.named("readonly") || t.named("then") || t.named("do"))
		}
	}
	return list, string(kept)
}
