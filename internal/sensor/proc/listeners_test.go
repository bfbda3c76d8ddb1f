package proc

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"waxseal"
)

func TestParseListening(t *testing.T) {
	const text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:22BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   111        0 4711 1 0000000000000000 100 0 0 10 0\n" +
		"   1: 0100007F:22BB 0100007F:C350 01 00000000:00000000 00:00000000 00000000   111        0 4712 1 0 20 4 30 10 -1\n" +
		"   2: 00000000000000000000000000000000:0019 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4713 1\n" +
		"   3: 0100007F:22BB broken\n   4: zz:22BB 0:0 0A 0 0 0 0 0 5 1\n"
	want := []socket{{4711, "tcp", "127.0.0.1:8891"}, {4713, "tcp", "[::]:25"}}
	if got := parseListening([]byte(text)); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestParseUnix(t *testing.T) {
	const text = "Num       RefCount Protocol Flags    Type St Inode Path\n" +
		"ffff9d: 00000002 00000000 00010000 0001 01 23106 /run/opendkim/opendkim sock\n" +
		"ffff9e: 00000003 00000000 00000000 0001 03 23107 /run/connected\n" +
		"ffff9f: 00000002 00000000 00010000 0001 01    99 @abstract\n" +
		"ffffa0: 00000002 00000000 00010000 0001 01 23108\n" +
		"ffffa1: 00000002 00000000 00010000 0001 01 23109 private/smtp\nx y\n"
	want := []socket{{23106, "unix", "/run/opendkim/opendkim sock"}, {99, "unix", "@abstract"}, {23109, "unix", "private/smtp"}}
	if got := parseUnix([]byte(text)); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// TestListeners: sockets of this very process are found, with its program.
func TestListeners(t *testing.T) {
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	name := filepath.Join(t.TempDir(), "s")
	local, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all := New(Options{Names: func(uid uint32) string { return fmt.Sprintf("user%d", uid) }}).Listeners()
	for _, address := range []string{tcp.Addr().String(), name} {
		i := slices.IndexFunc(all, func(l waxseal.Listener) bool { return l.Address == address })
		if i < 0 {
			t.Errorf("%s is not among %v", address, all)
			continue
		}
		l := all[i]
		if l.PID != os.Getpid() || string(l.Exe) != exe || l.Deleted || l.UID != uint32(os.Geteuid()) || l.User != fmt.Sprintf("user%d", l.UID) || l.Comm == "" {
			t.Errorf("%+v", l)
		}
	}
}

// FuzzSockets: the kernel's tables are read without panic, and what is found has
// a name and an inode.
func FuzzSockets(f *testing.F) {
	f.Add([]byte("   0: 0100007F:22BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   111        0 4711 1\n"))
	f.Add([]byte("ffff9d: 00000002 00000000 00010000 0001 01 23106 /run/x y\n"))
	f.Add([]byte("a: 1 2 3 4 5 6"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, s := range slices.Concat(parseListening(text), parseUnix(text)) {
			if s.inode == 0 || s.address == "" || s.network == "" {
				t.Errorf("%+v", s)
			}
		}
	})
}
