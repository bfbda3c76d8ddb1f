package agent

import (
	"testing"

	"waxseal"
)

// TestNear: nobody waits for a home that another machine or a user's program has.
func TestNear(t *testing.T) {
	mounts := []waxseal.Mount{
		{Path: "/", FSType: "fuse.bindfs"}, {Path: "/home", FSType: "ext4"}, {Path: "/home/al", FSType: "nfs4"},
		{Path: "/home/bo/cloud", FSType: "fuse.sshfs"}, {Path: "/net", FSType: "autofs"}, {Path: "/srv", FSType: "zfs"},
	}
	awaited := near(mounts)
	for p, want := range map[waxseal.Path]bool{
		"/root": true, "/home": true, "/home/al": false, "/home/al/x": false, "/home/bo": true, "/home/bo/cloud/bo": false, "/net/host/cy": false, "/srv/mail": true,
	} {
		if awaited(p) != want {
			t.Errorf("%s: %v", p, !want)
		}
	}
	if !near(nil)("/home/al") {
		t.Error("nothing is known of mounts, and nothing is watched")
	}
}
