package maildrop

// Parse reads a filter file.
func Parse(text string) File {
	p := &parser{lex: lexer{src: text, line: 1, last: ";"}}
	p.advance()
	list := p.statements(0)
	for p.tok.kind == "}" { // what closes nothing
		p.complain("a closing brace that closes nothing")
		p.advance()
		list = append(list, p.statements(0)...)
	}
	return File{Statements: list, Problems: p.problems}
}

type parser struct {
	lex      lexer
	tok      token
	before   string // kind of the token before
	read     int
	problems []Problem
	failed   bool // in this statement
	stopped  bool
}

func (p *parser) advance() {
	if p.stopped {
		return
	}
	if p.read++; p.read > maxTokens {
		p.stop("more words than are read")
		return
	}
	p.before, p.tok = p.tok.kind, p.lex.next()
}

func (p *parser) stop(message string) {
	p.problems = append(p.problems, Problem{Line: p.tok.line, Message: message, Lost: true})
	p.stopped, p.failed, p.tok = true, true, token{line: p.tok.line}
}

// complain notes one problem for each statement.
func (p *parser) complain(message string) {
	if !p.failed && len(p.problems) < maxProblems {
		p.problems = append(p.problems, Problem{Line: p.tok.line, Message: message})
	}
	p.failed = true
}

func (p *parser) take(kind string) bool {
	if p.tok.kind == kind && kind != "" {
		p.advance()
		return true
	}
	return false
}

func (p *parser) want(kind, message string) {
	if !p.take(kind) {
		p.complain(message)
	}
}

// statements reads up to a closing brace or the end.
func (p *parser) statements(depth int) []Statement {
	var list []Statement
	for p.tok.kind != "}" && p.tok.kind != "" {
		if p.take(";") {
			continue
		}
		p.failed = false
		read := p.read
		list = append(list, p.statement(depth))
		if p.failed {
			p.recover()
		}
		if p.read == read { // a word that begins nothing
			p.advance()
		}
	}
	return list
}

// recover goes on with the next line after what can't be read.
func (p *parser) recover() {
	if p.before == ";" {
		return
	}
	for p.tok.kind != ";" && p.tok.kind != "" && p.tok.kind != "}" && p.tok.kind != "{" {
		p.advance()
	}
}

// statement reads one statement with the end of its line.
func (p *parser) statement(depth int) Statement {
	s := Statement{Verb: p.tok.kind, Line: p.tok.line}
	if depth > maxDepth {
		p.stop("braces within braces, deeper than is read")
		return s
	}
	switch s.Verb {
	case "if", "elsif", "while":
		if s.Verb == "elsif" {
			p.complain("an elsif that no condition precedes")
		}
		p.advance()
		p.branch(&s, depth)
	case "foreach":
		p.advance()
		s.Expr = p.expr(depth)
		p.endOfLine()
		s.Then = p.body(depth)
	case "{":
		s.Then = p.braced(depth)
	case "exception":
		p.advance()
		s.Then = p.needBrace(depth)
	case "dotlock", "flock":
		p.advance()
		s.Expr = p.expr(depth)
		s.Then = p.needBrace(depth)
	case "to", "cc", "echo", "xfilter", "system", "logfile", "log", "include", "import", "unset":
		p.advance()
		s.Expr = p.expr(depth)
		p.endOfLine()
	case "exit":
		p.advance()
		p.endOfLine()
	default:
		s.Verb = ""
		s.Expr = p.expr(depth)
		p.endOfLine()
	}
	return s
}

func (p *parser) endOfLine() {
	if p.tok.kind == "}" || p.tok.kind == "" {
		p.complain("a statement that does not end with its line")
		return
	}
	p.want(";", "a statement that does not end with its line")
}

// branch reads "(condition)", the line that follows, and what else there is.
func (p *parser) branch(s *Statement, depth int) {
	for {
		p.condition(s, depth)
		if s.Verb == "while" {
			return
		}
		s.Verb = "if"
		if p.tok.kind != "elsif" {
			break
		}
		s.Else = []Statement{{Verb: "if", Line: p.tok.line}}
		s = &s.Else[0]
		p.advance()
	}
	if p.take("else") {
		p.ownLine()
		s.Else = p.body(depth)
	}
}

func (p *parser) condition(s *Statement, depth int) {
	p.want("(", "no bracket behind "+s.Verb)
	s.Expr = p.expr(depth)
	p.want(")", "a bracket is not closed")
	p.ownLine()
	s.Then = p.body(depth)
}

// ownLine: what follows a condition stands on a line of its own, a brace too.
func (p *parser) ownLine() {
	if p.tok.kind == "{" {
		p.complain("a brace that does not stand on a line of its own")
		return
	}
	p.endOfLine()
}

// body is the statement under a condition. An empty line is one: it does nothing,
// and what follows is done always.
func (p *parser) body(depth int) []Statement {
	if p.take(";") {
		return nil
	}
	if p.tok.kind == "" || p.tok.kind == "}" {
		return nil
	}
	return []Statement{p.statement(depth + 1)}
}

func (p *parser) needBrace(depth int) []Statement {
	if p.tok.kind != "{" {
		p.complain("no brace where one is needed")
		return nil
	}
	return p.braced(depth)
}

// braced reads a block with the end of its last line.
func (p *parser) braced(depth int) []Statement {
	p.advance()
	list := p.statements(depth + 1)
	if !p.take("}") {
		p.failed = false
		p.complain("a closing brace is missing")
		return list
	}
	if p.tok.kind != "" {
		p.endOfLine()
	}
	return list
}
