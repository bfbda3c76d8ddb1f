package kaudit

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// The layout is that of struct audit_rule_data in linux/audit.h: 1040 bytes and
// the texts.
func TestRuleEncoding(t *testing.T) {
	r := watchRule("/etc/postfix", "waxseal", true)
	if len(r) != 1040+len("/etc/postfixwaxseal") || string(r[1040:]) != "/etc/postfixwaxseal" {
		t.Fatalf("%d bytes, texts %q", len(r), r[1040:])
	}
	word := func(offset int) uint32 { return binary.NativeEndian.Uint32(r[offset:]) }
	for _, tc := range []struct {
		name   string
		offset int
		want   uint32
	}{
		{"list exit", 0, 4}, {"always", 4, 2}, {"fields", 8, 3},
		{"first calls", 12, ^uint32(0)}, {"last calls", 12 + 63*4, 0xffff},
		{"dir", 268, 107}, {"perm", 272, 106}, {"key", 276, 210}, {"no more fields", 280, 0},
		{"length of the path", 524, 12}, {"write and attribute", 528, 10}, {"length of the key", 532, 7},
		{"equal", 780, 0x40000000}, {"equal", 784, 0x40000000}, {"equal", 788, 0x40000000},
		{"length of the texts", 1036, 19},
	} {
		if got := word(tc.offset); got != tc.want {
			t.Errorf("%s: %#x at %d, want %#x", tc.name, got, tc.offset, tc.want)
		}
	}
	if f := watchRule("/f", "k", false).fields(); f[0].id != fieldWatch || f[0].text != "/f" || f[2].text != "k" {
		t.Errorf("fields are %+v", f)
	}
}

func TestExecRules(t *testing.T) {
	r := newRule([]uint32{59, 322}, field{id: fieldArch, value: 0xc000003e}, field{id: fieldKey, text: "k-exec"})
	if got := r.word(3 + 1); got != 1<<(59-32) {
		t.Errorf("execve is %#x", got)
	}
	if got := r.word(3 + 10); got != 1<<(322-320) {
		t.Errorf("execveat is %#x", got)
	}
	if r.key() != "k-exec" || r.String() != `arch=c000003e key="k-exec"` {
		t.Errorf("rule is %s", r)
	}
}

func TestRuleFromAnywhere(t *testing.T) {
	for _, r := range []rule{nil, {1}, make(rule, ruleHead), slices.Repeat(rule{0xff}, ruleHead), append(watchRule("/a", "k", true)[:ruleHead], 'x')} {
		_, _, _, _ = r.fields(), r.key(), r.String(), r.list()
	}
	if s := watchRule("/a", "k", true).String(); s != `dir="/a" perm=wa key="k"` {
		t.Errorf("rule is %s", s)
	}
}

func TestObstacles(t *testing.T) {
	never := watchRule("/etc", "x", true)
	binary.NativeEndian.PutUint32(never[4:], actionNever)
	task := make(rule, ruleHead)
	binary.NativeEndian.PutUint32(task, filterTask)
	got := obstacles([]rule{watchRule("/a", "k", true), never, task})
	if len(got) != 2 || !strings.Contains(got[0], "/etc") || !strings.Contains(got[1], "never,task") {
		t.Errorf("obstacles are %q", got)
	}
}

func TestParseStatus(t *testing.T) {
	b := make([]byte, 48)
	for i := range 12 {
		binary.NativeEndian.PutUint32(b[4*i:], uint32(i+100))
	}
	s := parseStatus(b)
	if s.Enabled != 101 || s.Failure != 102 || s.Daemon != 103 || s.Rate != 104 || s.Limit != 105 || s.Lost != 106 || s.Backlog != 107 || s.Features != 108 {
		t.Errorf("status is %+v", s)
	}
	if s := parseStatus(b[:8]); s.Enabled != 101 || s.Lost != 0 {
		t.Errorf("a short status is %+v", s)
	}
	notes := strings.Join(Status{Enabled: 2, Rate: 5, Lost: 6, Failure: 2}.notes(), "\n")
	for _, part := range []string{"locked", "no auditd", "above 5", "6 audit records", "panic"} {
		if !strings.Contains(notes, part) {
			t.Errorf("notes lack %q: %s", part, notes)
		}
	}
}

