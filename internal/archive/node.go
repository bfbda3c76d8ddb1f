package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/url"
	"path"
	"strings"
	"time"

	"waxseal"
)

// node is one object of an archive. Names that are hard links of one another
// share it.
type node struct {
	kind   waxseal.FileType
	mode   uint32
	uid    uint32
	gid    uint32
	links  uint32
	size   int64
	mtime  time.Time
	link   string
	xattrs map[string]waxseal.Digest
	names  []string // of a directory, unsorted
	place  place
}

func newNode(h *tar.Header, at place) *node {
	n := &node{
		kind: kindOf(h.Typeflag), mode: uint32(h.Mode) & 0o7777,
		uid: id(h.Uid), gid: id(h.Gid), links: 1,
		mtime:  h.ModTime.UTC(),
		xattrs: xattrs(h.PAXRecords),
		place:  at,
	}
	switch n.kind {
	case waxseal.Regular:
		n.size = h.Size
	case waxseal.Symlink:
		n.link, n.size = h.Linkname, int64(len(h.Linkname))
	}
	return n
}

// kindOf is the type of a member. Types that tar does not know are regular files
// (POSIX.1-2017, pax, "ustar Interchange Format").
func kindOf(kind byte) waxseal.FileType {
	switch kind {
	case tar.TypeSymlink:
		return waxseal.Symlink
	case tar.TypeChar, tar.TypeBlock:
		return waxseal.Device
	case tar.TypeDir, 'D': // GNU tar --listed-incremental
		return waxseal.Directory
	case tar.TypeFifo:
		return waxseal.FIFO
	default:
		return waxseal.Regular
	}
}

// xattrs digests the extended attributes that star, GNU tar ("SCHILY.xattr.")
// and bsdtar ("LIBARCHIVE.xattr.", in base64) keep in pax records.
func xattrs(records map[string]string) map[string]waxseal.Digest {
	var found map[string]waxseal.Digest
	keep := func(name, value string) {
		if found == nil {
			found = map[string]waxseal.Digest{}
		}
		sum := sha256.Sum256([]byte(value))
		found[name] = waxseal.Digest(hex.EncodeToString(sum[:]))
	}
	for key, value := range records {
		if name, ok := strings.CutPrefix(key, "LIBARCHIVE.xattr."); ok {
			raw, err := base64.StdEncoding.WithPadding(base64.NoPadding).DecodeString(strings.TrimRight(value, "="))
			if plain, bad := url.PathUnescape(name); err == nil && bad == nil {
				keep(plain, string(raw))
			}
		}
	}
	for key, value := range records { // the plain form stands where both are there
		if name, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok {
			keep(name, value)
		}
	}
	return found
}

// describe is the node as it is seen by the path p, which led to at.
func (n *node) describe(p, at waxseal.Path) waxseal.File {
	f := waxseal.File{
		Path: waxseal.Path(path.Clean("/" + string(p))), Link: n.link,
		Type: n.kind, Mode: n.mode, UID: n.uid, GID: n.gid,
		Size: n.size, ModTime: n.mtime, Links: uint64(n.links), XAttrs: n.xattrs,
	}
	if at != f.Path {
		f.Resolved = at
	}
	if n.links == 1 {
		f.Links = 0 // further names may lie outside what was packed up
	}
	return f
}

// maxSkip bounds how many sparse members in a row are gone through to read one.
const maxSkip = 1000

// content reads a regular file from the archive.
func (n *node) content(r io.ReaderAt, size int64) (io.Reader, error) {
	if !n.place.sparse {
		return io.NewSectionReader(r, n.place.offset, n.size), nil
	}
	if n.place.skip > maxSkip {
		return nil, errSparse
	}
	in := &cursor{r: r, size: size, at: n.place.offset}
	members := tar.NewReader(in)
	for range n.place.skip + 1 {
		if _, err := members.Next(); err != nil {
			return nil, errDamaged
		}
	}
	return members, nil
}
