package agent

import (
	"testing"
	"time"

	"waxseal"
)

// TestCopies: a content counts for one opening of the file for writing. What an event that
// waited brought may be the next one's, or nothing, where the file was just emptied for it.
func TestCopies(t *testing.T) {
	const file waxseal.Path = "/etc/postfix/main.cf"
	at := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	a := &Agent{last: waxseal.State{Files: []waxseal.FileState{{File: waxseal.File{Path: file}, Role: waxseal.RoleConfig}}}, copies: copies{}}
	copy := func(text string, late time.Duration) touch {
		return touch{Observation: waxseal.Observation{Time: at, File: &waxseal.FileEvent{Path: file, Inode: 7}}, copied: true, late: late, content: []byte(text)}
	}
	const wait = 5 * time.Millisecond
	for name, tc := range map[string]struct {
		touched []touch
		want    int
	}{
		"each in time":       {[]touch{copy("a", 0), copy("b", 0)}, 2},
		"emptied on its own": {[]touch{copy("a", 0), copy("", 0)}, 2},
		"emptied at once":    {[]touch{copy("", 0), copy("b", 0)}, 1},
		"emptied for next":   {[]touch{copy("a", 0), copy("", wait), copy("b", wait)}, 2},
		"brought twice":      {[]touch{copy("a", wait), copy("b", wait), copy("b", wait)}, 2},
		"the same again":     {[]touch{copy("a", 0), copy("a", 0)}, 2},
	} {
		if n := a.copiedOf(tc.touched)[7].n; n != tc.want {
			t.Errorf("%s: %d contents, want %d", name, n, tc.want)
		}
	}
}
