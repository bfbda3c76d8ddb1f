package mapfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// all reads a whole file; keys and values without their closing NUL.
func all(format Format, content []byte) (map[string]string, []string, error) {
	pairs := map[string]string{}
	problems, err := Each(format, bytes.NewReader(content), int64(len(content)), func(k, v []byte) bool {
		pairs[strings.TrimSuffix(string(k), "\x00")] = strings.TrimSuffix(string(v), "\x00")
		return true
	})
	return pairs, problems, err
}

func TestWhatPostmapWrote(t *testing.T) {
	for _, tc := range []struct {
		file     string
		format   Format
		pairs    int
		overlong bool
	}{
		{"virtual-hash.db", Hash, 67, true},
		{"virtual-btree.db", Btree, 67, true},
		{"virtual.lmdb", LMDB, 66, false},
		{"virtual.cdb", CDB, 67, true},
		{"bigendian.lmdb", LMDB, 66, false},
		{"word32.lmdb", LMDB, 66, false},
	} {
		t.Run(tc.file, func(t *testing.T) {
			pairs, problems, err := all(tc.format, load(t, tc.file))
			if err != nil || len(problems) > 0 || len(pairs) != tc.pairs {
				t.Errorf("%d pairs, problems %q, error %v", len(pairs), problems, err)
			}
			for key, value := range map[string]string{
				"alice@example.test":  "bob@example.test,   carol@example.test",
				"u59@example.test":    pairs["u59@example.test"], // its value is random
				"grösse@example.test": "umlaut@example.test",
				`"quo ted"@x.example`: "y@z.example",
			} {
				if pairs[key] != value {
					t.Errorf("%s: %q, want %q", key, pairs[key], value)
				}
			}
			if n := len(pairs["long@example.test"]); n != 300*23-2 {
				t.Errorf("the long value has %d bytes", n)
			}
			if _, ok := pairs[strings.Repeat("x", 1500)+"@example.test"]; ok != tc.overlong {
				t.Errorf("the long key is there: %v", ok)
			}
		})
	}
}

func TestWhatPostaliasWrote(t *testing.T) {
	for file, format := range map[string]Format{"aliases-hash.db": Hash, "aliases-btree.db": Btree, "aliases.lmdb": LMDB, "aliases.cdb": CDB} {
		t.Run(file, func(t *testing.T) {
			pairs, problems, err := all(format, load(t, file))
			if err != nil || len(problems) > 0 || len(pairs) != 11 {
				t.Errorf("%d pairs, problems %q, error %v", len(pairs), problems, err)
			}
			if pairs["@"] != "@" || pairs["YP_MASTER_NAME"] != "mail.example.test" || pairs["with blank"] != "x" || pairs["list"] != "a, b, c" {
				t.Errorf("%q", pairs)
			}
		})
	}
}

// TestLayouts reads what db_load(1) made: other byte order, small pages, long
// items, checksums.
// TestWhatMakemapWrote: its keys have no closing NUL, so that one may be the start
// of another, behind which it then stands.
func TestWhatMakemapWrote(t *testing.T) {
	pairs, problems, err := all(Hash, load(t, "makemap-hash.db"))
	if err != nil || len(problems) > 0 || len(pairs) != 20 {
		t.Errorf("%d pairs, problems %q, error %v", len(pairs), problems, err)
	}
	for key, value := range map[string]string{"clientconn:": "10", "clientconn:127": "0", "from:spam@bad.example": "REJECT"} {
		if pairs[key] != value {
			t.Errorf("%s: %q, want %q", key, pairs[key], value)
		}
	}
}

func TestLayouts(t *testing.T) {
	for _, file := range []string{"bigendian-hash.db", "bigendian-btree.db", "checksum-hash.db", "checksum-btree.db"} {
		t.Run(file, func(t *testing.T) {
			format := Hash
			if strings.Contains(file, "btree") {
				format = Btree
			}
			pairs, problems, err := all(format, load(t, file))
			if err != nil || len(problems) > 0 || len(pairs) != 122 {
				t.Errorf("%d pairs, problems %q, error %v", len(pairs), problems, err)
			}
			for i := range 120 {
				if k, v := fmt.Sprintf("key%03d", i), fmt.Sprintf("value %d", i); pairs[k] != v {
					t.Errorf("%s: %q", k, pairs[k])
				}
			}
			if pairs["long"] != strings.Repeat("v", 2000) || pairs[strings.Repeat("k", 700)] != "long key" {
				t.Error("a long item is wrong")
			}
		})
	}
}

// TestMadeByHand reads what no tool at hand makes.
func TestMadeByHand(t *testing.T) {
	for _, tc := range []struct {
		file   string
		format Format
		want   map[string]string
	}{
		{"small-pages.lmdb", LMDB, map[string]string{"alice": "bob", "long": strings.Repeat("v", 599), "mallory": "carol", "zed": "|/bin/true"}},
		{"two-pages.pag", SDBM, map[string]string{"alice": "bob", "carol": "root", "zed": "x y"}},
		{"tiny-hash.db", Hash, map[string]string{"alice": "bob", "long": strings.Repeat("v", 700), "zed": "x y"}},
		{"tiny-btree.db", Btree, map[string]string{"alice": "bob", "long": strings.Repeat("v", 700), "zed": "x y"}},
	} {
		pairs, problems, err := all(tc.format, load(t, tc.file))
		if err != nil || len(problems) > 0 || !maps.Equal(pairs, tc.want) {
			t.Errorf("%s: %q, problems %q, error %v", tc.file, pairs, problems, err)
		}
	}
}

