package correlate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
)

// step is the kernel's record of a step of a process of mallory's session.
func step(what waxseal.ProcessStep, pid, ppid int, began, when time.Time, exe string, argv ...string) waxseal.ProcessEvent {
	return waxseal.ProcessEvent{Step: what, Time: when, PID: pid, PPID: ppid, From: ppid, Started: began, AUID: mallory, Session: session, Exe: exe, Argv: argv}
}

func forked(pid, ppid int, when time.Time) waxseal.ProcessEvent {
	return step(waxseal.ProcessFork, pid, ppid, when, when, "")
}

func runs(pid, ppid int, began, when time.Time, exe string, argv ...string) waxseal.ProcessEvent {
	return step(waxseal.ProcessExec, pid, ppid, began, when, exe, argv...)
}

func ended(pid int, began, when time.Time) waxseal.ProcessEvent {
	return step(waxseal.ProcessExit, pid, 1, began, when, "")
}

func lives(m *correlate.Memory, steps ...waxseal.ProcessEvent) *correlate.Memory {
	for _, e := range steps {
		m.Add(waxseal.Observation{Time: e.Time, Sensor: "bpf", Process: &e})
	}
	return m
}

// chain is an actor in one line, nearest first.
func chain(a waxseal.Actor) string {
	words := []string{fmt.Sprintf("%s[%s]", a.Process.Exe, a.Process.Grade)}
	for _, p := range a.Ancestors {
		words = append(words, fmt.Sprintf("%s[%s]", p.Exe, p.Grade))
	}
	return strings.Join(words, " < ")
}

// TestProcesses: who made a write, from the kernel's records of processes.
func TestProcesses(t *testing.T) {
	shell := []waxseal.ProcessEvent{runs(100, 1, at(-90), at(-90), "/usr/sbin/sshd", "sshd"), forked(300, 100, at(-50)), runs(300, 100, at(-50), at(-49), "/bin/bash", "-bash")}
	with := func(more ...waxseal.ProcessEvent) []waxseal.ProcessEvent { return append(slices.Clone(shell), more...) }
	tee := with(forked(500, 300, at(-1)), runs(500, 300, at(-1), at(-0.9), "/usr/bin/tee", "tee", "main.cf"))
	audit := touched(500, "/usr/bin/tee", 77, at(0))
	audit.PPID = 300
	early := audit
	early.Time = at(-0.905) // audit's clock is a tick behind
	for _, tc := range []struct {
		name  string
		steps []waxseal.ProcessEvent
		audit *waxseal.AuditEvent
		seen  *waxseal.Actor
		want  string
	}{
		{"audit says that it wrote", tee, &audit, nil, "/usr/bin/tee[proven] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"audit's clock is behind", tee, &early, nil, "/usr/bin/tee[proven] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"fanotify's number alone is no proof", tee, nil, nil, "/usr/bin/tee[inferred] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"it has gone", append(tee, ended(500, at(-1), at(-0.5))), nil, nil, "/usr/bin/tee[inferred] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"/proc shows what came after", tee, nil, snapshot(500, 300, "/usr/bin/sleep"), "/usr/bin/tee[inferred] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"a process that only forked", with(forked(500, 300, at(-1))), nil, nil, "/bin/bash[inferred] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"its parent went on to another program", append(tee, runs(300, 100, at(-50), at(-0.5), "/usr/bin/top")), nil, nil, "/usr/bin/tee[inferred] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"its parent's number is another's now", append(tee, ended(300, at(-50), at(-0.6)), forked(300, 7, at(-0.5)), runs(300, 7, at(-0.5), at(-0.4), "/usr/bin/innocent")), nil, nil,
			"/usr/bin/tee[inferred] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"its own number is another's later", append(tee, ended(500, at(-1), at(1)), forked(500, 7, at(5)), runs(500, 7, at(5), at(5.1), "/usr/bin/innocent")), &audit, nil,
			"/usr/bin/tee[proven] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"given to init before it ran the program", with(forked(500, 300, at(-1)), runs(500, 1, at(-1), at(-0.9), "/usr/bin/tee")), nil, nil, "/usr/bin/tee[inferred] < /bin/bash[proven] < /usr/sbin/sshd[proven] < [unknown]"},
		{"a program start after the event", with(forked(500, 300, at(8)), runs(500, 300, at(8), at(9), "/usr/bin/tee")), nil, nil, "[unknown]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := lives(memory(), tc.steps...)
			if tc.audit != nil {
				m.Add(waxseal.Observation{Time: tc.audit.Time, Sensor: "kaudit", Audit: tc.audit})
			}
			if got := chain(m.Actor(write(500, tc.seen), at(0))); got != tc.want {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestLostProcesses: after a loss a process may run something that nobody told of.
func TestLostProcesses(t *testing.T) {
	m := lives(memory(), runs(300, 1, at(-50), at(-49), "/bin/bash", "-bash"), forked(500, 300, at(-40)))
	m.Add(waxseal.Observation{Time: at(-10), Sensor: "bpf", Gap: &waxseal.Gap{Sensor: "bpf", From: at(-20), Until: at(-10), Lost: 3}})
	if got, want := chain(m.Actor(write(500, nil), at(0))), "/bin/bash[inferred] < /bin/bash[inferred] < [unknown]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestMasked: arguments are masked once, in whatever way they are asked for.
func TestMasked(t *testing.T) {
	m := memory()
	m.MaskWith(func(argv []string) []string {
		masked := slices.Clone(argv)
		for i := range masked {
			masked[i] = "<" + masked[i] + ">"
		}
		return masked
	})
	lives(m, runs(300, 1, at(-50), at(-49), "/bin/bash", "-bash"), forked(500, 300, at(-1)), runs(500, 300, at(-1), at(-1), "/usr/bin/tee", "secret"))
	for range 2 {
		a := m.Actor(write(500, nil), at(0))
		o, ok := m.Start(a.Process)
		if !ok || o.Sensor != "bpf" || !slices.Equal(a.Process.Argv, []string{"<secret>"}) || !slices.Equal(o.Process.Argv, a.Process.Argv) || !slices.Equal(a.Ancestors[0].Argv, []string{"<-bash>"}) {
			t.Errorf("%+v, %+v", a, o)
		}
	}
}

// TestManyProcesses: a daemon that runs is remembered through any number of
// processes that come and go, and memory has an end.
func TestManyProcesses(t *testing.T) {
	m := lives(memory(), runs(7, 1, at(-50), at(-50), "/usr/sbin/master", "master"))
	for i := range 100_000 {
		now := at(float64(i) / 1000)
		lives(m, forked(1000+i, 7, now), runs(1000+i, 7, now, now, "/bin/x", strings.Repeat("y", 3000)), ended(1000+i, now, now))
	}
	if _, ok := m.Start(waxseal.Process{PID: 7}); !ok {
		t.Error("a daemon that runs is forgotten")
	}
	kept := 0
	for i := range 100_000 {
		if _, ok := m.Start(waxseal.Process{PID: 1000 + i}); ok {
			kept++
		}
	}
	if kept < 1000 || kept > 5000 {
		t.Errorf("%d processes are remembered", kept)
	}
}
