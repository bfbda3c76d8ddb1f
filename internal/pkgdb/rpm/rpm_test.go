package rpm

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/rootfs"
	"waxseal/internal/snapshot"
)

// The spec of the packages that tests install: one of everything that a file can
// be to rpm.
const spec = `Name: %[1]s
Version: 2.3
Release: %[2]s
Epoch: 1
Summary: x
License: x
BuildArch: noarch
%%define _source_filedigest_algorithm %[3]d
%%define _binary_filedigest_algorithm %[3]d
%%description
x
%%install
mkdir -p %%{buildroot}/usr/sbin %%{buildroot}/etc/%[1]s %%{buildroot}/var/log %%{buildroot}/lib/%[1]s
echo program > %%{buildroot}/usr/sbin/%[1]s
echo setting > %%{buildroot}/etc/%[1]s/main.cf
echo log > %%{buildroot}/var/log/%[1]s.log
echo plugin > %%{buildroot}/lib/%[1]s/plugin.so
ln -s %[1]s %%{buildroot}/usr/sbin/%[1]s-link
%%files
%%defattr(-,root,root)
/usr/sbin/*
%%config(noreplace) /etc/%[1]s/main.cf
%%ghost /var/log/%[1]s.log
/lib/%[1]s/plugin.so
`

// run runs a program of rpm's, which must succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C")
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, errors.String())
	}
	return string(out)
}

// build makes a package.
func build(t *testing.T, name, release string, algorithm int) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, name+".spec")
	if err := os.WriteFile(file, fmt.Appendf(nil, spec, name, release, algorithm), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+dir, "--define", "_build_id_links none", file)
	made, _ := filepath.Glob(filepath.Join(dir, "RPMS/noarch/*.rpm"))
	if len(made) != 1 {
		t.Fatalf("rpmbuild made %q", made)
	}
	return made[0]
}

// host is a root with a package database.
type host struct {
	t       *testing.T
	root    string
	backend string
}

func (h host) rpm(args ...string) string {
	h.t.Helper()
	return run(h.t, "rpm", append([]string{"--root", h.root, "--dbpath", "/var/lib/rpm", "--define", "_db_backend " + h.backend}, args...)...)
}

func (h host) read() (*DB, []waxseal.Problem) {
	h.t.Helper()
	tree, err := rootfs.Open(h.root)
	if err != nil {
		h.t.Fatal(err)
	}
	defer tree.Close()
	return Read(tree)
}

func (h host) sums(p string) waxseal.Sums {
	content, err := os.ReadFile(filepath.Join(h.root, p))
	if err != nil {
		h.t.Fatal(err)
	}
	m, s := md5.Sum(content), sha256.Sum256(content)
	return waxseal.Sums{MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:])}
}

// TestAgainstRPM installs packages with rpm, changes files, and holds what we say
// against what "rpm -V" and "rpm -qf" say.
func TestAgainstRPM(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: rpm installs into a chroot")
	}
	for _, backend := range []string{"sqlite"} {
		for _, algorithm := range []int{algorithmMD5, algorithmSHA256} {
			t.Run(fmt.Sprint(backend, algorithm), func(t *testing.T) {
				h := host{t, t.TempDir(), backend}
				h.rpm("-i", "--nodeps", "--ignorearch", build(t, "mailer", "4", algorithm), build(t, "other", "1", algorithm))
				for name, content := range map[string]string{"usr/sbin/mailer": "evil\n", "etc/other/main.cf": "mine\n"} {
					if err := os.WriteFile(filepath.Join(h.root, name), []byte(content), 0o755); err != nil {
						t.Fatal(err)
					}
				}
				h.check()
			})
		}
	}
}

