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

const (
	// maxDepth bounds how deep expansions are nested.
	maxDepth = 200
	// maxLength bounds a string.
	maxLength = 1 << 20
)

// Parse reads a string. message says why it can't be read to its end, "" where it
// can.
func Parse(s string) (e Expansion, message string) {
	if !strings.ContainsAny(s, `$\`) {
		if s == "" {
			return Expansion{}, ""
		}
		return Expansion{[]Part{{Kind: Text, Text: s}}}, ""
	}
	p := &parser{s: s[:min(len(s), maxLength)]}
	e = p.sequence(false, true)
	if len(s) > maxLength {
		p.fail("the string is longer than what is read of one")
	}
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

// String writes an expansion about as it stands, for a sentence or a command line.
func (e Expansion) String() string {
	var b strings.Builder
	for _, p := range e.Parts {
		p.write(&b)
	}
	return b.String()
}

func (p Part) write(b *strings.Builder) {
	switch p.Kind {
	case Text:
		b.WriteString(p.Text)
	case Variable:
		b.WriteString("$" + p.Name)
	case Header:
		b.WriteString("$" + p.Name + ":")
	case Operator:
		b.WriteString("${" + p.Name + ":" + p.Args[0].String() + "}")
	case Item:
		b.WriteString("${" + p.Name)
		if p.If != nil {
			b.WriteString(" " + p.If.Name)
		}
		b.WriteString("…}")
	}
}

// tainted are the variables whose value comes from whoever sends mail (spec 9.1,
// "Tainted data"): since release 4.94 Exim names no file, and since 4.96 starts no
// command, with them.
var tainted = map[string]bool{
	"local_part": true, "domain": true, "original_local_part": true, "original_domain": true, "parent_local_part": true, "parent_domain": true,
	"sender_address": true, "sender_address_local_part": true, "sender_address_domain": true, "sender_helo_name": true, "sender_host_name": true, "sender_ident": true,
	"local_part_prefix": true, "local_part_suffix": true, "recipients": true, "recipients_list": true, "message_body": true, "message_body_end": true, "message_headers": true, "message_headers_raw": true,
	"reply_address": true, "return_path": true, "smtp_command": true, "smtp_command_argument": true, "authenticated_id": true, "authenticated_sender": true, "address_pipe": true, "address_file": true,
}

// Tainted names a variable by which whoever sends mail has a part in the value, ""
// where there is none. What a look-up or a condition picks is not theirs.
func (e Expansion) Tainted() string {
	for _, p := range e.Parts {
		switch {
		case p.Kind == Header, p.Kind == Variable && tainted[p.Name]:
			return p.Name
		case p.Kind == Operator:
			if name := p.Args[0].Tainted(); name != "" {
				return name
			}
		}
	}
	return ""
}
