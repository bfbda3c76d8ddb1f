package agent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"waxseal"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/fanotify"
	"waxseal/internal/sensor/proc"
)

// A container is watched as the host is: fanotify marks the files of its mail path, through
// the root of one of its daemons, and audit has a rule on each of these inodes. Both name
// files by what they are, so that it does not matter in whose mount namespace they are
// changed. The marks hold a directory of each file system of the container open, which
// would be in the way of who takes the container down: they go with the daemon.

// lodging is mail in one container, of the agent's goroutine.
type lodging struct {
	Dwelling
	state   waxseal.State // as last read, with the paths inside
	known   bool          // it was read
	users   map[uint32]string
	rules   roomRules // on which audit is to have rules
	there   bool      // a daemon runs
	missed  int       // looks in which none was found
	first   bool      // it is compared with what the last run left
	anew    string    // what became of it since it was last read
	remade  bool      // it is another one, with files of its own
	blind   string    // why it can't be read, as told
	heard   proc.Node // the root in which a sensor tells of changes
	unheard string    // why no sensor tells of changes, as told
	readAt  time.Time // when the last reading began
	since   time.Time // … and the one before it
	touched []touch
	under   []touch // those that the reading under way is to show
	reading bool
	stuck   int       // readings that did not come back
	dueAt   time.Time // when it is looked into next; zero for nothing that is planned
	again   bool      // something happened meanwhile
	early   int
	slowAt  time.Time // when it last took long to read
	trouble bool      // the last reading failed
	readers *lodgingReader
}

// roomWatch is a sensor in one container.
type roomWatch struct {
	sensor *fanotify.Sensor
	behind *fanotify.Sensor // in the directory behind an overlay; nil where there is none
	tree   *rootfs.Tree     // the container's, with behind
	at     proc.Node
	over   *os.File // closed, and the watch ends
	once   sync.Once
	done   sync.WaitGroup
	ended  atomic.Bool
	stop   context.CancelFunc
}

// watched reports whether a sensor tells of changes.
func (l *lodging) watched() bool { return l.heard == l.At }

// watchRoom opens a sensor on the root of a daemon. It ends with the daemon, and calls gone
// then.
func (a *Agent) watchRoom(ctx context.Context, d Dwelling, gone func()) (*roomWatch, error) {
	people := a.senses.people
	end, err := proc.EndOf(d.PID)
	if err != nil {
		return nil, errEnded
	}
	sensor, err := fanotify.Open(fanotify.Options{Root: d.Root, Snapshot: people.SnapshotPidfd})
	if err != nil {
		return nil, errors.Join(err, end.Close())
	}
	if at, ok := people.RootOf(d.PID); end.Ended() || !ok || at != d.At {
		return nil, errors.Join(errEnded, sensor.Close(), end.Close())
	}
	read, over, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, sensor.Close(), end.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	w := &roomWatch{sensor: sensor, at: d.At, over: over, stop: stop}
	a.runRoom(ctx, w, d.Name, sensor, func(e fanotify.Event) { a.roomEvent(d, e, false) })
	a.watchBehind(ctx, w, d)
	context.AfterFunc(ctx, w.close)
	go func() {
		end.Wait(int(read.Fd()))
		w.close()
		_, _ = read.Close(), end.Close() // nothing was written to either
		gone()
	}()
	return w, nil
}

// runRoom hands on the events of a sensor until it is closed.
func (a *Agent) runRoom(ctx context.Context, w *roomWatch, name string, s *fanotify.Sensor, emit func(fanotify.Event)) {
	w.done.Go(func() {
		lost := func(g waxseal.Gap) {
			g.Reason = "in " + name + ": " + g.Reason
			a.queue.gap(g)
			a.queue.put(arrival{dwelt: &dwelt{name: name, lost: true}})
		}
		if err := s.Run(ctx, emit, lost); err != nil {
			lost(waxseal.Gap{Sensor: fanotify.Name, From: time.Now(), Reason: err.Error()})
		}
	})
}

// watchBehind watches the directory in which an overlay keeps what was written: who writes
// there, past the container, is not seen in the overlay. Where it can't be had that is
// found by reading.
func (a *Agent) watchBehind(ctx context.Context, w *roomWatch, d Dwelling) {
	if d.Upper == "" {
		return
	}
	tree, err := rootfs.Open(d.Root)
	if err != nil {
		return
	}
	behind, err := fanotify.Open(fanotify.Options{Root: d.Upper, Snapshot: a.senses.people.SnapshotPidfd})
	if err != nil {
		_ = tree.Close() // nothing was written
		return
	}
	w.behind, w.tree = behind, tree
	a.runRoom(ctx, w, d.Name, behind, func(e fanotify.Event) {
		// Who mounts an overlay says where its directory is, and may have said another one:
		// what counts is that the file is the same. An overlay gives it the same number.
		f, err := tree.Lstat(e.Path)
		if gone := errors.Is(err, fs.ErrNotExist); err == nil && f.Inode == e.Inode || gone && e.Inode == 0 {
			a.roomEvent(d, e, true)
		}
	})
}

