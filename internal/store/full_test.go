package store_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"waxseal/internal/ledger"
	"waxseal/internal/store"
)

// noise is content that doesn't compress.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// fillUp appends entries with blobs until an append fails, and returns how many
// were acknowledged and the error.
func fillUp(s *store.Store) (int64, error) {
	for n := int64(0); ; n++ {
		err := s.Append(func(tx *store.Tx) error {
			if _, err := tx.PutBlob(noise(40_000)); err != nil {
				return err
			}
			_, err := tx.Observation(observation(int(n)))
			return err
		})
		if err != nil || n > 10_000 {
			return n, err
		}
	}
}

// TestPagesUsedUp: SQLite says that the database is full; once it may grow again
// the store goes on.
func TestPagesUsedUp(t *testing.T) {
	s, log := open(t, newDir(t))
	if err := s.Exec(`PRAGMA max_page_count = 200`); err != nil {
		t.Fatal(err)
	}
	n, err := fillUp(s)
	if !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "waxseal.db") {
		t.Fatalf("after %d entries: %v", n, err)
	}
	fsck(t, s, log, n)
	if err := s.Exec(`PRAGMA max_page_count = 100000`); err != nil {
		t.Fatal(err)
	}
	appendN(t, s, 3, 1)
	fsck(t, s, log, n+3)
}

// inMountNamespace runs this test binary in the role, in a mount namespace of
// its own that goes away with it.
func inMountNamespace(t *testing.T, role string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a tmpfs needs root")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "WAXSEAL_STORE_TEST_ROLE="+role, "WAXSEAL_STORE_TEST_DIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || strings.Contains(string(out), "mount tmpfs: ") {
		t.Skipf("no mount namespace here: %v: %s", err, out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestDiskFull fills a small file system.
func TestDiskFull(t *testing.T) { inMountNamespace(t, "full") }

// TestReadOnlyMount reads a state where not even root can write: one that was
// closed, and one whose writer is gone without closing it.
func TestReadOnlyMount(t *testing.T) { inMountNamespace(t, "readonly") }

// readReadOnly is the child of TestReadOnlyMount.
func readReadOnly(mountpoint string) error {
	if err := unix.Mount("tmpfs", mountpoint, "tmpfs", 0, "size=16m"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	closed, left := filepath.Join(mountpoint, "closed"), filepath.Join(mountpoint, "left")
	s, log, err := openAt(closed)
	if err != nil {
		return err
	}
	for range 3 {
		if err := s.Append(func(tx *store.Tx) error { _, err := tx.Observation(observation(0)); return err }); err != nil {
			return err
		}
	}
	if err := os.CopyFS(left, os.DirFS(closed)); err != nil { // with WAL and its index, as a killed writer leaves them
		return err
	}
	noIndex := filepath.Join(mountpoint, "noindex")
	if err := errors.Join(os.CopyFS(noIndex, os.DirFS(left)), os.Remove(filepath.Join(noIndex, "waxseal.db-shm"))); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if err := unix.Mount("", mountpoint, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("remount: %w", err)
	}
	for _, dir := range []string{closed, left} {
		r, err := store.OpenReadOnly(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(verifies(r, log, 3), r.Close()); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	if _, err := store.OpenReadOnly(noIndex); err == nil || !strings.Contains(err.Error(), "copy the directory") {
		return fmt.Errorf("a WAL without its index: %w", err)
	}
	return nil
}

// fillTmpfs is the child of TestDiskFull.
func fillTmpfs(mountpoint string) error {
	if err := unix.Mount("tmpfs", mountpoint, "tmpfs", 0, "size=4m"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	// Ballast is what an operator deletes to make space.
	ballast := filepath.Join(mountpoint, "ballast")
	if err := os.WriteFile(ballast, noise(1<<20), 0o600); err != nil {
		return err
	}
	s, log, err := openAt(filepath.Join(mountpoint, "state"))
	if err != nil {
		return err
	}
	n, err := fillUp(s)
	if !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("after %d entries: want ErrFull, got %w", n, err)
	}
	var left unix.Statfs_t
	if err := unix.Statfs(mountpoint, &left); err != nil || left.Bavail < left.Blocks/40 {
		return fmt.Errorf("%d of %d blocks are left to others: %w", left.Bavail, left.Blocks, err)
	}
	if err := s.Alive(testTime); err != nil && !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("heartbeat on a full disk: %w", err)
	}
	if err := verifies(s, log, n); err != nil {
		return fmt.Errorf("while full: %w", err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	err = s.Append(func(tx *store.Tx) error { _, err := tx.Observation(observation(0)); return err })
	if err != nil {
		return fmt.Errorf("with space again: %w", err)
	}
	if err := verifies(s, log, n+1); err != nil {
		return fmt.Errorf("with space again: %w", err)
	}
	return s.Close()
}

func verifies(s *store.Store, log *ledger.Log, n int64) error {
	r, err := ledger.Verify(s, log.Verifier())
	if err != nil {
		return err
	}
	if !r.OK() || r.Entries != n {
		return fmt.Errorf("%d entries, want %d: %v", r.Entries, n, r.Problems)
	}
	return nil
}
