package treecache

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"waxseal"
	"waxseal/internal/loader"
	"waxseal/internal/snapshot"
)

// counting counts what it is asked.
type counting struct {
	waxseal.Tree
	mu    sync.Mutex
	reads map[waxseal.Path]int
	stats int
}

func (c *counting) count(p waxseal.Path) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads[p]++
}

func (c *counting) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	c.count(p)
	return c.Tree.ReadFile(p, limit)
}

func (c *counting) Digest(p waxseal.Path) (waxseal.Digest, error) {
	c.count(p)
	return c.Tree.Digest(p)
}

func (c *counting) Stat(p waxseal.Path) (waxseal.File, error) {
	c.mu.Lock()
	c.stats++
	c.mu.Unlock()
	return c.Tree.Stat(p)
}

func tree() (*counting, *Tree) {
	below := &counting{reads: map[waxseal.Path]int{}, Tree: snapshot.New(map[waxseal.Path]snapshot.Object{
		"/etc/a": {Content: []byte("abc")}, "/etc/empty": {Content: []byte{}},
		"/etc/link": {File: waxseal.File{Type: waxseal.Symlink, Link: "a"}},
		"/etc/pipe": {File: waxseal.File{Type: waxseal.FIFO}},
		"/lib/big":  {Content: []byte(strings.Repeat("x", maxFile+1))},
	})}
	return below, New(below)
}

func TestOneReading(t *testing.T) {
	below, tr := tree()
	const sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	for range 3 {
		for _, p := range []waxseal.Path{"/etc/a", "/etc/link", "/etc/../etc/a"} {
			if b, err := tr.ReadFile(p, 10); string(b) != "abc" || err != nil {
				t.Errorf("ReadFile(%s) = %q, %v", p, b, err)
			}
			if d, err := tr.Digest(p); d != sha || err != nil {
				t.Errorf("Digest(%s) = %v, %v", p, d, err)
			}
		}
		if _, err := tr.ReadFile("/etc/a", 2); !errors.Is(err, waxseal.ErrTooLarge) {
			t.Errorf("limit: %v", err)
		}
		if _, err := tr.ReadFile("/etc/pipe", 2); !errors.Is(err, waxseal.ErrNotRegular) {
			t.Errorf("fifo: %v", err)
		}
		if _, err := tr.Stat("/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing: %v", err)
		}
		if b, err := tr.ReadFile("/etc/empty", 0); len(b) != 0 || err != nil {
			t.Errorf("empty: %q, %v", b, err)
		}
		if l, err := tr.Lstat("/etc/link"); l.Type != waxseal.Symlink || err != nil {
			t.Errorf("Lstat = %v, %v", l, err)
		}
		if _, err := tr.Digest("/lib/big"); err != nil {
			t.Error(err)
		}
	}
	for p, n := range below.reads {
		if n > 1 {
			t.Errorf("%s was opened %d times", p, n)
		}
	}
	if tr.Files() != 3 {
		t.Errorf("%d files, want 3: a, empty, big", tr.Files())
	}
	if below.stats > 7 {
		t.Errorf("%d questions about 7 paths", below.stats)
	}
}

