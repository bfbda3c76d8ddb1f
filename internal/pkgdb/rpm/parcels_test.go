package rpm

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"waxseal"
	"waxseal/internal/rootfs"
	"waxseal/internal/snapshot"
)

// signer is a key of GnuPG's with which rpmsign(8) signs.
func signer(t *testing.T) (home string, keys openpgp.EntityList) {
	t.Helper()
	home, err := os.MkdirTemp("", "wx") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	run(t, "gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "Example Packages", "rsa2048", "sign")
	keys, err = openpgp.ReadKeyRing(bytes.NewReader([]byte(run(t, "gpg", "--homedir", home, "--batch", "--export"))))
	if err != nil {
		t.Fatal(err)
	}
	return home, keys
}

// TestSigned installs a package that rpmsign signed, in each format that Debian's rpm
// writes, and one that nobody signed.
func TestSigned(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: rpm installs into a chroot")
	}
	home, keys := signer(t)
	check := func(signed, signature []byte) (string, error) {
		by, err := openpgp.CheckDetachedSignature(keys, bytes.NewReader(signed), bytes.NewReader(signature), nil)
		if err != nil {
			return "", err
		}
		return by.PrimaryIdentity().Name, nil
	}
	mailer, other := build(t, "mailer", "4", algorithmSHA256), build(t, "other", "1", algorithmSHA256)
	run(t, "rpmsign", "--define", "_gpg_name Example Packages", "--define", "_gpg_path "+home, "--define", "__gpg /usr/bin/gpg", "--addsign", mailer)
	for _, backend := range []string{"sqlite"} {
		t.Run(backend, func(t *testing.T) {
			h := host{t, t.TempDir(), backend}
			began := time.Now()
			h.rpm("-i", "--nodeps", "--ignorearch", "--nosignature", mailer, other)
			tree, err := rootfs.Open(h.root)
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			archives, log, err := Parcels(tree, map[string]bool{"mailer": true, "other": true}, check)
			if err != nil || len(archives) != 2 || len(log) != 2 {
				t.Fatalf("%v: %+v, %+v", err, archives, log)
			}
			for _, a := range archives {
				if signed := a.Package == "mailer"; a.Signed != signed || signed && a.Voucher != "Example Packages" {
					t.Errorf("%s: signed %v: %s", a.Package, a.Signed, a.Voucher)
				}
				if e := a.Entries["/usr/sbin/mailer"]; a.Signed && (string(e.SHA256) != h.sums("/usr/sbin/mailer").SHA256 || e.UID != 0 || e.Mode != 0o644) {
					t.Errorf("%+v", e)
				}
				if e := a.Entries["/usr/sbin/mailer-link"]; a.Signed && e.Link != "mailer" {
					t.Errorf("%+v", e)
				}
			}
			for _, x := range log {
				if !x.Covers(time.Now()) || !x.Covers(began) || x.New != map[string]string{"mailer": "1:2.3-4", "other": "1:2.3-1"}[x.Package] {
					t.Errorf("%+v", x)
				}
			}
			edited := filepath.Join(h.root, "/var/lib/rpm", map[string]string{"sqlite": "rpmdb.sqlite", "ndb": "Packages.db"}[backend])
			forge(t, edited, h.sums("/usr/sbin/mailer").SHA256)
			if archives, _, err = Parcels(tree, map[string]bool{"mailer": true}, check); err != nil || len(archives) != 1 || archives[0].Signed {
				t.Errorf("a digest was edited in the database: %v, %+v", err, archives)
			}
		})
	}
}

// forge puts another digest into a database in place of one.
func forge(t *testing.T, name, digest string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Repeat([]byte("0"), len(digest))
	if !bytes.Contains(content, []byte(digest)) {
		t.Fatalf("%s does not have the digest", name)
	}
	if err := os.WriteFile(name, bytes.ReplaceAll(content, []byte(digest), other), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestSignedByOthers takes apart headers that Red Hat and SUSE signed, whose keys are not
// at hand: the parts are there.
func TestSignedByOthers(t *testing.T) {
	for fixtureName, at := range map[string]string{"libuuid-Packages.gz": "/var/lib/rpm/Packages", "sle15-Packages.db.gz": "/usr/lib/sysimage/rpm/Packages.db"} {
		tree := snapshot.Files(map[string]string{at: string(fixture(t, fixtureName))})
		asked := 0
		none := func(signed, signature []byte) (string, error) { asked++; return "", errors.New("no key") }
		archives, _, err := Parcels(tree, map[string]bool{"libuuid": true, "libcap2": true}, none)
		if err != nil || len(archives) != 1 || asked != 1 || archives[0].Signed || archives[0].Voucher != "no key" {
			t.Errorf("%s: %v, %+v, asked %d times", fixtureName, err, archives, asked)
		}
	}
}

func FuzzSigned(f *testing.F) {
	content := fixture(f, "sle15-Packages.db.gz")
	if err := eachNDB(bytes.NewReader(content), int64(len(content)), func(b []byte) { f.Add(bytes.Clone(b)) }, func(error) {}); err != nil {
		f.Fatal(err)
	}
	yes := func(signed, signature []byte) (string, error) { return "", nil }
	f.Fuzz(func(t *testing.T, blob []byte) {
		in, err := parseInstance(blob)
		if err != nil {
			return
		}
		if a := signedArchive(blob, in, waxseal.Path("/x"), yes); a.Signed && (a.Package != in.name || a.Version != in.version) {
			t.Errorf("%+v", a)
		}
	})
}
