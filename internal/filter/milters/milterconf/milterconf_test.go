package milterconf

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
)

func TestParseDataSet(t *testing.T) {
	for _, tc := range []struct{ value, want string }{
		{"a.example,b.example", "csl true a.example,b.example "}, {"/etc/hosts", "file true /etc/hosts "}, {"/var/x.db", "db true /var/x.db "}, {"refile:/etc/t", "refile true /etc/t "},
		{"CSL:a", "csl true a "}, {"a,b:c", "csl true a,b:c "}, {"nonsense:x", "nonsense false x "}, {"lua:/etc/x.lua", "lua true /etc/x.lua "},
		{"dsn:mysql://u:p@3306+db.example/x", "dsn true mysql://u:p@3306+db.example/x db.example"}, {"ldap://h.example:389/dc=x", "ldap true //h.example:389/dc=x h.example"},
		{"memcache:m.example:11211/k", "memcache true m.example:11211/k m.example"}, {"socket:99@s.example", "socket true 99@s.example s.example"}, {"socket:/run/x", "socket true /run/x "},
		{"erlang:n@e.example:c:m:f", "erlang true n@e.example:c:m:f e.example"},
	} {
		d := ParseDataSet(tc.value)
		if got := fmt.Sprintf("%s %v %s %s", d.Type, d.Known, d.Name, d.Server()); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.value, got, tc.want)
		}
	}
}

// TestIncludes: a file that includes itself, and many that include many, end.
func TestIncludes(t *testing.T) {
	reads := 0
	c := OpenDKIM().Load("/a", func(waxseal.Path) (string, bool) {
		reads++
		return strings.Repeat("Include /a\n", 1000), true
	})
	if reads > mostFiles || len(c.Refusals) == 0 || c.Refusals[0].Reason != "nesting too deep" {
		t.Errorf("%d files are read, %d refusals", reads, len(c.Refusals))
	}
}

func TestParseGreylist(t *testing.T) {
	list, refusals := ParseGreylist("# c\nRacl \"i d\" Whitelist: from /a b/ msg \"say \\\"x\\\"\" \\ gone\n\taddr 10.0.0.0/8 # c\nnonsense x\nsubnetmatch /24\n")
	var got []string
	for _, s := range list {
		got = append(got, fmt.Sprintf("%d %s", s.Line, s.Text()))
	}
	want := []string{`2 racl "i d" Whitelist: from /a b/ msg "say "x"" addr 10.0.0.0/8`, "4 nonsense x", "5 subnetmatch /24"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || list[0].Action() != "whitelist" {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(refusals) != 1 || refusals[0].Source.Line != 4 {
		t.Errorf("%+v", refusals)
	}
}

func TestParseRegex(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"one line", "reject \"no\" header /a/ /b/i\n", "1 reject no [header /a/ /b/i] false"},
		{"several lines", "tempfail 'later'\n\thelo ,x,\n # c\nbody \\\n\t/y/n\n", "1 tempfail later [helo ,x, | body /y/n] false"},
		{"macros", "m = body /a/ or body /b/\ndiscard\n$m and not ( $m )\n", "2 discard  [body /a/ or body /b/ and not (body /a/ or body /b/)] false"},
		{"everything", "accept connect // //\n", "1 accept  [connect // //] true"},
		{"nothing", "accept envfrom /.*/n\n", "1 accept  [envfrom /.*/n] false"},
		{"a setting", "ipv4file /var/x\n", "1 ipv4file /var/x [] false"},
		{"behind not", "discard not body /a/ and body /b/\n", "1 discard  [not body /a/] false\nline 1: syntax error"},
		{"undefined", "discard $x\n", "line 2: undefined macro"},
		{"no message", "reject body /x/\n", "line 1: syntax error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rules, refusal := ParseRegex(tc.text)
			var got []string
			for _, r := range rules {
				got = append(got, fmt.Sprintf("%d %s %s [%s] %v", r.Line, r.Action, r.Message, strings.Join(r.Expressions, " | "), r.All))
			}
			if refusal != nil {
				got = append(got, fmt.Sprintf("line %d: %s", refusal.Source.Line, refusal.Reason))
			}
			if strings.Join(got, "\n") != tc.want {
				t.Errorf("got %q, want %q", strings.Join(got, "\n"), tc.want)
			}
		})
	}
}

// TestLaterReleases: from 1.5 on, a hash within a line of ClamAV begins a comment.
func TestLaterReleases(t *testing.T) {
	for release, want := range map[string]string{"": "/x # y", "1.4.3+dfsg": "/x # y", "1.5.0": "/x", "2.0": "/x"} {
		if got := Clamd(release).Parse("/f", "LogFile /x # y\n").Value("LogFile"); got != want {
			t.Errorf("%q: got %q, want %q", release, got, want)
		}
	}
}

// TestReplaceHeaders: Debian's OpenDKIM takes the parameter, which its page leaves out,
// and opens the data set.
func TestReplaceHeaders(t *testing.T) {
	text := "ReplaceHeaders From\nReplaceRules /etc/rules\n"
	c := OpenDKIM(DebianDKIM...).Load("/f", func(waxseal.Path) (string, bool) { return text, true })
	if len(c.Refusals) > 0 || c.Value("ReplaceHeaders") != "From" {
		t.Errorf("%+v", c)
	}
	text = "ReplaceHeaders file:/nowhere\n"
	c = OpenDKIM(DebianDKIM...).Load("/f", func(waxseal.Path) (string, bool) { return text, true })
	if list := Values(c, func(waxseal.Path) bool { return false }); len(list) == 0 || !list[0].Missing {
		t.Errorf("%+v", list)
	}
}
