package eximfilter

import "strings"

// parser reads a filter as filter.c in the Exim source does: after the first error
// it goes on until it comes to another command.
type parser struct {
	rights  Rights
	rest    string
	line    int
	err     string
	errLine int
	stopped bool // the error kept the filter from being read to its end
	filter  Filter

	marks mark // before the command that is read
}

// mark is what seen, unseen and noerror leave for the command behind them.
type mark struct {
	given, seen, noError bool
}

func (p *parser) fail(message string) {
	if p.err == "" {
		p.err, p.errLine = message, p.line
	}
}

func (p *parser) problem(line int, message string) {
	p.filter.Problems = append(p.filter.Problems, Problem{line, message})
}

// limit stops the reading where a file is too deep for us, not for Exim.
func (p *parser) limit() {
	p.filter.Unread = p.line
	p.fail("conditions nest too deep: from here on the filter is not read")
}

// expanded notes a string that Exim expands.
func (p *parser) expanded(s string) string {
	if strings.ContainsAny(s, `$\`) {
		p.filter.Expansions = append(p.filter.Expansions, Expansion{p.line, s})
	}
	return s
}

// block is a list of commands: the file, or what is between then, elif, else and
// endif.
type block struct {
	outer   *block
	guard   *guard
	nodes   []node
	depth   int
	closing Verb // elif, else, endif: what ended it
	// delivers and seen are the first of its commands that delivers and that counts
	// as a delivery, indices in Filter.Commands, or -1.
	delivers, seen int
	// stop is the line of what always ends the filter in it or before it.
	stop int
}

// node is a command, or an if with its branches.
type node struct {
	command  int // index in Filter.Commands
	branches []branch
}

// branch is what is obeyed where cond holds; else has none.
type branch struct {
	cond *Condition
	body *block
}

const (
	elif  Verb = "elif"
	els   Verb = "else"
	endif Verb = "endif"
)

// list reads commands up to the end of the file or of the block.
func (p *parser) list(outer *block, g *guard) *block {
	b := &block{outer: outer, guard: g, delivers: -1, seen: -1}
	if outer != nil {
		b.depth, b.stop = outer.depth+1, outer.stop
	}
	if b.depth > maxDepth {
		p.limit()
		p.stopped = true
		return b
	}
	for p.rest != "" && b.closing == "" {
		if !p.command(b) {
			p.stopped = true
			return b
		}
		p.skip()
	}
	if outer != nil && b.closing == "" {
		p.fail(`"endif" is missing at the end of the file`)
		p.stopped = true
	}
	return b
}

// command reads one command into b; false where the reading ends.
func (p *parser) command(b *block) bool {
	line := p.line
	verb := p.verb()
	if p.err != "" {
		return false
	}
	marks := p.marks
	if verb != "seen" && verb != "unseen" && verb != "noerror" {
		p.marks = mark{}
	}
	switch verb {
	case "seen", "unseen", "noerror":
		p.mark(verb)
	case elif, els, endif:
		p.ending(b, verb, marks)
	case "if":
		if marks != (mark{}) {
			p.fail(`"seen", "unseen" or "noerror" before an "if"`)
			return false
		}
		p.conditional(b)
	default:
		return p.plain(b, Command{Verb: verb, Line: line, guard: b.guard, block: b, NoError: marks.noError}, marks)
	}
	return p.err == ""
}

// verb reads the word of a command; if and elif may be followed by a parenthesis
// at once.
func (p *parser) verb() Verb {
	for _, v := range []string{"if", "elif"} {
		if strings.HasPrefix(p.rest, v+"(") {
			p.rest = p.rest[len(v):]
			return Verb(v)
		}
	}
	return Verb(p.word(atSpace))
}

func (p *parser) mark(v Verb) {
	switch {
	case p.rest == "":
		p.fail(`"` + string(v) + `" is not followed by a command`)
	case v == "noerror":
		p.marks.noError = true
	case p.marks.given:
		p.fail(`"seen" or "unseen" is repeated`)
	default:
		p.marks.given, p.marks.seen = true, v == "seen"
	}
}

func (p *parser) ending(b *block, v Verb, marks mark) {
	switch {
	case marks != (mark{}):
		p.fail(`"seen", "unseen" or "noerror" is not followed by a command`)
	case b.outer == nil:
		p.fail(`"` + string(v) + `" without "if"`)
	default:
		b.closing = v
	}
}

// conditional reads an if up to its endif.
func (p *parser) conditional(b *block) {
	var branches []branch
	defer func() {
		b.nodes = append(b.nodes, node{branches: branches})
		b.close(branches)
	}()
	outer := b.guard
	for {
		cond := p.condition(outermost, b.depth)
		p.skip()
		if p.err != "" {
			return
		}
		body := p.list(b, &guard{outer, cond, true})
		branches = append(branches, branch{cond, body})
		outer = &guard{outer, cond, false}
		if body.closing != elif {
			break
		}
	}
	if p.err != "" || branches[len(branches)-1].body.closing != els {
		return
	}
	body := p.list(b, outer)
	branches = append(branches, branch{nil, body})
	if body.closing != endif {
		p.fail(`"endif" is missing`)
	}
}

// close notes that nothing behind an if is reached where all its branches end the
// filter.
func (b *block) close(branches []branch) {
	if len(branches) == 0 || branches[len(branches)-1].cond != nil {
		return
	}
	for _, br := range branches {
		if br.body.stop == 0 {
			return
		}
	}
	if b.stop == 0 {
		b.stop = branches[0].body.stop
	}
}

// settle says of each command what becomes of the mail that meets it.
func (p *parser) settle() {
	for i := range p.filter.Commands {
		c := &p.filter.Commands[i]
		if c.Ends != 0 {
			continue
		}
		if c.Delivers() {
			c.Diverts = c.Seen || c.along(i, func(b *block) int { return b.seen })
		} else {
			c.Drops = c.Seen && !c.along(i, func(b *block) int { return b.delivers })
		}
	}
}

// along reports whether a command of some sort is obeyed whenever c is: one before
// it in the blocks around it, or one behind it, unless the filter ends between.
// first is the first of the sort in a block.
func (c *Command) along(index int, first func(*block) int) bool {
	ended := c.Stops()
	for b := c.block; b != nil; b = b.outer {
		if n := first(b); n >= 0 && (n < index || !ended) {
			return true
		}
		ended = ended || b.outer != nil && b.stop != b.outer.stop
	}
	return false
}
