package policy

import (
	"regexp"
	"strconv"
	"strings"

	"waxseal"
)

// postfwd's rules, as version 1.35 reads them (postfwd(1) "CONFIGURATION"). A rule
// is one logical line, "item=value; item=value; action=…"; it goes on where a line
// ends with a backslash or an opening brace, and where the next begins with a
// blank or a closing brace. Quotes mean nothing, and "#" begins a comment anywhere.
// "&&NAME { items };" makes a macro, which stands for its text from there on.

// rule is one rule.
type rule struct {
	id, action string
	line       int
	items      []item // in the order of the file
	file       waxseal.Path
}

// item is a condition: any of its values, compared so.
type item struct {
	name   string
	values []operand
}

// operand is a value and how it is compared with what the client said.
type operand struct {
	compare string // "==", "=~", "!="
	text    string
}

const (
	maxRules    = 20_000
	maxRule     = 1 << 16
	maxReplaced = 500
	maxSpent    = 16 << 20
)

// single are items that have one value, the last that is set; lists are those
// whose values are separated by commas.
var (
	single = regexp.MustCompile(`^(?:id|action|score|rblcount|rhsblcount)$`)
	lists  = regexp.MustCompile(`^(?:client_address|sender_(?:ns|mx)_addrs|helo_address|rbl|rhsbl|rhsbl_client|rhsbl_helo|rhsbl_sender|rhsbl_reverse_client|date|time|days|months)$`)
)

const (
	sign   = `(?:[=~<>]=|[<>]|[=!][=~<>]|=)`
	space  = `[\s\v]`
	filled = `(?:[^;\s\v]+` + space + `*)+`
)

var (
	// wellFormed is what postfwd takes for a rule. Its test is weaker than its manual:
	// the signs stand in it without brackets, so that each alternative stands alone.
	wellFormed = regexp.MustCompile(`^` + space + `*[^=\s\v]+` + space + `*[=~<>]=|[<>]|[=!][=~<>]|=` + space + `*` + filled + `(?:;` + space + `*[^=\s\v]+` + space + `*[=~<>]=|[<>]|[=!][=~<>]|=` + space + `*` + filled + `)*[;\s\v]*$`)
	separator  = regexp.MustCompile(sign)
	macroLine  = regexp.MustCompile(`^` + space + `*(&&[-\w]+)` + space + `*\{` + space + `*(.*?)` + space + `*;?` + space + `*\}[\s\v;]*$`)
	macroName  = regexp.MustCompile(`&&[-\w]+`)
	fromFile   = regexp.MustCompile(`(?i)^(l?file|cfile|l?table|ctable):(.+)$`)
)

// ruleReader reads rules; macros last from one file to the next.
type ruleReader struct {
	macros  map[string]string
	problem func(line int, message string)
	// list reads the entries of a file that an item names.
	list func(reference string, line int) []string
	// asShown leaves the names of lists that postfwd reads as it is asked, rather
	// than when it starts, as postfwd --showconfig does.
	asShown bool
	// spent is what rules had with their macros put in, and the entries of their
	// files.
	spent int
}

// logical is a logical line and where it begins.
type logical struct {
	text string
	line int
}

// growing is a logical line that may go on.
type growing struct {
	text   strings.Builder
	line   int
	closed bool // it ends with a semicolon
}

func (g *growing) add(text string) {
	g.text.WriteString(text)
	if trimmed := strings.TrimRight(text, blanks); trimmed != "" {
		g.closed = strings.HasSuffix(trimmed, ";")
	}
}

