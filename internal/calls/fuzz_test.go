package calls_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal/internal/calls"
	"waxseal/internal/testtime"
)

var languages = []calls.Language{calls.Perl, calls.Lua, calls.Shell, calls.Python}

// FuzzFind: no text makes a reader panic or stand still, and each call is a place in
// the text.
func FuzzFind(f *testing.F) {
	seeds, _ := filepath.Glob("testdata/*/*")
	for _, p := range seeds {
		if content, err := os.ReadFile(p); err == nil {
			f.Add(string(content))
		}
	}
	for _, s := range []string{"system('id')", "<<E\n`id`\nE", "s{a}\n{b}e", "\"@{[ `id` ]}\"", "x=[==[\n]==]", "'''a", "f\"{x", "$(a $(b `c`", "qw", "$", "%", "&{", "<<\"", "=pod", "${", "q", "y=", "\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		for _, lang := range languages {
			for _, c := range calls.Find(lang, text, vocabulary) {
				if c.Line < 1 || c.Line > lines+1 || c.Kind == "" || len(c.Effects) == 0 || c.Target.Type == "" {
					t.Errorf("%s: %+v in a text of %d lines", lang, c, lines)
				}
			}
			calls.Code(lang, text)
		}
	})
}

// TestLinear: four times as much text takes about four times the work, whatever it is made of.
func TestLinear(t *testing.T) {
	pieces := []string{"system", "system ", "f(", "(", "{", "\"", "'", "`", "$x=", "$", "@{[", "\"@{[\"", "<<E\n", "<<\"", "s{", "q(", "a.", "a:b", "a,", "x=y\n", "=cut\n", "\n=pod\n", "[==[", "--[[", "'''", "f'{", "$(", "`a", "${", "a|", "#\n", "\\", "http://a/ ",
		"f('http://a.b/',", "a@", "local a = b\n", "import a as b\n", "from a import *\n", "&{", "%", "my $x = 'a';", "eval "}
	for _, lang := range languages {
		for _, piece := range pieces {
			t.Run(fmt.Sprint(lang, " ", piece), func(t *testing.T) {
				testtime.Linear(t, 40_000, func(n int) { calls.Find(lang, strings.Repeat(piece, n/len(piece)), nil) })
			})
		}
	}
}
