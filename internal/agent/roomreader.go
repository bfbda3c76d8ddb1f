package agent

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mountinfo"
	"waxseal/internal/readroom"
	"waxseal/internal/treecache"
)

// What lies in a container was written by whoever owns that, so it is read by a process of
// its own behind the walls of the host's reader, one for each container: who takes it over
// has the files of that container, and what ends it or keeps it waiting is no matter to the
// others. It is started for a reading, and stays a while for the next.

const (
	// warm is how long a reader waits for the next reading.
	warm = 20 * time.Second
	// maxWarm bounds how many wait.
	maxWarm = 3
	// slow is what takes longer than an orderly container does, and sitting for how long one
	// keeps another waiting at most.
	slow, sitting = 2 * time.Second, time.Minute
	// slowFor is how long a container that was slow is not let in with the others.
	slowFor = 10 * time.Minute
)

// seats bound how many readers of containers are at work at once: each takes memory and
// threads of this unit's. Who is read because something happened there waits for nobody who
// is read as a matter of course, and nobody waits for those that keep readers waiting.
type seats struct{ events, course, slow seat }

func newSeats() seats {
	return seats{make(seat, 2), make(seat, 2), make(seat, 1)}
}

// seat is taken by sending.
type seat chan struct{}

// take waits for a seat, which is free again when what is returned is called, or after a
// while: what keeps this process itself waiting is another matter than a slow reader.
func (s seat) take() (done func()) {
	if s == nil {
		return func() {}
	}
	s <- struct{}{}
	end := time.AfterFunc(sitting, func() { <-s })
	return func() {
		if end.Stop() {
			<-s
		}
	}
}

// seatOf is where a container waits for its reading, of which somebody waits for the result
// or not.
func (a *Agent) seatOf(l *lodging, urgent bool, now time.Time) seat {
	s := a.dwellings.seats
	switch {
	case l.trouble || now.Sub(l.slowAt) < slowFor:
		return s.slow
	case urgent:
		return s.events
	}
	return s.course
}

// roomReader reads the files of a container.
type roomReader interface {
	liveReader
	Forget(waxseal.Path)
	// Names are those of its users.
	Names(waxseal.Tree) map[uint32]string
}

var (
	_ roomReader = (*readroom.Room)(nil)
	_ roomReader = roomHere{}
)

// roomHere reads in this process.
type roomHere struct{ *mailpath.Reader }

// ReadLive implements roomReader. What was just read is not opened again for what lies over it.
func (r roomHere) ReadLive(tree waxseal.Tree, live mailpath.Live) waxseal.State {
	return r.Reader.ReadLive(treecache.New(tree), live)
}

// Names implements roomReader.
func (r roomHere) Names(tree waxseal.Tree) map[uint32]string {
	return mailpath.Names(tree, "/etc/passwd")
}

// lodgingReader is what the goroutine that reads has, of which there is one at a time.
type lodgingReader struct {
	reader roomReader
	room   *readroom.Room // the reader, where it is a process of its own
	of     Dwelling       // that it reads
	watch  *roomWatch
}

// moveIn gives a container its reader. Nothing is started yet.
func (a *Agent) moveIn(l *lodging) *lodgingReader {
	r := &lodgingReader{}
	if a.room == nil {
		r.reader = roomHere{ReaderFor(a.books.Masker)}
		return r
	}
	state, err := filepath.Abs(a.opts.State)
	o := readroom.Options{Key: a.books.Masker.Key(), Lost: a.queue.gap, Known: a.knownOf(l)}
	if err == nil {
		a.dwellings.scratches++
		o.Scratch = filepath.Join(state, fmt.Sprintf("scratch-room-%d", a.dwellings.scratches))
	}
	r.room = readroom.Lodge(readroom.Guest{Name: l.Name, Enter: func() (*os.File, []waxseal.Path, error) { return enter(r.of, state) }}, o)
	r.reader = r.room
	return r
}

// clearScratches removes what a run left that was killed.
func (a *Agent) clearScratches() {
	left, _ := filepath.Glob(filepath.Join(a.opts.State, "scratch-room-*"))
	for _, dir := range left {
		_ = os.RemoveAll(dir) // what stays takes room, no more
	}
}

// knownOf is what was known of a container before anything could be read there.
func (a *Agent) knownOf(l *lodging) func() waxseal.State {
	known := a.knownBefore(l.Name).State
	if l.known {
		known = l.state
	}
	return func() waxseal.State { return known }
}

// knownBefore is what the last run, or the seal, left of a container.
func (a *Agent) knownBefore(name string) waxseal.Contained {
	before, had := a.dwellings.before[name]
	if a.sealed != nil && !had {
		before, _ = containerIn(a.sealed.State, name)
	}
	return before
}

