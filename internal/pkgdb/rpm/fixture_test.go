package rpm

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"

	"waxseal"
	"waxseal/internal/snapshot"
)

// fixture is a database of testdata.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestOlderFormats(t *testing.T) {
	for _, tc := range []struct {
		fixture, name    string
		packages, files  int
		path             waxseal.Path
		pkg, version, is string
	}{
		{"libuuid-Packages.gz", "/var/lib/rpm/Packages", 1, 3,
			"/usr/lib64/libuuid.so.1.3.0", "libuuid", "2.32.1-42.el8_8", "3c8f59a0e39cce53501045859f5c9a86b82fedd558a2f4110ab1823047b43745"},
		{"sle15-Packages.db.gz", "/usr/lib/sysimage/rpm/Packages.db", 3, 4,
			"/usr/lib64/libcap.so.2.26", "libcap2", "2.26-4.6.1", "2e38ee4d55ef22240b30210e3ac058da89b2aca153494271a169f8de70152847"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			db, problems := Read(snapshot.Files(map[string]string{tc.name: string(fixture(t, tc.fixture))}))
			if db == nil || len(problems) > 0 || len(db.packages) != tc.packages || len(db.files) != tc.files {
				t.Fatalf("%+v, %v", db, problems)
			}
			if got := db.Package(tc.pkg); db.Owner(tc.path) != tc.pkg || got.Version != tc.version {
				t.Errorf("%s is %q's, %+v", tc.path, db.Owner(tc.path), got)
			}
			if got := db.State(tc.path, waxseal.Sums{SHA256: tc.is}); got != waxseal.PackageUnmodified {
				t.Errorf("as it was: %s", got)
			}
			if got := db.State(tc.path, waxseal.Sums{SHA256: "00" + tc.is[2:]}); got != waxseal.PackageModified {
				t.Errorf("changed: %s", got)
			}
		})
	}
}

// FuzzRead reads the formats that are parsed here; those of SQLite are its own.
func FuzzRead(f *testing.F) {
	f.Add(fixture(f, "libuuid-Packages.gz")[:64<<10])
	f.Add(fixture(f, "sle15-Packages.db.gz"))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, size := bytes.NewReader(content), int64(len(content))
		read := int64(0)
		add := func(blob []byte) {
			read += int64(len(blob))
			_, _ = parseInstance(blob)
		}
		ignore := func(error) {}
		_ = eachNDB(r, size, add, ignore)
		if db, err := openBDB(r, size); err == nil {
			db.each(add, ignore)
		}
		if read > 8*size {
			t.Errorf("%d bytes read of %d", read, size)
		}
	})
}

func FuzzHeader(f *testing.F) {
	var blobs [][]byte
	content := fixture(f, "sle15-Packages.db.gz")
	if err := eachNDB(bytes.NewReader(content), int64(len(content)), func(b []byte) { blobs = append(blobs, b) }, func(error) {}); err != nil {
		f.Fatal(err)
	}
	for _, b := range blobs {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		in, err := parseInstance(blob)
		if err == nil && in.name == "" {
			t.Error("a package without a name")
		}
		fingerprint(in)
	})
}
