package eximconf

import (
	"fmt"
	"strings"
)

// printConfig writes the lines in force as "exim -bP config" does, the headings of
// files left out.
func printConfig(c *Config) string {
	var b strings.Builder
	indent := ""
	for _, l := range c.Lines {
		text := collapsed(l.Text)
		switch {
		case text == "":
		case len(text) > 5 && text[:5] == "begin" && isSpace(text[5]):
			fmt.Fprintf(&b, "\n%s\n", text)
			indent = "  "
		case strings.HasSuffix(text, ":") && !strings.Contains(text, "="):
			fmt.Fprintf(&b, "\n  %s\n", text)
			indent = "    "
		default:
			fmt.Fprintf(&b, "%s%s\n", indent, text)
		}
	}
	return b.String()
}

// collapsed folds white space as readconf.c print_config does: up to the first run
// that stands before a quote or a dollar. Where a run was longer than one, what it
// looks at is as far behind as the text has moved.
func collapsed(line string) string {
	s := []byte(strings.TrimLeft(line, blanks))
	for i := 0; i < len(s); i++ {
		if !isSpace(s[i]) {
			continue
		}
		s[i] = ' '
		next := i
		for next < len(s) && isSpace(s[next]) {
			next++
		}
		s = append(s[:i+1], s[next:]...)
		if next < len(s) && strings.IndexByte("\"'$", s[next]) >= 0 {
			break
		}
	}
	return string(s)
}

// printMacros writes the macros as "exim -bP macros" does, those that Exim defines
// left out.
func printMacros(c *Config) string {
	var b strings.Builder
	for _, m := range c.Macros {
		fmt.Fprintf(&b, "%s=%s\n", m.Name, m.Value)
	}
	return b.String()
}

// shown is one option as "exim -bP" shows it.
func shown(class, driver string, o Option) string {
	row, _ := lookUp(class, driver, o.Name)
	if row.kind == "" {
		return o.Name + " = " + o.Value
	}
	switch value := Show(o); {
	case (row.kind == Switch || row.kind == Verify || row.kind == Expanded) && value == "true":
		return o.Name
	case (row.kind == Switch || row.kind == Verify || row.kind == Expanded) && value == "false":
		return "no_" + o.Name
	case row.kind == Users || row.kind == Groups:
		if value == "" {
			return o.Name + " ="
		}
		return o.Name + " = " + strings.Join(Split(value), ":")
	default:
		return o.Name + " = " + printing(value)
	}
}

// printing writes what can't be printed as Exim's string_printing() does.
func printing(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`, "\b", `\b`, "\v", `\v`, "\f", `\f`).Replace(s)
}
