package fanotify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"waxseal"
)

// fill adds what the file itself says: device and inode, and its content where
// that is wanted.
func (s *Sensor) fill(c *change) {
	if slices.Contains(c.Operations, waxseal.OpDelete) && !c.capture {
		return
	}
	fd, err := s.openTarget(c)
	if err != nil {
		if c.capture {
			c.say(whyNotOpen(err))
		}
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return
	}
	c.Device, c.Inode = st.Dev, st.Ino
	s.follow(c, fd, st)
	if c.alone && unix.Fstat(fd, &st) != nil { // from the mark on a write is told
		return
	}
	if c.created && st.Mode&unix.S_IFMT == unix.S_IFREG {
		c.created = false
		if st.Nlink > 1 {
			c.Operations[slices.Index(c.Operations, waxseal.OpCreate)] = waxseal.OpLink
		} else if !c.written && !c.alone {
			return // a new file: its content comes with the close
		}
	}
	if c.capture {
		s.capture(c, fd, st)
	}
}

// follow marks a file that has come to a watched name, so that it is seen through its
// other names too; of one that is marked already it says when it has got another.
func (s *Sensor) follow(c *change, fd int, st unix.Stat_t) {
	if c.target == "" || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, watched := s.index.files[c.target]; watched && !s.closed {
		s.marks[c.target.filesystem()].addFile(c.target, fd)
	}
	if c.nameless && st.Nlink > 1 {
		c.say(fmt.Sprintf("it has %d names", st.Nlink))
	}
}

// openTarget opens what the event is about, by its handle; by its name only
// where the kernel gave no handle or the filesystem can't open by one, and then
// only if that name still means the same file.
func (s *Sensor) openTarget(c *change) (int, error) {
	if c.target != "" {
		fd, err := s.openKey(c.target)
		if err == nil || errors.Is(err, unix.ESTALE) && s.byHandle(c.target) {
			return fd, err
		}
	}
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(s.root, string(c.Path), &how)
	if err != nil || c.target == "" {
		return fd, err
	}
	if k, err := keyOf(fd, c.target.filesystem()); err != nil || k != c.target {
		return -1, errors.Join(unix.ESTALE, unix.Close(fd))
	}
	return fd, nil
}

// byHandle reports whether the filesystem of a key opens files by handle, so
// that ESTALE means that the file is gone.
func (s *Sensor) byHandle(k key) bool {
	s.mu.Lock()
	m := s.marks[k.filesystem()]
	s.mu.Unlock()
	if m == nil || m.err != nil {
		return false
	}
	h, _, err := unix.NameToHandleAt(m.mount, ".", 0)
	if err != nil {
		return false
	}
	fd, err := unix.OpenByHandleAt(m.mount, h, unix.O_PATH|unix.O_CLOEXEC)
	if err == nil {
		_ = unix.Close(fd) // a path descriptor that was only a question
	}
	return err == nil
}

func whyNotOpen(err error) string {
	if errors.Is(err, unix.ESTALE) || errors.Is(err, unix.ENOENT) {
		return "content not captured: file was gone"
	}
	return fmt.Sprintf("content not captured: %v", err)
}

// capture reads a regular file's content. The type is known before anything is
// opened for reading, so that no FIFO blocks and no device is touched.
func (s *Sensor) capture(c *change, fd int, st unix.Stat_t) {
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		c.say("content not captured: not a regular file")
		return
	case st.Size > s.options.MaxContent:
		c.say(fmt.Sprintf("content not captured: larger than %d bytes", s.options.MaxContent))
		return
	}
	f, err := reopen(fd)
	if err != nil {
		c.say(fmt.Sprintf("content not captured: %v", err))
		return
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, s.options.MaxContent+1))
	var after unix.Stat_t
	switch {
	case err != nil:
		c.say(fmt.Sprintf("content not captured: %v", err))
	case int64(len(content)) > s.options.MaxContent:
		c.say(fmt.Sprintf("content not captured: larger than %d bytes", s.options.MaxContent))
	case unix.Fstat(fd, &after) == nil && (after.Mtim != st.Mtim || after.Size != st.Size):
		c.say("content not captured: changed while it was read")
	default:
		c.Content, c.Captured = content, true
	}
}

// reopen opens for reading what a path descriptor names, without leaving an
// access time behind where that is allowed.
func reopen(fd int) (*os.File, error) {
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	n, err := unix.Open(procPath(fd), flags|unix.O_NOATIME, 0)
	if errors.Is(err, unix.EPERM) {
		n, err = unix.Open(procPath(fd), flags, 0)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(n), "content"), nil
}
