package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/store"
)

const (
	// tickEvery is how often the agent looks at the clock while something waits for that,
	// and idleEvery while nothing does. Writes through a memory map and mounts are found
	// by that alone.
	tickEvery = 200 * time.Millisecond
	idleEvery = 500 * time.Millisecond
	// lastWords bounds how long an agent that is ended takes in what waits.
	lastWords = 5 * time.Second
	// aliveEvery bounds how much unwatched time is claimed after a kill.
	aliveEvery = 10 * time.Second
)

// begin remembers where the last run ended, starts the sensors, and tells what
// changed in between.
func (a *Agent) begin(ctx context.Context) error {
	now := time.Now()
	a.openOffice()
	newest, err := a.books.Newest()
	if err != nil {
		return err
	}
	a.newest = newest
	// What the last run left says what to watch, or else a first reading does. What changes
	// from there on is seen by the sensors, and what changed before is in the reading that
	// follows.
	sealed, kept := a.books.sealBeside(), a.books.kept()
	a.tree.MountsChanged() // from here on it tells
	a.note(now, waxseal.Observation{Sensor: "agent", Agent: &waxseal.AgentEvent{Step: "start", Version: a.opts.Version}})
	sensing := a.wakeSenses(ctx)
	var read func() waxseal.State
	if a.last = kept.state; kept.err == nil {
		read = a.watchFiles(sensing, now)
	}
	before, had, err := a.remembered(kept, <-sealed)
	if err = errors.Join(err, a.rememberGatherings(now), a.rememberPast(now)); err != nil {
		if read != nil {
			read() // the reader is closed after this
		}
		return errors.Join(err, a.senses.stop())
	}
	stopped, ended := a.lastSeen(), a.lastEnd()
	a.beginDwellings(ctx, before, stopped)
	if read == nil {
		if a.last = before; !had {
			a.last = a.readAll(now)
		}
		read = a.watchFiles(sensing, now)
	}
	a.tellOfReader()
	a.watchClock(now)
	a.startOthers(sensing)
	a.startParcels(now)
	current := read()
	a.knowPrograms()
	if watched := a.last; !sameFiles(watched, current) || a.newHomes() {
		a.last = current
		a.aim()
		a.startTail(ctx, notAmong(logPaths(current, a.opts.Logs), logPaths(watched, a.opts.Logs)), nil)
		current = a.readAll(now)
	}
	if !had {
		before = current
		a.opts.Warn("nothing is sealed yet: changes are compared with the state found now, for which nothing vouches")
	} else if !stopped.IsZero() {
		a.note(now, waxseal.Observation{Sensor: "agent", Gap: &waxseal.Gap{Sensor: "agent", From: stopped, Until: now, Reason: "no agent was running; what changed is known, who changed it is not; " + ended}})
		if ended != endedInOrder {
			a.opts.Warn(fmt.Sprintf("nobody watched for %s: %s", now.Sub(stopped).Round(time.Second), ended))
		}
	}
	a.last, a.lookedAt, a.since = before, stopped, stopped
	a.record()
	found := version{state: current, unobserved: true}
	found.changes = Differences(before, current)
	found.index = a.noteTree(found, now)
	changes, err := a.untold(found.changes)
	if err != nil {
		return err
	}
	for _, ch := range changes {
		a.judge(ch, found, now)
	}
	a.advance(current)
	a.aimAfter(nil)
	a.lookedAt, a.readAllAt = now, now
	a.heldAtStart(now)
	a.startNetwork(ctx)
	a.record()
	for _, p := range current.Problems {
		a.opts.Warn(Problem(p))
	}
	a.opts.Ready(len(current.Files), len(current.Hooks))
	return nil
}

// lastSeen is the last time at which somebody looked at this tree: an agent that
// lived, or whoever sealed.
func (a *Agent) lastSeen() time.Time {
	at, _ := a.books.LastAlive() // zero where no agent ever ran
	if a.sealed != nil && a.sealed.Time.After(at) {
		return a.sealed.Time
	}
	return at
}

