package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	mebi = 1 << 20
	// leastFree and mostFree bound what is left to others on a filesystem. Postfix refuses
	// mail below 1.5 times message_size_limit of free space (postconf(5) queue_minfree), 15
	// MB by default: the ledger stops long before that.
	leastFree = 64 * mebi
	mostFree  = 4096 * mebi
	// smallDisk has no room for leastFree.
	smallDisk = 512 * mebi
)

// leftFree is how much of a filesystem is not the ledger's: a twentieth, within bounds.
func leftFree(total uint64) uint64 {
	free := total / 20
	if total < smallDisk {
		return free
	}
	return min(max(free, leastFree), mostFree)
}

// room reports whether the ledger may grow. Mail on the same filesystem goes first: what
// is seen meanwhile is judged and told, and is a gap of the ledger.
func (s *Store) room() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(s.dir, &fs); err != nil {
		return nil // the write itself shows what is wrong
	}
	size := uint64(fs.Bsize)
	if free, keep := fs.Bavail*size, leftFree(fs.Blocks*size); free < keep {
		return fmt.Errorf("%w: %s: %d MiB are free on its filesystem, and the last %d MiB are left to mail", ErrFull, s.file(), free/mebi, keep/mebi)
	}
	return nil
}
