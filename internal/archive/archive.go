// Package archive reads a tar archive as a waxseal.Tree: a backup of /etc, the
// root of an image, what a responder packed up on a host.
//
// It knows the formats of pax(1), GNU tar and bsdtar (tar(5)), packed by gzip,
// xz, zstd or bzip2 or not at all, whatever the file's name. The archive is gone
// through once to learn where each member lies; contents are read from there when
// they are asked for. A packed archive is unpacked to a temporary file without a
// name first.
//
// What tar would make of the members is what the tree shows: the last of two
// members with one name, a hard link's content, directories that no member names.
// Members that would lie outside the tree are left out, and Problems names them.
// Nothing is extracted, no device is made, no link is followed out of the archive.
package archive

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/snapshot"
)

// Tree is an open archive. Close it when done. Its methods may be called from
// several goroutines.
type Tree struct {
	file  *os.File // the tar archive, unpacked
	size  int64
	index *index
}

var _ waxseal.Tree = (*Tree)(nil)

// ErrNoArchive: the file is no tar archive, packed or not.
var ErrNoArchive = errors.New("not a tar archive")

// ErrBomb: the archive unpacks to more than is kept.
var ErrBomb = errors.New("the archive unpacks to more than is read")

// maxUnpacked bounds the temporary file of a packed archive.
const maxUnpacked = 16 << 30

// Open opens an archive.
func Open(name string) (*Tree, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	t, err := read(f, maxUnpacked)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", &fs.PathError{Op: "read", Path: name, Err: err})
	}
	return t, nil
}

// read makes a tree of an open file, which it owns from then on.
func read(f *os.File, limit int64) (*Tree, error) {
	plain, err := unpacked(f, limit)
	if plain != f {
		f.Close()
	}
	if err != nil {
		return nil, err
	}
	t, err := indexed(plain)
	if err != nil {
		plain.Close()
		return nil, err
	}
	return t, nil
}

func indexed(plain *os.File) (*Tree, error) {
	size, err := plain.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	ix, err := readIndex(plain, size)
	if err != nil {
		return nil, err
	}
	return &Tree{file: plain, size: size, index: ix}, nil
}

// unpacked returns the file itself, or a temporary one with what it unpacks to.
func unpacked(f *os.File, limit int64) (*os.File, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, waxseal.ErrNotRegular
	}
	head := make([]byte, blockSize)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if c := compressionOf(head[:n]); c != nil {
		return c.toFile(f, limit)
	}
	return f, nil
}

