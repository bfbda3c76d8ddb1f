package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/snapshot"
)

const (
	blockSize = 512
	// maxIndex bounds the memory for names, in bytes: that of a million files.
	maxIndex = 512 << 20
	// nodeCost is about what a node takes beside its names.
	nodeCost = 300
	// maxSteps bounds the links and directories that are gone through to find
	// where members lie, in bytes of their names, so that links through links cost
	// no hours.
	maxSteps = 512 << 20
	// maxName is the longest path that a file can have (PATH_MAX).
	maxName = 4096
	// maxProblems is how many members are named that are not in the tree.
	maxProblems = 50
)

// index is what is known of an archive without reading contents.
type index struct {
	nodes map[waxseal.Path]*node
	cost  int64 // against maxIndex
	steps int64 // against maxSteps
	// attributes: some member has extended attributes.
	attributes bool

	odd  []waxseal.Problem
	more int // problems beyond maxProblems
}

func newIndex() *index {
	root := &node{kind: waxseal.Directory, mode: 0o755, links: 1}
	return &index{nodes: map[waxseal.Path]*node{"/": root}}
}

// readIndex goes through an archive. An archive that is damaged half-way gives
// what came before, and a problem.
func readIndex(r io.ReaderAt, size int64) (*index, error) {
	in := &cursor{r: r, size: size}
	members := tar.NewReader(in)
	ix := newIndex()
	var anchor anchor
	for count := 0; ; count++ {
		h, err := members.Next()
		if errors.Is(err, io.EOF) {
			return ix, ix.checkEmpty(in, count)
		}
		if err != nil && count == 0 {
			return nil, ErrNoArchive
		}
		if err != nil {
			ix.problem("/", true, "the archive is damaged or cut short after %d members: those behind are missing", count)
			return ix, nil
		}
		if ix.cost > maxIndex || ix.steps > maxSteps {
			ix.problem("/", true, "the archive has too many names and links: what comes behind %d members is not read", count)
			return ix, nil
		}
		ix.add(h, anchor.next(h, in.at))
	}
}

// checkEmpty tells an archive without members, which is two blocks of zeros, from
// an empty file.
func (ix *index) checkEmpty(in *cursor, count int) error {
	if count == 0 && in.size < 2*blockSize {
		return ErrNoArchive
	}
	return nil
}

// anchor follows where members begin. The reader of the library does not tell
// where the map of a sparse file begins, so it is read again from the end of the
// last member before it that is none.
type anchor struct {
	end  int64 // of the last member that was not sparse
	skip int   // sparse members since then
}

// place is where a member's content is found.
type place struct {
	offset int64
	// sparse files: offset is where to begin to read headers, and skip how many
	// members lie between.
	sparse bool
	skip   int
}

func (a *anchor) next(h *tar.Header, at int64) place {
	if isSparse(h) {
		a.skip++
		return place{offset: a.end, sparse: true, skip: a.skip - 1}
	}
	size := h.Size
	if !hasContent(h.Typeflag) {
		size = 0
	}
	a.end, a.skip = at+(size+blockSize-1)/blockSize*blockSize, 0
	return place{offset: at}
}

func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for _, key := range []string{"GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.numblocks", "GNU.sparse.size"} {
		if _, ok := h.PAXRecords[key]; ok {
			return true
		}
	}
	return false
}

// hasContent reports whether members of a type are followed by content (tar(5)).
func hasContent(kind byte) bool {
	switch kind {
	case tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeDir, tar.TypeFifo:
		return false
	}
	return true
}

// add puts one member in the tree.
func (ix *index) add(h *tar.Header, at place) {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader, 'V': // a comment of git(1), the name of a volume
		return
	case 'M':
		ix.problem(waxseal.Path(path.Clean("/"+h.Name)), true, "continues a file of another volume: not read")
		return
	}
	name, ok := ix.name(h.Name)
	if !ok {
		return
	}
	n := newNode(h, at)
	ix.attributes = ix.attributes || n.xattrs != nil
	if h.Typeflag == tar.TypeLink {
		if n = ix.target(name, h.Linkname); n == nil {
			return
		}
	}
	ix.put(name, n)
}

