package treecache

import (
	"cmp"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"waxseal"
)

// lister is a tree that says whether there is more in a directory than it lists. Asked
// for a name, it has to walk along the path.
type lister interface {
	List(p waxseal.Path) (names []string, all bool, err error)
}

// listing is what a directory holds.
type listing struct {
	names []string
	all   bool // nothing else is found in it
}

// maxSure is the longest list that is looked through for a name again and again.
const maxSure = 1000

// list asks the tree below.
func (t *Tree) list(p waxseal.Path) (l listing, err error) {
	if below, ok := t.below.(lister); ok {
		l.names, l.all, err = below.List(p)
		l.all = l.all && len(l.names) <= maxSure && !slices.ContainsFunc(l.names, func(name string) bool { return !ascii(name) })
		return l, err
	}
	l.names, err = t.below.ReadDir(p)
	return l, err
}

// lacks reports whether a directory that was listed has nothing by the name of a path,
// or of a directory on the way there. Readers ask for a dozen files in each home, of
// which most are not there. It is called under the lock.
func (t *Tree) lacks(p waxseal.Path) bool {
	for {
		slash := strings.LastIndexByte(string(p), '/')
		if slash < 0 {
			return false
		}
		if list, ok := t.dirs[cmp.Or(p[:slash], "/")]; ok {
			return list.value.lacks(string(p[slash+1:]))
		}
		p = p[:slash]
	}
}

// lacks reports whether a name is not found in a directory. To some file systems names
// that differ by case are one, and there are many ways to write what is no ASCII.
func (l listing) lacks(name string) bool {
	if !l.all || name == "" || name == "." || name == ".." || !ascii(name) {
		return false
	}
	if _, there := slices.BinarySearch(l.names, name); there {
		return false
	}
	return !slices.ContainsFunc(l.names, func(listed string) bool { return strings.EqualFold(listed, name) })
}

func ascii(name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lacking is what the kernel says of such a path.
func lacking(p waxseal.Path) error {
	return &fs.PathError{Op: "open", Path: string(p), Err: syscall.ENOENT}
}
