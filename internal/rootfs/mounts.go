package rootfs

import (
	"os"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/mountinfo"
)

// Mounts lists what is mounted at and below the root of the tree, as this process
// sees it, by paths in the tree: a file system or a single file over another one
// shows something else than what lies on the disk below. The one that the root
// itself lies in comes as "/". See [mountinfo.At] for which of them answers for a path.
func (t *Tree) Mounts() ([]waxseal.Mount, []waxseal.Problem) {
	if t.real == "" {
		return nil, nil
	}
	content, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return nil, []waxseal.Problem{{Path: "/proc/self/mountinfo", Message: "what is mounted is not known: " + err.Error(), Unreadable: true}}
	}
	mounts, problems := mountinfo.Parse(content)
	return mountinfo.Inside(mounts, t.real), problems
}

// MountsChanged reports whether anything was mounted or unmounted since it was last
// asked, anywhere on the host; the kernel tells it by an exceptional condition of
// mountinfo (proc_pid_mountinfo(5)). The first answer is no. It is for one goroutine.
func (t *Tree) MountsChanged() bool {
	if t.mounts == nil {
		fd, err := unix.Open("/proc/thread-self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			fd = -1 // the mounts are still read with everything else
		}
		o := object(fd)
		t.mounts = &o
	}
	if *t.mounts < 0 {
		return false
	}
	asked := []unix.PollFd{{Fd: int32(*t.mounts), Events: unix.POLLPRI}}
	n, err := unix.Poll(asked, 0)
	return err == nil && n > 0 && asked[0].Revents&(unix.POLLPRI|unix.POLLERR) != 0
}
