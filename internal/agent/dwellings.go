package agent

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/engine"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/surroundings"
	"waxseal/internal/treecache"
)

// Mail systems in containers are found by their running daemons. Their files are read
// through /proc/PID/root, inside which every path stays.

const (
	// dwellEvery is how often it is looked which containers there are, and how often files
	// are compared where no sensor tells of changes.
	dwellEvery = 5 * time.Second
	// dwellSoon is the least time between two such looks.
	dwellSoon = time.Second
	// roomLong is how long watch waits for the reading of one at most: a reader in a process
	// of its own is given up sooner. A file system in user space can keep who looks there
	// waiting for ever.
	roomLong = 2 * time.Minute
	// missedTwice is after how many looks a container is gone.
	missedTwice = 2
	// maxLodgings bounds how many are remembered, with those that are gone.
	maxLodgings = 256
)

// Dwelling is a root besides the host's in which mail daemons run, under the name that
// stays when it is made anew.
type Dwelling struct {
	proc.Dwelling
	ID    string // "docker 3f5a9c0e1b2d", where Name is another
	Image string // "debian:bookworm", where the engine wrote it down
}

// Dwellings lists the roots besides the host's in which mail daemons run; tree is the
// host's.
func Dwellings(people *proc.Reader, tree waxseal.Tree) (list []Dwelling) {
	seen := map[string]bool{}
	for _, found := range people.Dwellings(surroundings.IsProgram, func(name string) bool { return surroundings.IsDaemon(name) && name != "smtp" }) {
		d := Dwelling{Dwelling: found}
		if c, ok := engine.Find(tree, found.Name); ok && !seen[c.Name] {
			d.ID, d.Name, d.Image = found.Name, c.Name, c.Image
		}
		seen[d.Name] = true
		list = append(list, d)
	}
	return list
}

// Dwelt is what was read of one.
type Dwelt struct {
	Dwelling
	State waxseal.State // as it is inside
	Err   error         // why it could not be read
	rules roomRules
}

// ReadDwelling reads the mail path in one, within a time: what takes longer goes on for
// nobody.
func ReadDwelling(d Dwelling, reader *mailpath.Reader, long time.Duration) Dwelt {
	if d.Root == "" {
		return Dwelt{Dwelling: d, Err: errBlind}
	}
	done := make(chan Dwelt, 1)
	go func() { done <- readDwelling(d, reader) }()
	select {
	case r := <-done:
		return r
	case <-time.After(long):
		return Dwelt{Dwelling: d, Err: tookLonger(long)}
	}
}

var errBlind = fmt.Errorf("only root can look inside (CAP_SYS_PTRACE)")

func tookLonger(long time.Duration) error {
	return fmt.Errorf("its files took longer than %s to read", long)
}

func readDwelling(d Dwelling, reader *mailpath.Reader) Dwelt {
	tree, err := rootfs.Open(d.Root)
	if err != nil {
		return Dwelt{Dwelling: d, Err: err}
	}
	defer tree.Close()
	cached := treecache.New(tree)
	state := readRoom(reader, cached)
	return Dwelt{Dwelling: d, State: state, rules: rulesFor(cached, state, d.Upper)}
}

// readRoom reads the state of a container, of which a daemon runs.
func readRoom(reader liveReader, tree waxseal.Tree) waxseal.State {
	state := reader.ReadLive(tree, mailpath.Live{})
	running := true
	for i := range state.Stacks {
		state.Stacks[i].Running = &running
	}
	return state
}

// ReaderFor is a reader of the mail path of a container.
func ReaderFor(m *mask.Masker) *mailpath.Reader {
	r := mailpath.NewReader(m)
	r.Otherwise(rpm.Open)
	return r
}

// dwellings is what the agent knows of mail in containers.
type dwellings struct {
	ctx      context.Context // ends with the agent
	next     time.Time
	last     time.Time            // when it was last looked which there are
	stopped  time.Time            // when the last run ended
	ruled    map[kaudit.File]bool // what has a rule of audit
	unruled  string               // what has no rule of audit, as told
	busy     bool                 // that look is under way
	lodgings map[string]*lodging
	seats    seats // of their readers
	// scratches counts the directories that readers may write in.
	scratches int
	before    map[string]waxseal.Contained // what the last run, or the last seal, left
}

// beginDwellings takes over what the last run left, and when that was.
func (a *Agent) beginDwellings(ctx context.Context, before waxseal.State, stopped time.Time) {
	d := &a.dwellings
	d.seats = newSeats()
	a.clearScratches()
	d.ctx, d.stopped, d.before, d.lodgings = ctx, stopped, map[string]waxseal.Contained{}, map[string]*lodging{}
	for _, c := range before.Containers {
		if c.Unread == "" {
			d.before[c.Name] = c
		}
	}
}

// sorted are those that are known, by name.
func (d *dwellings) sorted() (list []*lodging) {
	for _, name := range slices.Sorted(maps.Keys(d.lodgings)) {
		list = append(list, d.lodgings[name])
	}
	return list
}

// dwelt is what the queue brings of containers: which there are, or news of one.
type dwelt struct {
	found    []Dwelling
	name     string // of the one, "" where it is about which there are
	event    bool   // the observation is a file event there
	standing standing
	behind   bool // … in the directory behind its overlay
	lost     bool // events of it were
	due      bool // it is to be read now
	ended    bool // the daemon through whose root it was watched has ended
	read     *roomRead
}

