package sieve

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decode replaces the characters that a script with "encoded-character" writes as
// numbers: "${hex:40}" and "${unicode:40}" are "@" (RFC 5228 section 2.4.2.4). What
// is no such thing stays as it is.
func decode(s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		s = s[i:]
		text, n := encoded(s)
		if n == 0 {
			text, n = "${", 2
		}
		b.WriteString(text)
		s = s[n:]
	}
}

// encoded reads what begins with "${", and says how long it is.
func encoded(s string) (text string, n int) {
	body, _, closed := strings.Cut(s[2:min(len(s), maxEncoded)], "}")
	kind, numbers, ok := strings.Cut(body, ":")
	if !closed || !ok || !strings.EqualFold(kind, "hex") && !strings.EqualFold(kind, "unicode") {
		return "", 0
	}
	var out []byte
	for _, f := range strings.FieldsFunc(numbers, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }) {
		v, err := strconv.ParseUint(f, 16, 32)
		switch {
		case err != nil:
			return "", 0
		case strings.EqualFold(kind, "hex") && len(f) <= 2:
			out = append(out, byte(v))
		case strings.EqualFold(kind, "unicode") && utf8.ValidRune(rune(v)):
			out = utf8.AppendRune(out, rune(v))
		default:
			return "", 0
		}
	}
	if len(out) == 0 {
		return "", 0
	}
	return string(out), len(body) + 3
}

// maxEncoded bounds how far the end of encoded characters is looked for.
const maxEncoded = 4096

// names are the commands whose first argument names variables or extensions: that
// is never written in numbers.
var names = []string{"set", "extracttext", "require", "global", "import", "export"}

// decodeArguments decodes the strings of a command.
func (c *Command) decodeArguments() {
	skip := -1
	if slices.Contains(names, c.Name) {
		skip = len(c.Args) - len(positional(c))
	}
	for i := range c.Args {
		a := &c.Args[i]
		if i == skip {
			continue
		}
		if a.Sort == String {
			a.Text = decode(a.Text)
		}
		for j := range a.List {
			a.List[j] = decode(a.List[j])
		}
	}
}

// hasVariable reports whether a text refers to a variable: "${name}", "${space.name}"
// or "${1}" (RFC 5229 section 3).
func hasVariable(s string) bool {
	for {
		_, rest, ok := strings.Cut(s, "${")
		if !ok {
			return false
		}
		n := 0
		for n < len(rest) && (letter(rest[n]) || rest[n] == '.' || rest[n] >= '0' && rest[n] <= '9') {
			n++
		}
		if n > 0 && n < len(rest) && rest[n] == '}' {
			return true
		}
		s = rest
	}
}

const (
	maxValues   = 8    // of one variable that are told
	maxExpanded = 4096 // bytes of one value: variables double what they hold
)

// variables are the texts that the variables of a script may hold (RFC 5229). Those
// that come out of the message are not among them.
type variables map[string][]string

// set takes down what a command gives a variable.
func (v variables) set(cmd *Command) {
	args := positional(cmd)
	if len(args) != 2 {
		return
	}
	name := strings.ToLower(args[0].Text)
	for _, text := range v.expand(args[1].Text) {
		if hasVariable(text) { // it comes out of the message
			text = "${" + name + "}"
		} else {
			text = modify(cmd, text)
		}
		if !slices.Contains(v[name], text) && len(v[name]) < maxValues {
			v[name] = append(v[name], text)
		}
	}
}

// modify applies the modifiers that change letters, in the order of their precedence
// (RFC 5229 section 4.1).
func modify(cmd *Command, s string) string {
	has := func(name string) bool {
		_, ok := cmd.tag(name)
		return ok
	}
	switch {
	case has("lower"):
		s = strings.ToLower(s)
	case has("upper"):
		s = strings.ToUpper(s)
	}
	switch {
	case s == "":
	case has("lowerfirst"):
		s = strings.ToLower(s[:1]) + s[1:]
	case has("upperfirst"):
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if has("length") {
		s = strconv.Itoa(utf8.RuneCountInString(s))
	}
	return s
}

// expand lists what a text may be; what nothing is known of stays as it is written.
func (v variables) expand(s string) []string {
	out := []string{""}
	for s != "" && len(out) > 0 {
		i := strings.Index(s, "${")
		if i < 0 {
			i = len(s)
		}
		choices := []string{s[:i]}
		if s = s[i:]; i == 0 {
			name, rest, ok := strings.Cut(s[2:], "}")
			values := v[strings.ToLower(name)]
			switch {
			case ok && len(values) > 0:
				choices, s = values, rest
			default:
				choices, s = []string{"${"}, s[2:]
			}
		}
		out = products(out, choices)
	}
	return out
}

func products(heads, tails []string) []string {
	var out []string
	for _, h := range heads {
		for _, t := range tails {
			if text := h + t; len(out) < maxValues && len(text) <= maxExpanded && !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return out
}
