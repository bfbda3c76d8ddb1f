package expand

import (
	"slices"
	"strings"
)

type parser struct {
	s       string
	i       int
	depth   int
	message string
}

func (p *parser) fail(message string) {
	if p.message == "" {
		p.message = message
	}
}

func (p *parser) failed() bool { return p.message != "" }

func (p *parser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

const blanks = " \t\n\v\f\r"

func (p *parser) blanks() byte {
	for p.i < len(p.s) && strings.IndexByte(blanks, p.s[p.i]) >= 0 {
		p.i++
	}
	return p.peek()
}

// sequence reads parts up to the end, or to the brace that closes them.
func (p *parser) sequence(closes, dollars bool) (e Expansion) {
	if p.depth++; p.depth > maxDepth {
		p.fail("expansions are nested too deeply")
	}
	defer func() { p.depth-- }()
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			e.Parts = append(e.Parts, Part{Kind: Text, Text: text.String()})
			text.Reset()
		}
	}
	for p.i < len(p.s) && !p.failed() {
		c := p.s[p.i]
		switch {
		case c == '\\':
			p.escape(&text)
		case closes && c == '}':
			flush()
			return e
		case c == '$' && dollars:
			flush()
			if part, ok := p.dollar(); ok {
				e.Parts = append(e.Parts, part)
			}
		default:
			n := strings.IndexAny(p.s[p.i+1:], `$}\`)
			if n < 0 {
				n = len(p.s) - p.i - 1
			}
			text.WriteString(p.s[p.i : p.i+1+n])
			p.i += 1 + n
		}
	}
	flush()
	return e
}

// escape reads what a backslash starts; "\N" protects all up to the next one.
func (p *parser) escape(text *strings.Builder) {
	rest := p.s[p.i:]
	switch {
	case len(rest) == 1:
		p.fail(`there is a \ at the end of the string`)
	case rest[1] == 'N':
		inner, _, ended := strings.Cut(rest[2:], `\N`)
		text.WriteString(inner)
		p.i += 2 + len(inner)
		if ended {
			p.i += 2
		}
	default:
		p.i += interpret(rest, text)
	}
}

var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// interpret reads one escape and says how long it is (string.c
// string_interpret_escape).
func interpret(s string, text *strings.Builder) int {
	c, base, n, most := s[1], 8, 1, 4
	if c == 'x' {
		base, n = 16, 2
	} else if c < '0' || c > '7' {
		if to, ok := escapes[c]; ok {
			c = to
		}
		text.WriteByte(c)
		return 2
	}
	value := 0
	for n < len(s) && n < most && digit(s[n]) < base {
		value = value*base + digit(s[n])
		n++
	}
	text.WriteByte(byte(value))
	return n
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return 99
}

func isAlpha(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// name reads letters, digits and some other signs.
func (p *parser) name(extra string) string {
	from := p.i
	for p.i < len(p.s) && (isAlpha(p.s[p.i]) || isDigit(p.s[p.i]) || strings.IndexByte(extra, p.s[p.i]) >= 0) {
		p.i++
	}
	return p.s[from:p.i]
}

// isHeader reports whether a name is that of a header: "h_subject", "rheader_to".
func isHeader(name string) bool {
	name = strings.TrimLeft(name[:min(1, len(name))], "rlb") + name[min(1, len(name)):]
	return strings.HasPrefix(name, "h_") || strings.HasPrefix(name, "header_")
}

// header reads the rest of a header's name: everything up to a colon or white
// space, braces too.
func (p *parser) header(name string) Part {
	from := p.i
	for p.i < len(p.s) && p.s[p.i] > ' ' && p.s[p.i] < 0x7f && p.s[p.i] != ':' {
		p.i++
	}
	part := Part{Kind: Header, Name: name + p.s[from:p.i]}
	if p.peek() == ':' {
		p.i++
	}
	return part
}

// dollar reads what a dollar starts.
func (p *parser) dollar() (part Part, ok bool) {
	p.i++
	switch c := p.peek(); {
	case isAlpha(c):
		name := p.name("_")
		if isHeader(name) {
			return p.header(name), true
		}
		return Part{Kind: Variable, Name: name}, true
	case isDigit(c):
		return Part{Kind: Variable, Name: p.digits()}, true
	case c != '{':
		p.fail("$ is followed by no letter, digit or {")
		return part, false
	}
	p.i++
	return p.braced()
}

func (p *parser) digits() string {
	from := p.i
	for isDigit(p.peek()) {
		p.i++
	}
	return p.s[from:p.i]
}

// braced reads what stands between "${" and "}".
func (p *parser) braced() (part Part, ok bool) {
	if isDigit(p.peek()) {
		part = Part{Kind: Variable, Name: p.digits()}
		return part, p.close("a number")
	}
	if !isAlpha(p.peek()) {
		p.fail("${ is followed by no letter or digit")
		return part, false
	}
	name := p.name("_-")
	switch {
	case slices.Contains(items, name):
		part = Part{Kind: Item, Name: name}
		p.item(&part)
		return part, true
	case isHeader(name):
		part = p.header(name)
		return part, p.close("a header")
	case p.peek() == ':':
		p.i++
		part = Part{Kind: Operator, Name: name, Args: []Expansion{p.sequence(true, true)}}
		p.close("an operator")
		return part, true // what stands in it was expanded before the brace is missed
	}
	part = Part{Kind: Variable, Name: name}
	return part, p.close("a variable")
}

// close takes a closing brace.
func (p *parser) close(of string) bool {
	if p.failed() {
		return false
	}
	if p.peek() != '}' {
		p.fail("a } is missing at the end of " + of)
		return false
	}
	p.i++
	return true
}

// items are the names that start an item (expand.c item_table).
var items = []string{
	"acl", "authresults", "certextract", "dlfunc", "env", "extract", "filter", "hash", "headerwrap", "hmac", "if", "imapfolder", "length", "listextract", "listquote", "lookup", "map", "nhash",
	"perl", "prvs", "prvscheck", "readfile", "readsocket", "reduce", "run", "sg", "sort", "srs_encode", "substr", "tr",
}

// item reads what follows the name of an item.
func (p *parser) item(part *Part) {
	switch part.Name {
	case "if":
		c := p.condition()
		part.If = &c
	case "lookup":
		p.lookup(part)
	case "run":
		part.Option = strings.TrimPrefix(p.until("{"), ",")
	case "extract":
		if p.blanks() != '{' {
			part.Option = p.name("")
		}
	case "filter":
		p.filter(part)
	}
	p.arguments(part)
}

// until reads a word that ends before a sign or white space.
func (p *parser) until(stop string) string {
	from := p.i
	for p.i < len(p.s) && strings.IndexByte(stop+blanks, p.s[p.i]) < 0 {
		p.i++
	}
	return p.s[from:p.i]
}

// lookup reads the key, if there is one, and the type.
func (p *parser) lookup(part *Part) {
	if p.blanks() == '{' {
		part.Keyed = true
		part.Args = append(part.Args, p.argument())
	}
	p.blanks()
	part.Option = p.until("{}")
	if part.Option == "" {
		p.fail("the type of a lookup is missing")
	}
}

// filter reads a list and the condition that picks from it.
func (p *parser) filter(part *Part) {
	if p.blanks() != '{' {
		return
	}
	part.Args = append(part.Args, p.argument())
	if p.failed() || p.blanks() != '{' {
		return
	}
	p.i++
	c := p.condition()
	part.If = &c
	p.blanks()
	p.close("the condition of filter")
}

// argument reads one part in braces.
func (p *parser) argument() Expansion {
	p.i++ // the brace
	e := p.sequence(true, true)
	p.close("an argument")
	return e
}

// arguments reads parts in braces, or the word fail, to the end of the item.
func (p *parser) arguments(part *Part) {
	for !p.failed() {
		switch c := p.blanks(); {
		case c == '{':
			part.Args = append(part.Args, p.argument())
		case c == '}':
			p.i++
			return
		case strings.HasPrefix(p.s[p.i:], "fail"):
			p.i += len("fail")
			part.Fails = true
		default:
			p.fail("braces are wrong in " + part.Name)
		}
	}
}
