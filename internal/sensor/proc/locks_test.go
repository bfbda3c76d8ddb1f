package proc

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLocked takes a lock as dpkg does, and lets it go.
func TestLocked(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	if Locked(st.Dev, st.Ino) {
		t.Error("locked before anybody did")
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	if !Locked(st.Dev, st.Ino) {
		t.Error("not locked")
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK}); err != nil {
		t.Fatal(err)
	}
	if Locked(st.Dev, st.Ino) {
		t.Error("still locked")
	}
}

func TestLockedIn(t *testing.T) {
	const text = "1: FLOCK  ADVISORY  WRITE 17555 fe:00:246947 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 20356 fe:00:7 0 EOF\n2: POSIX  ADVISORY  READ 9 00:2a:8 0 EOF\n"
	for _, tc := range []struct {
		device, inode uint64
		want          bool
	}{{unix.Mkdev(0xfe, 0), 246947, true}, {unix.Mkdev(0xfe, 0), 7, false}, {unix.Mkdev(0, 0x2a), 8, true}, {unix.Mkdev(0xfe, 1), 246947, false}} {
		if got := lockedIn([]byte(text), tc.device, tc.inode); got != tc.want {
			t.Errorf("%x %d: %v", tc.device, tc.inode, got)
		}
	}
}
