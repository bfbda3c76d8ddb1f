package ucl

import (
	"errors"
	"sort"

	"waxseal"
)

// strategy is what becomes of a key that is set again.
type strategy uint8

const (
	appendTo strategy = iota
	merge
	rewrite
	forbid
)

// chunk is one text that is read.
type chunk struct {
	text     string
	pos      int
	path     waxseal.Path
	lines    []int // where lines end
	priority int
	strategy strategy
	// bracket remembers where the next of ",;\n\r{[" is from a position on: many keys
	// on one line would be looked through again and again.
	bracketFrom, bracketAt int
}

// at is the character at a distance from the position.
func (c *chunk) at(n int) byte {
	if c.pos+n < len(c.text) {
		return c.text[c.pos+n]
	}
	return 0
}

func (c *chunk) done() bool { return c.pos >= len(c.text) }

func (c *chunk) line() int { return c.lineOf(c.pos) }

func (c *chunk) lineOf(pos int) int { return sort.SearchInts(c.lines, pos) + 1 }

func (c *chunk) skipBlanks() {
	for !c.done() && isBlank(c.text[c.pos]) {
		c.pos++
	}
}

func (c *chunk) skipSpaces() {
	for !c.done() && isSpace(c.text[c.pos]) {
		c.pos++
	}
}

func (c *chunk) isComment() bool {
	return c.pos+1 < len(c.text) && (c.text[c.pos] == '#' || c.text[c.pos] == '/' && c.text[c.pos+1] == '*')
}

// frame is a section or array that is being read.
type frame struct {
	obj   *Value
	level int
	line  int
	brace bool
	chunk *chunk
}

type state uint8

const (
	atStart state = iota
	atKey
	atKeyInBraces
	atValue
	afterValue
	atMacro
)

type parser struct {
	o        Options
	doc      *Document
	seen     map[waxseal.Path]bool
	top, cur *Value
	stack    []frame
	chunks   []*chunk
	state    state
	prev     state             // what to go on with behind a macro
	current  waxseal.Path      // the file that is read, links resolved
	paths    *Value            // where includes are looked for, once a macro has said so
	args     map[string]*Value // arguments of macros, by their text
	values   int
	size     int
}

func (p *parser) newChunk(text string, at waxseal.Path, priority int, s strategy) *chunk {
	p.size += len(text)
	c := &chunk{text: text, path: at, priority: priority & 15, strategy: s, bracketFrom: -1}
	p.templates(c)
	for i := 0; i < len(c.text); i++ {
		if c.text[i] == '\n' {
			c.lines = append(c.lines, i)
		}
	}
	return c
}

// chunk is the innermost chunk.
func (p *parser) chunk() *chunk { return p.chunks[len(p.chunks)-1] }

func (p *parser) frame() *frame { return &p.stack[len(p.stack)-1] }

var (
	errDeep   = errors.New("sections are nested deeper than is read")
	errMany   = errors.New("more values than are read")
	errMerge  = errors.New("an object can't be merged with an array")
	errClosed = errors.New("the top object is closed, and more follows")
)

// value makes a value that stands at the position.
func (p *parser) value(k Kind, line int) (*Value, error) {
	if p.values++; p.values > maxValues {
		return nil, errMany
	}
	c := p.chunk()
	return &Value{Kind: k, Priority: c.priority, Source: waxseal.Source{Path: c.path, Line: line}}, nil
}

// run reads a chunk (ucl_state_machine).
func (p *parser) run(c *chunk) error {
	if p.top == nil {
		p.state = atStart
	}
	nested := false // a key without "=" before a brace stands before
	for !c.done() {
		var err error
		switch p.state {
		case atStart:
			err = p.start(c)
		case atKey, atKeyInBraces:
			err = p.keyState(c, &nested)
		case atMacro:
			err = p.macro(c)
		case atValue:
			err = p.parseValue(c)
		case afterValue:
			if err = p.after(c); err == nil && len(p.stack) == 0 {
				return nil // whatever follows the top object is ignored
			}
		}
		if err != nil {
			return err
		}
	}
	return p.unclosed(c)
}

// unclosed reports a brace of the chunk that nothing closes.
func (p *parser) unclosed(c *chunk) error {
	for i := len(p.stack) - 1; i >= 0 && p.stack[i].chunk == c; i-- {
		if p.stack[i].brace {
			return errors.New("an open brace is not closed")
		}
	}
	return nil
}

// start reads up to the first key or value of a chunk.
func (p *parser) start(c *chunk) error {
	if err := p.skipComments(c); err != nil {
		return err
	}
	c.skipSpaces()
	if c.done() && p.top != nil {
		return nil
	}
	brace := true
	switch c.at(0) {
	case '[':
		p.state = atValue
		c.pos++
	case '{':
		p.state = atKeyInBraces
		c.pos++
	default:
		p.state = atKey
		brace = false
	}
	if c.done() && !brace {
		p.state = atStart
	}
	if p.top != nil {
		return nil
	}
	top, err := p.open(nil, p.state == atValue, 0, brace)
	p.top, p.cur = top, top
	return err
}

