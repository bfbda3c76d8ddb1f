package parcel_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/translog"
)

var at = time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)

const (
	script = waxseal.Path("/usr/lib/mailtool/deliver")
	own    = waxseal.Digest("aa")
	other  = waxseal.Digest("bb")
)

// ordinary is a package's script that dpkg replaced in an upgrade, all as it should be.
func ordinary() parcel.Case {
	return parcel.Case{
		Change: waxseal.Change{Path: script, Kind: waxseal.Modified,
			Before: &waxseal.FileState{File: waxseal.File{Path: script, Type: waxseal.Regular, Mode: 0o755}, Digest: other, Package: "mailtool", PackageState: waxseal.PackageUnmodified},
			After:  &waxseal.FileState{File: waxseal.File{Path: script, Type: waxseal.Regular, Mode: 0o755}, Digest: own, Package: "mailtool", PackageState: waxseal.PackageUnmodified}},
		Hand: parcel.Hand{Kind: parcel.Manager, Grade: waxseal.Proven, Words: "proven: dpkg, child of apt-get"},
		Seen: true, At: at, Since: at.Add(-time.Minute),
		Transactions: []translog.Transaction{{Manager: "dpkg", Action: "upgrade", Package: "mailtool", Old: "1.0", New: "1.1", From: at.Add(-time.Second), Until: at.Add(time.Second), Command: "apt-get upgrade"}},
		Archives: map[string]parcel.Archive{"mailtool 1.1": {Package: "mailtool", Version: "1.1", Where: "/var/cache/apt/archives/mailtool_1.1_all.deb", Signed: true, Voucher: "Debian 12 (bookworm), signed by its key",
			Entries: map[waxseal.Path]parcel.Entry{script: {SHA256: own, Mode: 0o755}}}},
		Packages: []waxseal.Package{{Name: "mailtool", Version: "1.1", Manager: "dpkg"}},
	}
}

