package utmp

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
)

// record is one of utmp's, as login programs write it.
func record(typ uint16, pid int32, line, user, host string, addr ...byte) []byte {
	b := make([]byte, recordSize)
	binary.LittleEndian.PutUint16(b, typ)
	binary.LittleEndian.PutUint32(b[4:], uint32(pid))
	copy(b[8:40], line)
	copy(b[44:76], user)
	copy(b[76:332], host)
	copy(b[348:364], addr)
	return b
}

func TestParseUtmp(t *testing.T) {
	b := append(record(2, 0, "~", "reboot", "6.1"), record(userProcess, 812, "pts/0", "alice", "laptop.example.net", 192, 0, 2, 7)...)
	b = append(b, record(userProcess, 813, "tty1", "bob\x1b[31m", "")...)
	b = append(b, record(8, 814, "pts/1", "gone", "")...)
	got, err := ParseUtmp(b)
	want := []Record{
		{User: "alice", PID: 812, TTY: "pts/0", Host: "192.0.2.7", Session: waxseal.Unset},
		{User: "bob[31m", PID: 813, TTY: "tty1", Session: waxseal.Unset},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := ParseUtmp(b[:100]); err == nil {
		t.Error("a damaged file is none")
	}
}

func TestParseLogind(t *testing.T) {
	got, ok := ParseLogind("# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nREMOTE=1\nTYPE=tty\nTTY=pts/0\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nLEADER=812\nAUDIT=5\n")
	want := Record{User: "alice", PID: 812, Session: 5, TTY: "pts/0", Host: "192.0.2.7", Service: "sshd"}
	if d := cmp.Diff(want, got); d != "" || !ok {
		t.Error(d, ok)
	}
	if _, ok := ParseLogind("UID=1000\nLEADER=x\n"); ok {
		t.Error("a session of nobody's is one")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(record(userProcess, 812, "pts/0", "alice", "h", 192, 0, 2, 7), "USER=a\nLEADER=3\nAUDIT=4\n")
	f.Add([]byte{7}, "USER\n=\n")
	f.Fuzz(func(t *testing.T, b []byte, content string) {
		list, err := ParseUtmp(b)
		if len(list) > len(b)/recordSize || err != nil && list != nil {
			t.Errorf("%d sessions of %d bytes, %v", len(list), len(b), err)
		}
		for _, r := range list {
			if r.PID <= 0 || r.User == "" {
				t.Errorf("%+v", r)
			}
		}
		if r, ok := ParseLogind(content); ok && (r.PID <= 0 || r.User == "") {
			t.Errorf("%+v", r)
		}
	})
}
