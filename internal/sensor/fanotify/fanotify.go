// Package fanotify sees every change to the watched mail files the moment it is
// made, keeps the new content, and says which process made it.
//
// It uses fanotify(7) with a mark on each watched file, on each directory that
// holds one, and on the directories above. Marks are on inodes: whatever name, bind
// mount or hard link was used, the kernel reports the change, by file handle. What
// happens in directories that nothing watched lies in, a mail queue or a Maildir,
// costs nothing. New content is read through the handle that came with the event, so
// that it is the content of that very file, and never by a name that may mean another
// one by then.
//
// What it does not do: it neither delays nor forbids a change, and it does not
// see a write through a memory map before the file is closed, inode flags
// (chattr), a mount over a watched file, or changes made on another machine of a
// network filesystem. Where a file comes from a directory that is not watched, or
// goes to one, that other name is not known. While it watches, it holds one directory
// open on each filesystem of a mark, which therefore can't be unmounted. A process id alone
// proves little: the process may have gone, and the kernel names the one that
// made the last step; audit records say more.
package fanotify

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// Name is the sensor's name in observations.
const Name waxseal.SensorName = "fanotify"

const defaultMaxContent = 8 << 20

// Options say where to watch.
type Options struct {
	// Root is the real directory that is the tree's root. Paths are inside it and
	// symbolic links resolve inside it.
	Root string
	// Snapshot describes the process that made a change; pidfd is -1 where the
	// kernel gives none. It is called before content is read, since the process may
	// be gone soon, and must not keep the descriptor. Nil means no actors.
	Snapshot func(pid int, pidfd int) *waxseal.Actor
	// Hint is told of a change that brings an edit to its end, as soon as it is known to
	// concern a target, if it is the only one that came: who made it and what the file
	// holds takes longer to find out. What is emitted then has the same number. It must
	// not wait for anything; nil for nobody.
	Hint func(Event)
	// MaxContent is the size up to which content is kept, 8 MiB where it is 0.
	MaxContent int64
	// MaxMarks is how many marks one filesystem gets before all of it is marked, 32,768
	// where it is 0.
	MaxMarks int
}

// Event is one change with what was read right after it.
type Event struct {
	waxseal.FileEvent
	// Number is that of the hint that there was of it, 0 where there was none.
	Number uint64
	// Time is when the event was read from the kernel, which gives none.
	Time time.Time
	// Content is what the file held right after the change; it counts only where
	// Captured is set. Captured is meant for changes of content: after a close by a
	// writer, a rename into place, a new hard link.
	Content  []byte
	Captured bool
	// Late is how long at most the event waited in the kernel's queue, which joins those of
	// one file and process that wait: what the file held in between was not seen. It is
	// zero where the queue was empty before.
	Late time.Duration
	// Note says in plain words what is special: why content was not captured, or
	// through which other name the file was changed.
	Note string
}

// Sensor is one fanotify group. SetTargets and Notes may be called at any time
// and from any goroutine, emit among them; Run only once.
type Sensor struct {
	options  Options
	group    *os.File
	fd       int // of group
	level    level
	maxMarks int
	root     int // O_PATH
	rootPath string

	busy atomic.Bool // events are between the kernel's queue and who is told

	mu     sync.Mutex // guards everything below
	dirs   []waxseal.Path
	files  []waxseal.Path
	homes  []waxseal.Path
	own    []string       // names that matter in homes
	came   []waxseal.Path // directories that came up since the targets were set
	index  *index
	marks  map[fsid]*marked
	notes  []string
	closed bool
}

// Open makes the group and marks the filesystem of Root, or says in plain words
// why that can't be done here.
func Open(o Options) (*Sensor, error) { return openAt(o, levels, 0) }

// openAt is Open with these levels and without some of the group's flags.
func openAt(o Options, try []level, without uint) (*Sensor, error) {
	if o.MaxContent <= 0 {
		o.MaxContent = defaultMaxContent
	}
	root, err := unix.Open(o.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("watch tree %q: %w", o.Root, err)
	}
	if o.MaxMarks <= 0 {
		o.MaxMarks = maxMarks
	}
	s := &Sensor{options: o, maxMarks: o.MaxMarks, root: root, marks: map[fsid]*marked{}, index: newIndex()}
	if err := s.open(try, without); err != nil {
		return nil, errors.Join(fmt.Errorf("watch tree %q: %w", o.Root, err), s.Close())
	}
	return s, nil
}

func (s *Sensor) open(try []level, without uint) error {
	var err error
	if s.rootPath, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", s.root)); err != nil {
		return fmt.Errorf("/proc is needed: %w", err)
	}
	if s.level, s.fd, err = initGroup(try, without); err != nil {
		return err
	}
	s.group = os.NewFile(uintptr(s.fd), "fanotify")
	s.notes = append(s.notes, s.level.lost...)
	if err := s.SetTargets(nil, nil); err != nil {
		return err
	}
	return nil
}

// SetTargets makes these the watched directories, whose every entry matters, and
// single files, and forgets all others. It looks along each path: a change of
// any component (a directory renamed, a link turned elsewhere, a missing part
// created) is reported too. It is cheap enough to be called after every change.
//
// An error names what can't be watched; the rest is watched all the same.
func (s *Sensor) SetTargets(dirs []waxseal.Path, files []waxseal.Path) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("fanotify sensor is closed")
	}
	s.dirs, s.files, s.came = slices.Clone(dirs), slices.Clone(files), nil
	return s.refresh()
}

// SetHomes makes these the directories of users from the next SetTargets on: entries with
// these names matter there, and whatever goes on where a name ends with "*". Nothing is asked
// about what is written in other files, which may be mailboxes.
func (s *Sensor) SetHomes(homes []waxseal.Path, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.homes, s.own = slices.Clone(homes), slices.Clone(names)
}

// refresh looks along all paths again; the lock is held.
func (s *Sensor) refresh() error {
	b, err := newBuilder(s)
	if err != nil {
		return err
	}
	defer b.close()
	for _, d := range slices.Concat(s.dirs, s.came) {
		b.walk(d, wholeDirectory)
	}
	for _, h := range s.homes {
		b.walk(h, userDirectory)
	}
	for _, f := range s.files {
		b.walk(f, singleFile)
	}
	s.index = b.index
	for _, m := range s.marks {
		m.forget(s.index)
	}
	return errors.Join(b.errs...)
}

// Notes are what an operator should know about how the sensor works here.
func (s *Sensor) Notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := slices.Clone(s.notes)
	if s.index.crowded != "" {
		notes = append(notes, fmt.Sprintf("directory %q has more than %d entries: a change to one of them through a hard link elsewhere is not noticed", s.index.crowded, maxEntries))
	}
	for _, m := range s.marks {
		if m.whole {
			notes = append(notes, fmt.Sprintf("more than %d files and directories on one filesystem: all of it is marked, and every change on it is looked at", m.most))
		}
	}
	return notes
}

// Close ends the group, and with it all marks. Run must have returned: end its
// context first. Close may be called twice.
func (s *Sensor) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := unix.Close(s.root)
	if s.group != nil {
		err = errors.Join(err, s.group.Close())
	}
	for _, m := range s.marks {
		if m.mount >= 0 {
			err = errors.Join(err, unix.Close(m.mount))
		}
	}
	return err
}
