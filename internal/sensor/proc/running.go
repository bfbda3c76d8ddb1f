package proc

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Running returns the pids, ascending, of the processes that live in the tree at
// rootDir and whose program's path ends with name: "master", "sm.bin/sendmail". It
// is how one knows whether a daemon runs in this tree and not in another on the
// same host: what is compared is the directory that the process has as its root,
// by device and inode, so a chroot and a container count too. A process whose root
// is "/" counts for a tree below it only where that is its own root.
//
// A daemon that has called chroot(2) itself has another root than the tree; the
// master process, which stays outside, is the one to ask for.
func Running(rootDir, name string) []int {
	var want unix.Stat_t
	if unix.Stat(path.Join(rootDir, "."), &want) != nil {
		return nil
	}
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	entries, _ := d.Readdirnames(-1)
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry)
		if err != nil {
			continue
		}
		link, err := os.Readlink(path.Join("/proc", entry, "exe"))
		if exe, _ := parseExe(link); err != nil || !strings.HasSuffix(exe, "/"+name) {
			continue
		}
		var root unix.Stat_t
		if unix.Stat(path.Join("/proc", entry, "root")+"/.", &root) == nil && root.Dev == want.Dev && root.Ino == want.Ino {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}
