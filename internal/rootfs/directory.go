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
	const flags = unix.O_RDONLY | unix.O_DIRECTORY // which opens nothing else
	o, err := t.openHow(p, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	if err != nil {
		return nil, t.notDirectory(p, err)
	}
	defer o.close()
	names, err := o.names(maxNames)
	if err != nil {
		return nil, &fs.PathError{Op: "read directory", Path: string(p), Err: err}
	}
	slices.Sort(names)
	return names, nil
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
