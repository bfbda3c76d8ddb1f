package treecache_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"waxseal"
	"waxseal/internal/loader"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/treecache"
)

// TestTwins: digests without SHA-256 are given of what is the same in both trees at the
// same place, and of nothing else.
func TestTwins(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	put := func(dir, name string, content []byte) {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	same := map[waxseal.Path]bool{}
	var names []waxseal.Path
	for i, size := range []int{0, 1, 4096, 5000, 64 << 10, 64<<10 + 1, 300_000, 1 << 20, 17 << 20} {
		content := bytes.Repeat([]byte{byte(i), 7, 9}, size/3+1)[:size]
		for kind, change := range map[string]func([]byte) []byte{
			"same": func(b []byte) []byte { return b }, "longer": func(b []byte) []byte { return append(b, 'x') },
			"end": func(b []byte) []byte {
				if len(b) > 0 {
					b[len(b)-1]++
				}
				return b
			},
			"gone": nil, "elf": func(b []byte) []byte { return b },
		} {
			if size > 2<<20 && kind != "same" && kind != "end" {
				continue
			}
			if kind == "elf" {
				content = append([]byte("\x7fELF"), content...)
			}
			name := fmt.Sprintf("%s-%d", kind, size)
			put(one, name, content)
			if change != nil {
				put(two, name, change(bytes.Clone(content)))
			}
			p := waxseal.Path("/" + name)
			names = append(names, p)
			same[p] = kind == "same" || kind == "elf" || kind == "end" && size == 0
		}
	}
	for _, link := range []struct{ dir, to string }{{one, "same-5000"}, {two, "same-4096"}} {
		if err := os.Symlink(link.to, filepath.Join(link.dir, "link")); err != nil {
			t.Fatal(err)
		}
	}
	names = append(names, "/link")
	same["/link"] = true // each leads to a file that is the same at its place
	for _, mode := range []string{"programs", "modules", "neither"} {
		t.Run(mode, func(t *testing.T) { twins(t, one, two, mode, names, same) })
	}
}

func twins(t *testing.T, one, two, mode string, names []waxseal.Path, same map[waxseal.Path]bool) {
	var below [2]*rootfs.Tree
	for i, dir := range []string{one, two} {
		tree, err := rootfs.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		below[i] = tree
	}
	a, b, led := treecache.Twins(below[0], below[1])
	md5 := func(waxseal.Path) loader.Digests { return loader.MD5 }
	nothing := func(waxseal.Path, loader.Image) []waxseal.Path { return nil }
	read := func(tree *treecache.Tree, below *rootfs.Tree) {
		help, wait := func() {}, func() {}
		switch mode {
		case "programs":
			_, wait = tree.Warm(names, nil, md5, md5, nothing)
		case "modules":
			help, wait = tree.Warm(nil, names, md5, md5, nothing)
		}
		defer wait()
		help()
		for _, p := range names {
			image, err := tree.Program(p, 64<<20, loader.MD5)
			sums, sumsErr := tree.Sums(p, loader.MD5)
			digest, digestErr := tree.Digest(p)
			content, readErr := below.ReadFile(p, 64<<20)
			want := loader.ImageOf(content, loader.SHA256AndMD5)
			switch {
			case readErr != nil:
				if err == nil || sumsErr == nil || digestErr == nil {
					t.Errorf("%s is not there: %v, %v, %v", p, err, sumsErr, digestErr)
				}
			case image.Sums.MD5 != want.Sums.MD5 || sums.MD5 != want.Sums.MD5 || string(digest) != want.Sums.SHA256:
				t.Errorf("%s: %+v, %+v, %s", p, image.Sums, sums, digest)
			case !same[p] && (image.Sums.SHA256 != want.Sums.SHA256 || sums.SHA256 != want.Sums.SHA256):
				t.Errorf("%s differs: %+v, %+v", p, image.Sums, sums)
			case image.ELF != nil != (want.ELF != nil) || string(image.Text) != string(want.Text):
				t.Errorf("%s: another image", p)
			}
		}
	}
	var all sync.WaitGroup
	all.Go(func() { read(b, below[1]) })
	read(a, below[0])
	led()
	all.Wait()
}

// TestTwinsTellTheSame: what is read of two trees at once, and levelled, is what is read of each by
// itself.
func TestTwinsTellTheSame(t *testing.T) {
	one, two := server(t), server(t)
	for dir, text := range map[string]string{one: "x", two: "y"} {
		script := fmt.Sprintf(`set -e; cd %s; mkdir -p usr/lib/dovecot/modules usr/share/rspamd; for i in $(seq 40); do printf '\177ELF%%s' $i > usr/lib/dovecot/modules/lib$i.so; echo $i > usr/share/rspamd/$i.lua; done
			echo %s >> usr/share/rspamd/3.lua; echo %s >> usr/lib/dovecot/modules/lib5.so; chmod 600 usr/share/rspamd/7.lua
			(cd usr/share/rspamd; for i in *.lua; do echo /usr/share/rspamd/$i; done) > var/lib/dpkg/info/rspamd.list; md5sum usr/share/rspamd/* > var/lib/dpkg/info/rspamd.md5sums
			printf '\nPackage: rspamd\nStatus: install ok installed\nVersion: 1\n' >> var/lib/dpkg/status`, dir, text, text)
		if out, err := exec.Command("/bin/sh", "-c", script).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	_ = os.Chmod(filepath.Join(two, "usr/share/rspamd/9.lua"), 0o666)
	_ = os.Remove(filepath.Join(two, "usr/share/rspamd/11.lua"))
	var below [2]*rootfs.Tree
	var want, got [2]waxseal.State
	for i, dir := range []string{one, two} {
		tree, err := rootfs.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		below[i] = tree
		want[i] = mailpath.NewReader(mask.New([]byte("k"))).Read(treecache.New(tree))
	}
	a, b, led := treecache.Twins(below[0], below[1])
	var readers [2]*mailpath.Reader
	read := func(i int, tree waxseal.Tree) {
		readers[i] = mailpath.NewReader(mask.New([]byte("k")))
		readers[i].Twin()
		got[i] = readers[i].Read(tree)
	}
	var all sync.WaitGroup
	all.Go(func() { read(1, b) })
	read(0, a)
	led()
	all.Wait()
	mailpath.LevelPackages(&got[0], &got[1], readers[0], readers[1])
	mailpath.Level(&got[0], &got[1], a, b)
	differ := map[waxseal.Path]bool{"/usr/share/rspamd/3.lua": true, "/usr/share/rspamd/9.lua": true, "/usr/share/rspamd/11.lua": true, "/usr/lib/dovecot/modules/lib5.so": true}
	without := 0
	for k := range got {
		for i := range got[k].Files {
			if f := &got[k].Files[i]; f.Digest == "" && want[k].Files[i].Digest != "" {
				if without++; differ[f.Path] {
					t.Errorf("%s has no digest", f.Path)
				}
				f.Digest = want[k].Files[i].Digest
			}
		}
		for i := range got[k].Packages { // p4 is the same in both databases, rspamd is not
			if p := &got[k].Packages[i]; p.Name == "p4" && p.Fingerprint == "" {
				p.Fingerprint = want[k].Packages[i].Fingerprint
			}
		}
		g, _ := json.Marshal(got[k])
		w, _ := json.Marshal(want[k])
		if !bytes.Equal(g, w) {
			t.Errorf("%s\n%s", g, w)
		}
	}
	if without < 20 {
		t.Errorf("%d files have no digest: this test shows nothing", without)
	}
}
