package maildrop

import (
	"strings"
	"testing"
	"time"

	"waxseal/internal/testtime"
)

// FuzzFollow: whatever the text, everything has its place in it, and an end.
func FuzzFollow(f *testing.F) {
	for _, s := range []string{
		"if (/^a/:b && $X eq \"y\")\n{\n  to \"| z\"\n}\nelsif (1)\n  cc '!a@b'\nelse\n  exit\n", "exception {\n include x\n}\n", "A=`b` \"c\" 'd'\ndotlock x {\n}\n",
		"foreach /x/\n{\n}\nwhile (length $A)\n A=substr(A,1)\n", "to (\n)\n}", "\\\n#", "a=lookup(b,\"c\",\"D\")\nxfilter $a\n", "/a\\/b/:1,2\n",
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
	"blocks": "{\n", "brackets": "(", "if": "if (/a/)\n{\nto x\n}\n", "elsif": "if (1)\n;\nelsif (1)\n", "nested if": "if (1)\n", "not": "!", "strings": "'a'", "sum": "1+", "doubling": "A=\"$A$A\"\n",
	"and": "/a/ && ", "many values": "if (1)\n A=\"$A$B\"\nif (1)\n B=\"$B$A\"\n", "joined": "a \\\n", "dollars": "\"$\"", "included": "include x\n", "commands": "`a`\n", "patterns": "/a/\n", "blanks": " ",
	"open quote": "'", "long string": "a", "addresses": "cc \"! a b c d e f\"\n", "exceptions": "exception {\n", "closed": "}",
}

// TestLinear: four times as much of anything takes about four times as long.
func TestLinear(t *testing.T) {
	for name, unit := range hostile {
		t.Run(name, func(t *testing.T) {
			testtime.Linear(t, 2<<20, func(size int) {
				text := strings.Repeat(unit, size/len(unit))
				Follow("rc", text, Start{Open: func(name string) (string, string, bool) { return "include y\n", name, true }})
			})
		})
	}
}
