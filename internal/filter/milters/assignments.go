package milters

import (
	"strings"

	"waxseal/internal/mta"
)

// assignments reads a file of shell variables, as far as they are plain: the last of
// a name counts, and variables that stand above are put in.
func assignments(text string) map[string]string {
	set := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		name = strings.TrimPrefix(name, "export ")
		if !ok || strings.HasPrefix(name, "#") || strings.ContainsAny(name, " \t") {
			continue
		}
		words := mta.ShellWords(strings.SplitN(value, " #", 2)[0])
		if len(words) == 0 {
			set[name] = ""
			continue
		}
		set[name] = putIn(words[0], set)
	}
	return set
}

const longestValue = 4096

// putIn replaces $NAME and ${NAME} where the variable is set.
func putIn(value string, set map[string]string) string {
	var out strings.Builder
	for value != "" && out.Len() < longestValue {
		before, rest, found := strings.Cut(value, "$")
		out.WriteString(before)
		if !found {
			break
		}
		name, after := variable(rest)
		if text, ok := set[name]; ok {
			out.WriteString(text)
		} else {
			out.WriteString("$" + rest[:len(rest)-len(after)])
		}
		value = after
	}
	return out.String()
}

// variable splits the name of a variable off what stands behind a dollar.
func variable(s string) (name, rest string) {
	if strings.HasPrefix(s, "{") {
		if name, rest, ok := strings.Cut(s[1:], "}"); ok {
			return name, rest
		}
	}
	end := strings.IndexFunc(s, func(r rune) bool {
		return !(r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	})
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}