func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (h host) check() {
	t := h.t
	db, problems := h.read()
	if db == nil || len(problems) > 0 {
		t.Fatalf("%v, %v", db, problems)
	}
	for _, name := range []string{"mailer", "other"} {
		got := db.Package(name)
		want := h.rpm("-q", "--qf", "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}", name)
		if got.Name+" "+got.Version != want || got.Manager != "rpm" || len(got.Fingerprint) != 64 {
			t.Errorf("%+v, want %s", got, want)
		}
		// A symbolic link has no content, and where it leads is a file of its own.
		want = strings.ReplaceAll(strings.TrimSpace(h.rpm("-ql", name)), "\n/usr/sbin/"+name+"-link", "")
		var brought []string
		for _, p := range db.Brought(name) {
			brought = append(brought, string(p))
		}
		if got := strings.Join(brought, "\n"); got != sortedLines(want) {
			t.Errorf("%s brought\n%s\nrpm says\n%s", name, got, want)
		}
		cmd := exec.Command("rpm", "--root", h.root, "--dbpath", "/var/lib/rpm", "-V", "--nodeps", "--nomode", "--nomtime", "--nosize", name)
		changed, _ := cmd.Output() // it exits with 1 where something has changed
		for _, p := range []string{"/usr/sbin/" + name, "/etc/" + name + "/main.cf", "/lib/" + name + "/plugin.so"} {
			owner := strings.TrimSpace(h.rpm("-qf", "--qf", "%{NAME}", p))
			if got := db.Owner(waxseal.Path(p)); got != owner {
				t.Errorf("%s is %q's, rpm says %q", p, got, owner)
			}
			want := waxseal.PackageUnmodified
			if strings.Contains(string(changed), p) {
				want = waxseal.PackageModified
			}
			if got := db.State(waxseal.Path(p), h.sums(p)); got != want {
				t.Errorf("%s is %s; rpm -V says\n%s", p, got, changed)
			}
		}
	}
	for p, want := range map[waxseal.Path]waxseal.PackageState{
		"/usr/sbin/mailer":          waxseal.PackageModified,
		"/etc/other/main.cf":        waxseal.PackageModified,
		"/etc/mailer/main.cf":       waxseal.PackageUnmodified,
		"/var/log/mailer.log":       waxseal.PackageUnknown,    // a ghost
		"/usr/lib/mailer/plugin.so": waxseal.PackageUnmodified, // as if /lib were merged
		"/tmp/evil":                 waxseal.PackageUnowned,
	} {
		sums := waxseal.Sums{MD5: "00", SHA256: "00"}
		if on := strings.Replace(string(p), "/usr/lib/", "/lib/", 1); want != waxseal.PackageUnowned && want != waxseal.PackageUnknown {
			sums = h.sums(on)
		}
		if got := db.State(p, sums); got != want {
			t.Errorf("%s is %s, want %s", p, got, want)
		}
	}
}

// TestWriteAheadLog: a reader that holds the database open keeps what rpm writes in
// the write-ahead log. Who reads the file alone sees packages that are gone.
func TestWriteAheadLog(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: rpm installs into a chroot")
	}
	h := host{t, t.TempDir(), "sqlite"}
	h.rpm("-i", "--nodeps", build(t, "mailer", "4", algorithmSHA256))
	name := filepath.Join(h.root, "var/lib/rpm/rpmdb.sqlite")
	pin, err := sql.Open("sqlite", "file:"+name)
	if err != nil {
		t.Fatal(err)
	}
	defer pin.Close()
	rows, err := pin.Query("SELECT hnum FROM Packages")
	if err != nil || !rows.Next() {
		t.Fatal("no reader: ", err)
	}
	defer rows.Close()
	before, _ := h.read()
	h.rpm("-e", "mailer")
	if st, err := os.Stat(name + "-wal"); err != nil || st.Size() == 0 {
		t.Fatalf("rpm left no write-ahead log: this test shows nothing (%v)", err)
	}
	contents, err := os.ReadFile(name)
	if err != nil || !bytes.Contains(contents, []byte("mailer")) {
		t.Fatal("the file itself has no more of the package: this test shows nothing")
	}
	after, problems := h.read()
	if before.Owner("/usr/sbin/mailer") != "mailer" || after.Owner("/usr/sbin/mailer") != "" || len(problems) > 0 {
		t.Errorf("before: %v, after: %v, %v", before.Versions(), after.Versions(), problems)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "waxseal-rpm-*")); len(left) > 0 {
		t.Errorf("copies are left: %q", left)
	}
}

