package translog_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"waxseal/internal/pkgdb/translog"
)

// dpkgLog is what dpkg 1.21.22 and apt 2.6.1 of Debian 12 wrote of a reinstallation of
// Postfix, shortened, and of an installation and a removal.
const dpkgLog = `2026-11-30 04:13:21 startup archives unpack
2026-11-30 04:13:21 upgrade postfix:amd64 3.7.11-0+deb12u1 3.7.11-0+deb12u1
2026-11-30 04:13:21 status half-configured postfix:amd64 3.7.11-0+deb12u1
2026-11-30 04:13:22 status triggers-pending rsyslog:amd64 8.2302.0-1+deb12u2
2026-11-30 04:13:22 status unpacked postfix:amd64 3.7.11-0+deb12u1
2026-11-30 04:13:22 configure postfix:amd64 3.7.11-0+deb12u1 <none>
2026-11-30 04:13:25 status installed postfix:amd64 3.7.11-0+deb12u1
2026-11-30 04:13:25 trigproc rsyslog:amd64 8.2302.0-1+deb12u2 <none>
2026-11-30 04:20:00 install mailtool:all <none> 1.0
2026-11-30 04:20:01 status installed mailtool:all 1.0
not a line of dpkg's
2026-11-30 04:21:00 remove mailtool:all 1.0 <none>
2026-11-30 04:21:01 status not-installed mailtool:all <none>
2026-11-30 04:22:00 upgrade exim4:all 4.95-1 4.96-1
`

func TestParseDpkg(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	at := func(h, m, s int) time.Time { return time.Date(2026, 11, 30, h, m, s, 0, zone) }
	got := translog.ParseDpkg(dpkgLog, zone)
	translog.Name(got, translog.ParseHistory("\nStart-Date: 2026-11-30  04:13:21\nCommandline: apt-get -y install --reinstall postfix\nRequested-By: alice (1001)\nReinstall: postfix:amd64 (3.7.11)\nEnd-Date: 2026-11-30  04:13:25\n", zone))
	for i := range got {
		got[i].Line = ""
	}
	want := []translog.Transaction{
		{Manager: "dpkg", Action: "upgrade", Package: "postfix", Old: "3.7.11-0+deb12u1", New: "3.7.11-0+deb12u1", From: at(4, 13, 21), Until: at(4, 13, 25), Command: "apt-get -y install --reinstall postfix", By: "alice (1001)"},
		{Manager: "dpkg", Action: "install", Package: "mailtool", New: "1.0", From: at(4, 20, 0), Until: at(4, 20, 1)},
		{Manager: "dpkg", Action: "remove", Package: "mailtool", Old: "1.0", From: at(4, 21, 0), Until: at(4, 21, 1)},
		{Manager: "dpkg", Action: "upgrade", Package: "exim4", Old: "4.95-1", New: "4.96-1", From: at(4, 22, 0)},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestCovers(t *testing.T) {
	from := time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)
	done, open := translog.Transaction{From: from, Until: from.Add(time.Minute)}, translog.Transaction{From: from}
	for _, tc := range []struct {
		name string
		t    translog.Transaction
		at   time.Duration
		want bool
	}{
		{"in it", done, time.Second, true}, {"a second before", done, -time.Second, true}, {"three before", done, -3 * time.Second, false},
		{"a second after", done, 61 * time.Second, true}, {"three after", done, 63 * time.Second, false}, {"not at its end", open, time.Hour, true},
	} {
		if got := tc.t.Covers(from.Add(tc.at)); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	if !done.Within(from.Add(30*time.Second), from.Add(time.Hour)) || done.Within(from.Add(2*time.Minute), from.Add(time.Hour)) || done.Within(from.Add(-time.Hour), from.Add(-time.Minute)) {
		t.Error("what lies between two moments")
	}
}

// TestParseDNF reads what dnf 4 writes (rpm.py of its logging).
func TestParseDNF(t *testing.T) {
	got := translog.ParseDNF(`2026-11-30T04:06:01+0000 INFO --- logging initialized ---
2026-11-30T04:06:04+0000 SUBDEBUG Upgrade: postfix-2:3.5.25-1.el9.x86_64
2026-11-30T04:06:05+0000 SUBDEBUG Upgraded: postfix-2:3.5.9-24.el9.x86_64
2026-11-30T04:06:06+0000 SUBDEBUG Installed: mail-tool-1.0-1.noarch
2026-11-30T04:06:07+0000 SUBDEBUG Erase: exim-4.96-1.el9.x86_64
`)
	for i := range got {
		got[i].Line, got[i].From, got[i].Until = "", time.Time{}, time.Time{}
	}
	want := []translog.Transaction{
		{Manager: "rpm", Action: "upgrade", Package: "postfix", Old: "2:3.5.9-24.el9", New: "2:3.5.25-1.el9"},
		{Manager: "rpm", Action: "installed", Package: "mail-tool", New: "1.0-1"},
		{Manager: "rpm", Action: "remove", Package: "exim", Old: "4.96-1.el9"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(dpkgLog)
	f.Add("Start-Date: 2026-11-30  04:13:21\nEnd-Date: 2026-11-30  04:13:25\n")
	f.Add("2026-11-30T04:06:04+0000 SUBDEBUG Upgrade: postfix-2:3.5.25-1.el9.x86_64\n")
	f.Fuzz(func(t *testing.T, text string) {
		list := append(translog.ParseDpkg(text, time.UTC), translog.ParseDNF(text)...)
		translog.Name(list, translog.ParseHistory(text, time.UTC))
		for _, x := range list {
			if x.Package == "" && x.Action == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}
