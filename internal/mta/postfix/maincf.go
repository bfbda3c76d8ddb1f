package postfix

import (
	"fmt"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
)

// parameter is one "name = value" of main.cf.
type parameter struct {
	name string
	raw  string
	line int
}

// mainConf is one main.cf: for each name the definition that counts.
type mainConf struct {
	path  waxseal.Path
	set   map[string]parameter
	order []string // names by the line of the definition that counts
}

// parseMain reads main.cf (postconf(5)). The last definition of a name wins, as
// the daemons' "overriding earlier entry" warning says; the pair is a problem.
func parseMain(p waxseal.Path, content string) (mainConf, []waxseal.Problem) {
	conf := mainConf{path: p, set: map[string]parameter{}}
	lines, bad := mapdb.Lines(content)
	problems := located(p, bad)
	var all []parameter
	for _, line := range lines {
		text := line.Text
		if i := strings.IndexByte(text, 0); i >= 0 {
			problems = append(problems, waxseal.Problem{Path: p, Line: line.Number, Message: "a null byte: Postfix ignores what follows it in this line"})
			text = text[:i]
		}
		name, value, ok := splitNameValue(text)
		if !ok {
			problems = append(problems, waxseal.Problem{Path: p, Line: line.Number, Message: fmt.Sprintf("expected name = value, found %q", clip(text))})
			continue
		}
		if earlier, twice := conf.set[name]; twice {
			problems = append(problems, waxseal.Problem{Path: p, Line: line.Number,
				Message: fmt.Sprintf("%s is set again: this line overrides line %d", clip(name), earlier.line)})
		}
		conf.set[name] = parameter{name, value, line.Number}
		all = append(all, conf.set[name])
	}
	for _, q := range all {
		if conf.set[q.name].line == q.line {
			conf.order = append(conf.order, q.name)
		}
	}
	return conf, problems
}

// splitNameValue is split_nameval(3) of Postfix: the name ends at white space or
// "=", and a "#" behind the value belongs to it.
func splitNameValue(s string) (name, value string, ok bool) {
	s = strings.Trim(s, blanks)
	end := strings.IndexAny(s, blanks+"=")
	if end <= 0 {
		return "", "", false
	}
	rest := strings.TrimLeft(s[end:], blanks)
	if !strings.HasPrefix(rest, "=") {
		return "", "", false
	}
	return s[:end], strings.Trim(rest[1:], blanks), true
}

const blanks = " \t\r\n\v\f"

func located(p waxseal.Path, bad []mapdb.Problem) []waxseal.Problem {
	var out []waxseal.Problem
	for _, b := range bad {
		out = append(out, waxseal.Problem{Path: p, Line: b.Line, Message: b.Message})
	}
	return out
}

// clip keeps free text in messages and identities short.
func clip(s string) string {
	const most = 160
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// normalList writes a list in one way, white space inside braces folded.
func normalList(value, separator string) string {
	items := mapdb.Fields(value)
	for i, item := range items {
		if strings.ContainsAny(item, "{"+blanks) {
			items[i] = foldBraces(item)
		}
	}
	return strings.Join(items, separator)
}

// foldBraces folds white space in "{ a, b = c }", where blanks beside braces and
// commas mean nothing.
func foldBraces(s string) string {
	var b strings.Builder
	words := strings.Fields(s)
	for i, w := range words {
		if i > 0 && !strings.HasSuffix(words[i-1], "{") && !strings.HasPrefix(w, "}") && !strings.HasPrefix(w, ",") {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}
