// Package postconf is the configuration of one Postfix instance as postconf(1)
// shows it: main.cf and master.cf read as Postfix reads them, the defaults of
// the release, and the value that each daemon gets.
//
// It follows postconf(5), master(5) and the Postfix source where those are
// silent. It is handed text and opens nothing; it knows nothing of what a
// parameter does to mail.
package postconf

import (
	"fmt"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
)

// Parameter is one "name = value" of main.cf.
type Parameter struct {
	Name string
	Raw  string // before expansion
	Line int
}

// Main is one main.cf: for each name the definition that counts.
type Main struct {
	Path  waxseal.Path
	Set   map[string]Parameter
	Order []string // names by the line of the definition that counts
	// Fatal is the first line that no program of Postfix gets past; 0 where there
	// is none.
	Fatal int
}

// ParseMain reads main.cf (postconf(5)). The last definition of a name wins, as
// the daemons' "overriding earlier entry" warning says; the pair is a problem.
// What stands behind a line at which Postfix would give up is read all the same.
func ParseMain(p waxseal.Path, content string) (Main, []waxseal.Problem) {
	conf := Main{Path: p, Set: map[string]Parameter{}}
	lines, bad := mapdb.Lines(content)
	problems := Located(p, bad)
	var all []Parameter
	for _, line := range lines {
		text, cut := beforeNull(line.Text)
		if cut {
			problems = append(problems, waxseal.Problem{Path: p, Line: line.Number, Message: "a null byte: Postfix ignores what follows it in this line"})
		}
		name, value, ok := SplitNameValue(text)
		if !ok {
			problems = append(problems, waxseal.Problem{Path: p, Line: line.Number, Message: fmt.Sprintf("expected name = value, found %q: no program of Postfix starts", Clip(text))})
			if conf.Fatal == 0 {
				conf.Fatal = line.Number
			}
			continue
		}
		if earlier, twice := conf.Set[name]; twice {
			problems = append(problems, waxseal.Problem{Path: p, Line: line.Number,
				Message: fmt.Sprintf("%s is set again: this line overrides line %d", Clip(name), earlier.Line)})
		}
		conf.Set[name] = Parameter{name, value, line.Number}
		all = append(all, conf.Set[name])
	}
	for _, q := range all {
		if conf.Set[q.Name].Line == q.Line {
			conf.Order = append(conf.Order, q.Name)
		}
	}
	return conf, problems
}

// beforeNull is what Postfix sees of a line: its strings end at a null byte.
func beforeNull(s string) (before string, cut bool) {
	before, _, cut = strings.Cut(s, "\x00")
	return before, cut
}

// SplitNameValue is split_nameval(3) of Postfix: the name ends at white space or
// "=", and a "#" behind the value belongs to it.
func SplitNameValue(s string) (name, value string, ok bool) {
	s = strings.Trim(s, Blanks)
	end := strings.IndexAny(s, Blanks+"=")
	if end <= 0 {
		return "", "", false
	}
	rest := strings.TrimLeft(s[end:], Blanks)
	if !strings.HasPrefix(rest, "=") {
		return "", "", false
	}
	return s[:end], strings.Trim(rest[1:], Blanks), true
}

// Blanks is what isspace(3) calls white space.
const Blanks = " \t\r\n\v\f"

// Located gives problems of a text the file they are in.
func Located(p waxseal.Path, bad []mapdb.Problem) []waxseal.Problem {
	var out []waxseal.Problem
	for _, b := range bad {
		out = append(out, waxseal.Problem{Path: p, Line: b.Line, Message: b.Message})
	}
	return out
}

// Clip keeps free text in messages short.
func Clip(s string) string {
	const most = 160
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
