package correlate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

func names(uid uint32) string {
	return map[uint32]string{0: "root", 1004: "mallory"}[uid]
}

const (
	mallory = 1004
	session = 5
)

// started is the audit record of a program start.
func started(pid, ppid int, exe string, when time.Time, argv ...string) waxseal.AuditEvent {
	return waxseal.AuditEvent{
		Time: when, Type: "SYSCALL", Arch: "x86_64", Syscall: 59, Success: true, PID: pid, PPID: ppid,
		AUID: mallory, Session: session, Exe: exe, Comm: exe[max(0, len(exe)-4):], Argv: argv,
	}
}

// touched is the audit record of a write to an inode.
func touched(pid int, exe string, inode uint64, when time.Time) waxseal.AuditEvent {
	return waxseal.AuditEvent{
		Time: when, Type: "SYSCALL", Arch: "x86_64", Syscall: 257, Success: true, PID: pid, PPID: 400,
		AUID: mallory, Session: session, Exe: exe, TTY: "pts0",
		Paths: []waxseal.AuditPath{{Name: "/etc/postfix/", Inode: 2, Device: 8, NameType: "PARENT"}, {Item: 1, Name: "main.cf", Inode: inode, Device: 8, NameType: "NORMAL"}},
	}
}

// opened is how mallory's session began: sshd, started as root, set the login uid.
func opened(pid int) []waxseal.AuditEvent {
	sshd := root(started(pid, 1, "/usr/sbin/sshd", at(-900), "sshd"), 0)
	sshd.AUID, sshd.Session = waxseal.Unset, waxseal.Unset
	return []waxseal.AuditEvent{sshd, {Time: at(-890), Type: "LOGIN", Syscall: -1, Success: true, PID: pid, AUID: mallory, Session: session,
		Fields: map[string]string{"old-auid": "4294967295", "old-ses": "4294967295"}}}
}

func memory(events ...waxseal.AuditEvent) *correlate.Memory {
	m := correlate.NewMemory(names)
	for _, e := range events {
		m.Add(waxseal.Observation{Time: e.Time, Sensor: "kaudit", Audit: &e})
	}
	return m
}

// within is the memory of what happened in a session whose beginning was seen.
func within(events ...waxseal.AuditEvent) *correlate.Memory {
	return memory(append(opened(90), events...)...)
}

// write is the file event that is to be explained.
func write(pid int, seen *waxseal.Actor) waxseal.FileEvent {
	return waxseal.FileEvent{Operations: []waxseal.Operation{waxseal.OpWrite}, Path: "/etc/postfix/main.cf", Device: 8, Inode: 77, PID: pid, Actor: seen}
}

// snapshot is what /proc showed of a process.
func snapshot(pid, ppid int, exe string, argv ...string) *waxseal.Actor {
	return &waxseal.Actor{
		Login:   waxseal.Login{UID: mallory, Session: session, Grade: waxseal.Inferred},
		Process: waxseal.Process{PID: pid, PPID: ppid, Exe: exe, Argv: argv, Grade: waxseal.Inferred},
	}
}

