package agent

import (
	"errors"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/sensor/proc"
)

// errEnded: what was read may be of a container that is being taken down.
var errEnded = errors.New("its daemon has ended")

var errOff = errors.New("fanotify is switched off")

// innerPath is a path in a container as it is inside.
func innerPath(name string, p waxseal.Path) waxseal.Path {
	return waxseal.Path(strings.TrimPrefix(string(p), name+":"))
}

// takeRoomEvent lets in a file event of a container, under its place on the host.
func (a *Agent) takeRoomEvent(l *lodging, in arrival) {
	o := a.scrub(in.Observation)
	if o.Time.After(a.newest) {
		a.newest = o.Time
	}
	event := *o.File
	inside := event.Path
	event.Path, event.Note = mailpath.PathWithin(l.Name, event.Path), in.note
	if event.OldPath != "" {
		event.OldPath = mailpath.PathWithin(l.Name, event.OldPath)
	}
	o.File = &event
	t := touch{Observation: o, content: in.content, copied: in.copied, standing: in.dwelt.standing, behind: in.dwelt.behind}
	f, known := fileIn(l.state, inside)
	if len(l.touched) < maxRoomTouches {
		t.index = a.noteRoomContent(o, in.content, f.Role)
		l.touched = append(l.touched, t)
	}
	wait := settle
	switch {
	case unfinished(t):
		wait = settleOpen
	case known && f.Role != waxseal.RoleUnused && !slices.Contains(event.Operations, waxseal.OpDelete):
		wait = 0
	}
	a.lookLater(l, wait)
}

// maxRoomTouches bounds the events of one container that wait for a reading: what comes
// beyond is read, and who made it is not known.
const maxRoomTouches = 4096

func (a *Agent) noteRoomContent(o waxseal.Observation, content []byte, role waxseal.Role) *waxseal.Index {
	f := *o.File
	o.File = &f
	n := noted{obs: o}
	if role.Text() && len(content) > 0 && len(content) <= 1<<20 {
		text := a.books.Masker.Text(role, string(content))
		n.texts, f.TextDigest = []string{text}, digestOf(text)
	}
	return a.write(n)
}

// unnamedIn is how long to wait until audit may have said who made one of the changes.
func (a *Agent) unnamedIn(l *lodging, now time.Time) time.Duration {
	if a.senses.audit == nil || len(l.touched) > maxPatient {
		return 0
	}
	for _, t := range l.touched {
		if now.Before(t.Time.Add(patience)) && !t.auditBlind() && !a.named(t) && a.ruled(l, t) {
			return 10 * time.Millisecond
		}
	}
	return 0
}

// ruled reports whether audit has a rule for an event, so that a record is to come.
func (a *Agent) ruled(l *lodging, t touch) bool {
	if t.File.Inode != 0 && a.hasRule(*t.File) {
		return true
	}
	// What is made, renamed or removed shows in the directory, of which the device is that
	// of most of its files.
	return isEdit(t) && !slices.Equal(t.File.Operations, []waxseal.Operation{waxseal.OpWrite}) && l.ruledAtAll()
}

// ofRooms reports whether an audited operation is of a container's files and of none of the
// host's: the names that it gives are those inside, and mean other files here.
func (a *Agent) ofRooms(e *waxseal.AuditEvent) bool {
	inside := func(p waxseal.AuditPath) bool {
		return a.dwellings.ruled[kaudit.File{Device: p.Device, Inode: p.Inode}]
	}
	if len(a.dwellings.ruled) == 0 || !slices.ContainsFunc(e.Paths, inside) {
		return false
	}
	for _, p := range e.Paths {
		if slices.ContainsFunc(a.last.Files, func(f waxseal.FileState) bool { return p.Inode != 0 && f.Inode == p.Inode && f.Device == p.Device }) {
			return false // a file that both have
		}
	}
	return true
}

// takeRead compares what was read of a container with what was there before.
func (a *Agent) takeRead(l *lodging, r roomRead, now time.Time) {
	l.reading, l.readers = false, r.reader
	if l.readers == nil { // the other one may still be at work
		l.heard, l.stuck = proc.Node{}, l.stuck+1
	} else {
		l.stuck = 0
	}
	l.trouble = r.trouble
	if r.slow {
		l.slowAt = now
	}
	defer func() {
		if !l.there && !l.reading {
			l.readers.leave()
			l.readers = nil
		}
		a.restRooms(now)
		if l.again { // of another daemon, maybe, than was read
			a.lookInto(l, now)
		}
	}()
	if errors.Is(r.Err, errEnded) {
		l.readers.rest()
		a.seeDwellingsSoon()
		return
	}
	if r.Err != nil {
		l.heard = proc.Node{}
		if why := r.Err.Error(); l.blind != why && l.there {
			l.blind = why
			a.tellContainer(now, MailIn(l.Dwelling)+", and what is set up there is not known: "+why)
		}
		return
	}
	if l.blind = ""; r.users != nil {
		l.users = r.users
	}
	a.hearRoom(l, r, now)
	if !l.rules.same(r.rules) {
		l.rules = r.rules
		a.ruleRooms()
	}
	if !l.known {
		a.firstSight(l, r, now)
		return
	}
	last := version{state: r.State, touched: l.under, unobserved: len(l.under) == 0}
	last.changes = Differences(l.state, r.State)
	if a.tooEarlyIn(l, last) {
		return
	}
	a.judgeRoom(l, append(r.passing, last), now)
	l.under = nil
}

// judgeRoom makes known what is different in each version of a container from the one
// before.
func (a *Agent) judgeRoom(l *lodging, versions []version, now time.Time) {
	if l.anew != "" {
		a.tellContainer(now, l.anew+"; what is different is told")
	}
	for _, v := range versions {
		changes := Differences(l.state, v.state)
		l.state = v.state
		v.state = mailpath.Within(l.Name, v.state)
		for i := range changes {
			changes[i] = mailpath.ChangeWithin(l.Name, changes[i])
		}
		v.changes = changes
		v.index = a.noteTree(v, now)
		if l.first {
			if left, err := a.untold(changes); err == nil {
				changes = left
			}
		}
		for _, ch := range changes {
			a.judgeWithin(l, ch, v, now)
		}
		a.cite(v.touched)
	}
	l.anew, l.remade = "", false
	a.record()
}

// tooEarlyIn puts a look off that read a change whose event has not come in yet, or which
// another event followed.
func (a *Agent) tooEarlyIn(l *lodging, v version) bool {
	v.state = mailpath.Within(l.Name, v.state)
	unseen := slices.ContainsFunc(v.changes, func(ch waxseal.Change) bool {
		if ch.Severity == waxseal.None {
			return false
		}
		ch = mailpath.ChangeWithin(l.Name, ch)
		e := lastEvent(v.touched, ch)
		return e == nil && ch.Before != nil || e != nil && a.overtaken(v, e) || slices.ContainsFunc(l.touched, func(t touch) bool { return concerns(t, ch) })
	})
	if !unseen || !l.watched() || l.anew != "" || l.early >= maxEarly {
		l.early = 0
		return false
	}
	l.early++
	a.lookLater(l, earlyWait)
	return true
}
