package logline

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/logins.golden anew")

// meaning is what any of the readers finds in a line, "" for nothing.
func meaning(l Line) string {
	if a, ok := ParseAccepted(l); ok {
		return fmt.Sprintf("%T %+v", a, a)
	}
	if b, ok := ParseBecame(l); ok {
		return fmt.Sprintf("%T %+v", b, b)
	}
	if j, ok := ParseJob(l); ok {
		return fmt.Sprintf("%T %+v", j, j)
	}
	if c, ok := ParseConsole(l); ok {
		return fmt.Sprintf("%T %+v", c, c)
	}
	if o, ok := ParseOpened(l); ok {
		return fmt.Sprintf("%T %+v", o, o)
	}
	if g, ok := ParseGranted(l); ok {
		return fmt.Sprintf("%T %+v", g, g)
	}
	if s, ok := ParseSession(l); ok {
		return fmt.Sprintf("%T %+v", s, s)
	}
	return ""
}

// TestLogins: what real programs wrote, and what is read in it.
func TestLogins(t *testing.T) {
	text, err := os.ReadFile("testdata/logins.log")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(text)) {
		l, ok := Parse(strings.TrimSuffix(line, "\n"))
		if !ok {
			t.Fatalf("no line: %s", line)
		}
		fmt.Fprintf(&got, "%s[%d]: %s\n\t%s\n", l.Program, l.PID, l.Message, meaning(l))
	}
	const golden = "testdata/logins.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Error(d)
	}
}

// TestOtherForms are lines that other releases write, and some that mean nothing.
func TestOtherForms(t *testing.T) {
	for _, tc := range []struct{ line, want string }{
		{"CROND[7]: (root) CMD (run-parts /etc/cron.hourly)", "logline.Job {Program:cron User:root Command:run-parts /etc/cron.hourly}"},
		{"/usr/sbin/cron[7]: (alice) CMD (f() { (echo a); })", "logline.Job {Program:cron User:alice Command:f() { (echo a); }}"},
		{"CROND[7]: (root) CMDEND (run-parts /etc/cron.hourly)", ""},
		{"crontab[7]: (root) REPLACE (bob)", ""},
		{"logger[7]: (root) CMD (id)", ""},
		{"login[7]: LOGIN ON tty1 BY alice", "logline.Console {User:alice TTY:tty1 From:}"},
		{"login[7]: LOGIN ON pts/3 BY alice FROM client.example.net", "logline.Console {User:alice TTY:pts/3 From:client.example.net}"},
		{"login[7]: ROOT LOGIN ON ttyS0", "logline.Console {User:root TTY:ttyS0 From:}"},
		{"login[7]: DIALUP AT ttyS0 BY bob", "logline.Console {User:bob TTY:ttyS0 From:}"},
		{"login[7]: 'bob' logged in on '/dev/tty2' from 'client'", "logline.Console {User:bob TTY:tty2 From:client}"},
		{"login[7]: LOGIN ON tty1", ""},
		{"login[7]: FAILED LOGIN (1) on '/dev/tty1' FOR 'bob', Authentication failure", ""},
		{"systemd-logind[7]: New session '5' of user 'alice' with class 'user' and type 'tty'.", "logline.Session {ID:5 User:alice Type:tty}"},
		{"systemd-logind[7]: New session c1 of user gdm.", "logline.Session {ID:c1 User:gdm Type:}"},
		{"sshd[7]: New session 5 of user alice.", ""},
		{"sshd[7]: pam_unix(sshd:session): session opened for user alice by (uid=0)", "logline.Opened {Service:sshd User:alice By: ByUID:0}"},
		{"su[7]: pam_unix(su-l:session): session closed for user bob", ""},
		{"polkitd[7]: Operator of unix-session:5 FAILED to authenticate to gain authorization for action a.b for unix-process:1:2 [x] (owned by unix-user:bob)", ""},
		{"polkitd[7]: Operator of unix-session:5 successfully authenticated as unix-user:root to gain TEMPORARY authorization for action a.b for unix-process:1:2 [a] b] (owned by unix-user:eve)] (owned by unix-user:bob)",
			"logline.Granted {User:bob As:root Action:a.b Command:a] b] (owned by unix-user:eve)}"},
	} {
		l, ok := Parse("Nov 30 09:56:01 mail " + tc.line)
		if got := meaning(l); !ok || got != tc.want {
			t.Errorf("%s: %s", tc.line, got)
		}
	}
}

func FuzzLogins(f *testing.F) {
	text, err := os.ReadFile("testdata/logins.log")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if l, ok := Parse(strings.TrimSuffix(line, "\n")); ok && meaning(l) != "" {
			f.Add(l.Program, l.Message)
		}
	}
	f.Fuzz(func(t *testing.T, program, message string) {
		l := Line{Program: program, PID: 1, Message: message}
		if j, ok := ParseJob(l); ok && j.User == "" {
			t.Errorf("%+v", j)
		}
		if c, ok := ParseConsole(l); ok && (c.User == "" || c.TTY == "" && !strings.Contains(message, "/dev/")) {
			t.Errorf("%+v", c)
		}
		if o, ok := ParseOpened(l); ok && (o.User == "" || o.Service == "") {
			t.Errorf("%+v", o)
		}
		if g, ok := ParseGranted(l); ok && (g.User == "" || program != "polkitd") {
			t.Errorf("%+v", g)
		}
		if s, ok := ParseSession(l); ok && (s.ID == "" || s.User == "") {
			t.Errorf("%+v", s)
		}
	})
}
