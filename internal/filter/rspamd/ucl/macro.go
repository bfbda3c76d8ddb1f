package ucl

import (
	"errors"
	"strconv"
	"strings"

	"waxseal"
)

// macro reads ".name(arguments) value" and does it. The dot is read already.
func (p *parser) macro(c *chunk) error {
	line, from := c.line(), c.pos
	for !c.done() && !isSpace(c.at(0)) && c.at(0) != '(' {
		c.pos++
	}
	name := c.text[from:c.pos]
	if c.done() {
		return nil // a macro at the very end does nothing
	}
	do, ok := p.macroNamed(name)
	if !ok {
		return errors.New("an unknown macro: ." + clip(name))
	}
	if err := p.skipSpacesComments(c); err != nil {
		return err
	}
	if c.done() {
		return nil
	}
	args, err := p.arguments(c)
	if err != nil {
		return err
	}
	value, err := macroValue(c)
	if err != nil {
		return err
	}
	p.state = p.prev
	return do(macroCall{name: name, value: p.expand(value), args: args, source: waxseal.Source{Path: c.path, Line: line}})
}

type macroCall struct {
	name, value string
	args        *Value
	source      waxseal.Source
}

func (p *parser) macroNamed(name string) (do func(macroCall) error, ok bool) {
	switch name {
	case "include", "try_include", "includes":
		return p.include, true
	case "include_map":
		return p.includeMap, true
	case "priority":
		return p.setPriority, true
	case "load":
		return p.load, true
	case "inherit":
		return p.inherit, true
	}
	return nil, false
}

func clip(s string) string { return s[:min(len(s), 40)] }

func (p *parser) skipSpacesComments(c *chunk) error {
	c.skipSpaces()
	if c.isComment() {
		return p.skipComments(c)
	}
	return nil
}

// arguments reads what stands in parentheses, which is UCL itself.
func (p *parser) arguments(c *chunk) (*Value, error) {
	if c.at(0) != '(' {
		return nil, nil
	}
	from, open, quoted := c.pos+1, 1, false
	for i := from; i < len(c.text); i++ {
		switch b := c.text[i]; {
		case b == '"' && (!quoted || c.text[i-1] != '\\'):
			quoted = !quoted
		case quoted:
		case b == '(':
			open++
		case b == ')':
			open--
		}
		if open > 0 || i+1 >= len(c.text) {
			continue
		}
		c.pos = i + 1
		args, err := p.argumentsOf(c.text[from:i], c.path)
		if err != nil {
			return nil, err
		}
		return args, p.skipSpacesComments(c)
	}
	return nil, errors.New("the arguments of a macro are not closed")
}

// argumentsOf reads arguments, which are the same few everywhere.
func (p *parser) argumentsOf(text string, at waxseal.Path) (*Value, error) {
	if args, ok := p.args[text]; ok {
		return args, nil
	}
	doc := ParseText(text, at)
	if doc.Refused != nil {
		return nil, errors.New("the arguments of a macro can't be read: " + doc.Refused.Message)
	}
	if p.args == nil {
		p.args = map[string]*Value{}
	}
	p.args[text] = doc.Top
	return doc.Top, nil
}

// macroValue reads the value of a macro, and separators behind it.
func macroValue(c *chunk) (string, error) {
	var value string
	switch from := c.pos; c.at(0) {
	case '"':
		c.pos++
		text, _, _, err := c.quoted()
		if err != nil {
			return "", err
		}
		value = text
	case '{':
		c.pos++
		c.skipSpaces()
		from = c.pos
		c.pos = min(from+indexOr(c.text[from:], "}"), len(c.text))
		value = c.text[from:c.pos]
		c.pos = min(c.pos+1, len(c.text))
	default:
		for !c.done() && !endsValue(c.at(0)) {
			c.pos++
		}
		value = c.text[from:c.pos]
	}
	for !c.done() && (isSpace(c.at(0)) || c.at(0) == ';') {
		c.pos++
	}
	return value, nil
}

func indexOr(s, sub string) int {
	if i := strings.Index(s, sub); i >= 0 {
		return i
	}
	return len(s)
}

// setPriority is ".priority 5": that of what follows in the file.
func (p *parser) setPriority(m macroCall) error {
	c := p.chunk()
	if m.value == "" {
		for k, v := range m.args.Fields() {
			if v.Kind == Int && strings.HasPrefix("priority", k) {
				c.priority = int(v.whole) & 15
				return nil
			}
		}
		return errors.New(".priority names none")
	}
	n, err := strconv.Atoi(strings.TrimLeft(m.value, " \t\n\r"))
	if err != nil {
		return errors.New("an invalid priority: " + clip(m.value))
	}
	c.priority = n & 15
	return nil
}

// inherit is ".inherit "name"": what a section of the top has and this one lacks.
func (p *parser) inherit(m macroCall) error {
	parent := p.top.Get(m.value)
	if parent == nil || parent.Kind != Object {
		return errors.New("no section to inherit from: " + clip(m.value))
	}
	if len(p.stack) == 0 || p.frame().obj.Kind != Object {
		return errors.New("nothing here can inherit")
	}
	target, over := p.frame().obj, m.args.Get("replace").Is(true)
	for _, k := range append([]string(nil), parent.keys...) {
		old := target.Get(k)
		if old != nil && !over {
			continue
		}
		v, err := p.copyOf(parent.fields[k], 0)
		if err != nil {
			return err
		}
		v.inherited = !over
		if old == nil {
			chained, last := v.next, v.last
			target.set(v)
			v.next, v.last = chained, last
			continue
		}
		for e := v; e != nil; {
			next := e.next
			old.chain(e)
			e = next
		}
	}
	return nil
}

// copyOf copies a value with all that is in it, and behind it if it is a scalar:
// of several sections under one name libucl copies the first.
func (p *parser) copyOf(v *Value, depth int) (*Value, error) {
	var head *Value
	for e := range v.Each() {
		c, err := p.copyOne(e, depth)
		if err != nil {
			return nil, err
		}
		if head == nil {
			if head = c; v.Kind == Object || v.Kind == Array {
				break
			}
			continue
		}
		head.chain(c)
	}
	return head, nil
}

func (p *parser) copyOne(v *Value, depth int) (*Value, error) {
	if p.values++; p.values > maxValues {
		return nil, errMany
	}
	if depth > maxDepth {
		return nil, errDeep
	}
	c := *v
	c.next, c.last, c.items, c.keys, c.fields = nil, nil, nil, nil, nil
	for _, item := range v.items {
		one, err := p.copyOne(item, depth+1)
		if err != nil {
			return nil, err
		}
		c.items = append(c.items, one)
	}
	for k, f := range v.Fields() {
		one, err := p.copyOf(f, depth+1)
		if err != nil {
			return nil, err
		}
		c.keys = append(c.keys, k)
		if c.fields == nil {
			c.fields = map[string]*Value{}
		}
		c.fields[k] = one
	}
	return &c, nil
}