// remembered is the state that the last run, or the last seal, left.
func (a *Agent) remembered(kept keptState, latest latestSeal) (state waxseal.State, had bool, err error) {
	last, seal, err := lastKnown(kept, latest)
	a.sealed = seal
	if err != nil || last == nil {
		return state, false, err
	}
	return *last, true, nil
}

// LastKnown is the state that the last agent, or the last seal, left, and that seal; nil
// where there is none.
func (b *Books) LastKnown() (*waxseal.State, *waxseal.Seal, error) {
	sealed, kept := b.sealBeside(), b.kept()
	return lastKnown(kept, <-sealed)
}

func lastKnown(kept keptState, latest latestSeal) (*waxseal.State, *waxseal.Seal, error) {
	var sealed *waxseal.Seal
	switch {
	case latest.err == nil:
		sealed = &latest.seal
	case !errors.Is(latest.err, store.ErrNone):
		return nil, nil, latest.err
	}
	switch err := kept.err; {
	case errors.Is(err, store.ErrNone) && sealed == nil:
		return nil, nil, nil
	case errors.Is(err, store.ErrNone), err == nil && sealed != nil && kept.at.Before(sealed.Time):
		return &sealed.State, sealed, nil
	case err != nil:
		return nil, sealed, err
	}
	return &kept.state, sealed, nil
}

// keptState is the state that the last agent left.
type keptState struct {
	state waxseal.State
	at    time.Time
	err   error
}

func (b *Books) kept() keptState {
	state, at, err := b.State()
	return keptState{state, at, err}
}

type latestSeal struct {
	seal waxseal.Seal
	err  error
}

// sealBeside reads the latest seal beside the caller: it takes long where there are
// thousands of files.
func (b *Books) sealBeside() <-chan latestSeal {
	latest := make(chan latestSeal, 1)
	go func() {
		seal, index, err := b.LatestSeal()
		if err == nil {
			b.sealed.Store(&sealedAt{index, seal.Time})
		}
		latest <- latestSeal{seal, err}
	}()
	return latest
}

// end stops the sensors and takes leave.
func (a *Agent) end() {
	a.parcels.beside.Abandon()
	if err := a.senses.stop(); err != nil {
		a.opts.Warn("a sensor left something behind (waxseal doctor --clean removes it): " + err.Error())
	} else if a.senses.audit != nil {
		a.setAuditWasOff(false)
	}
	a.ended = true
	a.takeWaiting(time.Now().Add(lastWords))
	a.unfold(time.Now())
	if n := len(a.queue.arrivals); n > 0 {
		a.note(time.Now(), waxseal.Observation{Sensor: "agent", Gap: &waxseal.Gap{Sensor: "agent", From: time.Now(), Lost: int64(n), Reason: "the agent was ended while so much still waited to be taken in"}})
	}
	if len(a.touched) > 0 {
		a.look(time.Now())
	}
	if a.own != nil && len(a.own.touched) > 0 {
		a.lookAtOwn(time.Now(), false)
	}
	if err := a.own.stop(); err != nil {
		a.opts.Warn("the watch of Waxseal's own files did not end: " + err.Error())
	}
	now := time.Now()
	a.recount(now, 0)
	a.putState(a.last, now)
	a.note(now, waxseal.Observation{Sensor: "agent", Agent: &waxseal.AgentEvent{Step: "stop"}})
	a.record()
	if a.book.broken() {
		a.opts.Warn("the ledger could not be written to the end: " + a.book.err.Error())
	}
	a.takeLeave()
	_ = a.books.Alive(now) // the stop entry says the same, if this can't be written
}

// nextTick is how long the clock can be left alone.
func (a *Agent) nextTick() time.Duration {
	if len(a.overdue) > 0 || !a.allBy.IsZero() || !a.trafficDue.IsZero() || a.book.broken() || a.own != nil && !a.own.due.IsZero() {
		return tickEvery
	}
	return idleEvery
}

