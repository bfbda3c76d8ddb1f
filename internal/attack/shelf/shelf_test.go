package shelf_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ulikunitz/xz"
	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/attack"
	"waxseal/internal/attack/shelf"
	"waxseal/internal/attack/stix"
	"waxseal/internal/store"
)

const data = "../testdata/"

func open(t testing.TB, dir string) *shelf.Shelf {
	t.Helper()
	s, err := shelf.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func unpack(t testing.TB, name string) io.Reader {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	var r io.Reader = f
	switch filepath.Ext(name) {
	case ".xz":
		r, err = xz.NewReader(f)
	case ".gz":
		r, err = gzip.NewReader(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// take imports one source, and gives the import up where that fails.
func take(s *shelf.Shelf, release, name string, r io.Reader) (shelf.Report, error) {
	im, err := s.Begin()
	if err != nil {
		return shelf.Report{}, err
	}
	defer im.Rollback()
	im.Start(name)
	if err := im.Read(r, "", nil); err != nil {
		return shelf.Report{}, err
	}
	report, err := im.Finish(release, "", waxseal.Digest(strings.Repeat("0", 64)), time.Unix(1e9, 0))
	if err != nil {
		return report, err
	}
	return report, im.Commit()
}

func mustTake(t testing.TB, s *shelf.Shelf, release, name string, r io.Reader) shelf.Report {
	t.Helper()
	report, err := take(s, release, name, r)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func tool(n int, more string) string {
	return fmt.Sprintf(`{"type":"tool","id":"tool--00000000-0000-4000-8000-%012d","modified":"2020"%s}`, n, more)
}

func bundle(objects ...string) io.Reader {
	return strings.NewReader(`{"type":"bundle","id":"bundle--1","spec_version":"2.0","objects":[` + strings.Join(objects, ",") + `]}`)
}

// counts are how many rows each table has.
func counts(t *testing.T, dir string) string {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, shelf.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var list []string
	for _, table := range []string{"import", "file", "content", "object", "link"} {
		var n int
		if err := db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprint(table, " ", n))
	}
	return strings.Join(list, ", ")
}

// TestTwice: the same release twice changes nothing, nor does the same content in other
// bytes; other content supersedes, and takes nothing away.
func TestTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	r := mustTake(t, s, "1.0", "a", bundle(tool(1, ""), tool(2, "")))
	if r.New != 2 || r.Same != 0 {
		t.Errorf("%+v", r)
	}
	before := counts(t, dir)
	r = mustTake(t, s, "1.0", "b", bundle(tool(2, ""), tool(1, "")))
	if r.New != 0 || r.Same != 2 || counts(t, dir) != before {
		t.Errorf("%+v\n%s\n%s", r, before, counts(t, dir))
	}
	if r = mustTake(t, s, "1.0", "c", bundle(strings.ReplaceAll(tool(1, ""), ":", " : "))); r.Same != 1 {
		t.Errorf("%+v", r)
	}
	if r = mustTake(t, s, "1.0", "d", bundle(tool(1, `,"name":"x"`))); r.Changed != 1 {
		t.Errorf("%+v", r)
	}
	if r = mustTake(t, s, "1.0", "a", bundle(tool(1, ""), tool(2, ""))); r.Same != 2 {
		t.Errorf("what was superseded is there all the same: %+v", r)
	}
	id := stix.ID("tool--00000000-0000-4000-8000-000000000001")
	o, err := s.Object("1.0", id)
	if err != nil || o.Name() != "x" || o.Source.Name != "d" || !o.Source.Imported.Equal(time.Unix(1e9, 0)) {
		t.Errorf("%v %+v", err, o.Source)
	}
	versions, err := s.Versions(id)
	if err != nil || len(versions) != 2 || versions[0].Name() != "" {
		t.Errorf("%v, %d versions", err, len(versions))
	}
}

// TestNothingHalf: an import that fails leaves nothing, of no source.
func TestNothingHalf(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	before := counts(t, dir)
	many := make([]string, 500)
	for i := range many {
		many[i] = tool(i, "")
	}
	for _, tc := range []struct{ name, release, text string }{
		{"an end in the middle", "1.0", `{"type":"bundle","objects":[` + strings.Join(many, ",")},
		{"no bundle, as its last member says", "1.0", `{"objects":[` + strings.Join(many, ",") + `],"type":"list"}`},
		{"no release", "", `{"type":"bundle","objects":[` + strings.Join(many, ",") + `]}`},
		{"another release than it says", "1.0", `{"type":"bundle","objects":[` + strings.Join(many, ",") +
			`,{"type":"x-mitre-collection","id":"x-mitre-collection--00000000-0000-4000-8000-000000000001","x_mitre_version":"2.0"}]}`},
		{"two releases", "", `{"type":"bundle","objects":[` +
			`{"type":"x-mitre-collection","id":"x-mitre-collection--00000000-0000-4000-8000-000000000001","x_mitre_version":"2.0"},` +
			`{"type":"x-mitre-collection","id":"x-mitre-collection--00000000-0000-4000-8000-000000000002","x_mitre_version":"3.0"},` + strings.Join(many, ",") + `]}`},
	} {
		if r, err := take(s, tc.release, "x", strings.NewReader(tc.text)); err == nil {
			t.Errorf("%s: %+v", tc.name, r)
		}
		if got := counts(t, dir); got != before {
			t.Errorf("%s: %s, before %s", tc.name, got, before)
		}
	}
	// A second source of the same import that fails takes the first with it.
	im, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	im.Start("good")
	if err := im.Read(bundle(tool(1, "")), "", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Finish("1.0", "", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	im.Start("bad")
	if err := im.Read(strings.NewReader("no"), "", nil); err == nil {
		t.Fatal("no STIX was taken")
	}
	im.Rollback()
	if got := counts(t, dir); got != before {
		t.Errorf("%s, before %s", got, before)
	}
	if _, err := take(s, "1.0", "x", bundle(tool(1, ""))); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// TestDuplicates: of an id that stands in a source twice, the version that was modified
// last counts, and the other is kept.
func TestDuplicates(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state"))
	r := mustTake(t, s, "1.0", "x", bundle(tool(1, `,"name":"new"`), strings.Replace(tool(1, `,"name":"old"`), "2020", "2019", 1), tool(1, `,"name":"new"`), tool(2, ""), `17`))
	if r.Objects != 4 || r.New != 2 || r.Changed != 1 || r.Same != 1 || r.Twice != 2 || r.Skipped != 1 || len(r.Skips) != 1 {
		t.Errorf("%+v", r)
	}
	id := stix.ID("tool--00000000-0000-4000-8000-000000000001")
	o, err := s.Object("1.0", id)
	versions, _ := s.Versions(id)
	if err != nil || o.Name() != "new" || len(versions) != 2 || versions[0].Name() != "old" {
		t.Errorf("%v %s, %d versions", err, o.Name(), len(versions))
	}
	list, err := s.Releases()
	if err != nil || len(list) != 1 || list[0].Objects != 2 || list[0].Parts[0].Skipped != 1 {
		t.Errorf("%v %+v", err, list)
	}
}

// TestRealReleases: the shelf gives the same answers as one in memory, and every object
// its bytes.
func TestRealReleases(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	writer := open(t, dir)
	memory := &attack.Memory{}
	for _, in := range []struct{ release, file string }{
		{"18.1", "enterprise-attack-18.1-extract.json.xz"}, {"19.1", "enterprise-attack-19.1-extract.json.xz"}, {"", "ics-attack-18.1.json.xz"},
	} {
		r := mustTake(t, writer, in.release, in.file, unpack(t, data+in.file))
		source := attack.Source{Name: in.file, Digest: r.Digest, Imported: time.Unix(1e9, 0).UTC(), Domain: r.Domain, Objects: r.Objects}
		b, err := stix.Read(unpack(t, data+in.file), func(o stix.Object) error {
			o.Raw = bytes.Clone(o.Raw)
			memory.Add(attack.Object{Object: o, Release: r.Release, Source: source})
			return nil
		})
		if err != nil || b.Objects != r.Objects {
			t.Fatal(err)
		}
	}
	s, err := shelf.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, release := range []string{"18.1", "19.1"} {
		want, _ := memory.Briefs(release)
		got, err := s.Briefs(release)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s: %v: %d and %d objects", release, err, len(got), len(want))
		}
		for i, b := range want {
			if i%7 != 0 { // enough of them
				continue
			}
			w, _ := memory.Object(release, b.ID)
			g, err := s.Object(release, b.ID)
			if err != nil || !bytes.Equal(g.Raw, w.Raw) || g.Canonical != w.Canonical {
				t.Errorf("%s %s: %v", release, b.ID, err)
			}
		}
	}
	for _, l := range []attack.Link{
		{Field: "x_mitre_analytic_refs", Target: "x-mitre-analytic--2c64ece9-c40f-4d1a-babf-106f587454d0"},
		{Field: "target_ref", Target: "attack-pattern--35187df2-31ed-43b6-a1f5-2f1d3d58d3f1"}, {Field: "kill_chain_phases", Target: "persistence"},
	} {
		want, _ := memory.Referring("19.1", l)
		got, err := s.Referring("19.1", l)
		if err != nil || len(got) != len(want) || len(got) == 0 || got[0].ID != want[0].ID {
			t.Errorf("%v: %v, %d and %d", l, err, len(got), len(want))
		}
	}
	list, err := s.Releases()
	if err != nil || len(list) != 2 || !list[1].Current || fmt.Sprint(list[0].Whole) != "[enterprise-attack ics-attack]" || list[0].Parts[1].Spec != "2.1" {
		t.Errorf("%v %+v", err, list)
	}
	r, err := attack.Resolve(s, "T1562.012")
	if err != nil || r.Now.AttackID() != "T1685.004" {
		t.Errorf("%v %s", err, r.Now.AttackID())
	}
}

// TestDirectory: each object has the file that it came from.
func TestDirectory(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state"))
	im, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	im.Start("dir")
	for i, name := range []string{"one.json", "two.json"} {
		if err := im.Read(bundle(tool(i, "")), name, func() waxseal.Digest { return waxseal.Digest(name) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := im.Finish("1.0", "enterprise-attack", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	o, err := s.Object("1.0", "tool--00000000-0000-4000-8000-000000000001")
	if err != nil || o.File != "two.json" || o.FileDigest != "two.json" || o.Source.Name != "dir" || o.Source.Domain != "enterprise-attack" {
		t.Errorf("%v %+v", err, o)
	}
}

// TestDamage: bytes that are not what their digest says are refused, and so is what is
// no shelf.
func TestDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if _, err := shelf.OpenReadOnly(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	s := open(t, dir)
	mustTake(t, s, "1.0", "x", bundle(tool(1, ""), tool(2, "")))
	db, err := sql.Open("sqlite", filepath.Join(dir, shelf.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE content SET data = (SELECT data FROM content WHERE id = 2) WHERE id = 1`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Object("1.0", "tool--00000000-0000-4000-8000-000000000001"); !errors.Is(err, store.ErrCorrupt) {
		t.Error(err)
	}
	if _, err := db.Exec(`UPDATE content SET data = x'00' WHERE id = 1; PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Object("1.0", "tool--00000000-0000-4000-8000-000000000001"); !errors.Is(err, store.ErrCorrupt) {
		t.Error(err)
	}
	for _, open := range []func(string) (*shelf.Shelf, error){shelf.Open, shelf.OpenReadOnly} {
		if _, err := open(dir); err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Error(err)
		}
	}
	other := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, shelf.Name), bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := shelf.OpenReadOnly(other); !errors.Is(err, store.ErrCorrupt) {
		t.Error(err)
	}
	if err := os.Chmod(other, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := shelf.Open(other); !errors.Is(err, store.ErrUnsafe) {
		t.Error(err)
	}
}

// TestReadersBeside: a release is seen whole or not at all while another is imported.
func TestReadersBeside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	mustTake(t, s, "1.0", "x", bundle(tool(1, "")))
	im, err := s.Begin()
	if err != nil {
		t.Fatal(err)
	}
	im.Start("y")
	if err := im.Read(bundle(tool(1, `,"x":1`)), "", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Finish("2.0", "", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	reader, err := shelf.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if list, err := reader.Releases(); err != nil || len(list) != 1 {
		t.Errorf("%v %+v", err, list)
	}
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	if list, err := reader.Releases(); err != nil || len(list) != 2 {
		t.Errorf("%v %+v", err, list)
	}
}

// TestWholeReleases imports the releases that are too large for this repository, where
// somebody says where they are.
func TestWholeReleases(t *testing.T) {
	dir := os.Getenv("WAXSEAL_ATTACK_RELEASES")
	if dir == "" {
		return // testdata/README.md: the extracts are tried above
	}
	s := open(t, filepath.Join(t.TempDir(), "state"))
	for _, release := range []string{"18.1", "19.1"} {
		r := mustTake(t, s, release, release, unpack(t, filepath.Join(dir, "enterprise-attack-"+release+".json.gz")))
		if r.Skipped != 0 || r.New != r.Objects || r.Objects < 23_000 {
			t.Errorf("%+v", r)
		}
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		if u.Maxrss > 150<<10 {
			t.Errorf("%d kB of memory", u.Maxrss)
		}
	}
}

// BenchmarkImport imports the extract of a release anew each time.
func BenchmarkImport(b *testing.B) {
	var plain bytes.Buffer
	if _, err := plain.ReadFrom(unpack(b, data+"enterprise-attack-19.1-extract.json.xz")); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(plain.Len()))
	b.ReportAllocs()
	for b.Loop() {
		s, err := shelf.Open(filepath.Join(b.TempDir(), "state"))
		if err != nil {
			b.Fatal(err)
		}
		mustTake(b, s, "19.1", "x", bytes.NewReader(plain.Bytes()))
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