func TestExplain(t *testing.T) {
	for err, part := range map[error]string{
		unix.ECONNREFUSED: "user namespace", unix.EPERM: "CAP_AUDIT_CONTROL", unix.EPROTONOSUPPORT: "no audit", unix.ENOENT: "no such file",
	} {
		if got := explain(err); !strings.Contains(got, part) {
			t.Errorf("%v is %q", err, got)
		}
	}
	if got := explainRead(unix.EPERM); !strings.Contains(got, "CAP_AUDIT_READ") {
		t.Errorf("it is %q", got)
	}
}

func TestActor(t *testing.T) {
	at := time.Unix(1000, 0)
	look := func(found ...*waxseal.Actor) func(int) *waxseal.Actor {
		return func(pid int) *waxseal.Actor {
			for _, a := range found {
				if a.Process.PID == pid {
					return a
				}
			}
			return nil
		}
	}
	child := &waxseal.Actor{Process: waxseal.Process{PID: 7, Started: at.Add(-time.Second)}}
	later := &waxseal.Actor{Process: waxseal.Process{PID: 7, Started: at.Add(time.Minute)}}
	parent := &waxseal.Actor{
		Process: waxseal.Process{PID: 5, Exe: "/bin/sh"}, Ancestors: []waxseal.Process{{PID: 1}},
		Login: waxseal.Login{UID: 1000}, Origin: waxseal.Origin{Kind: waxseal.OriginSSH, Grade: waxseal.Proven},
	}
	if got := actor(look(child, parent), 7, 5, at); got != child {
		t.Errorf("the living process is %+v", got)
	}
	for name, got := range map[string]*waxseal.Actor{"gone": actor(look(parent), 7, 5, at), "replaced": actor(look(later, parent), 7, 5, at)} {
		if got == nil || got.Process.PID != 0 || got.Process.Grade != waxseal.Unknown || len(got.Ancestors) != 2 || got.Ancestors[0].PID != 5 || got.Login.UID != 1000 || got.Origin.Grade != waxseal.Inferred {
			t.Errorf("%s: actor is %+v", name, got)
		}
	}
	if got := actor(look(later), 7, 5, at); got != nil {
		t.Errorf("with both gone the actor is %+v", got)
	}
}

