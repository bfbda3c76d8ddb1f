package fanotify

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// maxMarks bounds the marks on one filesystem: each holds an inode in the kernel's
	// memory. Where more would be needed the whole filesystem is marked, and every
	// change on it is looked at.
	maxMarks = 1 << 15

	// contents are the events of a file itself; the others are of directories.
	contents = unix.FAN_MODIFY | unix.FAN_CLOSE_WRITE
	onFile   = contents | unix.FAN_ATTRIB
)

// marked is what is marked on one filesystem. The lock of the sensor guards it.
type marked struct {
	group int
	level level
	mount int            // a directory on it, held open because open_by_handle_at(2) needs one
	have  map[key]uint64 // with which events
	most  int
	whole bool  // all of it is
	err   error // why nothing on it can be
}

// onFilesystem prepares marks on the filesystem that a directory lies on.
func (s *Sensor) onFilesystem(id fsid, dir int) *marked {
	if m, ok := s.marks[id]; ok {
		return m
	}
	m := &marked{group: s.fd, level: s.level, have: map[key]uint64{}, most: s.maxMarks}
	s.marks[id] = m
	m.mount, m.err = unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return m
}

// maskOf is which events are wanted of a directory. Where it only leads on to another
// one, nothing is asked about its files: a log that is written there costs nothing.
func (m *marked) maskOf(children bool) uint64 {
	if children {
		return m.level.mask | unix.FAN_EVENT_ON_CHILD
	}
	return m.level.mask &^ contents
}

// add marks what a name in a directory, or "." for the directory itself, leads to.
func (m *marked) add(k key, mask uint64, dir int, name string) error {
	if m.err != nil || m.whole || m.have[k]&mask == mask {
		return m.err
	}
	if len(m.have) >= m.most {
		return m.all()
	}
	flags := uint(unix.FAN_MARK_ADD | unix.FAN_MARK_DONT_FOLLOW)
	if err := unix.FanotifyMark(m.group, flags, mask, dir, name); err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			return nil // it changed meanwhile: the mark on its directory tells
		}
		return fmt.Errorf("%s", explainMark(err))
	}
	m.have[k] |= mask
	return nil
}

// addFile marks a file that came up since the paths were walked, by a descriptor of it.
func (m *marked) addFile(k key, fd int) {
	if m.err != nil || m.whole || m.have[k] != 0 || len(m.have) >= m.most {
		return
	}
	if unix.FanotifyMark(m.group, unix.FAN_MARK_ADD, onFile, unix.AT_FDCWD, procPath(fd)) == nil { // else only its other names are not seen
		m.have[k] = onFile
	}
}

func (m *marked) all() error {
	if m.err = markFilesystem(m.group, m.level, m.mount); m.err == nil {
		m.whole = true
	}
	return m.err
}

// forget takes the marks away from what is not watched any more.
func (m *marked) forget(x *index) {
	for k, mask := range m.have {
		_, file := x.files[k]
		if file || x.dirs[k] != nil {
			continue
		}
		delete(m.have, k)
		h, ok := k.handle()
		if !ok {
			continue
		}
		fd, err := unix.OpenByHandleAt(m.mount, h, unix.O_PATH|unix.O_CLOEXEC)
		if err != nil {
			continue // it is gone, and its mark with it
		}
		_ = unix.FanotifyMark(m.group, unix.FAN_MARK_REMOVE, mask, unix.AT_FDCWD, procPath(fd)) // a mark too many is dropped where it reports
		_ = unix.Close(fd)
	}
}

func markFilesystem(group int, l level, dir int) error {
	err := unix.FanotifyMark(group, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM|unix.FAN_MARK_ONLYDIR, l.mask, dir, ".")
	if err != nil {
		return errors.New(explainMark(err))
	}
	return nil
}

// markDirectory tries whether a directory can be marked.
func markDirectory(group int, l level, dir int) error {
	err := unix.FanotifyMark(group, unix.FAN_MARK_ADD|unix.FAN_MARK_ONLYDIR, l.mask|unix.FAN_EVENT_ON_CHILD, dir, ".")
	if err != nil {
		return errors.New(explainMark(err))
	}
	return nil
}