// toFile unpacks to a temporary file that has no name, so that nothing is left
// of it whatever happens.
func (c *compression) toFile(f *os.File, limit int64) (*os.File, error) {
	// Some decoders ask for single bytes.
	in, err := c.unpack(bufio.NewReaderSize(f, 256<<10))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if closer, ok := in.(io.Closer); ok {
		defer closer.Close()
	}
	out, err := nameless()
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(out, io.LimitReader(in, limit+1))
	switch {
	case n > limit:
		err = fmt.Errorf("%w: over %d MiB", ErrBomb, limit>>20)
	case err != nil && n < blockSize:
		err = fmt.Errorf("%s: %w", c.name, err)
	case err != nil && !isFull(err):
		err = nil // damaged or cut short: the index says so, and has what came before
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// isFull tells a temporary file that could not be written from an archive that
// could not be read.
func isFull(err error) bool {
	var where *fs.PathError
	return errors.As(err, &where) && where.Op == "write"
}

func nameless() (*os.File, error) {
	dir := os.TempDir()
	f, err := os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return f, nil
	}
	// A file system without O_TMPFILE (open(2)).
	if f, err = os.CreateTemp(dir, "waxseal-"); err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close closes the archive.
func (t *Tree) Close() error { return t.file.Close() }

// Problems lists what of the archive is not in the tree, or not as its author may
// have meant it.
func (t *Tree) Problems() []waxseal.Problem { return t.index.problems() }

// Keeps reports whether the archive would hold an extended attribute of this name,
// if a file had it; "" asks for the flags of chattr(1), which no tar keeps. Most
// archives are made without attributes, and ACLs and labels come as texts of tar's
// own, which are not read.
func (t *Tree) Keeps(attribute string) bool {
	switch {
	case attribute == "", strings.HasPrefix(attribute, "system.posix_acl_"), attribute == "security.selinux":
		return false
	}
	return t.index.attributes
}

// find finds the object that a path leads to.
func (t *Tree) find(p waxseal.Path, follow snapshot.Follow) (waxseal.Path, *node, error) {
	at, err := snapshot.Resolve(p, follow, t.index.look)
	if err != nil {
		return "", nil, err
	}
	return at, t.index.nodes[at], nil
}

// Lstat implements waxseal.Tree.
func (t *Tree) Lstat(p waxseal.Path) (waxseal.File, error) { return t.stat(p, snapshot.KeepLink) }

// Stat implements waxseal.Tree.
func (t *Tree) Stat(p waxseal.Path) (waxseal.File, error) { return t.stat(p, snapshot.FollowLink) }

func (t *Tree) stat(p waxseal.Path, follow snapshot.Follow) (waxseal.File, error) {
	at, n, err := t.find(p, follow)
	if err != nil {
		return waxseal.File{}, err
	}
	return n.describe(p, at), nil
}

// open returns the content of a regular file.
func (t *Tree) open(p waxseal.Path) (io.Reader, *node, error) {
	_, n, err := t.find(p, snapshot.FollowLink)
	if err != nil {
		return nil, nil, err
	}
	if n.kind != waxseal.Regular {
		return nil, nil, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrNotRegular}
	}
	r, err := n.content(t.file, t.size)
	if err != nil {
		return nil, nil, &fs.PathError{Op: "read", Path: string(p), Err: err}
	}
	return r, n, nil
}

// ReadFile implements waxseal.Tree.
func (t *Tree) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	r, n, err := t.open(p)
	if err != nil {
		return nil, err
	}
	if n.size > limit {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrTooLarge}
	}
	data := make([]byte, n.size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: errDamaged}
	}
	return data, nil
}

// errDamaged: the archive ends before the member's content does.
var errDamaged = errors.New("the archive is cut short here")

// CopyTo writes the whole content of a regular file to w, and returns ErrTooLarge
// before it writes anything if there is more than limit bytes.
func (t *Tree) CopyTo(p waxseal.Path, w io.Writer, limit int64) error {
	r, n, err := t.open(p)
	if err != nil {
		return err
	}
	if n.size > limit {
		return &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrTooLarge}
	}
	written, err := io.Copy(w, r)
	switch {
	case err == nil && written < n.size, errors.Is(err, io.ErrUnexpectedEOF):
		err = errDamaged
	case err == nil:
		return nil
	}
	return &fs.PathError{Op: "read", Path: string(p), Err: err}
}

// maxHashed bounds what is hashed of one file: a sparse member of a few bytes may
// claim to be as large as it likes.
const maxHashed = 64 << 30

// Digest implements waxseal.Tree.
func (t *Tree) Digest(p waxseal.Path) (waxseal.Digest, error) {
	h := sha256.New()
	if err := t.CopyTo(p, h, maxHashed); err != nil {
		return "", err
	}
	return waxseal.Digest(hex.EncodeToString(h.Sum(nil))), nil
}

// ReadDir implements waxseal.Tree.
func (t *Tree) ReadDir(p waxseal.Path) ([]string, error) {
	_, n, err := t.find(p, snapshot.FollowLink)
	if err == nil && n.kind != waxseal.Directory {
		err = &fs.PathError{Op: "read directory", Path: string(p), Err: unix.ENOTDIR}
	}
	if err != nil {
		return nil, err
	}
	names := slices.Clone(n.names)
	slices.Sort(names)
	return names, nil
}
