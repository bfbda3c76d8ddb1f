package smtpdconf

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// files are what a test's configuration reads; /c is the configuration.
func parse(version string, files map[string]string) *Config {
	return Parse("/c", Options{
		Version: version, Libexec: "/x",
		Read: func(path string) (string, error) {
			if text, ok := files[path]; ok {
				return text, nil
			}
			return "", fs.ErrNotExist
		},
		Exists: func(path string) bool { _, ok := files[path]; return ok },
	})
}

// show writes a configuration as one line for each thing in it.
func show(c *Config) string {
	var b strings.Builder
	for _, e := range c.Errors {
		fmt.Fprintf(&b, "error %d %s\n", e.Pos.Line, e.Message)
	}
	for _, a := range c.Actions {
		fmt.Fprintf(&b, "action %s %s %q", a.Name, a.Method, a.Argument)
		for _, o := range a.Options {
			fmt.Fprintf(&b, " %s=%s", o.Name, o.Value)
			if o.Table != nil {
				b.WriteString(o.Table.String())
			}
		}
		b.WriteString("\n")
	}
	for _, m := range c.Matches {
		b.WriteString("match")
		for _, t := range []*Test{&m.From, &m.For, m.Sender, m.Rcpt, m.Auth, m.TLS, m.Helo, m.Tag} {
			if t == nil {
				continue
			}
			fmt.Fprintf(&b, " %s", t.Kind)
			if t.Not {
				b.WriteString("!")
			}
			if t.Table != nil {
				b.WriteString(t.Table.String())
			}
		}
		switch {
		case m.Reject:
			b.WriteString(" reject")
		default:
			b.WriteString(" -> " + m.Action.Method)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, tc := range []struct{ name, version, text, want string }{
		{"default", "", "table aliases file:/aliases\nlisten on localhost\naction \"local\" maildir alias <aliases>\nmatch for local action \"local\"\n",
			"action local maildir \"\" alias=file:/aliases\nmatch local local -> maildir\n"},
		{"a comment goes on", "", "# hidden \\\nmatch reject\nmatch for any reject\n", "match local any reject\n"},
		{"lines in braces", "7.3.0p2", "table t {\n  a,\n  b\n}\nmatch for domain <t> reject\n", "match local domain<t> reject\n"},
		{"a macro", "", "d = \"{ a, b }\"\nmatch for domain $d reject\n", "match local domain{ a, b } reject\n"},
		{"from auth", "", "match !from auth for rcpt-to a@b reject\n", "match any any rcpt-to{ a@b } auth! reject\n"},
		{"the next line goes too", "", "x = $no\nmatch reject\nmatch for any reject\n", "error 1 macro 'no' not defined\nerror 1 syntax error\nmatch local any reject\n"},
		{"old", "", "table a file:/aliases\naccept from any for domain \"x.example\" virtual <a> deliver to mda \"/bin/x\" as vmail\naccept for any relay via \"tls+auth://l@h\" auth <a> as \"@y\"\nreject sender ! \"@z\" from any for any\n",
			"action  mda \"/bin/x\" virtual=file:/aliases user=vmail\naction  relay \"\" host={ tls+auth://l@h } auth=file:/aliases mail-from=@y\n" +
				"match any domain{ x.example } -> mda\nmatch local any -> relay\nmatch any any mail-from!{ @z } reject\n"},
		{"old under a new release", "6.8.0p2", "accept for any relay\n", "error 1 syntax error\nerror 0 no rules, nothing to do\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := show(parse(tc.version, map[string]string{"/c": tc.text, "/aliases": "a: b\n"})); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
		})
	}
}

func TestParseTable(t *testing.T) {
	for _, tc := range []struct {
		name, text, want string
		shape            Shape
		bad              int
	}{
		{"aliases", "# c\nroot: alice\n bob :\t x, y\nc\td\n", "root=alice bob=x, y c=d", Map, 0},
		{"names", "a\nb c\n", "a= b c=", List, 0},
		{"list by its comment", "# @list\nb: c\n", "b: c=", List, 0},
		{"nothing", "\n#\n", "", Map, 0},
		{"no value", "a: b\nc:\n", "a=b", Map, 2},
		{"twice", "A: b\na: c\n", "A=b! a=c", Map, 0},
		{"no blank behind the colon", "a :b\n", "a=:b", Map, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shape, entries, bad := ParseTable("/t", tc.text)
			var got []string
			for _, e := range entries {
				s := e.Key + "=" + e.Value
				if e.Unused != "" {
					s += "!"
				}
				got = append(got, s)
			}
			if s := strings.Join(got, " "); s != tc.want || shape != tc.shape || bad != tc.bad {
				t.Errorf("got %q %s %d", s, shape, bad)
			}
		})
	}
}

// TestBounds: whatever loops or explodes ends soon and is told, with its place.
func TestBounds(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"include loop", "include \"/c\"\nmatch reject\n", "files include each other"},
		{"macro bomb", "x = \"" + strings.Repeat("a ", 4000) + "\"\n" + strings.Repeat("$x\n", 10_000), "macros make more text"},
		{"missing include", "include \"/none\"\nmatch reject\n", "there is no such file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := parse("", map[string]string{"/c": tc.text})
			found := false
			for _, e := range c.Errors {
				found = found || strings.Contains(e.Message, tc.want) && e.Pos.Line > 0 && e.Pos.Path == "/c"
			}
			if !found {
				t.Errorf("errors %v, want one with %q and its place", c.Errors[:min(3, len(c.Errors))], tc.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range fixedCases {
		f.Add(text, "")
	}
	f.Add("accept for any relay via \"tls://x\" auth { a = b }\n", "6.0.3p1")
	f.Fuzz(func(t *testing.T, text, version string) {
		if len(text) > 1<<16 {
			return
		}
		c := parse(version, map[string]string{"/c": text, "/aliases": text})
		lines := strings.Count(text, "\n") + 2
		for _, e := range c.Errors {
			if e.Message == "" || e.Pos.Line > lines {
				t.Errorf("error %+v in %d lines", e, lines)
			}
		}
		for _, m := range c.Matches {
			if m.Action == nil != m.Reject || m.From.Kind == "" || m.For.Kind == "" {
				t.Errorf("match %+v", m)
			}
		}
		_ = show(c)
	})
}

func FuzzParseTable(f *testing.F) {
	f.Add("a: b\n# @list\n c\td\n")
	f.Fuzz(func(t *testing.T, text string) {
		shape, entries, _ := ParseTable("/t", text)
		for _, e := range entries {
			if shape == Map && e.Value == "" || e.Key == "" && shape == List {
				t.Errorf("%q: entry %+v", text, e)
			}
		}
	})
}

func TestCorpus(t *testing.T) {
	if _, err := os.Stat("testdata/fuzz/FuzzParse"); err != nil {
		t.Error(err)
	}
}
