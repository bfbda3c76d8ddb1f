package proc

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
)

func statLine(comm string) string {
	return "4242 (" + comm + ") S 17 4242 4242 34817 4242 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3"
}

func TestParseStat(t *testing.T) {
	for _, comm := range []string{"bash", "a b", "evil) S 1 (", "new\nline", ""} {
		s, ok := parseStat([]byte(statLine(comm)))
		if want := (stat{comm: comm, ppid: 17, tty: 34817, start: 987654}); !ok || s != want {
			t.Errorf("%q reads as %+v, %v", comm, s, ok)
		}
	}
	for _, text := range []string{"", "1", "1 (a", "1 a) S", ")(", "1 (a) S 2 3", strings.Replace(statLine("a"), "987654", "x", 1), strings.Replace(statLine("a"), "17", "x", 1)} {
		if s, ok := parseStat([]byte(text)); ok {
			t.Errorf("%q reads as %+v", text, s)
		}
	}
}

func TestParseStatus(t *testing.T) {
	i := parseStatus([]byte("Name:\tx\\nUid:\t9\nState:\tS\nUid:\t1000\t0\t0\t0\nGid:\t1001\t5\t5\t5\n"))
	if want := (ids{uid: 1000, euid: 0, gid: 1001, known: true}); i != want {
		t.Errorf("ids are %+v", i)
	}
	for _, text := range []string{"", "Uid:\n", "Uid:\tx\ty\n", "Uid"} {
		if i := parseStatus([]byte(text)); i.known || i.uid != waxseal.Unset {
			t.Errorf("%q reads as %+v", text, i)
		}
	}
}

func TestParseCmdline(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"plain", "sh\x00-c\x00ls\x00", []string{"sh", "-c", "ls"}},
		{"empty argument", "a\x00\x00b\x00", []string{"a", "", "b"}},
		{"no end", "a\x00b", []string{"a", "b"}},
		{"kernel thread", "", nil},
		{"title", "postgres: idle\x00", []string{"postgres: idle"}},
	} {
		if got := parseCmdline([]byte(tc.text)); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
	if got := parseCmdline(bytes.Repeat([]byte("x\x00"), 10000)); len(got) != maxArgs {
		t.Errorf("%d arguments", len(got))
	}
	if got := parseCmdline(bytes.Repeat([]byte("x"), 1<<20)); len(got) != 1 || len(got[0]) != maxArgv {
		t.Errorf("%d arguments", len(got))
	}
}

func TestTTYName(t *testing.T) {
	for dev, want := range map[int]string{
		0: "", 34816: "pts/0", 34817: "pts/1", 136<<8 | 0xff | 1<<20: "pts/511", 4<<8 | 1: "tty1", 4<<8 | 64: "ttyS0", 5<<8 | 1: "console", 204<<8 | 64: "204:64", -1: "",
	} {
		if got := ttyName(dev); got != want && dev >= 0 {
			t.Errorf("%d is %q, want %q", dev, got, want)
		}
	}
}

func TestParseUnit(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/cron.service\n":                                      "cron.service",
		"0::/system.slice/system-postfix.slice/postfix@-.service\n":            "postfix@-.service",
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service": "x.service",
		"12:memory:/x.service\n1:name=systemd:/system.slice/exim4.service\n":   "exim4.service",
		"0::/user.slice/user-1000.slice/session-3.scope\n":                     "",
		"0::/system.slice/evil\n.service\n":                                    "",
		"0::/system.slice/short.service (deleted)\n":                           "short.service",
		"":  "",
		"x": "",
	} {
		if got := parseUnit([]byte(text)); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0 100 0 0 10 0
   1: 0A00020F:0016 CB007109:D431 01 00000000:00000000 02:0009A2AB 00000000     0        0 200 4 0 20 4 30 10 -1
   2: 0100007F:0016 0100007F:9C40 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
`

const tcp6Table = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000F02000A:0016 0000000000000000FFFF0000097100CB:D431 01 00000000:00000000 02:0 0 0 0 300 4
   1: B80D0120000000000000000001000000:0016 B80D0120000000000000000002000000:D432 01 00000000:00000000 02:0 0 0 0 400 4
`

func TestParsePeers(t *testing.T) {
	// The first table is written as on a big-endian machine: what counts is that
	// the listener and the closing connection are left out.
	four := parsePeers([]byte(tcpTable))
	if len(four) != 1 || four[0].inode != 200 || four[0].addr.Port() != 0xd431 || four[0].local != 22 {
		t.Errorf("peers are %v", four)
	}
	six := parsePeers([]byte(tcp6Table))
	if len(six) != 2 || six[0].addr.String() != "203.0.113.9:54321" || six[1].addr.Addr().String() != "2001:db8::2" {
		t.Errorf("peers are %v", six)
	}
	for _, text := range []string{"", "a b c", strings.Repeat("01 ", 20), "0: x:1 y:2 01 0 0 0 0 0 5 5", "0: 00:0016 00:0016 01 0 0 0 0 0 5 5"} {
		if p := parsePeers([]byte(text)); len(p) != 0 {
			t.Errorf("%q reads as %v", text, p)
		}
	}
}

func TestParseSmall(t *testing.T) {
	if n, ok := parseSocket("socket:[123]"); !ok || n != 123 {
		t.Error(n, ok)
	}
	for _, s := range []string{"", "socket:[", "socket:[x]", "pipe:[1]", "anon_inode:[eventfd]"} {
		if _, ok := parseSocket(s); ok {
			t.Errorf("%q is a socket", s)
		}
	}
	if exe, deleted := parseExe("/usr/bin/x (deleted)"); exe != "/usr/bin/x" || !deleted {
		t.Error(exe, deleted)
	}
	if uid, ok := parseID([]byte("4294967295")); !ok || uid != waxseal.Unset {
		t.Error(uid, ok)
	}
	if _, ok := parseID(nil); ok {
		t.Error("nothing is an id")
	}
	if got := parseBootTime([]byte("cpu 1 2\nbtime 1795400000\n")); !got.Equal(time.Unix(1795400000, 0)) {
		t.Error(got)
	}
	if !parseBootTime([]byte("btime x\n")).IsZero() {
		t.Error("a boot time out of nothing")
	}
}

// FuzzParse: whatever a process writes into its own /proc files, nothing panics
// and nothing grows.
func FuzzParse(f *testing.F) {
	for _, s := range []string{statLine("a) b"), tcpTable, tcp6Table, "Uid:\t1\t2\t3\t4\nGid:\t1\n", "0::/a/b.service\n", "a\x00b\x00", "socket:[1]", "btime 5\n", "7"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parseStat(b)
		parseStatus(b)
		parsePeers(b)
		parseUnit(b)
		parseBootTime(b)
		parseID(b)
		parseSocket(string(b))
		total := 0
		args := parseCmdline(b)
		for _, a := range args {
			total += len(a)
		}
		if len(args) > maxArgs || total > maxArgv {
			t.Errorf("%d arguments of %d bytes", len(args), total)
		}
	})
}
