package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/rootfs"
)

// TestCopies: a content counts for one opening of the file for writing. What an event that
// waited brought may be the next one's, or nothing, where the file was just emptied for it.
func TestCopies(t *testing.T) {
	const file waxseal.Path = "/main.cf"
	const wait = 5 * time.Millisecond
	at := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	copied := func(text string, late time.Duration) touch {
		return touch{Observation: waxseal.Observation{Time: at, File: &waxseal.FileEvent{Path: file, Inode: 7}}, copied: true, late: late, content: []byte(text)}
	}
	for name, tc := range map[string]struct {
		touched []touch
		now     string // what the file holds
		want    int
	}{
		"each in time":                {[]touch{copied("a", 0), copied("b", 0)}, "b", 2},
		"emptied on its own":          {[]touch{copied("a", 0), copied("", 0)}, "", 2},
		"emptied, and looked at late": {[]touch{copied("a", 0), copied("", wait)}, "", 2},
		"emptied at once":             {[]touch{copied("", 0), copied("b", 0)}, "b", 1},
		"emptied for the next":        {[]touch{copied("a", 0), copied("", wait), copied("b", wait)}, "b", 2},
		"emptied for one to come":     {[]touch{copied("a", 0), copied("", wait)}, "b", 1},
		"brought twice":               {[]touch{copied("a", wait), copied("b", wait), copied("b", wait)}, "b", 2},
		"the same again":              {[]touch{copied("a", 0), copied("a", 0)}, "a", 2},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, string(file)), []byte(tc.now), 0o600); err != nil {
			t.Fatal(err)
		}
		tree, err := rootfs.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tree.Close() })
		a := &Agent{tree: tree, last: waxseal.State{Files: []waxseal.FileState{{File: waxseal.File{Path: file}, Role: waxseal.RoleConfig}}}, copies: copies{}}
		if n := a.copiedOf(tc.touched)[7].n; n != tc.want {
			t.Errorf("%s: %d contents, want %d", name, n, tc.want)
		}
	}
}
