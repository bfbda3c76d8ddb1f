package mapdb

import "strings"

// bracket reads [a-z].
func (t *translator) bracket() error {
	var set byteSet
	negate := strings.HasPrefix(t.src[t.pos:], "^")
	if negate {
		t.pos++
	}
	for first := true; ; first = false {
		if t.pos >= len(t.src) {
			return errBadPattern
		}
		if t.src[t.pos] == ']' && !first {
			t.pos++
			break
		}
		one, single, err := t.member()
		if err != nil {
			return err
		}
		if t.pos+1 < len(t.src) && t.src[t.pos] == '-' && t.src[t.pos+1] != ']' && single >= 0 {
			t.pos++
			_, last, err := t.member()
			if t.icase && !t.pcre {
				// The C library folds the ends before it looks between them.
				single, last, one = upper(single), upper(last), byteSet{}
			}
			if err != nil || last < single {
				return errPatternBeyond
			}
			one.span(single, last)
		}
		set.add(one)
	}
	if t.icase && t.pcre {
		set.foldCase()
	}
	if t.icase && !t.pcre {
		for i := 'A'; i <= 'Z'; i++ {
			set[i+32] = set[i] // it looks for the capital only
		}
	}
	if negate {
		if t.multi && !t.pcre {
			set['\n'] = true // REG_NEWLINE
		}
		set.not()
	}
	t.out = append(t.out, set.String()...)
	return nil
}

// member reads one part of a bracket; single is its byte, -1 for a set.
func (t *translator) member() (set byteSet, single int, err error) {
	c := t.src[t.pos]
	rest := t.src[t.pos:]
	switch {
	case strings.HasPrefix(rest, "[:"):
		end := strings.Index(rest[2:], ":]") + 2
		if end < 2 {
			break
		}
		name, not := strings.CutPrefix(rest[2:end], "^")
		if t.icase && !t.pcre && (name == "lower" || name == "upper") {
			name = "alpha"
		}
		set, ok := namedSet(name)
		if !ok || not && !t.pcre {
			return set, -1, errPatternBeyond
		}
		if not {
			set.not()
		}
		t.pos += end + 2
		return set, -1, nil
	case strings.HasPrefix(rest, "[.") || strings.HasPrefix(rest, "[="):
		return set, -1, errPatternBeyond
	case c == '\\' && t.pcre && len(rest) > 1:
		t.pos++
		if set, ok := t.escapedSet(rest[1]); ok {
			t.pos++
			return set, -1, nil
		}
		if c, err = t.escapedByte(); err != nil {
			return set, -1, err
		}
		set[c] = true
		return set, int(c), nil
	}
	t.pos++
	set[c] = true
	if t.icase && !t.pcre {
		set[upper(int(c))] = true
	}
	return set, int(c), nil
}

func upper(c int) int {
	if c >= 'a' && c <= 'z' {
		return c - 32
	}
	return c
}
