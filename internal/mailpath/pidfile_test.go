package mailpath_test

import (
	"slices"
	"testing"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// TestProcessIDs: the file in which a daemon leaves its process id is no code of the script
// that names it, until there is something else in it.
func TestProcessIDs(t *testing.T) {
	const pid = waxseal.Path("/var/spool/postfix/pid/master.pid")
	for content, want := range map[string]bool{"            4711\n": false, "": false, "exec /tmp/run\n": true, "4711; exec /tmp/run\n": true} {
		tree := snapshot.Files(map[string]string{
			"/etc/postfix/main.cf": "mailbox_command = /usr/lib/deliver\n", "/etc/postfix/master.cf": "smtp inet n - n - - smtpd\nlocal unix - n n - - local\n",
			"/usr/lib/deliver": "#!/bin/sh\nkill -HUP $(cat " + string(pid) + ")\n", string(pid): content})
		s := mailpath.NewReader(mask.New(make([]byte, 32))).Read(tree)
		is := func(f waxseal.FileState) bool { return f.Path == pid }
		if got := slices.ContainsFunc(s.Files, is); got != want {
			t.Errorf("%q: part of the mail path %t", content, got)
		}
	}
}
