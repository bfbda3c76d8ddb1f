package snapshot

import (
	"io/fs"
	"path"
	"strings"

	"waxseal"
)

// Follow says whether a final symbolic link is followed.
type Follow int

// The ways to look at a final symbolic link.
const (
	KeepLink Follow = iota
	FollowLink
)

const (
	maxLinks = 40   // as the kernel (path_resolution(7))
	maxPath  = 4096 // PATH_MAX, of a path and of the text of a link
)

// Resolve finds out which object a path names, as the kernel does after
// chroot(2) (path_resolution(7)): links of every component are followed, the
// last one's as follow says, ".." goes to the parent of where a link has led,
// and neither leaves the root.
//
// look tells what lies at a path without links: its type, and the text of a
// symbolic link. Type "" is nothing.
func Resolve(p waxseal.Path, follow Follow, look func(waxseal.Path) (waxseal.FileType, string)) (waxseal.Path, error) {
	fail := func(err error) (waxseal.Path, error) {
		return "", &fs.PathError{Op: "resolve", Path: string(p), Err: err}
	}
	if len(p) > maxPath {
		return fail(fs.ErrNotExist) // ENAMETOOLONG: nothing can be there
	}
	at, links := "/", 0
	for rest := components(string(p)); len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = path.Dir(at)
			continue
		}
		next := strings.TrimSuffix(at, "/") + "/" + name
		kind, link := look(waxseal.Path(next))
		switch {
		case kind == waxseal.Symlink && (len(rest) > 0 || follow == FollowLink):
			if links++; links > maxLinks {
				return fail(waxseal.ErrLoop)
			}
			if len(link) >= maxPath || link == "" {
				return fail(fs.ErrNotExist)
			}
			if path.IsAbs(link) {
				at = "/"
			}
			rest = append(components(link), rest...)
		case kind == "" || kind != waxseal.Directory && len(rest) > 0:
			return fail(fs.ErrNotExist)
		default:
			at = next
		}
	}
	return waxseal.Path(at), nil
}

// components are the names in a path, without the empty ones and ".".
func components(p string) []string {
	var names []string
	for name := range strings.SplitSeq(p, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}
