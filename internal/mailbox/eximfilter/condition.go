package eximfilter

import "strings"

// Condition is what stands between if and then.
type Condition struct {
	// Test is and, or, one of the words personal, delivered, error_message,
	// first_delivery, manually_thawed, foranyaddress, or a comparison: is, contains,
	// begins, ends, matches, and the same in capitals, which heed case; above, below.
	Test string
	Not  bool
	// Left and Right are the operands of a comparison; Left is the list of
	// foranyaddress.
	Left, Right string
	Aliases     []string // of personal
	// Parts are the operands of and and or, and the condition of foranyaddress.
	Parts []*Condition
}

// comparisons are the words of comparisons, which have several forms.
var comparisons = map[string]string{
	"BEGIN": "BEGINS", "BEGINS": "BEGINS", "CONTAIN": "CONTAINS", "CONTAINS": "CONTAINS", "END": "ENDS", "ENDS": "ENDS", "IS": "IS", "MATCH": "MATCHES", "MATCHES": "MATCHES",
	"begin": "begins", "begins": "begins", "contain": "contains", "contains": "contains", "end": "ends", "ends": "ends", "is": "is", "match": "matches", "matches": "matches",
	"above": "above", "below": "below",
}

// level says what ends a condition: then, or a closing parenthesis.
type level int

const (
	outermost level = iota
	bracketed
)

// condition reads up to and with then, or up to the parenthesis that ends it.
// And binds closer than or.
func (p *parser) condition(at level, depth int) *Condition {
	or := &Condition{Test: "or"}
	and := &Condition{Test: "and"}
	close := func() *Condition {
		or.Parts = append(or.Parts, single(and))
		return single(or)
	}
	for {
		c := p.primary(depth)
		if p.err != "" {
			return nil
		}
		and.Parts = append(and.Parts, c)
		switch {
		case strings.HasPrefix(p.rest, ")"):
			if at == outermost {
				p.fail(`a ")" that closes nothing`)
			}
			return close()
		case strings.HasPrefix(p.rest, "("):
			p.fail(`a "(" where "and", "or" or "then" is expected`)
			return nil
		}
		switch w := p.word(atSpace); {
		case p.err != "":
			return nil
		case w == "then":
			if at == bracketed {
				p.fail(`"then" before the ")" of a condition`)
			}
			return close()
		case w == "or":
			or.Parts = append(or.Parts, single(and))
			and = &Condition{Test: "and"}
		case w != "and":
			p.fail(`"and", "or" or "then" is expected, not ` + quoted(w))
			return nil
		}
	}
}

// single is the only operand where there is but one.
func single(c *Condition) *Condition {
	if len(c.Parts) == 1 {
		return c.Parts[0]
	}
	return c
}

// primary reads one condition with the nots before it.
func (p *parser) primary(depth int) *Condition {
	not := false
	for {
		if p.rest == "" {
			p.fail(`"then" is missing at the end of the file`)
			return nil
		}
		if depth > maxDepth {
			p.limit()
			return nil
		}
		if p.rest[0] == '(' {
			return negated(p.bracket(depth), not)
		}
		if p.rest[0] == ')' {
			p.fail(`a ")" where a condition is expected`)
			return nil
		}
		w := p.item(atBracket)
		switch {
		case p.err != "":
			return nil
		case w == "then":
			p.fail(`"then" where a condition is expected`)
			return nil
		case w == "not":
			not = !not
		default:
			return negated(p.test(w, depth), not)
		}
	}
}

// negated turns a condition around, which the pieces of it already may be.
func negated(c *Condition, not bool) *Condition {
	if c != nil && not {
		c.Not = !c.Not
	}
	return c
}

// bracket reads a condition in parentheses.
func (p *parser) bracket(depth int) *Condition {
	p.rest = p.rest[1:]
	p.skip()
	c := p.condition(bracketed, depth+1)
	if p.err != "" {
		return nil
	}
	p.rest = p.rest[1:]
	p.skip()
	return c
}

// test reads the condition that begins with the word w.
func (p *parser) test(w string, depth int) *Condition {
	switch w {
	case "delivered", "error_message", "first_delivery", "manually_thawed":
		return &Condition{Test: w}
	case "personal":
		return p.personal()
	case "foranyaddress":
		c := &Condition{Test: w, Left: p.expanded(p.item(atBracket))}
		if p.err == "" && !strings.HasPrefix(p.rest, "(") {
			p.fail(`"(" is expected after the list of foranyaddress`)
		}
		if p.err == "" {
			c.Parts = []*Condition{p.bracket(depth)}
		}
		return c
	}
	return p.comparison(w)
}

// personal reads the aliases behind the word.
func (p *parser) personal() *Condition {
	c := &Condition{Test: "personal"}
	for p.err == "" {
		rest, line := p.rest, p.line
		if p.word(atBracket) != "alias" {
			p.rest, p.line = rest, line
			break
		}
		c.Aliases = append(c.Aliases, p.item(atBracket))
	}
	return c
}

// comparison reads a comparison with a left operand: "does not contain x", "is
// not x", "is above 3", "is x".
func (p *parser) comparison(left string) *Condition {
	c := &Condition{Left: p.expanded(left)}
	w := p.word(atBracket)
	// operand is where the right operand is if no other word of comparison follows.
	operand, line := "", 0
	if strings.EqualFold(w, "does") || strings.EqualFold(w, "is") {
		switch w[0] {
		case 'i':
			c.Test = "is"
		case 'I':
			c.Test = "IS"
		}
		operand, line = p.rest, p.line
		w = p.word(atBracket)
		if strings.EqualFold(w, "not") {
			c.Not = true
			operand, line = p.rest, p.line
			w = p.word(atBracket)
		}
	}
	switch test, ok := comparisons[w]; {
	case p.err != "":
		return nil
	case ok:
		c.Test = test
	case c.Test == "":
		p.fail("no comparison is called " + quoted(w))
		return nil
	default:
		p.rest, p.line = operand, line
	}
	c.Right = p.expanded(p.item(atBracket))
	return c
}
