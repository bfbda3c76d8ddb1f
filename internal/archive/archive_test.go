package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"waxseal"
	"waxseal/internal/testtime"
)

// member is a header and, for regular files, its content.
type member struct {
	tar.Header
	content string
}

func file(name, content string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, ModTime: time.Unix(1700000000, 0)}, content}
}

func link(name, target string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}, ""}
}

func hard(name, target string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}, ""}
}

func other(name string, kind byte) member {
	return member{tar.Header{Name: name, Typeflag: kind, Mode: 0o750, Uid: 3, Gid: 4}, ""}
}

func pack(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		m.Size = int64(len(m.content))
		if err := w.WriteHeader(&m.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// opened opens an archive with this content.
func opened(t testing.TB, content []byte) (*Tree, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	tree, err := Open(name)
	if err == nil {
		t.Cleanup(func() { tree.Close() })
	}
	return tree, err
}

func mustOpen(t testing.TB, content []byte) *Tree {
	t.Helper()
	tree, err := opened(t, content)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func messages(tree *Tree) string {
	var b strings.Builder
	for _, p := range tree.Problems() {
		b.WriteString(string(p.Path) + ": " + p.Message + "\n")
	}
	return b.String()
}

func TestNamesAndLinks(t *testing.T) {
	tree := mustOpen(t, pack(t,
		file("./etc/postfix/main.cf", "old"), file("/etc/postfix/main.cf", "new"),
		link("etc/abs", "/etc/postfix/main.cf"), link("etc/up", "../../../../etc/postfix/main.cf"),
		link("etc/out", "/../../passwd"), link("etc/loop", "loop"), link("etc/dir", "postfix"),
		link("etc/far", "/srv/deep/er"), file("srv/deep/er/x", "x"), file("srv/deep/y", "y"),
		hard("etc/hard", "etc/postfix/main.cf"), file("etc/dir/added", "through a link"),
		other("etc/pipe", tar.TypeFifo), other("dev/sda", tar.TypeBlock), other("etc/postfix", tar.TypeDir),
	))
	for p, want := range map[waxseal.Path]string{
		"/etc/postfix/main.cf": "new", "/etc/abs": "new", "/etc/up": "new", "/etc/dir/main.cf": "new", "/etc/hard": "new",
		"/../../etc/abs": "new", "/etc/postfix/added": "through a link", "/etc/far/x": "x", "/etc/far/../y": "y",
	} {
		if got, err := tree.ReadFile(p, 100); string(got) != want || err != nil {
			t.Errorf("ReadFile(%s) = %q, %v", p, got, err)
		}
	}
	for p, want := range map[waxseal.Path]error{
		"/etc/out": fs.ErrNotExist, "/etc/loop": waxseal.ErrLoop, "/etc/pipe": waxseal.ErrNotRegular, "/dev/sda": waxseal.ErrNotRegular,
		"/etc": waxseal.ErrNotRegular, "/none": fs.ErrNotExist, "/etc/hard/x": fs.ErrNotExist, "/etc/hard/../abs": fs.ErrNotExist,
	} {
		if _, err := tree.ReadFile(p, 100); !errors.Is(err, want) {
			t.Errorf("ReadFile(%s) = %v, want %v", p, err, want)
		}
	}
	if _, err := tree.ReadFile("/etc/abs", 2); !errors.Is(err, waxseal.ErrTooLarge) {
		t.Errorf("limit: %v", err)
	}
	names, err := tree.ReadDir("/etc/dir")
	if err != nil || !slices.Equal(names, []string{"added", "main.cf"}) {
		t.Errorf("ReadDir = %v, %v", names, err)
	}
	if got := messages(tree); got != "" {
		t.Errorf("problems of a good archive: %s", got)
	}
}

func TestMetadata(t *testing.T) {
	m := file("etc/f", "abc")
	m.Mode, m.Uid, m.Gid, m.Format = 0o4755, 7, 4_294_967_296, tar.FormatPAX
	m.PAXRecords = map[string]string{"SCHILY.xattr.user.note": "x", "LIBARCHIVE.xattr.user.b%2fd": "eA"}
	tree := mustOpen(t, pack(t, m, hard("etc/g", "etc/f"), other("etc/d", tar.TypeDir)))
	const x = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	got, err := tree.Stat("/etc/g")
	switch {
	case err != nil:
		t.Fatal(err)
	case got.Mode != 0o4755 || got.UID != 7 || got.Links != 2 || got.Size != 3 || got.Type != waxseal.Regular:
		t.Errorf("Stat = %+v", got)
	case got.GID == 0:
		t.Error("a group out of range became root's")
	case got.ModTime.Unix() != 1700000000 || !got.ChangeTime.IsZero():
		t.Errorf("times %v, %v", got.ModTime, got.ChangeTime)
	case got.XAttrs["user.note"] != x || got.XAttrs["user.b/d"] != x:
		t.Errorf("xattrs %v", got.XAttrs)
	}
	if d, err := tree.Digest("/etc/g"); d != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" || err != nil {
		t.Errorf("Digest = %s, %v", d, err)
	}
	if made, err := tree.Stat("/etc"); err != nil || made.Type != waxseal.Directory || made.Mode != 0o755 {
		t.Errorf("a directory that no member names: %+v, %v", made, err)
	}
}

func TestWhatTarWouldRefuse(t *testing.T) {
	for _, tc := range []struct {
		name    string
		members []member
		path    waxseal.Path // what must not be there, or be as it was
		want    string       // its content
		problem string
	}{
		{"climbing", []member{file("etc/x", "x"), file("../../etc/x", "evil")}, "/etc/x", "x", `"../../etc/x"`},
		{"climbing later", []member{file("etc/x", "x"), file("a/../etc/x", "evil")}, "/etc/x", "x", "refuses names"},
		{"hard link out", []member{hard("etc/shadow", "../../etc/shadow")}, "/etc/shadow", "", "refuses names"},
		{"hard link to nothing", []member{hard("etc/a", "etc/b")}, "/etc/a", "", "no earlier member"},
		{"hard link to a directory", []member{file("d/x", ""), hard("e", "d")}, "/e", "", "no earlier member"},
		{"below a file", []member{file("etc", "x"), file("etc/x", "evil")}, "/etc", "x", "leads to none"},
		{"below a loop", []member{link("l", "l"), file("l/x", "evil")}, "/l/x", "", "leads to none"},
		{"file over a directory", []member{file("etc/x", "x"), file("etc", "evil")}, "/etc/x", "x", "follows a directory with files"},
		{"another volume", []member{file("etc/x", "x"), other("etc/x", 'M')}, "/etc/x", "x", "another volume"},
		{"long name", []member{file("x", "x"), file(strings.Repeat("n/", 3000)+"x", "evil")}, "/x", "x", "6001 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree := mustOpen(t, pack(t, tc.members...))
			got, err := tree.ReadFile(tc.path, 100)
			if tc.want == "" && err == nil || string(got) != tc.want {
				t.Errorf("%s holds %q, %v", tc.path, got, err)
			}
			if all := messages(tree); !strings.Contains(all, tc.problem) {
				t.Errorf("problems %q, want one with %q", all, tc.problem)
			}
		})
	}
}

func TestCompressions(t *testing.T) {
	plain := pack(t, file("etc/hostname", "mail\n"))
	packed := func(w io.WriteCloser, err error, b *bytes.Buffer) []byte {
		if err == nil {
			_, err = w.Write(plain)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var g, x, z bytes.Buffer
	zw, zerr := zstd.NewWriter(&z)
	xw, xerr := xz.NewWriter(&x)
	for name, content := range map[string][]byte{
		"plain": plain, "gzip": packed(gzip.NewWriter(&g), nil, &g), "xz": packed(xw, xerr, &x), "zstd": packed(zw, zerr, &z),
	} {
		t.Run(name, func(t *testing.T) {
			tree := mustOpen(t, content)
			if got, err := tree.ReadFile("/etc/hostname", 10); string(got) != "mail\n" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			// Cut short, it still says what it has, and that something is missing.
			if cut, err := opened(t, content[:len(content)-len(content)/3]); err == nil && len(cut.Problems()) == 0 && name != "plain" {
				t.Error("a cut archive is taken for a whole one")
			}
		})
	}
}

// packedByBzip2 is what bzip2(1) makes of an archive with etc/hostname.
const packedByBzip2 = "QlpoOTFBWSZTWUUVUbsAAHB7gMmQAAJAAPcABABqZ54ACAggAFQyp6gYgGJppk2oJKamjRo0DQAH04jIQQehCJdOgYRrqQIcG7Gt7xUOETYjq8MdDmGZn78E7lOiplVFstrl3JIH4u5IpwoSCKKqN2A="

func TestBzip2(t *testing.T) {
	content, err := base64.StdEncoding.DecodeString(packedByBzip2)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := mustOpen(t, content).ReadFile("/etc/hostname", 10); string(got) != "mail\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestLargeDictionary: an xz file that asks for 4 GiB of memory is refused before
// it gets them.
func TestLargeDictionary(t *testing.T) {
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(pack(t, file("x", "x")))
	w.Close()
	content := b.Bytes()
	block := content[12:] // behind the header of the stream
	if got := dictionary(block); got != 8<<20 {
		t.Fatalf("the writer's dictionary is %d bytes", got)
	}
	filter := bytes.IndexByte(block[2:], 0x21) + 2
	block[filter+2] = 40
	size := (int(block[0]) + 1) * 4
	binary.LittleEndian.PutUint32(block[size-4:], crc32.ChecksumIEEE(block[:size-4]))
	if _, err := opened(t, content); err == nil || !strings.Contains(err.Error(), "dictionary of 4096 MiB") {
		t.Errorf("%v", err)
	}
}

func TestNoArchive(t *testing.T) {
	var zeros bytes.Buffer
	w := gzip.NewWriter(&zeros)
	w.Write(bytes.Repeat([]byte("x"), 4096))
	w.Close()
	for name, content := range map[string][]byte{
		"empty": nil, "short": []byte("x"), "text": bytes.Repeat([]byte("mydestination = example.test\n"), 100), "packed text": zeros.Bytes(),
	} {
		if _, err := opened(t, content); !errors.Is(err, ErrNoArchive) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := opened(t, make([]byte, 10240)); err != nil {
		t.Errorf("an archive without members: %v", err)
	}
	if _, err := opened(t, []byte("\x1f\x8bxxxxxxxxxxxx")); err == nil {
		t.Error("a damaged gzip file was taken")
	}
	if _, err := Open("/dev/null"); !errors.Is(err, waxseal.ErrNotRegular) {
		t.Errorf("a device: %v", err)
	}
}

func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(make([]byte, 4<<20))
	w.Close()
	name := filepath.Join(t.TempDir(), "bomb.tgz")
	os.WriteFile(name, b.Bytes(), 0o600)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(f, 1<<20); !errors.Is(err, ErrBomb) {
		t.Errorf("bomb: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	whole := pack(t, file("etc/a", "a"), file("etc/b", strings.Repeat("b", 5000)), file("etc/c", "c"))
	for name, content := range map[string][]byte{
		"cut in a file":   whole[:1024+512+700],
		"cut in a header": whole[:1024+100],
		"overwritten":     append(bytes.Clone(whole[:1024]), bytes.Repeat([]byte("z"), 4096)...),
	} {
		t.Run(name, func(t *testing.T) {
			tree := mustOpen(t, content)
			if got, err := tree.ReadFile("/etc/a", 10); string(got) != "a" || err != nil {
				t.Errorf("what came before: %q, %v", got, err)
			}
			if !strings.Contains(messages(tree), "damaged or cut short") {
				t.Errorf("problems: %q", messages(tree))
			}
			if _, err := tree.ReadFile("/etc/b", 1<<20); err == nil {
				t.Error("a file that is cut was read")
			}
		})
	}
}

// TestLinksThroughLinks: directories behind many links cost steps, not hours.
func TestLinksThroughLinks(t *testing.T) {
	deep := strings.Repeat("a/", 1000)
	members := []member{file(deep+"x", "")}
	for i := range 39 {
		members = append(members, link(deep+"l"+string(rune('A'+i)), "/"+deep+"l"+string(rune('B'+i))))
	}
	members = append(members, other(deep+"l"+string(rune('A'+39)), tar.TypeDir))
	for i := range 2000 {
		members = append(members, file(deep+"lA/"+strings.Repeat("y", i%50+1)+"/z", ""))
	}
	packed := pack(t, members...)
	testtime.Within(t, 20*time.Second, func() { mustOpen(t, packed) })
}

func FuzzOpen(f *testing.F) {
	f.Add(pack(f, file("etc/x", "x"), link("a", "/etc"), hard("b", "etc/x"), file("../c", "")))
	f.Add(pack(f, other("d", tar.TypeDir), link("l", "l"), file("l/x", "")))
	f.Fuzz(func(t *testing.T, content []byte) {
		ix, err := readIndex(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		for p, n := range ix.nodes {
			if n.kind == waxseal.Directory {
				for _, name := range n.names {
					if ix.nodes[waxseal.Path(filepath.Join(string(p), name))] == nil {
						t.Fatalf("%s lists %q, which is not there", p, name)
					}
				}
			}
			if r, err := n.content(bytes.NewReader(content), int64(len(content))); err == nil && n.kind == waxseal.Regular {
				io.CopyN(io.Discard, r, 1<<16)
			}
		}
	})
}
