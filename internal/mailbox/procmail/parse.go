package procmail

import (
	"strconv"
	"strings"
)

// flags are the letters that a recipe may have (procmailrc(5) "Flags").
const flags = "HBDaAEehfbcwWir"

// Parse reads an rc file. Whatever is in it, everything that procmail would act on
// is in the result, or a problem says that it was lost.
func Parse(text string) File {
	p := &parser{src: text}
	items := p.items(0)
	return File{Items: items, Problems: p.problems}
}

type parser struct {
	src      string
	pos      int
	counted  int // the position up to which lines were counted
	lines    int // newlines before it
	total    int
	problems []Problem
	stopped  bool
}

// line is that of a position; positions only grow.
func (p *parser) line(pos int) int {
	if pos = min(pos, len(p.src)); pos > p.counted {
		p.lines += strings.Count(p.src[p.counted:pos], "\n")
		p.counted = pos
	}
	return p.lines + 1
}

func (p *parser) problem(line int, message string) {
	if len(p.problems) < maxProblems {
		p.problems = append(p.problems, Problem{Line: line, Message: message})
	}
}

// stop gives up on the rest of the file, which is told whatever else was.
func (p *parser) stop(message string) {
	if !p.stopped {
		p.problems = append(p.problems, Problem{Line: p.line(p.pos), Message: message, Lost: true})
	}
	p.stopped, p.pos = true, len(p.src)
}

func (p *parser) at(c byte) bool { return p.pos < len(p.src) && p.src[p.pos] == c }

func (p *parser) take(c byte) bool {
	if p.at(c) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) skipBlanks() bool {
	start := p.pos
	for p.at(' ') || p.at('\t') {
		p.pos++
	}
	return p.pos > start
}

// rest takes what is left of the line.
func (p *parser) rest() string {
	line, _, found := strings.Cut(p.src[p.pos:], "\n")
	p.pos += len(line)
	if found {
		p.pos++
	}
	return line
}

// items reads up to the end of the file, or the brace that closes a block.
func (p *parser) items(depth int) []Item {
	var list []Item
	for {
		p.skipEmpty()
		switch {
		case p.pos >= len(p.src):
			if depth > 0 && !p.stopped {
				p.problem(p.line(p.pos), "a closing brace is missing")
			}
			return list
		case p.take('}'):
			if depth > 0 {
				return list
			}
			p.problem(p.line(p.pos), "a closing brace that closes nothing")
			continue
		}
		if p.total++; p.total > maxItems {
			p.stop("more recipes and assignments than are read")
			return list
		}
		item := Item{Line: p.line(p.pos)}
		if p.take(':') {
			item.Recipe, item.Line = p.recipe(depth)
		} else {
			item.Assignment = p.assignment()
		}
		if item.Recipe != nil || item.Assignment != nil {
			list = append(list, item)
		}
	}
}

// skipEmpty passes over blanks, empty lines and comments.
func (p *parser) skipEmpty() {
	for {
		p.skipBlanks()
		switch {
		case p.take('\n'):
		case p.take('#'):
			p.rest()
		default:
			return
		}
	}
}

// assignment reads "NAME=value", or "NAME" alone; nil where the line is neither,
// which procmail skips.
func (p *parser) assignment() *Assignment {
	line := p.line(p.pos)
	name, ok := p.name()
	if !ok {
		if name == "" {
			name = p.rest()
		}
		p.problem(line, "neither a recipe nor an assignment, and skipped: "+clip(name))
		return nil
	}
	p.skipBlanks()
	if !p.take('=') {
		return &Assignment{Name: name, Unset: true}
	}
	value, pos, cut := readWords(p.src, p.pos, byBlank, nothingYet)
	p.pos = pos
	if cut {
		p.problem(line, "a quote is not closed")
	}
	return &Assignment{Name: name, Value: value}
}

// name takes a name that a blank, a line or an equals sign follows. What it took
// without one is no name, and gone.
func (p *parser) name() (name string, ok bool) {
	if p.pos >= len(p.src) || !isAlpha(p.src[p.pos]) {
		return "", false
	}
	start := p.pos
	for p.pos < len(p.src) && isAlnum(p.src[p.pos]) {
		p.pos++
	}
	return p.src[start:p.pos], p.at(' ') || p.at('\t') || p.at('\n') || p.at('=')
}

