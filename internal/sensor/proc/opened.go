package proc

import (
	"bytes"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

const (
	// maxHeld bounds how many descriptors of one process are looked at.
	maxHeld = 16_384
	// message is how long a file is there that was made for one message, at most.
	message = time.Hour
)

// descriptor is a file as a process holds it open.
type descriptor struct {
	tree          string // where the name is looked up, "" for this process's own "/"
	link          string // what /proc/PID/fd/N says
	device, inode uint64
	flags         uint64
}

// opened lists the regular files that a process holds open (/proc/PID/fd); hidden says
// that not all could be looked at. Nothing is opened: what a descriptor leads to is
// asked of its inode, and what lies at its name now of the file system.
func (l *looking) opened(pid int) (list []waxseal.Opened, hidden bool) {
	dir := path.Join(l.reader.proc, strconv.Itoa(pid))
	names, err := numbers(path.Join(dir, "fd"))
	if err != nil {
		return nil, true
	}
	if len(names) > maxHeld {
		names, hidden = names[:maxHeld], true
	}
	tree, had := l.tree(dir), map[descriptor]bool{}
	for _, n := range names {
		link, err := os.Readlink(path.Join(dir, "fd", n))
		if err != nil || !strings.HasPrefix(link, "/") || strings.HasPrefix(link, "/dev/") && !strings.HasPrefix(link, "/dev/shm/") {
			hidden = hidden || os.IsPermission(err)
			continue // closed by now, a socket, a pipe, or a device
		}
		var st unix.Stat_t
		if unix.Stat(path.Join(dir, "fd", n), &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		flags, ok := parseFlags(l.reader.read(path.Join(strconv.Itoa(pid), "fdinfo", n), 4096))
		d := descriptor{tree, link, st.Dev, st.Ino, flags &^ unix.O_CLOEXEC}
		if !ok || flags&unix.O_PATH != 0 || had[d] || len(list) == maxLoaded {
			hidden = hidden || len(list) == maxLoaded
			continue
		}
		had[d] = true
		list = append(list, l.open(d, path.Join(dir, "fd", n), st))
	}
	return list, hidden
}

func numbers(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(maxHeld + 1)
	if err == io.EOF {
		err = nil
	}
	return names, err
}

// tree is through which directory the names of a process's files are looked up. It may
// have other file systems mounted than this process, as a /tmp of its own; of one in a
// chroot the kernel gives names from the outside.
func (l *looking) tree(dir string) string {
	root := path.Join(dir, "root")
	mounts, err := os.Readlink(path.Join(dir, "ns/mnt"))
	if name, err2 := os.Readlink(root); err != nil || err2 != nil || name != "/" || mounts == l.mounts {
		return ""
	}
	return root
}

// open says what a descriptor is, and what became of its file. What many processes hold
// is asked for once.
func (l *looking) open(d descriptor, name string, st unix.Stat_t) waxseal.Opened {
	if known, ok := l.held[d]; ok {
		return known
	}
	o := waxseal.Opened{Path: waxseal.Path(d.link), Empty: st.Size == 0, Lasting: l.lasting(name), Writes: d.flags&unix.O_ACCMODE != unix.O_RDONLY}
	o.Appends = o.Writes && d.flags&unix.O_APPEND != 0
	l.became(&o, d, st)
	l.held[d] = o
	return o
}

// became says what lies at the name of a file now. The kernel marks a name that no
// longer is the file's, and a file may have a name that ends like such a mark.
func (l *looking) became(o *waxseal.Opened, d descriptor, st unix.Stat_t) {
	if there, err := at(d.tree + d.link); err == nil && there.Ino == st.Ino && there.Dev == st.Dev {
		return
	}
	name, deleted := strings.CutSuffix(d.link, " (deleted)")
	o.Path = waxseal.Path(name)
	there, err := at(d.tree + name)
	switch {
	case strings.HasPrefix(name, "/memfd:"):
		o.Memory = true
	case err == nil:
		o.Replaced, o.Later = true, st.Mtim.Nano() > there.Mtim.Nano()
	default:
		o.Gone = deleted || err == unix.ENOENT
	}
}

func at(name string) (st unix.Stat_t, err error) {
	err = unix.Stat(name, &st)
	return st, err
}

// lasting reports whether a file was made longer ago than a message takes; of a file
// system that doesn't know, it does not.
func (l *looking) lasting(name string) bool {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, name, 0, unix.STATX_BTIME, &st) != nil || st.Mask&unix.STATX_BTIME == 0 {
		return false
	}
	return l.now.Sub(time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))) > message
}

// parseFlags reads how a file was opened from /proc/PID/fdinfo/N (proc(5)).
func parseFlags(b []byte) (uint64, bool) {
	for line := range bytes.Lines(b) {
		if octal, ok := bytes.CutPrefix(line, []byte("flags:")); ok {
			flags, err := strconv.ParseUint(string(bytes.TrimSpace(octal)), 8, 64)
			return flags, err == nil
		}
	}
	return 0, false
}
