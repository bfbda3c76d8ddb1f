package aliases

import "strings"

// ParseValue reads a right-hand side: destinations separated by commas, each
// possibly quoted as a whole or in part. line is given to every destination.
func ParseValue(value string, line int) []Destination {
	var out []Destination
	for _, item := range splitValue(value) {
		if d := destination(item); d.Text != "" || d.Kind == Special {
			d.Line = line
			out = append(out, d)
		}
	}
	return out
}

// splitValue splits at commas outside quotes. Text in parentheses is a comment
// as in RFC 822, except behind a bar, where the shell may need it.
func splitValue(s string) []string {
	var (
		items  []string
		item   strings.Builder
		quoted bool
		depth  int
	)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case depth > 0:
			depth += nesting(c)
			continue
		case c == '\\' && i+1 < len(s):
			item.WriteByte(c)
			i++
			c = s[i]
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			items = append(items, item.String())
			item.Reset()
			continue
		case c == '(' && !startsCommand(item.String()):
			depth = 1
			continue
		}
		item.WriteByte(c)
	}
	return append(items, item.String())
}

func nesting(c byte) int {
	switch c {
	case '(':
		return 1
	case ')':
		return -1
	}
	return 0
}

func startsCommand(item string) bool {
	return strings.HasPrefix(strings.TrimLeft(item, spaces+`"`), "|")
}

// destination tells what one item is. Quotes only group: "|cmd arg", |"cmd arg"
// and |cmd are the same thing.
func destination(item string) Destination {
	item = strings.Trim(item, spaces)
	if inner, ok := angle(item); ok {
		item = inner
	}
	if strings.HasPrefix(item, `\`) && !strings.HasPrefix(item, `\"`) {
		return Destination{Kind: User, Text: unquote(strings.TrimLeft(item, `\`))}
	}
	text := strings.Trim(unquote(item), spaces)
	switch {
	case text == "":
		return Destination{}
	case text[0] == '|':
		return Destination{Kind: Command, Text: strings.Trim(commandText(item, text), spaces)}
	case text[0] == '/':
		return Destination{Kind: File, Text: text}
	case strings.HasPrefix(text, "~/"):
		return Destination{Kind: Home, Text: text}
	case len(text) > len(":include:") && strings.EqualFold(text[:len(":include:")], ":include:"):
		return Destination{Kind: Include, Text: strings.Trim(text[len(":include:"):], spaces)}
	case text[0] == ':' && strings.Count(text, ":") > 1:
		return Destination{Kind: Special, Text: text}
	case text[0] == '\\':
		return Destination{Kind: User, Text: strings.TrimLeft(text, `\`)}
	}
	return Destination{Kind: Address, Text: text}
}

// commandText keeps the quotes of a command that is not quoted as a whole:
// there they belong to the command.
func commandText(item, text string) string {
	if strings.HasPrefix(item, `"`) || strings.HasPrefix(item, `|"`) && strings.HasSuffix(item, `"`) {
		return text[1:]
	}
	return strings.TrimPrefix(item, "|")
}

// angle returns the address of "Full Name <address>".
func angle(item string) (string, bool) {
	open := strings.IndexByte(item, '<')
	if open < 0 || !strings.HasSuffix(item, ">") || startsCommand(item) || strings.HasPrefix(item, "/") {
		return item, false
	}
	return item[open+1 : len(item)-1], true
}

// unquote drops quotes, and inside them the backslash before another character.
func unquote(s string) string {
	if !strings.Contains(s, `"`) {
		return s
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '"':
			quoted = !quoted
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
