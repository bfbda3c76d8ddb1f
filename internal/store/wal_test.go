package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLogIsBroughtIn: after some commits, and before SQLite itself would, what they wrote is
// in the database file.
func TestLogIsBroughtIn(t *testing.T) {
	dir := newDir(t)
	s, _ := open(t, dir)
	size := func() int64 {
		files, err := filepath.Glob(filepath.Join(dir, "*.db"))
		if err != nil || len(files) != 1 {
			t.Fatalf("databases: %q, %v", files, err)
		}
		info, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	empty := size()
	appendN(t, s, 39, 1)
	time.Sleep(50 * time.Millisecond)
	if now := size(); now != empty {
		t.Errorf("after 39 commits the database has grown from %d to %d", empty, now)
	}
	appendN(t, s, 21, 1)
	for end := time.Now().Add(10 * time.Second); size() == empty; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 60 commits and a pause the database has %d bytes, as before", empty)
		}
	}
}
