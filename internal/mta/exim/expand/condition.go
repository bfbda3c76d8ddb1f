package expand

import (
	"slices"
	"strings"
)

// oneArgument are conditions with one argument, twoArguments those with two.
var (
	oneArgument  = []string{"exists", "isip", "isip4", "isip6", "pam", "radius", "ldapauth", "pwcheck", "bool", "bool_lax"}
	twoArguments = []string{
		"crypteq", "inlist", "inlisti", "match", "match_address", "match_domain", "match_ip", "match_local_part", "inbound_srs",
		"lt", "lti", "le", "lei", "eq", "eqi", "gt", "gti", "ge", "gei", "<", "<=", "=", "==", ">", ">=",
	}
	grouped = []string{"acl", "saslauthd"}
)

// condition reads one condition, with the marks that turn it round.
func (p *parser) condition() (c Condition) {
	if p.depth++; p.depth > maxDepth {
		p.fail("conditions are nested too deeply")
	}
	defer func() { p.depth-- }()
	for p.blanks() == '!' && !p.failed() {
		c.Negated = !c.Negated
		p.i++
	}
	if c.Name = p.conditionName(); p.failed() {
		return c
	}
	switch {
	case c.Name == "def":
		p.def(&c)
	case c.Name == "first_delivery" || c.Name == "queue_running":
	case c.Name == "and" || c.Name == "or":
		p.group(&c)
	case strings.HasPrefix(c.Name, "forany") || strings.HasPrefix(c.Name, "forall"):
		p.iterated(&c)
	case slices.Contains(grouped, c.Name):
		p.grouped(&c)
	case slices.Contains(oneArgument, c.Name):
		p.fixed(&c, 1)
	case slices.Contains(twoArguments, c.Name):
		p.fixed(&c, 2)
	default:
		p.fail("no condition is called " + c.Name)
	}
	return c
}

func (p *parser) conditionName() string {
	if c := p.peek(); strings.IndexByte("<>=", c) >= 0 && c != 0 {
		from := p.i
		for p.i < len(p.s) && p.i-from < 2 && strings.IndexByte("<>=", p.s[p.i]) >= 0 {
			p.i++
		}
		return p.s[from:p.i]
	}
	name := p.name("_")
	if name == "" {
		p.fail("the name of a condition is missing")
	}
	return name
}

func (p *parser) def(c *Condition) {
	if p.peek() != ':' {
		p.fail("a colon is missing behind def")
		return
	}
	p.i++
	c.Of = p.name("_")
	if isHeader(c.Of) {
		c.Of = p.header(c.Of).Name
	}
}

// group reads the conditions of and and or, each in braces of its own.
func (p *parser) group(c *Condition) {
	if !p.open(c.Name) {
		return
	}
	for !p.failed() && p.blanks() != '}' {
		if !p.open(c.Name) {
			return
		}
		c.Subs = append(c.Subs, p.condition())
		p.blanks()
		p.close("a condition")
	}
	p.close(c.Name)
}

// iterated reads a list and a condition on each of its items.
func (p *parser) iterated(c *Condition) {
	p.fixed(c, 1)
	if p.failed() || !p.open(c.Name) {
		return
	}
	c.Subs = append(c.Subs, p.condition())
	p.blanks()
	p.close(c.Name)
}

// grouped reads arguments that have braces around all of them.
func (p *parser) grouped(c *Condition) {
	if !p.open(c.Name) {
		return
	}
	for !p.failed() && p.blanks() == '{' {
		c.Args = append(c.Args, p.argument())
	}
	p.close(c.Name)
}

func (p *parser) open(of string) bool {
	if p.failed() {
		return false
	}
	if p.blanks() != '{' {
		p.fail("a { is missing behind " + of)
		return false
	}
	p.i++
	return true
}

// fixed reads a number of arguments. The list of match_domain and its like is not
// expanded (spec 11.7).
func (p *parser) fixed(c *Condition, n int) {
	for i := range n {
		if !p.open(c.Name) {
			return
		}
		c.Args = append(c.Args, p.sequence(true, i == 0 || !strings.HasPrefix(c.Name, "match_")))
		p.close(c.Name)
	}
}