// name is where a member lies in the tree. Its directories may be symbolic
// links, which tar follows.
func (ix *index) name(raw string) (waxseal.Path, bool) {
	clean := waxseal.Path(path.Clean("/" + raw))
	if len(raw) > maxName {
		ix.problem(clean[:64]+"…", true, "a name of %d bytes: no file can have it", len(raw))
		return "", false
	}
	for part := range strings.SplitSeq(raw, "/") {
		if part == ".." {
			ix.problem(clean, true, "the archive names this member %q: tar refuses names with \"..\", it is left out", raw)
			return "", false
		}
	}
	dir, err := ix.directory(waxseal.Path(path.Dir(string(clean))))
	if err != nil {
		ix.problem(clean, true, "its directory is a symbolic link that leads to none: left out")
		return "", false
	}
	return waxseal.Path(path.Join(string(dir), path.Base(string(clean)))), true
}

// directory finds a directory, and makes it where no member has named it.
func (ix *index) directory(p waxseal.Path) (waxseal.Path, error) {
	if n := ix.nodes[p]; n != nil && n.kind == waxseal.Directory {
		return p, nil
	}
	make := func(at waxseal.Path) (waxseal.FileType, string) {
		if kind, link := ix.step(at); kind != "" {
			return kind, link
		}
		ix.put(at, &node{kind: waxseal.Directory, mode: 0o755, links: 1})
		return waxseal.Directory, ""
	}
	at, err := snapshot.Resolve(p, snapshot.FollowLink, make)
	if err == nil && ix.nodes[at].kind != waxseal.Directory {
		err = waxseal.ErrNotRegular
	}
	return at, err
}

// target finds what a hard link names: a member that came before.
func (ix *index) target(name waxseal.Path, link string) *node {
	for part := range strings.SplitSeq(link, "/") {
		if part == ".." {
			ix.problem(name, true, "a hard link to %q: tar refuses names with \"..\", it is left out", link)
			return nil
		}
	}
	at, err := snapshot.Resolve(waxseal.Path(link), snapshot.KeepLink, ix.step)
	if err != nil || ix.nodes[at].kind == waxseal.Directory || at == name {
		ix.problem(name, true, "a hard link to %q, which is no earlier member: left out", link)
		return nil
	}
	n := ix.nodes[at]
	n.links++
	return n
}

// put lays an object at a place whose directory is there. The later of two
// members stands, but a directory keeps what is in it.
func (ix *index) put(at waxseal.Path, n *node) {
	old := ix.nodes[at]
	switch {
	case old == nil:
		dir := ix.nodes[waxseal.Path(path.Dir(string(at)))]
		dir.names = append(dir.names, path.Base(string(at)))
	case old.kind == waxseal.Directory && n.kind == waxseal.Directory:
		n.names = old.names
	case old.kind == waxseal.Directory && (len(old.names) > 0 || at == "/"):
		ix.problem(at, true, "a %s of this name follows a directory with files: left out", n.kind)
		return
	case old == n: // a hard link to itself
		return
	default:
		old.links--
	}
	ix.nodes[at] = n
	ix.cost += nodeCost + int64(2*len(at)+len(n.link)) + int64(100*len(n.xattrs))
}

// look tells snapshot.Resolve what lies at a place.
func (ix *index) look(at waxseal.Path) (waxseal.FileType, string) {
	if n := ix.nodes[at]; n != nil {
		return n.kind, n.link
	}
	return "", ""
}

// step is look while the index is made.
func (ix *index) step(at waxseal.Path) (waxseal.FileType, string) {
	ix.steps += int64(len(at))
	return ix.look(at)
}

func (ix *index) problem(p waxseal.Path, unreadable bool, format string, args ...any) {
	if len(ix.odd) == maxProblems {
		ix.more++
		return
	}
	ix.odd = append(ix.odd, waxseal.Problem{Path: p, Message: fmt.Sprintf(format, args...), Unreadable: unreadable})
}

func (ix *index) problems() []waxseal.Problem {
	if ix.more == 0 {
		return ix.odd
	}
	rest := waxseal.Problem{Path: "/", Unreadable: true, Message: fmt.Sprintf("and %d more members of the archive are left out", ix.more)}
	return append(ix.odd[:len(ix.odd):len(ix.odd)], rest)
}

// id keeps an owner that is out of range from becoming root.
func id(n int) uint32 {
	if n < 0 || int64(n) > math.MaxUint32 {
		return math.MaxUint32
	}
	return uint32(n)
}
