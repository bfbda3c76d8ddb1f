package bpf

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"waxseal"
)

// made writes a record as the program does.
func made(kind uint32, exe, cwd, file, args string, flags uint32) []byte {
	b := make([]byte, headSize)
	binary.NativeEndian.PutUint32(b, kind)
	binary.NativeEndian.PutUint32(b[4:], 500)
	binary.NativeEndian.PutUint32(b[8:], 400)
	binary.NativeEndian.PutUint64(b[16:], 2e9)
	binary.NativeEndian.PutUint64(b[24:], 1e9)
	binary.NativeEndian.PutUint64(b[64:], 77)
	copy(b[72:], "tee")
	copy(b[88:], "pts0")
	for i, text := range []string{exe, cwd, file, args} {
		binary.NativeEndian.PutUint16(b[104+2*i:], uint16(len(text)))
	}
	binary.NativeEndian.PutUint32(b[112:], flags)
	binary.NativeEndian.PutUint32(b[120:], 8<<20|1)
	binary.NativeEndian.PutUint32(b[124:], 5)
	binary.NativeEndian.PutUint32(b[128:], 0o100755)
	return append(b, exe+cwd+file+args...)
}

func TestDecode(t *testing.T) {
	boot := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	base := waxseal.ProcessEvent{Step: waxseal.ProcessExec, Time: boot.Add(2 * time.Second), Started: boot.Add(time.Second), PID: 500, PPID: 400, Comm: "tee", TTY: "pts0", Device: 8<<8 | 1, Inode: 77, Owner: 5, Mode: 0o100755}
	with := func(change func(*waxseal.ProcessEvent)) waxseal.ProcessEvent { e := base; change(&e); return e }
	for _, tc := range []struct {
		name   string
		record []byte
		want   waxseal.ProcessEvent
		ok     bool
	}{
		{"all of it", made(2, "tee\x00bin\x00usr\x00", "root\x00", "/bin/tee\x00", "tee\x00a b\x00\x00", 0),
			with(func(e *waxseal.ProcessEvent) {
				e.Exe, e.CWD, e.File, e.Argv = "/usr/bin/tee", "/root", "/bin/tee", []string{"tee", "a b", ""}
			}), true},
		{"the root directory", made(2, "", "", "", "", 0), with(func(e *waxseal.ProcessEvent) { e.Exe, e.CWD, e.Argv = "/", "/", []string{} }), true},
		{"cut and removed", made(2, "x\x00y\x00", "z\x00", "x\x00", "a\x00b", exeCut|cwdCut|argsCut|deleted),
			with(func(e *waxseal.ProcessEvent) {
				e.Exe, e.CWD, e.File, e.Argv, e.Cut = "…/y/x (deleted)", "…/z", "x", []string{"a", "b"}, true
			}), true},
		{"a fork", made(1, "", "", "", "", 0), with(func(e *waxseal.ProcessEvent) {
			e.Step, e.Device, e.Inode, e.Owner, e.Mode = waxseal.ProcessFork, 0, 0, 0, 0
		}), true},
		{"an unknown kind", made(9, "", "", "", "", 0), waxseal.ProcessEvent{}, false},
		{"a short head", made(2, "", "", "", "", 0)[:headSize-1], waxseal.ProcessEvent{}, false},
		{"texts that are not there", made(2, "tee\x00", "", "", "abc", 0)[:headSize+5], waxseal.ProcessEvent{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, ok := decode(tc.record, boot)
			if ok != tc.ok {
				t.Fatalf("ok %v", ok)
			}
			if d := cmp.Diff(tc.want, e); d != "" {
				t.Error(d)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(made(2, "tee\x00bin\x00", "root\x00", "tee\x00", "tee\x00x\x00", 0))
	f.Add(made(1, "", "", "", "", 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := decode(b, time.Time{})
		if ok && (e.Step == "" || len(e.Argv) > maxArgs) {
			t.Errorf("%+v", e)
		}
	})
}
