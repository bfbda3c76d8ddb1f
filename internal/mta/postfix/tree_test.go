package postfix

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
)

// fakeTree is a tree in memory: path to content. A content of "fifo" type is
// told by types, an error by errors.
type fakeTree struct {
	files map[waxseal.Path]string
	types map[waxseal.Path]waxseal.FileType
	uids  map[waxseal.Path]uint32
	modes map[waxseal.Path]uint32
	errs  map[waxseal.Path]error
	reads map[waxseal.Path]int
}

func tree(files map[string]string) *fakeTree {
	t := &fakeTree{files: map[waxseal.Path]string{}, types: map[waxseal.Path]waxseal.FileType{},
		uids: map[waxseal.Path]uint32{}, errs: map[waxseal.Path]error{}, reads: map[waxseal.Path]int{}}
	for p, content := range files {
		t.files[waxseal.Path(p)] = content
	}
	return t
}

// dirTree copies a directory of testdata into memory.
func dirTree(t testing.TB, dir string) *fakeTree {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		files["/"+filepath.ToSlash(rel)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree(files)
}

func (t *fakeTree) isDir(p waxseal.Path) bool {
	for f := range t.files {
		if strings.HasPrefix(string(f), strings.TrimSuffix(string(p), "/")+"/") {
			return true
		}
	}
	return false
}

func (t *fakeTree) Lstat(p waxseal.Path) (waxseal.File, error) {
	if path.Clean(string(p)) != string(p) || !strings.HasPrefix(string(p), "/") {
		return waxseal.File{}, fmt.Errorf("path %q is not clean", p)
	}
	if typ, ok := t.types[p]; ok {
		return waxseal.File{Path: p, Type: typ}, nil
	}
	if content, ok := t.files[p]; ok {
		mode := uint32(0o644)
		if strings.HasPrefix(content, "#!") {
			mode = 0o755
		}
		if m, ok := t.modes[p]; ok {
			mode = m
		}
		return waxseal.File{Path: p, Type: waxseal.Regular, Mode: mode, UID: t.uids[p], Size: int64(len(content))}, nil
	}
	if t.isDir(p) {
		return waxseal.File{Path: p, Type: waxseal.Directory, Mode: 0o755}, nil
	}
	return waxseal.File{}, fs.ErrNotExist
}

func (t *fakeTree) Stat(p waxseal.Path) (waxseal.File, error) { return t.Lstat(p) }

func (t *fakeTree) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	t.reads[p]++
	if err := t.errs[p]; err != nil {
		return nil, err
	}
	if _, special := t.types[p]; special {
		return nil, waxseal.ErrNotRegular
	}
	content, ok := t.files[p]
	switch {
	case !ok && t.isDir(p):
		return nil, waxseal.ErrNotRegular
	case !ok:
		return nil, fs.ErrNotExist
	case int64(len(content)) > limit:
		return nil, waxseal.ErrTooLarge
	}
	return []byte(content), nil
}

func (t *fakeTree) Digest(p waxseal.Path) (waxseal.Digest, error) {
	sum := sha256.Sum256([]byte(t.files[p]))
	return waxseal.Digest(hex.EncodeToString(sum[:])), nil
}

func (t *fakeTree) ReadDir(p waxseal.Path) ([]string, error) {
	seen := map[string]bool{}
	for f := range t.files {
		if rest, ok := strings.CutPrefix(string(f), strings.TrimSuffix(string(p), "/")+"/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			seen[name] = true
		}
	}
	if len(seen) == 0 {
		return nil, fs.ErrNotExist
	}
	var names []string
	for n := range seen {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, nil
}

func read(t *fakeTree) Result { return Read(t, mask.New([]byte("test key"))) }
