package procmail

import (
	"strings"
	"testing"
	"time"

	"waxseal/internal/testtime"
)

// FuzzFollow: whatever the text, everything has its place in it, and an end.
func FuzzFollow(f *testing.F) {
	for _, s := range []string{
		":0c\n! a@b.example\n", ":0fw: l\n* < 1\n* ! ^X\n| a | b\n", "A=${B:-`c`}\"x$A\"\n:0\n{ :0 E\nx\n}\n", "INCLUDERC=rc\nSWITCHRC=x\nHOST\n", ":2\n^a\n^b\nx\n",
		":0 c\n{\n:0\n* $ $A\n! $A\n}\nA='\nb' C=`d\\\ne`", ":0\n*\n*\n\n:0", "A=$\\B$$$@${C+}${",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := strings.Count(text, "\n") + 1
		opened := 0
		var effects []Effect
		var problems map[string][]Problem
		testtime.Within(t, 5*time.Second, func() {
			effects, problems = Follow("rc", text, Start{Variables: map[string]string{"HOME": "/h"}, Open: func(name string) (string, string, bool) {
				opened++
				return text, name, opened < 5
			}})
		})
		for _, e := range effects {
			if e.Line < 1 || e.Line > last || e.Kind == "" || e.File == "" {
				t.Errorf("effect %+v in %d lines", e, last)
			}
		}
		for _, list := range problems {
			for _, p := range list {
				if p.Line < 0 || p.Line > last || p.Message == "" {
					t.Errorf("problem %+v in %d lines", p, last)
				}
			}
		}
	})
}

// hostile are texts that would take long if anything were looked at again and
// again.
var hostile = map[string]string{
	"blocks": ":0\n{ ", "recipes": ":0\n* ^a\nx\n", "else": ":0 E\n* ^a\nx\n", "conditions": "* ^a\n", "braces": "${a:-", "quotes": `"`, "backticks": "`a`", "doubling": "A=$A$A\n",
	"many values": ":0\n* a\n{ A=$A$B }\n:0\n* b\n{ B=$B$A }\n", "joined": "a\\\n", "colons": ":", "included": "INCLUDERC=x\n", "addresses": ":0c\n! a b c d e f g\n", "chain": ":0 c\n* ^a\nx\n:0 A\ny\n",
	"blanks": " ", "dollars": "$", "assignments": "A=1 ", "commands in a recipe": ":0\n* ? a\n", "braces closed": "}",
}

// TestLinear: four times as much of anything takes about four times as long.
func TestLinear(t *testing.T) {
	for name, unit := range hostile {
		t.Run(name, func(t *testing.T) {
			testtime.Linear(t, 2<<20, func(size int) {
				text := strings.Repeat(unit, size/len(unit))
				if name == "conditions" || name == "joined" {
					text = ":0\n" + text
				}
				Follow("rc", text, Start{Open: func(name string) (string, string, bool) { return "INCLUDERC=y\n", name, true }})
			})
		})
	}
}
