package rootfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal/internal/rootfs"
)

// TestLocked takes a lock as another process does, and lets it go.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tree, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if tree.Locked("/lock") || tree.Locked("/none") || tree.Locked("/") {
		t.Error("locked before anybody did")
	}
	for _, kind := range []int16{unix.F_WRLCK, unix.F_UNLCK} {
		// It belongs to the open file, and not to this process, which asks.
		if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind}); err != nil {
			t.Fatal(err)
		}
		if got := tree.Locked("/lock"); got != (kind == unix.F_WRLCK) {
			t.Errorf("after %d: %v", kind, got)
		}
	}
}
