package deb_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"waxseal"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/deb"
	"waxseal/internal/snapshot"
)

// packed is a tar archive, packed by gzip: names and contents by turns.
func packed(files ...string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Name: files[i], Mode: 0o755, Size: int64(len(files[i+1]))}
		if to, ok := strings.CutPrefix(files[i+1], "hard:"); ok {
			h.Typeflag, h.Linkname, h.Size, files[i+1] = tar.TypeLink, to, 0, ""
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			panic(err)
		}
	}
	w.Close()
	z.Close()
	return b.String()
}

// ar puts members together: names and contents by turns.
func ar(members ...string) []byte {
	text := "!<arch>\n"
	for i := 0; i < len(members); i += 2 {
		text += fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", members[i], 0, 0, 0, "100644", len(members[i+1]), members[i+1])
		if len(members[i+1])%2 == 1 {
			text += "\n"
		}
	}
	return []byte(text)
}

const control = "Package: mailtool\nVersion: 1:1.0-1\nArchitecture: all\n"

func small() []byte {
	return ar("debian-binary", "2.0\n", "control.tar.gz", packed("./control", control, "./conffiles", "/etc/mailtool\n"),
		"data.tar.gz", packed("./usr/lib/mailtool/deliver", "#!/bin/sh\n", "./etc/mailtool", "x\n", "./usr/bin/same", "hard:./usr/lib/mailtool/deliver"))
}

func TestRead(t *testing.T) {
	a, err := deb.Read(bytes.NewReader(small()))
	if err != nil || a.Package != "mailtool" || a.Version != "1:1.0-1" || len(a.Entries) != 3 {
		t.Fatalf("%v: %+v", err, a)
	}
	want := waxseal.Digest(fmt.Sprintf("%x", sha256.Sum256([]byte("#!/bin/sh\n"))))
	if a.Entries["/usr/lib/mailtool/deliver"].SHA256 != want || a.Entries["/usr/bin/same"].SHA256 != want || !a.Entries["/etc/mailtool"].Configuration {
		t.Errorf("%+v", a.Entries)
	}
	for _, tc := range []struct {
		name    string
		content []byte
	}{
		{"nothing", nil},
		{"no archive", []byte("PK\x03\x04")},
		{"cut off", small()[:len(small())-20]},
		{"no control", ar("debian-binary", "2.0\n", "data.tar.gz", packed("./x", "y"))},
		{"no name", ar("debian-binary", "2.0\n", "control.tar.gz", packed("./control", "Version: 1\n"), "data.tar.gz", packed())},
		{"no data", ar("debian-binary", "2.0\n", "control.tar.gz", packed("./control", control))},
		{"packed oddly", ar("debian-binary", "2.0\n", "control.tar.lzma", "x", "data.tar.gz", packed())},
	} {
		if a, err := deb.Read(bytes.NewReader(tc.content)); err == nil {
			t.Errorf("%s: %+v", tc.name, a)
		}
	}
}

// host is a tree with a repository's lists, signed by a key that it may believe.
type host struct {
	key     *openpgp.Entity
	objects map[waxseal.Path]snapshot.Object
}

func newHost(t *testing.T, content []byte) host {
	t.Helper()
	key, err := openpgp.NewEntity("Example", "", "x@example.test", nil)
	if err != nil {
		t.Fatal(err)
	}
	h := host{key, map[waxseal.Path]snapshot.Object{}}
	var public bytes.Buffer
	if err := key.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	h.put("/usr/share/keyrings/example.gpg", public.String())
	h.put("/etc/apt/sources.list", "deb [signed-by=/usr/share/keyrings/example.gpg] https://example x main\n")
	index := fmt.Sprintf("Package: other\nSHA256: 00\n\nPackage: mailtool\nVersion: 1:1.0-1\nSHA256: %x\n\n", sha256.Sum256(content))
	h.put("/var/lib/apt/lists/example_dists_x_main_binary-all_Packages", index)
	h.sign(t, fmt.Sprintf("Origin: Example\nCodename: x\nSHA256:\n %x %d main/binary-all/Packages\n", sha256.Sum256([]byte(index)), len(index)))
	return h
}

func (h host) put(p waxseal.Path, text string) {
	h.objects[p] = snapshot.Object{File: waxseal.File{Type: waxseal.Regular, Mode: 0o644}, Content: []byte(text)}
}

