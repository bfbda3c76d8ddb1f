package postconf

import (
	"strings"
	"testing"
)

var assumed = Version{Number: Assumed, Vendor: Debian}

// config reads a configuration as 3.7.11 of Debian would.
func config(main, master string) *Config {
	m, _ := ParseMain("/etc/postfix/main.cf", main)
	s, _ := ParseMaster("/etc/postfix/master.cf", master, assumed)
	return New(m, s, Facts{Directory: MainDirectory, Host: "mail.example.test", Version: assumed})
}

func testView(main string, over map[string]string) View {
	c := config(main, "")
	return c.view(over, over, c.own("smtp", "smtp"))
}

func TestExpand(t *testing.T) {
	const main = "a = 1\nb = $c.$a\nc = x\nempty =\ncompatibility_level = 3.10\nuser_x = ${a}$(a)${ a }\nn9 = 9\nn10 = 10\n"
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "$a ${a} $(a)", "1 1 1"},
		{"recursive", "$b!", "x.1!"},
		{"defined later", "${b}", "x.1"},
		{"blanks in braces", "$user_x", "111"},
		{"dollar", "$$a", "$a"},
		{"if set", "${a?yes} ${empty?yes}.", "yes ."},
		{"if set in braces", "${a?{$c}}", "x"},
		{"unless set", "${empty:no} ${a:no}.", "no ."},
		{"both", "${a?{t}:{f}} ${empty?{t}:{f}}", "t f"},
		{"blanks around", "${a ? {t} : {f}}", "t"},
		{"old style keeps braces", "${a??foo:{b}ar}", "?foo:{b}ar"},
		{"equal", "${{$a} == {1} ? {t} : {f}}", "t"},
		{"not equal", "${{$a} != {1} ? {t} : {f}}", "f"},
		{"numbers", "${{$n9} < {$n10} ? {t} : {f}}", "t"},
		{"text", "${{x9} < {x10} ? {t} : {f}}", "f"},
		{"level", "${{$compatibility_level} >level {3.9} ? {t} : {f}}", "t"},
		{"relation alone", "${{1} == {1}}.${{1} == {2}}.", "true.."},
		{"unless relation", "${{1} == {2}:no}", "no"},
		{"nested", "${a?{${empty?{x}:{$c}}}}", "x"},
		{"fragments", "${c?{${a}@evil.example.$c}:{}}", "1@evil.example.x"},
		{"default of a known name", "$queue_directory/$daemon_directory", "/var/spool/postfix//usr/lib/postfix/sbin"},
		{"undefined", "[$no_such_name]", "[]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, problem := testView(main, nil).Expand(tc.in); got != tc.want || problem != "" {
				t.Errorf("expand(%q) = %q (%s), want %q", tc.in, got, problem, tc.want)
			}
		})
	}
}

func TestExpandProblems(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("x00 = aaaaaaaaaaaaaaaaaaaa\n")
	for i := 1; i < 60; i++ {
		bomb.WriteString("x" + itoa(i) + " = " + strings.Repeat("$x"+itoa(i-1), 10) + "\n")
	}
	for _, tc := range []struct{ name, main, in, want string }{
		{"itself", "a = $a", "$a", "expands to itself"},
		{"through others", "a = $b\nb = ${c}\nc = x$a", "$a", "$a expands to itself through a, b, c"},
		{"open brace", "", "x ${a", "truncated reference"},
		{"bare dollar", "", "x $ y", "without a name"},
		{"bad operator", "", "${{a} === {b} ? {c} : {d}}", "no such comparison"},
		{"bomb", bomb.String(), "$x59", "too large"},
		{"deep", "", strings.Repeat("${a:", 300) + strings.Repeat("}", 300), "too deeply"},
		{"unclosed many", "", strings.Repeat("${", 200_000), "truncated"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, problem := testView(tc.main, nil).Expand(tc.in); !strings.Contains(problem, tc.want) || len(got) > 2*maxExpanded {
				t.Errorf("problem %q, want %q (%d bytes)", problem, tc.want, len(got))
			}
		})
	}
}

func itoa(i int) string { return string([]byte{byte('0' + i/10), byte('0' + i%10)}) }

func TestRawParametersStay(t *testing.T) {
	v := testView("mailbox_command = /x $user $mydomain\nforward_path = $home/.forward\n", nil)
	if got := v.Value("mailbox_command"); got != "/x $user $mydomain" {
		t.Errorf("mailbox_command = %q: only local(8) expands it", got)
	}
}
