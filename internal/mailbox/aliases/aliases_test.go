package aliases

import (
	"fmt"
	"strings"
	"testing"
)

func show(list []Destination) string {
	var out []string
	for _, d := range list {
		out = append(out, fmt.Sprintf("%s(%s)", d.Kind, d.Text))
	}
	return strings.Join(out, " ")
}

func TestParseValue(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"address", "root", "address(root)"},
		{"list", "a, b@example.test ,c", "address(a) address(b@example.test) address(c)"},
		{"command quoted as a whole", `"|/usr/bin/x -a \"b c\", d"`, `command(/usr/bin/x -a "b c", d)`},
		{"command quoted behind the bar", `|"/usr/bin/x a, b"`, "command(/usr/bin/x a, b)"},
		{"bare command", "|/usr/bin/x a b", "command(/usr/bin/x a b)"},
		{"command with quotes of its own", `|/usr/bin/x "a b" c`, `command(/usr/bin/x "a b" c)`},
		{"command in sh", `"|/bin/sh -c 'id > /var/tmp/.al'"`, "command(/bin/sh -c 'id > /var/tmp/.al')"},
		{"bar and blank", `"| cmd"`, "command(cmd)"},
		{"file", "/var/mail/x", "file(/var/mail/x)"},
		{"quoted file", `"/var/mail/a b"`, "file(/var/mail/a b)"},
		{"home", "~/Mail/x", "home(~/Mail/x)"},
		{"include", ":include:/etc/list", "include(/etc/list)"},
		{"include in capitals and quotes", `":Include: /etc/list"`, "include(/etc/list)"},
		{"user", `\alice`, "user(alice)"},
		{"user doubled", `\\alice, x@y.example`, "user(alice) address(x@y.example)"},
		{"special", ":fail: gone", "special(:fail: gone)"},
		{"full name", "Alice A <alice@example.test>", "address(alice@example.test)"},
		{"comment", "alice (her, own) , bob", "address(alice) address(bob)"},
		{"quoted comma", `"a,b"@example.test`, "address(a,b@example.test)"},
		{"nothing", " , ,", ""},
		{"open quote", `"|x y, z`, "command(x y, z)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := show(ParseValue(tc.in, 1)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// TestParseLocal: what local(8) of Postfix makes of a right-hand side.
func TestParseLocal(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"list", "a, b@example.test ,c", "address(a) address(b@example.test) address(c)"},
		{"blanks for commas", "a b@example.test", "address(a) address(b@example.test)"},
		{"bare command", "|/usr/bin/x -f a.b", "command(/usr/bin/x) address(-f) address(a.b)"},
		{"bare command behind a name", `alice |/usr/bin/x`, "address(alice|/usr/bin/x)"},
		{"quoted as a whole", `"|/usr/bin/x -a \"b c\", d"`, `command(/usr/bin/x -a "b c", d)`},
		{"quoted behind the bar", `|"/usr/bin/x a, b"`, "command(/usr/bin/x a, b)"},
		{"arguments with quotes of their own", `|/usr/bin/x "a b" c`, "command(/usr/bin/x) address(a b) address(c)"},
		{"bare file", "/var/mail/a b", "file(/var/mail/a) address(b)"},
		{"file with dots", "/var/mail/a.b", "file(/var/mail/a.b)"},
		{"include", ":include:/etc/list, b", "include(/etc/list) address(b)"},
		{"include and blank", ":include: /etc/list", "include(/etc/list)"},
		{"quoted include and blank", `":include: /etc/list"`, "include( /etc/list)"},
		{"backslash", `\alice, \\bob`, "address(alice) user(bob)"},
		{"full name", "Alice A <alice@example.test>, bob", "address(alice@example.test) address(bob)"},
		{"two full names", "A <a@x> B <b@x>", "address(a@x) address(b@x)"},
		{"route open", "alice@x>", "address(alice@x)"},
		{"named group", "all: a, b; c", "address(a) address(b) address(c)"},
		{"comment", "alice (her, own) bob", "address(alice) address(bob)"},
		{"nothing", " , <>, ()", ""},
		{"open quote", `"|x y, z`, "command(x y, z)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := show(ParseLocal(tc.in, 1)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	const text = "# c\npostmaster: root\nlist: a,\n  b,\n# c\n\n\tc\nowner-list: root\n\"with blank\" : x\nno colon\n lost?\nempty:\nodd: \"x\nlast: /dev/null"
	entries, problems := Parse(text)
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d %s: %s", e.Line, e.Key, show(e.Destinations)))
	}
	want := []string{
		"2 postmaster: address(root)", "3 list: address(a) address(b) address(c)", "8 owner-list: address(root)",
		"9 with blank: address(x)", "13 odd: address(x)", "14 last: file(/dev/null)",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, fmt.Sprint(p.Line))
	}
	if s := strings.Join(lines, " "); s != "10 12 13" {
		t.Errorf("problems on lines %s", s)
	}
}

func TestParseList(t *testing.T) {
	list := ParseList("# c\nalice, bob\n\n|cmd\n :include:/x\r\n")
	if got := show(list); got != "address(alice) address(bob) command(cmd) include(/x)" || list[2].Line != 4 {
		t.Errorf("got %s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a: b, \"|c d\"\n  , :include:/x\n")
	f.Fuzz(func(t *testing.T, text string) {
		last := strings.Count(text, "\n") + 1
		entries, problems := Parse(text)
		for _, e := range entries {
			if e.Line < 1 || e.Line > last || e.Key == "" {
				t.Errorf("entry %+v in %d lines", e, last)
			}
		}
		for _, p := range problems {
			if p.Line < 1 || p.Line > last {
				t.Errorf("problem %+v in %d lines", p, last)
			}
		}
		for _, d := range append(ParseList(text), ParseLocalList(text)...) {
			if d.Line < 1 || d.Line > last || d.Kind == "" {
				t.Errorf("destination %+v in %d lines", d, last)
			}
		}
	})
}
