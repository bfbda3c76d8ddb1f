package doveconf

import "strings"

// kind is what a line says.
type kind int

const (
	skipped kind = iota
	continued
	refused
	assigned
	fromFile // key = <file
	opened   // key name {
	closed   // }
	included
	tried // !include_try
	grouped
)

// line is one logical line, as config_parse_line of Dovecot takes it apart.
type line struct {
	kind       kind
	key, value string
	// quoted: "$" in a quoted value is no variable.
	quoted bool
	// ambiguous: a '#' follows a word without a blank and starts a comment.
	ambiguous bool
}

// reader takes lines apart; rest is what a continued line has left.
type reader struct {
	blanks string // what separates words: more in 2.4
	groups bool   // 2.4: group @name {
	rest   strings.Builder
}

func newReader(g Grammar) *reader {
	if g == Grammar24 {
		return &reader{blanks: " \t\v\f\r\n", groups: true}
	}
	return &reader{blanks: " \t"}
}

func (r *reader) blank(c byte) bool { return strings.IndexByte(r.blanks, c) >= 0 }

// parse reads one physical line. A comment or an empty line in the middle of a
// continued one throws away what came before, as Dovecot does.
func (r *reader) parse(text string) line {
	if end := strings.IndexByte(text, 0); end >= 0 {
		text = text[:end]
	}
	text = strings.TrimLeft(text, r.blanks)
	if text == "" || text[0] == '#' {
		r.rest.Reset()
		return line{kind: skipped}
	}
	text, ambiguous := r.uncomment(text)
	text = strings.TrimRight(text, r.blanks)
	if strings.HasSuffix(text, `\`) {
		if text = strings.TrimRight(text[:len(text)-1], r.blanks); text != "" && r.rest.Len() < maxLine {
			r.rest.WriteString(text + " ")
		}
		return line{kind: continued}
	}
	if r.rest.Len() > 0 {
		text = r.rest.String() + text
		r.rest.Reset()
	}
	l := r.split(text)
	l.ambiguous = ambiguous
	return l
}

// uncomment cuts a comment off; inside quotes there is none, and a quote that is
// never closed reaches to the end.
func (r *reader) uncomment(text string) (string, bool) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\'', '"':
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '#':
			return text[:i], i > 0 && !r.blank(text[i-1])
		}
	}
	return text, false
}

// split takes a whole line apart: key = value, section name {, }, !include.
func (r *reader) split(text string) line {
	key, rest, gap := r.key(text)
	switch key {
	case "!include":
		return line{kind: included, key: key, value: rest}
	case "!include_try":
		return line{kind: tried, key: key, value: rest}
	}
	switch {
	case strings.HasPrefix(rest, "="):
		return r.assignment(key, strings.TrimLeft(rest[1:], r.blanks))
	case key == "}" && rest == "":
		return line{kind: closed}
	case r.groups && key == "group" && !strings.HasPrefix(rest, "{"):
		return r.group(rest)
	case !gap:
		return line{kind: refused, key: key, value: "Expecting '{'"}
	}
	return r.section(key, rest)
}

// key reads the first word; gap says that blanks follow it.
func (r *reader) key(text string) (key, rest string, gap bool) {
	end := strings.IndexAny(text, r.blanks+"=")
	if end < 0 {
		end = len(text)
	}
	if r.groups && strings.HasPrefix(text, `"`) {
		key, rest = quotedKey(text[1:])
	} else {
		key, rest = text[:end], text[end:]
	}
	trimmed := strings.TrimLeft(rest, r.blanks)
	return key, trimmed, len(trimmed) < len(rest)
}

func quotedKey(text string) (key, rest string) {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == '"':
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

func (r *reader) assignment(key, value string) line {
	if strings.HasPrefix(value, "<") {
		return line{kind: fromFile, key: key, value: strings.TrimLeft(value[1:], r.blanks)}
	}
	if n := len(value); n > 0 && (value[0] == '"' || value[0] == '\'') {
		switch {
		case n == 1: // Dovecot takes the one quote for both
			value = ""
		case value[n-1] == value[0]:
			value = unescape(value[1 : n-1])
		}
		return line{kind: assigned, key: key, value: value, quoted: true}
	}
	return line{kind: assigned, key: key, value: value}
}

// group reads "@group name {", which gives a set of settings a name.
func (r *reader) group(rest string) line {
	label, rest, gap := r.word(rest)
	if !gap {
		return line{kind: refused, key: label, value: "Expecting group name"}
	}
	name, rest, gap := r.word(rest)
	if !gap || rest != "{" {
		return line{kind: refused, key: label, value: "Expecting '{'"}
	}
	return line{kind: grouped, key: label, value: name}
}

func (r *reader) word(text string) (word, rest string, gap bool) {
	end := strings.IndexAny(text, r.blanks)
	if end < 0 {
		return text, "", false
	}
	return text[:end], strings.TrimLeft(text[end:], r.blanks), true
}

func (r *reader) section(key, rest string) line {
	l := line{kind: opened, key: key}
	switch {
	case strings.HasPrefix(rest, "{"):
	case strings.HasPrefix(rest, `"`):
		name, after, closed := strings.Cut(rest[1:], `"`)
		if !closed {
			return line{kind: refused, key: key, value: "Expecting '{'"}
		}
		l.value, l.quoted, rest = unescape(name), true, strings.TrimLeft(after, r.blanks)
	default:
		l.value, rest, _ = r.word(rest)
	}
	switch {
	case !strings.HasPrefix(rest, "{"):
		return line{kind: refused, key: key, value: "Expecting '{'"}
	case rest != "{":
		return line{kind: refused, key: key, value: "Garbage after '{'"}
	}
	return l
}

// unescape takes backslashes off.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			if i++; i == len(s) {
				break
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
