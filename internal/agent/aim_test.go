package agent

import (
	"slices"
	"testing"

	"waxseal"
)

// TestLogsAreNotWatched: the log of a mail system changes with every message; a file
// elsewhere that it is told to log to is watched as it was.
func TestLogsAreNotWatched(t *testing.T) {
	file := func(p, resolved waxseal.Path) waxseal.FileState {
		return waxseal.FileState{File: waxseal.File{Path: p, Resolved: resolved}, Role: waxseal.RoleList}
	}
	_, files := MailSet(waxseal.State{
		Stacks: []waxseal.Stack{{Logs: []waxseal.Path{"/var/log/exim4/mainlog", "/etc/aliases", "/var/log/led"}}},
		Files:  []waxseal.FileState{file("/var/log/exim4/mainlog", ""), file("/var/log/other", ""), file("/etc/aliases", ""), file("/var/log/led", "/etc/led")},
	})
	if want := []waxseal.Path{"/etc/aliases", "/etc/led", "/var/log/led", "/var/log/other"}; !slices.Equal(files, want) {
		t.Errorf("%q are watched, want %q", files, want)
	}
}