func (h host) sign(t *testing.T, text string) {
	t.Helper()
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, h.key.PrivateKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(text))
	w.Close()
	h.put("/var/lib/apt/lists/example_dists_x_InRelease", b.String())
}

func TestVouch(t *testing.T) {
	const lists = waxseal.Path("/var/lib/apt/lists/example_dists_x_")
	text := func(h host, name waxseal.Path) string { return string(h.objects[lists+name].Content) }
	for _, tc := range []struct {
		name   string
		change func(*testing.T, host)
		signed bool
		says   string
	}{
		{"as it should be", func(*testing.T, host) {}, true, "Example (x), signed by Example, key "},
		{"no lists", func(_ *testing.T, h host) {
			delete(h.objects, lists+"InRelease")
			delete(h.objects, lists+"main_binary-all_Packages")
		}, false, "lists are not there"},
		{"an index that the release does not name", func(_ *testing.T, h host) {
			h.put(lists+"main_binary-all_Packages", text(h, "main_binary-all_Packages")+"\n")
		}, false, "no signed index"},
		{"a release that was edited", func(_ *testing.T, h host) {
			h.put(lists+"InRelease", strings.Replace(text(h, "InRelease"), "Codename: x", "Codename: y", 1))
		}, false, "no key that this host believes"},
		{"text before the signed part", func(t *testing.T, h host) {
			h.put(lists+"InRelease", "SHA256:\n 00 1 main/binary-all/Packages\n"+text(h, "InRelease"))
		}, true, ""},
		{"a release that nobody signed", func(_ *testing.T, h host) {
			signed := text(h, "InRelease")
			from, to := strings.Index(signed, "Origin:"), strings.Index(signed, "-----BEGIN PGP SIGNATURE")
			h.put(lists+"InRelease", signed[from:to])
		}, false, "not signed"},
		{"the key is not believed", func(_ *testing.T, h host) { delete(h.objects, "/usr/share/keyrings/example.gpg") }, false, "no key that this host believes"},
		{"only among removed keys", func(_ *testing.T, h host) {
			h.put("/etc/apt/sources.list", "deb https://example x main\n")
			h.put("/etc/apt/trusted.gpg.d/example-removed-keys.gpg", string(h.objects["/usr/share/keyrings/example.gpg"].Content))
			delete(h.objects, "/usr/share/keyrings/example.gpg")
		}, false, "no key"},
		{"out of date", func(t *testing.T, h host) {
			index := text(h, "main_binary-all_Packages")
			h.sign(t, fmt.Sprintf("Valid-Until: Mon, 01 Jan 2024 00:00:00 UTC\nSHA256:\n %x %d main/binary-all/Packages\n", sha256.Sum256([]byte(index)), len(index)))
		}, false, "out of date"},
		{"a damaged key file beside", func(_ *testing.T, h host) {
			h.put("/etc/apt/trusted.gpg.d/x.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxx")
		}, true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t, small())
			tc.change(t, h)
			a, err := deb.Read(bytes.NewReader(small()))
			if err != nil {
				t.Fatal(err)
			}
			deb.Open(snapshot.New(h.objects), time.Now().Add(time.Second), nil, time.Time{}).Vouch(&a)
			if a.Signed != tc.signed || !strings.Contains(a.Voucher, tc.says) {
				t.Errorf("%v: %s", a.Signed, a.Voucher)
			}
		})
	}
}

// TestVouchForAnother: an index names a digest, and the archive says that it is another
// package than the index does.
func TestVouchForAnother(t *testing.T) {
	h := newHost(t, small())
	a := parcel.Archive{Package: "postfix", Version: "1:1.0-1", SHA256: waxseal.Digest(fmt.Sprintf("%x", sha256.Sum256(small())))}
	if deb.Open(snapshot.New(h.objects), time.Now(), nil, time.Time{}).Vouch(&a); a.Signed {
		t.Error("vouched for under another name")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(small())
	f.Add(ar("debian-binary", "2.0\n", "control.tar", "x", "data.tar.xz", "y"))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := deb.Read(bytes.NewReader(content))
		if err == nil && (a.Package == "" || a.SHA256 == "") {
			t.Errorf("%+v", a)
		}
	})
}
