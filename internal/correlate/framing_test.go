package correlate_test

import (
	"testing"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/utmp"
)

const alice = 1001

// wroteLogin is the record of a process that writes a login uid.
func wroteLogin(pid int, exe string, uid, ses, old, oldSes string, auid, session uint32, when float64) waxseal.AuditEvent {
	return waxseal.AuditEvent{Time: at(when), Type: "LOGIN", Syscall: 1, Success: true, PID: pid, Exe: exe, AUID: auid, Session: session,
		Fields: map[string]string{"auid": uid, "ses": ses, "old-auid": old, "old-ses": oldSes}}
}

// inSession is an event of another login and session.
func inSession(e waxseal.AuditEvent, uid, session uint32) waxseal.AuditEvent {
	e.AUID, e.Session = uid, session
	return e
}

// TestForgedLogin: mallory, as root, gives a shell the login uid of another. The other is
// named, for the kernel says so, and not as proven; before it stands mallory.
func TestForgedLogin(t *testing.T) {
	forged := wroteLogin(500, "/usr/bin/bash", "1001", "6", "1004", "5", alice, 6, -2)
	m := within(root(started(500, 90, "/usr/bin/bash", at(-3), "bash"), 0), forged, inSession(touched(500, "/usr/bin/bash", 77, at(0)), alice, 6))
	a := m.Actor(write(500, nil), at(0))
	if a.Login.UID != alice || a.Login.Grade != waxseal.Inferred {
		t.Errorf("login %+v, want alice, inferred", a.Login)
	}
	if b := a.Login.Before; b == nil || b.UID != mallory || b.Grade != waxseal.Proven {
		t.Errorf("before %+v, want mallory, proven", b)
	}
	if _, ok := m.Forged(&forged); !ok {
		t.Error("it is no finding")
	}
}

// TestLoginTakenOff: mallory takes the login uid off first, and then sets another.
func TestLoginTakenOff(t *testing.T) {
	off := wroteLogin(500, "/usr/bin/bash", "4294967295", "4294967295", "1004", "5", waxseal.Unset, waxseal.Unset, -2)
	on := wroteLogin(500, "/usr/bin/bash", "1001", "7", "4294967295", "4294967295", alice, 7, -1)
	shell := root(started(500, 90, "/usr/bin/bash", at(-3), "bash"), 0)
	a := within(shell, off, inSession(touched(500, "/usr/bin/bash", 77, at(0)), waxseal.Unset, waxseal.Unset)).Actor(write(500, nil), at(0))
	if a.Login.Grade != waxseal.Inferred || a.Login.Before == nil || a.Login.Before.UID != mallory {
		t.Errorf("without a login uid: %+v", a.Login)
	}
	a = within(shell, off, on, inSession(touched(500, "/usr/bin/bash", 77, at(0)), alice, 7)).Actor(write(500, nil), at(0))
	if a.Login.Grade != waxseal.Inferred {
		t.Errorf("with another's: %+v", a.Login)
	}
}

// TestOlderSession: a session whose beginning nobody saw is inferred.
func TestOlderSession(t *testing.T) {
	if a := memory(touched(500, "/usr/bin/vim", 77, at(0))).Actor(write(500, nil), at(0)); a.Login.UID != mallory || a.Login.Grade != waxseal.Inferred {
		t.Errorf("%+v", a.Login)
	}
}

// TestNamesOfPrograms: a file that a user calls sshd, dpkg or sudo is none.
func TestNamesOfPrograms(t *testing.T) {
	for _, exe := range []string{"/tmp/dpkg", "/home/mallory/sshd", "/tmp/cron", "/home/mallory/sudo"} {
		a := within(root(started(400, 90, exe, at(-3), "dpkg"), 0), root(touched(500, "/usr/bin/tee", 77, at(0)), 0)).Actor(write(500, nil), at(0))
		if a.Origin.Kind == waxseal.OriginPackage || a.Origin.Kind == waxseal.OriginCron || a.Sudo != nil {
			t.Errorf("%s: origin %+v, sudo %+v", exe, a.Origin, a.Sudo)
		}
	}
}

// TestPackageManagerBySSH: what somebody did by a package manager comes by that, from where
// he logged in, though /proc showed the connection already.
func TestPackageManagerBySSH(t *testing.T) {
	seen := snapshot(500, 400, "/usr/bin/tee")
	seen.Origin = waxseal.Origin{Kind: waxseal.OriginSSH, Address: "198.51.100.7", Port: 4711, Grade: waxseal.Proven, Basis: "the kernel's socket table"}
	a := within(root(started(400, 90, "/usr/bin/dpkg", at(-3), "dpkg"), 0), touched(500, "/usr/bin/tee", 77, at(0))).Actor(write(500, seen), at(0))
	if o := a.Origin; o.Kind != waxseal.OriginPackage || o.Address != "198.51.100.7" || o.Port != 4711 || o.Grade != waxseal.Proven {
		t.Errorf("%+v", o)
	}
}

