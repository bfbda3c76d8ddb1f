package agent

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"waxseal"
	"waxseal/internal/host"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/snapshot"
	"waxseal/internal/surroundings"
)

// roomReading is one reading of a container, beside the agent's goroutine.
type roomReading struct {
	Dwelling
	*lodgingReader
	masker  *mask.Masker
	before  waxseal.State
	known   bool // something was known before this reading
	touched []touch
	seat    seat // nil where it is read at once
	// left is set when nobody waits for the result any more.
	left atomic.Bool
	open func(Dwelling) (*roomWatch, error)
}

// roomRead is what came of it.
type roomRead struct {
	Dwelt
	passing []version // contents that were there for a moment, in their order
	users   map[uint32]string
	slow    bool  // it took longer than it should
	trouble bool  // what is there could not be read
	unheard error // why no sensor tells of changes
	reader  *lodgingReader
}

// maxStuck is how many readings of a container may be kept waiting, by a file system in
// user space.
const maxStuck = 3

// lookInto has a container read, once at a time.
func (a *Agent) lookInto(l *lodging, now time.Time) {
	switch {
	case l.stuck >= maxStuck:
		return // each of them may still be at work
	case l.reading:
		l.again = true
		return
	}
	if wait := a.unnamedIn(l, now); wait > 0 {
		a.lookLater(l, wait)
		return
	}
	if l.readers == nil {
		l.readers = a.moveIn(l)
	}
	l.reading, l.again = true, false
	l.since, l.readAt = l.readAt, now
	l.under, l.touched = append(l.under, l.touched...), nil
	r := &roomReading{Dwelling: l.Dwelling, lodgingReader: l.readers, masker: a.books.Masker, before: l.state, touched: slices.Clone(l.under), known: l.known || len(a.knownBefore(l.Name).State.Files) > 0}
	if r.room != nil {
		r.seat = a.seatOf(l, len(r.touched) > 0 || l.anew != "", now)
	}
	ctx, name := a.dwellings.ctx, l.Name
	if a.opts.Fanotify {
		r.open = func(d Dwelling) (*roomWatch, error) {
			return a.watchRoom(ctx, d, func() { a.queue.put(arrival{dwelt: &dwelt{name: name, ended: true}}) })
		}
	}
	go func() { a.queue.put(arrival{dwelt: &dwelt{name: name, read: r.within(roomLong)}}) }()
}

// lookLater asks for a reading in a while.
func (a *Agent) lookLater(l *lodging, wait time.Duration) {
	at := time.Now().Add(wait)
	if !l.dueAt.IsZero() && !l.dueAt.After(at) {
		return // it is sooner
	}
	l.dueAt = at
	name := l.Name
	time.AfterFunc(wait, func() { a.queue.put(arrival{dwelt: &dwelt{name: name, due: true}}) })
}

// within reads within a time: what takes longer goes on for nobody.
func (r *roomReading) within(long time.Duration) *roomRead {
	if r.Root == "" {
		return &roomRead{Dwelt: Dwelt{Dwelling: r.Dwelling, Err: errBlind}, reader: r.lodgingReader}
	}
	done := make(chan *roomRead, 1)
	go func() {
		done <- r.read()
		if r.left.Load() {
			r.leave()
		}
	}()
	select {
	case read := <-done:
		return read
	case <-time.After(long):
		r.left.Store(true)
		select {
		case read := <-done: // in this very moment
			return read
		default:
		}
		return &roomRead{Dwelt: Dwelt{Dwelling: r.Dwelling, Err: tookLonger(long)}}
	}
}

