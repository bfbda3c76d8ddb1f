package ucl

import (
	"errors"
	"strings"
)

// key reads a key and what separates it from its value (ucl_parse_key). ended is
// true where the object ends instead; the state is atMacro where a macro stands
// there.
func (p *parser) key(c *chunk, nested *bool) (ended bool, err error) {
	name, found, err := p.keyName(c)
	switch {
	case err != nil:
		return false, err
	case !found:
		return c.at(0) == '}', nil
	}
	line := c.line()
	separated, err := p.keySeparator(c)
	switch {
	case err != nil:
		return false, err
	case c.done():
		return false, errors.New("an unfinished key")
	case name == "":
		return false, errors.New("an empty key")
	case !separated:
		*nested = c.bracketAhead()
	}
	v, err := p.value(Null, line)
	if err != nil {
		return false, err
	}
	v.Key = name
	return false, p.place(v)
}

// keyName reads the name; found is false where there is none, but a macro or the
// end of the object or text.
func (p *parser) keyName(c *chunk) (name string, found bool, err error) {
	for !c.done() {
		b := c.at(0)
		switch {
		case c.isComment():
			if err := p.skipComments(c); err != nil {
				return "", false, err
			}
		case isSpace(b):
			c.pos++
		case startsKey(b):
			return p.plainKey(c)
		case b == '"':
			c.pos++
			text, escaped, _, err := c.quoted()
			if escaped {
				text = unescape(text)
			}
			return text, err == nil, err
		case b == '}':
			return "", false, nil
		case b == '.':
			c.pos++
			p.prev, p.state = p.state, atMacro
			return "", false, nil
		default:
			return "", false, errors.New("a key must begin with a letter")
		}
	}
	return "", false, nil
}

func (p *parser) plainKey(c *chunk) (name string, found bool, err error) {
	from := c.pos
	for c.pos++; !c.done(); c.pos++ {
		switch b := c.at(0); {
		case inKey(b):
		case endsKey(b):
			return strings.Clone(c.text[from:c.pos]), true, nil
		default:
			return "", false, errors.New("an invalid character in a key")
		}
	}
	return "", false, errors.New("an unfinished key")
}

// keySeparator skips blanks, comments and one "=" or ":".
func (p *parser) keySeparator(c *chunk) (separated bool, err error) {
	for !c.done() {
		switch b := c.at(0); {
		case isBlank(b):
			c.pos++
		case b == '=' || b == ':':
			if separated {
				return false, errors.New("an unexpected " + string(b))
			}
			separated = true
			c.pos++
		case c.isComment():
			if err := p.skipComments(c); err != nil {
				return false, err
			}
		default:
			return separated, nil
		}
	}
	return separated, nil
}

// bracketAhead reports whether a key without a separator is the name of a section
// with more names: a bracket stands further on in its line, and not right here.
func (c *chunk) bracketAhead() bool {
	c.skipBlanks()
	if b := c.at(0); b == '{' || b == '[' {
		return false
	}
	if c.bracketFrom < 0 || c.pos < c.bracketFrom || c.pos > c.bracketAt {
		c.bracketFrom, c.bracketAt = c.pos, len(c.text)
		if i := strings.IndexAny(c.text[c.pos:], ",;\n\r{["); i >= 0 {
			c.bracketAt = c.pos + i
		}
	}
	return c.bracketAt < len(c.text) && (c.text[c.bracketAt] == '{' || c.text[c.bracketAt] == '[')
}

// place puts a new value under its key, or what stands there already in its place
// (ucl_parser_process_object_element).
func (p *parser) place(v *Value) error {
	into := p.frame().obj
	var old *Value
	for o, n := into, 0; o != nil && old == nil && n < maxSiblings; o, n = o.next, n+1 {
		old = o.fields[v.Key] // libucl looks in the sections of the same name behind it too
	}
	p.cur = v
	if old == nil {
		into.set(v)
		return nil
	}
	switch p.chunk().strategy {
	case appendTo:
		p.compete(into, old, v)
	case rewrite:
		into.replace(old, v)
	case forbid:
		return errors.New("duplicate element for key " + v.Key)
	case merge:
		if old.Kind == Object || old.Kind == Array {
			p.cur = old
			return nil
		}
		p.compete(into, old, v)
	}
	return nil
}

// compete lets the higher priority win; of equal ones an implicit array comes.
func (p *parser) compete(into, old, v *Value) {
	switch {
	case old.inherited && p.chunk().strategy == appendTo || old.Priority < v.Priority:
		into.replace(old, v)
	case old.Priority == v.Priority:
		old.chain(v)
	}
}

// replace puts v in the place of old, unless old is in a sibling of the section.
func (v *Value) replace(old, by *Value) {
	if v.fields[old.Key] == old {
		v.fields[old.Key] = by
		by.next, by.last = nil, nil
	}
}
