package postfix

import (
	"strings"

	"waxseal/internal/mapdb"
	"waxseal/internal/mta/postfix/postconf"
)

// late are the values of names that only the daemon knows.
type late struct{ user, home, shell, local, domain, extension, delimiter string }

// value is that of a name (local(8), "FORWARDING"); "" where there is none.
func (l *late) value(name string) string {
	switch name {
	case "user":
		return l.user
	case "home":
		return l.home
	case "shell":
		return l.shell
	case "local", "mailbox":
		return l.local
	case "domain":
		return l.domain
	case "recipient":
		return l.local + "@" + l.domain
	case "extension":
		return l.extension
	case "recipient_delimiter":
		return l.delimiter
	}
	return ""
}

// all are the values by name.
func (l *late) all() map[string]string {
	values := map[string]string{}
	for _, name := range []string{"user", "home", "shell", "local", "mailbox", "domain", "recipient", "extension", "recipient_delimiter"} {
		values[name] = l.value(name)
	}
	return values
}

// expandLate is mac_expand(3) over names that only the daemon knows, without
// those that have no value.
func expandLate(s string, values *late, depth int) (string, bool) {
	var b strings.Builder
	b.Grow(len(s) + 16)
	for s != "" && depth < 10 {
		before, after, found := strings.Cut(s, "$")
		b.WriteString(before)
		if !found {
			break
		}
		var expr string
		if expr, s = lateName(after); expr == "" {
			return "", false
		}
		if expr == "$" {
			b.WriteString("$")
			continue
		}
		text, ok := lateValue(expr, values, depth)
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), depth < 10
}

// lateName takes a name, or what stands in the brackets, off the front.
func lateName(s string) (expr, rest string) {
	if strings.HasPrefix(s, "$") {
		return "$", s[1:]
	}
	if s == "" || s[0] != '{' && s[0] != '(' {
		rest = postconf.AfterName(s)
		return s[:len(s)-len(rest)], rest
	}
	closing := byte('}')
	if s[0] == '(' {
		closing = ')'
	}
	level := 0
	for i := range len(s) {
		switch s[i] {
		case s[0]:
			level++
		case closing:
			if level--; level == 0 {
				return strings.TrimSpace(s[1:i]), s[i+1:]
			}
		}
	}
	return "", s
}

// lateValue is the value of name, name?text, name:text, name?{a}:{b}.
func lateValue(expr string, values *late, depth int) (string, bool) {
	name := expr[:len(expr)-len(postconf.AfterName(expr))]
	rest := strings.TrimSpace(expr[len(name):])
	value := values.value(name)
	switch {
	case rest == "":
		return value, value != ""
	case rest[0] != '?' && rest[0] != ':':
		// A comparison: what it compares are texts that have the same names.
		text, problem := postconf.Expand("${"+expr+"}", values.all())
		return text, problem == ""
	}
	yes, no := rest[1:], ""
	if rest[0] == ':' {
		yes, no = "", rest[1:]
	} else if strings.HasPrefix(strings.TrimSpace(yes), "{") {
		first, after := lateName(strings.TrimSpace(yes))
		yes = first
		no = strings.TrimPrefix(strings.TrimSpace(after), ":")
	}
	if inner, ok := mapdb.Unbrace(strings.TrimSpace(no)); ok {
		no = inner
	}
	if value != "" {
		return expandLate(yes, values, depth+1)
	}
	return expandLate(no, values, depth+1)
}

// sampleNames has a value for each name that forward_path may use.
var sampleNames = late{user: "u", home: "/h", shell: "/s", local: "u", domain: "d", extension: "e", delimiter: "+"}