// TestActor: what is proven rests on the kernel's records of that very process;
// all else is inferred or unknown.
func TestActor(t *testing.T) {
	failed := touched(500, "/usr/bin/vim", 77, at(0))
	failed.Success = false
	late := started(500, 400, "/usr/bin/vim", at(9), "vim")
	otherDevice := touched(501, "/usr/bin/other", 77, at(0))
	otherDevice.Paths[1].Device = 9
	onlyParent := touched(501, "/usr/bin/other", 1, at(0))
	onlyParent.Paths = onlyParent.Paths[:1]
	onlyParent.Paths[0].Inode = 77
	tests := []struct {
		name  string
		m     *correlate.Memory
		event waxseal.FileEvent
		exe   string
		argv  []string
		grade waxseal.Grade // of process and login
	}{
		{"audit, same process", within(started(500, 400, "/usr/bin/vim", at(-5), "vim", "main.cf"), touched(500, "/usr/bin/vim", 77, at(0))),
			write(500, nil), "/usr/bin/vim", []string{"vim", "main.cf"}, waxseal.Proven},
		{"audit and /proc", within(touched(500, "/usr/bin/vim", 77, at(0))), write(500, snapshot(500, 400, "/usr/bin/vim", "vim", "x")), "/usr/bin/vim", []string{"vim", "x"}, waxseal.Proven},
		{"audit, /proc shows what came after", within(touched(500, "/usr/bin/vim", 77, at(0))), write(500, snapshot(500, 400, "/usr/bin/sleep", "sleep")), "/usr/bin/vim", nil, waxseal.Proven},
		{"audit, another process on the inode", within(touched(501, "/usr/bin/tee", 77, at(0))), write(500, nil), "", nil, waxseal.Unknown},
		{"audit, another process handed its descriptor on", within(touched(501, "/usr/bin/tee", 77, at(0))), write(500, snapshot(500, 400, "/usr/bin/vim", "vim")), "/usr/bin/vim", []string{"vim"}, waxseal.Inferred},
		{"audit, and nobody named the writer", within(touched(501, "/usr/bin/tee", 77, at(0))), write(0, nil), "/usr/bin/tee", nil, waxseal.Inferred},
		{"audit, the same number long ago", within(touched(500, "/usr/bin/tee", 77, at(-60))), write(500, nil), "", nil, waxseal.Unknown},
		{"audit, both: the same process wins", within(touched(500, "/usr/bin/vim", 77, at(-1)), touched(501, "/usr/bin/tee", 77, at(0))), write(500, nil), "/usr/bin/vim", nil, waxseal.Proven},
		{"audit, another process long ago", within(touched(501, "/usr/bin/tee", 77, at(-60))), write(500, nil), "", nil, waxseal.Unknown},
		{"audit, another inode", within(touched(501, "/usr/bin/tee", 78, at(0))), write(500, nil), "", nil, waxseal.Unknown},
		{"audit, the inode of another device", within(otherDevice), write(500, nil), "", nil, waxseal.Unknown},
		{"audit, only the directory", within(onlyParent), write(500, nil), "", nil, waxseal.Unknown},
		{"audit, same process, same name, new inode", within(touched(500, "/usr/bin/vim", 0, at(0))), write(500, nil), "/usr/bin/vim", nil, waxseal.Proven},
		{"audit, an attempt that failed", within(failed), write(500, nil), "", nil, waxseal.Unknown},
		{"audit, after the event", within(touched(500, "/usr/bin/vim", 77, at(30))), write(500, nil), "", nil, waxseal.Unknown},
		{"only /proc", within(), write(500, snapshot(500, 400, "/usr/bin/vim", "vim")), "/usr/bin/vim", []string{"vim"}, waxseal.Inferred},
		{"only a program start", within(started(500, 400, "/usr/bin/vim", at(-5), "vim")), write(500, nil), "/usr/bin/vim", []string{"vim"}, waxseal.Inferred},
		{"a program start after the event", within(late), write(500, nil), "", nil, waxseal.Unknown},
		{"nothing", within(), write(500, nil), "", nil, waxseal.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := tt.m.Actor(tt.event, at(0))
			if a.Process.Exe != tt.exe || a.Process.Grade != tt.grade || a.Login.Grade != tt.grade {
				t.Errorf("%s [%s, login %s], want %s [%s]", a.Process.Exe, a.Process.Grade, a.Login.Grade, tt.exe, tt.grade)
			}
			if !slices.Equal(a.Process.Argv, tt.argv) {
				t.Errorf("argv %q, want %q", a.Process.Argv, tt.argv)
			}
			if tt.grade == waxseal.Unknown && (a.Login.UID != waxseal.Unset || a.Origin.Kind != waxseal.OriginUnknown) {
				t.Errorf("a guess: %+v", a)
			}
			if tt.grade != waxseal.Unknown && a.Login.Name != "mallory" {
				t.Errorf("login %+v", a.Login)
			}
		})
	}
}

