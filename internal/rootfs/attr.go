package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

func timeOf(ts unix.Timespec) time.Time { return time.Unix(ts.Unix()).UTC() }

// xattrs digests every extended attribute of an open object: POSIX ACLs,
// security.capability, user attributes (xattr(7)). Those that the reader may not
// see are left out.
func xattrs(f *os.File) map[string]waxseal.Digest {
	buf := make([]byte, 4096)
	n, err := unix.Listxattr(fdPath(f), buf)
	if err != nil || n == 0 {
		return nil
	}
	found := map[string]waxseal.Digest{}
	for name := range strings.SplitSeq(strings.TrimRight(string(buf[:n]), "\x00"), "\x00") {
		value := make([]byte, 65536) // XATTR_SIZE_MAX
		size, err := unix.Getxattr(fdPath(f), name, value)
		if err != nil {
			continue
		}
		sum := sha256.Sum256(value[:size])
		found[name] = waxseal.Digest(hex.EncodeToString(sum[:]))
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

// flags lists the inode flags that matter (chattr(1)), as statx(2) tells them.
func flags(f *os.File) []string {
	var st unix.Statx_t
	err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, 0, &st)
	if err != nil {
		return nil
	}
	var names []string
	if st.Attributes&unix.STATX_ATTR_IMMUTABLE != 0 {
		names = append(names, "immutable")
	}
	if st.Attributes&unix.STATX_ATTR_APPEND != 0 {
		names = append(names, "append")
	}
	return names
}
