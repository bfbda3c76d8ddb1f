package policy

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

var pythonSet = regexp.MustCompile(`^([A-Za-z_]\w*)\s*=\s*(.*?)\s*(?:#.*)?$`)

// perlAssignments are the assignments of a program in Perl to its variables; the last of
// a name counts, under whatever condition it stands. The program is not run: what it
// works out is not known.
func perlAssignments(p waxseal.Path, text string) map[string]option {
	env := &calls.Environment{Variables: map[string]calls.Value{}, Package: "main"}
	list, _ := env.Run(text)
	set := map[string]option{}
	for _, a := range list {
		value := a.Value
		if all, ok := env.Variables[a.Name]; ok && a.Sure && a.Op != "=" {
			value = all // what was added to
		}
		if len(a.Name) > 1 && len(a.Keys) == 0 {
			set[a.Name[1:]] = option{a.Name[1:], plainValue(value), p, a.Line}
		}
	}
	return set
}

// plainValue is a text, or those of a list with commas between.
func plainValue(v calls.Value) string {
	if v.Sort == calls.Scalar {
		return v.Text
	}
	var members []string
	for _, item := range v.Items {
		members = append(members, plainValue(item))
	}
	if len(members) == 0 {
		return v.String()
	}
	return strings.Join(members, ", ")
}

// pythonAssignments are those of a program in Python.
func pythonAssignments(p waxseal.Path, text string) map[string]option {
	return plainAssignments(p, text, pythonSet)
}

func plainAssignments(p waxseal.Path, text string, form *regexp.Regexp) map[string]option {
	set := map[string]option{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if len(line) > 1<<14 || !strings.Contains(line, "=") {
			continue
		}
		if g := form.FindStringSubmatch(line); g != nil {
			set[g[1]] = option{g[1], literal(g[2]), p, n}
		}
	}
	return set
}

// literal takes the quotes off a text, and the brackets off a list of such.
func literal(v string) string {
	v = strings.TrimSpace(v)
	if len(v) > 1 && strings.IndexByte(`"'`, v[0]) >= 0 && v[len(v)-1] == v[0] {
		return v[1 : len(v)-1]
	}
	if len(v) > 1 && (v[0] == '(' && v[len(v)-1] == ')' || v[0] == '[' && v[len(v)-1] == ']') && !strings.ContainsAny(v[1:len(v)-1], "([") {
		var members []string
		for m := range strings.SplitSeq(v[1:len(v)-1], ",") {
			if m = literal(m); m != "" {
				members = append(members, m)
			}
		}
		return strings.Join(members, ", ")
	}
	return v
}

// program takes down code that a service runs: configuration that is a program, a
// plugin. What it answers may be written in it as plainly as in a table.
func (s *service) program(o option, text string, language calls.Language, runs string) {
	directive := o.name
	s.Code(mta.Code{Path: o.path, Text: text, Language: language, Domains: s.domains, Directive: directive, Stage: waxseal.StageSession, Scope: "all mail that it is asked about", RunsAs: s.met.User, Runs: runs})
	code := calls.Code(language, text)
	for i, g := range answersIn.FindAllStringSubmatch(code, 50) {
		h := s.hook(o, "answer:"+strconv.Itoa(i+1))
		h.Source.Line = lineOf(text, g[1])
		mta.Modify(&h, "seen", "inferred")
		s.answer(h, strings.TrimPrefix(strings.TrimPrefix(g[1], "action="), "ACTION="))
	}
}

// answersIn are texts in quotes that would be actions of access(5).
var answersIn = regexp.MustCompile(`["']((?i:action=)?(?:(?:REDIRECT|BCC|redirect|bcc)\s+[^"'\s]+@[^"'\s]+|(?:FILTER|filter)\s+[a-z]+:[^"'\s]+|(?:DISCARD|discard|HOLD|hold)(?:\s[^"']*)?))["']`)

// lineOf is the line on which a text first stands.
func lineOf(text, what string) int {
	at := strings.Index(text, what)
	return 1 + strings.Count(text[:max(at, 0)], "\n")
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// confSet is a setting of postsrsd.conf (libConfuse).
var confSet = regexp.MustCompile(`^\s*([A-Za-z][\w-]*)\s*=\s*(.*?)\s*(?:#.*)?$`)
