package agent

import (
	"testing"
	"time"

	"waxseal"
)

// TestFold: of a flood of operations that nobody asked about some are recorded, and the
// others are counted in one entry for each second.
func TestFold(t *testing.T) {
	a := &Agent{}
	at := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	recorded := 0
	for i := range 1000 {
		if !a.fold(at.Add(time.Duration(i) * time.Microsecond)) {
			recorded++
		}
	}
	if recorded != eachSecond {
		t.Errorf("%d were recorded", recorded)
	}
	if a.fold(at.Add(time.Second)) {
		t.Error("the next second has none")
	}
	if len(a.book.pending) != 1 {
		t.Fatalf("%d entries", len(a.book.pending))
	}
	if g := a.book.pending[0].obs.Gap; g == nil || g.Lost != 1000-eachSecond {
		t.Errorf("the gap is %+v", g)
	}
	a.last.Files = []waxseal.FileState{{File: waxseal.File{Path: "/etc/postfix/main.cf", Inode: 7, Device: 1}, Role: waxseal.RoleConfig}, {File: waxseal.File{Path: "/etc/postfix/noise", Inode: 8, Device: 1}, Role: waxseal.RoleUnused}}
	for _, tc := range []struct {
		name string
		e    waxseal.FileEvent
		want bool
	}{
		{"by name", waxseal.FileEvent{Path: "/etc/postfix/main.cf"}, true},
		{"by inode", waxseal.FileEvent{Path: "/tmp/link", Inode: 7}, true},
		{"renamed away", waxseal.FileEvent{Path: "/etc/postfix/x", OldPath: "/etc/postfix/main.cf"}, true},
		{"nothing reads it", waxseal.FileEvent{Path: "/etc/postfix/noise", Inode: 8}, false},
	} {
		if got := a.concernsMail(tc.e); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
