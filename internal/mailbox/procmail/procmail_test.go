package procmail

import (
	"fmt"
	"strings"
	"testing"
)

// show writes items on one line each, blocks indented.
func show(items []Item, indent string) string {
	var b strings.Builder
	for _, it := range items {
		if a := it.Assignment; a != nil {
			if a.Unset {
				fmt.Fprintf(&b, "%s%d unset %s\n", indent, it.Line, a.Name)
			} else {
				fmt.Fprintf(&b, "%s%d %s=%q\n", indent, it.Line, a.Name, a.Value.Written())
			}
			continue
		}
		r := it.Recipe
		lock := ""
		if r.Locked {
			lock = " locked"
		}
		fmt.Fprintf(&b, "%s%d [%s]%s %q %s", indent, it.Line, r.Flags, lock, r.Conditions, r.Action.Kind)
		switch {
		case r.Action.Kind == Block:
			b.WriteString("\n" + show(r.Action.Items, indent+"  "))
			continue
		case r.Action.Kind == Pipe:
			fmt.Fprintf(&b, " %s%q", r.Action.Capture, r.Action.Command)
		default:
			fmt.Fprintf(&b, " %s%q", r.Action.Capture, r.Action.Text.Written())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, tc := range []struct{ name, in, want, problems string }{
		{"spam", ":0fw: spam.lock\n* < 256000\n| /usr/bin/spamc\n\n:0:\n* ^X-Spam-Status: Yes\n$HOME/mail/Spam\n",
			`1 [fw] locked ["< 256000"] | "/usr/bin/spamc"` + "\n" + `5 [] locked ["^X-Spam-Status: Yes"] folder "$HOME/mail/Spam"` + "\n", ""},
		{"copy and forward", ":0 c\n! a@b.example, c@d.example\n", `1 [c] [] ! "a@b.example, c@d.example"` + "\n", ""},
		{"comments between conditions", ":0 H B c\n# one\n* ! ^a # not a comment\n\n  * ^b\n  # two\n\tfolder # comment\n",
			`1 [HBc] ["! ^a # not a comment" "^b"] folder "folder"` + "\n", ""},
		{"joined lines", ":0\n* ^Subject: a\\\n   b\n| cat \\\n  > /tmp/x\n", `1 [] ["^Subject: a\\\n   b"] | "cat > /tmp/x"` + "\n", ""},
		{"block", ":0\n* ^a\n{\n  X=1\n  :0\n  y\n}\nZ=2", "1 [] [\"^a\"] {\n  4 X=\"1\"\n  5 [] [] folder \"y\"\n8 Z=\"2\"\n", ""},
		{"block on one line", ":0\n{ A=1 B=2 }\nC=3\n", "1 [] [] {\n  2 A=\"1\"\n  2 B=\"2\"\n3 C=\"3\"\n", ""},
		{"no block without a blank", ":0\n{x\n", `1 [] [] folder "{x"` + "\n", ""},
		{"else", ":0\n* a\nx\n:0 E\ny\n", `1 [] ["a"] folder "x"` + "\n" + `4 [E] [] folder "y"` + "\n", ""},
		{"old counts", ":2c\n^a\n^b\nfolder\n:\n^c\n|x\n", `1 [c] ["^a" "^b"] folder "folder"` + "\n" + `5 [] ["^c"] | "x"` + "\n", ""},
		{"capture", ":0 w\nFROM=| formail -rt -xTo:\n", `1 [w] [] | FROM"formail -rt -xTo:"` + "\n", ""},
		{"folder that looks like an assignment", ":0\nFROM=x y\n", `1 [] [] folder "FROM=x y"` + "\n", ""},
		{"quotes", `A="a b" 'c'` + "\n" + `B='$x'"$y"` + "\nC=a\\ b\nD=\"a\\$b\"", "1 A=\"a b\"\n2 B=\"$x$y\"\n3 C=\"a b\"\n4 D=\"a$b\"\n",
			"1: neither a recipe nor an assignment, and skipped: 'c'"},
		{"backticks", "A=`date +%Y` B=\"x`id -un`y\"\n", "1 A=\"`date +%Y`\"\n1 B=\"x`id -un`y\"\n", ""},
		{"alternatives", "A=${B:-c$D} E=${F+g}\n", "1 A=\"${B:-c$D}\"\n1 E=\"${F+g}\"\n", ""},
		{"value over lines", "A=\"x\ny\" B=1\\\n2\n", "1 A=\"x\\ny\"\n2 B=\"12\"\n", ""},
		{"unset", "HOST\nA = b\n", "1 unset HOST\n2 A=\"b\"\n", ""},
		{"hash in a value", "A=a#b # c\nB=# c\nC=d\n", "1 A=\"a#b\"\n2 B=\"\"\n3 C=\"d\"\n", ""},
		{"missing action", ":0\n* a\n\n:0\nx\n", `4 [] [] folder "x"` + "\n", "1: a recipe without an action"},
		{"incomplete", ":0\n* a\n", "", "3: the last recipe has no action"},
		{"stray brace", "}\nA=1\n", "2 A=\"1\"\n", "1: a closing brace that closes nothing"},
		{"open block", ":0\n{\nA=1\n", "1 [] [] {\n  3 A=\"1\"\n", "4: a closing brace is missing"},
		{"odd flags", ":0 c,H\nx\n", `1 [c] [] folder "x"` + "\n", "1: skipped behind the flags: ,H"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := Parse(tc.in)
			if got := show(f.Items, ""); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
			var problems []string
			for _, p := range f.Problems {
				problems = append(problems, fmt.Sprintf("%d: %s", p.Line, p.Message))
			}
			if got := strings.Join(problems, "\n"); got != tc.problems {
				t.Errorf("problems %q, want %q", got, tc.problems)
			}
		})
	}
}
