package smtpdconf

import "strings"

// ParseTable reads the file of a static table (table_static.c): a name on each
// line, or names and values. The first line that is no comment decides which,
// where no comment "@list" does. bad is the line of an entry without a value, at
// which smtpd gives the file up.
func ParseTable(path, text string) (shape Shape, entries []Entry, bad int) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = cString(strings.TrimSuffix(line, "\n"))
		line = strings.Trim(line, spaces)
		if line == "" {
			continue
		}
		if line[0] == '#' {
			if shape == Unknown && strings.TrimLeft(line[1:], spaces) == "@list" {
				shape = List
			}
			continue
		}
		if shape == Unknown {
			shape = List
			if strings.ContainsAny(line, " \t:") {
				shape = Map
			}
		}
		e := Entry{Key: line, Pos: Pos{path, n}}
		if shape == Map {
			var ok bool
			if e.Key, e.Value, ok = cutValue(line); !ok {
				return shape, lastCounts(entries), n
			}
		}
		entries = append(entries, e)
	}
	if shape == Unknown {
		shape = Map // an empty file of aliases
	}
	return shape, lastCounts(entries), 0
}

const spaces = " \t\n\v\f\r"

// cString is what C sees of a line that holds a null byte.
func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// cutValue splits a line at the first blank or colon; blanks, and a colon before
// a blank, go too.
func cutValue(line string) (key, value string, ok bool) {
	i := strings.IndexAny(line, " \t:")
	if i < 0 {
		return line, "", false
	}
	key, value = line[:i], line[i+1:]
	for value != "" {
		colon := value[0] == ':' && len(value) > 1 && strings.IndexByte(spaces, value[1]) >= 0
		if strings.IndexByte(spaces, value[0]) < 0 && !colon {
			break
		}
		value = value[1:]
	}
	return key, value, value != ""
}

// lastCounts marks the entries whose key comes again: smtpd keeps the last one.
func lastCounts(entries []Entry) []Entry {
	last := make(map[string]int, len(entries))
	for i, e := range entries {
		last[strings.ToLower(e.Key)] = i
	}
	for i := range entries {
		if last[strings.ToLower(entries[i].Key)] != i {
			entries[i].Unused = "the same name comes again below, and the last one counts"
		}
	}
	return entries
}
