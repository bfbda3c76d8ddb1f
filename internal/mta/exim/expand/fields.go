package expand

import (
	"strconv"
	"strings"
)

// extract takes a numbered or named field out of a string.
func (v *evaluation) extract(p Part) (string, Outcome) {
	if p.Option != "" {
		return "", Unknown
	}
	args, o := v.arguments(p, 2)
	if o != Known {
		return "", o
	}
	key := strings.Trim(args[0], blanks)
	n, numbered := number(key)
	switch {
	case key == "":
		return "", Broken
	case !numbered:
		value, ok := keyed(key, args[1])
		return v.found(p, 2, value, ok)
	}
	if args, o = v.arguments(p, 3); o != Known {
		return "", o
	}
	value, ok := numberedField(n, args[1], args[2])
	return v.found(p, 3, value, ok)
}

func number(s string) (int, bool) {
	digits := strings.TrimPrefix(s, "-")
	if strings.Trim(digits, "0123456789") != "" || len(digits) > 9 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil || digits == "" // "-" alone counts as a number for Exim
}

// numberedField is field n of a string that is split at any of the separators; 0
// is the whole, a negative number counts from the end (expand.c expand_gettokened).
func numberedField(n int, separators, s string) (string, bool) {
	if n == 0 {
		return s, true
	}
	fields := splitAny(s, separators)
	if n < 0 {
		n += len(fields) + 1
	}
	if n < 1 || n > len(fields) {
		return "", false
	}
	return fields[n-1], true
}

func splitAny(s, separators string) []string {
	var fields []string
	for {
		i := strings.IndexAny(s, separators)
		if i < 0 || separators == "" {
			return append(fields, s)
		}
		fields, s = append(fields, s[:i]), s[i+1:]
	}
}

// keyed finds "key=value" in a string (expand.c expand_getkeyed).
func keyed(key, s string) (string, bool) {
	for s = strings.TrimLeft(s, blanks); s != ""; s = strings.TrimLeft(s, blanks) {
		name := s
		if i := strings.IndexAny(s, "="+blanks); i >= 0 {
			name = s[:i]
		}
		s = strings.TrimLeft(s[len(name):], blanks)
		s = strings.TrimLeft(strings.TrimPrefix(s, "="), blanks)
		var value string
		value, s = dequoted(s)
		if strings.EqualFold(name, key) {
			return value, true
		}
	}
	return "", false
}

func dequoted(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexAny(s, blanks); i >= 0 {
			return s[:i], s[i:]
		}
		return s, ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i += interpret(s[i:], &b) - 1
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

func (v *evaluation) listExtract(p Part) (string, Outcome) {
	args, o := v.arguments(p, 2)
	if o != Known {
		return "", o
	}
	n, ok := number(strings.Trim(args[0], blanks))
	if !ok || strings.Trim(args[0], blanks) == "" {
		return "", Broken
	}
	items := List(args[1])
	if n < 0 {
		if n += len(items) + 1; n < 0 {
			n = 1 // too far from the end is the first (expand.c expand_getlistele)
		}
	}
	if n < 1 || n > len(items) {
		return v.found(p, 2, "", false)
	}
	return v.found(p, 2, items[n-1], true)
}