// logicalLines joins lines. A continuation that the end of the file cuts off goes
// before the first line (postfwd2).
func logicalLines(text string) []logical {
	var lines []*growing
	var buffer strings.Builder
	number, first := 0, 0
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		number++
		line = strip(line)
		if strings.Trim(line, blanks) == "" {
			continue
		}
		if buffer.Len() == 0 {
			first = number
		}
		trimmed := strings.TrimRight(line, blanks)
		if body, ok := strings.CutSuffix(trimmed, `\`); ok {
			buffer.WriteString(body)
			continue
		}
		if strings.HasSuffix(trimmed, "{") {
			buffer.WriteString(trimmed)
			continue
		}
		buffer.WriteString(line)
		lines = join(lines, buffer.String(), first)
		buffer.Reset()
	}
	out := make([]logical, len(lines))
	for i, g := range lines {
		out[i] = logical{g.text.String(), g.line}
	}
	if buffer.Len() > 0 && len(out) > 0 {
		out[0].text = buffer.String() + out[0].text
	}
	return out
}

const blanks = " \t\n\v\f\r"

// strip takes quotes and the comment off a line.
func strip(line string) string {
	line, _, _ = strings.Cut(line, "#")
	return strings.ReplaceAll(line, `"`, "")
}

// join adds a line, or puts it behind the last one where it goes on.
func join(lines []*growing, text string, line int) []*growing {
	goesOn := text[0] == '}' || strings.IndexByte(blanks, text[0]) >= 0 && strings.Trim(text, blanks) != ""
	if len(lines) == 0 || !goesOn || lines[0].text.String() == "0" {
		g := &growing{line: line}
		g.add(text)
		return append(lines, g)
	}
	end := lines[len(lines)-1]
	if !end.closed {
		end.add(";")
	}
	end.add(text)
	return lines
}

// file reads the rules of a file.
func (r *ruleReader) file(p waxseal.Path, text string, have int) []rule {
	var rules []rule
	for _, l := range logicalLines(text) {
		if r.spent += len(l.text); len(rules)+have >= maxRules || r.spent > maxSpent {
			r.problem(l.line, "more rules than are read")
			break
		}
		if one, ok := r.rule(l, have+len(rules)); ok {
			one.file = p
			rules = append(rules, one)
		}
	}
	return rules
}

// rule reads one logical line; index is the number it gets.
func (r *ruleReader) rule(l logical, index int) (rule, bool) {
	if r.spent > maxSpent {
		return rule{}, false // which is told
	}
	text, ok := r.expand(l)
	switch {
	case !ok || text == "":
		return rule{}, false
	case len(text) > maxRule:
		r.problem(l.line, "the rule is longer than is read")
		return rule{}, false
	case !wellFormed.MatchString(text):
		r.problem(l.line, "postfwd ignores the line, since it is no rule")
		return rule{}, false
	}
	one := rule{line: l.line}
	set := map[string]int{}
	for part := range strings.SplitSeq(text, ";") {
		r.item(&one, set, part, l.line)
	}
	action, ok := set["action"]
	if !ok {
		r.problem(l.line, "postfwd ignores the rule, since it has no action")
		return rule{}, false
	}
	one.action = oldLimit.ReplaceAllString(one.items[action].values[0].text, "$1($2)")
	one.id = "R-" + strconv.Itoa(index)
	if id, ok := set["id"]; ok {
		one.id = one.items[id].values[0].text
	}
	return one, true
}

// oldLimit matches a limit as older releases wrote it: "rate($$client_address/…)".
var oldLimit = regexp.MustCompile(`(?is)^((?:rate|size|rcpt)(?:5321)?)\s*\(\s*\$\$(.*?)\s*\)$`)

// item reads one item into a rule; set has those that it has already.
func (r *ruleReader) item(one *rule, set map[string]int, text string, line int) {
	name, compare, v := cutItem(text)
	if lists.MatchString(name) {
		if v = strings.TrimRight(v, ","+blanks); v == "" {
			return // no value is none
		}
	}
	at, ok := set[name]
	if !ok {
		at = len(one.items)
		set[name] = at
		one.items = append(one.items, item{name: name})
	}
	it := &one.items[at]
	switch {
	case single.MatchString(name):
		it.values = []operand{{compare, v}}
	case lists.MatchString(name):
		for w := range strings.SplitSeq(v, ",") {
			it.values = append(it.values, r.operands(compare, strings.Trim(w, blanks), line, 0)...)
		}
	default:
		it.values = append(it.values, r.operands(compare, v, line, 0)...)
	}
}

// cutItem splits "name=value", where the sign may be one of several. "a<=b" is
// written "a=<b" as well.
func cutItem(text string) (name, compare, v string) {
	text = strings.Trim(text, blanks)
	at := separator.FindStringIndex(text)
	if at == nil {
		return text, "", ""
	}
	compare = text[at[0]:at[1]]
	text = strings.TrimRight(text[:at[0]], blanks) + compare + strings.TrimLeft(text[at[1]:], blanks)
	at = separator.FindStringIndex(text)
	name, v = text[:at[0]], text[at[1]:]
	if len(compare) == 2 && compare[1] == '=' && strings.IndexByte("<>~", compare[0]) >= 0 {
		compare = "=" + compare[:1]
	}
	return name, compare, v
}

// operands reads one value, or those of the file that it names.
func (r *ruleReader) operands(compare, v string, line, depth int) []operand {
	g := fromFile.FindStringSubmatch(v)
	if g == nil || depth > 8 || r.asShown && g[1][0]|0x20 == 'l' {
		if compare == "=~" || compare == "!~" {
			v = pattern(v)
		}
		return []operand{{compare, v}}
	}
	var out []operand
	if r.spent > maxSpent {
		return nil // which is told
	}
	for _, entry := range r.list(v, line) {
		out = append(out, r.operands(compare, entry, line, depth+1)...)
		if r.spent += len(entry) + 16; len(out) > maxListed || r.spent > maxSpent {
			r.problem(line, "more is in lists of addresses and names than is read")
			break
		}
	}
	return out
}

// maxListed bounds the values of one item.
const maxListed = 100_000

// pattern takes the slashes off a regular expression.
func pattern(v string) string {
	inner, negated := v, false
	if rest, ok := strings.CutPrefix(v, "!!"); ok {
		rest = strings.Trim(rest, blanks)
		rest = strings.TrimLeft(strings.TrimPrefix(rest, "("), blanks)
		rest = strings.TrimRight(strings.TrimSuffix(rest, ")"), blanks)
		if rest != "" {
			inner, negated = rest, true
		}
	}
	inner = strings.TrimPrefix(inner, "/")
	inner = strings.TrimSuffix(inner, "/")
	if negated {
		return "!!(" + inner + ")"
	}
	return inner
}

// expand reads a macro, or puts those in that a line names. A name that is the
// beginning of another's replaces it there too.
func (r *ruleReader) expand(l logical) (string, bool) {
	text := l.text
	if g := macroLine.FindStringSubmatch(text); g != nil {
		r.macros[g[1]] = g[2]
		return "", false
	}
	for n := 0; ; n++ {
		name := macroName.FindString(text)
		if name == "" {
			return text, true
		}
		value, ok := r.macros[name]
		if !ok {
			r.problem(l.line, "postfwd ignores the line, since there is no macro "+name)
			return "", false
		}
		if n > maxReplaced || len(text) > maxRule || r.spent > maxSpent {
			r.problem(l.line, "the macros of the line don't come to an end, or of the file: what follows is not read")
			return "", false
		}
		text = replaceMacro(text, name, value)
		r.spent += len(text)
	}
}

// replaceMacro puts a value in the place of a name and the blanks around it.
func replaceMacro(text, name, value string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, name)
		if !ok || b.Len() > maxRule {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(strings.TrimRight(before, blanks))
		b.WriteString(value)
		text = strings.TrimLeft(after, blanks)
	}
}
