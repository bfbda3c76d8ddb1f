package proc

import (
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Running returns the pids, ascending, of the processes that live in the tree at
// rootDir and whose program's file name is exeName, "master". It is how one
// knows whether a daemon runs in this tree and not in another on the same host:
// what is compared is the directory that the process has as its root, by device
// and inode, so a chroot and a container count too. A process whose root is "/"
// counts for a tree below it only where that is its own root.
//
// A daemon that has called chroot(2) itself has another root than the tree; the
// master process, which stays outside, is the one to ask for.
func Running(rootDir, exeName string) []int {
	var want unix.Stat_t
	if unix.Stat(path.Join(rootDir, "."), &want) != nil {
		return nil
	}
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		link, err := os.Readlink(path.Join("/proc", name, "exe"))
		if exe, _ := parseExe(link); err != nil || path.Base(exe) != exeName {
			continue
		}
		var root unix.Stat_t
		if unix.Stat(path.Join("/proc", name, "root")+"/.", &root) == nil && root.Dev == want.Dev && root.Ino == want.Ino {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}
