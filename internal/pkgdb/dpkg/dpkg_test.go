package dpkg

import (
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

func TestOwnerAndState(t *testing.T) {
	const sum, other = "0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff"
	db, problems := Read(snapshot.Files(map[string]string{
		"/var/lib/dpkg/info/postfix.list":      "/.\n/usr/sbin/postfix\n/lib/postfix/x\n/usr/bin/diverted\n/etc/postfix/dynamicmaps.cf\n",
		"/var/lib/dpkg/info/postfix.md5sums":   sum + "  usr/sbin/postfix\n" + sum + "  usr/bin/diverted\n",
		"/var/lib/dpkg/info/libfoo:amd64.list": "/usr/lib/libfoo.so\n",
		"/var/lib/dpkg/info/postfix.postinst":  "#!/bin/sh\n",
		"/var/lib/dpkg/status":                 "Package: postfix\nVersion: 3.7.11-0+deb12u1\nConffiles:\n /etc/init.d/postfix " + other + "\nDescription: x\n",
		"/var/lib/dpkg/diversions":             "/usr/bin/diverted\n/usr/bin/diverted.real\n:\n",
	}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, tc := range []struct {
		path  waxseal.Path
		md5   string
		owner string
		state waxseal.PackageState
	}{
		{"/usr/sbin/postfix", sum, "postfix", waxseal.PackageUnmodified},
		{"/usr/sbin/postfix", other, "postfix", waxseal.PackageModified},
		{"/sbin/postfix", sum, "postfix", waxseal.PackageUnmodified},
		{"/usr/lib/postfix/x", sum, "postfix", waxseal.PackageUnknown},
		{"/usr/lib/libfoo.so", "", "libfoo", waxseal.PackageUnknown},
		{"/etc/init.d/postfix", sum, "postfix", waxseal.PackageModified},
		{"/usr/bin/diverted", sum, "", waxseal.PackageUnowned},
		{"/usr/bin/diverted.real", sum, "postfix", waxseal.PackageUnmodified},
		{"/tmp/evil", sum, "", waxseal.PackageUnowned},
	} {
		if got := db.Owner(tc.path); got != tc.owner {
			t.Errorf("Owner(%s) = %q, want %q", tc.path, got, tc.owner)
		}
		if got := db.State(tc.path, tc.md5); got != tc.state {
			t.Errorf("State(%s, %s) = %s, want %s", tc.path, tc.md5, got, tc.state)
		}
	}
	if db.Version("postfix") != "3.7.11-0+deb12u1" {
		t.Errorf("version %q", db.Version("postfix"))
	}
}

func TestNoDatabaseIsUnknown(t *testing.T) {
	db, problems := Read(snapshot.Files(map[string]string{"/etc/x": ""}))
	if len(problems) > 0 || db.Present() || db.State("/etc/x", "") != waxseal.PackageUnknown {
		t.Error("a tree without a database must leave every file unknown")
	}
}

func FuzzRead(f *testing.F) {
	f.Add("Package: a\nConffiles:\n /x 0123456789abcdef0123456789abcdef\n", "/a\n/b\n:\n")
	f.Fuzz(func(t *testing.T, status, diversions string) {
		db, _ := Read(snapshot.Files(map[string]string{
			"/var/lib/dpkg/info/a.list": diversions, "/var/lib/dpkg/status": status, "/var/lib/dpkg/diversions": diversions,
		}))
		db.State("/a", "0123456789abcdef0123456789abcdef")
	})
}
