package postfix

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"waxseal/internal/testtime"
)

// TestHostile: no input may take long, whatever it asks for. The limit is far
// above what any of them needs.
func TestHostile(t *testing.T) {
	const limit = 20 * time.Second
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	chain := many(1000, "x%d = $x")
	for _, tc := range []struct{ name, main, master, table string }{
		{"one long line", "a = " + strings.Repeat("x", 4<<20), "", ""},
		{"continuations", "a = x\n" + strings.Repeat(" y\n", 500_000), "", ""},
		{"many names", many(100_000, "n%d = $n1\n"), "", ""},
		{"long chain", chain, "", ""},
		{"bombs", many(60, "smtpd_milters = $a\na%[1]d = $b$b$b$b\n") + "b = $c$c$c$c$c$c$c$c$c$c\nc = " + strings.Repeat("x", 60_000) + "\n" + many(2000, "q%d = $b\n"), "", ""},
		{"open references", "always_bcc = " + strings.Repeat("${a", 500_000), "", ""},
		{"open braces", "smtpd_milters = " + strings.Repeat("{", 1_000_000), "", ""},
		{"nested tables", "virtual_alias_maps = " + strings.Repeat("pipemap:{", 100_000) + "hash:/a" + strings.Repeat("}", 100_000), "", ""},
		{"many tables", "virtual_alias_maps = " + strings.Repeat("hash:/etc/postfix/t ", 10_000), "", many(100, "k%d v\n")},
		{"many services", own + "smtpd_milters = $m\n", many(20_000, "s%d inet n - n - - smtpd -o m=inet:a:1\n"), ""},
		{"many options", own, "s inet n - n - - smtpd " + many(200_000, " -o a%d=$b"), ""},
		{"many entries", own + "virtual_alias_maps = hash:/etc/postfix/t\n", "", many(60_000, "k%d@example.test v\n")},
		{"many results", own + "virtual_alias_maps = hash:/etc/postfix/t\n", "", "k " + many(20_000, "a%d,")},
		{"deep conditions", own + "header_checks = regexp:/etc/postfix/t\n", "", strings.Repeat("if /a/\n", 50_000) + strings.Repeat("/b/ DISCARD\n", 1000)},
		{"quotes", own + "alias_maps = hash:/etc/postfix/t\n", "", "a: " + strings.Repeat(`"`, 500_000) + "\n" + strings.Repeat("(", 500_000)},
		{"list of lists", own + "mydestination = /etc/postfix/t\n", "", strings.Repeat("/etc/postfix/t /etc/postfix/t\n", 100)},
		{"many classes", own + "smtpd_restriction_classes = " + many(5000, "c%d,") + "\n" + many(5000, "c%d = c1 c2 c3 c4\n") + "smtpd_client_restrictions = c1\n", wholeMaster, ""},
		{"many forward paths", own + "forward_path = " + strings.Repeat("$home/.f${extension?{-$extension}} ", 5000) + "\n", "", ""},
		{"nested forward path", own + "forward_path = " + strings.Repeat("${user?", 50_000) + "\n", "", ""},
		{"percent signs", own + "always_bcc = " + strings.Repeat("a%", 500_000) + "@example.test\n", "", ""},
		{"keys that stand again and again", own + "virtual_alias_maps = texthash:/etc/postfix/t\n", "", many(100_000, "k v%d@evil.example.net\n")},
		{"including itself", own + "alias_maps = hash:/etc/postfix/t\n", "", strings.Repeat("a: :include:/etc/postfix/t, :include:/etc/postfix/t\n", 200)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := tree(map[string]string{"/etc/postfix/main.cf": tc.main, "/etc/postfix/master.cf": tc.master, "/etc/postfix/t": tc.table})
			var r Result
			d := testtime.Within(t, limit, func() { r = read(files) })
			t.Logf("%v, %d hooks, %d settings, %d problems", d, len(r.Hooks), len(r.Settings), len(r.Problems))
		})
	}
}

func TestLoopIsReported(t *testing.T) {
	r := read(conf("alias_maps =\n\na = $b\nb = $a\nalways_bcc = $a\n", ""))
	found := false
	for _, p := range r.Problems {
		found = found || p.Line == 5 && p.Path == "/etc/postfix/main.cf" && strings.Contains(p.Message, "expands to itself")
	}
	if !found {
		t.Errorf("no problem on line 5 of main.cf: %v", r.Problems)
	}
}
