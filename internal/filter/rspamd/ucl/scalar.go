package ucl

import (
	"errors"
	"math"
	"strings"
)

// container is where a value goes: under its key, or behind the others of an array
// (ucl_parser_get_container).
func (p *parser) container(line int) (*Value, error) {
	if len(p.stack) == 0 {
		return nil, errClosed
	}
	if p.frame().obj.Kind != Array {
		return p.cur, nil
	}
	v, err := p.value(Null, line)
	if err == nil {
		p.frame().obj.items = append(p.frame().obj.items, v)
		p.cur = v
	}
	return v, err
}

// parseValue reads one value (ucl_parse_value).
func (p *parser) parseValue(c *chunk) error {
	if isSpace(c.at(0)) || c.isComment() {
		c.skipSpaces()
		if err := p.skipComments(c); err != nil {
			return err
		}
	}
	if c.done() {
		return nil
	}
	switch b := c.at(0); b {
	case '"', '\'':
		return p.quotedValue(c, b)
	case '{', '[':
		v, err := p.container(c.line())
		if err != nil {
			return err
		}
		if v == nil {
			return errClosed
		}
		_, err = p.open(v, b == '[', p.frame().level, true)
		c.pos++
		return err
	case ']':
		if len(p.stack) > 0 && p.frame().obj.Kind == Array {
			p.state = afterValue
			return nil
		}
	case '<':
		if done, err := p.heredoc(c); done || err != nil {
			return err
		}
	}
	return p.atom(c)
}

func (p *parser) quotedValue(c *chunk, quote byte) error {
	line := c.line()
	c.pos++
	text, escaped, variables, err := "", false, false, error(nil)
	if quote == '"' {
		text, escaped, variables, err = c.quoted()
	} else {
		text, err = c.singleQuoted()
	}
	if err != nil {
		return err
	}
	if escaped {
		text = unescape(text)
	}
	if variables {
		text = p.expand(text)
	}
	return p.text(text, line)
}

// text makes the value at the position a text.
func (p *parser) text(text string, line int) error {
	v, err := p.container(line)
	if err != nil {
		return err
	}
	v.become(String)
	v.text, v.Source.Line = strings.Clone(text), line
	v.Source.Path = p.chunk().path
	p.state = afterValue
	return nil
}

// heredoc reads "<<EOD" up to a line that begins with EOD; done is false where it
// is none.
func (p *parser) heredoc(c *chunk) (done bool, err error) {
	end := c.pos + 2
	if len(c.text)-c.pos <= 3 || c.text[c.pos+1] != '<' {
		return false, nil
	}
	for end < len(c.text) && c.text[end] >= 'A' && c.text[end] <= 'Z' {
		end++
	}
	if end == len(c.text) {
		return false, errors.New("an unterminated multiline value")
	}
	if c.text[end] != '\n' {
		return false, nil
	}
	line, word := c.line(), c.text[c.pos+2:end]
	c.pos = end + 1
	body, variables, ok := c.body(word)
	if !ok {
		return false, errors.New("an unterminated multiline value")
	}
	if variables {
		body = p.expand(body)
	}
	return true, p.text(body, line)
}

// body reads a heredoc up to its word, which "\n", ";" or "," must follow
// (ucl_parse_multiline_string). Its first line is never the end.
func (c *chunk) body(word string) (body string, variables, ok bool) {
	from := c.pos
	for at := from; ; {
		i := strings.IndexByte(c.text[at:], '\n')
		if i < 0 {
			return "", false, false
		}
		// Behind a word that is no end for what follows it, the next character may
		// begin one.
		for at += i + 1; len(c.text) > at+len(word) && c.text[at:at+len(word)] == word; at++ {
			if end := at + len(word); strings.IndexByte("\n;,", c.text[end]) >= 0 {
				c.pos = end
				body = c.text[from : at-1]
				return body, strings.Contains(body, "$"), true
			}
		}
	}
}

// atom reads a value without quotes: a number, a boolean, a word or several.
func (p *parser) atom(c *chunk) error {
	line := c.line()
	v, err := p.container(line)
	if err != nil {
		return err
	}
	if b := c.at(0); isDigit(b) || b == '-' {
		n, end, err := parseNumber(c.text, c.pos)
		if errors.Is(err, errRange) {
			return err
		}
		if err == nil {
			v.become(n.Kind)
			v.whole, v.number = n.whole, n.number
			v.Source.Line, v.Source.Path = line, c.path
			c.pos, p.state = end, afterValue
			return nil
		}
	}
	raw, escaped, variables := c.bare()
	if raw == "" {
		return errors.New("a value must not be empty")
	}
	v.Source.Line, v.Source.Path = line, c.path
	p.state = afterValue
	return p.word(v, raw, escaped, variables)
}

// word makes a value of a text without quotes.
func (p *parser) word(v *Value, raw string, escaped, variables bool) error {
	if yes, ok := parseBool(raw); ok {
		v.become(Boolean)
		v.yes = yes
		return nil
	}
	switch raw {
	case "null":
		v.become(Null)
	case "nan":
		v.become(Float)
		v.number = math.NaN()
	case "inf":
		v.become(Float)
		v.number = math.Inf(1)
	default:
		if escaped {
			raw = unescape(raw)
		}
		if variables {
			raw = p.expand(raw)
		}
		v.become(String)
		v.text = strings.Clone(raw)
	}
	return nil
}

// bare reads a text without quotes, blanks at its end cut off. Braces and brackets
// in pairs belong to it (ucl_parse_string_value).
func (c *chunk) bare() (raw string, escaped, variables bool) {
	from := c.pos
	var open [2]int
	for ; !c.done(); c.pos++ {
		b := c.text[c.pos]
		switch b {
		case '{':
			open[0]++
		case '[':
			open[1]++
		case '}', ']':
			n := &open[0]
			if b == ']' {
				n = &open[1]
			}
			if *n--; *n >= 0 {
				continue
			}
		case '$':
			variables = true
		case '\\':
			escaped = true
			if c.pos+1 < len(c.text) {
				c.pos++
			}
			continue
		}
		if endsValue(b) || c.isComment() {
			break
		}
	}
	end := c.pos
	for end > from && isBlank(c.text[end-1]) {
		end--
	}
	return c.text[from:end], escaped, variables
}

// parseBool reads the words for yes and no (ucl_maybe_parse_boolean).
func parseBool(s string) (yes, ok bool) {
	if len(s) > 5 {
		return false, false
	}
	switch strings.ToLower(s) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}