// enter opens the root of a container, and says what may not be read there.
func enter(d Dwelling, state string) (*os.File, []waxseal.Path, error) {
	mounts, err := os.ReadFile(path.Join(path.Dir(d.Root), "mountinfo"))
	if err != nil {
		return nil, nil, errEnded
	}
	root, err := d.Open() // after the mounts: they are of the same process
	if err != nil {
		return nil, nil, errEnded
	}
	inside, _ := mountinfo.Parse(mounts)
	return root, append(apartIn(inside), stateIn(root, inside, state)...), nil
}

// apartIn are the places of a container in which the kernel tells about itself, and device
// files other than those in its /dev.
func apartIn(mounts []waxseal.Mount) (list []waxseal.Path) {
	for _, m := range mounts {
		switch m.FSType {
		case "debugfs", "tracefs", "securityfs", "devtmpfs", "devpts", "bpf", "efivarfs":
			list = append(list, m.Path)
		}
	}
	return list
}

// stateIn are the places at which a container has the state directory of this agent: where
// a directory of the host above it is mounted there, or where its root lies above it.
func stateIn(root *os.File, mounts []waxseal.Mount, state string) (list []waxseal.Path) {
	at, err := filepath.EvalSymlinks(state)
	want, err2 := os.Stat(at)
	if err != nil || err2 != nil {
		return nil
	}
	maybe := map[waxseal.Path]bool{}
	if real, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", root.Fd())); err == nil {
		maybe[waxseal.Path("/"+strings.TrimPrefix(at, real))] = strings.HasPrefix(at, real)
	}
	content, _ := os.ReadFile("/proc/thread-self/mountinfo")
	own, _ := mountinfo.Parse(content)
	if m, ok := mountinfo.At(own, waxseal.Path(at)); ok {
		lies := path.Join(m.Root, strings.TrimPrefix(at, string(m.Path)))
		for _, c := range mounts {
			if rest, below := strings.CutPrefix(lies, c.Root); below && c.FSType == m.FSType {
				maybe[waxseal.Path(path.Join(string(c.Path), rest))] = true
			}
		}
	}
	for p, is := range maybe {
		// A path of mounts and of real directories below them: no link of the container is
		// on the way to what is the same directory in the end.
		found, err := os.Lstat(fmt.Sprintf("/proc/self/fd/%d/%s", root.Fd(), strings.TrimPrefix(path.Clean(string(p)), "/")))
		if is && err == nil && os.SameFile(found, want) {
			list = append(list, waxseal.Path(path.Clean(string(p))))
		}
	}
	return list
}

// settle has a reader read a container as it is now.
func (r *lodgingReader) settle(d Dwelling) {
	if r.room != nil && (r.of.At != d.At || r.of.Mount != d.Mount || r.of.ID != d.ID) {
		r.room.Rest()
	}
	r.of = d
}

// rest lets the process go.
func (r *lodgingReader) rest() {
	if r != nil && r.room != nil {
		r.room.Rest()
	}
}

// leave lets everything go, for good.
func (r *lodgingReader) leave() {
	if r == nil {
		return
	}
	if r.watch != nil {
		r.watch.close()
		r.watch = nil
	}
	if r.room != nil {
		_ = r.room.Close() // what it leaves of its scratch directory takes room, no more
	}
}

// restRooms ends readers that were not asked for a while, and those that were asked the
// longest ago where there are many: an open root keeps file systems busy, and each process
// takes memory.
func (a *Agent) restRooms(now time.Time) {
	var awake []*lodging
	for _, l := range a.dwellings.sorted() {
		if l.reading || l.readers == nil || l.readers.room == nil || !l.readers.room.Awake() {
			continue
		}
		if !l.there || l.missed > 0 || now.Sub(l.readAt) > warm {
			l.readers.rest()
			continue
		}
		awake = append(awake, l)
	}
	slices.SortFunc(awake, func(a, b *lodging) int { return a.readAt.Compare(b.readAt) })
	for _, l := range awake[:max(0, len(awake)-maxWarm)] {
		l.readers.rest()
	}
}

// comparedEvery is how often files are compared of which no sensor tells. Each such reading
// may take a new process.
func (a *Agent) comparedEvery() time.Duration {
	n := 0
	for _, l := range a.dwellings.lodgings {
		if l.there && !l.watched() {
			n++
		}
	}
	return dwellEvery * time.Duration(max(0, n-maxWarm)) / 2 // else at each look
}

// leaveRooms ends what reads in containers, with the agent.
func (a *Agent) leaveRooms() {
	for _, l := range a.dwellings.lodgings {
		if !l.reading { // else it ends with this process
			l.readers.leave()
		}
	}
}

// trouble is why a container could not be read, and "" where it was.
func (r *lodgingReader) trouble() string {
	if r.room == nil {
		return ""
	}
	return r.room.Trouble()
}
