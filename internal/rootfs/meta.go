package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// describe fills in the metadata of an open object, by one statx(2) and one look
// at its extended attributes.
func describe(o object, p waxseal.Path) (waxseal.File, error) {
	file, err := attributes(o, p)
	if err != nil {
		return file, err
	}
	file.XAttrs = xattrs(o)
	if file.Type == waxseal.Symlink {
		file.Link = readlink(o)
	}
	return file, nil
}

// attributes are what statx(2) tells.
func attributes(o object, p waxseal.Path) (waxseal.File, error) {
	var st unix.Statx_t
	err := unix.Statx(int(o), "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st)
	if err != nil {
		return waxseal.File{}, &fs.PathError{Op: "stat", Path: string(p), Err: err}
	}
	return waxseal.File{
		Path: waxseal.Path(path.Clean("/" + string(p))),
		Type: fileType(uint32(st.Mode)),
		Mode: uint32(st.Mode) & 0o7777,
		UID:  st.Uid, GID: st.Gid,
		Size:    int64(st.Size),
		ModTime: timeOf(st.Mtime), ChangeTime: timeOf(st.Ctime),
		Device: unix.Mkdev(st.Dev_major, st.Dev_minor), Inode: st.Ino, Links: uint64(st.Nlink),
		Flags: flags(st.Attributes),
	}, nil
}

func timeOf(ts unix.StatxTimestamp) time.Time { return time.Unix(ts.Sec, int64(ts.Nsec)).UTC() }

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

func readlink(o object) string {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(o), "", buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// xattrs digests every extended attribute of an open object: POSIX ACLs,
// security.capability, user attributes (xattr(7)). Those that the reader may not
// see are left out.
func xattrs(o object) map[string]waxseal.Digest {
	size, err := unix.Listxattr(o.path(), nil)
	if err != nil || size == 0 {
		return nil // nearly always
	}
	buf := make([]byte, 65536) // XATTR_LIST_MAX, XATTR_SIZE_MAX
	n, err := unix.Listxattr(o.path(), buf)
	if err != nil || n == 0 {
		return nil
	}
	found := map[string]waxseal.Digest{}
	for name := range strings.SplitSeq(strings.TrimRight(string(buf[:n]), "\x00"), "\x00") {
		size, err := unix.Getxattr(o.path(), name, buf)
		if err != nil {
			continue
		}
		sum := sha256.Sum256(buf[:size])
		found[name] = waxseal.Digest(hex.EncodeToString(sum[:]))
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// xattrsOpen is xattrs of an object that is open for reading too: the kernel tells of
// such a one without a walk along a path, and nearly always that there are none.
func xattrsOpen(open, o object) map[string]waxseal.Digest {
	if size, err := unix.Flistxattr(int(open), nil); err != nil || size == 0 {
		return nil
	}
	return xattrs(o)
}

// flags lists the inode flags that matter (chattr(1)), as statx(2) tells them.
func flags(attributes uint64) []string {
	var names []string
	if attributes&unix.STATX_ATTR_IMMUTABLE != 0 {
		names = append(names, "immutable")
	}
	if attributes&unix.STATX_ATTR_APPEND != 0 {
		names = append(names, "append")
	}
	return names
}