// TestLargeFilesAreNotKept: reading one again is the price of not keeping it, but
// its digest is known.
func TestLargeFilesAreNotKept(t *testing.T) {
	below, tr := tree()
	for range 2 {
		if b, err := tr.ReadFile("/lib/big", maxFile*2); len(b) != maxFile+1 || err != nil {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	}
	if s, err := tr.Digest("/lib/big"); s == "" || err != nil || below.reads["/lib/big"] != 2 || tr.held != 0 {
		t.Errorf("%v, %v, %d reads, %d held", s, err, below.reads["/lib/big"], tr.held)
	}
}

// TestProgramsAreNotKept: they are large, and one reader asks for each.
func TestProgramsAreNotKept(t *testing.T) {
	tr := New(snapshot.Files(map[string]string{"/bin/a": "\x7fELF…"}))
	data, err := tr.ReadFile("/bin/a", 100)
	if err != nil || tr.held != 0 {
		t.Errorf("%d held, %v", tr.held, err)
	}
	if s, err := tr.Digest("/bin/a"); s != digestOf(data) || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	if again, err := tr.ReadFile("/bin/a", 100); string(again) != string(data) || err != nil {
		t.Errorf("%q, %v", again, err)
	}
}

// mounted is a tree that knows of mounts.
type mounted struct{ waxseal.Tree }

func (mounted) Mounts() ([]waxseal.Mount, []waxseal.Problem) {
	return []waxseal.Mount{{Path: "/etc"}}, nil
}

func TestMountsPassThrough(t *testing.T) {
	if got, _ := New(mounted{snapshot.Files(nil)}).Mounts(); len(got) != 1 || got[0].Path != "/etc" {
		t.Errorf("%v", got)
	}
	if got, _ := New(snapshot.Files(nil)).Mounts(); got != nil {
		t.Errorf("%v of a tree that knows of none", got)
	}
}

func TestRoomIsBounded(t *testing.T) {
	objects := map[waxseal.Path]snapshot.Object{}
	var paths []waxseal.Path
	for i := range 20 {
		p := waxseal.Path("/f" + string(rune('a'+i)))
		objects[p] = snapshot.Object{Content: make([]byte, maxFile/2)}
		paths = append(paths, p)
	}
	tr := New(snapshot.New(objects))
	warm(tr.Warm(paths, nil, onlySHA, onlySHA, nothingMore))
	if tr.held > maxHeld || tr.held < maxHeld-maxFile || tr.Files() != 20 {
		t.Errorf("%d bytes held of %d files", tr.held, tr.Files())
	}
}

func onlySHA(waxseal.Path) loader.Digests { return loader.SHA256 }

func nothingMore(waxseal.Path, loader.Image) []waxseal.Path { return nil }

// TestWarmFollows: what a program leads to is read too, once, while others read.
func TestWarmFollows(t *testing.T) {
	below, tr := tree()
	next := map[waxseal.Path][]waxseal.Path{"/etc/a": {"/lib/big", "/etc/empty", "/etc/a"}, "/etc/empty": {"/etc/a", "/none"}}
	_, wait := tr.Warm([]waxseal.Path{"/etc/a"}, nil, onlySHA, onlySHA, func(p waxseal.Path, _ loader.Image) []waxseal.Path { return next[p] })
	tr.Digest("/etc/a")
	wait()
	if below.reads["/etc/a"] != 1 || below.reads["/lib/big"] != 1 || below.reads["/etc/empty"] != 1 || tr.Files() != 3 {
		t.Errorf("opened %v", below.reads)
	}
}

// TestMD5OnlyWhereWanted: it takes longer than all the rest.
func TestMD5OnlyWhereWanted(t *testing.T) {
	_, tr := tree()
	for want, md5 := range map[loader.Digests]string{loader.SHA256: "", loader.SHA256AndMD5: "900150983cd24fb0d6963f7d28e17f72"} {
		_, tr = tree()
		if image, err := tr.Program("/etc/a", 10, want); image.Sums.MD5 != md5 || image.Sums.SHA256 == "" || err != nil {
			t.Errorf("%v, %v", image.Sums, err)
		}
	}
	tr.Program("/etc/a", 10, loader.SHA256)
	if image, err := tr.Program("/etc/a", 10, loader.SHA256AndMD5); image.Sums.MD5 == "" || err != nil {
		t.Errorf("%v, %v", image.Sums, err)
	}
}

func TestWarm(t *testing.T) {
	below, tr := tree()
	paths := slices.Repeat([]waxseal.Path{"/etc/a", "/etc/link", "/etc/pipe", "/none", "/etc", "/lib/big"}, 20)
	warm(tr.Warm(paths, nil, onlySHA, onlySHA, nothingMore))
	n := len(below.reads)
	tr.ReadFile("/etc/link", 10)
	tr.Digest("/lib/big")
	for p, reads := range below.reads {
		if reads != 1 {
			t.Errorf("%s was opened %d times", p, reads)
		}
	}
	if len(below.reads) != n || tr.Files() != 2 {
		t.Errorf("opened %v", below.reads)
	}
}

// TestSums: a module is opened once, whether it is read ahead or not, and nothing of
// it is held; digests of what was read as a program are at hand.
func TestSums(t *testing.T) {
	below, tr := tree()
	both := func(waxseal.Path) loader.Digests { return loader.SHA256AndMD5 }
	warm(tr.Warm([]waxseal.Path{"/lib/big"}, []waxseal.Path{"/etc/a", "/etc/pipe", "/none", "/etc/a"}, both, both, nothingMore))
	held := tr.held
	for _, p := range []waxseal.Path{"/etc/a", "/etc/link", "/lib/big"} {
		sums, err := tr.Sums(p, loader.SHA256AndMD5)
		if digest, _ := tr.Digest(p); err != nil || len(sums.MD5) != 32 || string(digest) != sums.SHA256 {
			t.Errorf("%s: %+v, %s, %v", p, sums, digest, err)
		}
	}
	if below.reads["/etc/a"] != 1 || below.reads["/lib/big"] != 1 || tr.held != held {
		t.Errorf("opened %v, %d bytes held", below.reads, tr.held)
	}
	if _, err := tr.Sums("/etc/pipe", loader.SHA256); !errors.Is(err, waxseal.ErrNotRegular) {
		t.Errorf("a FIFO: %v", err)
	}
}

// warm waits for the end of Warm.
func warm(_, wait func()) { wait() }