// TestRunAgain: a pid that ran another program since has the words of that one.
func TestRunAgain(t *testing.T) {
	m := memory(started(500, 400, "/bin/sh", at(-9), "sh", "-c", "x"), started(500, 400, "/usr/bin/tee", at(-1), "tee", "main.cf"), touched(500, "/usr/bin/tee", 77, at(0)))
	if a := m.Actor(write(500, nil), at(0)); !slices.Equal(a.Process.Argv, []string{"tee", "main.cf"}) {
		t.Errorf("argv %q", a.Process.Argv)
	}
	// The write came before the second program: the words of the first are the writer's.
	m = memory(started(500, 400, "/bin/sh", at(-9), "sh"), touched(500, "/bin/sh", 77, at(0)), started(500, 400, "/usr/bin/tee", at(1), "tee"))
	if a := m.Actor(write(500, nil), at(0)); !slices.Equal(a.Process.Argv, []string{"sh"}) {
		t.Errorf("argv %q", a.Process.Argv)
	}
	m = memory(started(500, 400, "/bin/sh", at(-9), "sh", "first"), touched(500, "/bin/sh", 77, at(0)), started(500, 400, "/bin/sh", at(1), "sh", "second"))
	if a := m.Actor(write(500, nil), at(0)); !slices.Equal(a.Process.Argv, []string{"sh", "first"}) {
		t.Errorf("argv %q", a.Process.Argv)
	}
}

// root makes a process of root's; the login stays mallory's.
func root(e waxseal.AuditEvent, uid uint32) waxseal.AuditEvent {
	e.UID, e.EUID = uid, 0
	return e
}

func user(e waxseal.AuditEvent) waxseal.AuditEvent {
	e.UID, e.EUID = mallory, mallory
	return e
}

// TestSudo: who called sudo, also where its record shows root already.
func TestSudo(t *testing.T) {
	chain := func(sudo waxseal.AuditEvent) []waxseal.AuditEvent {
		return []waxseal.AuditEvent{
			root(started(100, 1, "/usr/sbin/sshd", at(-60), "sshd"), 0),
			user(started(300, 100, "/bin/bash", at(-50), "-bash")),
			sudo,
			root(started(500, 400, "/usr/bin/tee", at(-2), "tee"), 0),
			touched(500, "/usr/bin/tee", 77, at(0)),
		}
	}
	for name, sudo := range map[string]waxseal.AuditEvent{
		"uid of the caller":  root(started(400, 300, "/usr/bin/sudo", at(-3), "sudo", "tee"), mallory),
		"uid of root by now": root(started(400, 300, "/usr/bin/sudo", at(-3), "sudo", "tee"), 0),
	} {
		a := memory(chain(sudo)...).Actor(write(500, nil), at(0))
		if a.Sudo == nil || a.Sudo.UID != mallory || a.Sudo.Grade != waxseal.Proven || !slices.Equal(a.Sudo.Argv, []string{"sudo", "tee"}) {
			t.Errorf("%s: %+v", name, a.Sudo)
		}
		var above []string
		for _, p := range a.Ancestors {
			above = append(above, fmt.Sprintf("%s[%s]", p.Exe, p.Grade))
		}
		want := []string{"/usr/bin/sudo[proven]", "/bin/bash[proven]", "/usr/sbin/sshd[proven]", "[unknown]"}
		if !slices.Equal(above, want) {
			t.Errorf("%s: ancestors %q, want %q", name, above, want)
		}
	}
	if a := memory(touched(500, "/usr/bin/tee", 77, at(0))).Actor(write(500, nil), at(0)); a.Sudo != nil {
		t.Errorf("a sudo that nobody saw: %+v", a.Sudo)
	}
}

func login(pid int, exe, address string) waxseal.AuditEvent {
	return waxseal.AuditEvent{Time: at(-60), Type: "USER_LOGIN", Syscall: -1, PID: pid, AUID: mallory, Session: session,
		Fields: map[string]string{"addr": address, "exe": `"` + exe + `"`}}
}

