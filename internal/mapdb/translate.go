package mapdb

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// translator writes a POSIX extended or Perl-compatible regular expression
// anew for Go's regexp package, or says that it can't. What it writes names
// every set of bytes outright, so nothing depends on Go's idea of case or of
// white space.
type translator struct {
	src      string
	pos      int
	out      []byte
	pcre     bool
	endOnly  bool // PCRE_DOLLAR_ENDONLY
	anchored bool
	ungreedy bool
	dollar   bool
	groups   int
	stack    []openGroup
	patternMode
}

// patternMode is what (?i) and its like change, up to the end of a group.
type patternMode struct{ icase, multi, dotAll, extended bool }

type openGroup struct {
	mode  patternMode
	start int
}

func (t *translator) translate() error {
	atom := -1 // where in out the last thing that can be repeated starts
	for t.pos < len(t.src) {
		c := t.src[t.pos]
		t.pos++
		start, err := len(t.out), error(nil)
		switch {
		case t.pcre && t.extended && isSpace(c):
			continue
		case t.pcre && t.extended && c == '#':
			for t.pos < len(t.src) && t.src[t.pos] != '\n' {
				t.pos++
			}
			continue
		case c == '(':
			start, err = -1, t.openGroup()
		case c == ')':
			start, err = t.closeGroup()
		case c == '|':
			t.out = append(t.out, '|')
			start = -1
		case c == '^':
			t.line(`\A`, "(?m:^)")
			start = -1
		case c == '$':
			t.line(`\z`, "(?m:$)")
			t.dollar = t.dollar || t.pcre && !t.multi && !t.endOnly
			start = -1
		case c == '[':
			err = t.bracket()
		case c == '.':
			set := byteSet{}
			set['\n'] = !t.dotAll
			set.not()
			t.set(set)
		case c == '\\':
			start, err = t.escape(start)
		case strings.IndexByte("*+?{", c) >= 0:
			start, err = t.repeat(c, atom)
		default:
			t.literal(c)
		}
		if err != nil {
			return err
		}
		atom = start
	}
	if len(t.stack) > 0 {
		return errBadPattern
	}
	return nil
}

func (t *translator) line(plain, multi string) {
	if t.multi {
		plain = multi
	}
	t.out = append(t.out, plain...)
}

func (t *translator) literal(c byte) {
	lower := c | 0x20
	switch {
	case t.icase && lower >= 'a' && lower <= 'z':
		t.out = append(t.out, '[', lower, lower-0x20, ']')
	case isAlnum(c):
		t.out = append(t.out, c)
	case c > ' ' && c < 0x7f:
		t.out = append(t.out, '\\', c)
	default:
		t.out = fmt.Appendf(t.out, `\x{%x}`, c)
	}
}

func (t *translator) set(set byteSet) {
	if t.icase {
		set.foldCase()
	}
	t.out = append(t.out, set.String()...)
}

// maxGroups bounds groups within groups.
const maxGroups = 100

func (t *translator) openGroup() error {
	if len(t.stack) == maxGroups {
		return errPatternBeyond
	}
	g := openGroup{t.patternMode, len(t.out)}
	rest := t.src[t.pos:]
	switch {
	case !t.pcre || !strings.HasPrefix(rest, "?") && !strings.HasPrefix(rest, "*"):
		t.groups++
		t.out = append(t.out, '(')
	case strings.HasPrefix(rest, "?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return errBadPattern
		}
		t.pos += end + 1
		return nil
	default:
		for _, opening := range []string{"?P<", "?<", "?'"} {
			name, ok := strings.CutPrefix(rest, opening)
			if end := strings.IndexAny(name, ">'"); ok && end > 0 && name[0] != '=' && name[0] != '!' {
				t.groups++
				t.out = append(t.out, '(')
				t.pos += len(opening) + end + 1
				t.stack = append(t.stack, g)
				return nil
			}
		}
		return t.options(g, strings.TrimPrefix(rest, "?"))
	}
	t.stack = append(t.stack, g)
	return nil
}

// options reads (?:, (?i: and (?i).
func (t *translator) options(g openGroup, rest string) error {
	on, mode := true, t.patternMode
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '-':
			on = false
		case 'i':
			mode.icase = on
		case 'm':
			mode.multi = on
		case 's':
			mode.dotAll = on
		case 'x':
			mode.extended = on
		case ':':
			t.pos += i + 2
			t.patternMode = mode
			t.stack = append(t.stack, g)
			t.out = append(t.out, "(?:"...)
			return nil
		case ')':
			t.pos += i + 2
			t.patternMode = mode
			return nil
		default:
			return errPatternBeyond
		}
	}
	return errBadPattern
}

func (t *translator) closeGroup() (start int, err error) {
	if len(t.stack) == 0 {
		if !t.pcre { // in POSIX it then stands for itself
			start = len(t.out)
			t.literal(')')
			return start, nil
		}
		return -1, errBadPattern
	}
	g := t.stack[len(t.stack)-1]
	t.stack = t.stack[:len(t.stack)-1]
	t.patternMode = g.mode
	t.out = append(t.out, ')')
	return g.start, nil
}