// setTargets points both sensors at files inside.
func (w *roomWatch) setTargets(dirs, files []waxseal.Path) error {
	if w.behind != nil {
		_ = w.behind.SetTargets(dirs, files) // what it can't watch is found by reading
	}
	return w.sensor.SetTargets(dirs, files)
}

// catchUp waits until all is told that the kernel has told by now.
func (w *roomWatch) catchUp() {
	w.sensor.CatchUp(earlyWait)
	if w.behind != nil {
		w.behind.CatchUp(earlyWait)
	}
}

// close ends the sensor, and with it all that keeps the container's file systems busy.
func (w *roomWatch) close() {
	w.once.Do(func() {
		w.ended.Store(true)
		w.stop()
		w.done.Wait()
		_, _ = w.sensor.Close(), w.over.Close() // marks and descriptors go either way
		if w.behind != nil {
			_, _ = w.behind.Close(), w.tree.Close()
		}
	})
}

// roomEvent hands on a file event of a container. What /proc shows of the processes is
// looked at here, while they live.
func (a *Agent) roomEvent(d Dwelling, e fanotify.Event, behind bool) {
	event := e.FileEvent
	a.senses.drain(a.queue.gap)
	a.queue.put(arrival{
		Observation: waxseal.Observation{Time: e.Time, Sensor: fanotify.Name, File: &event},
		content:     e.Content, copied: e.Captured, note: e.Note,
		dwelt: &dwelt{name: d.Name, event: true, behind: behind, standing: standingOf(a.senses.people, event.Actor, d.At)},
	})
}

// standing is which processes of an actor live in a container, and where their audit login
// was set: numbers of users mean something else there.
type standing struct {
	seen   bool
	inside map[int]bool
	login  loginPlace
}

type loginPlace int

const (
	loginAnywhere loginPlace = iota // it is not known
	loginOutside
	loginInside
)

// standingOf asks of living processes. One that has ended lived in the container if any of
// its ancestors does.
func standingOf(people *proc.Reader, actor *waxseal.Actor, at proc.Node) standing {
	s := standing{inside: map[int]bool{}}
	if actor == nil {
		return s
	}
	var ended []int
	for _, p := range append([]waxseal.Process{actor.Process}, actor.Ancestors...) {
		root, ok := people.RootOf(p.PID)
		if !ok || !people.Lives(p) {
			ended = append(ended, p.PID)
			continue
		}
		if root == at {
			for _, pid := range append(ended, p.PID) {
				s.inside[pid] = true
			}
			s.seen, ended = true, nil
			continue
		}
		s.seen = s.seen || len(ended) == 0
		// The first one outside: what it has, those below were given.
		if login, ok := people.LoginOf(p.PID); ok && login == actor.Login.UID {
			s.login = loginOutside
		} else if ok && s.seen {
			s.login = loginInside
		}
		break
	}
	return s
}

// nameWithin puts the container's own names in place of the host's: a number is another
// user there. Where a process lived is not known of those that ended too soon, and then
// they have no name but root's.
func (l *lodging) nameWithin(actor *waxseal.Actor, s standing) {
	name := func(uid uint32, inside, known bool) string {
		switch {
		case uid == 0:
			return "root"
		case inside:
			return l.users[uid]
		}
		return ""
	}
	if p := &actor.Process; !s.seen || s.inside[p.PID] {
		p.User = name(p.EUID, s.inside[p.PID], s.seen)
	}
	if actor.Login.UID != waxseal.Unset && s.login != loginOutside {
		actor.Login.Name = name(actor.Login.UID, s.login == loginInside, s.seen)
		if s.login == loginAnywhere {
			actor.Login.Basis = "whether this number is one of the host's users or one of the container's is not known"
		}
	}
	if actor.Login.UID == waxseal.Unset && ofEngine(actor) {
		actor.Login.Basis = "it was started by an engine's daemon, which has no login: who asked that for it is not known"
		actor.Login.Grade = waxseal.Unknown
	}
	for i := range actor.Steps { // they were named by the host
		actor.Steps[i].FromName, actor.Steps[i].ToName = "", ""
	}
}

// engineDaemons start what somebody asks them for over a socket (docker exec, docker cp):
// whoever asked is no ancestor. Podman's client starts it itself.
var engineDaemons = []string{"dockerd", "containerd", "containerd-shim", "containerd-shim-runc-v2", "crio"}

// ofEngine reports whether an engine's daemon is a process of an actor, or above it.
func ofEngine(actor *waxseal.Actor) bool {
	return slices.ContainsFunc(append([]waxseal.Process{actor.Process}, actor.Ancestors...), func(p waxseal.Process) bool {
		return slices.Contains(engineDaemons, path.Base(p.Exe)) || slices.Contains(engineDaemons, p.Comm)
	})
}
