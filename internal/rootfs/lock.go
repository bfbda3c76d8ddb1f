package rootfs

import (
	"golang.org/x/sys/unix"

	"waxseal"
)

// Locked reports whether some process holds a lock on a regular file (fcntl(2) F_GETLK), as
// package managers do while they work. The list of all locks (proc_locks(5)) is no way to
// ask: while one reads it the kernel stops who locks anything, and to stop them takes it
// milliseconds.
func (t *Tree) Locked(p waxseal.Path) bool {
	o, _, err := t.openRegular(p)
	if err != nil {
		return false
	}
	defer o.close()
	ask := unix.Flock_t{Type: unix.F_WRLCK} // which no other lock lets be
	return unix.FcntlFlock(uintptr(o), unix.F_GETLK, &ask) == nil && ask.Type != unix.F_UNLCK
}
