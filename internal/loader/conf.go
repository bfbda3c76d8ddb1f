package loader

import (
	"path"
	"strings"

	"waxseal"
)

// Directory is a directory that ld.so.conf adds to the search for
// libraries.
type Directory struct {
	Path   waxseal.Path
	Source waxseal.Source
}

const (
	maxConf        = 1 << 20
	maxLoaderFiles = 256
	maxLoaderDirs  = 512
)

// Directories lists what ld.so.conf(5) and the files it includes add to
// the search for libraries, in their order (ldconfig(8)).
func Directories(tree waxseal.Tree) []Directory {
	c := &loaderConf{tree: tree, seen: map[waxseal.Path]bool{}}
	c.file("/etc/ld.so.conf")
	return c.dirs
}

type loaderConf struct {
	tree waxseal.Tree
	seen map[waxseal.Path]bool
	dirs []Directory
}

func (c *loaderConf) file(p waxseal.Path) {
	if c.seen[p] || len(c.seen) >= maxLoaderFiles {
		return
	}
	c.seen[p] = true
	content, err := c.tree.ReadFile(p, maxConf)
	if err != nil {
		return
	}
	number := 0
	for line := range strings.SplitSeq(string(content), "\n") {
		number++
		line, _, _ = strings.Cut(line, "#")
		f := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t,:\r", r) })
		switch {
		case len(f) == 0 || f[0] == "hwcap":
		case f[0] == "include":
			for _, pattern := range f[1:] {
				c.include(p, pattern)
			}
		default:
			for _, dir := range f {
				dir, _, _ = strings.Cut(dir, "=") // an old form with the library's kind
				if path.IsAbs(dir) && len(c.dirs) < maxLoaderDirs {
					c.dirs = append(c.dirs, Directory{clean(dir), waxseal.Source{Path: p, Line: number}})
				}
			}
		}
	}
}

// include follows "include PATTERN"; a relative one is beside the file.
func (c *loaderConf) include(from waxseal.Path, pattern string) {
	if !path.IsAbs(pattern) {
		pattern = path.Join(path.Dir(string(from)), pattern)
	}
	dir, base := path.Split(path.Clean(pattern))
	names, err := c.tree.ReadDir(clean(dir))
	if err != nil {
		return
	}
	for _, n := range names {
		if ok, err := path.Match(base, n); ok && err == nil {
			c.file(clean(dir + n))
		}
	}
}

func clean(p string) waxseal.Path { return waxseal.Path(path.Clean("/" + p)) }