// TestOrigin: where the session came from.
func TestOrigin(t *testing.T) {
	sshd := root(started(100, 1, "/usr/sbin/sshd", at(-90), "sshd"), 0)
	feigned := user(started(100, 1, "/home/mallory/sshd", at(-90), "sshd"))
	other := login(100, "/usr/sbin/sshd", "198.51.100.7")
	other.Session = session + 1
	bySSH := func(grade waxseal.Grade) waxseal.Origin {
		return waxseal.Origin{Kind: waxseal.OriginSSH, Address: "198.51.100.7", Grade: grade}
	}
	unknown := waxseal.Origin{Kind: waxseal.OriginUnknown, Grade: waxseal.Unknown}
	for _, tt := range []struct {
		name   string
		events []waxseal.AuditEvent
		want   waxseal.Origin
	}{
		{"a login by the sshd that audit saw start", []waxseal.AuditEvent{sshd, login(100, "/usr/sbin/sshd", "198.51.100.7")}, bySSH(waxseal.Proven)},
		{"a login by a process that says it is sshd", []waxseal.AuditEvent{login(100, "/usr/sbin/sshd", "198.51.100.7")}, bySSH(waxseal.Inferred)},
		{"a login by a user's own sshd", []waxseal.AuditEvent{feigned, login(100, "/usr/sbin/sshd", "198.51.100.7")}, bySSH(waxseal.Inferred)},
		{"an address written as IPv6", []waxseal.AuditEvent{sshd, login(100, "/usr/sbin/sshd", "::ffff:198.51.100.7")}, bySSH(waxseal.Proven)},
		{"another program", []waxseal.AuditEvent{login(100, "/usr/bin/login", "198.51.100.7")}, waxseal.Origin{Kind: waxseal.OriginUnknown, Address: "198.51.100.7", Grade: waxseal.Inferred}},
		{"another session", []waxseal.AuditEvent{sshd, other}, unknown},
		{"no address", []waxseal.AuditEvent{sshd, login(100, "/usr/sbin/sshd", "?")}, unknown},
		{"a name for an address", []waxseal.AuditEvent{sshd, login(100, "/usr/sbin/sshd", "evil.example")}, unknown},
		{"nothing", nil, unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := memory(append(tt.events, touched(500, "/usr/bin/vim", 77, at(0)))...).Actor(write(500, nil), at(0))
			a.Origin.Basis = ""
			if a.Origin != tt.want {
				t.Errorf("%+v, want %+v", a.Origin, tt.want)
			}
		})
	}
}

// TestKey: sshd's log line adds method and key, and is never more than inferred.
func TestKey(t *testing.T) {
	m := memory(root(started(100, 1, "/usr/sbin/sshd", at(-90), "sshd"), 0), login(100, "/usr/sbin/sshd", "198.51.100.7"), touched(500, "/usr/bin/vim", 77, at(0)))
	add := func(text string) {
		m.Add(waxseal.Observation{Time: at(-61), Sensor: "tail", Log: &waxseal.LogLine{Path: "/var/log/auth.log", Text: text}})
	}
	add("Nov 23 11:58:59 mail sshd[90]: Accepted password for other from 198.51.100.7 port 40000 ssh2")
	add("Nov 23 11:58:58 mail sshd[90]: Accepted publickey for mallory from 198.51.100.7 port 40001 ssh2: ED25519 SHA256:abc")
	add("Nov 23 11:58:59 mail sshd[90]: Accepted publickey for mallory from 203.0.113.1 port 40001 ssh2: ED25519 SHA256:def")
	o := m.Actor(write(500, nil), at(0)).Origin
	if o.Method != "publickey" || o.Key != "SHA256:abc" || o.KeyGrade != waxseal.Inferred || o.Grade != waxseal.Proven {
		t.Errorf("%+v", o)
	}
}

// TestBridge: a process that only forked leaves no record; above it stands the
// process that opened the session. That is inferred.
func TestBridge(t *testing.T) {
	opened := waxseal.AuditEvent{Time: at(-80), Type: "LOGIN", Syscall: -1, PID: 150, Session: session}
	sshd := root(started(150, 100, "/usr/sbin/sshd", at(-90), "sshd: mallory"), 0)
	sshd.Session = waxseal.Unset
	listener := root(started(100, 1, "/usr/sbin/sshd", at(-900), "sshd"), 0)
	listener.Session = waxseal.Unset
	// 500 vim < 400, forked and gone < 150
	a := memory(listener, sshd, opened, touched(500, "/usr/bin/vim", 77, at(0))).Actor(write(500, nil), at(0))
	var got []string
	for _, p := range a.Ancestors {
		got = append(got, fmt.Sprintf("%d[%s]", p.PID, p.Grade))
	}
	if want := []string{"400[unknown]", "150[inferred]", "100[inferred]", "1[unknown]"}; !slices.Equal(got, want) {
		t.Errorf("ancestors %q, want %q", got, want)
	}
	opened.Session++ // another session's
	a = memory(listener, sshd, opened, touched(500, "/usr/bin/vim", 77, at(0))).Actor(write(500, nil), at(0))
	if len(a.Ancestors) != 1 || a.Ancestors[0].Grade != waxseal.Unknown {
		t.Errorf("another session's opener was taken: %+v", a.Ancestors)
	}
}

