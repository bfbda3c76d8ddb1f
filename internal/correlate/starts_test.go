package correlate_test

import (
	"testing"

	"waxseal"
	"waxseal/internal/correlate"
)

func TestStarts(t *testing.T) {
	state := waxseal.State{Hooks: []waxseal.Hook{
		{Kind: waxseal.KindPipe, Target: waxseal.Target{Type: waxseal.TargetCommand}, Closure: []waxseal.Part{
			{Path: "/usr/local/bin/filter.sh", Role: waxseal.RoleScript}, {Path: "/usr/local/bin/helper", Role: waxseal.RoleBinary}, {Path: "/bin/sh", Role: waxseal.RoleInterpreter}}},
		{Kind: waxseal.KindBinary, Closure: []waxseal.Part{{Path: "/usr/sbin/exim4", Role: waxseal.RoleBinary}}},
	}}
	start := func(name, exe string, argv ...string) *waxseal.AuditEvent {
		return &waxseal.AuditEvent{Arch: "x86_64", Syscall: 59, Success: true, Exe: exe, Argv: argv, EUID: 0, CWD: "/usr/local", Paths: []waxseal.AuditPath{{Item: 0, Name: name}, {Item: 1, Name: "/bin/sh"}}}
	}
	script := start("/usr/local/bin/filter.sh", "/usr/bin/dash", "/bin/sh", "/usr/local/bin/filter.sh")
	failed := *script
	failed.Success = false
	type step struct {
		event *waxseal.AuditEvent
		line  string
		user  string
		over  bool
	}
	once := step{event: script, user: "filter"}
	over := step{event: script, user: "filter", over: true}
	for _, tc := range []struct {
		name     string
		most     int
		accounts []string
		steps    []step
	}{
		{"nothing is counted by default", 0, nil, []step{once, once, once}},
		{"the first too many is told, and no other", 2, nil, []step{once, once, over, once, once}},
		{"by a name inside its directory", 1, nil, []step{{event: start("bin/filter.sh", "/usr/bin/dash")}, {event: start("./bin/../bin/filter.sh", "/usr/bin/dash"), over: true}}},
		{"each script by itself", 1, nil, []step{once, {event: start("/usr/local/bin/helper", "/usr/local/bin/helper")}, over}},
		{"other programs are none", 1, nil, []step{{event: start("/bin/ls", "/bin/ls")}, {event: start("/bin/ls", "/bin/ls")}, {event: start("/usr/sbin/exim4", "/usr/sbin/exim4", "exim4", "-t")}, {event: start("/usr/sbin/exim4", "/usr/sbin/exim4", "exim4", "-t")}}},
		{"what did not start", 1, nil, []step{once, {event: &failed}, {event: &failed}, over}},
		{"only these accounts", 1, []string{"filter", "vmail"}, []step{{event: script, user: "root"}, {event: script, user: "root"}, once, {event: script, user: "vmail", over: true}}},
		{"Postfix starts anew", 1, nil, []step{once, {event: start("/usr/lib/postfix/sbin/master", "/usr/lib/postfix/sbin/master")}, once, over}},
		{"a child of Postfix is no start", 1, nil, []step{once, {event: start("/usr/lib/postfix/sbin/smtpd", "/usr/lib/postfix/sbin/smtpd")}, over}},
		{"exim -bd is one, exim -t is not", 1, nil, []step{once, {event: start("/usr/sbin/exim4", "/usr/sbin/exim4", "exim4", "-bd", "-q30m")}, once, {event: start("/usr/sbin/exim4", "/usr/sbin/exim4", "exim4", "-t")}, over}},
		{"a reload in the log", 1, nil, []step{once, {line: "Nov 23 15:16:55 mail postfix/master[1]: reload -- version 3.7.11, configuration /etc/postfix"}, once, over}},
		{"another line is none", 1, nil, []step{once, {line: "Nov 23 15:16:55 mail postfix/smtpd[1]: connect from unknown[192.0.2.1]"}, over}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := correlate.NewStarts(tc.most, tc.accounts)
			s.Know(state)
			for i, step := range tc.steps {
				if step.line != "" {
					s.Line(step.line)
					continue
				}
				start, ok := correlate.Started(waxseal.Observation{Audit: step.event})
				if !ok {
					continue
				}
				if name, n, got := s.Add(&start, step.user); got != step.over {
					t.Errorf("step %d: %s %d %v", i, name, n, got)
				}
			}
		})
	}
}
