package dpkg

import (
	"slices"
	"strings"
	"testing"
	"time"

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
		"/var/lib/dpkg/status":                 "Package: postfix\nVersion: 3.7.11-0+deb12u1\nConffiles:\n /etc/init.d/postfix " + other + "\nDescription: x\n\nPackage: libfoo\nVersion: 1\n",
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

const sum0, sum1 = "0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff"

func files() map[string]string {
	return map[string]string{
		"/var/lib/dpkg/info/lib:amd64.list":    "/.\n/usr\n/usr/lib\n/usr/lib/a/lib.so\n/usr/share/lib\n",
		"/var/lib/dpkg/info/lib:amd64.md5sums": sum0 + "  usr/lib/a/lib.so\n",
		"/var/lib/dpkg/info/lib:i386.list":     "/.\n/usr/lib/b/lib.so\n/usr/share/lib\n",
		"/var/lib/dpkg/info/lib:i386.md5sums":  sum1 + "  usr/lib/b/lib.so\n",
		"/var/lib/dpkg/info/lib-dev.list":      "/usr/include/lib.h\n",
		"/var/lib/dpkg/info/lib-dev.md5sums":   sum0 + "  usr/include/lib.h\n",
		"/var/lib/dpkg/info/perf.list":         "/usr/bin/perf\n",
		"/var/lib/dpkg/info/perf.md5sums":      sum0 + "  usr/bin/perf\n",
		"/var/lib/dpkg/info/wrap.list":         "/usr/bin/perf\n/usr/bin/wrap\n",
		"/var/lib/dpkg/info/wrap.md5sums":      sum1 + "  usr/bin/perf\n",
		"/var/lib/dpkg/diversions":             "/usr/bin/perf\n/usr/bin/perf.real\nwrap\n",
		"/var/lib/dpkg/statoverride":           "root postdrop 2755 /usr/sbin/postdrop\n#7 root 99x /bad\nshort\n",
		"/var/lib/dpkg/status": "Package: lib\nStatus: install ok installed\nVersion: 1.2\n\n" +
			"Package: perf\nStatus: install ok installed\nVersion: 1\n\nPackage: wrap\nStatus: install ok installed\nVersion: 1\n\n" +
			"Package: gone\nStatus: deinstall ok config-files\nVersion: 9\nConffiles:\n /etc/gone.conf " + sum0 + " obsolete\n /etc/with space " + sum1 + "\nDescription: x\n /etc/no " + sum0 + "\n",
	}
}

func TestInstancesDiversionsOverrides(t *testing.T) {
	db, _ := Read(snapshot.Files(files()))
	for _, tc := range []struct {
		path, md5, owner string
		state            waxseal.PackageState
	}{
		{"/usr/lib/a/lib.so", sum0, "lib", waxseal.PackageUnmodified},
		{"/usr/lib/b/lib.so", sum1, "lib", waxseal.PackageUnmodified},
		{"/usr/lib/b/lib.so", sum0, "lib", waxseal.PackageModified},
		{"/usr/bin/perf", sum1, "wrap", waxseal.PackageUnmodified},
		{"/usr/bin/perf", sum0, "wrap", waxseal.PackageModified},
		{"/usr/bin/perf.real", sum0, "perf", waxseal.PackageUnmodified},
		{"/usr/bin/perf.real", sum1, "perf", waxseal.PackageModified},
		{"/usr/lib", sum1, "", waxseal.PackageUnowned},
		{"/usr/include/lib.h", sum0, "lib-dev", waxseal.PackageUnknown}, // status does not know it
		{"/etc/gone.conf", sum0, "gone", waxseal.PackageUnmodified},
		{"/etc/with space", sum0, "gone", waxseal.PackageModified},
		{"/etc/no", sum0, "", waxseal.PackageUnowned},
	} {
		p := waxseal.Path(tc.path)
		if owner, state := db.Owner(p), db.State(p, tc.md5); owner != tc.owner || state != tc.state {
			t.Errorf("%s with %.4s is %q's, %s; want %q, %s", tc.path, tc.md5, owner, state, tc.owner, tc.state)
		}
	}
	if v := db.Versions(); len(v) != 3 || v["lib"] != "1.2" || db.Version("lib:i386") != "1.2" || db.Version("gone") != "" {
		t.Errorf("versions %v", v)
	}
	if o, ok := db.Override("/sbin/postdrop"); !ok || o != (Override{"root", "postdrop", 0o2755}) {
		t.Errorf("override %v, %v", o, ok)
	}
	if to, by, ok := db.Diverted("/bin/perf"); to != "/usr/bin/perf.real" || by != "wrap" || !ok {
		t.Errorf("diverted to %s by %s, %v", to, by, ok)
	}
	want := []waxseal.Path{dir + "/status", dir + "/diversions", dir + "/statoverride",
		info + "lib:amd64.list", info + "lib:amd64.md5sums", info + "lib:i386.list", info + "lib:i386.md5sums"}
	if got := db.Files("lib"); !slices.Equal(got, want) {
		t.Errorf("files %q", got)
	}
}

// TestFingerprint: an edit of the database changes it, and nothing else does.
func TestFingerprint(t *testing.T) {
	was, _ := Read(snapshot.Files(files()))
	before := was.Package("lib")
	if before.Name != "lib" || before.Version != "1.2" || before.Manager != "dpkg" || was.Package("none") != (waxseal.Package{}) {
		t.Errorf("%+v", before)
	}
	if again := was.Package("lib:amd64"); again != before {
		t.Errorf("asked again: %+v", again)
	}
	plain := before
	plain.Fingerprint = ""
	if got := was.Describe("lib:amd64"); got != plain {
		t.Errorf("without a fingerprint: %+v", got)
	}
	if empty, _ := Read(snapshot.Files(nil)); was.Same(empty, "lib") || empty.Same(was, "lib") {
		t.Error("a database that does not know the package is taken for one that does")
	}
	for name, tc := range map[string]struct {
		file, content string
		changes       bool
	}{
		"digest":          {"/var/lib/dpkg/info/lib:i386.md5sums", sum0 + "  usr/lib/b/lib.so\n", true},
		"new file":        {"/var/lib/dpkg/info/lib:i386.list", "/.\n/usr/lib/b/lib.so\n/usr/share/lib\n/usr/bin/evil\n", true},
		"conffile":        {"/var/lib/dpkg/status", "Package: lib\nVersion: 1.2\nConffiles:\n /etc/x " + sum0 + "\n", true},
		"another package": {"/var/lib/dpkg/info/lib-dev.md5sums", sum1 + "  usr/include/lib.h\n", false},
	} {
		edited := files()
		edited[tc.file] = tc.content
		db, _ := Read(snapshot.Files(edited))
		if after := db.Package("lib"); (after.Fingerprint != before.Fingerprint) != tc.changes || after.Version != before.Version {
			t.Errorf("%s: %+v", name, after)
		}
		if was.Same(db, "lib") == tc.changes {
			t.Errorf("%s: taken for the same: %v", name, tc.changes)
		}
	}
}

// TestCurrent: an edit of what answers rest on is noticed, by the time that the
// kernel keeps.
func TestCurrent(t *testing.T) {
	at := func(sec int64, edited waxseal.Path) waxseal.Tree {
		objects := map[waxseal.Path]snapshot.Object{dir + "/info": {File: waxseal.File{Type: waxseal.Directory, ChangeTime: time.Unix(1, 0)}}}
		for name, content := range files() {
			objects[waxseal.Path(name)] = snapshot.Object{Content: []byte(content), File: waxseal.File{ChangeTime: time.Unix(1, 0)}}
		}
		o := objects[edited]
		o.ChangeTime = time.Unix(sec, 0)
		objects[edited] = o
		return snapshot.New(objects)
	}
	const sums = info + "lib:i386.md5sums"
	db, _ := Read(at(1, sums))
	if !db.Current(at(1, sums)) || !db.Current(at(2, sums)) {
		t.Error("digests that nobody has asked for don't matter")
	}
	db.Package("lib")
	if !db.Current(at(1, sums)) || db.Current(at(2, sums)) {
		t.Error("digests that were asked for do")
	}
	for _, p := range []waxseal.Path{dir + "/info", dir + "/status", info + "perf.list", dir + "/diversions"} {
		if db.Current(at(2, p)) {
			t.Errorf("a change of %s was not noticed", p)
		}
	}
	if db, _ := Read(snapshot.Files(files())); db.Current(snapshot.Files(files())) {
		t.Error("a tree without change times can't be told from another")
	}
}

func TestAlternatives(t *testing.T) {
	const awk = "auto\n/usr/bin/awk\nawk.1.gz\n/usr/share/man/awk.1.gz\nnawk\n/usr/bin/nawk\n\n/usr/bin/mawk\n5\n/m/mawk.1.gz\n/usr/bin/mawk\n/usr/bin/gawk\n10\n/m/gawk.1.gz\n\n\n"
	tree := snapshot.New(map[waxseal.Path]snapshot.Object{
		dir + "/alternatives/awk": {Content: []byte(awk)},
		dir + "/alternatives/odd": {Content: []byte("sometimes\n/usr/bin/odd\n\n")},
		dir + "/alternatives/mta": {Content: []byte("manual\n/usr/sbin/sendmail\n\n/usr/sbin/postfix-sendmail\n10\n\n")},
		"/etc/alternatives/awk":   {File: waxseal.File{Type: waxseal.Symlink, Link: "/tmp/evil"}},
	})
	groups, problems := Alternatives(tree)
	if len(groups) != 3 || len(problems) != 1 || problems[0].Path != dir+"/alternatives/odd" {
		t.Fatalf("%+v, %+v", groups, problems)
	}
	a, mta := groups[0], groups[1]
	if !a.Auto || a.Link != "/usr/bin/awk" || len(a.Slaves) != 2 || len(a.Choices) != 2 || a.Current != "/tmp/evil" ||
		a.Choices[1].Priority != 10 || !slices.Equal(a.Choices[1].Slaves, []waxseal.Path{"/m/gawk.1.gz", ""}) {
		t.Errorf("%+v", a)
	}
	if best, ok := a.Best(); !ok || best.Path != "/usr/bin/gawk" {
		t.Errorf("best %+v", best)
	}
	if mta.Auto || mta.Link != "/usr/sbin/sendmail" || len(mta.Choices) != 1 {
		t.Errorf("%+v", mta)
	}
	for cut := range len(awk) {
		ParseAlternative("awk", awk[:cut]) // never panics
	}
}

func FuzzParseAlternative(f *testing.F) {
	f.Add("auto\n/usr/bin/awk\nnawk\n/usr/bin/nawk\n\n/usr/bin/mawk\n5\n/usr/bin/mawk\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAlternative("x", text)
		if n := strings.Count(text, "\n"); len(a.Slaves) > n || len(a.Choices) > n {
			t.Errorf("%d slaves and %d choices in %d lines", len(a.Slaves), len(a.Choices), n)
		}
		if err == nil && !strings.HasPrefix(text, "auto\n") && !strings.HasPrefix(text, "manual\n") {
			t.Errorf("taken for a group: %q", text)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add("Package: a\nConffiles:\n /x 0123456789abcdef0123456789abcdef\n", "/a\n/b\n:\n")
	f.Fuzz(func(t *testing.T, status, diversions string) {
		db, _ := Read(snapshot.Files(map[string]string{
			"/var/lib/dpkg/info/a.list": diversions, "/var/lib/dpkg/info/a.md5sums": status, "/var/lib/dpkg/statoverride": status, "/var/lib/dpkg/status": status, "/var/lib/dpkg/diversions": diversions,
		}))
		db.State("/a", "0123456789abcdef0123456789abcdef")
		db.Package("a")
	})
}

// TestDamagedStatus: a status file that was cut off or edited is told, and so is what
// dpkg has noted beside it taken.
func TestDamagedStatus(t *testing.T) {
	const whole = "Package: a\nStatus: install ok installed\nVersion: 1\nConffiles:\n /etc/a 0123456789abcdef0123456789abcdef\n\nPackage: b\nStatus: install ok installed\nVersion: 2\n\n"
	for _, tc := range []struct {
		name, status, journal string
		problem               string
		version, state        string
	}{
		{"whole", whole, "", "", "1", ""},
		{"cut off at a stanza", whole[:strings.Index(whole, "Package: b")], "", "does not know 1 packages", "1", ""},
		{"cut off in a line", whole[:len(whole)-4], "", "not a line of dpkg's", "1", ""},
		{"zeros, as after a crash", "Package: a\n\x00\x00\x00\n", "", "not a line of dpkg's", "", ""},
		{"empty", "", "", "does not know 2 packages", "", ""},
		{"a journal", whole, "Package: a\nStatus: install ok unpacked\nVersion: 1.1\n", "", "1.1", "unpacked"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := func(text string) snapshot.Object {
				return snapshot.Object{File: waxseal.File{Type: waxseal.Regular, Mode: 0o644}, Content: []byte(text)}
			}
			objects := map[waxseal.Path]snapshot.Object{
				"/var/lib/dpkg/status": file(tc.status), "/var/lib/dpkg/info/a.list": file("/etc/a\n"), "/var/lib/dpkg/info/b.list": file("/usr/bin/b\n"),
			}
			if tc.journal != "" {
				objects["/var/lib/dpkg/updates/0000"] = file(tc.journal)
				objects["/var/lib/dpkg/updates/tmp.i"] = file("Package: a\nStatus: install ok installed\nVersion: 9\n")
			}
			db, problems := Read(snapshot.New(objects))
			said := ""
			for _, p := range problems {
				said += p.Message + "\n"
			}
			if !strings.Contains(said, tc.problem) || tc.problem == "" && said != "" {
				t.Errorf("problems %q", said)
			}
			if p := db.Package("a"); p.Version != tc.version || p.State != tc.state {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestFingerprintOfDirectories: dpkg takes directories from the lists of packages when
// they have gone from the disk; a file is another matter.
func TestFingerprintOfDirectories(t *testing.T) {
	print := func(list string) waxseal.Digest {
		file := func(text string) snapshot.Object {
			return snapshot.Object{File: waxseal.File{Type: waxseal.Regular, Mode: 0o644}, Content: []byte(text)}
		}
		db, _ := Read(snapshot.New(map[waxseal.Path]snapshot.Object{"/var/lib/dpkg/info/a.list": file(list), "/var/lib/dpkg/status": file("Package: a\nStatus: install ok installed\nVersion: 1\n")}))
		return db.Package("a").Fingerprint
	}
	whole := print("/.\n/usr\n/usr/share\n/usr/share/x\n/usr/share/x/y\n")
	if without := print("/.\n/usr\n/usr/share/x/y\n"); without != whole {
		t.Error("a directory less is another fingerprint")
	}
	if more := print("/.\n/usr\n/usr/share\n/usr/share/x\n/usr/share/x/y\n/usr/share/x/z\n"); more == whole {
		t.Error("a file more is the same fingerprint")
	}
}