// TestNumberUsedAgain: the number of another session's program is no parent, nor is a
// program that started after what /proc showed.
func TestNumberUsedAgain(t *testing.T) {
	old := inSession(root(started(400, 1, "/usr/bin/dpkg", at(-300), "dpkg"), 0), alice, 3)
	a := within(old, touched(500, "/usr/bin/tee", 77, at(0))).Actor(write(500, nil), at(0))
	for _, p := range a.Ancestors {
		if p.Exe == "/usr/bin/dpkg" {
			t.Errorf("another session's dpkg is an ancestor: %+v", p)
		}
	}
	seen := snapshot(500, 400, "/usr/bin/tee")
	seen.Ancestors = []waxseal.Process{{PID: 400, Exe: "/usr/bin/dpkg", Started: at(-10), Grade: waxseal.Inferred}}
	a = within(started(400, 1, "/usr/bin/dpkg", at(-300), "dpkg"), touched(500, "/usr/bin/tee", 77, at(0))).Actor(write(500, seen), at(0))
	if len(a.Ancestors) == 0 || a.Ancestors[0].Grade == waxseal.Proven {
		t.Errorf("a process that started later is proven by the old record: %+v", a.Ancestors)
	}
}

// TestTraced: who is under ptrace(2) is not proven to have acted for himself.
func TestTraced(t *testing.T) {
	seen := snapshot(500, 400, "/usr/bin/tee")
	seen.Process.Tracer = 900
	a := within(touched(500, "/usr/bin/tee", 77, at(0))).Actor(write(500, seen), at(0))
	if a.Process.Grade != waxseal.Inferred || a.Login.Grade != waxseal.Inferred {
		t.Errorf("%+v, login %+v", a.Process, a.Login)
	}
}

// TestForgedLine: a second line about the same connection takes the key away.
func TestForgedLine(t *testing.T) {
	m := within(login(90, "/usr/sbin/sshd", "198.51.100.7"), touched(500, "/usr/bin/vim", 77, at(0)))
	for _, text := range []string{
		"Nov 23 11:58:58 mail sshd[90]: Accepted publickey for mallory from 198.51.100.7 port 40001 ssh2: ED25519 SHA256:abc",
		"Nov 23 11:58:59 mail sshd[90]: Accepted publickey for mallory from 198.51.100.7 port 40001 ssh2: ED25519 SHA256:forged",
	} {
		m.Add(waxseal.Observation{Time: at(-61), Sensor: "tail", Log: &waxseal.LogLine{Path: "/var/log/auth.log", Text: text}})
	}
	if o := m.Actor(write(500, nil), at(0)).Origin; o.Key != "" || o.KeyGrade != waxseal.Unknown {
		t.Errorf("%+v", o)
	}
}

// TestSharedMoment: of two who wrote in the same moment neither is proven.
func TestSharedMoment(t *testing.T) {
	a := within(touched(500, "/usr/bin/tee", 77, at(0))).Actor(write(500, nil), at(0))
	if correlate.Shared(&a, 700); a.Process.Grade != waxseal.Inferred || a.Login.Grade != waxseal.Inferred {
		t.Errorf("%+v", a)
	}
}

// journaled is a line of the journal, with who wrote it.
func journaled(text string, uid uint32, pid int, exe string) waxseal.Observation {
	return waxseal.Observation{Time: at(-61), Sensor: "journal", Log: &waxseal.LogLine{Path: "/var/log/journal/x/system.journal", Text: text, By: &waxseal.LogSource{PID: pid, UID: uid, Exe: exe}}}
}

