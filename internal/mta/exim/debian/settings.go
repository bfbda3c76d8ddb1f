package debian

import "strings"

// Settings are the answers in update-exim4.conf.conf.
type Settings struct {
	Text      string
	Variables []Variable
	// Code are the commands in the file that are no plain assignment: root runs
	// them whenever Exim is started or reloaded.
	Code []Command
}

// Variable is an assignment.
type Variable struct {
	Name, Value string
	Line        int
}

// Command is shell code.
type Command struct {
	Line int
	Text string
}

// Value is that of a variable; the last assignment counts.
func (s Settings) Value(name string) string {
	v, _ := s.find(name)
	return v.Value
}

// Line is where a variable is set, 0 where it is not.
func (s Settings) Line(name string) int {
	v, _ := s.find(name)
	return v.Line
}

func (s Settings) find(name string) (Variable, bool) {
	for i := len(s.Variables) - 1; i >= 0; i-- {
		if s.Variables[i].Name == name {
			return s.Variables[i], true
		}
	}
	return Variable{}, false
}

// ParseSettings reads the file as far as it only sets variables: words with
// quotes and references to what was set before. Everything else is a command. What
// a command would do to the variables is not known.
func ParseSettings(text string) Settings {
	p := &shell{settings: Settings{Text: text}, rest: text, line: 1}
	for p.rest != "" {
		p.statement()
	}
	return p.settings
}

type shell struct {
	settings Settings
	rest     string
	line     int
}

// statement takes one line, or more where quotes or a backslash join them.
func (p *shell) statement() {
	p.skip(" \t")
	switch {
	case p.rest == "":
		return
	case p.rest[0] == '\n' || p.rest[0] == ';':
		p.take(1)
		return
	case p.rest[0] == '#':
		p.take(end(p.rest, "\n"))
		return
	}
	started, before := p.line, p.rest
	var found []Variable
	for {
		v, ok := p.assignment()
		if !ok {
			p.command(started, before)
			return
		}
		found = append(found, v)
		p.skip(" \t")
		if p.rest == "" || p.rest[0] == '\n' || p.rest[0] == ';' || p.rest[0] == '#' {
			p.settings.Variables = append(p.settings.Variables, found...)
			return
		}
	}
}

// command takes a whole line that is no assignment.
func (p *shell) command(line int, from string) {
	p.rest, p.line = from, line
	n := end(from, "\n")
	p.settings.Code = append(p.settings.Code, Command{line, strings.TrimSpace(from[:n])})
	p.take(n)
}

func (p *shell) skip(set string) {
	p.take(len(p.rest) - len(strings.TrimLeft(p.rest, set)))
}

func (p *shell) take(n int) {
	p.line += strings.Count(p.rest[:n], "\n")
	p.rest = p.rest[n:]
}

func end(s, stop string) int {
	if i := strings.Index(s, stop); i >= 0 {
		return i
	}
	return len(s)
}

func nameLength(s string) int {
	i := 0
	for i < len(s) && (s[i] == '_' || s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || i > 0 && s[i] >= '0' && s[i] <= '9') {
		i++
	}
	return i
}

// assignment takes "name=word".
func (p *shell) assignment() (v Variable, ok bool) {
	n := nameLength(p.rest)
	if n == 0 || n >= len(p.rest) || p.rest[n] != '=' {
		return v, false
	}
	v = Variable{Name: p.rest[:n], Line: p.line}
	p.take(n + 1)
	v.Value, ok = p.word()
	return v, ok
}

// word takes a word and what its quotes and references stand for; ok is false
// where something in it runs a command.
func (p *shell) word() (value string, ok bool) {
	var b strings.Builder
	for p.rest != "" {
		switch c := p.rest[0]; {
		case strings.IndexByte(" \t\n;#", c) >= 0 && (c != '#' || b.Len() == 0):
			return b.String(), true
		case strings.IndexByte("&|<>()`", c) >= 0:
			return "", false
		case c == '\'':
			n := end(p.rest[1:], "'")
			if n+1 >= len(p.rest) {
				return "", false
			}
			b.WriteString(p.rest[1 : 1+n])
			p.take(n + 2)
		case c == '"':
			if !p.quoted(&b) {
				return "", false
			}
		case !p.plain(&b, false):
			return "", false
		}
	}
	return b.String(), true
}

// quoted takes a part in double quotes.
func (p *shell) quoted(b *strings.Builder) bool {
	for p.take(1); p.rest != ""; {
		switch {
		case p.rest[0] == '"':
			p.take(1)
			return true
		case p.rest[0] == '`' || !p.plain(b, true):
			return false
		}
	}
	return false
}

// plain takes one sign, an escaped one, or a reference.
func (p *shell) plain(b *strings.Builder, inQuotes bool) bool {
	switch c := p.rest[0]; {
	case c == '\\' && len(p.rest) > 1:
		if inQuotes && strings.IndexByte("$`\"\\\n", p.rest[1]) < 0 {
			b.WriteByte('\\')
		}
		if p.rest[1] != '\n' {
			b.WriteByte(p.rest[1])
		}
		p.take(2)
	case c == '$':
		return p.reference(b)
	default:
		b.WriteByte(c)
		p.take(1)
	}
	return true
}

// reference takes "$name" or "${name}"; anything more is more than setting.
func (p *shell) reference(b *strings.Builder) bool {
	rest, braced := strings.CutPrefix(p.rest[1:], "{")
	n := nameLength(rest)
	switch {
	case n == 0 && !braced && (rest == "" || strings.IndexByte(" \t\n\"", rest[0]) >= 0):
		b.WriteByte('$')
		p.take(1)
		return true
	case n == 0 || braced && (n >= len(rest) || rest[n] != '}'):
		return false
	}
	b.WriteString(p.settings.Value(rest[:n]))
	if braced {
		n += 2
	}
	p.take(1 + n)
	return true
}