func TestDuplicates(t *testing.T) {
	for file, format := range map[string]Format{"duplicates-hash.db": Hash, "duplicates-btree.db": Btree} {
		pairs, problems, err := all(format, load(t, file))
		want := map[string]string{"dup": "first", "one": "1", "many": "m0000 xxxxxxxxxxxxxxxxxxxx"}
		if err != nil || fmt.Sprint(pairs) != fmt.Sprint(want) {
			t.Errorf("%s: %q, error %v", file, pairs, err)
		}
		if len(problems) != 1 || !strings.Contains(problems[0], "several values") {
			t.Errorf("%s: problems %q", file, problems)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		file   string
		format Format
		err    error
		words  string
	}{
		{"encrypted-hash.db", Hash, ErrEncrypted, ""},
		{"several-hash.db", Btree, ErrFormat, "several databases"},
		{"virtual-hash.db", Btree, ErrFormat, "is a Berkeley DB hash"},
		{"virtual.lmdb", Hash, ErrFormat, "magic"},
		{"virtual-hash.db", LMDB, ErrFormat, "magic"},
		{"virtual.txt", CDB, ErrFormat, "outside"},
		{"virtual.txt", SDBM, ErrFormat, ""},
		{"virtual.txt", "gdbm", ErrFormat, "no format"},
	} {
		pairs, _, err := all(tc.format, load(t, tc.file))
		if !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.words) || len(pairs) > 0 {
			t.Errorf("%s as %s: %d pairs, error %v", tc.file, tc.format, len(pairs), err)
		}
	}
	for _, format := range []Format{Hash, Btree, LMDB, CDB} {
		if _, _, err := all(format, nil); !errors.Is(err, ErrFormat) {
			t.Errorf("an empty %s: %v", format, err)
		}
	}
}

func TestStops(t *testing.T) {
	content, n := load(t, "virtual-hash.db"), 0
	problems, err := Each(Hash, bytes.NewReader(content), int64(len(content)), func(_, _ []byte) bool {
		n++
		return n < 3
	})
	if n != 3 || err != nil || len(problems) > 0 {
		t.Errorf("%d pairs, problems %q, error %v", n, problems, err)
	}
}

// files are all fixtures that a format reads.
var files = map[string]Format{
	"virtual-hash.db": Hash, "virtual-btree.db": Btree, "virtual.lmdb": LMDB, "virtual.cdb": CDB, "bigendian.lmdb": LMDB, "word32.lmdb": LMDB,
	"bigendian-hash.db": Hash, "bigendian-btree.db": Btree, "duplicates-hash.db": Hash, "duplicates-btree.db": Btree,
	"tiny-hash.db": Hash, "tiny-btree.db": Btree, "small-pages.lmdb": LMDB, "aliases.cdb": CDB,
}

// TestDamage cuts files and overwrites them in many places: what comes out is
// bounded, and some of a file that is cut in half is still read.
func TestDamage(t *testing.T) {
	for name, format := range files {
		whole := load(t, name)
		half, problems, err := all(format, whole[:len(whole)/2])
		if err == nil && len(problems) == 0 {
			t.Errorf("%s: half a file is read as %d pairs, without a word", name, len(half))
		}
		for at := 0; at < len(whole); at += 7 {
			broken := bytes.Clone(whole)
			for i := at; i < min(at+4, len(broken)); i++ {
				broken[i] ^= 0xff
			}
			bounded(t, format, broken)
		}
	}
}

// bounded reads content and checks that no more comes out than a small multiple
// of it.
func bounded(t *testing.T, format Format, content []byte) {
	t.Helper()
	r := &counter{ReaderAt: bytes.NewReader(content)}
	problems, err := Each(format, r, int64(len(content)), func(k, v []byte) bool {
		r.n += int64(len(k) + len(v))
		return true
	})
	if limit := int64(4*len(content) + 1<<20); r.n > limit {
		t.Errorf("%s of %d bytes: %d bytes read and yielded (%q, %v)", format, len(content), r.n, problems, err)
	}
	if len(problems) > maxProblems {
		t.Errorf("%d problems", len(problems))
	}
}

type counter struct {
	io.ReaderAt
	n int64
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	c.n += int64(len(p))
	return c.ReaderAt.ReadAt(p, off)
}

// The seeds are small files: the fuzzer is slow with large ones.
func fuzzFormat(f *testing.F, format Format, seeds ...string) {
	for _, name := range seeds {
		f.Add(load(f, name))
	}
	f.Fuzz(func(t *testing.T, content []byte) { bounded(t, format, content) })
}

func FuzzHash(f *testing.F)  { fuzzFormat(f, Hash, "tiny-hash.db", "duplicates-hash.db") }
func FuzzBtree(f *testing.F) { fuzzFormat(f, Btree, "tiny-btree.db", "duplicates-btree.db") }
func FuzzLMDB(f *testing.F)  { fuzzFormat(f, LMDB, "small-pages.lmdb") }
func FuzzCDB(f *testing.F)   { fuzzFormat(f, CDB, "aliases.cdb") }
func FuzzSDBM(f *testing.F)  { fuzzFormat(f, SDBM, "two-pages.pag") }