func (r *roomReading) read() *roomRead {
	tree, err := rootfs.Open(r.Root)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = errEnded
		}
		return &roomRead{Dwelt: Dwelt{Dwelling: r.Dwelling, Err: err}, reader: r.lodgingReader}
	}
	defer tree.Close()
	r.settle(r.Dwelling)
	for _, t := range r.touched {
		r.reader.Forget(innerPath(r.Name, t.File.Path))
	}
	out := &roomRead{Dwelt: Dwelt{Dwelling: r.Dwelling}, reader: r.lodgingReader}
	out.State = r.state(tree, &out.slow)
	if why := r.trouble(); why != "" {
		out.trouble = true
		if !r.known {
			out.Err = errors.New(why)
			return out
		}
	}
	if fresh, err := r.listen(tree, out.State); err != nil {
		out.unheard = err
	} else if fresh { // what changed between is seen, and what changed before is in what follows
		out.State = r.state(tree, &out.slow)
	}
	if errors.Is(out.unheard, errEnded) || r.watch != nil && r.watch.ended.Load() {
		return &roomRead{Dwelt: Dwelt{Dwelling: r.Dwelling, Err: errEnded}, reader: r.lodgingReader}
	}
	out.passing = r.passing(tree, out.State)
	out.rules = rulesFor(tree, out.State, r.Upper)
	if r.watch != nil { // what led to what was read comes in before it
		r.watch.catchUp()
	}
	out.users = r.reader.Names(tree)
	return out
}

// state reads the state once, when it is its turn.
func (r *roomReading) state(tree waxseal.Tree, late *bool) waxseal.State {
	defer r.seat.take()()
	began := time.Now()
	s := readRoom(r.reader, tree)
	*late = *late || time.Since(began) > slow
	return s
}

// listen points the sensor at what was read; fresh says that it is a new one.
func (r *roomReading) listen(tree waxseal.Tree, s waxseal.State) (fresh bool, err error) {
	if r.open == nil {
		return false, errOff
	}
	if r.watch != nil && (r.watch.at != r.At || r.watch.ended.Load()) {
		r.watch.close()
		r.watch = nil
	}
	if r.watch == nil {
		if r.watch, err = r.open(r.Dwelling); err != nil {
			return false, err
		}
		fresh = true
	}
	return fresh, r.watch.setTargets(roomTargets(tree, s))
}

// roomTargets is what to watch of a container: its mail path, and where something new
// would count.
func roomTargets(tree waxseal.Tree, s waxseal.State) (dirs, files []waxseal.Path) {
	dirs, files = MailSet(s)
	for _, p := range slices.Concat(surroundings.Places(), host.Places()) {
		if f, err := tree.Stat(p); err == nil && f.Type == waxseal.Directory {
			dirs = below(tree, p, 0, dirs)
		} else {
			files = append(files, p)
		}
	}
	return dirs, files
}

// inFront reports whether the overlay itself told of a file.
func (r *roomReading) inFront(p waxseal.Path) bool {
	return slices.ContainsFunc(r.touched, func(t touch) bool { return !t.behind && t.File.Path == p })
}

// passing are the states that the container was in for a moment, by the contents that the
// sensor copied and that something replaced since.
func (r *roomReading) passing(tree waxseal.Tree, now waxseal.State) (list []version) {
	for i, t := range r.touched {
		p := innerPath(r.Name, t.File.Path)
		before, known := fileIn(r.before, p)
		if !t.copied || t.behind && r.inFront(t.File.Path) || !known || !before.Role.Text() || before.Role == waxseal.RoleUnused || len(bytes.TrimSpace(t.content)) == 0 || len(list) == maxPassing {
			continue
		}
		replaced := slices.ContainsFunc(r.touched[i+1:], func(l touch) bool {
			return (l.File.Path == t.File.Path || l.File.OldPath == t.File.Path) && !(l.copied && bytes.Equal(l.content, t.content))
		})
		after, _ := fileIn(now, p)
		if text := r.masker.Text(before.Role, string(t.content)); !replaced || text == after.Text || text == before.Text {
			continue
		}
		meta, err := tree.Stat(p)
		if err != nil || meta.Type != waxseal.Regular {
			meta = waxseal.File{Type: waxseal.Regular, Mode: 0o644}
		}
		over := snapshot.Over(tree, map[waxseal.Path]snapshot.Object{p: {File: meta, Content: t.content}})
		list = append(list, version{state: r.state(over, new(bool)), touched: []touch{t}, passing: true})
		r.reader.Forget(p)
	}
	return list
}
