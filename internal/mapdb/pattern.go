package mapdb

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// pattern is one pattern of a rule as it is written.
type pattern struct {
	negate bool
	text   string // between the delimiters
	flags  string
}

// Why a pattern can't be worked out here.
var (
	// errBadPattern: Postfix can't use it either, and skips the rule.
	errBadPattern = errors.New("bad pattern")
	// errPatternBeyond: it needs what Go's regexp package, which takes linear
	// time, does not have.
	errPatternBeyond = errors.New("the pattern is beyond what is worked out here")
)

// maxPattern bounds the length of a pattern that is worked out.
const maxPattern = 16 << 10

// matcher is a pattern ready for use. The C libraries of both table types see
// bytes, so each byte is matched as one character of Latin-1.
type matcher struct {
	re     *regexp.Regexp
	dollar bool // it has a $ that would also match before a closing newline
}

// translation writes a pattern anew for Go's regexp package.
func (p pattern) translation(f Format) (*translator, error) {
	if len(p.text) > maxPattern {
		return nil, errPatternBeyond
	}
	t := &translator{src: p.text, pcre: f == PCRE}
	flag := func(c string) bool { return strings.Count(p.flags, c)%2 == 1 }
	t.icase, t.multi, t.endOnly = !flag("i"), flag("m"), flag("E")
	t.anchored, t.ungreedy = flag("A"), flag("U")
	switch {
	case t.pcre:
		t.dotAll, t.extended = !flag("s"), flag("x")
	case flag("x"):
		return nil, errPatternBeyond // a basic regular expression
	default:
		t.dotAll = !t.multi // REG_NEWLINE does both
	}
	return t, t.translate()
}

// compile makes a pattern ready for use.
func (p pattern) compile(f Format) (*matcher, error) {
	t, err := p.translation(f)
	if err != nil {
		return nil, err
	}
	source := string(t.out)
	if t.anchored {
		source = `\A(?:` + source + ")"
	}
	if t.ungreedy {
		source = "(?U)" + source
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, errPatternBeyond
	}
	if !t.pcre {
		re.Longest()
	}
	return &matcher{re: re, dollar: t.dollar}, nil
}

// find returns the text of the match and of its groups; nil where there is no
// match.
func (m *matcher) find(key string) ([]string, error) {
	if m.dollar && strings.HasSuffix(key, "\n") {
		return nil, errPatternBeyond
	}
	found := m.re.FindStringSubmatch(latin1(key))
	for i := range found {
		found[i] = bytesOf(found[i])
	}
	return found, nil
}

// latin1 writes each byte as a character of its own.
func latin1(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] < 0x80
	}
	if plain {
		return s
	}
	r := make([]rune, len(s))
	for i := range r {
		r[i] = rune(s[i])
	}
	return string(r)
}

func bytesOf(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
	}
	return b.String()
}

// byteSet is what one position of a pattern matches.
type byteSet [256]bool

func (b *byteSet) span(from, to int) {
	for i := from; i <= to; i++ {
		b[i] = true
	}
}

func (b *byteSet) add(o byteSet) {
	for i := range b {
		b[i] = b[i] || o[i]
	}
}

func (b *byteSet) not() {
	for i := range b {
		b[i] = !b[i]
	}
}

func (b *byteSet) foldCase() {
	for i := 'A'; i <= 'Z'; i++ {
		either := b[i] || b[i+32]
		b[i], b[i+32] = either, either
	}
}

// String writes the set as Go's regexp package reads it.
func (b *byteSet) String() string {
	var s strings.Builder
	s.WriteByte('[')
	for i := 0; i < len(b); i++ {
		if !b[i] {
			continue
		}
		from := i
		for i+1 < len(b) && b[i+1] {
			i++
		}
		fmt.Fprintf(&s, `\x{%x}-\x{%x}`, from, i)
	}
	if s.Len() == 1 {
		return `[^\x00-\x{10FFFF}]`
	}
	return s.String() + "]"
}

// classes of characters in the C locale.
func namedSet(name string) (set byteSet, ok bool) {
	switch name {
	case "alpha", "alnum", "word":
		set.span('A', 'Z')
		set.span('a', 'z')
		if name != "alpha" {
			set.span('0', '9')
		}
		set['_'] = name == "word"
	case "digit":
		set.span('0', '9')
	case "upper":
		set.span('A', 'Z')
	case "lower":
		set.span('a', 'z')
	case "space":
		set.span('\t', '\r')
		set[' '] = true
	case "blank":
		set['\t'], set[' '] = true, true
	case "cntrl":
		set.span(0, 31)
		set[127] = true
	case "print":
		set.span(32, 126)
	case "graph":
		set.span(33, 126)
	case "punct":
		set.span(33, 47)
		set.span(58, 64)
		set.span(91, 96)
		set.span(123, 126)
	case "xdigit":
		set.span('0', '9')
		set.span('A', 'F')
		set.span('a', 'f')
	default:
		return set, false
	}
	return set, true
}
