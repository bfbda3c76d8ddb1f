package mc_test

import (
	"testing"

	"waxseal/internal/mta/sendmail/mc"
)

// FuzzExpand: no source makes the expansion fail or go on for ever.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{
		"define(`x', `y$1$@$*$#')x(a, `b')dnl c\n", "define(`x', `x x')x", "define(`x', ``x'')x", "divert(3)a divert(-1)b undivert(3)", "include(`t.mc')", "ifelse(a,b,c,d,e,f,g)",
		"eval(1/0) eval((((1))) eval(!~-1<<2)", "substr(abc, -1, 9) translit(abc, a-, z-a) format(`%09d%s', 1)", "changequote([,])[a]changequote`b'changecom(`/*',`*/')/* x */", "m4wrap(`m4wrap(`x')')",
		"include(`/usr/share/sendmail/cf/m4/cf.m4')OSTYPE(`linux')FEATURE(`bcc',`',`',`a@b')FEATURE(`msp')INPUT_MAIL_FILTER(`a',`S=x')define(`SMART_HOST',`y')LOCAL_CONFIG\nKa program /b\n",
		"syscmd(`id')esyscmd(`id')", "define(`a', defn(`define'))a(`b', c)b", "`", "x(", "pushdef(`a',`b')popdef(`a')indir(`a')builtin(`len',`abc')shift(a,b)", "\x00define(`x',\x00)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := mc.Expand("t.mc", text, func(name string) (string, bool) { return text, name == "t.mc" })
		if len(r.Files) == 0 || len(r.Text) > 64<<20 {
			t.Errorf("%d files, %d bytes", len(r.Files), len(r.Text))
		}
	})
}

// TestBounds: what would go on for ever ends, and is told.
func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"a macro that calls itself":       "define(`x', `x')x",
		"a macro that doubles":            "define(`x', `x`'x')x",
		"a bomb":                          "define(`a',`b`'b`'b`'b`'b`'b`'b`'b')define(`b',`c`'c`'c`'c`'c`'c`'c`'c')define(`c',`d`'d`'d`'d`'d`'d')define(`d',`a`'a`'a')a",
		"a file that includes itself":     "include(`t.mc')",
		"calls in calls":                  "define(`f', `f(f($1))')f(f(f(x)))",
		"text that wraps itself up again": "define(`w', `m4wrap(`w')')w",
	} {
		t.Run(name, func(t *testing.T) {
			r := mc.Expand("t.mc", text, func(name string) (string, bool) { return text, name == "t.mc" })
			if len(r.Problems) == 0 {
				t.Error("the bound is not told")
			}
		})
	}
}
