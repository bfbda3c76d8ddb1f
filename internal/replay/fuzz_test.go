package replay_test

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/replay"
	"waxseal/internal/testtime"
)

// FuzzRun: no recording ends in a panic, proves a person without a record, or leaves a
// change without a reason.
func FuzzRun(f *testing.F) {
	f.Add("type=SYSCALL msg=audit(1.0:1): arch=c000003e syscall=257 success=yes a0=ffffff9c a2=241 items=1 pid=7 auid=5 ses=1 uid=0 euid=0 exe=\"/bin/x\"\ntype=CWD msg=audit(1.0:1): cwd=\"/\"\ntype=PATH msg=audit(1.0:1): item=0 name=\"etc/aliases\" inode=4 dev=fe:00 nametype=NORMAL\ntype=PROCTITLE msg=audit(1.0:1): proctitle=78")
	f.Add("type=PATH msg=audit(1.0:1): item=0 name=\"/etc/aliases\" inode=4 nametype=CREATE")
	f.Add("type=URINGOP msg=audit(1.0:1): uring_op=18 success=yes items=1 pid=3 uid=0\ntype=PATH msg=audit(1.0:1): item=0 name=\"x\" inode=4 nametype=CREATE")
	f.Add("type=LOGIN msg=audit(1.0:1): pid=7 uid=0 old-auid=5 auid=6 old-ses=1 ses=2 res=1\nnode=a type=EOE msg=audit(1.0:1):")
	f.Add("type=CONFIG_CHANGE msg=audit(1.0:1): audit_enabled=0 old=1 auid=5 ses=2 res=1")
	f.Fuzz(func(t *testing.T, text string) {
		a := replay.Run(replay.Input{Audit: strings.Split(text, "\n")})
		for _, c := range a.Changes {
			if len(c.Reasons) == 0 || c.Path == "" || c.Operation == "" {
				t.Errorf("%+v", c)
			}
			if l := c.Actor.Login; l.Grade == waxseal.Proven && l.UID != waxseal.Unset && !strings.Contains(text, "LOGIN") {
				t.Errorf("login %+v is proven by nothing", l)
			}
		}
	})
}

// TestGrowth: what a recording costs grows with its length.
func TestGrowth(t *testing.T) {
	lines := linesOf(t, "24-attacker-replace-cleanup-daemon")
	testtime.Linear(t, 40, func(n int) {
		var all []string
		for i := range n {
			all = append(all, shifted(lines, 0, 10000*i)...)
		}
		play(all)
	})
}
