package mc_test

import (
	"testing"

	"waxseal/internal/mta/sendmail/mc"
)

func TestExpand(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"plain", "a b\n", "a b\n"},
		{"define", "define(`x', `y')x\n", "y\n"},
		{"arguments", "define(`x', `<$1|$2|$#|$*|$@>')x(a,`b,c', d)\n", "<a|b,c|3|a,b,c,d|a,b,c,d>\n"},
		{"quotes", "`x' ``y''\n", "x `y'\n"},
		{"dnl", "a dnl b\nc\n", "a c\n"},
		{"comment", "define(`x',`y')# x\nx\n", "# x\ny\n"},
		{"divert", "divert(2)b\ndivert(1)a\ndivert(0)c\ndivert(-1)d", "c\na\nb\n"},
		{"ifdef", "ifdef(`x', `yes', `no') define(`x')ifdef(`x', `yes', `no')", "no yes"},
		{"ifelse", "ifelse(a, b, c, d, d, e, f) ifelse(a,a,b) ifelse(a,b,c,d)", "e b d"},
		{"words join", "define(`x', `ab')define(`abc', `joined')x`'c xc ab`'c", "abc xc abc"},
		{"shift", "define(`l', `ifelse($#, 0, , $#, 1, `[$1]', `[$1]l(shift($@))')')l(a,b,c)", "[a][b][c]"},
		{"defn", "define(`x', `$1-y')define(`z', defn(`x'))z(1)", "1-y"},
		{"pushdef", "define(`x', a)pushdef(`x', b)x popdef(`x')x", "b a"},
		{"index and substr", "index(`abc', `c') substr(`abcdef', 2, 3) len(`abc')", "2 cde 3"},
		{"translit", "translit(`AbC', `A-Z', `a-z')", "abc"},
		{"eval", "eval(1+2*3) eval((1 > 0) && 2 == 2) eval(-7 / 2) eval(1 << 4)", "7 1 -3 16"},
		{"blind", "define len(x)", "define 1"},
		{"m4wrap", "m4wrap(`end')start ", "start end"},
		{"format", "format(`%s-%03d', `a', 7)", "a-007"},
		{"changequote", "changequote([,])define([x],[`y'])x", "`y'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := mc.Expand("t.mc", tc.text, func(string) (string, bool) { return "", false })
			if r.Text != tc.want {
				t.Errorf("got %q, want %q; %v", r.Text, tc.want, r.Problems)
			}
		})
	}
}
