package correlate_test

import (
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
)

var people = map[uint32]string{0: "root", mallory: "mallory", alice: "alice"}

// told makes a memory that knows names, and what it was told.
func told(list ...any) *correlate.Memory {
	m := correlate.NewMemory(func(uid uint32) string { return people[uid] })
	for _, what := range list {
		switch o := what.(type) {
		case waxseal.AuditEvent:
			m.Add(waxseal.Observation{Time: o.Time, Audit: &o})
		case waxseal.Observation:
			m.Add(o)
		}
	}
	return m
}

// written is a line of a text log, read at a time.
func written(text string, when float64) waxseal.Observation {
	return waxseal.Observation{Time: at(when), Sensor: "tail", Log: &waxseal.LogLine{Path: "/var/log/syslog", Text: "2026-11-23T11:58:58.000000Z mail " + text}}
}

// inJournal is the same in the journal, with who wrote it.
func inJournal(text string, when float64, by waxseal.LogSource) waxseal.Observation {
	o := written(text, when)
	o.Sensor, o.Log.By = "journal", &by
	return o
}

// TestJob: a cron job is told with whose it is and its command. What others write in
// cron's name neither names another account nor another command.
func TestJob(t *testing.T) {
	const own, lie, frame = "CRON[400]: (alice) CMD (/home/alice/job)", "CRON[400]: (alice) CMD (/usr/bin/true)", "CRON[400]: (mallory) CMD (/home/alice/job)"
	cron := waxseal.LogSource{PID: 400, UID: 0, Exe: "/usr/sbin/cron", Session: 7}
	user := waxseal.LogSource{PID: 400, UID: mallory, Exe: "/usr/bin/logger", Session: 5}
	root := waxseal.LogSource{PID: 400, UID: 0, Exe: "/usr/bin/logger", Session: 5}
	for _, tc := range []struct {
		name    string
		lines   []waxseal.Observation
		command string
		grade   waxseal.Grade
	}{
		{"cron's own in the journal", []waxseal.Observation{inJournal(own, -3, cron)}, "/home/alice/job", waxseal.Proven},
		{"in a text log", []waxseal.Observation{written(own, -3)}, "/home/alice/job", waxseal.Inferred},
		{"two that contradict each other", []waxseal.Observation{written(own, -3), written(lie, -2)}, "", waxseal.Unknown},
		{"one that contradicts cron's own", []waxseal.Observation{written(lie, -3), inJournal(own, -3, cron), written(lie, -2)}, "/home/alice/job", waxseal.Proven},
		{"another's in the journal", []waxseal.Observation{inJournal(lie, -3, user)}, "", ""},
		{"root's by logger", []waxseal.Observation{inJournal(lie, -3, root)}, "/usr/bin/true", waxseal.Inferred},
		{"one that frames another", []waxseal.Observation{written(frame, -3)}, "", ""},
		{"of another process", []waxseal.Observation{written(strings.Replace(own, "400", "401", 1), -3)}, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := told(
				inSession(rootly(started(90, 1, "/usr/sbin/cron", at(-9), "cron")), waxseal.Unset, waxseal.Unset),
				wroteLogin(390, "/usr/sbin/cron", "1001", "7", "4294967295", "4294967295", alice, 7, -4),
				inSession(started(400, 390, "/usr/bin/dash", at(-4), "/bin/sh", "-c", "/home/alice/job"), alice, 7),
				inSession(touched(500, "/usr/bin/tee", 77, at(0)), alice, 7),
			)
			for _, l := range tc.lines {
				m.Add(l)
			}
			seen := snapshot(500, 400, "/usr/bin/tee")
			seen.Ancestors = []waxseal.Process{{PID: 400, PPID: 390, Exe: "/usr/bin/dash", UID: alice, Started: at(-4), Grade: waxseal.Inferred}, {PID: 390, PPID: 90, Exe: "/usr/sbin/cron", Started: at(-5), Grade: waxseal.Inferred}}
			o := m.Actor(write(500, seen), at(0)).Origin
			if o.Kind != waxseal.OriginCron || o.Command != tc.command || o.KeyGrade != tc.grade {
				t.Errorf("%+v", o)
			}
			if tc.command != "" && o.Method != "job of alice" {
				t.Errorf("method %q", o.Method)
			}
		})
	}
}

func rootly(e waxseal.AuditEvent) waxseal.AuditEvent { return root(e, 0) }

