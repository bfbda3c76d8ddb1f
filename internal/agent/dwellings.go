package agent

import (
	"fmt"
	"path"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/surroundings"
	"waxseal/internal/treecache"
)

// Mail systems in containers are found by their running daemons. Their files are read
// through /proc/PID/root, inside which every path stays, and compared from time to time:
// no sensor is pointed at them, and who changed one is not known.

const (
	// dwellEvery is how often containers are looked at.
	dwellEvery = 5 * time.Second
	// dwellLong is how long the reading of all of them may take; a file system in user
	// space can keep a reader waiting for ever.
	dwellLong = 30 * time.Second
)

// Dwellings lists the roots besides the host's in which mail daemons run.
func Dwellings(people *proc.Reader) []proc.Dwelling {
	return people.Dwellings(surroundings.IsProgram, func(name string) bool { return surroundings.IsDaemon(name) && name != "smtp" })
}

// Dwelt is what was read of one.
type Dwelt struct {
	proc.Dwelling
	State waxseal.State // as it is inside
	Err   error         // why it could not be read
}

// ReadDwelling reads the mail path in one, within a time: what takes longer goes on for
// nobody.
func ReadDwelling(d proc.Dwelling, reader *mailpath.Reader, long time.Duration) Dwelt {
	if d.Root == "" {
		return Dwelt{Dwelling: d, Err: fmt.Errorf("only root can look inside (CAP_SYS_PTRACE)")}
	}
	done := make(chan Dwelt, 1)
	go func() { done <- readDwelling(d, reader) }()
	select {
	case r := <-done:
		return r
	case <-time.After(long):
		return Dwelt{Dwelling: d, Err: fmt.Errorf("its files took longer than %s to read", long)}
	}
}

func readDwelling(d proc.Dwelling, reader *mailpath.Reader) Dwelt {
	tree, err := rootfs.Open(d.Root)
	if err != nil {
		return Dwelt{Dwelling: d, Err: err}
	}
	defer tree.Close()
	state := reader.ReadLive(treecache.New(tree), mailpath.Live{})
	running := true
	for i := range state.Stacks {
		state.Stacks[i].Running = &running
	}
	return Dwelt{Dwelling: d, State: state}
}

// ReaderFor is a reader of the mail path of a container.
func ReaderFor(m *mask.Masker) *mailpath.Reader {
	r := mailpath.NewReader(m)
	r.Otherwise(rpm.Open)
	return r
}

// dwellings is what the agent knows of mail in containers.
type dwellings struct {
	next  time.Time
	busy  time.Time // since when they are being read; zero while they are not
	slow  bool      // that it takes too long was told
	last  map[string]waxseal.State
	blind map[string]string // why one can't be read, as told
	// readers are of the goroutine that reads, of which there is one at a time.
	readers map[string]*mailpath.Reader
}

// seeDwellings has the containers read when it is time.
func (a *Agent) seeDwellings(now time.Time) {
	if a.tree.Dir() != "/" {
		return
	}
	d := &a.dwellings
	if !d.busy.IsZero() {
		if !d.slow && now.Sub(d.busy) > 2*dwellLong {
			d.slow = true
			a.tellContainer(now, "the files of a container can't be read to the end: what changes in containers is not seen from now on")
		}
		return
	}
	if now.Before(d.next) {
		return
	}
	if d.last == nil {
		d.last, d.blind, d.readers = map[string]waxseal.State{}, map[string]string{}, map[string]*mailpath.Reader{}
	}
	d.busy, d.next = now, now.Add(dwellEvery)
	people, masker, readers := a.senses.people, a.books.Masker, d.readers
	go func() {
		list := []Dwelt{}
		for _, found := range Dwellings(people) {
			if readers[found.Name] == nil {
				readers[found.Name] = ReaderFor(masker)
			}
			r := ReadDwelling(found, readers[found.Name], dwellLong)
			if r.Err != nil {
				delete(readers, found.Name) // it may still be at work
			}
			list = append(list, r)
		}
		a.queue.put(arrival{dwelt: &list})
	}()
}

// takeDwelt compares what was read of the containers with what was there before.
func (a *Agent) takeDwelt(list []Dwelt, now time.Time) {
	d := &a.dwellings
	d.busy, d.slow = time.Time{}, false
	for _, r := range list {
		if r.Err != nil {
			if why := r.Err.Error(); d.blind[r.Name] != why {
				d.blind[r.Name] = why
				a.tellContainer(now, MailIn(r.Dwelling)+", and what is set up there is not known: "+why)
			}
			continue
		}
		delete(d.blind, r.Name)
		before, known := d.last[r.Name]
		d.last[r.Name] = r.State
		if !known {
			a.tellContainer(now, fmt.Sprintf("%s: no seal vouches for what is set up there, its files are compared every %s from now on, and who changes one is not known", MailIn(r.Dwelling), dwellEvery))
			continue
		}
		for _, ch := range Differences(before, r.State) {
			a.tellWithin(r.Dwelling, ch, now)
		}
	}
}

// tellContainer says how far mail in a container is seen.
func (a *Agent) tellContainer(now time.Time, reason string) {
	a.opts.Warn(reason)
	a.note(now, waxseal.Observation{Sensor: "proc", Gap: &waxseal.Gap{Sensor: "proc", From: now, Reason: reason}})
}

// tellWithin tells of a change in a container.
func (a *Agent) tellWithin(d proc.Dwelling, ch waxseal.Change, now time.Time) {
	ch = mailpath.ChangeWithin(d.Name, ch)
	index := a.note(now, waxseal.Observation{Sensor: "proc", File: &waxseal.FileEvent{Operations: []waxseal.Operation{waxseal.OpWrite}, Path: ch.Path,
		Note: fmt.Sprintf("found by reading through /proc/%d/root", d.PID)}})
	if ch.Severity == waxseal.None {
		return
	}
	f := detect.Finding(ch)
	f.Title += " (in " + d.Name + ")"
	actor := a.memory.Actor(waxseal.FileEvent{}, now)
	f.Seen, f.Actor = now, &actor
	f.Unobserved = &waxseal.Gap{Sensor: "proc", From: now.Add(-dwellEvery), Until: now, Reason: "no sensor watches inside " + d.Name + ": it was found by reading its files again"}
	f.Activation = []waxseal.Activation{{Stand: waxseal.Written, Time: now, Evidence: "it is on the disk of " + d.Name, Grade: waxseal.Proven}}
	f.Observations = a.recorded([]*waxseal.Index{index})
	a.tellOf(f)
}

// MailIn says what runs where.
func MailIn(d proc.Dwelling) string {
	var programs []string
	for _, p := range d.Programs {
		if base := path.Base(string(p)); len(programs) < 5 {
			programs = append(programs, base)
		}
	}
	text := fmt.Sprintf("mail runs in %s (%s, process %d", d.Name, strings.Join(programs, ", "), d.PID)
	if len(d.Listens) > 0 {
		text += ", listening on " + strings.Join(d.Listens[:min(len(d.Listens), 5)], ", ")
	}
	return text + ")"
}
