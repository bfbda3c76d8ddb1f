package deb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crypto/sha256"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/google/go-cmp/cmp"

	"waxseal/internal/lab"
	"waxseal/internal/parcel"
	"waxseal/internal/rootfs"
	"waxseal/internal/snapshot"
)

func TestSources(t *testing.T) {
	for _, tc := range []struct {
		name, file, text string
		want             []source
	}{
		{"a line", "sources.list", "deb http://deb.example.test/debian bookworm main contrib # x\n", []source{{"deb.example.test_debian_dists_bookworm_", nil}}},
		{"a directory", "sources.list", "deb\tcopy:/srv/repository\t./\n", []source{{"_srv_repository_._", nil}}},
		{"the root of a directory", "sources.list", "deb https://u:p@x.example:81/a/ /\n", []source{{"x.example:81_a_", nil}}},
		{"keys", "sources.list", "deb [ arch=amd64 Signed-By=/k/a.gpg,ABCD ] http://x/ s\n", []source{{"x_dists_s_", []string{"/k/a.gpg", "ABCD"}}}},
		{"sources of sources", "sources.list", "deb-src http://x/ s main\n# deb http://y/ s\n", nil},
		{"not closed", "sources.list", "deb [signed-by=/k/a.gpg http://x/ s\n", nil},
		{"odd names", "sources.list", "deb http://x/a_b=c/ s~1\n", []source{{"x_a%5fb%3dc_dists_s%7e1_", nil}}},
		{"stanzas", "sources.list.d/a.sources", "# x\nTypes: deb deb-src\nURIs: http://x http://y\nSuites: s\n t\nSigned-By: /k/a.gpg /k/b.gpg\n\n\nEnabled: no\nTypes: deb\nURIs: http://z\nSuites: s\n\nTypes: deb-src\nURIs: http://z\nSuites: s\n",
			[]source{{"x_dists_s_", []string{"/k/a.gpg", "/k/b.gpg"}}, {"x_dists_t_", []string{"/k/a.gpg", "/k/b.gpg"}}, {"y_dists_s_", []string{"/k/a.gpg", "/k/b.gpg"}}, {"y_dists_t_", []string{"/k/a.gpg", "/k/b.gpg"}}}},
		{"a key in place", "sources.list.d/a.sources", "types: deb\nuris: http://x\nsuites: s\nsigned-by:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n xx\n", []source{{"x_dists_s_", []string{"\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxx"}}}},
		{"another ending", "sources.list.d/a.sources.bak", "Types: deb\nURIs: http://x\nSuites: s\n", nil},
	} {
		got := readSources(snapshot.Files(map[string]string{"/etc/apt/" + tc.file: tc.text}))
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(source{})); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func entity(t *testing.T, name string) (*openpgp.Entity, string) {
	t.Helper()
	key, err := openpgp.NewEntity(name, "", "x@example.test", nil)
	if err != nil {
		t.Fatal(err)
	}
	var public bytes.Buffer
	if err := key.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	return key, public.String()
}

func armored(t *testing.T, key string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		_, err = io.WriteString(w, key)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSignedBy: a key counts for the repositories that apt lets it sign, and for no other.
func TestSignedBy(t *testing.T) {
	const at, index = "/var/lib/apt/lists/x_dists_s_", "Package: mailtool\nVersion: 1\nSHA256: 00\n\n"
	key, public := entity(t, "Example")
	_, other := entity(t, "Other")
	print := fingerprint(key)
	var signed bytes.Buffer
	w, err := clearsign.Encode(&signed, key.PrivateKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(w, "Origin: Example\nSHA256:\n %x %d Packages\n", sha256.Sum256([]byte(index)), len(index))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	inPlace := "Types: deb\nURIs: http://x\nSuites: s\nSigned-By:\n " + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(armored(t, public)), "\n\n", "\n.\n"), "\n", "\n ") + "\n"
	for _, tc := range []struct {
		name  string
		files map[string]string
		says  string // "" where it is believed
	}{
		{"named", map[string]string{"sources.list": "deb [signed-by=/k/a.gpg] http://x s\n"}, ""},
		{"another is named", map[string]string{"sources.list": "deb [signed-by=/k/b.gpg] http://x s\n", "trusted.gpg.d/a.gpg": public}, "believes for it"},
		{"named for another repository", map[string]string{"sources.list": "deb [signed-by=/k/a.gpg] http://y s\ndeb http://x s\n"}, "believes for it"},
		{"for another suite", map[string]string{"sources.list": "deb [signed-by=/k/a.gpg] http://x t\n"}, "no source"},
		{"trusted for all", map[string]string{"sources.list": "deb http://x s\n", "trusted.gpg.d/a.gpg": public}, ""},
		{"among others' keys only", map[string]string{"sources.list": "deb http://x s\n", "keyrings/a.gpg": public}, "believes for it"},
		{"by fingerprint", map[string]string{"sources.list": "deb [signed-by=" + print + "!] http://x s\n", "trusted.gpg.d/a.gpg": public}, ""},
		{"by another's fingerprint", map[string]string{"sources.list": "deb [signed-by=" + strings.Repeat("A", 40) + "] http://x s\n", "trusted.gpg.d/a.gpg": public}, "believes for it"},
		{"in place", map[string]string{"sources.list.d/x.sources": inPlace}, ""},
		{"two minds", map[string]string{"sources.list": "deb [signed-by=/k/a.gpg] http://x s\n", "sources.list.d/x.list": "deb [signed-by=/k/b.gpg] http://x s\n"}, "different keys"},
		{"nowhere", nil, "no source"},
	} {
		files := map[string]string{"/k/a.gpg": public, "/k/b.gpg": other, at + "InRelease": signed.String(), at + "Packages": index}
		for name, text := range tc.files {
			files["/etc/apt/"+name] = text
		}
		a := parcel.Archive{Package: "mailtool", Version: "1", SHA256: "00"}
		tree := snapshot.Files(files)
		if Open(tree, time.Now().Add(time.Second), nil, time.Time{}).Vouch(&a); a.Signed != (tc.says == "") || !strings.Contains(a.Voucher, tc.says) {
			t.Errorf("%s: %v: %s", tc.name, a.Signed, a.Voucher)
		}
		known := slices.ContainsFunc(Keys(tree), func(k Key) bool { return k.Fingerprint == print })
		if a.Signed && !known {
			t.Errorf("%s: its key is not among those whose coming is noted", tc.name)
		}
	}
}

// TestApt has a real apt fetch lists, each way that it keeps them, and refuse those of a
// repository that is signed by another's key.
func TestApt(t *testing.T) {
	root := lab.Root(t, lab.Parcels)
	put := func(p, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(root, p)), 0o755), os.WriteFile(filepath.Join(root, p), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	one, oneKey := entity(t, "One")
	two, twoKey := entity(t, "Two")
	publish := func(dir, mailtool string, key *openpgp.Entity) string {
		index := "Package: " + mailtool + "\nVersion: 1\nArchitecture: all\nFilename: ./x.deb\nSize: 1\nDescription: " + strings.Repeat("a small package ", 10_000) + "\nSHA256: " + strings.Repeat("ab", 32) + "\n\n"
		put(dir+"/Packages", index)
		var signed bytes.Buffer
		w, err := clearsign.Encode(&signed, key.PrivateKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, "Origin: %s\nDate: %s\nSHA256:\n %x %d Packages\n", mailtool, time.Now().UTC().Format(time.RFC1123), sha256.Sum256([]byte(index)), len(index))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		put(dir+"/InRelease", signed.String())
		return signed.String()
	}
	publish("/srv/one_1", "one", one)
	publish("/srv/two", "two", two)
	put("/etc/apt/keyrings/one.gpg", oneKey)
	put("/etc/apt/sources.list", "deb [signed-by=/etc/apt/keyrings/one.gpg] copy:/srv/one_1 ./\n")
	put("/etc/apt/sources.list.d/two.sources", "Types: deb\nURIs: copy:///srv/two/\nSuites: ./\nSigned-By:\n "+strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(armored(t, twoKey)), "\n\n", "\n.\n"), "\n", "\n ")+"\n")
	vouched := func(name string) parcel.Archive {
		t.Helper()
		tree, err := rootfs.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		a := parcel.Archive{Package: name, Version: "1", SHA256: "abababababababababababababababababababababababababababababababab"}
		Open(tree, time.Now().Add(time.Second), nil, time.Time{}).Vouch(&a)
		return a
	}
	for _, packed := range []string{"", "lz4", "gz", "xz"} {
		option := "-o Acquire::GzipIndexes=false"
		if packed != "" {
			option = "-o Acquire::GzipIndexes=true -o Acquire::CompressionTypes::Order::=" + packed
		}
		script := "rm -rf /var/lib/apt/lists; cd /srv; for d in one_1 two; do case '" + packed + "' in gz) gzip -kf $d/Packages;; xz) xz -kf $d/Packages;; esac; done; apt-get -q update " + option + " 2>&1; ls /var/lib/apt/lists"
		out, err := lab.Output(t.Context(), root, script)
		if err != nil || packed != "" && !strings.Contains(out, "Packages."+packed) && packed == "lz4" {
			t.Fatalf("%q: %v: %s", packed, err, out)
		}
		for _, name := range []string{"one", "two"} {
			if a := vouched(name); !a.Signed {
				t.Errorf("lists packed by %q: %s: %s\n%s", packed, name, a.Voucher, out)
			}
		}
	}
	stolen := publish("/srv/two", "two", one)
	out, err := lab.Output(t.Context(), root, "apt-get -q update 2>&1 || true")
	if err != nil || !strings.Contains(out, "NO_PUBKEY") {
		t.Fatalf("apt believes it: %v: %s", err, out)
	}
	put("/var/lib/apt/lists/_srv_two_._InRelease", stolen) // what apt refuses, root writes
	if text, err := os.ReadFile(filepath.Join(root, "/srv/two/Packages")); err == nil {
		put("/var/lib/apt/lists/_srv_two_._Packages", string(text))
	}
	if a := vouched("two"); a.Signed || !strings.Contains(a.Voucher, "believes for it") {
		t.Errorf("the key of one vouches for two: %s", a.Voucher)
	}
	if a := vouched("one"); !a.Signed {
		t.Errorf("one: %s", a.Voucher)
	}
}

