package gitdir_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/gitdir"
	"waxseal/internal/rootfs"
	"waxseal/internal/snapshot"
)

// git runs the real git in a directory, with no configuration but this.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Älice", "-c", "user.email=alice@example.test", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_DATE=1700000000 +0100", "GIT_COMMITTER_DATE=1700000001 +0100"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// history makes a repository of some commits, with large files that differ a little, so
// that packing them makes differences.
func history(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "name%d: box%d\n", i, i)
	}
	for i := range 20 {
		write(t, filepath.Join(dir, "etc/aliases"), text.String()+fmt.Sprintf("last: %d\n", i))
		write(t, filepath.Join(dir, fmt.Sprintf("etc/postfix/d%d/main.cf", i)), fmt.Sprintf("a = %d\n", i))
		git(t, dir, "add", "-A")
		git(t, dir, "commit", "-q", "-m", fmt.Sprintf("change %d\n\nmore of it", i))
	}
	return dir
}

// TestSameAsGit: commit, author and files are what git says, however they are kept.
func TestSameAsGit(t *testing.T) {
	dir := history(t)
	for _, how := range []struct {
		name string
		do   func()
	}{
		{"loose", func() {}},
		{"packed", func() { git(t, dir, "gc", "-q", "--aggressive") }},
		{"packed references", func() { git(t, dir, "pack-refs", "--all") }},
		{"detached, of the past", func() { git(t, dir, "checkout", "-q", "HEAD~7") }},
		{"a commit upon packs", func() {
			write(t, filepath.Join(dir, "new"), "x\n")
			git(t, dir, "add", "-A")
			git(t, dir, "commit", "-q", "-m", "upon")
		}},
		{"differences by name", func() {
			git(t, dir, "-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f", "--depth=50")
		}},
	} {
		t.Run(how.name, func(t *testing.T) {
			how.do()
			tree, err := rootfs.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			r, err := gitdir.Open(tree)
			if err != nil {
				t.Fatal(err)
			}
			c, err := r.Head()
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%s|%s|%d|%s", c.ID, c.Author, c.Time.Unix(), c.Subject)
			if want := git(t, dir, "log", "-1", "--format=%H|%an <%ae>|%at|%s"); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
			files, err := r.Files(c)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(git(t, dir, "ls-tree", "-r", "HEAD"), "\n")
			if len(lines) != len(files) {
				t.Errorf("%d files, git has %d", len(files), len(lines))
			}
			for _, l := range lines {
				info, name, _ := strings.Cut(l, "\t")
				w := strings.Fields(info)
				if f := files[name]; f.Mode != w[0] || f.ID != w[2] {
					t.Errorf("%s: %+v, want %v", name, f, w)
				}
				content, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil || gitdir.BlobID(content) != w[2] {
					t.Errorf("%s: blob %s, %v; want %s", name, gitdir.BlobID(content), err, w[2])
				}
			}
		})
	}
}

// TestNotRead: what can't be read is said.
func TestNotRead(t *testing.T) {
	object := func(p string, text string) map[waxseal.Path]snapshot.Object {
		return map[waxseal.Path]snapshot.Object{waxseal.Path(p): {File: waxseal.File{Type: waxseal.Regular}, Content: []byte(text)}}
	}
	with := func(all ...map[waxseal.Path]snapshot.Object) map[waxseal.Path]snapshot.Object {
		m := map[waxseal.Path]snapshot.Object{}
		for _, a := range all {
			for p, o := range a {
				m[p] = o
			}
		}
		return m
	}
	id := strings.Repeat("a", 40)
	for _, tt := range []struct {
		name  string
		files map[waxseal.Path]snapshot.Object
		want  string
	}{
		{"no git", object("/x", ""), "no git checkout"},
		{"a worktree", object("/.git", "gitdir: /elsewhere"), "lies elsewhere"},
		{"SHA-256", with(object("/.git/config", "[extensions]\n\tobjectFormat = sha256\n")), "SHA-256"},
		{"alternates", with(object("/.git/objects/info/alternates", "/x\n")), "alternates"},
		{"no commit", with(object("/.git/HEAD", "ref: refs/heads/main\n")), "there is none"},
		{"a reference that leaves", with(object("/.git/HEAD", "ref: refs/../../x\n")), "no such name"},
		{"a loop", with(object("/.git/HEAD", "ref: refs/a\n"), object("/.git/refs/a", "ref: refs/a\n")), "too many steps"},
		{"no object", with(object("/.git/HEAD", id+"\n")), "not there"},
		{"no zlib", with(object("/.git/HEAD", id+"\n"), object("/.git/objects/aa/"+id[2:], "hello")), "zlib"},
		{"no index", with(object("/.git/HEAD", id+"\n"), object("/.git/objects/pack/p.idx", "hello")), "no index"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := gitdir.Open(snapshot.New(tt.files))
			if err == nil {
				_, err = r.Head()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	if _, err := gitdir.Open(snapshot.New(object("/x", ""))); !errors.Is(err, gitdir.ErrNone) {
		t.Errorf("%v", err)
	}
}

// TestDamaged: an object whose content is another's is none.
func TestDamaged(t *testing.T) {
	dir := history(t)
	head := git(t, dir, "rev-parse", "HEAD")
	other := git(t, dir, "rev-parse", "HEAD~1")
	file := func(id string) string { return filepath.Join(dir, ".git/objects", id[:2], id[2:]) }
	text, err := os.ReadFile(file(other))
	if err == nil {
		err = os.Remove(file(head))
	}
	if err == nil {
		err = os.WriteFile(file(head), text, 0o600)
	}
	tree, openErr := rootfs.Open(dir)
	if err := errors.Join(err, openErr); err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	r, err := gitdir.Open(tree)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := r.Head(); err == nil || !strings.Contains(err.Error(), "not what its name says") {
		t.Errorf("%+v, %v", c, err)
	}
}

// FuzzPack reads hostile packs: whatever they hold, an object is what its name says or
// there is none.
func FuzzPack(f *testing.F) {
	f.Add([]byte("\xfftOc\x00\x00\x00\x02"), []byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01"), strings.Repeat("a", 40))
	f.Fuzz(func(t *testing.T, index, pack []byte, id string) {
		file := func(b []byte) snapshot.Object {
			return snapshot.Object{File: waxseal.File{Type: waxseal.Regular}, Content: b}
		}
		r, err := gitdir.Open(snapshot.New(map[waxseal.Path]snapshot.Object{"/.git/HEAD": file([]byte(id)),
			"/.git/objects/pack/p.idx": file(index), "/.git/objects/pack/p.pack": file(pack)}))
		if err != nil {
			return
		}
		if c, err := r.Head(); err == nil {
			_, _ = r.Files(c)
		}
	})
}
