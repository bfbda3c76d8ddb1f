package fanotify

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// level is one set of abilities of the kernel.
type level struct {
	name  string
	since string // kernel
	flags uint
	mask  uint64
	lost  []string // what is missing against the best level
}

const (
	common    = unix.FAN_CLASS_NOTIF | unix.FAN_CLOEXEC | unix.FAN_NONBLOCK | unix.FAN_UNLIMITED_MARKS
	names     = unix.FAN_REPORT_DFID_NAME | unix.FAN_REPORT_FID
	changes   = unix.FAN_CLOSE_WRITE | unix.FAN_MODIFY | unix.FAN_ATTRIB | unix.FAN_CREATE | unix.FAN_DELETE | unix.FAN_ONDIR
	moves     = unix.FAN_MOVED_FROM | unix.FAN_MOVED_TO
	lostNames = "a rename comes as two events, so the old and the new name are not tied together, and a created file is opened by its name (Linux 5.17 has both)"
	lostPidfd = "a process is known by its number only, which another may have by the time it is looked at (Linux 5.15 gives a pidfd)"
)

// levels are the groups that are tried, best first (fanotify_init(2)).
var levels = []level{
	{"names, targets and pidfd", "5.17", common | unix.FAN_REPORT_DFID_NAME_TARGET | unix.FAN_REPORT_PIDFD, changes | unix.FAN_RENAME, nil},
	{"names and targets", "5.17", common | unix.FAN_REPORT_DFID_NAME_TARGET, changes | unix.FAN_RENAME, []string{lostPidfd}},
	{"names and pidfd", "5.15", common | names | unix.FAN_REPORT_PIDFD, changes | moves, []string{lostNames}},
	{"names", "5.9", common | names, changes | moves, []string{lostNames, lostPidfd}},
}

// initGroup makes a group at the first of these levels that this kernel offers.
func initGroup(try []level, without uint) (level, int, error) {
	var last error
	for _, l := range try {
		fd, err := unix.FanotifyInit(l.flags&^without, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_LARGEFILE)
		if err == nil {
			return l, fd, nil
		}
		last = err
		if !errors.Is(err, unix.EINVAL) {
			break
		}
	}
	return level{}, -1, errors.New(explainInit(last))
}

// Status is what Probe found out.
type Status struct {
	// Usable says that a sensor can be opened for the directory; Problems say why
	// not.
	Usable   bool
	Level    string // the best set of flags, in words
	Since    string // the kernel version that brought it
	Pidfd    bool
	Rename   bool // old and new name come in one event
	Problems []string
	Notes    []string // what is lost on this kernel
}

// Probe tries which kind of group this kernel gives, and whether the filesystem
// of a directory can be marked. It leaves nothing behind.
func Probe(dir string) Status {
	l, fd, err := initGroup(levels, 0)
	if err != nil {
		return Status{Problems: []string{err.Error()}}
	}
	defer unix.Close(fd)
	s := Status{
		Level: l.name, Since: l.since, Notes: l.lost,
		Pidfd: l.flags&unix.FAN_REPORT_PIDFD != 0, Rename: l.mask&unix.FAN_RENAME != 0,
	}
	if err := probeMark(fd, l, dir); err != nil {
		s.Problems = append(s.Problems, fmt.Sprintf("%s: %v", dir, err))
	}
	s.Usable = len(s.Problems) == 0
	return s
}

func probeMark(group int, l level, dir string) error {
	h, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(h)
	if err := markDirectory(group, l, h); err != nil {
		return err
	}
	if _, err := keyOf(h, fsid{}); err != nil {
		return errors.New(explainMark(err))
	}
	return nil
}

// explainInit and explainMark say in plain words what the answers of
// fanotify_init(2) and fanotify_mark(2) mean.
func explainInit(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return "CAP_SYS_ADMIN is missing"
	case errors.Is(err, unix.ENOSYS):
		return "this kernel has no fanotify"
	case errors.Is(err, unix.EINVAL):
		return "this kernel's fanotify reports no names (Linux 5.9 and later do)"
	case errors.Is(err, unix.EMFILE):
		return "too many fanotify groups: fs.fanotify.max_user_groups"
	}
	return fmt.Sprintf("fanotify: %v", err)
}

func explainMark(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return "CAP_SYS_ADMIN in the initial user namespace is missing"
	case errors.Is(err, unix.EOPNOTSUPP):
		return "this filesystem gives no file handles, so changes on it can't be reported (overlayfs before Linux 6.6, some FUSE)"
	case errors.Is(err, unix.ENODEV):
		return "this filesystem has no identity, so changes on it can't be reported (some FUSE)"
	case errors.Is(err, unix.EXDEV):
		return "this is a btrfs subvolume whose identity differs from its filesystem's: Linux 6.8 and later can watch it"
	case errors.Is(err, unix.EINVAL):
		return "this kernel or filesystem refuses to report changes of a whole filesystem"
	case errors.Is(err, unix.ENOSPC):
		return "too many fanotify marks: fs.fanotify.max_user_marks"
	}
	return fmt.Sprintf("fanotify mark: %v", err)
}