// TestJournal: a line is proven where journald says that sshd wrote it; what others write
// in sshd's name proves nothing, and takes nothing away.
func TestJournal(t *testing.T) {
	const own, other = "2026-11-23T11:58:58.000000Z mail sshd[90]: Accepted publickey for mallory from 198.51.100.7 port 40001 ssh2: ED25519 SHA256:abc",
		"2026-11-23T11:58:59.000000Z mail sshd[90]: Accepted publickey for mallory from 198.51.100.7 port 40001 ssh2: ED25519 SHA256:forged"
	for _, tc := range []struct {
		name  string
		lines []waxseal.Observation
		key   string
		grade waxseal.Grade
	}{
		{"sshd's own", []waxseal.Observation{journaled(own, 0, 90, "/usr/sbin/sshd")}, "SHA256:abc", waxseal.Proven},
		{"a forged one after it", []waxseal.Observation{journaled(own, 0, 90, "/usr/sbin/sshd"), journaled(other, 1004, 700, "/usr/bin/logger")}, "SHA256:abc", waxseal.Proven},
		{"a forged one before it", []waxseal.Observation{journaled(other, 1004, 90, "/usr/sbin/sshd"), journaled(own, 0, 90, "/usr/sbin/sshd")}, "SHA256:abc", waxseal.Proven},
		{"by logger alone", []waxseal.Observation{journaled(own, 0, 700, "/usr/bin/logger")}, "SHA256:abc", waxseal.Inferred},
		{"by a user's sshd", []waxseal.Observation{journaled(own, 1004, 90, "/usr/sbin/sshd")}, "SHA256:abc", waxseal.Inferred},
		{"by a program of that name", []waxseal.Observation{journaled(own, 0, 90, "/tmp/sshd")}, "SHA256:abc", waxseal.Inferred},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := within(login(90, "/usr/sbin/sshd", "198.51.100.7"), touched(500, "/usr/bin/vim", 77, at(0)))
			for _, l := range tc.lines {
				m.Add(l)
			}
			if o := m.Actor(write(500, nil), at(0)).Origin; o.Key != tc.key || o.KeyGrade != tc.grade {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestWritten: what utmp or logind says of an older session is inferred; a forged record
// neither proves anything nor names somebody else than the kernel does.
func TestWritten(t *testing.T) {
	names := func(uid uint32) string { return map[uint32]string{mallory: "mallory", alice: "alice"}[uid] }
	for _, tc := range []struct {
		name   string
		record utmp.Record
		kind   waxseal.OriginKind
	}{
		{"logind", utmp.Record{User: "mallory", PID: 90, Session: 5, Host: "198.51.100.7", Service: "sshd", Source: "/run/systemd/sessions/5"}, waxseal.OriginSSH},
		{"utmp", utmp.Record{User: "mallory", PID: 400, Session: waxseal.Unset, Host: "198.51.100.7", TTY: "pts/0", Source: "/run/utmp"}, waxseal.OriginSSH},
		{"of another user", utmp.Record{User: "alice", PID: 400, Session: waxseal.Unset, Host: "203.0.113.9", Source: "/run/utmp"}, waxseal.OriginUnknown},
		{"of another session", utmp.Record{User: "mallory", PID: 90, Session: 6, Host: "203.0.113.9", Source: "/run/systemd/sessions/6"}, waxseal.OriginUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := correlate.NewMemory(names)
			for _, e := range []waxseal.AuditEvent{started(400, 90, "/usr/bin/bash", at(-3), "bash"), touched(500, "/usr/bin/vim", 77, at(0))} {
				m.Add(waxseal.Observation{Time: e.Time, Audit: &e})
			}
			m.Written(tc.record)
			seen := snapshot(500, 400, "/usr/bin/vim")
			a := m.Actor(write(500, seen), at(0))
			if a.Login.UID != mallory || a.Login.Name != "mallory" {
				t.Errorf("login %+v", a.Login)
			}
			if a.Origin.Kind != tc.kind || a.Origin.Grade == waxseal.Proven {
				t.Errorf("origin %+v", a.Origin)
			}
		})
	}
}

// TestLoggedStep: where no record tells how somebody became root, sudo's line does, and no
// line of another session or terminal.
func TestLoggedStep(t *testing.T) {
	names := func(uid uint32) string { return map[uint32]string{mallory: "mallory", alice: "alice", 0: "root"}[uid] }
	const line = "2026-11-23T11:58:58.000000Z mail sudo[300]:  mallory : PWD=/ ; USER=root ; COMMAND=/usr/bin/vim"
	for _, tc := range []struct {
		name    string
		session uint32
		text    string
		steps   int
	}{
		{"of the session", 5, line, 1},
		{"of another session", 6, line, 0},
		{"of another user", 5, "2026-11-23T11:58:58.000000Z mail sudo[300]:  alice : PWD=/ ; USER=root ; COMMAND=/usr/bin/vim", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := correlate.NewMemory(names)
			o := journaled(tc.text, 1004, 300, "/usr/bin/sudo")
			o.Log.By.Session = tc.session
			m.Add(o)
			e := root(touched(500, "/usr/bin/vim", 77, at(0)), 0)
			m.Add(waxseal.Observation{Time: e.Time, Audit: &e})
			a := m.Actor(write(500, nil), at(0))
			if len(a.Steps) != tc.steps {
				t.Fatalf("%+v", a.Steps)
			}
			for _, s := range a.Steps {
				if s.From != mallory || s.To != 0 || s.Grade != waxseal.Inferred {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}
