package postconf

import (
	"fmt"
	"strings"
	"testing"

	"waxseal/internal/testtime"
)

// TestLinear: four times the input takes four times the work, not sixteen times.
func TestLinear(t *testing.T) {
	numbered := func(n int, format string) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, tc := range []struct {
		name string
		pair func(n int) (main, master string)
	}{
		{"one long value", func(n int) (string, string) { return "a = " + strings.Repeat("x", n), "" }},
		{"many settings", func(n int) (string, string) { return numbered(n, "n%d = $n1\n"), "" }},
		{"one setting often", func(n int) (string, string) { return strings.Repeat("always_bcc = x\n", n/15), "" }},
		{"many references", func(n int) (string, string) { return "always_bcc = " + strings.Repeat("$myorigin", n/9), "" }},
		{"open references", func(n int) (string, string) { return "always_bcc = " + strings.Repeat("${a", n/3), "" }},
		{"nested conditions", func(n int) (string, string) {
			return "always_bcc = " + strings.Repeat("${a:{", n/7) + strings.Repeat("}}", n/7), ""
		}},
		{"nested relations", func(n int) (string, string) {
			return "always_bcc = " + strings.Repeat("${{", n/5) + strings.Repeat("}}", n/5), ""
		}},
		{"a chain", func(n int) (string, string) { return numbered(n, "n%d = $n%[1]d1\n"), "" }},
		{"continuations", func(n int) (string, string) { return "a = x\n" + strings.Repeat(" y\n", n/3), "" }},
		{"nested tables", func(n int) (string, string) { return "alias_maps = " + strings.Repeat("{", n), "" }},
		{"an option with an o", func(n int) (string, string) { return "", "x inet n - n - - smtpd -" + strings.Repeat("o", n) }},
		{"many options", func(n int) (string, string) { return "", "x inet n - n - - smtpd" + numbered(n, " -o a%d=$b") }},
		{"open braces in options", func(n int) (string, string) { return "", "x inet n - n - - smtpd -o " + strings.Repeat("{", n) }},
		{"a level of dots", func(n int) (string, string) {
			return "compatibility_level = " + strings.Repeat("1.", n/2) + "\nalways_bcc = $append_dot_mydomain\n", ""
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			testtime.Linear(t, 300_000, func(n int) {
				c := config(tc.pair(n))
				c.Used()
				v := c.View(nil)
				for _, name := range c.Main.Order {
					v.ExpandName(name)
				}
				_, _ = c.Settings(InFull)
				_, _ = c.Services(InFull)
			})
		})
	}
}
