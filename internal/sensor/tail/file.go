package tail

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// file is one followed path and what is open there now.
type file struct {
	root int
	path waxseal.Path
	emit func(waxseal.LogLine, time.Time)
	gap  func(waxseal.Gap)

	sought   time.Time // when it was last looked for
	isOpen   bool
	fd       int
	dev, ino uint64
	offset   int64
	stamp    unix.Timespec // when it was last changed, if all of it is read
	before   []byte        // what the file had right before offset, to know it again by
	toEnd    bool          // skip what the file holds when it is first opened
	partial  []byte
	dropping bool      // the rest of an overlong line is being passed over
	last     time.Time // of the last look that read everything
	refused  string    // why the path can't be read, once reported
}

// poll reads what is new. It stays with an open file until another one has its
// name, and reads the old one to its end first.
func (f *file) poll() {
	f.sought = time.Now()
	handle, st, err := find(f.root, f.path)
	if err == nil {
		defer unix.Close(handle)
	}
	if f.isOpen && (err != nil || !f.asRead(st)) {
		f.read()
	}
	if err == nil && f.isOpen && st.Dev == f.dev && st.Ino == f.ino {
		f.refused = ""
		return
	}
	fd := -1
	if err == nil {
		fd, err = reopen(handle)
	}
	if err != nil {
		f.refuse(err)
		return
	}
	f.refused = ""
	if f.isOpen {
		f.read() // what came between the first read and the new file
		f.flush()
	}
	f.close()
	f.isOpen, f.fd, f.dev, f.ino, f.offset = true, fd, st.Dev, st.Ino, 0
	f.before = f.before[:0]
	if f.toEnd {
		f.offset = st.Size
		f.before = f.at(max(0, st.Size-maxBefore), min(st.Size, maxBefore))
	}
	f.read()
}

// asRead reports whether nothing happened to the file since all of it was read. Two
// changes within a tick of the kernel's clock have one time, so that of one that is
// young says nothing.
func (f *file) asRead(st unix.Stat_t) bool {
	const tick = 20 * time.Millisecond
	return st.Dev == f.dev && st.Ino == f.ino && st.Size == f.offset && st.Ctim == f.stamp && f.last.Sub(time.Unix(st.Ctim.Unix())) > tick
}

// refuse reports once that a path can't be followed. A file that is not there
// is no gap: it may come.
func (f *file) refuse(err error) {
	if gone(err) || f.refused == err.Error() {
		return
	}
	f.refused = err.Error()
	now := time.Now()
	f.gap(waxseal.Gap{Sensor: Sensor, From: now, Reason: fmt.Sprintf("log %q can't be read: %v; its lines are not seen", f.path, err)})
}

func (f *file) read() {
	var st unix.Stat_t
	if unix.Fstat(f.fd, &st) != nil {
		return
	}
	if st.Size < f.offset || !f.same() {
		f.truncated()
	}
	f.stamp = unix.Timespec{}
	buf := make([]byte, 64<<10)
	for total := 0; total < maxTurn; {
		n, err := unix.Pread(f.fd, buf, f.offset)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			f.stamp = st.Ctim // of before it was read: what comes since has a later one, or a new size
			break
		}
		f.offset += int64(n)
		f.remember(buf[:n])
		total += n
		f.lines(buf[:n])
	}
	f.last = time.Now()
}

// maxBefore is how much of what was read is remembered: some lines of a log, which have
// times in them.
const maxBefore = 512

func (f *file) remember(b []byte) {
	f.before = append(f.before, b...)
	f.before = append(f.before[:0], f.before[max(0, len(f.before)-maxBefore):]...)
}

// same reports whether the file is still the one that was read: one that was truncated
// and has grown past its old end since has something else there.
func (f *file) same() bool {
	n := int64(len(f.before))
	return bytes.Equal(f.at(f.offset-n, n), f.before)
}

// at reads a few bytes of the file.
func (f *file) at(offset, n int64) []byte {
	b := make([]byte, n)
	for {
		got, err := unix.Pread(f.fd, b, offset)
		if err == unix.EINTR {
			continue
		}
		return b[:max(0, got)]
	}
}

// truncated starts over in a file that became shorter. Lines written after the
// last look and before the truncation are lost, and nothing tells how many.
func (f *file) truncated() {
	f.flush()
	f.offset, f.before = 0, f.before[:0]
	f.gap(waxseal.Gap{
		Sensor: Sensor, From: f.last, Until: time.Now(),
		Reason: fmt.Sprintf("log %q was truncated; lines written since it was last read may be lost", f.path),
	})
}

// lines emits the whole lines and keeps the rest for the next read.
func (f *file) lines(b []byte) {
	for len(b) > 0 {
		part, rest, whole := bytes.Cut(b, []byte("\n"))
		f.add(part)
		if !whole {
			return
		}
		b = rest
		f.line()
	}
}

func (f *file) add(part []byte) {
	room := maxLine - len(f.partial)
	if len(part) > room {
		part, f.dropping = part[:room], true
	}
	f.partial = append(f.partial, part...)
}

// flush emits a last line that never got its newline.
func (f *file) flush() {
	if len(f.partial) > 0 {
		f.line()
	}
}

func (f *file) line() {
	text := string(f.partial)
	if f.dropping {
		text += Cut
	}
	f.partial, f.dropping = f.partial[:0], false
	f.emit(waxseal.LogLine{Path: f.path, Text: text}, time.Now())
}

func (f *file) close() {
	if f.isOpen {
		_ = unix.Close(f.fd) // opened for reading only
	}
	f.isOpen = false
}

// reopen opens for reading what a path descriptor names.
func reopen(handle int) (int, error) {
	return unix.Open("/proc/self/fd/"+strconv.Itoa(handle), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
}
