package sandbox

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlock(7), by what each version of its interface (ABI) added.
const (
	readFile  = unix.LANDLOCK_ACCESS_FS_READ_FILE
	readDir   = unix.LANDLOCK_ACCESS_FS_READ_DIR
	execute   = unix.LANDLOCK_ACCESS_FS_EXECUTE
	inScratch = readFile | readDir | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_TRUNCATE

	firstVersion = 1<<13 - 1 // all rights of ABI 1
)

// landlockABI is the version of Landlock that the kernel has, 0 for none.
func landlockABI() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// handled is what a version can forbid: all of that is forbidden, but for what rules
// grant.
func handled(abi int) unix.LandlockRulesetAttr {
	a := unix.LandlockRulesetAttr{Handled_access_fs: firstVersion}
	if abi >= 2 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 5 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if abi >= 6 {
		a.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return a
}

// sizeOf is how much of the attributes a version knows; a larger one is refused where
// it is not zero, and older kernels have no more.
func sizeOf(abi int) uintptr {
	switch {
	case abi >= 6:
		return unsafe.Offsetof(unix.LandlockRulesetAttr{}.Quiet_access_fs)
	case abi >= 4:
		return unsafe.Offsetof(unix.LandlockRulesetAttr{}.Scoped)
	}
	return unsafe.Offsetof(unix.LandlockRulesetAttr{}.Handled_access_net)
}

// noLandlock is what is missing on a kernel without it.
const noLandlock = "this kernel has no Landlock (Linux 5.13, and \"landlock\" among its security modules): what may be read is bounded by the rights of a user only"

// restrict walls the calling thread in. It returns what may be read, nil where nothing
// bounds it, and why not.
func restrict(w Walls, program string) (map[node]bool, string, error) {
	abi := landlockABI()
	if abi == 0 {
		return nil, noLandlock, nil
	}
	attr := handled(abi)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), sizeOf(abi), 0)
	if errno != 0 {
		return nil, "", fmt.Errorf("make rules of Landlock: %w", errno)
	}
	rules := ruleset{int(fd), attr.Handled_access_fs}
	defer unix.Close(rules.fd)
	places := w.places()
	err := errors.Join(rules.grant(program, execute|readFile), rules.grant(w.Root, readDir))
	known := make(map[node]bool, len(places))
	for _, p := range places {
		rights := uint64(readFile)
		if p.isDir {
			rights |= readDir
		}
		if failed := rules.grant(p.path, rights); failed != nil {
			continue // it has gone since; whoever asks for it is told that it is denied
		}
		known[p.node] = true
	}
	if w.Scratch != "" {
		err = errors.Join(err, rules.grant(w.Scratch, inScratch))
	}
	if err != nil {
		return nil, "", err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return nil, "", fmt.Errorf("wall in with Landlock: %w", errno)
	}
	return known, "", nil
}

// ruleset is an open set of rules.
type ruleset struct {
	fd      int
	handled uint64
}

// grant grants rights to a file, or to a directory with all below it. A mere file can't
// be granted what only a directory has.
func (r ruleset) grant(p string, rights uint64) error {
	fd, err := unix.Open(p, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("grant %s: %w", p, err)
	}
	defer unix.Close(fd)
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & r.handled, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("grant %s: %w", p, errno)
	}
	return nil
}