// tick does what time alone asks for.
func (a *Agent) tick(now time.Time) {
	if a.opts.Turn != nil {
		a.opts.Turn()
	}
	a.senses.drain(a.queue.gap)
	if n := a.queue.lost.Swap(0); n > 0 {
		a.take(arrival{Observation: waxseal.Observation{Time: now, Sensor: "agent", Gap: &waxseal.Gap{
			Sensor: "agent", From: now.Add(-idleEvery), Until: now, Lost: n, Reason: "more events came than could be taken in; the whole mail set is read again",
		}}})
	}
	if now.Sub(a.aliveAt) >= aliveEvery {
		a.aliveAt = now
		_ = a.books.Alive(now) // a failure shows at the next entry, which matters more
	}
	if !a.allBy.IsZero() && !now.Before(a.allBy) {
		a.dueAt(now)
	}
	if mounts := a.tree.MountsChanged(); mounts || now.Sub(a.readAllAt) >= a.opts.Poll {
		a.all = a.all || mounts
		if mounts {
			now = now.Add(settle) // audit tells who, on a queue of its own
		}
		a.dueAt(now)
	}
	a.watchClock(now)
	if !a.trafficDue.IsZero() && !now.Before(a.trafficDue) {
		a.trafficDue = time.Time{}
		a.seeTraffic(now)
	}
	a.chase(now)
	a.rereadHeld(now)
	a.seeViews(now)
	a.seeDwellings(now)
	a.accountWithHands(now)
	if a.own != nil && !a.own.due.IsZero() && !now.Before(a.own.due) {
		a.lookAtOwn(now, false)
	}
	if a.folded.more > 0 && now.Sub(a.folded.second) > time.Second {
		a.unfold(now)
	}
	a.recount(now, countLate)
	a.forget(now)
	a.endDay(now)
	a.settle(now)
	if now.Sub(a.pace.told) >= quiet || now.Sub(a.keptAt) >= aliveEvery {
		a.putState(a.last, now)
	}
	a.record()
}

const (
	// maxEarly and earlyWait bound how long a look waits for an event that must be
	// on its way, since its effect is on the disk already; lateWait does while others
	// wait to be taken in, so that it may be among them.
	maxEarly  = 4
	earlyWait = 25 * time.Millisecond
	lateWait  = 500 * time.Millisecond
)

// tooEarly puts a look off when it read a change whose event has not come in
// yet, or which another event followed: the disk is faster than the queue.
func (a *Agent) tooEarly(last version, now time.Time) bool {
	a.catchUp()
	unseen := slices.ContainsFunc(last.changes, func(ch waxseal.Change) bool {
		if ch.Severity == waxseal.None {
			return false // nothing is told of it
		}
		e := lastEvent(last.touched, ch)
		return e == nil && ch.Before != nil || e != nil && a.overtaken(last, e) || slices.ContainsFunc(a.touched, func(t touch) bool { return concerns(t, ch) })
	})
	if a.early == 0 {
		a.earlySince = now
	}
	enough := a.early >= maxEarly && (len(a.queue.arrivals) == 0 || now.Sub(a.earlySince) > lateWait)
	if !unseen || a.senses.files == nil || enough {
		a.early = 0
		return false
	}
	a.early++
	a.touched = append(last.touched, a.touched...)
	a.dueAt(now.Add(earlyWait))
	return true
}

// startLook takes the file events that led to this look.
func (a *Agent) startLook(now time.Time) []touch {
	a.watchClock(now)
	touched := a.touched
	a.uncopied(touched, now)
	a.touched, a.due = nil, time.Time{}
	a.pace.begins(now)
	clear(a.parcels.hands)
	if a.early == 0 { // else this look goes on with what the one before left
		a.since, a.pace.since = a.lookedAt, a.pace.last
	}
	a.lookedAt = now
	if len(touched) > 0 {
		a.pace.last = now
	}
	return touched
}
