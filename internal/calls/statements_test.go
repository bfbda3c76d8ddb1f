package calls_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal/internal/calls"
)

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
		rest       string
	}{
		{"scalars", "$a = 'x'; $b = \"y$a\\@z\"; our $c = q{w}; $d=$a.'-'.$b;", []string{"$a = x", "$b = yx@z", "$c = w", "$d = x-yx@z"}, ""},
		{"numbers", "$a = 100*1024; $b = -3.0; $c = 1_000+2*3; $d = 6.31;", []string{"$a = 102400", "$b = -3", "$c = 1006", "$d = 6.31"}, ""},
		{"lists", "@a = (1, 'x', qw(y z)); $b = ['p', @a]; %h = (k => 'v', 'l' => [1]);", []string{"@a = (1, x, y, z)", "$b = (p, 1, x, y, z)", "%h = {k => v, l => (1)}"}, ""},
		{"nested", "$p{'X'} = { a => 1, b => { c => ['d'] } }; $p{X}{b} = 2; $q{X}->{y} = undef;", []string{"%p{X} = {a => 1, b => {c => (d)}}", "%p{X}{b} = 2", "%q{X}{y} = undef"}, ""},
		{"constants", "$a = D_PASS; @b = (D_DISCARD => 1);", []string{"$a = D_PASS", "@b = (D_DISCARD, 1)"}, ""},
		{"one of a list", "$a = ((1, 'z')); $b = D_PASS . 'x'; $c = ();", []string{"$a = z", "$b = 1x", "$c = undef"}, ""},
		{"references", "@a = ('x'); @m = (\\@a, \\%none, \\$none, \\&f, sub { 1 }, qr/x/);", []string{"@a = (x)", `@m = ((x), {}, undef, \&f, sub { 1 }, qr/x/)`}, ""},
		{"push", "@a = (1); push(@a, 2, 3); unshift @a, 0;", []string{"@a = (1)", "@a push (1, 2, 3)", "@a unshift (0, 1, 2, 3)"}, ""},
		{"chains", "$ENV{PATH} = $p = '/bin'; ($x, $y) = ('1', '2'); $z .= 'a'; $z .= 'b'; $w ||= 'd';", []string{"$p = /bin", "%ENV{PATH} = /bin", "$x = 1", "$y = 2", "$z .= a", "$z .= ab", "$w ||= d"}, ""},
		{"packages", "$Amavis::Conf::a = 1; $::b = $Amavis::Conf::a; $main::c = ${a};", []string{"$a = 1", "$b = 1", "$c = 1"}, ""},
		{"commands", "chomp($a = `hostname`); $b = `other`;", []string{"$a = mail", "$b = `other`"}, ""},
		{"code", "$a = join('@', 'x', 'y'); $b = $c ? 1 : 2; $d = \"$a\";", []string{"$a = join('@', 'x', 'y')", "$b = $c ? 1 : 2", `$d = "$a"`}, ""},
		{"conditions", "$a = 1 if $x; if ($y) { $b = 2 } sub f { $c = 3 } BEGIN { $d = 4 }", []string{"$a = 1 ?", "$b = 2 ?", "$c = 3 ?", "$d = 4"}, "$a = 1 if $x; if ($y) { } sub f { } BEGIN { }"},
		{"changes", "$a = 'x'; $a =~ s/x/y/; undef $b; undef @c;", []string{"$a = x", "$a = $a =~ s/x/y/", "$b = undef", "@c = ()"}, ""},
		{"by another name", "*Amavis::Conf::a = \\'x'; *b = sub { 1 };", []string{"$a = x"}, "*b = sub { 1 };"},
		{"other code", "use strict;\n$a = 1;\nfoo('x');\n1;", []string{"$a = 1"}, "foo('x');"},
		{"what is called", "include('x', 'y');", []string{"include (x y)"}, ""},
		{"heredoc", "$a = <<'E';\nx\nE\n$b = <<\"F\";\ny$a\nF\n", []string{"$a = x\n", "$b = yx\n\n"}, "<<'E'; x E"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			e := &calls.Environment{Variables: map[string]calls.Value{}, Constants: map[string]string{"D_PASS": "1", "D_DISCARD": "0"}, Package: "Amavis::Conf",
				Output: func(c string) (string, bool) { return "mail\n", c == "hostname" }}
			e.Call = func(name string, args []calls.Value, _ int) bool {
				if name == "include" {
					got = append(got, fmt.Sprintf("include (%s %s)", args[0], args[1]))
				}
				return name == "include"
			}
			list, rest := e.Run(tc.text)
			for _, a := range list {
				keys := ""
				for _, k := range a.Keys {
					keys += "{" + k + "}"
				}
				unsure := ""
				if !a.Sure {
					unsure = " ?"
				}
				got = append(got, fmt.Sprintf("%s%s %s %s%s", a.Name, keys, a.Op, a.Value, unsure))
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if rest = strings.Join(strings.Fields(rest), " "); rest != tc.rest && tc.name != "heredoc" {
				t.Errorf("rest %q, want %q", rest, tc.rest)
			}
		})
	}
}