// TestConsole: who came in at a console is told with the terminal, by login's line where
// that can be his.
func TestConsole(t *testing.T) {
	const line = "login[400]: 'mallory' logged in on '/dev/ttyS0'"
	login := waxseal.LogSource{PID: 400, UID: 0, Exe: "/usr/bin/login", Session: 5}
	for _, tc := range []struct {
		name  string
		line  waxseal.Observation
		grade waxseal.Grade
		basis string
	}{
		{"login's own in the journal", inJournal(line, -3, login), waxseal.Proven, "login's line in the journal"},
		{"in a text log", written(line, -3), waxseal.Inferred, "login's line in the log"},
		{"of util-linux", written("login[400]: LOGIN ON ttyS0 BY mallory", -3), waxseal.Inferred, "login's line in the log"},
		{"of another terminal", written("login[400]: LOGIN ON tty1 BY mallory", -3), waxseal.Proven, "the terminal that the process has"},
		{"of another session", inJournal(strings.Replace(line, "400", "410", 1), -3, waxseal.LogSource{PID: 410, UID: 0, Exe: "/usr/bin/login", Session: 6}), waxseal.Proven, "the terminal that the process has"},
		{"of another user", written("login[400]: ROOT LOGIN  on '/dev/ttyS0'", -3), waxseal.Proven, "the terminal that the process has"},
		{"an account's", inJournal(line, -3, waxseal.LogSource{PID: 400, UID: alice, Exe: "/usr/bin/logger", Session: 5}), waxseal.Proven, "the terminal that the process has"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := touched(500, "/usr/bin/tee", 77, at(0))
			e.TTY = "ttyS0"
			m := told(wroteLogin(390, "/usr/bin/login", "1004", "5", "4294967295", "4294967295", mallory, 5, -4), started(400, 390, "/usr/bin/bash", at(-4), "-bash"), e, tc.line)
			if o := m.Actor(write(500, snapshot(500, 400, "/usr/bin/tee")), at(0)).Origin; o.Kind != waxseal.OriginConsole || o.Method != "ttyS0" || o.KeyGrade != tc.grade || !strings.HasPrefix(o.KeyBasis, tc.basis) {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestOpenedSession: where no record tells how a session came in, pam_unix's line does; one
// that an account wrote in another's name does not.
func TestOpenedSession(t *testing.T) {
	const line = "cron[390]: pam_unix(cron:session): session opened for user mallory(uid=1004) by (uid=0)"
	cron := waxseal.LogSource{PID: 390, UID: 0, Exe: "/usr/sbin/cron", Session: 5}
	for _, tc := range []struct {
		name  string
		line  waxseal.Observation
		kind  waxseal.OriginKind
		grade waxseal.Grade
	}{
		{"cron's own in the journal", inJournal(line, -3, cron), waxseal.OriginCron, waxseal.Proven},
		{"of another session", inJournal(line, -3, waxseal.LogSource{PID: 390, UID: 0, Exe: "/usr/sbin/cron", Session: 6}), waxseal.OriginUnknown, waxseal.Unknown},
		{"an account's", inJournal(line, -3, waxseal.LogSource{PID: 390, UID: alice, Exe: "/usr/bin/logger", Session: 5}), waxseal.OriginUnknown, waxseal.Unknown},
		{"of a process that is not of it", written(line, -3), waxseal.OriginUnknown, waxseal.Unknown},
		{"of one that is", written(strings.Replace(line, "390", "400", 1), -3), waxseal.OriginCron, waxseal.Inferred},
		{"about another user", inJournal(strings.Replace(line, "user mallory", "user alice", 1), -3, cron), waxseal.OriginUnknown, waxseal.Unknown},
		{"of a unit with PAM's login", written("(sh)[400]: pam_unix(login:session): session opened for user mallory(uid=1004) by root(uid=0)", -3), waxseal.OriginUnknown, waxseal.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := told(started(400, 350, "/usr/bin/dash", at(-4), "sh"), touched(500, "/usr/bin/tee", 77, at(0)), tc.line)
			if o := m.Actor(write(500, snapshot(500, 400, "/usr/bin/tee")), at(0)).Origin; o.Kind != tc.kind || o.Grade != tc.grade {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestRegistered: whose an older session is, logind says too; that raises no grade.
func TestRegistered(t *testing.T) {
	l := told(touched(500, "/usr/bin/tee", 77, at(0)), written("systemd-logind[103]: New session 5 of user mallory.", -60)).Actor(write(500, nil), at(0)).Login
	if l.Grade != waxseal.Inferred || !strings.Contains(l.Basis, "a session of mallory by systemd-logind's line") {
		t.Errorf("%+v", l)
	}
}

// TestAsked: what a unit did is told with who had systemd start it.
func TestAsked(t *testing.T) {
	const granted = "polkitd[280]: Operator of unix-session:5 successfully authenticated as unix-user:mallory to gain ONE-SHOT authorization for action " +
		"org.freedesktop.systemd1.manage-units for system-bus-name::1.34 [systemctl start sideways] (owned by unix-user:mallory)"
	unit := func(name string, argv ...string) *waxseal.Actor {
		a := snapshot(500, 1, "/usr/bin/tee")
		a.Process.Argv, a.Process.Started, a.Process.UID, a.Process.EUID = argv, at(-1), 0, 0
		a.Login = waxseal.Login{UID: waxseal.Unset, Session: waxseal.Unset, Grade: waxseal.Inferred}
		a.Origin = waxseal.Origin{Kind: waxseal.OriginUnit, Method: name, Grade: waxseal.Inferred}
		a.Ancestors = nil
		return a
	}
	for _, tc := range []struct {
		name string
		said any
		seen *waxseal.Actor
		step string
	}{
		{"systemctl start", started(450, 400, "/usr/bin/systemctl", at(-2), "systemctl", "start", "sideways"), unit("sideways.service", "tee", "x"), "mallory"},
		{"systemd-run --unit", rootly(started(450, 400, "/usr/bin/systemd-run", at(-2), "systemd-run", "--unit=sideways", "sh", "-c", "x")), unit("sideways.service", "tee", "x"), "mallory"},
		{"systemd-run", started(450, 400, "/usr/bin/systemd-run", at(-2), "systemd-run", "tee", "x"), unit("run-u5.service", "/usr/bin/tee", "x"), "mallory"},
		{"run0", started(450, 400, "/usr/bin/run0", at(-2), "run0", "tee", "x"), unit("run-p7-i8.service", "/usr/bin/tee", "x"), "mallory"},
		{"a shell by machinectl", started(450, 400, "/usr/bin/machinectl", at(-2), "machinectl", "shell"), unit("container-shell@0.service", "tee", "x"), "mallory"},
		{"a shell by run0", started(450, 400, "/usr/bin/run0", at(-2), "run0"), unit("run-p7-i8.service", "tee", "x"), "mallory"},
		{"machinectl, and another unit", started(450, 400, "/usr/bin/machinectl", at(-2), "machinectl", "shell"), unit("sideways.service", "tee", "x"), ""},
		{"polkitd's line in the journal", inJournal(granted, -2, waxseal.LogSource{PID: 280, UID: 997, Exe: "/usr/lib/polkit-1/polkitd", Login: waxseal.Unset}), unit("sideways.service", "tee", "x"), "mallory"},
		{"of polkitd's account, by another program", inJournal(granted, -2, waxseal.LogSource{PID: 280, UID: 997, Exe: "/usr/bin/logger"}), unit("sideways.service", "tee", "x"), ""},
		{"another unit", started(450, 400, "/usr/bin/systemctl", at(-2), "systemctl", "start", "other"), unit("sideways.service", "tee", "x"), ""},
		{"a program of that name", started(450, 400, "/home/mallory/systemctl", at(-2), "systemctl", "start", "sideways"), unit("sideways.service", "tee", "x"), ""},
		{"long before", started(450, 400, "/usr/bin/systemctl", at(-900), "systemctl", "start", "sideways"), unit("sideways.service", "tee", "x"), ""},
		{"afterwards", started(450, 400, "/usr/bin/systemctl", at(0).Add(4*time.Second), "systemctl", "start", "sideways"), unit("sideways.service", "tee", "x"), ""},
		{"polkitd's line", written(granted, -2), unit("sideways.service", "tee", "x"), "mallory"},
		{"polkitd's line by an account", inJournal(granted, -2, waxseal.LogSource{PID: 280, UID: alice, Exe: "/usr/bin/logger"}), unit("sideways.service", "tee", "x"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := rootly(inSession(touched(500, "/usr/bin/tee", 77, at(0)), waxseal.Unset, waxseal.Unset))
			a := told(tc.said, e).Actor(write(500, tc.seen), at(0))
			if tc.step == "" {
				if len(a.Steps) > 0 || strings.Contains(a.Origin.Basis, "had asked") {
					t.Errorf("%+v, origin %+v", a.Steps, a.Origin)
				}
				return
			}
			if len(a.Steps) == 0 || a.Steps[0].FromName != tc.step || a.Steps[0].To != 0 || a.Steps[0].Grade != waxseal.Inferred || !strings.Contains(a.Origin.Basis, "had asked for it") {
				t.Errorf("%+v, origin %+v", a.Steps, a.Origin)
			}
		})
	}
}

// TestPkexec: pkexec becomes what it starts, and still stands in the step; by the records,
// else by its own line, which another's line about somebody else does not replace.
func TestPkexec(t *testing.T) {
	const line = "pkexec[450]: mallory: Executing command [USER=root] [TTY=/dev/pts/0] [CWD=/home/mallory] [COMMAND=/usr/bin/sh -c x]"
	setuid := started(450, 400, "/usr/bin/pkexec", at(-3), "pkexec", "sh", "-c", "x")
	setuid.UID, setuid.EUID = mallory, 0
	shell := started(400, 90, "/usr/bin/bash", at(-9), "bash")
	shell.UID, shell.EUID = mallory, mallory
	for _, tc := range []struct {
		name, by string
		grade    waxseal.Grade
		more     []any
	}{
		{"by records", "/usr/bin/pkexec", waxseal.Proven, []any{shell, setuid, rootly(started(450, 400, "/usr/bin/dash", at(-2), "sh", "-c", "x"))}},
		{"by its line", "pkexec", waxseal.Inferred, []any{shell, rootly(started(450, 400, "/usr/bin/dash", at(-2), "sh", "-c", "x")), written(line, -2)}},
		{"by a line about another", "/usr/bin/bash", waxseal.Proven, []any{shell, rootly(started(450, 400, "/usr/bin/dash", at(-2), "sh", "-c", "x")), written(strings.Replace(line, "mallory:", "alice:", 1), -2)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := rootly(touched(450, "/usr/bin/dash", 77, at(0)))
			e.PPID = 400
			a := told(append(tc.more, e)...).Actor(write(450, nil), at(0))
			if len(a.Steps) != 1 || a.Steps[0].FromName != "mallory" || a.Steps[0].ToName != "root" || a.Steps[0].Exe != tc.by || a.Steps[0].Grade != tc.grade {
				t.Errorf("%+v\n%+v", a.Steps, a.Ancestors)
			}
		})
	}
}

// TestPlaceOfParent: the unit of who started a process is not its own where that is systemd
// or a way in, which start each in another.
func TestPlaceOfParent(t *testing.T) {
	for exe, want := range map[string]string{"/usr/lib/systemd/systemd": "", "/usr/sbin/sshd": "", "/usr/bin/bash": "x.service"} {
		unit := map[string]string{"/usr/lib/systemd/systemd": "init.scope", "/usr/sbin/sshd": "ssh.service"}[exe]
		if unit == "" {
			unit = want
		}
		e := touched(500, "/usr/bin/tee", 77, at(0))
		e.Actor = &waxseal.Actor{
			Process: waxseal.Process{Grade: waxseal.Unknown}, Place: waxseal.Whereabouts{Unit: unit, Grade: waxseal.Inferred},
			Ancestors: []waxseal.Process{{PID: 400, Exe: exe, Grade: waxseal.Inferred}},
		}
		if p := told(e).Actor(write(500, nil), at(0)).Place; p.Unit != want {
			t.Errorf("below %s: %+v", exe, p)
		}
	}
	own := snapshot(500, 400, "/usr/bin/tee")
	own.Process.Grade, own.Place = waxseal.Inferred, waxseal.Whereabouts{Unit: "own.service", Grade: waxseal.Inferred}
	e := touched(500, "/usr/bin/tee", 77, at(0))
	e.Actor = &waxseal.Actor{Process: waxseal.Process{Grade: waxseal.Unknown}, Place: waxseal.Whereabouts{Unit: "init.scope", Grade: waxseal.Inferred}}
	if p := told(e).Actor(write(500, own), at(0)).Place; p.Unit != "own.service" {
		t.Errorf("%+v", p)
	}
}
