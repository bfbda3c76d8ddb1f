package auditrec

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
)

var update = flag.Bool("update", false, "write the golden files anew")

// assemble reads lines as a log file holds them.
func assemble(t *testing.T, lines ...string) []waxseal.AuditEvent {
	t.Helper()
	var a Assembler
	var events []waxseal.AuditEvent
	for _, line := range lines {
		r, err := ParseLine(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, a.Add(r)...)
	}
	return append(events, a.Drain()...)
}

func TestRecordings(t *testing.T) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) < 4 {
		t.Fatalf("recordings: %v, %v", logs, err)
	}
	for _, log := range logs {
		t.Run(filepath.Base(log), func(t *testing.T) {
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			events := assemble(t, lines...)
			var raw []string
			var got bytes.Buffer
			for _, e := range events {
				raw = append(raw, e.Raw...)
				e.Raw = nil // the recording itself has them
				b, err := json.Marshal(e)
				if err != nil {
					t.Fatal(err)
				}
				got.Write(append(b, '\n'))
			}
			slices.Sort(raw)
			slices.Sort(lines)
			if !slices.Equal(raw, lines) {
				t.Errorf("%d lines came in, %d are in events", len(lines), len(raw))
			}
			golden := strings.TrimSuffix(log, ".log") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || !bytes.Equal(want, got.Bytes()) {
				t.Errorf("events differ from %s (%v); run with -update and look at the difference", golden, err)
			}
		})
	}
}

const syscallLine = `type=SYSCALL msg=audit(1795420044.189:1791): arch=c000003e syscall=59 success=yes exit=0 a0=1 items=2 ppid=8563 pid=8569 auid=1000 uid=1001 gid=1002 euid=1003 tty=pts0 ses=14 comm=6120622F exe="/usr/bin/bash" key="exec"` + "\x1d" + `ARCH=x86_64 SYSCALL=execve AUID="alice"`

func TestSyscallFields(t *testing.T) {
	e := assemble(t, syscallLine)[0]
	want := waxseal.AuditEvent{
		Serial: 1791, Time: time.Unix(1795420044, 189e6).UTC(), Type: "SYSCALL", Arch: "x86_64", Syscall: 59, Success: true,
		PID: 8569, PPID: 8563, AUID: 1000, Session: 14, UID: 1001, EUID: 1003, GID: 1002,
		TTY: "pts/0", Comm: "a b/", Exe: "/usr/bin/bash", Key: "exec", Raw: []string{syscallLine},
	}
	if got, want := fmt.Sprintf("%+v", e), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("event is\n%s\nwant\n%s", got, want)
	}
	r, _ := ParseLine(syscallLine)
	if r.Names["AUID"] != "alice" || r.Fields["AUID"] != "" {
		t.Errorf("names are %v", r.Names)
	}
}

func TestValues(t *testing.T) {
	for _, tc := range []struct{ name, typ, body, key, want string }{
		{"quoted", "PATH", `name="/etc/postfix/main.cf"`, "name", "/etc/postfix/main.cf"},
		{"hexadecimal", "PATH", `name=2F746D702F61206220`, "name", "/tmp/a b "},
		{"null", "PATH", `name=(null) inode=4`, "name", ""},
		{"number that looks hexadecimal", "SYSCALL", `a1=1234`, "a1", "1234"},
		{"argument in hexadecimal", "EXECVE", `a1=6120`, "a1", "a "},
		{"argument count", "EXECVE", `argc=22`, "argc", "22"},
		{"length of a long argument", "EXECVE", `a1_len=22`, "a1_len", "22"},
		{"part of a long argument", "EXECVE", `a1[0]=6120`, "a1[0]", "a "},
		{"old value of a setting", "CONFIG_CHANGE", `audit_enabled=1 old=10`, "old", "10"},
		{"two keys", "SYSCALL", `key=610162`, "key", "a\x01b"},
		{"blank in quotes", "CONFIG_CHANGE", `op="add rule" key="k"`, "op", "add rule"},
		{"quote never closed", "PATH", `name="/etc`, "name", `"/etc`},
		{"first of two", "SYSCALL", `pid=1 pid=2`, "pid", "1"},
		{"prose", "AVC", `avc:  denied  { read } for  pid=7`, "pid", "7"},
		{"odd hexadecimal", "PATH", `name=ABC`, "name", "ABC"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fields, _ := parseFields(tc.typ, tc.body)
			if got, ok := fields[tc.key]; !ok || got != tc.want {
				t.Errorf("%s is %q (%v), want %q", tc.key, got, ok, tc.want)
			}
		})
	}
}

// A process may write anything into its own message; it must not become the
// kernel's word.
func TestClaimsStayClaims(t *testing.T) {
	e := assemble(t, `type=USER_CMD msg=audit(5.1:9): pid=7 uid=1004 auid=1004 ses=5 msg='cwd="/" cmd=6C73 exe="/x" pid=1 auid=0 it's terminal=? res=success'`+"\x1d"+`UID="mallory"`)[0]
	if e.PID != 7 || e.AUID != 1004 || e.Session != 5 || e.UID != 1004 || !e.Success || e.Exe != "" || e.Syscall != -1 {
		t.Errorf("event is %+v", e)
	}
	if e.Fields["cmd"] != "ls" || e.Fields["auid"] != "0" || e.Fields["res"] != "success" {
		t.Errorf("claims are %v", e.Fields)
	}
	e = assemble(t, `type=USER_LOGIN msg=audit(5.1:9): pid=7 uid=0 auid=1004 ses=5 msg='op=login acct="x`+"\x1d"+`y" res=failed' extra`)[0]
	if e.Success || e.Fields["op"] != "login" {
		t.Errorf("event is %+v", e)
	}
}

