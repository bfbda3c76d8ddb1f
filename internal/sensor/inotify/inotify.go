// Package inotify sees that something changed in the watched directories, where nothing
// better can be had: without root, or in a container.
//
// It uses inotify(7) with a watch on each directory that holds a watched file. Whoever may
// read a directory may watch it.
//
// What it does not do: it names no process and copies no content, and it sees neither what
// happens to a file through a hard link elsewhere or a memory map, nor what is mounted over
// one, nor that a directory above is renamed. The mail set is read again from time to time
// for these.
package inotify

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// Name is the sensor's name in observations.
const Name waxseal.SensorName = "inotify"

const (
	wanted = unix.IN_CLOSE_WRITE | unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	// maxWatches bounds what is held in the kernel (fs.inotify.max_user_watches is the
	// user's own bound).
	maxWatches = 4096
	bufferSize = 64 << 10
)

// Event is one change.
type Event struct {
	waxseal.FileEvent
	Time time.Time // when it was read: the kernel gives none
}

// Sensor is one inotify instance. SetTargets may be called at any time; Run only once.
type Sensor struct {
	group *os.File
	fd    int
	root  int // O_PATH

	mu      sync.Mutex // guards what follows
	watches map[int]*place
	byPath  map[waxseal.Path]int
	closed  bool
}

// place is a watched directory.
type place struct {
	path  waxseal.Path
	whole bool // whatever is in it counts
	names map[string]bool
}

// Open makes an instance for the tree at a directory.
func Open(root string) (*Sensor, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("watch tree %q: %w", root, err)
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch tree %q: %s", root, explain(err)), unix.Close(dir))
	}
	return &Sensor{group: os.NewFile(uintptr(fd), "inotify"), fd: fd, root: dir, watches: map[int]*place{}, byPath: map[waxseal.Path]int{}}, nil
}

func explain(err error) string {
	switch {
	case errors.Is(err, unix.EMFILE):
		return "too many inotify instances of this user: fs.inotify.max_user_instances"
	case errors.Is(err, unix.ENOSPC):
		return "too many inotify watches of this user: fs.inotify.max_user_watches"
	case errors.Is(err, unix.EACCES):
		return "this directory may not be read"
	}
	return err.Error()
}

// SetTargets makes these the watched directories, whose every entry matters, and single
// files. An error names what can't be watched; the rest is watched all the same.
func (s *Sensor) SetTargets(dirs, files []waxseal.Path) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("inotify sensor is closed")
	}
	want := map[waxseal.Path]*place{}
	at := func(p waxseal.Path) *place {
		if want[p] == nil {
			want[p] = &place{path: p, names: map[string]bool{}}
		}
		return want[p]
	}
	for _, d := range dirs {
		at(d).whole = true
		at(waxseal.Path(path.Dir(string(d)))).names[path.Base(string(d))] = true
	}
	for _, f := range files {
		at(waxseal.Path(path.Dir(string(f)))).names[path.Base(string(f))] = true
	}
	return s.set(want)
}

func (s *Sensor) set(want map[waxseal.Path]*place) error {
	var errs []error
	for p, wd := range s.byPath {
		if want[p] == nil {
			_, _ = unix.InotifyRmWatch(s.fd, uint32(wd)) // it may have gone by itself
			delete(s.byPath, p)
			delete(s.watches, wd)
		}
	}
	for p, w := range want {
		if len(s.byPath) >= maxWatches {
			errs = append(errs, fmt.Errorf("more than %d directories: the others are only read from time to time", maxWatches))
			break
		}
		switch wd, err := s.watch(p); {
		case err == nil:
			s.watches[wd], s.byPath[p] = w, wd
		case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR):
			errs = append(errs, fmt.Errorf("%s: %s", p, explain(err)))
		}
	}
	return errors.Join(errs...)
}

// watch adds a directory, or names it again: to the kernel it is the directory that counts,
// and it says which watch that has.
func (s *Sensor) watch(p waxseal.Path) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(s.root, "./"+string(p), &how)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	return unix.InotifyAddWatch(s.fd, "/proc/self/fd/"+strconv.Itoa(fd), wanted)
}

// Run reads events until the context ends and returns nil then.
func (s *Sensor) Run(ctx context.Context, emit func(Event), gap func(waxseal.Gap)) error {
	stop := context.AfterFunc(ctx, func() { _ = s.group.SetReadDeadline(time.Unix(1, 0)) }) // wakes the read below
	defer stop()
	last := time.Now()
	for buf := make([]byte, bufferSize); ctx.Err() == nil; {
		n, err := s.group.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read inotify events: %w", err)
		}
		now := time.Now()
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			var e raw
			e, b = decode(b)
			if e.mask&unix.IN_Q_OVERFLOW != 0 {
				gap(waxseal.Gap{Sensor: Name, From: last, Until: now, Reason: "the kernel's queue of inotify events overflowed; the whole mail set is read again"})
			} else if f, ok := s.match(e); ok {
				emit(Event{FileEvent: f, Time: now})
			}
		}
		last = now
	}
	return nil
}

// raw is struct inotify_event.
type raw struct {
	wd   int
	mask uint32
	name string
}

func decode(b []byte) (raw, []byte) {
	e := raw{wd: int(int32(binary.NativeEndian.Uint32(b))), mask: binary.NativeEndian.Uint32(b[4:])}
	length := int(binary.NativeEndian.Uint32(b[12:]))
	b = b[unix.SizeofInotifyEvent:]
	if length < 0 || length > len(b) {
		return e, nil
	}
	name, _, _ := bytes.Cut(b[:length], []byte{0})
	e.name = string(name)
	return e, b[length:]
}

func (s *Sensor) match(e raw) (f waxseal.FileEvent, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.watches[e.wd]
	if w == nil {
		return f, false
	}
	if e.mask&unix.IN_IGNORED != 0 {
		delete(s.watches, e.wd)
		delete(s.byPath, w.path)
		return f, false
	}
	f.Operations = operations(e.mask)
	if e.name == "" {
		f.Path = w.path
		return f, len(f.Operations) > 0
	}
	f.Path = waxseal.Path(path.Join(string(w.path), e.name))
	return f, len(f.Operations) > 0 && (w.whole || w.names[e.name])
}

func operations(mask uint32) (list []waxseal.Operation) {
	for _, o := range []struct {
		mask uint32
		op   waxseal.Operation
	}{
		{unix.IN_CREATE, waxseal.OpCreate}, {unix.IN_MODIFY | unix.IN_CLOSE_WRITE, waxseal.OpWrite}, {unix.IN_ATTRIB, waxseal.OpMetadata},
		{unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_MOVE_SELF, waxseal.OpRename}, {unix.IN_DELETE | unix.IN_DELETE_SELF, waxseal.OpDelete},
	} {
		if mask&o.mask != 0 {
			list = append(list, o.op)
		}
	}
	return list
}

// Close ends the instance. Run must have returned.
func (s *Sensor) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.group.Close(), unix.Close(s.root))
}
