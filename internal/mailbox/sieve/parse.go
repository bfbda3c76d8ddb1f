package sieve

// The bounds of Pigeonhole (sieve-limits.h): it refuses what is deeper.
const (
	maxArguments = 32
	maxNesting   = 32
)

// parser makes the syntax tree (RFC 5228 section 8.2). It stops at the first
// error: such a script is not obeyed at all.
type parser struct {
	lexer   lexer
	tok     token
	count   int
	problem *Problem
}

func (p *parser) fail(line int, message string) {
	if p.problem == nil {
		p.problem = &Problem{line, message}
	}
}

// expected fails for the token that stands here.
func (p *parser) expected(what string) {
	if p.tok.kind == garbage {
		p.fail(p.tok.line, p.tok.text)
		return
	}
	p.fail(p.tok.line, what+" is expected, not "+p.tok.describe())
}

func (p *parser) advance() { p.tok = p.lexer.next() }

func (p *parser) is(m string) bool { return p.tok.kind == mark && p.tok.text == m }

// accept goes over a mark where it stands here.
func (p *parser) accept(m string) bool {
	if !p.is(m) {
		return false
	}
	p.advance()
	return true
}

// script reads all commands.
func (p *parser) script() []*Command {
	p.advance()
	commands := p.commands(1)
	if p.problem == nil && p.tok.kind != end {
		p.expected("a command")
	}
	return commands
}

// commands reads commands as long as there are any.
func (p *parser) commands(depth int) []*Command {
	var list []*Command
	for p.problem == nil && p.tok.kind == identifier {
		c := p.named()
		list = append(list, c)
		p.arguments(c, 1)
		switch {
		case p.problem != nil:
		case p.accept(";"):
		case !p.is("{"):
			p.expected(`";" or "{"`)
		case depth+1 > maxNesting:
			p.fail(p.tok.line, "blocks nest deeper than 32 levels")
		default:
			p.advance()
			c.Braces = true
			c.Block = p.commands(depth + 1)
			if p.problem == nil && !p.accept("}") {
				p.expected(`a command or "}"`)
			}
		}
	}
	return list
}

// named begins the command or test whose name stands here.
func (p *parser) named() *Command {
	if p.count++; p.count > maxCommands {
		p.fail(p.tok.line, "the script has more commands and tests than are read")
	}
	c := &Command{Name: p.tok.text, Line: p.tok.line}
	p.advance()
	return c
}

// arguments reads the arguments of a command or test, and its tests.
func (p *parser) arguments(c *Command, depth int) {
	for p.problem == nil && p.argument(c) {
		if len(c.Args) > maxArguments {
			p.fail(p.tok.line, c.Name+" has more than 32 arguments")
		}
	}
	if p.problem != nil || p.tok.kind != identifier && !p.is("(") {
		return
	}
	if depth+1 > maxNesting {
		p.fail(p.tok.line, "tests nest deeper than 32 levels")
		return
	}
	if p.tok.kind == identifier {
		p.test(c, depth)
		return
	}
	c.List = true
	for sep := "("; p.accept(sep); sep = "," {
		if p.tok.kind != identifier {
			p.expected("a test")
		}
		if p.problem != nil {
			return
		}
		p.test(c, depth)
	}
	if p.problem == nil && !p.accept(")") {
		p.expected(`"," or ")"`)
	}
}

func (p *parser) test(c *Command, depth int) {
	t := p.named()
	c.Tests = append(c.Tests, t)
	p.arguments(t, depth+1)
}

// argument reads one argument, if there is one.
func (p *parser) argument(c *Command) bool {
	a := Argument{Line: p.tok.line}
	switch {
	case p.tok.kind == literal:
		a.Sort, a.Text, a.List = String, p.tok.text, []string{p.tok.text}
	case p.tok.kind == number:
		a.Sort, a.Number = Number, p.tok.number
	case p.tok.kind == tag:
		a.Sort, a.Text = Tag, p.tok.text
	case p.is("["):
		a.Sort, a.List = Strings, p.strings()
		c.Args = append(c.Args, a)
		return true
	default:
		return false
	}
	p.advance()
	c.Args = append(c.Args, a)
	return true
}

// strings reads a list in brackets.
func (p *parser) strings() []string {
	var list []string
	for sep := "["; p.accept(sep); sep = "," {
		if p.tok.kind != literal {
			p.expected("a string")
			return list
		}
		list = append(list, p.tok.text)
		p.advance()
	}
	if !p.accept("]") {
		p.expected(`"," or "]"`)
	}
	return list
}
