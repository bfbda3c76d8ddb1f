package dpkg

import (
	"slices"
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

func TestBroughtAndNeeds(t *testing.T) {
	db, _ := Read(snapshot.Files(map[string]string{
		"/var/lib/dpkg/info/rspamd.list":            "/.\n/etc\n/etc/rspamd\n/etc/rspamd/local.d\n/usr\n/usr/bin\n/usr/bin/rspamd\n",
		"/var/lib/dpkg/info/rspamd-dbg.list":        "/usr/lib/debug/x\n",
		"/var/lib/dpkg/info/libperl5.36:amd64.list": "/usr/lib/x86_64-linux-gnu/libperl.so.5.36\n",
		"/var/lib/dpkg/info/libperl5.36:i386.list":  "/usr/lib/i386-linux-gnu/libperl.so.5.36\n",
		"/var/lib/dpkg/status": "Package: rspamd\nStatus: install ok installed\nVersion: 3.4-1\nDepends: adduser, perl:any, libwww-perl (>= 6) | curl |w3m\n\n" +
			"Package: gone\nStatus: deinstall ok config-files\nDepends: perl\n",
	}))
	for name, want := range map[string][]waxseal.Path{
		"rspamd":      {"/etc/rspamd/local.d", "/usr/bin/rspamd"}, // a directory without anything below it counts
		"libperl5.36": {"/usr/lib/x86_64-linux-gnu/libperl.so.5.36", "/usr/lib/i386-linux-gnu/libperl.so.5.36"},
		"none":        nil,
	} {
		got := db.Brought(name)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s brought %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string][]string{"rspamd": {"adduser", "perl", "libwww-perl", "curl", "w3m"}, "gone": nil, "none": nil} {
		if got := db.Needs(name); !slices.Equal(got, want) {
			t.Errorf("%s needs %q, want %q", name, got, want)
		}
	}
}