func TestJudge(t *testing.T) {
	archive := func(c *parcel.Case, change func(*parcel.Archive)) {
		a := c.Archives["mailtool 1.1"]
		change(&a)
		c.Archives = map[string]parcel.Archive{parcel.Key("mailtool", a.Version): a}
	}
	for _, tc := range []struct {
		name   string
		change func(*parcel.Case)
		rung   waxseal.Rung
		says   string
	}{
		{"as it should be", func(*parcel.Case) {}, waxseal.RungPackageVerified, "upgrade of mailtool 1.0 to 1.1 by 'apt-get upgrade' (proven: dpkg, child of apt-get), content is the package's own by the signed archive mailtool_1.1_all.deb (Debian 12"},
		{"no archive", func(c *parcel.Case) { c.Archives = nil }, waxseal.RungWindow, "local database alone, which root can edit too: its archive is not at hand"},
		{"nobody signed", func(c *parcel.Case) {
			archive(c, func(a *parcel.Archive) { a.Signed, a.Voucher = false, "no signed index names it" })
		}, waxseal.RungWindow, "no signed index names it"},
		{"the archive of another version", func(c *parcel.Case) { archive(c, func(a *parcel.Archive) { a.Version = "1.0" }) }, waxseal.RungWindow, "local database alone"},
		{"hand inferred", func(c *parcel.Case) { c.Hand.Grade = waxseal.Inferred }, waxseal.RungWindow, "signed archive"},
		{"nobody saw it", func(c *parcel.Case) { c.Seen, c.Hand = false, parcel.Hand{} }, waxseal.RungWindow, "nobody saw the hand"},
		{"no package manager's hand", func(c *parcel.Case) { c.Hand = parcel.Hand{} }, waxseal.RungNone, "no package manager's hand"},
		{"a pretender", func(c *parcel.Case) {
			c.Hand = parcel.Hand{Kind: parcel.Pretender, Words: "/tmp/dpkg (pid 7) calls itself dpkg"}
		}, waxseal.RungNone, "calls itself dpkg"},
		{"the log can't be read", func(c *parcel.Case) { c.Transactions, c.Unread = nil, "dpkg.log: file is too large" }, waxseal.RungNone, "is written down for that time in what could be read (dpkg.log: file is too large)"},
		{"other content, by the signed archive", func(c *parcel.Case) { c.Change.After.Digest = other }, waxseal.RungNone, "not the one that the package ships"},
		{"other content, by the local database", func(c *parcel.Case) {
			c.Archives, c.Change.After.PackageState = nil, waxseal.PackageModified
		}, waxseal.RungNone, "says that its content is another"},
		{"setuid that the package does not ship", func(c *parcel.Case) { c.Change.After.Mode = 0o4755 }, waxseal.RungNone, "mode is 4755"},
		{"less than the package ships", func(c *parcel.Case) { c.Change.After.Mode = 0o750 }, waxseal.RungPackageVerified, ""},
		{"given to a user", func(c *parcel.Case) { c.Change.After.UID = 1000 }, waxseal.RungNone, "belongs to uid 1000"},
		{"given to a group", func(c *parcel.Case) { c.Change.After.GID = 1000 }, waxseal.RungNone, "belongs to gid 1000"},
		{"a group that it had before", func(c *parcel.Case) { c.Change.Before.GID, c.Change.After.GID = 1000, 1000 }, waxseal.RungPackageVerified, ""},
		{"setuid that it had before", func(c *parcel.Case) { c.Change.Before.Mode, c.Change.After.Mode = 0o4755, 0o4755 }, waxseal.RungPackageVerified, ""},
		{"a capability", func(c *parcel.Case) {
			c.Hand.Kind, c.Change.Kind, c.Change.Before.Digest = parcel.Script, waxseal.Metadata, own
			c.Change.After.XAttrs = map[string]waxseal.Digest{"security.capability": "x"}
		}, waxseal.RungNone, "extended attributes"},
		{"an ACL, by the local database", func(c *parcel.Case) {
			c.Archives, c.Change.After.XAttrs = nil, map[string]waxseal.Digest{"system.posix_acl_access": "x"}
		}, waxseal.RungNone, "extended attributes"},
		{"setuid, by the local database", func(c *parcel.Case) { c.Archives, c.Change.After.Mode = nil, 0o4755 }, waxseal.RungNone, "mode is 4755"},
		{"made immutable", func(c *parcel.Case) { c.Change.After.Flags = []string{"immutable"} }, waxseal.RungNone, "flags"},
		{"a link to the same content", func(c *parcel.Case) { c.Change.After.Link, c.Change.After.Resolved = "/tmp/x", "/tmp/x" }, waxseal.RungNone, "it is a link now"},
		{"a shipped link to a file that is not", func(c *parcel.Case) {
			archive(c, func(a *parcel.Archive) { a.Entries = map[waxseal.Path]parcel.Entry{script: {Link: "/tmp/x"}} })
			c.Change.After.Link, c.Change.After.Resolved = "/tmp/x", "/tmp/x"
		}, waxseal.RungNone, "leads to a file that the package does not ship"},
		{"a shipped link to a shipped file", func(c *parcel.Case) {
			archive(c, func(a *parcel.Archive) {
				a.Entries = map[waxseal.Path]parcel.Entry{script: {Link: "real"}, "/usr/lib/mailtool/real": {SHA256: own, Mode: 0o755}}
			})
			c.Change.After.Link, c.Change.After.Resolved = "real", "/usr/lib/mailtool/real"
		}, waxseal.RungPackageVerified, ""},
		{"no transaction written down", func(c *parcel.Case) { c.Transactions = nil }, waxseal.RungNone, "no transaction of mailtool 1.1"},
		{"before the transaction", func(c *parcel.Case) { c.At = at.Add(-time.Minute) }, waxseal.RungNone, "no transaction"},
		{"after the transaction", func(c *parcel.Case) { c.At = at.Add(time.Minute) }, waxseal.RungNone, "no transaction"},
		{"the transaction of another version", func(c *parcel.Case) { c.Transactions[0].New = "1.2" }, waxseal.RungNone, "no transaction"},
		{"the transaction of another package", func(c *parcel.Case) { c.Transactions[0].Package = "other" }, waxseal.RungNone, "no transaction"},
		{"a database that knows no version", func(c *parcel.Case) { c.Packages = nil }, waxseal.RungNone, "no transaction"},
		{"a script made it", func(c *parcel.Case) {
			c.Hand.Kind, c.Hand.Words, c.Change.After.Digest = parcel.Script, "proven: a program that dpkg started (sh)", other
		}, waxseal.RungNone, "it came with upgrade of mailtool 1.0 to 1.1"},
		{"a script made it, and the local database fits", func(c *parcel.Case) {
			c.Archives, c.Hand.Kind, c.Hand.Words = nil, parcel.Script, "proven: a program that dpkg started (sh)"
		}, waxseal.RungNone, "which a script can edit"},
		{"a script made it, and the signed archive fits", func(c *parcel.Case) { c.Hand.Kind = parcel.Script }, waxseal.RungPackageVerified, ""},
		{"a secret may be in it", func(c *parcel.Case) { c.Change.After.Keyed = true }, waxseal.RungNone, "not known"},
		{"only what it means", func(c *parcel.Case) { c.Change.After = nil }, waxseal.RungNone, "only what it means"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := ordinary()
			tc.change(&c)
			if v := parcel.Judge(c); v.Rung != tc.rung || !strings.Contains(v.Why, tc.says) {
				t.Errorf("%s: %s", v.Rung, v.Why)
			}
		})
	}
}

