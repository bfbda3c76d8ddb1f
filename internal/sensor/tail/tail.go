// Package tail follows mail and login logs that are plain text files, line by
// line, through rotation.
//
// It asks each file every 100 ms while lines come, once a second else, and whenever it is
// told to. inotify(7) would save little and see less: a
// watch on the file is gone after a rename, one on the directory misses a file
// behind a symbolic link or a mount, the number of watches is limited per user,
// and a log's line is no evidence whose time a tenth of a second would spoil. A
// handful of files costs a few system calls a second.
//
// Rotation is told by device and inode (logrotate's create) or by a file that
// became shorter (copytruncate). What was written between the last look and a
// truncation can't be read any more; that is reported as a [waxseal.Gap]. A file
// that is truncated and has grown beyond its old length before the next look is
// known by what stands before the place up to which it was read.
//
// What it does not do: it parses nothing, remembers no position between runs,
// and believes nothing: anyone who may call logger(1) can write these lines.
package tail

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/beat"
)

// Sensor is the name in gaps of this package.
const Sensor waxseal.SensorName = "tail"

const (
	// interval is how often each file is asked while lines come, idle how often else, and
	// lively how long after a line lines are said to come.
	interval = 100 * time.Millisecond
	idle     = time.Second
	lively   = 2 * time.Second
	// seldom is how often a file is looked for that is not there, where nobody asks: what
	// it holds by then is read from its beginning.
	seldom = 5 * time.Second
	// maxLine is how much of one line is kept; the rest is dropped.
	maxLine = 64 << 10
	// Cut ends a line whose rest was dropped.
	Cut = " […line cut at 64 KiB]"
	// maxTurn bounds how much of one file is read before the others have their turn.
	maxTurn = 4 << 20
)

// Options say what to follow.
type Options struct {
	// Root is the real directory that is the tree's root; symbolic links resolve
	// inside it.
	Root  string
	Paths []waxseal.Path
	// FromStart also delivers what the files hold when Follow begins. Without it
	// only a file that appears later is read from its beginning.
	FromStart bool
	// Interval is how often each file is asked; where it is zero 100 ms, and less often
	// while no lines come.
	Interval time.Duration
	// Ask has the files read at once; what comes through it is closed when that is
	// done. nil: nobody asks.
	Ask <-chan chan struct{}
}

// Follow reads the files until the context ends and returns nil then. It calls
// emit for each whole line, without its newline, with the time at which it was
// read; the lines of one file come in order. A slow emit delays the reading, and
// loses nothing but what a rotation removes meanwhile. Calls of emit and gap come
// from this goroutine only.
func Follow(ctx context.Context, o Options, emit func(waxseal.LogLine, time.Time), gap func(waxseal.Gap)) error {
	root, err := unix.Open(o.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &rootError{o.Root, err}
	}
	defer unix.Close(root)
	var line time.Time // when the last one came
	told := emit
	emit = func(l waxseal.LogLine, at time.Time) { line = at; told(l, at) }
	files := make([]*file, 0, len(o.Paths))
	for _, p := range o.Paths {
		f := &file{root: root, path: p, emit: emit, gap: gap, toEnd: !o.FromStart, last: time.Now()}
		defer f.close()
		files = append(files, f)
	}
	read := func(absent time.Duration) {
		for _, f := range files {
			if f.isOpen || time.Since(f.sought) >= absent {
				f.poll()
				f.toEnd = false
			}
		}
	}
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
			read(o.absent())
		case done := <-o.Ask:
			read(0)
			close(done)
		}
		next.Reset(o.pause(time.Since(line)))
	}
}

// pause is how long to wait after a look, if the last line came so long ago.
func (o Options) pause(ago time.Duration) time.Duration {
	switch {
	case o.Interval > 0:
		return o.Interval
	case ago < lively:
		return beat.Next(interval)
	}
	return beat.Next(idle)
}

// absent is how long a file that is not there is not looked for.
func (o Options) absent() time.Duration {
	if o.Interval > 0 {
		return 0
	}
	return seldom
}

// rootError says that the tree itself can't be opened.
type rootError struct {
	root string
	err  error
}

func (e *rootError) Error() string { return "follow logs below " + e.root + ": " + e.err.Error() }
func (e *rootError) Unwrap() error { return e.err }

// find finds a regular file inside the root, and opens nothing: a FIFO would wait for its
// writer, and a device may do something. What it returns is to be closed.
func find(root int, p waxseal.Path) (handle int, st unix.Stat_t, err error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	if handle, err = unix.Openat2(root, string(p), &how); err != nil {
		return -1, st, err
	}
	err = unix.Fstat(handle, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = waxseal.ErrNotRegular
	}
	if err != nil {
		_ = unix.Close(handle)
		return -1, st, err
	}
	return handle, st, nil
}

// gone reports whether an error only says that there is no file at the moment.
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}
