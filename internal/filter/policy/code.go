package policy

import (
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

var (
	perlSet   = regexp.MustCompile(`^\s*(?:our\s+|my\s+)?[$@%]([A-Za-z_]\w*)\s*=\s*(.*?)\s*;\s*(?:#.*)?$`)
	pythonSet = regexp.MustCompile(`^([A-Za-z_]\w*)\s*=\s*(.*?)\s*(?:#.*)?$`)
)

// perlAssignments are the plain assignments of a program in Perl, one on a line;
// the last of a name counts. The program is not run: what it works out is not
// known.
func perlAssignments(p waxseal.Path, text string) map[string]option {
	return plainAssignments(p, text, perlSet)
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

// program makes the hook of configuration that is a program: whatever is in it
// runs.
func (s *service) program(p waxseal.Path, text, language string) {
	h := s.hook(option{name: "configuration", path: p}, "")
	h.Kind, h.Effects = waxseal.KindModule, []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Execute}
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: string(p)}
	h.Closure = []waxseal.Part{{Path: p, Role: waxseal.RoleScript}}
	h.Explain = s.title + " runs its configuration " + string(p) + ", which is a program: any code in it runs with its rights."
	s.Emit(h)
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// confSet is a setting of postsrsd.conf (libConfuse).
var confSet = regexp.MustCompile(`^\s*([A-Za-z][\w-]*)\s*=\s*(.*?)\s*(?:#.*)?$`)