// TestUnowned: what no package brought is explained by none, and the transaction that it
// came with is named as the hand.
func TestUnowned(t *testing.T) {
	c := ordinary()
	c.Change = waxseal.Change{Path: "/etc/postfix/master.cf", Kind: waxseal.Modified, After: &waxseal.FileState{Digest: own}}
	c.Hand.Kind, c.Hand.Words = parcel.Script, "proven: a program that dpkg started (sh)"
	if v := parcel.Judge(c); v.Rung != waxseal.RungNone || !v.Beside || !strings.Contains(v.Why, "mailtool 1.0 to 1.1") || !strings.Contains(v.Why, "no package ships it") {
		t.Errorf("%+v", v)
	}
	c.Hand = parcel.Hand{}
	if v := parcel.Judge(c); v.Why != "" || v.Beside {
		t.Errorf("packages have nothing to do with it: %+v", v)
	}
}

// TestPackages: the database says that packages have other versions.
func TestPackages(t *testing.T) {
	was, now := waxseal.Package{Name: "mailtool", Version: "1.0", Fingerprint: "1"}, waxseal.Package{Name: "mailtool", Version: "1.1", Fingerprint: "2"}
	file := waxseal.FileState{File: waxseal.File{Path: script, Type: waxseal.Regular}, Digest: own, Package: "mailtool", PackageState: waxseal.PackageUnmodified}
	for _, tc := range []struct {
		name   string
		change func(*parcel.Case)
		rung   waxseal.Rung
		forged bool
	}{
		{"an upgrade", func(*parcel.Case) {}, waxseal.RungPackageVerified, false},
		{"by another hand", func(c *parcel.Case) { c.Hand = parcel.Hand{Grade: waxseal.Proven} }, waxseal.RungNone, false},
		{"by nobody who is known", func(c *parcel.Case) { c.Hand = parcel.Hand{Grade: waxseal.Unknown} }, waxseal.RungNone, false},
		{"a digest in the database that is not the archive's", func(c *parcel.Case) { c.Files[0].Digest = other }, waxseal.RungNone, true},
		{"a file in the list that the archive lacks", func(c *parcel.Case) { c.Files[0].Path = "/usr/lib/mailtool/more" }, waxseal.RungNone, true},
		{"from another version than the log has", func(c *parcel.Case) { c.Change.Packages[0].Before.Version = "0.9" }, waxseal.RungNone, false},
		{"through two versions", func(c *parcel.Case) {
			c.Change.Packages[0].Before.Version = "0.9"
			c.Transactions = append([]translog.Transaction{{Package: "mailtool", Old: "0.9", New: "1.0", From: at.Add(-time.Second), Until: at}}, c.Transactions...)
		}, waxseal.RungPackageVerified, false},
		{"beside the version before, which rpm erases last", func(c *parcel.Case) {
			c.Change.Packages[0].After.Version = "1.0 1.1"
			c.Archives["mailtool 1.0"] = parcel.Archive{Package: "mailtool", Version: "1.0", Signed: true}
		}, waxseal.RungPackageVerified, false},
		{"when the version before is erased", func(c *parcel.Case) { c.Change.Packages[0].Before.Version = "1.0 1.1" }, waxseal.RungPackageVerified, false},
		{"two versions, and a file that is of neither", func(c *parcel.Case) {
			c.Change.Packages[0].After.Version, c.Files[0].Digest = "1.0 1.1", other
			c.Archives["mailtool 1.0"] = parcel.Archive{Package: "mailtool", Version: "1.0", Signed: true}
		}, waxseal.RungNone, true},
		{"two versions, of which one was not written down", func(c *parcel.Case) {
			c.Change.Packages[0].After.Version = "1.0 1.2"
		}, waxseal.RungNone, false},
		{"digests without a version", func(c *parcel.Case) {
			c.Change.Packages[0].Before.Version, c.Archives = "1.1", nil
			c.Transactions[0].Old = "1.1"
		}, waxseal.RungNone, false},
		{"one of two is not explained", func(c *parcel.Case) {
			c.Change.Packages = append(c.Change.Packages, waxseal.PackageChange{Before: waxseal.Package{Name: "x", Version: "1"}, After: waxseal.Package{Name: "x", Version: "2"}})
		}, waxseal.RungNone, false},
		{"what is written down can't be read", func(c *parcel.Case) { c.Transactions, c.Unread = nil, "dpkg.log is damaged" }, waxseal.RungNone, false},
		{"another only began to matter", func(c *parcel.Case) {
			c.Change.Packages = append(c.Change.Packages, waxseal.PackageChange{After: waxseal.Package{Name: "libx", Version: "2"}})
		}, waxseal.RungPackageVerified, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := ordinary()
			c.Change = waxseal.Change{Path: "/var/lib/dpkg/status", Packages: []waxseal.PackageChange{{Before: was, After: now, Files: 1}}}
			c.Files = []waxseal.FileState{file}
			tc.change(&c)
			v := parcel.Judge(c)
			if v.Rung != tc.rung || v.Forged != tc.forged {
				t.Errorf("%+v", v)
			}
			if v.Unwritten != slices.Contains([]string{"by another hand", "one of two is not explained", "two versions, of which one was not written down", "what is written down can't be read"}, tc.name) || v.Inferred {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestInferred: where nobody saw the hand and no signature vouches for the content, all
// that there is root can write.
func TestInferred(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*parcel.Case)
		want   bool
	}{
		"seen and signed":      {func(*parcel.Case) {}, false},
		"seen, and not signed": {func(c *parcel.Case) { c.Archives = nil }, false},
		"signed, and not seen": {func(c *parcel.Case) { c.Seen = false }, false},
		"neither":              {func(c *parcel.Case) { c.Seen, c.Archives = false, nil }, true},
	} {
		c := ordinary()
		tc.change(&c)
		if v := parcel.Judge(c); v.Inferred != tc.want || v.Rung == waxseal.RungNone {
			t.Errorf("%s: %+v", name, v)
		}
		c.Change = waxseal.Change{Path: "/var/lib/dpkg/status", Packages: []waxseal.PackageChange{{
			Before: waxseal.Package{Name: "mailtool", Version: "1.0"}, After: waxseal.Package{Name: "mailtool", Version: "1.1"}, Files: 1}}}
		if v := parcel.Judge(c); v.Inferred != tc.want || v.Rung == waxseal.RungNone {
			t.Errorf("%s, as a package: %+v", name, v)
		}
	}
}

func TestHandOf(t *testing.T) {
	p := func(pid int, exe string, argv ...string) waxseal.Process {
		return waxseal.Process{PID: pid, Exe: exe, Argv: argv, Grade: waxseal.Proven}
	}
	apt, sudo := p(2, "/usr/bin/apt-get", "apt-get", "install"), p(1, "/usr/bin/sudo", "sudo", "apt-get")
	genuine := func(p waxseal.Process, _ waxseal.Path) waxseal.Grade {
		if p.PID == 666 {
			return waxseal.Unknown
		}
		return p.Grade
	}
	guessed := p(3, "/usr/bin/dpkg", "dpkg")
	guessed.Grade = waxseal.Inferred
	for _, tc := range []struct {
		name  string
		chain []waxseal.Process
		kind  parcel.HandKind
		grade waxseal.Grade
		words string
	}{
		{"dpkg of apt", []waxseal.Process{p(3, "/usr/bin/dpkg", "/usr/bin/dpkg", "--unpack"), apt, sudo}, parcel.Manager, waxseal.Proven, "proven: dpkg, child of apt-get, for the login alice"},
		{"a maintainer script", []waxseal.Process{p(5, "/usr/bin/sed", "sed"), p(4, "/usr/bin/dash", "/bin/sh", "/var/lib/dpkg/info/x.postinst"), p(3, "/usr/bin/dpkg"), apt}, parcel.Script, waxseal.Proven, "a program that dpkg started (sed)"},
		{"unattended", []waxseal.Process{p(3, "/usr/bin/dpkg"), p(2, "/usr/bin/python3.11", "/usr/bin/python3", "/usr/bin/unattended-upgrade")}, parcel.Manager, waxseal.Proven, "child of unattended-upgrade"},
		{"dnf is a script", []waxseal.Process{p(3, "/usr/bin/python3.9", "/usr/bin/python3", "/usr/bin/dnf", "-y", "upgrade")}, parcel.Manager, waxseal.Proven, "proven: dnf"},
		{"known from /proc only", []waxseal.Process{guessed, apt}, parcel.Manager, waxseal.Inferred, "inferred: dpkg"},
		{"another program of its name", []waxseal.Process{p(666, "/usr/bin/dpkg", "dpkg"), apt}, parcel.Pretender, waxseal.Proven, "calls itself dpkg"},
		{"elsewhere", []waxseal.Process{p(3, "/tmp/dpkg", "dpkg")}, parcel.Pretender, waxseal.Proven, "/tmp/dpkg"},
		{"by its first argument", []waxseal.Process{p(3, "/usr/bin/tee", "dpkg")}, parcel.Pretender, waxseal.Proven, "/usr/bin/tee"},
		{"a script that names dnf last", []waxseal.Process{p(3, "/usr/bin/python3.9", "python3", "x.py", "/usr/bin/dnf")}, parcel.Nobody, waxseal.Proven, ""},
		{"a person", []waxseal.Process{p(3, "/usr/bin/tee", "tee"), sudo}, parcel.Nobody, waxseal.Proven, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := waxseal.Actor{Process: tc.chain[0], Ancestors: tc.chain[1:], Login: waxseal.Login{UID: 1001, Name: "alice", Grade: waxseal.Proven}}
			if h := parcel.HandOf(a, genuine); h.Kind != tc.kind || h.Grade != tc.grade || !strings.Contains(h.Words, tc.words) {
				t.Errorf("%+v", h)
			}
		})
	}
}
