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
	link, linked := t.links[p]
	if isOther(link, linked) || isOther(was, asked) {
		return false
	}
	there := asked && was.err == nil
	came := err == nil && !there // a link that led nowhere may lead here
	its := func(f waxseal.File) bool {
		return err == nil && sameFile(f, now) || there && sameFile(f, was.value) || linked && link.err == nil && sameFile(f, link.value)
	}
	for _, known := range []map[waxseal.Path]answer[waxseal.File]{t.stats, t.links} {
		for q, said := range known {
			if q == p || said.value.Resolved == p || came && said.err != nil || its(said.value) {
				t.drop(q, said.value)
			}
		}
	}
	t.drop(p, waxseal.File{})
	if (err == nil) != there {
		clear(t.dirs) // links may lead to the directory under any name
		t.next.listings = true
	}
	delete(t.dirs, waxseal.Path(path.Dir(string(p))))
	t.touch(waxseal.Path(path.Dir(string(p))))
	return true
}

// isOther reports whether a path was known as something else than a file.
func isOther(known answer[waxseal.File], asked bool) bool {
	return asked && known.err == nil && known.value.Type != waxseal.Regular
}

func sameFile(a, b waxseal.File) bool {
	return a.Inode != 0 && a.Inode == b.Inode && a.Device == b.Device
}

// drop forgets one name; the lock is held.
func (t *Tree) drop(p waxseal.Path, known waxseal.File) {
	t.touch(p)
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
