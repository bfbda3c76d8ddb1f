package maildrop

// binary are the operators of each rank, the weakest first.
var binary = []map[string]bool{
	wordSet("="), wordSet("||"), wordSet("&&"),
	wordSet("< <= > >= == != lt le gt ge eq ne"),
	wordSet("|"), wordSet("&"), wordSet("+ -"), wordSet("* /"), wordSet("=~"),
}

// comparisons is the rank whose operators don't chain.
const comparisons = 3

func (p *parser) expr(depth int) *Expr { return p.rank(0, depth) }

func (p *parser) rank(n, depth int) *Expr {
	if n == len(binary) {
		return p.element(depth)
	}
	left := p.rank(n+1, depth)
	for binary[n][p.tok.kind] && !p.failed {
		op := &Expr{Op: p.tok.kind, Line: p.tok.line}
		if op.Op == "=" && (left == nil || left.Op != "string") {
			p.complain("no name before =")
		}
		p.advance()
		if op.Op == "=~" && p.tok.kind != "pattern" {
			p.complain("no pattern behind =~")
		}
		op.Args = []*Expr{left, p.rank(n+1, depth)}
		left = op
		if n == comparisons {
			break
		}
	}
	return left
}

// functions of one argument that need no brackets, and those with a list in them.
var (
	prefixes = wordSet("length getaddr escape ! ~ tolower toupper hasaddr")
	calls    = wordSet("substr lookup gdbmopen gdbmfetch gdbmstore")
)

func (p *parser) element(depth int) *Expr {
	if depth > maxDepth {
		p.stop("brackets within brackets, deeper than is read")
		return &Expr{Op: "string", Line: p.tok.line}
	}
	e := &Expr{Op: p.tok.kind, Line: p.tok.line, Text: p.tok.text}
	switch {
	case prefixes[e.Op]:
		p.advance()
		e.Text, e.Args = "", []*Expr{p.element(depth + 1)}
	case calls[e.Op]:
		p.advance()
		e.Text, e.Args = "", p.arguments(depth)
	case e.Op == "(":
		p.advance()
		e = p.expr(depth + 1)
		p.want(")", "a bracket is not closed")
	case e.Op == "pattern", e.Op == "time", e.Op == "gdbmclose":
		p.advance()
	default:
		return p.strings()
	}
	return e
}

func (p *parser) arguments(depth int) []*Expr {
	p.want("(", "no bracket behind a function")
	list := []*Expr{p.expr(depth + 1)}
	for p.take(",") && len(list) < 4 && !p.failed {
		list = append(list, p.expr(depth+1))
	}
	p.want(")", "a bracket is not closed")
	return list
}

// strings reads strings side by side, which are one.
func (p *parser) strings() *Expr {
	var list []*Expr
	for p.tok.kind == "string" || p.tok.kind == "literal" || p.tok.kind == "command" {
		list = append(list, &Expr{Op: p.tok.kind, Line: p.tok.line, Text: p.tok.text})
		p.advance()
	}
	switch len(list) {
	case 0:
		p.complain("no expression where one is needed")
		return &Expr{Op: "string", Line: p.tok.line}
	case 1:
		return list[0]
	}
	return &Expr{Op: "concat", Line: list[0].Line, Args: list}
}
