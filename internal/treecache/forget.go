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
	there, before := t.next.forgotten[p]
	if !before { // else what was asked of it is forgotten already
		there = asked && was.err == nil
		t.next.forget(p, there)
	}
	came := err == nil && !there // a link that led nowhere may lead here
	t.dropAll(t.names.take(p, was.value, link.value, now))
	if came {
		t.dropAll(t.unfound())
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

// unfound are the names that could not be found out about.
func (t *Tree) unfound() (list []waxseal.Path) {
	for _, known := range []map[waxseal.Path]answer[waxseal.File]{t.stats, t.links} {
		for q, said := range known {
			if said.err != nil {
				list = append(list, q)
			}
		}
	}
	return list
}

// dropAll forgets names, in both ways in which they were asked for; the lock is held.
func (t *Tree) dropAll(names []waxseal.Path) {
	for _, q := range names {
		was, link := t.stats[q], t.links[q]
		t.drop(q, was.value)
		t.drop(q, link.value)
	}
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
