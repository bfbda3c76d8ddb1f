package correlate_test

import (
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
)

// act is an actor by the process that wrote and the parents of it.
func act(login uint32, chain ...waxseal.Process) waxseal.Actor {
	return waxseal.Actor{Login: waxseal.Login{UID: login, Session: 7, Name: "bob"}, Process: chain[0], Ancestors: chain[1:]}
}

func run(exe string, uid uint32, argv ...string) waxseal.Process {
	return waxseal.Process{PID: 10, Exe: exe, UID: uid, EUID: uid, Argv: argv, Grade: waxseal.Proven}
}

func graded(p waxseal.Process, g waxseal.Grade) waxseal.Process {
	p.Grade = g
	return p
}

func TestHandOf(t *testing.T) {
	alice := correlate.Owner{UID: 1000, Known: true}
	virtual := correlate.Owner{}
	const none = waxseal.Unset
	sieve := run("/usr/lib/dovecot/managesieve", 1000)
	daemon := run("/usr/sbin/dovecot", 0)
	intact := func(p waxseal.Path) bool { return p != "/usr/local/psa/admin/open" }
	for _, tc := range []struct {
		name  string
		actor waxseal.Actor
		owner correlate.Owner
		want  correlate.HandKind
	}{
		{"the owner's login", act(1000, run("/usr/bin/vim", 1000)), alice, correlate.HandOwner},
		{"the owner's login with sudo", act(1000, run("/usr/bin/vim", 0)), alice, correlate.HandOwner},
		{"a service of the owner's without a login", act(none, run("/usr/sbin/pure-ftpd", 1000)), alice, correlate.HandOwner},
		{"su into the owner", act(1001, run("/usr/bin/vim", 1000)), alice, correlate.HandOther},
		{"setuid of the owner's run by another", act(none, waxseal.Process{Exe: "/home/alice/x", UID: 1001, EUID: 1000, Grade: waxseal.Proven}), alice, correlate.HandOther},
		{"root", act(none, run("/usr/bin/vim", 0)), alice, correlate.HandOther},
		{"a neighbour", act(1001, run("/usr/bin/vim", 1001)), alice, correlate.HandOther},
		{"only /proc said so", act(1000, graded(run("/usr/bin/vim", 1000), waxseal.Inferred)), alice, correlate.HandUnknown},
		{"nobody saw it", act(none, graded(waxseal.Process{}, waxseal.Unknown)), alice, correlate.HandUnknown},
		{"ManageSieve", act(none, sieve, daemon), alice, correlate.HandSieve},
		{"ManageSieve for a virtual user", act(none, run("/usr/lib/dovecot/managesieve", 5000), daemon), virtual, correlate.HandSieve},
		{"ManageSieve below a daemon that started earlier", act(none, sieve), alice, correlate.HandSieve},
		{"ManageSieve as another account", act(none, run("/usr/lib/dovecot/managesieve", 1001), daemon), alice, correlate.HandOther},
		{"ManageSieve started by a login", act(1001, run("/usr/lib/dovecot/managesieve", 0), run("/bin/bash", 1001)), alice, correlate.HandOther},
		{"ManageSieve below a shell", act(none, run("/usr/lib/dovecot/managesieve", 5000), run("/bin/bash", 0)), virtual, correlate.HandOther},
		{"the name of ManageSieve", act(none, run("/tmp/managesieve", 5000, "/usr/lib/dovecot/managesieve"), daemon), virtual, correlate.HandOther},
		{"a panel", act(none, run("/bin/sh", 0), run("/usr/local/cpanel/cpsrvd", 0)), alice, correlate.HandPanel},
		{"a panel that is a script", act(none, run("/usr/bin/perl", 0, "/usr/bin/perl", "/usr/share/webmin/miniserv.pl", "/etc/webmin/miniserv.conf")), virtual, correlate.HandPanel},
		{"a panel's name on a command line", act(none, run("/usr/bin/perl", 0, "perl", "-e", "/usr/share/webmin/miniserv.pl")), virtual, correlate.HandOther},
		{"a panel's script that only /proc showed", act(none, run("/bin/sh", 0), graded(run("/usr/bin/perl", 0, "perl", "/usr/share/webmin/miniserv.pl"), waxseal.Inferred)), virtual, correlate.HandOther},
		{"out of a panel's directory again", act(none, run("/usr/bin/php", 33, "php", "/usr/local/ispconfig/../../../tmp/x.php")), virtual, correlate.HandOther},
		{"a panel in the hands of a login", act(1001, run("/usr/local/cpanel/bin/uapi", 0)), alice, correlate.HandOther},
		{"a panel's program that others may write", act(none, run("/usr/local/psa/admin/open", 0)), alice, correlate.HandOther},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := correlate.HandOf(tc.actor, "alice", tc.owner, intact)
			if got.Kind != tc.want || got.Key == "" || got.Words == "" {
				t.Errorf("%+v, want %s", got, tc.want)
			}
		})
	}
}

func TestCrowd(t *testing.T) {
	start := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	at := func(minute int, box string) waxseal.Gathered {
		return waxseal.Gathered{Time: start.Add(time.Duration(minute) * time.Minute), Mailbox: box}
	}
	for _, tc := range []struct {
		name string
		list []waxseal.Gathered
		want int
	}{
		{"five mailboxes in five minutes", []waxseal.Gathered{at(0, "a"), at(1, "b"), at(2, "c"), at(3, "d"), at(4, "e")}, 5},
		{"four", []waxseal.Gathered{at(0, "a"), at(1, "b"), at(2, "c"), at(3, "d")}, 0},
		{"one mailbox five times", []waxseal.Gathered{at(0, "a"), at(1, "a"), at(2, "a"), at(3, "a"), at(4, "a")}, 0},
		{"five in an hour", []waxseal.Gathered{at(0, "a"), at(12, "b"), at(24, "c"), at(36, "d"), at(48, "e")}, 0},
		{"five of six", []waxseal.Gathered{at(0, "a"), at(15, "b"), at(16, "c"), at(17, "d"), at(18, "e"), at(19, "f")}, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := correlate.NewCrowd()
			var got []waxseal.Gathered
			for _, g := range tc.list {
				got = c.Add("hand", g)
				c.Add("another", at(0, "x"))
			}
			if len(got) != tc.want {
				t.Errorf("%d changes are one deed, want %d", len(got), tc.want)
			}
		})
	}
}

func TestCollected(t *testing.T) {
	hook := func(box, address string, active bool) waxseal.Hook {
		return waxseal.Hook{Scope: box, Active: active, Target: waxseal.Target{Type: waxseal.TargetAddress, Value: address}}
	}
	hooks := []waxseal.Hook{hook("a", "x@evil.example.net", true), hook("a", "X@evil.example.net", true), hook("b", "x@evil.example.net", true), hook("c", "x@evil.example.net", false), hook("", "x@evil.example.net", true)}
	whose := func(h waxseal.Hook) string { return h.Scope }
	if got := correlate.Collected(hooks, "x@evil.example.net", whose); got != nil {
		t.Errorf("two mailboxes are a collection: %v", got)
	}
	if got := correlate.Collected(append(hooks, hook("d", "x@evil.example.net", true)), "x@evil.example.net", whose); len(got) != 3 {
		t.Errorf("three mailboxes are %d", len(got))
	}
}