// TestLZ4: what lz4(1) packs, in each of its ways; and what it did not.
func TestLZ4(t *testing.T) {
	var text strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&text, "Package: p%d\nVersion: %d\n%s\n\n", i*i, i, strings.Repeat("x", i%300))
	}
	const hello = "\x04\x22\x4d\x18\x40\x40\xc0" + "\x06\x00\x00\x80hello\n" + "\x00\x00\x00\x00"
	for name, tc := range map[string]struct{ packed, want string }{
		"stored": {hello, "hello\n"}, "two frames": {hello + hello, "hello\nhello\n"}, "nothing": {"", ""},
		"a run": {"\x04\x22\x4d\x18\x60\x40\x82" + "\x05\x00\x00\x00\x1fa\x01\x00\x03" + "\x00\x00\x00\x00", ""},
	} {
		got, err := io.ReadAll(newLZ4(strings.NewReader(tc.packed)))
		if name == "a run" { // one literal, and 22 copies of it
			tc.want = strings.Repeat("a", 23)
		}
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: %v: %q", name, err, got)
		}
	}
	for name, packed := range map[string]string{
		"cut off": hello[:len(hello)-6], "no end": hello[:len(hello)-4], "another kind": "PK\x03\x04aaaaaaa", "a dictionary": "\x04\x22\x4d\x18\x41\x40\xc0aaaa",
		"a copy of nothing": "\x04\x22\x4d\x18\x60\x40\x82\x04\x00\x00\x00\x10a\x02\x00\x00\x00\x00\x00", "a block that is too large": "\x04\x22\x4d\x18\x60\x40\x82\xff\xff\xff\x7f",
	} {
		if got, err := io.ReadAll(newLZ4(strings.NewReader(packed))); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	program, err := exec.LookPath("lz4")
	if err != nil {
		t.Log("without lz4(1): apt's own lists are read in TestApt")
		return
	}
	for _, flags := range [][]string{{"-1"}, {"-9", "-BD"}, {"-B4", "-BX", "--no-frame-crc"}, {"-12", "--content-size"}} {
		cmd := exec.Command(program, append(flags, "-c", "-")...)
		cmd.Stdin = strings.NewReader(text.String())
		packed, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(newLZ4(bytes.NewReader(packed)))
		if err != nil || string(got) != text.String() {
			t.Errorf("%q: %v, %d bytes instead of %d", flags, err, len(got), text.Len())
		}
	}
}

func FuzzLZ4(f *testing.F) {
	f.Add([]byte("\x04\x22\x4d\x18\x40\x40\xc0\x06\x00\x00\x80hello\n\x00\x00\x00\x00"))
	f.Add([]byte("\x04\x22\x4d\x18\x60\x40\x82\x05\x00\x00\x00\x1fa\x01\x00\x03\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		n, err := io.Copy(io.Discard, io.LimitReader(newLZ4(bytes.NewReader(packed)), 16<<20))
		if err == nil && n > int64(len(packed))*300 && n < 16<<20 {
			t.Errorf("%d bytes from %d", n, len(packed))
		}
	})
}

func FuzzSources(f *testing.F) {
	f.Add("deb [signed-by=/x] http://x/ s main\n", "Types: deb\nURIs: http://x\nSuites: s\nSigned-By:\n .\n x\n")
	f.Fuzz(func(t *testing.T, lines, stanza string) {
		for _, s := range append(parseLines(lines), parseStanzas(stanza)...) {
			if strings.Contains(s.prefix, "/") {
				t.Errorf("%q is no name of a file", s.prefix)
			}
		}
	})
}