// repeat reads a quantifier of what stands in out from atom on.
func (t *translator) repeat(c byte, atom int) (start int, err error) {
	times := string(c)
	if c == '{' {
		end := strings.IndexByte(t.src[t.pos:], '}')
		if end > 0 {
			times = "{" + t.src[t.pos:t.pos+end] + "}"
		}
		low, high, both := strings.Cut(strings.Trim(times, "{}"), ",")
		least, errLow := strconv.ParseUint(low, 10, 16)
		most, errHigh := strconv.ParseUint(high, 10, 16)
		if end <= 0 || errLow != nil || both && high != "" && errHigh != nil {
			if !t.pcre {
				return -1, errPatternBeyond
			}
			start = len(t.out)
			t.literal('{')
			return start, nil
		}
		t.pos += end + 1
		times = strconv.FormatUint(least, 10) // Go takes no zeros in front
		if both {
			times += ","
		}
		if high != "" {
			times += strconv.FormatUint(most, 10)
		}
		times = "{" + times + "}"
	}
	if atom < 0 {
		return -1, errPatternBeyond
	}
	if !t.pcre && (bytes.Contains(t.out[atom:], []byte(`\z`)) || bytes.Contains(t.out[atom:], []byte(`\A`)) || bytes.Contains(t.out[atom:], []byte("(?m:"))) {
		return -1, errPatternBeyond // glibc finds "([a-z]$){2}" in "ab"
	}
	if t.pcre && t.pos < len(t.src) {
		switch t.src[t.pos] {
		case '?':
			times += "?"
			t.pos++
		case '+':
			return -1, errPatternBeyond // takes what it has and gives nothing back
		}
	}
	t.out = slices.Insert(t.out, atom, '(', '?', ':')
	t.out = append(append(t.out, ')'), times...)
	return -1, nil
}

// escape reads what follows a backslash outside of brackets.
func (t *translator) escape(at int) (start int, err error) {
	if t.pos >= len(t.src) {
		return -1, errBadPattern
	}
	c := t.src[t.pos]
	if set, ok := t.escapedSet(c); ok {
		t.pos++
		t.set(set)
		return at, nil
	}
	switch {
	case c == 'b' || c == 'B':
		t.pos++
		t.out = append(t.out, '\\', c)
		return -1, nil
	case t.pcre && (c == 'A' || c == 'z' || c == 'Z'):
		t.pos++
		t.dollar = t.dollar || c == 'Z'
		if c != 'A' {
			c = 'z'
		}
		t.out = append(t.out, '\\', c)
		return -1, nil
	case t.pcre && c == 'Q':
		text, rest, _ := strings.Cut(t.src[t.pos+1:], `\E`)
		for i := 0; i < len(text); i++ {
			at = len(t.out)
			t.literal(text[i])
		}
		t.pos = len(t.src) - len(rest)
		return at, nil
	}
	b, err := t.escapedByte()
	if err != nil {
		return -1, err
	}
	t.literal(b)
	return at, nil
}

// escapedSet is \d and its like.
func (t *translator) escapedSet(c byte) (set byteSet, ok bool) {
	switch {
	case c == 'w' || c == 'W':
		set, ok = namedSet("word")
	case c == 's' || c == 'S':
		set, ok = namedSet("space")
	case t.pcre && (c == 'd' || c == 'D'):
		set, ok = namedSet("digit")
	case t.pcre && (c == 'h' || c == 'H'):
		set['\t'], set[' '], set[0xa0], ok = true, true, true, true
	case t.pcre && (c == 'v' || c == 'V'):
		set.span('\n', '\r')
		set[0x85], ok = true, true
	}
	if ok && c < 'a' {
		set.not()
	}
	return set, ok
}

// escapedByte is an escape that stands for one byte.
func (t *translator) escapedByte() (byte, error) {
	c := t.src[t.pos]
	t.pos++
	if !isAlnum(c) {
		if !t.pcre && strings.IndexByte("<>`'", c) >= 0 {
			return 0, errPatternBeyond
		}
		return c, nil
	}
	if !t.pcre {
		if c >= '0' && c <= '9' {
			return 0, errPatternBeyond
		}
		return c, nil
	}
	if i := strings.IndexByte("tnrfea", c); i >= 0 {
		return "\t\n\r\f\x1b\a"[i], nil
	}
	if c != 'x' {
		return 0, errPatternBeyond
	}
	digits := t.src[t.pos:min(t.pos+2, len(t.src))]
	skip := 2
	if strings.HasPrefix(digits, "{") {
		end := strings.IndexByte(t.src[t.pos:], '}')
		if end < 0 {
			return 0, errPatternBeyond
		}
		digits, skip = t.src[t.pos+1:t.pos+end], end+1
	}
	n, err := strconv.ParseUint(digits, 16, 8)
	if err != nil {
		return 0, errPatternBeyond
	}
	t.pos += skip
	return byte(n), nil
}