// TestFingerprint: digests that change without a version show.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: rpm installs into a chroot")
	}
	h := host{t, t.TempDir(), "sqlite"}
	h.rpm("-i", "--nodeps", build(t, "mailer", "4", algorithmSHA256))
	before, _ := h.read()
	tree, _ := rootfs.Open(h.root)
	defer tree.Close()
	if !before.Current(tree) {
		t.Error("not current at once")
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.root, "var/lib/rpm/rpmdb.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	var blob []byte
	if err := db.QueryRow("SELECT blob FROM Packages").Scan(&blob); err != nil {
		t.Fatal(err)
	}
	good, evil := sha256.Sum256([]byte("program\n")), sha256.Sum256([]byte("evil\n"))
	edited := bytes.ReplaceAll(blob, []byte(hex.EncodeToString(good[:])), []byte(hex.EncodeToString(evil[:])))
	if _, err := db.Exec("UPDATE Packages SET blob = ?", edited); err != nil || bytes.Equal(blob, edited) {
		t.Fatal("nothing edited: ", err)
	}
	db.Close()
	after, problems := h.read()
	a, b := before.Package("mailer"), after.Package("mailer")
	if a.Version != b.Version || a.Fingerprint == b.Fingerprint || len(problems) != 1 || !strings.Contains(problems[0].Message, "by its own digest") {
		t.Errorf("before %+v, after %+v, %v", a, b, problems)
	}
	sums := waxseal.Sums{SHA256: hex.EncodeToString(evil[:])}
	if was, is := before.State("/usr/sbin/mailer", sums), after.State("/usr/sbin/mailer", sums); was != waxseal.PackageModified || is != waxseal.PackageUnknown {
		t.Errorf("a file of it was %s, and is %s", was, is)
	}
	if before.Current(tree) || !after.Current(tree) {
		t.Error("the edit was not noticed")
	}
}

func TestNoDatabase(t *testing.T) {
	if db, problems := Read(snapshot.Files(map[string]string{"/etc/x": ""})); db != nil || problems != nil {
		t.Errorf("%v, %v", db, problems)
	}
}

// TestHostileDatabases: none is believed, none hangs, and each is said to be odd.
func TestHostileDatabases(t *testing.T) {
	view := filepath.Join(t.TempDir(), "view.sqlite")
	db, err := sql.Open("sqlite", "file:"+view)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("CREATE VIEW Packages AS WITH RECURSIVE n(hnum, blob) AS (SELECT 1, x'00' UNION ALL SELECT hnum + 1, blob FROM n) SELECT * FROM n")
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	endless, err := os.ReadFile(view)
	if err != nil {
		t.Fatal(err)
	}
	loop := make([]byte, 3*512) // page 2 is an overflow page that follows itself
	put := func(at int, bytes ...byte) { copy(loop[at:], bytes) }
	put(12, 0x61, 0x15, 0x06, 0)
	put(20, 0, 2)
	put(25, bdbHashMeta)
	put(32, 2)
	put(512+20, 2, 0) // page 1: two items
	put(512+25, bdbHash)
	put(512+26, 0xfa, 1, 0xea, 1)
	put(512+0x1ea, bdbOffPage, 0, 0, 0, 2, 0, 0, 0, 0, 4, 0, 0)
	put(1024+16, 2)
	put(1024+22, 1, 0, 0, bdbOverflow)
	for name, content := range map[string][]byte{
		"rpmdb.sqlite": endless, "Packages": loop, "Packages.db": append([]byte("RpmP\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\x7f"), make([]byte, 64)...),
	} {
		db, problems := Read(snapshot.Files(map[string]string{"/var/lib/rpm/" + name: string(content)}))
		if db == nil || len(problems) == 0 || db.State("/usr/sbin/sendmail", waxseal.Sums{}) != waxseal.PackageUnknown {
			t.Errorf("%s: %+v, %v", name, db, problems)
		}
	}
	two := map[string]string{"/var/lib/rpm/rpmdb.sqlite": "x", "/var/lib/rpm/Packages": "y"}
	if _, problems := Read(snapshot.Files(two)); len(problems) != 2 || problems[0].Path != "/var/lib/rpm/Packages" {
		t.Errorf("two databases: %v", problems)
	}
}
