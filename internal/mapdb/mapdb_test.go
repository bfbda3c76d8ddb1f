package mapdb

import (
	"fmt"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"plain", "a\nb\n", "1:a 2:b"},
		{"no newline at the end", "a", "1:a"},
		{"continuation", "a\n b\n", "1:a b"},
		{"comment inside", "a\n#c\n  #c\n b\n", "1:a b"},
		{"empty lines inside", "a\n\n \n b\n", "1:a b"},
		{"crlf", "a\r\n b\r\n\r\nc\r\n", "1:a\r b\r 4:c\r"},
		{"starts with white space", " a\nb\n", "2:b !1"},
		{"white space after a comment", "#c\n a\n b\nc", "4:c !2"},
		{"only comments", "#a\n\n#b", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lines, problems := Lines(tc.text)
			var got []string
			for _, l := range lines {
				got = append(got, fmt.Sprintf("%d:%s", l.Number, l.Text))
			}
			for _, p := range problems {
				got = append(got, fmt.Sprintf("!%d", p.Line))
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("got %q, want %q", s, tc.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"hash:/etc/postfix/virtual", "hash compiled source=/etc/postfix/virtual db=/etc/postfix/virtual.db"},
		{"lmdb:/x", "lmdb compiled source=/x db=/x.lmdb"},
		{"cdb:/x", "cdb compiled source=/x db=/x.cdb"},
		{"texthash:/x", "texthash text source=/x"},
		{"regexp:/x", "regexp text source=/x"},
		{"proxy:mysql:/etc/x.cf", "proxied mysql database source=/etc/x.cf"},
		{"ldap:dir", "ldap database"},
		{"tcp:h:10025", "tcp remote"},
		{"unix:passwd.byname", "unix system"},
		{"inline:{ {k = v w}, k2=v2 }", `inline written "k"="v w" "k2"="v2"`},
		{"static:{ v w }", `static written "*"="v w"`},
		{"static:v", `static written "*"="v"`},
		{"randmap:{a,b}", `randmap written "*"="a" "*"="b"`},
		{"pcre:{{/re/ ACTION x}, {!/y/i OK}}", `pcre written "/re/"="ACTION x" "!/y/i"="OK"`},
		{"cidr:{{192.0.2.0/24 OK}}", `cidr written "192.0.2.0/24"="OK"`},
		{"pipemap:{hash:/a,regexp:/b}", "pipemap nested [hash compiled source=/a db=/a.db] [regexp text source=/b]"},
		{"unionmap:{proxy:hash:/a, static:x}", `unionmap nested [proxied hash compiled source=/a db=/a.db] [static written "*"="x"]`},
		{"{ hash:/x, search_order = a b }", "hash compiled source=/x db=/x.db"},
		{"evil:/x", "evil unknown"},
		{"hash", " unknown !"},
		{"inline:{", "inline written ! !"},
	} {
		t.Run(tc.in, func(t *testing.T) {
			if got := describe(Parse(tc.in)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func describe(r Ref) string {
	s := r.Type + " " + string(r.Class)
	if r.Proxied {
		s = "proxied " + s
	}
	if r.Source() != "" {
		s += " source=" + r.Source()
	}
	if r.CompiledFile() != "" {
		s += " db=" + r.CompiledFile()
	}
	for _, n := range r.Refs {
		s += " [" + describe(n) + "]"
	}
	for _, e := range r.Entries {
		s += fmt.Sprintf(" %q=%q", e.Key, e.Value)
	}
	return s + strings.Repeat(" !", len(r.Problems))
}

func TestParseList(t *testing.T) {
	refs := ParseList("hash:/etc/postfix/transport, proxy:mysql:/etc/x.cf,\n inline:{ {k = v}, k2=v2 } static:{ v w } pcre:{{/re/ ACTION}} pipemap:{a:x,b:y}")
	var got []string
	for _, r := range refs {
		got = append(got, r.Type)
	}
	if s := strings.Join(got, " "); s != "hash mysql inline static pcre pipemap" {
		t.Errorf("types %s", s)
	}
	deep := Parse(strings.Repeat("pipemap:{", 1000) + "x" + strings.Repeat("}", 1000))
	if len(deep.Refs) != 1 {
		t.Errorf("deep: %d refs", len(deep.Refs))
	}
}

func TestParseSource(t *testing.T) {
	for _, tc := range []struct {
		name   string
		format Format
		text   string
		want   string
	}{
		{"pairs", KeyValue, "# c\nalice@example.test  bob,\n  carol\n\nx y\n", `2 "alice@example.test"="bob,  carol" 5 "x"="y"`},
		{"quoted key", KeyValue, "\"a b\"@x y\nz\\ w v\n", `1 "\"a b\"@x"="y" 2 "z\\ w"="v"`},
		{"bad pairs", KeyValue, "alone\n\"open x\na b\n", `3 "a"="b" !1 !2`},
		{"patterns", Patterns, "/a b/i REJECT no\n!/c/ OK\n,x/y, DUNNO\n", `1 "/a b/i"="REJECT no" 2 "!/c/"="OK" 3 ",x/y,"="DUNNO"`},
		{"continued pattern", Patterns, "/a/\n  REDIRECT\n# c\n  x@y.example\n", `1 "/a/"="REDIRECT  x@y.example"`},
		{"escaped delimiter", Patterns, `/a\/b/ OK`, `1 "/a\\/b/"="OK"`},
		{"conditions", Patterns, "if /a/\nIF !/b/\n/c/ X\nendif\n/d/ Y\nendif\n/e/ Z\n", `3 "/c/"="X" in[/a/ !/b/] 5 "/d/"="Y" in[/a/] 7 "/e/"="Z"`},
		{"if without blank", Patterns, "if/a/\n/b/ X\nendif", `2 "/b/"="X" in[/a/]`},
		{"bad patterns", Patterns, "endif\nif /a/\nword X\n/open X\n/a/ \n!\n/a/- X\n", `5 "/a/"="" in[/a/] !1 !3 !4 !5 !6 !7 !2`},
		{"networks", Networks, "192.0.2.0/24 OK\n!10.0.0.0/8 REJECT x\nif 2001:db8::/32\n2001:db8::1 DUNNO\nendif\n", `1 "192.0.2.0/24"="OK" 2 "!10.0.0.0/8"="REJECT x" 4 "2001:db8::1"="DUNNO" in[2001:db8::/32]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			entries, problems := ParseSource(tc.format, tc.text)
			var got []string
			for _, e := range entries {
				s := fmt.Sprintf("%d %q=%q", e.Line, e.Key, e.Value)
				if len(e.Within) > 0 {
					s += fmt.Sprintf(" in%v", e.Within)
				}
				got = append(got, s)
			}
			for _, p := range problems {
				got = append(got, fmt.Sprintf("!%d", p.Line))
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("got  %s\nwant %s", s, tc.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("inline:{ {k = v}, k2=v2 }, pcre:{{/re/ ACTION}} pipemap:{hash:/a}")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range ParseList(text) {
			if r.Class == "" {
				t.Errorf("%q has no class", r.Text)
			}
			_ = describe(r)
		}
	})
}

func FuzzSource(f *testing.F) {
	f.Add("if /a/\n/b/ X\nendif\na b\n")
	f.Fuzz(func(t *testing.T, text string) {
		last := strings.Count(text, "\n") + 1
		for _, format := range []Format{KeyValue, Patterns, Networks} {
			entries, problems := ParseSource(format, text)
			for _, e := range entries {
				if e.Line < 1 || e.Line > last || e.Key == "" {
					t.Errorf("%s: %+v in %d lines", format, e, last)
				}
			}
			for _, p := range problems {
				if p.Line < 1 || p.Line > last || p.Message == "" {
					t.Errorf("%s: %+v in %d lines", format, p, last)
				}
			}
		}
	})
}
