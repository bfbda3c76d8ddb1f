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
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// Tree is an open directory. Close it when done.
type Tree struct {
	root *os.File
	real string // where the root lies on this machine, "" if the kernel would not say
	// mounts is open since MountsChanged was first asked; -1 where it can't be.
	mounts *object
}

var _ waxseal.Tree = (*Tree)(nil)

// ErrNoOpenat2 is why nothing could be read here.
var ErrNoOpenat2 = errors.New("openat2(2), by which files are read, is refused: the kernel is older than Linux 5.6, " +
	"or a filter of system calls is around this process, as RestrictSUIDSGID= of a unit of systemd puts one")

// Open opens a directory as a tree.
func Open(dir string) (*Tree, error) {
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	return Of(root)
}

// Of is the tree of an open directory (O_PATH is enough), which it closes in the end.
func Of(root *os.File) (*Tree, error) {
	t := &Tree{root: root}
	if o, err := t.open("/", noFollow); err == nil {
		o.close()
	} else if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		root.Close()
		return nil, fmt.Errorf("open tree: %w: %w", ErrNoOpenat2, err)
	}
	t.real, _ = os.Readlink(fdPath(root))
	if t.real == "" {
		t.real, _ = filepath.EvalSymlinks(root.Name())
	}
	return t, nil
}

// Close closes the tree.
func (t *Tree) Close() error {
	if t.mounts != nil && *t.mounts >= 0 {
		t.mounts.close()
	}
	return t.root.Close()
}

// Problems lists nothing: a directory is taken as it is.
func (t *Tree) Problems() []waxseal.Problem { return nil }

// Keeps reports that files have the extended attributes and flags that they show.
func (t *Tree) Keeps(string) bool { return true }

// Dir is where the tree lies on this machine.
func (t *Tree) Dir() string { return t.real }

// follow says whether a final symbolic link is followed.
type follow int

const (
	noFollow follow = unix.O_NOFOLLOW
	doFollow follow = 0
)

// object is an open descriptor. The runtime's own files would ask the kernel
// about each of them, and put it to its poller, for nothing.
type object int

func (o object) close() { unix.Close(int(o)) }

func (o object) path() string { return "/proc/self/fd/" + strconv.Itoa(int(o)) }

// open opens an object without reading it (O_PATH).
func (t *Tree) open(p waxseal.Path, f follow) (object, error) {
	return t.openHow(p, unix.O_PATH|uint64(f), unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
}

// atOnce is how often what a rename or a mount raced with is tried again without a pause,
// and maxTries how often at all: whoever renames without end, or has unmounted the tree
// under us, would keep us for ever.
const atOnce, maxTries = 64, 128

func (t *Tree) openHow(p waxseal.Path, flags, resolve uint64) (object, error) {
	how := &unix.OpenHow{Flags: unix.O_CLOEXEC | flags, Resolve: resolve}
	for tries := 0; ; tries++ {
		fd, err := unix.Openat2(int(t.root.Fd()), relative(p), how)
		switch {
		case err == nil:
			return object(fd), nil
		case err == unix.EAGAIN && tries < maxTries || err == unix.EINTR:
			if tries >= atOnce {
				time.Sleep(time.Millisecond)
			}
			continue // a rename raced with the walk: openat2(2) asks to try again
		case err == unix.ELOOP:
			err = waxseal.ErrLoop
		case err == unix.ENOTDIR:
			err = fs.ErrNotExist
		}
		return -1, &fs.PathError{Op: "open", Path: string(p), Err: err}
	}
}

// relative is a path as the kernel resolves it below the root. ".." is left to
// the kernel: behind a symbolic link it is not what precedes it in the text.
func relative(p waxseal.Path) string {
	rel := strings.TrimLeft(string(p), "/")
	if rel == "" {
		return "."
	}
	return rel
}

func fdPath(f *os.File) string { return object(f.Fd()).path() }

// Lstat implements waxseal.Tree.
func (t *Tree) Lstat(p waxseal.Path) (waxseal.File, error) {
	o, err := t.open(p, noFollow)
	if err != nil {
		return waxseal.File{}, err
	}
	defer o.close()
	return describe(o, p)
}

// Stat implements waxseal.Tree.
func (t *Tree) Stat(p waxseal.Path) (waxseal.File, error) {
	o, resolved, err := t.find(p)
	if err != nil {
		return waxseal.File{}, err
	}
	defer o.close()
	file, err := describe(o, p)
	if resolved != file.Path {
		file.Resolved = resolved
	}
	return file, err
}

// Look is Stat, and opens what is a regular file for reading as well: one walk along
// the path instead of two, and both are about the same object. The reader is nil for
// what is none or can't be opened; OpenFile says why.
func (t *Tree) Look(p waxseal.Path) (waxseal.File, io.ReadCloser, error) {
	o, resolved, err := t.find(p)
	if err != nil {
		return waxseal.File{}, nil, err
	}
	defer o.close()
	file, err := attributes(o, p)
	if err != nil {
		return file, nil, err
	}
	if resolved != file.Path {
		file.Resolved = resolved
	}
	if file.Type == waxseal.Regular {
		if open, err := o.reopen(); err == nil {
			file.XAttrs = xattrsOpen(open, o)
			return file, open, nil
		}
	}
	file.XAttrs = xattrs(o)
	return file, nil, nil
}

// find opens what a path leads to, without reading it. Resolved is where that lies, if
// links lead there.
func (t *Tree) find(p waxseal.Path) (o object, resolved waxseal.Path, err error) {
	// Most paths lead through no link, and the kernel can say so: then what is not
	// there is not there by any other way.
	const direct = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS
	if !strings.Contains(string(p), "..") {
		if o, err = t.openHow(p, unix.O_PATH, direct); err == nil || errors.Is(err, fs.ErrNotExist) {
			return o, "", err
		}
	}
	if o, err = t.open(p, doFollow); err != nil {
		return -1, "", err
	}
	return o, t.inside(o), nil
}

// inside is the path of an open object in the tree, "" if it is not known.
func (t *Tree) inside(o object) waxseal.Path {
	at, err := os.Readlink(o.path())
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

// ReadFile implements waxseal.Tree.
func (t *Tree) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	o, size, err := t.openRegular(p)
	if err != nil {
		return nil, err
	}
	defer o.close()
	if size > limit {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrTooLarge}
	}
	data, err := readAll(o, size, limit)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: string(p), Err: err}
	}
	return data, nil
}

