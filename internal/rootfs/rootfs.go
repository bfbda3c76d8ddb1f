// Package rootfs reads a directory of this machine as a waxseal.Tree: the live
// root, a mounted image, an unpacked backup.
//
// Every path is resolved by the kernel inside the directory (openat2(2)
// RESOLVE_IN_ROOT), so that neither "..", nor an absolute symbolic link, nor a
// link swapped in the middle of a read leads out of it. Objects are opened with
// O_PATH first and looked at before they are read: FIFOs and devices are never
// opened for reading.
//
// It does not write, execute, follow magic links of /proc, or change access
// times where it may avoid that.
package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"waxseal"
)

// Tree is an open directory. Close it when done.
type Tree struct {
	root *os.File
	real string // where the root lies on this machine, "" if the kernel would not say
}

var _ waxseal.Tree = (*Tree)(nil)

// Open opens a directory as a tree.
func Open(dir string) (*Tree, error) {
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	t := &Tree{root: root}
	t.real, _ = os.Readlink(fdPath(root))
	if t.real == "" {
		t.real, _ = filepath.EvalSymlinks(dir)
	}
	return t, nil
}

// Close closes the tree.
func (t *Tree) Close() error { return t.root.Close() }

// Problems lists nothing: a directory is taken as it is.
func (t *Tree) Problems() []waxseal.Problem { return nil }

// Dir is where the tree lies on this machine.
func (t *Tree) Dir() string { return t.real }

// follow says whether a final symbolic link is followed.
type follow int

const (
	noFollow follow = unix.O_NOFOLLOW
	doFollow follow = 0
)

// open opens an object without reading it (O_PATH).
func (t *Tree) open(p waxseal.Path, f follow) (*os.File, error) {
	how := &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC | uint64(f),
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(int(t.root.Fd()), relative(p), how)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), string(p)), nil
		case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
			continue // a rename raced with the walk: openat2(2) asks to try again
		case errors.Is(err, unix.ELOOP):
			return nil, &fs.PathError{Op: "open", Path: string(p), Err: waxseal.ErrLoop}
		case errors.Is(err, unix.ENOTDIR):
			return nil, &fs.PathError{Op: "open", Path: string(p), Err: fs.ErrNotExist}
		default:
			return nil, &fs.PathError{Op: "open", Path: string(p), Err: err}
		}
	}
}

func relative(p waxseal.Path) string {
	rel := strings.TrimLeft(path.Clean("/"+string(p)), "/")
	if rel == "" {
		return "."
	}
	return rel
}

func fdPath(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

// Lstat implements waxseal.Tree.
func (t *Tree) Lstat(p waxseal.Path) (waxseal.File, error) {
	f, err := t.open(p, noFollow)
	if err != nil {
		return waxseal.File{}, err
	}
	defer f.Close()
	return t.describe(f, p)
}

// Stat implements waxseal.Tree.
func (t *Tree) Stat(p waxseal.Path) (waxseal.File, error) {
	f, err := t.open(p, doFollow)
	if err != nil {
		return waxseal.File{}, err
	}
	defer f.Close()
	file, err := t.describe(f, p)
	if err != nil {
		return file, err
	}
	if at := t.inside(f); at != "" && at != file.Path {
		file.Resolved = at
	}
	return file, nil
}

// inside is the path of an open object in the tree, "" if it is not known.
func (t *Tree) inside(f *os.File) waxseal.Path {
	at, err := os.Readlink(fdPath(f))
	if err != nil || !strings.HasPrefix(at, "/") {
		return ""
	}
	if t.real == "/" {
		return waxseal.Path(at)
	}
	rest, ok := strings.CutPrefix(at, t.real)
	if !ok || rest != "" && rest[0] != '/' {
		return ""
	}
	return waxseal.Path(path.Clean("/" + rest))
}

// describe fills in the metadata of an open object.
func (t *Tree) describe(f *os.File, p waxseal.Path) (waxseal.File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return waxseal.File{}, &fs.PathError{Op: "stat", Path: string(p), Err: err}
	}
	file := waxseal.File{
		Path: waxseal.Path(path.Clean("/" + string(p))),
		Type: fileType(st.Mode),
		Mode: st.Mode & 0o7777,
		UID:  st.Uid, GID: st.Gid,
		Size:    st.Size,
		ModTime: timeOf(st.Mtim), ChangeTime: timeOf(st.Ctim),
		Device: st.Dev, Inode: st.Ino, Links: st.Nlink,
		XAttrs: xattrs(f),
		Flags:  flags(f),
	}
	if file.Type == waxseal.Symlink {
		file.Link = readlink(f)
	}
	return file, nil
}

func fileType(mode uint32) waxseal.FileType {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return waxseal.Regular
	case unix.S_IFDIR:
		return waxseal.Directory
	case unix.S_IFLNK:
		return waxseal.Symlink
	case unix.S_IFIFO:
		return waxseal.FIFO
	case unix.S_IFSOCK:
		return waxseal.Socket
	default:
		return waxseal.Device
	}
}

func readlink(f *os.File) string {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), "", buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// ReadFile implements waxseal.Tree.
func (t *Tree) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	f, err := t.openRegular(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: err}
	}
	if int64(len(data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrTooLarge}
	}
	return data, nil
}

// Digest implements waxseal.Tree.
func (t *Tree) Digest(p waxseal.Path) (waxseal.Digest, error) {
	f, err := t.openRegular(p)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", &fs.PathError{Op: "read", Path: string(p), Err: err}
	}
	return waxseal.Digest(hex.EncodeToString(h.Sum(nil))), nil
}

// openRegular opens a regular file for reading, after looking at what it is.
func (t *Tree) openRegular(p waxseal.Path) (*os.File, error) {
	at, err := t.open(p, doFollow)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(at.Fd()), &st); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: string(p), Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrNotRegular}
	}
	// The magic link leads to the very object that was looked at.
	const flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	f, err := os.OpenFile(fdPath(at), flags|unix.O_NOATIME, 0)
	if errors.Is(err, unix.EPERM) { // O_NOATIME is for the owner and root only
		f, err = os.OpenFile(fdPath(at), flags, 0)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: errors.Unwrap(err)}
	}
	return f, nil
}

// maxNames bounds a directory: one with more entries is no configuration.
const maxNames = 100_000

// ReadDir implements waxseal.Tree.
func (t *Tree) ReadDir(p waxseal.Path) ([]string, error) {
	at, err := t.open(p, doFollow)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	dir, err := os.OpenFile(fdPath(at), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "read directory", Path: string(p), Err: errors.Unwrap(err)}
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxNames)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &fs.PathError{Op: "read directory", Path: string(p), Err: err}
	}
	slices.Sort(names)
	return names, nil
}
