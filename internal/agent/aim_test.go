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
	run, read, loaded := file("/var/log/run", ""), file("/var/log/read", ""), file("/var/log/loaded", "")
	run.Role, read.Role, loaded.Role = waxseal.RoleScript, waxseal.RoleLibrary, waxseal.RoleLibrary
	read.Keyed = true // a script reads it
	_, files := MailSet(waxseal.State{
		Stacks: []waxseal.Stack{{Logs: []waxseal.Path{"/var/log/exim4/mainlog", "/etc/aliases", "/var/log/led", "/var/log/run", "/var/log/read", "/var/log/loaded"}}},
		Files:  []waxseal.FileState{file("/var/log/exim4/mainlog", ""), file("/var/log/other", ""), file("/etc/aliases", ""), file("/var/log/led", "/etc/led"), run, read, loaded},
	})
	if want := []waxseal.Path{"/etc/aliases", "/etc/led", "/var/log/led", "/var/log/loaded", "/var/log/other", "/var/log/run"}; !slices.Equal(files, want) {
		t.Errorf("%q are watched, want %q", files, want)
	}
}
