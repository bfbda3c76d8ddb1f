package fanotify

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal"
)

// record and bytesOf build what the kernel writes (fanotify(7)).
func bytesOf(mask uint64, pid int32, records ...[]byte) []byte {
	b := make([]byte, metadataSize)
	for _, r := range records {
		b = append(b, r...)
	}
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	b[4] = unix.FANOTIFY_METADATA_VERSION
	binary.NativeEndian.PutUint16(b[6:], metadataSize)
	binary.NativeEndian.PutUint64(b[8:], mask)
	binary.NativeEndian.PutUint32(b[16:], ^uint32(0)) // FAN_NOFD
	binary.NativeEndian.PutUint32(b[20:], uint32(pid))
	return b
}

func fid(typ byte, handle, name string) []byte {
	body := make([]byte, 16)
	copy(body, "FILESYS1")
	binary.NativeEndian.PutUint32(body[8:], uint32(len(handle)))
	binary.NativeEndian.PutUint32(body[12:], 1)
	body = append(body, handle...)
	if name != "" {
		body = append(body, name...)
		body = append(body, 0)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	return info(typ, body)
}

func info(typ byte, body []byte) []byte {
	b := []byte{typ, 0, 0, 0}
	binary.NativeEndian.PutUint16(b[2:], uint16(len(body)+infoSize))
	return append(b, body...)
}

func pidfd(n int32) []byte {
	b := make([]byte, 4)
	binary.NativeEndian.PutUint32(b, uint32(n))
	return info(unix.FAN_EVENT_INFO_TYPE_PIDFD, b)
}

func TestDecode(t *testing.T) {
	one := bytesOf(unix.FAN_CLOSE_WRITE, 42, fid(unix.FAN_EVENT_INFO_TYPE_DFID_NAME, "dir", "main.cf"), fid(unix.FAN_EVENT_INFO_TYPE_FID, "file4", ""), pidfd(9))
	two := bytesOf(unix.FAN_RENAME, 43, fid(unix.FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, "old", "a"), fid(unix.FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, "new", "b"), pidfd(-2))
	e, rest, ok := decode(append(one, two...))
	if !ok || e.pid != 42 || e.pidfd != 9 || string(e.at.name) != "main.cf" || !strings.HasSuffix(string(e.at.dir), "dir") || !strings.HasSuffix(string(e.target), "file4") {
		t.Errorf("first is %+v, %v", e, ok)
	}
	if k := key(e.target); k.filesystem() != fsid([]byte("FILESYS1")) {
		t.Errorf("filesystem is %q", k.filesystem())
	} else if h, ok := k.handle(); !ok || h.Type() != 1 || string(h.Bytes()) != "file4" || makeKey(k.filesystem(), h) != k {
		t.Errorf("handle is %v", h)
	}
	e, rest, ok = decode(rest)
	if !ok || e.pid != 43 || e.pidfd != noPidfd || string(e.from.name) != "a" || string(e.to.name) != "b" || len(e.target) != 0 || len(rest) != 0 {
		t.Errorf("second is %+v, %v", e, ok)
	}
	if _, _, ok := decode(rest); ok {
		t.Error("an event out of nothing")
	}
}

func TestDecodeBroken(t *testing.T) {
	good := bytesOf(unix.FAN_MODIFY, 1, fid(unix.FAN_EVENT_INFO_TYPE_FID, "file", ""))
	for name, change := range map[string]func(b []byte){
		"longer than the buffer": func(b []byte) { b[0] = 200 },
		"shorter than its head":  func(b []byte) { b[0] = 4 },
		"another version":        func(b []byte) { b[4] = 9 },
		"head beyond the event":  func(b []byte) { b[6] = 250 },
	} {
		b := append([]byte(nil), good...)
		change(b)
		if e, _, ok := decode(b); ok {
			t.Errorf("%s: %+v", name, e)
		}
	}
	b := append([]byte(nil), good...)
	b[metadataSize+infoSize+8] = 99 // a handle longer than its record
	if e, _, ok := decode(b); !ok || len(e.target) != 0 {
		t.Errorf("event is %+v, %v", e, ok)
	}
}

func TestMergedMask(t *testing.T) {
	var c change
	c.describe(raw{mask: unix.FAN_CREATE | unix.FAN_MODIFY | unix.FAN_CLOSE_WRITE | unix.FAN_ATTRIB | unix.FAN_DELETE})
	want := []waxseal.Operation{waxseal.OpCreate, waxseal.OpWrite, waxseal.OpMetadata, waxseal.OpDelete}
	if len(c.Operations) != len(want) {
		t.Fatalf("operations are %v", c.Operations)
	}
	for i, o := range want {
		if c.Operations[i] != o {
			t.Errorf("operations are %v", c.Operations)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, tc := range []struct {
		root, path, want string
		inside           bool
	}{
		{"/", "/etc/x", "/etc/x", true}, {"/srv/t", "/srv/t/etc", "/etc", true}, {"/srv/t", "/srv/tt/etc", "/srv/tt/etc", false}, {"/srv/t", "/x", "/x", false},
	} {
		if got, inside := within(tc.root, tc.path); got != tc.want || inside != tc.inside {
			t.Errorf("%s in %s is %s, %v", tc.path, tc.root, got, inside)
		}
	}
}

func TestExplain(t *testing.T) {
	for err, part := range map[error]string{
		unix.EPERM: "CAP_SYS_ADMIN", unix.EOPNOTSUPP: "file handles", unix.ENODEV: "identity", unix.EXDEV: "btrfs", unix.ENOSPC: "marks", unix.EBADF: "bad file",
	} {
		if got := explainMark(err); !strings.Contains(got, part) {
			t.Errorf("%v is %q", err, got)
		}
	}
	for err, part := range map[error]string{unix.EPERM: "CAP_SYS_ADMIN", unix.EINVAL: "5.9", unix.ENOSYS: "no fanotify", unix.EMFILE: "groups"} {
		if got := explainInit(err); !strings.Contains(got, part) {
			t.Errorf("%v is %q", err, got)
		}
	}
}

// What can't be watched is refused in plain words, and nothing panics: no tree, and,
// where the kernel gives no handles of it, /proc.
func TestRefusedFilesystem(t *testing.T) {
	s, err := Open(Options{Root: "/proc"})
	if err == nil {
		err = s.SetTargets([]waxseal.Path{"/sys/kernel"}, nil)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err != nil && !strings.Contains(err.Error(), "/proc") && !strings.Contains(err.Error(), "/sys/kernel") {
		t.Errorf("no path in %q", err)
	}
	if st := Probe("/proc"); !st.Usable && len(st.Problems) == 0 {
		t.Errorf("status is %+v", st)
	}
	if _, err := Open(Options{Root: "/none"}); err == nil || !strings.Contains(err.Error(), "/none") {
		t.Errorf("a tree that is not there: %v", err)
	}
	if st := Probe("/none"); st.Usable || len(st.Problems) == 0 {
		t.Errorf("status is %+v", st)
	}
}

// FuzzDecode: no buffer panics or is read twice.
func FuzzDecode(f *testing.F) {
	f.Add(bytesOf(unix.FAN_CLOSE_WRITE, 42, fid(unix.FAN_EVENT_INFO_TYPE_DFID_NAME, "dir", "main.cf"), fid(unix.FAN_EVENT_INFO_TYPE_FID, "file", ""), pidfd(9)))
	f.Add(bytesOf(unix.FAN_RENAME, 43, fid(unix.FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, "old", "a"), fid(unix.FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, "new", "b")))
	f.Add(bytesOf(unix.FAN_Q_OVERFLOW, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		for {
			e, rest, ok := decode(b)
			if !ok {
				return
			}
			if len(rest) >= len(b) {
				t.Fatal("nothing was read")
			}
			key(e.target).handle()
			b = rest
		}
	})
}
