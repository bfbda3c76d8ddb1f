package ucl

import (
	"errors"
	"math"
	"strconv"
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

var (
	errRange    = errors.New("a numeric value out of range")
	errNoNumber = errors.New("no number")
)

// parseNumber reads a number with its multiplier that begins at a position
// (ucl_maybe_parse_number): 10, 0x1f, 1.5, 2k, 2kb, 10ms, 5min, 1d.
func parseNumber(text string, from int) (v Value, end int, err error) {
	digits, stop, hex, float, err := numberExtent(text, from)
	if err != nil {
		return v, 0, err
	}
	end = stop
	if float {
		v.number, err = strconv.ParseFloat(text[digits:stop], 64)
		v.Kind = Float
	} else {
		base := 10
		if hex {
			base = 16
		}
		end = digits
		for end < len(text) && (isDigit(text[end]) || hex && isHex(text[end])) {
			end++
		}
		if hex && end == digits {
			digits, end = spacedHex(text, digits) // strtoimax(3) skips white space
		}
		if end > digits { // "0x" is 0
			v.whole, err = strconv.ParseInt(text[digits:end], base, 64)
		}
		v.Kind = Int
	}
	if err != nil {
		return v, 0, errRange
	}
	if end, err = v.multiply(text, end); err != nil {
		return v, 0, err
	}
	if text[from] == '-' {
		v.number, v.whole = -v.number, -v.whole
	}
	if hex {
		v.Kind = Int // a unit of time behind it counts for nothing
	}
	return v, end, nil
}

// spacedHex finds hexadecimal digits behind white space, none where there are none.
func spacedHex(text string, from int) (digits, end int) {
	i := from
	for i < len(text) && isSpace(text[i]) {
		i++
	}
	end = i
	for end < len(text) && isHex(text[end]) {
		end++
	}
	if end == i {
		return from, from
	}
	return i, end
}

// numberExtent finds where the digits of a number begin and end.
func numberExtent(text string, from int) (digits, end int, hex, float bool, err error) {
	at := func(i int) byte {
		if i < len(text) {
			return text[i]
		}
		return 0
	}
	i, valid, dot, exponent := from, false, false, false
	if at(i) == '-' {
		i++
	}
	digits = i
	for ; i < len(text); i++ {
		b := text[i]
		switch {
		case hex && isHex(b) || isDigit(b):
			valid = valid || isDigit(b)
			continue
		case !hex && (b == 'x' || b == 'X'):
			// Whatever stood before the x does not count.
			return i + 1, i + 1, true, false, validOr(valid)
		case i == digits, b == '.' && dot, (b == 'e' || b == 'E') && exponent:
			return 0, 0, false, false, errNoNumber
		case b == '.':
			dot, float = true, true
			continue
		case b == 'e' || b == 'E':
			exponent, float = true, true
			i++
			if n := at(i); i >= len(text) || !isDigit(n) && n != '+' && n != '-' {
				return 0, 0, false, false, errNoNumber
			}
			continue
		}
		break
	}
	for float && i > digits && (at(i-1) == 'e' || at(i-1) == 'E' || at(i-1) == '+' || at(i-1) == '-') {
		i-- // "1e+" is 1, and what follows no end of a value
	}
	return digits, i, hex, float, validOr(valid)
}

func validOr(valid bool) error {
	if valid {
		return nil
	}
	return errNoNumber
}

// multiply applies the multiplier that stands at a position, and tells where the
// value ends.
func (v *Value) multiply(text string, end int) (int, error) {
	at := func(i int) byte {
		if i < len(text) {
			return text[i]
		}
		return 0
	}
	if endsValue(at(end)) {
		return end, nil
	}
	ends := func(n int) (int, error) {
		if endsValue(at(end + n)) {
			return end + n, nil
		}
		return 0, errNoNumber
	}
	b, next := lower(at(end)), lower(at(end+1))
	switch {
	case isBlank(b):
		for isBlank(at(end)) {
			end++
		}
		return ends(0)
	case isPower(b) && next == 's':
		v.seconds(map[byte]float64{'m': 1. / 1000, 'k': 1e3, 'g': 1e9}[b])
		return ends(2)
	case isPower(b) && next == 'b':
		if v.Kind != Int {
			v.Kind, v.whole = Int, int64(v.number)
		}
		v.whole *= map[byte]int64{'m': 1 << 20, 'k': 1 << 10, 'g': 1 << 30}[b]
		return ends(2)
	case isPower(b) && endsValue(at(end+1)):
		power := map[byte]int64{'m': 1e6, 'k': 1e3, 'g': 1e9}[b]
		v.whole *= power
		v.number *= float64(power)
		return ends(1)
	case b == 'm' && next == 'i' && lower(at(end+2)) == 'n':
		v.seconds(60)
		return ends(3)
	case periods[b] != 0:
		if _, err := ends(1); err != nil {
			return 0, err
		}
		v.seconds(periods[b])
		return end + 1, nil
	}
	return 0, errNoNumber
}

var periods = map[byte]float64{'s': 1, 'h': 3600, 'd': 86400, 'w': 7 * 86400, 'y': 365 * 86400}

func isPower(b byte) bool { return b == 'm' || b == 'k' || b == 'g' }

// seconds makes a number a time.
func (v *Value) seconds(unit float64) {
	if v.Kind == Int {
		v.number = float64(v.whole)
	}
	v.Kind = Time
	if unit == 1./1000 {
		v.number /= 1000
		return
	}
	v.number *= unit
}
