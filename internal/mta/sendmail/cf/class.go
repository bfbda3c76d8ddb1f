package cf

import (
	"sort"
	"strings"
)

// Class is what C, F and T lines put into one class.
type Class struct {
	Name    string
	Sources []ClassSource
	words   map[string]bool // lower case
	size    int
}

// ClassSource is one line that fills a class.
type ClassSource struct {
	Line int
	// One of these: words of a C or T line; a file; a command whose output is read;
	// a map, "key@ldap:spec".
	Words   []string
	File    string
	Command string
	Map     string
	// Optional: a file that is missing is no error (-o).
	Optional bool
	// Format is how a line of the file is read (scanf(3)): "%[^\#]".
	Format string
}

// maxWords bounds all classes of a configuration, those of files included.
const maxWords = 500_000

// Has reports whether a word is in the class; case does not count.
func (c *Class) Has(word string) bool { return c != nil && c.words[lower(word)] }

// Words are the members, in order.
func (c *Class) Words() []string {
	if c == nil {
		return nil
	}
	list := make([]string, 0, len(c.words))
	for w := range c.words {
		list = append(list, w)
	}
	sort.Strings(list)
	return list
}

func (c *Class) add(word string) {
	if word != "" && c.size < maxWords {
		if c.words == nil {
			c.words = map[string]bool{}
		}
		c.words[lower(word)] = true
		c.size++
	}
}

// Class is the one of a name; it is made where there is none.
func (c *Config) Class(name string) *Class {
	if c.Classes[name] == nil {
		c.Classes[name] = &Class{Name: name}
	}
	return c.Classes[name]
}

// Fill puts the text of a class's file into it (fileclass in readcf.c). A line
// whose first character is # is a comment.
func (c *Class) Fill(source ClassSource, text string) {
	for l := range strings.Lines(text) {
		if l[0] == '#' {
			continue
		}
		for _, w := range strings.Fields(scanned(strings.TrimSuffix(l, "\n"), source.Format)) {
			c.add(w)
		}
	}
}

// AddWords puts words into the class.
func (c *Class) AddWords(words ...string) {
	for _, w := range words {
		c.add(w)
	}
}

// scanned is what a format of scanf(3) takes of a line: the first word ("%s"), or
// all up to one of some characters ("%[^\#]").
func scanned(l, format string) string {
	set, ok := strings.CutPrefix(format, "%[^")
	if !ok {
		f := strings.Fields(l)
		if len(f) == 0 {
			return ""
		}
		return f[0]
	}
	set, _, _ = strings.Cut(set, "]")
	if i := strings.IndexAny(l, strings.ReplaceAll(set, `\`, "")); i >= 0 && set != "" {
		return l[:i]
	}
	return l
}

// classLine reads a C line, or a T line, which fills class t.
func (r *reading) classLine(l line, name, body string) {
	body = r.text(pieces(body), l.number)
	c := r.Class(name)
	words := strings.Fields(body)
	c.Sources = append(c.Sources, ClassSource{Line: l.number, Words: words})
	for _, w := range words {
		// "C{a}$=b" copies what b holds by then.
		if other, ok := strings.CutPrefix(w, "$="); ok {
			from, _ := macroName(other)
			c.AddWords(r.Classes[from].Words()...)
			continue
		}
		c.add(w)
	}
}

// fileLine reads an F line: "Fw-o /etc/mail/local-host-names %[^\#]",
// "F{x}|/path/program", "F{VirtHost}@LDAP".
func (r *reading) fileLine(l line, body string) {
	name, s := macroName(body)
	if name == "" {
		r.problem(l.number, "a class without a name is not used: "+clip(body))
		return
	}
	s = strings.TrimLeft(s, blanks)
	source := ClassSource{Line: l.number, Format: "%s"}
	if strings.HasPrefix(s, "-o") {
		source.Optional = true
		_, s = leading(s, func(c byte) bool { return !isBlank(c) })
		s = strings.TrimLeft(s, blanks)
	}
	c := r.Class(name)
	switch _, spec, at := strings.Cut(s, "@"); {
	case strings.HasPrefix(s, "|"):
		source.Command = strings.Trim(s[1:], blanks)
	case at && !strings.HasPrefix(s, "/") && (spec == "LDAP" || !strings.HasPrefix(spec, ":") && strings.Contains(spec, ":")):
		source.Map = s
	default:
		file, format := quotedWord(s)
		source.File = file
		if format = strings.TrimLeft(format, blanks); format != "" {
			source.Format = format
		}
	}
	c.Sources = append(c.Sources, source)
}

// quotedWord takes a word off the front; quotes hold blanks together
// (extrquotstr in readcf.c).
func quotedWord(s string) (word, rest string) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && s[i+1] == ' ':
			b.WriteByte(' ')
			i++
		case c == '"':
			quoted = !quoted
		case c == ' ' && !quoted:
			return b.String(), s[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