// open begins a section or an array (ucl_parser_add_container).
func (p *parser) open(obj *Value, array bool, level int, brace bool) (*Value, error) {
	c := p.chunk()
	kind, other := Object, Array
	if array {
		kind, other = Array, Object
	}
	switch {
	case len(p.stack) >= maxDepth:
		return nil, errDeep
	case obj == nil:
		v, err := p.value(kind, c.line())
		if err != nil {
			return nil, err
		}
		obj = v
	case obj.Kind == other:
		return nil, errMerge
	case obj.Kind != kind:
		obj.become(kind)
	}
	p.state = atKey
	if array {
		p.state = atValue
	}
	p.stack = append(p.stack, frame{obj: obj, level: level, line: c.line(), brace: brace, chunk: c})
	p.cur = obj
	return obj, nil
}

// keyState reads a key, and what it is the name of.
func (p *parser) keyState(c *chunk, nested *bool) error {
	c.skipSpaces()
	if c.done() || c.at(0) == '}' {
		p.state = afterValue
		return nil
	}
	if len(p.stack) == 0 {
		return errClosed
	}
	ended, err := p.key(c, nested)
	switch {
	case err != nil:
		return err
	case ended:
		p.state = afterValue
	case p.state == atMacro:
	case *nested && p.frame().obj.Kind == Object:
		_, err = p.open(p.cur, false, p.frame().level+1, p.state == atKeyInBraces)
	default:
		p.state = atValue
	}
	return err
}

// after reads what may stand behind a value: separators, comments, and the ends of
// what is open (ucl_parse_after_value).
func (p *parser) after(c *chunk) error {
	separated := false
	for !c.done() {
		b := c.at(0)
		switch {
		case isBlank(b):
			c.pos++
		case c.isComment():
			if err := p.skipComments(c); err != nil {
				return err
			}
			separated = true
		case b == '}' || b == ']':
			if err := p.close(b == ']'); err != nil {
				return err
			}
			if len(p.stack) == 0 {
				return nil
			}
			c.pos++
			separated = true
		case endsValue(b):
			c.pos++
			separated = true
		case !separated:
			return errors.New("a delimiter is missing")
		default:
			return p.proceed()
		}
	}
	return p.proceed()
}

// proceed chooses what stands behind a separator.
func (p *parser) proceed() error {
	if len(p.stack) == 0 {
		return nil
	}
	p.state = atKey
	if p.frame().obj.Kind == Array {
		p.state = atValue
	}
	return nil
}

// close ends the innermost section or array, and with it those that only names
// opened.
func (p *parser) close(array bool) error {
	if len(p.stack) == 0 {
		return errors.New("an end of array or object without its start")
	}
	st := p.frame()
	if array != (st.obj.Kind == Array) || !array && st.obj.Kind != Object {
		return errors.New("an unexpected terminating symbol")
	}
	if !st.brace {
		return errors.New("an object is closed with } that was not opened with {")
	}
	p.stack = p.stack[:len(p.stack)-1]
	for len(p.stack) > 1 && p.stack[len(p.stack)-2].level != p.frame().level {
		p.cur = p.frame().obj
		p.stack = p.stack[:len(p.stack)-1]
	}
	return nil
}

// skipComments skips comments that follow each other without space between
// (ucl_skip_comments). Behind "*", three characters are passed over at once, so
// that "**/" ends no comment.
func (p *parser) skipComments(c *chunk) error {
	for {
		switch {
		case c.at(0) == '#' && !c.done():
			for !c.done() && c.text[c.pos] != '\n' {
				c.pos++
			}
			if c.done() {
				return nil
			}
			c.pos++
		case c.at(0) == '/' && c.at(1) == '*':
			if !c.skipLong() {
				return errors.New("an unfinished multiline comment")
			}
		default:
			return nil
		}
	}
}

// skipLong skips one comment between /* and */, in which others may lie.
func (c *chunk) skipLong() bool {
	depth, quoted := 1, false
	step := func() {
		if !c.done() {
			c.pos++
		}
	}
	for c.pos += 2; !c.done(); step() {
		b := c.text[c.pos]
		if b == '"' && c.text[c.pos-1] != '\\' {
			quoted = !quoted
		}
		switch {
		case quoted:
		case b == '*':
			step()
			if c.at(0) == '/' {
				if depth--; depth == 0 {
					step()
					return true
				}
			}
			step()
		case b == '/' && c.at(1) == '*':
			depth++
			c.pos++ // the second by step
		}
	}
	return false
}