// readAll reads a file that had this size a moment ago. Files of /proc and /sys
// have none, and a log may grow.
func readAll(o object, size, limit int64) ([]byte, error) {
	data := make([]byte, 0, min(size, limit)+1) // one more, to see the end
	for {
		n, err := o.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, err
		case int64(len(data)) > limit:
			return nil, waxseal.ErrTooLarge
		case size > 0 && int64(len(data)) == size:
			return data, nil // there was room for more, and no more came
		}
		if len(data) == cap(data) {
			data = slices.Grow(data, max(512, len(data)))
		}
	}
}

// Read implements io.Reader.
func (o object) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(o), b)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// buffers are what files go through on their way.
var buffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// CopyTo writes the whole content of a regular file to w, and returns ErrTooLarge
// if there is more than limit bytes.
func (t *Tree) CopyTo(p waxseal.Path, w io.Writer, limit int64) error {
	o, size, err := t.openRegular(p)
	if err != nil {
		return err
	}
	defer o.close()
	if size > limit {
		err = waxseal.ErrTooLarge
	} else {
		err = pour(o, size, w, limit)
	}
	if err != nil {
		return &fs.PathError{Op: "read", Path: string(p), Err: err}
	}
	return nil
}

// pour copies a file that had this size a moment ago.
func pour(o object, size int64, w io.Writer, limit int64) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for total := int64(0); ; {
		n, err := o.Read(*buffer)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if total += int64(n); total > limit {
			return waxseal.ErrTooLarge
		}
		if _, err := w.Write((*buffer)[:n]); err != nil {
			return err
		}
		if total == size && n < len(*buffer) {
			return nil // there was room for more, and no more came
		}
	}
}

// OpenFile opens a regular file for reading.
func (t *Tree) OpenFile(p waxseal.Path) (io.ReadCloser, error) {
	o, _, err := t.openRegular(p)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Close implements io.Closer.
func (o object) Close() error { return unix.Close(int(o)) }

// Digest implements waxseal.Tree.
func (t *Tree) Digest(p waxseal.Path) (waxseal.Digest, error) {
	h := sha256.New()
	if err := t.CopyTo(p, h, math.MaxInt64-1); err != nil {
		return "", err
	}
	return waxseal.Digest(hex.EncodeToString(h.Sum(nil))), nil
}

// openRegular opens a regular file for reading, after looking at what it is, and
// says how large it is.
func (t *Tree) openRegular(p waxseal.Path) (object, int64, error) {
	at, err := t.open(p, doFollow)
	if err != nil {
		return -1, 0, err
	}
	defer at.close()
	var st unix.Stat_t
	if err := unix.Fstat(int(at), &st); err != nil {
		return -1, 0, &fs.PathError{Op: "stat", Path: string(p), Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1, 0, &fs.PathError{Op: "read", Path: string(p), Err: waxseal.ErrNotRegular}
	}
	o, err := at.reopen()
	if err != nil {
		return -1, 0, &fs.PathError{Op: "read", Path: string(p), Err: err}
	}
	return o, st.Size, nil
}

// reopen opens for reading what is open as a mere path: the magic link leads to the
// very object that was looked at.
func (o object) reopen() (object, error) {
	const flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	open, err := o.reopenWith(flags | unix.O_NOATIME)
	if err == unix.EPERM { // O_NOATIME is for the owner and root only
		return o.reopenWith(flags)
	}
	return open, err
}

func (o object) reopenWith(flags int) (object, error) {
	for {
		fd, err := unix.Open(o.path(), flags, 0)
		if err != unix.EINTR {
			return object(fd), err
		}
	}
}
