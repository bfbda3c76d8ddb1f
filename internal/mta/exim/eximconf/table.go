package eximconf

import "strings"

// Entry is a line of a file of keys and values.
type Entry struct {
	Key, Value string
	Line       int
}

// ParseTable reads a file as lsearch does (spec 9.3): a key, a colon or white
// space, a value; a line that starts with white space goes on with the value
// before it, and lines that start with "#" are passed over. A key may be quoted.
func ParseTable(text string) []Entry {
	var list []Entry
	n := 0
	var value *strings.Builder
	flush := func() {
		if value != nil {
			list[len(list)-1].Value = strings.TrimRight(value.String(), blanks)
			value = nil
		}
	}
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, blanks)
		switch {
		case line == "" || line[0] == '#':
		case isSpace(line[0]) && value != nil:
			value.WriteByte(' ')
			value.WriteString(strings.TrimLeft(line, blanks))
		case isSpace(line[0]):
		default:
			flush()
			key, rest := tableKey(line)
			list = append(list, Entry{Key: key, Line: n})
			value = &strings.Builder{}
			value.WriteString(rest)
		}
	}
	flush()
	return list
}

func tableKey(line string) (key, value string) {
	if line[0] == '"' {
		var rest string
		key, rest, _ = Unquote(line)
		return key, strings.TrimLeft(strings.TrimPrefix(rest, ":"), blanks)
	}
	end := strings.IndexAny(line, ":"+blanks)
	if end < 0 {
		return line, ""
	}
	rest := strings.TrimLeft(line[end:], blanks)
	return line[:end], strings.TrimLeft(strings.TrimPrefix(rest, ":"), blanks)
}