// TestRing: pids that were used again can't make a chain without an end.
func TestRing(t *testing.T) {
	a := memory(started(400, 300, "/a", at(-3), "a"), started(300, 400, "/b", at(-2), "b"), touched(500, "/usr/bin/vim", 77, at(0))).Actor(write(500, nil), at(0))
	if len(a.Ancestors) != 2 {
		t.Errorf("%d ancestors", len(a.Ancestors))
	}
	var long []waxseal.AuditEvent
	for pid := 1000; pid < 1200; pid++ {
		long = append(long, started(pid, pid+1, "/a", at(-3), "a"))
	}
	end := touched(500, "/usr/bin/vim", 77, at(0))
	end.PPID = 1000
	if a := memory(append(long, end)...).Actor(write(500, nil), at(0)); len(a.Ancestors) > 40 {
		t.Errorf("%d ancestors", len(a.Ancestors))
	}
}

// TestBounded: memory ends; what fell out of it is unknown, and what is recent is
// still there.
func TestBounded(t *testing.T) {
	m := correlate.NewMemory(names)
	const n = 60_000
	for i := range n {
		seen := snapshot(10+i, 5, "/bin/x")
		seen.Ancestors = []waxseal.Process{{PID: 1_000_000 + i, Grade: waxseal.Inferred}}
		e := started(10+i, 5, "/bin/x", at(float64(i)), "x")
		e.Actor = seen
		for _, e := range []waxseal.AuditEvent{e, touched(10+i, "/bin/x", uint64(1000+i), at(float64(i))),
			{Type: "LOGIN", Session: uint32(i), PID: i}, login(10+i, "/usr/sbin/sshd", "198.51.100.7")} {
			m.Add(waxseal.Observation{Time: e.Time, Audit: &e})
		}
	}
	if _, ok := m.Start(waxseal.Process{PID: 10}); ok {
		t.Error("the first of very many program starts is still remembered")
	}
	if _, ok := m.Start(waxseal.Process{PID: 10 + n - 1}); !ok {
		t.Error("the last program start is forgotten")
	}
	kept := 0
	for i := range n {
		if _, ok := m.Start(waxseal.Process{PID: 10 + i}); ok {
			kept++
		}
	}
	if kept > 20_000 {
		t.Errorf("%d program starts are remembered", kept)
	}
	if got := m.Writes("/etc/postfix/main.cf", 1000+n-1, []int{257}, noon, at(1<<20)); got != 1 {
		t.Errorf("the last write: %d", got)
	}
	if got := m.Writes("/etc/postfix/main.cf", 1000, []int{257}, at(-1), at(1<<20)); got != 0 {
		t.Errorf("the first write: %d", got)
	}
}

// TestPIDUsedAgain: when the first program of a pid falls out of memory, its
// latest one stays.
func TestPIDUsedAgain(t *testing.T) {
	m := memory(started(7, 1, "/usr/sbin/sshd", at(0), "sshd"))
	for i := range 60_000 {
		if i == 55_000 {
			e := started(7, 1, "/usr/bin/vim", at(float64(i)), "vim")
			m.Add(waxseal.Observation{Time: e.Time, Audit: &e})
		}
		e := started(100+i, 1, "/bin/x", at(float64(i)), "x")
		m.Add(waxseal.Observation{Time: e.Time, Audit: &e})
	}
	if e, ok := m.Start(waxseal.Process{PID: 7}); !ok || e.Audit.Exe != "/usr/bin/vim" {
		t.Errorf("a program start of a moment ago is forgotten: %+v, %v", e, ok)
	}
}
