package agent

import (
	"slices"
	"testing"

	"waxseal"
)

// TestLogsAreNotWatched: the log of a mail system changes with every message; a file
// elsewhere that it is told to log to is watched as it was, and so is a program.
func TestLogsAreNotWatched(t *testing.T) {
	file := func(p, resolved waxseal.Path) waxseal.FileState {
		return waxseal.FileState{File: waxseal.File{Path: p, Resolved: resolved}, Role: waxseal.RoleList}
	}
	run := file("/var/log/run", "")
	run.Role = waxseal.RoleScript
	_, files := MailSet(waxseal.State{
		Stacks: []waxseal.Stack{{Logs: []waxseal.Path{"/var/log/exim4/mainlog", "/etc/aliases", "/var/log/led", "/var/log/run"}}},
		Files:  []waxseal.FileState{file("/var/log/exim4/mainlog", ""), file("/var/log/other", ""), file("/etc/aliases", ""), file("/var/log/led", "/etc/led"), run},
	})
	if want := []waxseal.Path{"/etc/aliases", "/etc/led", "/var/log/led", "/var/log/other", "/var/log/run"}; !slices.Equal(files, want) {
		t.Errorf("%q are watched, want %q", files, want)
	}
}