// recipe reads what follows the colon of ":0", and says in which line that was:
// one without an action makes room for the next.
func (p *parser) recipe(depth int) (*Recipe, int) {
	for {
		line := p.line(p.pos)
		r, count := p.header(line)
		if conditions, ok := p.conditions(count); ok {
			r.Conditions = conditions
			r.Action, ok = p.action(depth)
			if !ok {
				return nil, line
			}
			return r, line
		}
		p.problem(line, "a recipe without an action")
	}
}

// header reads flags and lock. Count is how many lines without a star are
// conditions: ":2" is an old way to say so.
func (p *parser) header(line int) (*Recipe, int) {
	text, pos, _ := readWords(p.src, p.pos, byLine, nothingYet)
	p.pos = pos
	head := strings.TrimLeft(text.Written(), " ")
	r, digits := &Recipe{}, 0
	for digits < len(head) && isDigit(head[digits]) {
		digits++
	}
	count, _ := strconv.Atoi(head[:min(digits, 9)]) // no number is told by digits
	for i := digits; i < len(head); i++ {
		switch c := head[i]; {
		case c == ' ' || c == '\t':
			continue
		case c == ':':
			r.Locked = true
		case strings.IndexByte(flags, c) >= 0:
			r.Flags += string(c)
			continue
		default:
			p.problem(line, "skipped behind the flags: "+clip(head[i:]))
		}
		break
	}
	if digits == 0 {
		count = 1
		if r.Has('A') || r.Has('a') || r.Has('E') || r.Has('e') {
			count = 0
		}
	}
	return r, count
}

// conditions reads the conditions of a recipe; ok is false where another recipe
// follows instead of an action.
func (p *parser) conditions(count int) (list []string, ok bool) {
	for empty := false; ; {
		p.skipBlanks()
		count--
		if !p.take('*') && count < 0 {
			switch {
			case p.take('#'):
				p.rest()
				continue
			case p.take('\n'):
				empty = true
				continue
			case empty && p.at(':'):
				p.pos++
				return nil, false
			}
			return list, true
		}
		if p.pos >= len(p.src) {
			return list, true
		}
		p.skipBlanks()
		list = append(list, strings.TrimRight(p.joined(), " \t"))
	}
}

// joined takes a line with those that a backslash at its end joins to it; the
// backslash and the line stay, since the shell wants them.
func (p *parser) joined() string {
	start := p.pos
	for {
		line := p.rest()
		if !strings.HasSuffix(line, "\\") || p.pos >= len(p.src) {
			break
		}
	}
	return strings.TrimSuffix(p.src[start:p.pos], "\n")
}

// unfold joins the lines of a condition or command; procmail drops the blanks at
// the beginning of a line that continues another.
func unfold(s string) string {
	if !strings.Contains(s, "\\\n") {
		return s
	}
	parts := strings.Split(s, "\\\n")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.TrimLeft(parts[i], " \t")
	}
	return strings.Join(parts, "")
}

// action reads the action of a recipe; ok is false where the file ends instead.
func (p *parser) action(depth int) (a Action, ok bool) {
	p.skipBlanks()
	a.Line = p.line(p.pos)
	if p.pos >= len(p.src) {
		p.problem(a.Line, "the last recipe has no action")
		return a, false
	}
	start := p.pos
	name, isName := p.name()
	if isName {
		p.skipBlanks()
		if p.take('=') {
			p.skipBlanks()
			if p.at('|') || p.at('!') {
				a.Capture = name
				return p.program(a), true
			}
		}
	}
	p.pos = start
	switch {
	case p.at('|') || p.at('!'):
		return p.program(a), true
	case p.opensBlock():
		return p.block(a, depth), true
	}
	a.Kind = Folder
	a.Text, p.pos, _ = readWords(p.src, p.pos, byLine, nothingYet)
	return a, true
}

func (p *parser) program(a Action) Action {
	if p.take('!') {
		a.Kind = Forward
		a.Text, p.pos, _ = readWords(p.src, p.pos, byLine, nothingYet)
		return a
	}
	p.pos++
	a.Kind = Pipe
	a.Command = strings.Trim(unfold(p.joined()), " \t")
	return a
}

func (p *parser) opensBlock() bool {
	next := p.pos + 1
	return p.at('{') && next < len(p.src) && strings.IndexByte(" \t\n", p.src[next]) >= 0
}

func (p *parser) block(a Action, depth int) Action {
	a.Kind = Block
	p.pos++
	if depth >= maxDepth {
		p.stop("braces within braces, deeper than is read")
		return a
	}
	a.Items = p.items(depth + 1)
	return a
}

func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
