package logline

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestParseBecame: lines that the programs of Debian 12 wrote, and others.
func TestParseBecame(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       Became
	}{
		{"sudo", "2026-11-30T09:56:01.000000Z mail sudo[53]:    alice : PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id", Became{"sudo", "alice", "root", "", "/usr/bin/id"}},
		{"sudo with a terminal", "Nov 30 09:56:01 mail sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/su -c id mallory", Became{"sudo", "alice", "root", "pts/0", "/usr/bin/su -c id mallory"}},
		{"sudo that refused", "Nov 30 09:56:01 mail sudo:    alice : command not allowed ; TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id", Became{Program: "sudo"}},
		{"sudo by JSON", `Nov 30 13:29:02 mail sudo: @cee:{"sudo":{"accept":{"uuid":"853abfe39c-758a-42b4-00a8-aa7a9c0f9a","server_time":{"seconds":1796045342,"nanoseconds":994449977,"iso8601":"20261130132902Z","localtime":"Nov 30 13:29:02"},"submituser":"alice","command":"/usr/bin/sh","runuser":"nobody","runcwd":"/","ttyname":"/dev/pts/0","submithost":"mail","submitcwd":"/","runuid":65534,"columns":80,"lines":24,"runargv":["sh","-c","echo \"a b\" ü"],"runenv":["TERM=xterm","SHELL=/bin/bash"]}}}`, Became{"sudo", "alice", "nobody", "pts/0", `/usr/bin/sh -c echo "a b" ü`}},
		{"sudo by JSON that syslog cut", `Nov 30 13:29:02 mail sudo: @cee:{"sudo":{"accept":{"uuid":"853abfe39c-758a-42b4-00a8-aa7a9c0f9a","server_time":{"seconds":1796045342,"nanoseconds":994449977,"iso8601":"20261130132902Z","localtime":"Nov 30 13:29:02"},"submituser":"alice","command":"/usr/bin/sh","runuser":"nobody","runcwd":"/","ttyname":"/dev/pts/0","submithost":"mail","submitcwd":"/","runuid":65534,"columns":80,"lines":24,"runargv":["sh","-c","echo \"a b\" ü"],"runenv":["TERM=xterm","SHE`, Became{"sudo", "alice", "nobody", "pts/0", `/usr/bin/sh -c echo "a b" ü`}},
		{"sudo by JSON that refused", `Nov 30 13:29:02 mail sudo: @cee:{"sudo":{"reject":{"submituser":"alice","runuser":"root","command":"/usr/bin/id"}}}`, Became{Program: "sudo"}},
		{"JSON of another's", `Nov 30 13:29:02 mail logger: @cee:{"sudo":{"accept":{"uuid":"853abfe39c-758a-42b4-00a8-aa7a9c0f9a","server_time":{"seconds":1796045342,"nanoseconds":994449977,"iso8601":"20261130132902Z","localtime":"Nov 30 13:29:02"},"submituser":"alice","command":"/usr/bin/sh","runuser":"nobody","runcwd":"/","ttyname":"/dev/pts/0","submithost":"mail","submitcwd":"/","runuid":65534,"columns":80,"lines":24,"runargv":["sh","-c","echo \"a b\" ü"],"runenv":["TERM=xterm"]}}}`, Became{Program: "logger"}},
		{"su", "2026-11-30T09:56:01.000000Z mail su[58]: (to mallory) root on none", Became{"su", "root", "mallory", "", ""}},
		{"su that failed", "Nov 30 09:56:01 mail su[58]: FAILED SU (to mallory) root on pts/1", Became{Program: "su"}},
		{"doas", "2026-11-30T09:56:01.000000Z mail doas[56]: alice ran command id as root from /home/alice", Became{"doas", "alice", "root", "", "id"}},
		{"pkexec", "Nov 30 09:56:01 mail pkexec[7]: alice: Executing command [USER=root] [TTY=/dev/pts/0] [CWD=/home/alice] [COMMAND=/usr/bin/id]", Became{"pkexec", "alice", "root", "pts/0", "/usr/bin/id"}},
		{"another program", "Nov 30 09:56:01 mail logger[7]: alice ran command id as root from /", Became{Program: "logger"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, ok := Parse(tc.line)
			if !ok {
				t.Fatal("no line")
			}
			got, ok := ParseBecame(l)
			if d := cmp.Diff(tc.want, got); d != "" || ok != (tc.want.User != "") {
				t.Error(ok, d)
			}
		})
	}
}

func FuzzBecame(f *testing.F) {
	f.Add("sudo", " a : PWD=/ ; USER=b ; COMMAND=c")
	f.Add("sudo", `@cee:{"sudo":{"accept":{"submituser":"a","runuser":"b","ttyname":"/dev/pts/0","runargv":["x",{}]}}}`)
	f.Add("su", "(to a) b on none")
	f.Add("doas", "a ran command b as c from /")
	f.Fuzz(func(t *testing.T, program, message string) {
		if b, ok := ParseBecame(Line{Program: program, Message: message}); ok && (b.User == "" || b.To == "") {
			t.Errorf("%+v", b)
		}
	})
}