func TestSort(t *testing.T) {
	s := &Sensor{options: Options{Key: "waxseal", Exec: true, Session: true}, watches: map[string]*watch{"/etc/postfix": {}}, files: map[File]bool{{8, 77}: true}}
	file := []waxseal.AuditPath{{Name: "main.cf", NameType: "NORMAL"}}
	for _, tc := range []struct {
		name string
		e    waxseal.AuditEvent
		want interest
	}{
		{"our key", waxseal.AuditEvent{Type: "SYSCALL", Key: "waxseal"}, watched},
		{"our key among others", waxseal.AuditEvent{Type: "SYSCALL", Key: "a\x01waxseal"}, watched},
		{"execution", waxseal.AuditEvent{Type: "SYSCALL", Key: "waxseal-exec"}, reported},
		{"another product's rule for our path", waxseal.AuditEvent{Type: "SYSCALL", Key: "mailcfg", CWD: "/etc/postfix", Paths: file}, watched},
		{"another product's rule on reading", waxseal.AuditEvent{Type: "SYSCALL", Key: "x", Arch: "x86_64", Syscall: 257, CWD: "/etc/postfix", Paths: file,
			Raw: []string{"type=SYSCALL msg=audit(1.0:1): arch=c000003e syscall=257 a0=1 a1=2 a2=80000 a3=0"}}, ignored},
		{"another product's rule on writing", waxseal.AuditEvent{Type: "SYSCALL", Key: "x", Arch: "x86_64", Syscall: 257, CWD: "/etc/postfix", Paths: file,
			Raw: []string{"type=SYSCALL msg=audit(1.0:1): arch=c000003e syscall=257 a0=1 a1=2 a2=80001 a3=0"}}, watched},
		{"another product's rule", waxseal.AuditEvent{Type: "SYSCALL", Key: "mailcfg", CWD: "/etc", Paths: file}, ignored},
		{"a rule without a key", waxseal.AuditEvent{Type: "SYSCALL", CWD: "/etc/postfix", Paths: file}, watched},
		{"another name of a watched file", waxseal.AuditEvent{Type: "SYSCALL", Key: "x", CWD: "/tmp", Paths: []waxseal.AuditPath{{Name: "alias", Device: 8, Inode: 77, NameType: "NORMAL"}}}, watched},
		{"the same inode of another device", waxseal.AuditEvent{Type: "SYSCALL", Key: "x", CWD: "/tmp", Paths: []waxseal.AuditPath{{Name: "alias", Device: 9, Inode: 77, NameType: "NORMAL"}}}, ignored},
		{"login", waxseal.AuditEvent{Type: "LOGIN"}, reported},
		{"sudo", waxseal.AuditEvent{Type: "USER_CMD"}, reported},
		{"credentials", waxseal.AuditEvent{Type: "CRED_ACQ"}, ignored},
		{"change of audit", waxseal.AuditEvent{Type: "CONFIG_CHANGE", PID: 1}, reported},
		{"our own change of audit", waxseal.AuditEvent{Type: "CONFIG_CHANGE", PID: os.Getpid()}, ignored},
		{"ourselves", waxseal.AuditEvent{Type: "SYSCALL", Key: "waxseal", PID: os.Getpid()}, ignored},
	} {
		if got := s.sort(&tc.e); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// Without a SYSCALL record nobody is named; only as many changes as we made are
// taken for ours.
func TestOwnChangesAreCounted(t *testing.T) {
	var o ownChanges
	o.expect("remove_rule")
	e := &waxseal.AuditEvent{Type: "CONFIG_CHANGE", Fields: map[string]string{"op": "remove_rule"}}
	if !o.is(e) || o.is(e) {
		t.Error("one was ours, the next was not")
	}
	o.expect("audit_enabled")
	if !o.is(&waxseal.AuditEvent{Fields: map[string]string{"audit_enabled": "1", "old": "0", "op": "set"}}) {
		t.Error("switching on was ours")
	}
}

func TestGapIsToldOnce(t *testing.T) {
	var s Sensor
	now := time.Now()
	if s.tell(now, nil, true) != nil {
		t.Error("a gap of nothing")
	}
	if g := s.tell(now, []string{"audit is switched off"}, true); g == nil || g.From.After(g.Until) {
		t.Errorf("gap is %+v", g)
	}
	if s.tell(now, []string{"audit is switched off"}, true) != nil {
		t.Error("told twice")
	}
	s.tell(now, nil, true)
	if s.tell(now, []string{"audit is switched off"}, true) == nil {
		t.Error("not told when it comes again")
	}
}

// TestLossIsNotSilence: where records were lost, the record of our own may be among them, and
// proves nothing. The next one must come, and is not waited for without end.
func TestLossIsNotSilence(t *testing.T) {
	var told []waxseal.Gap
	r := &reader{s: &Sensor{options: Options{Probe: t.TempDir()}}, gap: func(g waxseal.Gap) { told = append(told, g) }}
	lately := func() { r.probing.sent = time.Now().Add(-2 * probeWait) }
	look := func() { r.probe(time.Now()) }
	look()
	lately()
	r.probing.lossy = true
	look()
	look()
	if len(told) > 0 || time.Since(r.probing.sent) > probeWait {
		t.Fatalf("told %+v; the last file is %v old", told, time.Since(r.probing.sent))
	}
	lately()
	look()
	look()
	if len(told) != 1 || !told[0].Silenced {
		t.Errorf("nothing was lost, and told is %+v", told)
	}
	told, r.probing = nil, probing{sent: time.Now()}
	for range maxAgain + 1 {
		if len(told) > 0 {
			t.Fatal("told too early")
		}
		lately()
		r.probing.lossy = true
		look()
		look()
	}
	if len(told) != 1 || !told[0].Silenced {
		t.Errorf("losses did not end, and told is %+v", told)
	}
}

func TestBadAnswers(t *testing.T) {
	for _, b := range [][]byte{make([]byte, headSize), append(make([]byte, headSize), 1, 2)} {
		binary.NativeEndian.PutUint16(b[4:], unix.NLMSG_ERROR)
		if last, err := answer(b, nil); last || err != nil {
			t.Errorf("%v is %v, %v", b, last, err)
		}
	}
	b := append(make([]byte, headSize), 0, 0, 0, 0)
	binary.NativeEndian.PutUint16(b[4:], unix.NLMSG_ERROR)
	denied := -int32(unix.EPERM)
	binary.NativeEndian.PutUint32(b[headSize:], uint32(denied))
	if _, err := answer(b, nil); !errors.Is(err, unix.EPERM) {
		t.Errorf("error is %v", err)
	}
}

// TestLocked: a locked set of rules is used as it is, and what it does not serve is said.
func TestLocked(t *testing.T) {
	never := watchRule("/etc", "x", true)
	binary.NativeEndian.PutUint32(never[4:], actionNever)
	reads := newRule(nil, place("/etc/postfix", true), field{id: fieldPerm, value: 4})
	some := newRule(nil, place("/etc/postfix", true), field{id: 1, value: 1000})
	for _, tc := range []struct {
		name    string
		present []rule
		blind   string
	}{
		{"nothing is loaded", nil, "0 of 2"},
		{"a directory above", []rule{watchRule("/etc", "theirs", true)}, "2 of 2"},
		{"the directory itself", []rule{watchRule("/etc/postfix", "theirs", true)}, "1 of 2"},
		{"the file", []rule{watchRule("/etc/aliases", "theirs", false)}, "1 of 2"},
		{"another directory whose name begins the same", []rule{watchRule("/etc/post", "theirs", true)}, "0 of 2"},
		{"a rule that suppresses", []rule{never}, "0 of 2"},
		{"a rule on reading", []rule{reads}, "0 of 2"},
		{"a rule for one user", []rule{some}, "0 of 2"},
	} {
		note := lockedNote(tc.present, []string{"/etc/postfix", "/etc/aliases"})
		if !strings.Contains(note, tc.blind) {
			t.Errorf("%s: %s", tc.name, note)
		}
		if strings.Contains(tc.blind, "0 of") && !strings.Contains(note, "not proven: /etc/postfix, /etc/aliases") {
			t.Errorf("%s: blind spots are not named: %s", tc.name, note)
		}
	}
}

// TestEntriesByOthers: where another product's rule reports it, a name that comes or goes
// in a directory of which the entries are watched is recognised, and nothing else of it.
func TestEntriesByOthers(t *testing.T) {
	s := &Sensor{watches: map[string]*watch{Entries("/usr/bin"): {}}}
	for name, want := range map[string]bool{"CREATE /usr/bin/new": true, "DELETE /usr/bin/old": true, "NORMAL /usr/bin/old": false, "CREATE /usr/bin/below/new": false, "CREATE /usr/new": false} {
		kind, at, _ := strings.Cut(name, " ")
		e := &waxseal.AuditEvent{Type: "SYSCALL", Paths: []waxseal.AuditPath{{NameType: "PARENT", Name: "/usr/bin"}, {NameType: kind, Name: at}}}
		if got := s.touches(e); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, r := range []rule{watchRule("/usr", "theirs", true), watchRule("/usr/bin", "theirs", true), watchRule("/usr/bin", "theirs", false)} {
		if !r.serves(Entries("/usr/bin")) {
			t.Errorf("%s does not serve the entries of /usr/bin", r)
		}
	}
	if watchRule("/usr/bin/old", "theirs", false).serves(Entries("/usr/bin")) {
		t.Error("a rule on one file serves the entries of its directory")
	}
}

func TestTightened(t *testing.T) {
	for _, tc := range []struct {
		name        string
		before, now Status
		want        string
	}{
		{"as it was", Status{Limit: 64}, Status{Limit: 64, Backlog: 3}, ""},
		{"auditd raised the limit", Status{Limit: 64}, Status{Limit: 8192}, ""},
		{"a smaller limit", Status{Limit: 8192}, Status{Limit: 1}, "only 1 audit"},
		{"no limit", Status{Limit: 8192}, Status{}, ""},
		{"a rate", Status{}, Status{Rate: 1}, "above 1 a second"},
	} {
		got := strings.Join(tightened(tc.before, tc.now), "; ")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
