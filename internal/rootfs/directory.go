package rootfs

import (
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"waxseal"
)

// maxNames bounds a directory: one with more entries is no configuration.
const maxNames = 100_000

// ReadDir implements waxseal.Tree.
func (t *Tree) ReadDir(p waxseal.Path) ([]string, error) {
	names, _, err := t.List(p)
	return names, err
}

// List is ReadDir, and reports whether the file system finds nothing in the directory
// that it does not list. Names that differ by case only may be one to it.
func (t *Tree) List(p waxseal.Path) (names []string, all bool, err error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY // which opens nothing else
	o, err := t.openHow(p, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	if err != nil {
		return nil, false, t.notDirectory(p, err)
	}
	defer o.close()
	names, err = o.names(maxNames)
	if err != nil {
		return nil, false, &fs.PathError{Op: "read directory", Path: string(p), Err: err}
	}
	slices.Sort(names)
	return names, len(names) < maxNames && o.listsAll(), nil
}

// listsAll reports whether an open directory is of a file system that lists all that it
// finds. An automounter does not, nor do procfs, a network or FUSE have to (statfs(2)).
func (o object) listsAll() bool {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(o), &st); err != nil {
		return false
	}
	switch uint32(st.Type) { // it has another type on each architecture
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC:
		return true
	}
	return false
}

// names lists an open directory, without "." and "..".
func (o object) names(most int) (names []string, err error) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for len(names) < most {
		n, err := unix.ReadDirent(int(o), *buffer)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		case n <= 0:
			return names, nil
		}
		_, _, names = unix.ParseDirent((*buffer)[:n], most-len(names), names)
	}
	return names, nil
}

// notDirectory tells a path that names something else from one that names
// nothing: the kernel says ENOTDIR of both.
func (t *Tree) notDirectory(p waxseal.Path, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	o, again := t.open(p, doFollow)
	if again != nil {
		return err
	}
	o.close()
	return &fs.PathError{Op: "read directory", Path: string(p), Err: unix.ENOTDIR}
}