func TestLoginAndConfigChange(t *testing.T) {
	e := assemble(t, `type=LOGIN msg=audit(1795420216.569:3603): pid=17049 uid=0 old-auid=4294967295 auid=1004 tty=(none) old-ses=4294967295 ses=39 res=1`)[0]
	if e.Type != "LOGIN" || e.AUID != 1004 || e.Session != 39 || e.PID != 17049 || e.UID != 0 || e.EUID != waxseal.Unset || !e.Success || e.TTY != "" || e.Fields["old-auid"] != "4294967295" {
		t.Errorf("event is %+v", e)
	}
	events := assemble(t,
		`type=CONFIG_CHANGE msg=audit(5.100:9): auid=0 ses=3 op=remove_rule key="waxseal" list=4 res=1`,
		`type=SYSCALL msg=audit(5.100:9): arch=c000003e syscall=44 success=yes exit=1 ppid=1 pid=77 auid=0 uid=0 gid=0 euid=0 tty=(none) ses=3 comm="auditctl" exe="/usr/sbin/auditctl" key=(null)`,
		`type=PROCTITLE msg=audit(5.100:9): proctitle="auditctl"`)
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	if e := events[0]; e.Type != "CONFIG_CHANGE" || e.PID != 77 || e.Exe != "/usr/sbin/auditctl" || e.Fields["op"] != "remove_rule" || e.Fields["key"] != "waxseal" {
		t.Errorf("event is %+v", e)
	}
}

func TestArguments(t *testing.T) {
	head := `type=EXECVE msg=audit(5.100:9): `
	for _, tc := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"plain and hexadecimal", []string{`argc=3 a0="sh" a1="-c" a2=6120`}, []string{"sh", "-c", "a "}},
		{"over several records", []string{`argc=3 a0="a"`, `a1="b" a2="c"`}, []string{"a", "b", "c"}},
		{"ten and more in order", []string{`argc=11 a10="k" a9="j" a0="a"`}, []string{"a", "j", "k"}},
		{"in parts", []string{`argc=2 a0="a" a1_len=9 a1[0]=6162`, `a1[1]=20 a1[2]="c"`}, []string{"a", "ab c"}},
		{"argc too large", []string{`argc=900000000 a0="a"`}, []string{"a"}},
		{"argc too small", []string{`argc=1 a0="a" a1="b"`}, []string{"a", "b"}},
		{"empty argument", []string{`argc=2 a0="a" a1=""`}, []string{"a", ""}},
		{"absurd index", []string{`argc=1 a99999999="x" a0="a"`}, []string{"a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var lines []string
			for _, l := range tc.lines {
				lines = append(lines, head+l)
			}
			if got := assemble(t, lines...)[0].Argv; !slices.Equal(got, tc.want) {
				t.Errorf("argv is %q, want %q", got, tc.want)
			}
		})
	}
}

func TestDevice(t *testing.T) {
	for s, want := range map[string]uint64{"fe:00": 0xfe00, "00:1f": 0x1f, "103:105": 0x103<<8 | 0x05 | 0x100<<12, "x": 0, "08": 0} {
		if got := device(s); got != want {
			t.Errorf("device %q is %#x, want %#x", s, got, want)
		}
	}
}

func TestPathsAreSorted(t *testing.T) {
	e := assemble(t,
		`type=PATH msg=audit(5.1:9): item=1 name="b" inode=2 dev=fe:01 mode=0100644 ouid=5 ogid=6 nametype=CREATE`,
		`type=CWD msg=audit(5.1:9): cwd="/etc"`,
		`type=PATH msg=audit(5.1:9): item=0 name="a" nametype=PARENT`)[0]
	want := waxseal.AuditPath{Item: 1, Name: "b", Inode: 2, Device: 0xfe01, Mode: 0o100644, UID: 5, GID: 6, NameType: "CREATE"}
	if len(e.Paths) != 2 || e.Paths[0].Name != "a" || e.Paths[1] != want || e.CWD != "/etc" || e.Type != "PATH" {
		t.Errorf("event is %+v", e)
	}
}

func TestInvalid(t *testing.T) {
	for _, line := range []string{
		"", "x", "type=", "type=SYSCALL", "type=SYSCALL msg=audit(", "type=SYSCALL msg=audit(1.2:3", "type=SYSCALL msg=audit(1.2:x): a=b",
		"type=SYSCALL msg=audit(x:3): a=b", "type=SYSCALL msg=audit(1.2222222222:3): a", "type=A B msg=audit(1.2:3): a", "type=SYSCALL msg=audit(-1.2:3): a=b",
		"type=SYSCALL msg=audit(1.2:3): a=" + strings.Repeat("x", maxRecord),
	} {
		if r, err := ParseLine(line); err == nil {
			t.Errorf("%.80q is read as %+v", line, r)
		}
	}
}

func TestMessage(t *testing.T) {
	r, err := ParseMessage(1300, "audit(1795420044.189:1791): arch=c000003e syscall=59\x00")
	if err != nil || r.Type != "SYSCALL" || r.Raw != "type=SYSCALL msg=audit(1795420044.189:1791): arch=c000003e syscall=59" || r.Fields["syscall"] != "59" {
		t.Errorf("record is %+v, %v", r, err)
	}
	again, err := ParseLine(r.Raw)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(r) {
		t.Errorf("line reads as %+v, %v", again, err)
	}
	if r, _ := ParseMessage(1399, "audit(1.000:1): "); r.Type != "UNKNOWN[1399]" {
		t.Errorf("type is %q", r.Type)
	}
	if r, err := ParseLine("node=mail.example.test type=CWD msg=audit(1.000:1): cwd=\"/\""); err != nil || r.Type != "CWD" {
		t.Errorf("line with a node reads as %+v, %v", r, err)
	}
}
