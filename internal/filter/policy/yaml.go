package policy

import (
	"strings"

	"waxseal"
)

// parseYAML reads the part of YAML in which settings are written: a mapping of
// names to values, values to lists in brackets or on lines of their own, and
// mappings inside it, whose names come out as "mysql_config:passwd". A list comes
// out as its members with ", " between. Anchors, tags and texts of several lines
// are not read, which is told.
func parseYAML(p waxseal.Path, text string, problem func(line int, message string)) map[string]option {
	set := map[string]option{}
	var above []level
	n := 0
	for line := range strings.Lines(text) {
		n++
		body := strings.TrimRight(withoutComment(line), blanks)
		trimmed := strings.TrimLeft(body, " ")
		indent := len(body) - len(trimmed)
		if trimmed == "" || trimmed == "---" || trimmed == "..." || strings.HasPrefix(body, "%") {
			continue
		}
		isMember := strings.HasPrefix(trimmed, "- ") || trimmed == "-"
		for len(above) > 0 && (indent < above[len(above)-1].indent || indent == above[len(above)-1].indent && !isMember) {
			above = above[:len(above)-1]
		}
		if isMember {
			addMember(set, above, strings.TrimSpace(trimmed[1:]))
			continue
		}
		name, v, ok := cutName(trimmed)
		if !ok || len(above) > 20 {
			problem(n, "the line is no setting that is understood")
			continue
		}
		if len(above) > 0 {
			name = above[len(above)-1].name + ":" + name
		}
		if strings.IndexAny(v, "&*!|>") == 0 {
			problem(n, "the value of "+name+" is written in a way that is not understood")
		}
		set[name] = option{name, scalar(v), p, n}
		if v == "" {
			above = append(above, level{indent, name})
		}
	}
	return set
}

// level is a mapping or list that is being read.
type level struct {
	indent int
	name   string
}

// addMember adds a member of a list that is written line by line.
func addMember(set map[string]option, above []level, member string) {
	if len(above) == 0 {
		return
	}
	o := set[above[len(above)-1].name]
	if len(o.value)+len(member) > maxWords {
		return
	}
	if o.value != "" {
		o.value += ", "
	}
	o.value += scalar(member)
	set[o.name] = o
}

// cutName splits "name: value".
func cutName(s string) (name, v string, ok bool) {
	if s[0] == '"' || s[0] == '\'' {
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 || !strings.HasPrefix(s[end+2:], ":") {
			return "", "", false
		}
		return s[1 : end+1], strings.TrimSpace(s[end+3:]), true
	}
	if name, ok := strings.CutSuffix(s, ":"); ok && !strings.Contains(name, ": ") {
		return strings.TrimSpace(name), "", true
	}
	name, v, ok = strings.Cut(s, ": ")
	return strings.TrimSpace(name), strings.TrimSpace(v), ok
}

// scalar takes off the quotes of a value, or the brackets of a list.
func scalar(v string) string {
	v = strings.TrimSpace(v)
	if len(v) > 1 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		return v[1 : len(v)-1]
	}
	if inner, ok := strings.CutPrefix(v, "["); ok && strings.HasSuffix(inner, "]") && !strings.Contains(inner, "[") {
		var members []string
		for m := range strings.SplitSeq(strings.TrimSuffix(inner, "]"), ",") {
			if m = scalar(m); m != "" {
				members = append(members, m)
			}
		}
		return strings.Join(members, ", ")
	}
	if v == "null" || v == "~" || v == "{}" {
		return ""
	}
	return v
}

// withoutComment takes a comment off, which a blank stands before, and that is in
// no quotes.
func withoutComment(line string) string {
	var quote byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" [,{:", line[i-1]) >= 0):
			quote = c
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return line[:i]
		}
	}
	return line
}
