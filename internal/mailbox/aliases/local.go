package aliases

import (
	"slices"
	"strings"
)

// ParseLocal reads a right-hand side as Postfix's local(8) does (tok822_parse and
// deliver_token in the Postfix source). There a blank separates as a comma does, so
// that a bare
//
//	|/usr/bin/filter -f list
//
// runs /usr/bin/filter without arguments and sends to "-f" and "list" as well; and a
// single backslash is gone before anybody looks at the name behind it.
func ParseLocal(value string, line int) []Destination {
	var out []Destination
	for _, group := range addresses(scan(value)) {
		if d := localDestination(internal(group)); d.Text != "" {
			d.Line = line
			out = append(out, d)
		}
	}
	return out
}

// ParseLocalList is [ParseList] for local(8).
func ParseLocalList(content string) []Destination {
	return parseList(content, ParseLocal)
}

// addresses groups tokens into addresses, from right to left as Postfix does:
// "Full Name <address>" is the address, "list: a, b;" its members, and a word in front
// of another one an address of its own. Comments belong to none.
func addresses(tokens []token) [][]token {
	g := &grouping{tokens: tokens, word: true}
	for g.at = len(tokens) - 1; g.at >= 0; {
		t := tokens[g.at]
		switch {
		case t.kind == comment:
		case t.kind != operator:
			if !g.word { // a comma is missing
				g.end()
			}
			g.word = false
			g.current = append(g.current, t)
		case t.text == ",":
			g.end()
			g.word = true
		case t.text == ";": // the end of a named group
			g.end()
			g.group, g.word = true, true
		case t.text == ":" && g.group:
			g.end()
			g.skip(",")
			continue
		case t.text == ">":
			g.route()
			continue
		default:
			g.word = true
			g.current = append(g.current, t)
		}
		g.at--
	}
	g.end()
	slices.Reverse(g.found)
	return g.found
}

type grouping struct {
	tokens  []token
	at      int
	word    bool // a word may be part of the address on its right
	group   bool // a colon ends the name of a group
	current []token
	found   [][]token // both from right to left
}

// end makes an address of what was collected.
func (g *grouping) end() {
	if len(g.current) > 0 {
		slices.Reverse(g.current)
		g.found = append(g.found, g.current)
		g.current = nil
	}
}

// skip goes left to one of some operators, which it leaves to be looked at.
func (g *grouping) skip(stops string) {
	for g.at >= 0 && !(g.tokens[g.at].kind == operator && strings.Contains(stops, g.tokens[g.at].text)) {
		g.at--
	}
}

// route takes what is between angle brackets, and passes over the phrase before it.
func (g *grouping) route() {
	g.end()
	for g.at--; g.at >= 0 && !(g.tokens[g.at].kind == operator && g.tokens[g.at].text == "<"); g.at-- {
		if g.tokens[g.at].kind != comment {
			g.current = append(g.current, g.tokens[g.at])
		}
	}
	g.end()
	g.skip(">;,:")
	g.word = true
}

// localDestination tells what one address is by how it begins.
func localDestination(text string) Destination {
	const include = ":include:"
	switch {
	case text == "":
		return Destination{}
	case text[0] == '|':
		return Destination{Kind: Command, Text: strings.Trim(text[1:], spaces)}
	case text[0] == '/':
		return Destination{Kind: File, Text: text}
	case strings.HasPrefix(text, "~/"):
		return Destination{Kind: Home, Text: text}
	case len(text) >= len(include) && strings.EqualFold(text[:len(include)], include):
		return Destination{Kind: Include, Text: text[len(include):]}
	case text[0] == ':' && strings.Count(text, ":") > 1:
		return Destination{Kind: Special, Text: text}
	case text[0] == '\\':
		return Destination{Kind: User, Text: strings.TrimLeft(text, `\`)}
	}
	return Destination{Kind: Address, Text: text}
}
