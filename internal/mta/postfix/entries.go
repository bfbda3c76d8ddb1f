package postfix

import (
	"iter"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// entry is one entry of a table as a lookup meets it.
type entry struct {
	mapdb.Entry
	// drift says how the compiled map, which is what Postfix reads, and its source
	// disagree; "" where they agree.
	drift string
	// unused says why no lookup gives the entry: it is not compiled in, or the
	// key stands above already. "" where one does.
	unused string
	// compiled is true where only the compiled map says so.
	compiled bool
}

func plainEntries(list []mapdb.Entry) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for _, e := range list {
			unused := ""
			if e.Skipped {
				unused = "Postfix can't use the rule and skips it"
			}
			if !yield(entry{Entry: e, unused: unused}) {
				return
			}
		}
	}
}

// eachSource reads the text of a table of fixed keys entry by entry. A large
// table is read many times faster and in less memory so than by making a list of
// it: keys and values are parts of the text. What is not plain (folded, quoted,
// escaped) goes to the parser of the format.
func eachSource(format mapdb.Format, text string, yield func(mapdb.Entry) bool, problem func(line int, message string)) {
	more := true
	eachLine(text, func(number int, line string) bool {
		if strings.IndexByte(line, '\n') < 0 {
			if key, value, ok := plainPair(format, line); ok {
				more = yield(mapdb.Entry{Line: number, ValueLine: number, Key: key, Value: value})
				return more
			}
		}
		entries, problems := parseEntries(format, line)
		for _, p := range problems {
			problem(p.Line+number-1, p.Message)
		}
		for _, e := range entries {
			e.Line, e.ValueLine = e.Line+number-1, max(e.ValueLine, 1)+number-1
			if more = more && yield(e); !more {
				break
			}
		}
		return more
	})
}

// eachLine calls yield with each logical line as it stands in the text, the
// lines that continue it and the comments in between included (readlline(3)).
func eachLine(text string, yield func(number int, line string) bool) {
	start, first, number := -1, 0, 0
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		next := at + end + 1
		if end < 0 {
			next = len(text)
		}
		number++
		if c := text[at]; c != '#' && !isBlank(c) {
			if start >= 0 && !yield(first, strings.TrimRight(text[start:at], "\n")) {
				return
			}
			start, first = at, number
		} else if start < 0 && isBlank(c) {
			start, first = at, number // what continues nothing is told by the parser
		}
		at = next
	}
	if start >= 0 {
		yield(first, strings.TrimRight(text[start:], "\n"))
	}
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// plainPair splits a line that has nothing but a key, a separator and a value.
func plainPair(format mapdb.Format, line string) (key, value string, ok bool) {
	at := -1
	for i := 0; i < len(line) && at < 0; i++ {
		switch c := line[i]; {
		case c == '"' || c == '\\' || c == 0:
			return "", "", false
		case format == aliasFormat && c == ':', format != aliasFormat && isBlank(c):
			at = i
		case format == aliasFormat && !plainByte(c):
			return "", "", false
		}
	}
	if at <= 0 || strings.IndexByte(line[at:], 0) >= 0 {
		return "", "", false
	}
	key, value = line[:at], strings.Trim(line[at+1:], " \t\r\v\f")
	plain := value != "" && value[0] != '#' && !strings.HasSuffix(key, ":") && strings.IndexByte(value, '"') < 0
	return key, value, plain && !isBlank(line[0])
}

// plainByte reports whether a character of a name is nothing else.
func plainByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '+' || c == '='
}

// parseEntries reads one logical line by the book.
func parseEntries(format mapdb.Format, line string) ([]mapdb.Entry, []mapdb.Problem) {
	if format != aliasFormat {
		return mapdb.ParseSource(format, line)
	}
	var entries []mapdb.Entry
	var problems []mapdb.Problem
	list, bad := aliases.Parse(line)
	for _, b := range bad {
		problems = append(problems, mapdb.Problem{Line: b.Line, Message: b.Message})
	}
	lines, _ := mapdb.Lines(line)
	for i, a := range list {
		if i < len(lines) {
			text, _, _ := strings.Cut(lines[i].Text, "\x00") // C ends a line there
			entries = append(entries, mapdb.Entry{Line: a.Line, Key: a.Key, Value: strings.Trim(behindColon(text), " \t\r\v\f")})
		}
	}
	return entries, problems
}

// behindColon is what follows the first colon that is not quoted.
func behindColon(s string) string {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				return s[i+1:]
			}
		}
	}
	return ""
}

// once reports whether a table has not been listed yet for this parameter; one
// table named for several ports is one table.
func (s site) once(t table) bool {
	key := string(t.path) + "\x00" + s.name
	if t.ref.Class == mapdb.Written || t.ref.Class == mapdb.Nested {
		key += "\x00" + t.ref.Text
	}
	if s.in.given[key] {
		return false
	}
	s.in.given[key] = true
	return true
}

// entries calls do for every entry of the tables that the value names, once per
// table and parameter.
func (s site) entries(do func(table, entry)) {
	for _, t := range s.tableHooks(s.value, mapdb.KeyValue) {
		s.each(t, do)
	}
}

// each calls do for the entries of one table, unless it was listed before.
func (s site) each(t table, do func(table, entry)) {
	if !s.once(t) {
		return
	}
	spare := spares{site: s, table: t}
	for e := range t.entries {
		e.Key = t.key(e.Key)
		if s.in.Full() {
			return
		}
		spare.take(e, do)
	}
	spare.finish(do)
}

// key writes a key as lookups find it: tables of fixed keys are searched in lower
// case, and built so (postmap(1), DICT_FLAG_FOLD_FIX in the Postfix source).
func (t table) key(key string) string {
	if t.format != mapdb.KeyValue && t.format != aliasFormat {
		return key
	}
	return mapdb.Fold(key)
}

// mark writes into a hook what the entry has beside key and value.
func (e entry) mark(h *waxseal.Hook, t table) {
	if e.compiled {
		h.Source = waxseal.Source{Path: mta.Clean(t.ref.CompiledFile())}
	}
	mta.Modify(h, "drift", e.drift)
	if e.unused != "" {
		mta.Inactive(h, e.unused)
	}
}
