// Package snapshot is a tree held in memory: the files of a test, or a content
// that was on disk for a moment only, laid over the tree it was in.
//
// It resolves symbolic links as a chroot would, and answers like any other
// waxseal.Tree. It keeps no history and writes nothing.
package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"
	"strings"

	"waxseal"
)

// Object is one thing in a snapshot. A zero Type is a regular file.
type Object struct {
	waxseal.File
	Content []byte
}

// Tree is a set of objects by path. Parent directories need no entry.
type Tree struct {
	objects map[waxseal.Path]Object
	below   waxseal.Tree // nil, or the tree that this one lies over
}

var _ waxseal.Tree = (*Tree)(nil)

// New makes a tree of objects.
func New(objects map[waxseal.Path]Object) *Tree { return Over(nil, objects) }

// Files makes a tree of regular files, root's and 0644, from their contents.
func Files(contents map[string]string) *Tree {
	objects := map[waxseal.Path]Object{}
	for name, content := range contents {
		objects[waxseal.Path(path.Clean("/"+name))] = Object{File: waxseal.File{Mode: 0o644}, Content: []byte(content)}
	}
	return New(objects)
}

// Over lays objects over another tree. Paths that the objects do not name are
// answered by that tree; symbolic links that lead from one to the other are
// followed in the lower tree only.
func Over(below waxseal.Tree, objects map[waxseal.Path]Object) *Tree {
	t := &Tree{objects: make(map[waxseal.Path]Object, len(objects)), below: below}
	for p, o := range objects {
		o.Path = p
		if o.Type == "" {
			o.Type = waxseal.Regular
		}
		if o.Type == waxseal.Regular {
			o.Size = int64(len(o.Content))
		}
		t.objects[p] = o
	}
	return t
}

// Objects lists what a tree lays over another one.
func (t *Tree) Objects() map[waxseal.Path]Object { return t.objects }

// resolve follows the symbolic links of every component. A component without an
// entry may be a directory that only its files tell of.
func (t *Tree) resolve(p waxseal.Path, follow Follow) (waxseal.Path, error) {
	return Resolve(p, follow, func(at waxseal.Path) (waxseal.FileType, string) {
		if o, ok := t.objects[at]; ok {
			return o.Type, o.Link
		}
		return waxseal.Directory, ""
	})
}

// get finds an object by its resolved path.
func (t *Tree) get(p, at waxseal.Path) (Object, error) {
	if o, ok := t.objects[at]; ok {
		return o, nil
	}
	if t.isDir(at) {
		return Object{File: waxseal.File{Path: p, Type: waxseal.Directory, Mode: 0o755}}, nil
	}
	return Object{}, &fs.PathError{Op: "open", Path: string(p), Err: fs.ErrNotExist}
}

func (t *Tree) isDir(p waxseal.Path) bool {
	prefix := strings.TrimSuffix(string(p), "/") + "/"
	for name := range t.objects {
		if strings.HasPrefix(string(name), prefix) {
			return true
		}
	}
	return false
}

// covers reports whether this layer, not the one below, answers for a path.
func (t *Tree) covers(p waxseal.Path) bool {
	if t.below == nil {
		return true
	}
	_, ok := t.objects[waxseal.Path(path.Clean("/"+string(p)))]
	return ok
}

// Lstat implements waxseal.Tree.
func (t *Tree) Lstat(p waxseal.Path) (waxseal.File, error) {
	if !t.covers(p) {
		return t.below.Lstat(p)
	}
	return t.stat(p, KeepLink)
}

// Stat implements waxseal.Tree.
func (t *Tree) Stat(p waxseal.Path) (waxseal.File, error) {
	if !t.covers(p) {
		return t.below.Stat(p)
	}
	return t.stat(p, FollowLink)
}

func (t *Tree) stat(p waxseal.Path, mode Follow) (waxseal.File, error) {
	at, err := t.resolve(p, mode)
	if err != nil {
		return waxseal.File{}, err
	}
	o, err := t.get(p, at)
	if err != nil {
		return waxseal.File{}, err
	}
	f := o.File
	f.Path = waxseal.Path(path.Clean("/" + string(p)))
	if at != f.Path {
		f.Resolved = at
	}
	return f, nil
}

// ReadFile implements waxseal.Tree.
func (t *Tree) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	if !t.covers(p) {
		return t.below.ReadFile(p, limit)
	}
	o, err := t.regular(p)
	if err != nil {
		return nil, err
	}
	if int64(len(o.Content)) > limit {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrTooLarge}
	}
	return slices.Clone(o.Content), nil
}

// Digest implements waxseal.Tree.
func (t *Tree) Digest(p waxseal.Path) (waxseal.Digest, error) {
	if !t.covers(p) {
		return t.below.Digest(p)
	}
	o, err := t.regular(p)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(o.Content)
	return waxseal.Digest(hex.EncodeToString(sum[:])), nil
}

func (t *Tree) regular(p waxseal.Path) (Object, error) {
	at, err := t.resolve(p, FollowLink)
	if err != nil {
		return Object{}, err
	}
	o, err := t.get(p, at)
	if err == nil && o.Type != waxseal.Regular {
		err = &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrNotRegular}
	}
	return o, err
}

// ReadDir implements waxseal.Tree.
func (t *Tree) ReadDir(p waxseal.Path) ([]string, error) {
	names := map[string]bool{}
	if t.below != nil {
		lower, err := t.below.ReadDir(p)
		if err != nil {
			return nil, err
		}
		for _, n := range lower {
			names[n] = true
		}
	}
	at, err := t.resolve(p, FollowLink)
	if err != nil {
		return nil, err
	}
	prefix := strings.TrimSuffix(string(at), "/") + "/"
	for name := range t.objects {
		if rest, ok := strings.CutPrefix(string(name), prefix); ok && rest != "" {
			first, _, _ := strings.Cut(rest, "/")
			names[first] = true
		}
	}
	if len(names) == 0 && t.below == nil && !t.isDir(at) {
		return nil, &fs.PathError{Op: "read directory", Path: string(p), Err: fs.ErrNotExist}
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	return sorted, nil
}