// seeDwellings has it looked which containers there are when it is time.
func (a *Agent) seeDwellings(now time.Time) {
	d := &a.dwellings
	if len(a.putOff) > 0 {
		a.takeWaiting(now.Add(turn))
	}
	if a.tree.Dir() != "/" || d.busy || now.Before(d.next) || d.ctx == nil {
		return
	}
	d.busy, d.next, d.last = true, now.Add(dwellEvery), now
	people, tree := a.senses.people, a.tree
	go func() { a.queue.put(arrival{dwelt: &dwelt{found: Dwellings(people, tree)}}) }()
}

// seeDwellingsSoon: something happened that may have made another container, or ended one.
func (a *Agent) seeDwellingsSoon() {
	if d := &a.dwellings; d.ctx != nil {
		d.next = later(d.last.Add(dwellSoon), time.Now())
	}
}

// daemonStarted looks at once where a daemon of a mail system started in a root that is
// not known.
func (a *Agent) daemonStarted(exe string, pid int) {
	if a.tree.Dir() != "/" || !surroundings.IsDaemon(path.Base(exe)) {
		return
	}
	at, ok := a.senses.people.RootOf(pid)
	home, known := a.senses.people.RootOf(1)
	if !ok || !known || at == home {
		return
	}
	for _, l := range a.dwellings.lodgings {
		if l.there && l.At == at {
			return
		}
	}
	a.seeDwellingsSoon()
}

// takeDwelt lets in what the queue brought of containers.
func (a *Agent) takeDwelt(in arrival, now time.Time) {
	news := in.dwelt
	if news.name == "" {
		a.takeFound(news.found, now)
		return
	}
	l := a.dwellings.lodgings[news.name]
	switch {
	case l == nil:
	case news.event:
		a.takeRoomEvent(l, in)
	case news.read != nil:
		a.takeRead(l, *news.read, now)
	case news.ended:
		l.heard = proc.Node{}
		if !l.reading {
			l.readers.rest() // its open root keeps the container's file systems busy
		}
		a.seeDwellingsSoon()
	case news.lost:
		a.lookInto(l, now)
	case news.due:
		if l.dueAt = (time.Time{}); len(l.touched)+len(l.under) > 0 || l.early > 0 {
			a.lookInto(l, now)
		}
	}
}

// takeFound holds the containers that are there against those that were.
func (a *Agent) takeFound(list []Dwelling, now time.Time) {
	d := &a.dwellings
	d.busy = false
	there := map[string]bool{}
	for _, found := range list {
		there[found.Name] = true
		l := d.lodgings[found.Name]
		if l == nil {
			if len(d.lodgings) >= maxLodgings {
				continue
			}
			l = &lodging{Dwelling: found}
			d.lodgings[found.Name] = l
		}
		l.missed = 0
		a.settleIn(l, found, now)
	}
	for name, l := range d.lodgings {
		if there[name] {
			continue
		}
		if l.missed++; l.missed == missedTwice {
			a.movedOut(l, now)
		} else if l.missed > missedTwice && len(d.lodgings) >= maxLodgings {
			delete(d.lodgings, name)
		}
	}
	a.restRooms(now)
}

// settleIn takes over what is known of a container now, and reads it where that is due.
func (a *Agent) settleIn(l *lodging, found Dwelling, now time.Time) {
	was, wasThere := l.Dwelling, l.there
	l.Dwelling, l.there = found, true
	switch {
	case !wasThere && !l.known:
	case was.At != found.At || was.Mount != found.Mount || was.ID != found.ID || !wasThere:
		l.stuck = 0
		if l.anew = madeAnew(was, found); was.ID != found.ID { // what was done to the other one is of no account
			l.remade, l.touched, l.under = true, nil, nil
		}
	case l.trouble: // how soon a reader is started again is its own affair
	case !l.watched() && now.Sub(l.readAt) >= a.comparedEvery() || now.Sub(l.readAt) >= a.opts.Poll:
	default:
		return
	}
	a.lookInto(l, now)
}

// madeAnew says what became of a container since it was last seen.
func madeAnew(was, now Dwelling) string {
	image := ""
	if now.Image != "" {
		image = " from the image " + now.Image
		if was.Image != "" && was.Image != now.Image {
			image += " (before: " + was.Image + ")"
		}
	}
	switch {
	case was.ID != now.ID:
		return now.Name + " was made anew" + image
	case was.At != now.At || was.Mount != now.Mount:
		return now.Name + " was started again"
	}
	return "mail in " + now.Name + " was started again"
}

// movedOut tells that no daemon runs in a container any more.
func (a *Agent) movedOut(l *lodging, now time.Time) {
	l.there = false
	if !l.reading {
		l.readers.leave()
		l.readers = nil
	}
	l.rules = roomRules{}
	a.ruleRooms()
	if l.known {
		a.tellContainer(now, "mail in "+l.Name+" has ended: none of its daemons runs any more, and what becomes of its files is not seen")
	}
}

// tellContainer says how far mail in a container is seen.
func (a *Agent) tellContainer(now time.Time, reason string) {
	a.opts.Warn(reason)
	a.note(now, waxseal.Observation{Sensor: "proc", Gap: &waxseal.Gap{Sensor: "proc", From: now, Reason: reason}})
}

// MailIn says what runs where.
func MailIn(d Dwelling) string {
	var programs []string
	for _, p := range d.Programs {
		if base := path.Base(string(p)); len(programs) < 5 {
			programs = append(programs, base)
		}
	}
	name := d.Name
	if d.ID != "" {
		name += ", which is " + d.ID
	}
	if d.Image != "" {
		name += " of the image " + d.Image
	}
	text := fmt.Sprintf("mail runs in %s (%s, process %d", name, strings.Join(programs, ", "), d.PID)
	if len(d.Listens) > 0 {
		text += ", listening on " + strings.Join(d.Listens[:min(len(d.Listens), 5)], ", ")
	}
	return text + ")"
}
