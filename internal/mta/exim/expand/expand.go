// Package expand reads Exim's string expansions into trees, so that what they run,
// ask or read is found at any depth: ${run{…}} inside ${if …} inside a list.
//
// The language is that of the Exim specification, chapter 11 ("String
// expansions") and expand.c. A string that can't be read to its end is read as
// far as it goes: so does Exim, which has run what stands before the error by
// then. [Expansion.Evaluate] works out a value where the string and files alone
// decide it.
package expand

import "strings"

// Kind is what a part of an expansion is.
type Kind string

// The kinds of part.
const (
	Text     Kind = "text"
	Variable Kind = "variable" // $local_part, ${domain}, $1
	Header   Kind = "header"   // $h_subject:
	Item     Kind = "item"     // ${lookup …}
	Operator Kind = "operator" // ${lc:…}
)

// Expansion is a string in parts.
type Expansion struct{ Parts []Part }

// Part is one part of a string.
type Part struct {
	Kind Kind
	// Text is the text of a Text, with escapes interpreted.
	Text string
	// Name is that of the variable, header, item or operator: "run", "h_subject",
	// "length_3".
	Name string
	// Option stands between the name and the first brace: "preexpand" of run, "json"
	// of extract, the type of a lookup.
	Option string
	// Args are what stands in braces, in order, "yes" and "no" parts too. Of a lookup
	// with a key the first is the key.
	Args []Expansion
	// Keyed says that a lookup has a key before its type.
	Keyed bool
	// Fails says that the word "fail" stands in place of the last part.
	Fails bool
	// If is the condition of an if or filter.
	If *Condition
}

// Condition is what ${if asks.
type Condition struct {
	Name    string // "eq", "and", "exists", "def"
	Negated bool
	Args    []Expansion
	Subs    []Condition // of and, or, forany, forall
	Of      string      // the variable or header of def
}

// maxDepth bounds how deep expansions are nested.
const maxDepth = 200

// Parse reads a string. message says why it can't be read to its end, "" where it
// can.
func Parse(s string) (e Expansion, message string) {
	if strings.IndexAny(s, `$\`) < 0 {
		if s == "" {
			return Expansion{}, ""
		}
		return Expansion{[]Part{{Kind: Text, Text: s}}}, ""
	}
	p := &parser{s: s}
	e = p.sequence(false, true)
	return e, p.message
}

// Plain reports whether a string has nothing in it that is expanded, and what it is
// then.
func (e Expansion) Plain() (string, bool) {
	var b strings.Builder
	for _, p := range e.Parts {
		if p.Kind != Text {
			return "", false
		}
		b.WriteString(p.Text)
	}
	return b.String(), true
}

// Walk visits every part, outer before inner.
func (e Expansion) Walk(visit func(Part)) {
	for _, p := range e.Parts {
		visit(p)
		for _, a := range p.Args {
			a.Walk(visit)
		}
		if p.If != nil {
			p.If.walk(visit)
		}
	}
}

// walk visits what a condition holds. A condition that asks somebody is visited
// as a part named "if pam".
func (c *Condition) walk(visit func(Part)) {
	visit(Part{Kind: Item, Name: "if " + c.Name, Args: c.Args})
	for _, a := range c.Args {
		a.Walk(visit)
	}
	for i := range c.Subs {
		c.Subs[i].walk(visit)
	}
}

// Variables are the names of all variables and headers in an expansion.
func (e Expansion) Variables() []string {
	var names []string
	e.Walk(func(p Part) {
		if p.Kind == Variable || p.Kind == Header {
			names = append(names, p.Name)
		}
	})
	return names
}

// Outline writes an expansion with every part that is not known beforehand as
// "*": "/etc/valiases/*".
func (e Expansion) Outline() string {
	var b strings.Builder
	for _, p := range e.Parts {
		if p.Kind == Text {
			b.WriteString(p.Text)
		} else {
			b.WriteByte('*')
		}
	}
	return b.String()
}
