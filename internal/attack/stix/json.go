package stix

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// SyntaxError is text that is no JSON, or no bundle.
type SyntaxError struct {
	Offset int64 // in the unpacked source
	Msg    string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Msg) }

// maxDepth bounds nesting. Objects of ATT&CK are four deep; what is deeper than this
// was made to exhaust somebody.
const maxDepth = 128

// ParseJSON reads one JSON text (RFC 8259) that is I-JSON (RFC 7493), since nothing
// else has a canonical form: UTF-8 without lone surrogates, no member twice. The
// error is a [*SyntaxError] for what is no JSON, a [*Skip] for what is, and is not
// I-JSON or nested too deep.
func ParseJSON(text []byte) (Value, error) {
	p := parser{text: text}
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	if p.space(); p.at < len(text) {
		return Value{}, p.wrong("something follows the end of the value")
	}
	if p.doubt != "" {
		return v, &Skip{ID: v.Get("id").Text(), Reason: p.doubt}
	}
	return v, nil
}

// parser walks over one text. What is JSON and not I-JSON is noted in doubt and
// does not stop it, so that a syntax error behind it is still found.
type parser struct {
	text  []byte
	at    int
	doubt string
}

func (p *parser) wrong(format string, args ...any) error {
	return &SyntaxError{Offset: int64(p.at), Msg: fmt.Sprintf(format, args...)}
}

func (p *parser) unsure(reason string) {
	if p.doubt == "" {
		p.doubt = reason
	}
}

func (p *parser) space() {
	for p.at < len(p.text) && isSpace(p.text[p.at]) {
		p.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// peek is the next character that is no white space; 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) value(depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, &Skip{Reason: fmt.Sprintf("is nested deeper than %d", maxDepth)}
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		s, err := p.str()
		return Value{Kind: StringKind, text: s}, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == 0 && p.at == len(p.text):
		return Value{}, p.wrong("ends in the middle")
	}
	return p.word()
}

func (p *parser) word() (Value, error) {
	for _, w := range [...]Value{{Kind: BoolKind, text: "false"}, {Kind: BoolKind, text: "true"}} {
		if bytes.HasPrefix(p.text[p.at:], []byte(w.text)) {
			p.at += len(w.text)
			return w, nil
		}
	}
	if bytes.HasPrefix(p.text[p.at:], []byte("null")) {
		p.at += len("null")
		return Value{Kind: NullKind}, nil
	}
	return Value{}, p.wrong("no JSON value begins with %q", p.text[p.at])
}

func (p *parser) object(depth int) (Value, error) {
	v := Value{Kind: ObjectKind}
	p.at++
	for p.peek() != '}' {
		if len(v.members) > 0 {
			if p.peek() != ',' {
				return v, p.wrong("want a comma or the end of the object")
			}
			p.at++
		}
		if p.peek() != '"' {
			return v, p.wrong("want the name of a member")
		}
		name, err := p.str()
		if err != nil {
			return v, err
		}
		if p.peek() != ':' {
			return v, p.wrong("want a colon after %q", name)
		}
		p.at++
		below, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, Member{name, below})
	}
	p.at++
	p.once(v.members)
	return v, nil
}

// once doubts an object with a member twice. Which of them counts would depend on
// who reads it.
func (p *parser) once(members []Member) {
	if len(members) < 32 {
		for i := range members {
			for j := range i {
				if members[i].Name == members[j].Name {
					p.unsure(fmt.Sprintf("has the member %q twice", members[i].Name))
				}
			}
		}
		return
	}
	seen := make(map[string]bool, len(members))
	for _, m := range members {
		if seen[m.Name] {
			p.unsure(fmt.Sprintf("has the member %q twice", m.Name))
		}
		seen[m.Name] = true
	}
}

func (p *parser) array(depth int) (Value, error) {
	v := Value{Kind: ArrayKind}
	p.at++
	for p.peek() != ']' {
		if len(v.items) > 0 {
			if p.peek() != ',' {
				return v, p.wrong("want a comma or the end of the array")
			}
			p.at++
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
	}
	p.at++
	return v, nil
}

// number checks the grammar of RFC 8259 §6 and keeps the text.
func (p *parser) number() (Value, error) {
	from := p.at
	digits := func() bool {
		begin := p.at
		for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
			p.at++
		}
		return p.at > begin
	}
	skip := func(any string) bool {
		ok := p.at < len(p.text) && bytes.IndexByte([]byte(any), p.text[p.at]) >= 0
		if ok {
			p.at++
		}
		return ok
	}
	skip("-")
	ok := skip("0") || digits()
	if skip(".") {
		ok = digits() && ok
	}
	if skip("eE") {
		skip("+-")
		ok = digits() && ok
	}
	if !ok {
		return Value{}, p.wrong("a number that is none")
	}
	return Value{Kind: NumberKind, text: string(p.text[from:p.at])}, nil
}

// str reads a string from its opening quote on.
func (p *parser) str() (string, error) {
	p.at++
	end := bytes.IndexAny(p.text[p.at:], "\"\\")
	if end >= 0 && p.text[p.at+end] == '"' { // most have no escape
		s := p.text[p.at : p.at+end]
		if plain(s) {
			p.at += end + 1
			return string(s), nil
		}
	}
	return p.escaped()
}

// plain reports whether text may stand in a string as it is.
func plain(s []byte) bool {
	for _, c := range s {
		if c < ' ' {
			return false
		}
	}
	return utf8.Valid(s)
}

func (p *parser) escaped() (string, error) {
	var s []byte
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return string(s), nil
		case c < ' ':
			return "", p.wrong("a control character in a string")
		case c == '\\':
			var err error
			if s, err = p.escape(s); err != nil {
				return "", err
			}
		default:
			r, n := utf8.DecodeRune(p.text[p.at:])
			if r == utf8.RuneError && n == 1 {
				return "", p.wrong("text that is not UTF-8")
			}
			s = append(s, p.text[p.at:p.at+n]...)
			p.at += n
		}
	}
	return "", p.wrong("ends within a string")
}

// escapes are those of one letter (RFC 8259 §7).
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *parser) escape(s []byte) ([]byte, error) {
	if p.at+1 == len(p.text) {
		return s, p.wrong("ends within a string")
	}
	if c, ok := escapes[p.text[p.at+1]]; ok {
		p.at += 2
		return append(s, c), nil
	}
	r, ok := p.unit()
	if !ok {
		return s, p.wrong("an escape that JSON does not have")
	}
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(s, r), nil
	}
	behind := p.at
	if second, ok := p.unit(); ok {
		if both := utf16.DecodeRune(r, second); both != utf8.RuneError {
			return utf8.AppendRune(s, both), nil
		}
	}
	p.at = behind
	p.unsure("has half of a surrogate pair in a string")
	return utf8.AppendRune(s, utf8.RuneError), nil
}

// unit reads \uXXXX; where there is none it stays where it is.
func (p *parser) unit() (rune, bool) {
	if p.at+6 > len(p.text) || p.text[p.at] != '\\' || p.text[p.at+1] != 'u' {
		return 0, false
	}
	for _, c := range p.text[p.at+2 : p.at+6] { // ParseUint takes a sign and underscores in places
		if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(string(p.text[p.at+2:p.at+6]), 16, 16)
	if err != nil {
		return 0, false
	}
	p.at += 6
	return rune(n), true
}
