package treecache

import (
	"path"

	"waxseal"
)

// Forget drops what is remembered of a file, under all names that are known to be its own,
// because something happened to it: it was written, or another has its name now. It
// reports whether that is all that may be other: where a directory or a symbolic link is
// concerned, or was, any path may lead elsewhere, and the whole memory is to be thrown away.
func (t *Tree) Forget(p waxseal.Path) (all bool) {
	now, err := t.below.Lstat(p)
	if err == nil && now.Type != waxseal.Regular {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	was, asked := t.stats[p]
	if link, ok := t.links[p]; ok && link.err == nil && link.value.Type != waxseal.Regular || asked && was.err == nil && was.value.Type != waxseal.Regular {
		return false
	}
	came := err == nil && (!asked || was.err != nil) // a link that led nowhere may lead here
	for q, known := range t.stats {
		if q == p || known.value.Resolved == p || came && known.err != nil || asked && was.err == nil && sameFile(known.value, was.value) || err == nil && sameFile(known.value, now) {
			t.drop(q, known.value)
		}
	}
	t.drop(p, waxseal.File{})
	if (err == nil) != (asked && was.err == nil) {
		clear(t.dirs) // links may lead to the directory under any name
	}
	delete(t.dirs, waxseal.Path(path.Dir(string(p))))
	return true
}

func sameFile(a, b waxseal.File) bool {
	return a.Inode != 0 && a.Inode == b.Inode && a.Device == b.Device
}

// drop forgets one name; the lock is held.
func (t *Tree) drop(p waxseal.Path, known waxseal.File) {
	delete(t.stats, p)
	delete(t.links, p)
	delete(t.dirs, p)
	t.made.Lock()
	defer t.made.Unlock()
	for _, at := range []waxseal.Path{known.Resolved, waxseal.Path(path.Clean("/" + string(p)))} {
		if c := t.reads[at]; c != nil {
			t.held -= int64(len(c.data))
			delete(t.reads, at)
		}
	}
}
