package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"path"
	"slices"

	"waxseal"
)

// memory is a tree without links that answers at once, however many files it has.
type memory struct {
	files map[waxseal.Path]waxseal.File
	texts map[waxseal.Path]string
	names map[waxseal.Path]map[string]bool // of each directory
}

var _ waxseal.Tree = (*memory)(nil)

func newMemory() *memory {
	return &memory{files: map[waxseal.Path]waxseal.File{"/": {Path: "/", Type: waxseal.Directory, Mode: 0o755}}, texts: map[waxseal.Path]string{}, names: map[waxseal.Path]map[string]bool{"/": {}}}
}

func parentOf(p waxseal.Path) waxseal.Path { return waxseal.Path(path.Dir(string(p))) }

// mkdir makes a directory of a user, below directories of the same user's or, in / and
// in /home, of root's.
func (m *memory) mkdir(p waxseal.Path, uid uint32) {
	if _, ok := m.files[p]; ok {
		return
	}
	parent := uid
	if up := parentOf(p); parentOf(up) == "/" || up == "/" || up == "/home" {
		parent = 0
	}
	m.mkdir(parentOf(p), parent)
	m.files[p], m.names[p] = waxseal.File{Path: p, Type: waxseal.Directory, Mode: 0o755, UID: uid, GID: uid}, map[string]bool{}
	m.names[parentOf(p)][path.Base(string(p))] = true
}

func (m *memory) put(p waxseal.Path, f waxseal.File, text string) {
	m.mkdir(parentOf(p), 0)
	f.Path, f.Type, f.Size, f.Links = p, waxseal.Regular, int64(len(text)), 1
	m.files[p], m.texts[p] = f, text
	m.names[parentOf(p)][path.Base(string(p))] = true
}

func (m *memory) remove(p waxseal.Path) {
	delete(m.files, p)
	delete(m.texts, p)
	delete(m.names[parentOf(p)], path.Base(string(p)))
}

// Lstat implements waxseal.Tree.
func (m *memory) Lstat(p waxseal.Path) (waxseal.File, error) {
	f, ok := m.files[p]
	if !ok {
		return f, &fs.PathError{Op: "stat", Path: string(p), Err: fs.ErrNotExist}
	}
	return f, nil
}

// Stat implements waxseal.Tree.
func (m *memory) Stat(p waxseal.Path) (waxseal.File, error) { return m.Lstat(p) }

// ReadFile implements waxseal.Tree.
func (m *memory) ReadFile(p waxseal.Path, _ int64) ([]byte, error) {
	f, err := m.Lstat(p)
	if err == nil && f.Type != waxseal.Regular {
		err = waxseal.ErrNotRegular
	}
	return []byte(m.texts[p]), err
}

// Digest implements waxseal.Tree.
func (m *memory) Digest(p waxseal.Path) (waxseal.Digest, error) {
	text, err := m.ReadFile(p, 0)
	sum := sha256.Sum256(text)
	return waxseal.Digest(hex.EncodeToString(sum[:])), err
}

// ReadDir implements waxseal.Tree.
func (m *memory) ReadDir(p waxseal.Path) ([]string, error) {
	names, ok := m.names[p]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: string(p), Err: fs.ErrNotExist}
	}
	return slices.Sorted(maps.Keys(names)), nil
}
