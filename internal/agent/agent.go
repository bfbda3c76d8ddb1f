// Package agent watches one mail server: it takes what the sensors see, records
// it, reads the mail path again, compares, explains, judges and tells, in that
// order, in one goroutine.
//
// The order of things is this file; docs/life-of-an-event.md walks through it.
// What the single steps know lies below: sensors see, the store keeps, readers
// read, drift compares, correlate explains, detect judges.
package agent

import (
	"context"
	"errors"
	"time"

	"waxseal"
	"waxseal/internal/beat"
	"waxseal/internal/correlate"
	"waxseal/internal/lull"
	"waxseal/internal/mailpath"
	"waxseal/internal/permit"
	"waxseal/internal/readroom"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/network"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/triage"
)

// Options say what to watch, where to keep what is seen, and whom to tell.
type Options struct {
	Root     string // directory that is the root of the watched tree
	State    string // state directory
	Config   string // the configuration file that all this is from, for its own protection
	Version  string // of this program, for the record
	Fanotify bool   // use fanotify(7)
	Audit    bool   // use the kernel's audit system
	BPF      bool   // hear of processes by BPF
	Isolate  bool   // read the tree in a process of its own
	// Poll is how often the mail set is read again without an event, to see what
	// no event tells: mounts, flags, what was missed.
	Poll time.Duration
	// Logs are followed besides those that the mail systems name.
	Logs    []waxseal.Path
	Permits permit.Rules // what change control asks for
	Tuned   triage.Rules // what bounds suppressions
	// Scripts are files and directories that belong to the mail path though no
	// configuration leads there.
	Scripts []waxseal.Path
	// MostStarts is how often a script of the mail path may start, by one of Accounts
	// or, where none is named, by anybody, in one run of its mail system; 0 counts
	// nothing.
	MostStarts int
	Accounts   []string

	Tell Teller            // each finding, new or with news
	Warn func(text string) // what the person at the terminal should know
	// Ready is called once, when everything is watched that can be.
	Ready func(files, hooks int)
	// Turn is called each time the loop turns, twice a second at least; nil for nobody.
	Turn func()
}

// Teller hears of findings. News says what is new about one told before, "" for
// a new finding; checkpoint is the ledger's, in one line.
type Teller func(f waxseal.Finding, news, checkpoint string)

// Agent is a watching agent. Everything but the queue belongs to the goroutine
// of [Agent.Run].
type Agent struct {
	opts   Options
	tree   *rootfs.Tree
	reader reader
	room   *readroom.Room // the reader, where it is a process of its own
	apart  string         // why it is none
	books  *Books
	memory *correlate.Memory
	names  *names
	senses senses
	own    *own // nil where the host's own root can't be opened

	parcels parcels // what is known of packages

	dwellings dwellings // mail in containers

	queue *queue // from the sensors; bounded
	lull  lull.Lull
	ahead ahead // what is read before a look

	sealed   *waxseal.Seal  // nil while nothing is sealed
	last     waxseal.State  // what the next look is compared with
	aimed    waxseal.State  // what the sensors are pointed at
	housed   []waxseal.Path // the homes that they are pointed at
	heard    []waxseal.Path // the homes that the reading had found when that was last looked at
	lookedAt time.Time
	since    time.Time // the look before that
	aliveAt  time.Time

	book       notebook  // what is not in the ledger yet
	touched    []touch   // file events since the last look
	putOff     []arrival // what came during a look and waits for its end
	due        time.Time // when to look; zero while nothing happened
	pace       pace
	copies     copies                            // counted
	auditLost  time.Time                         // until when records of audit were last lost
	ended      bool                              // the sensors are
	scrubbed   struct{ from, to *waxseal.Actor } // the last one
	early      int                               // looks put off because an event was still on its way
	earlySince time.Time                         // when the first of them was
	lookTook   time.Duration                     // the last look
	recent     []*told                           // findings that later facts may add to
	denials    map[string]bool                   // by a security policy, that were told
	forged     map[string]time.Time              // logins that no login program set, by when they were told
	basis      basis                             // what they may rest on
	filtered   []waxseal.Observation             // audit's of changes of the packet filter
	trafficDue time.Time                         // when the network is to be looked at
	trafficAt  time.Time                         // when it was last
	traffic    *network.Picture                  // how the network leads mail; nil while it is not known
	trafficErr string                            // why it is not known
	viewed     map[view]bool                     // what daemons see otherwise, and was told
	viewAt     time.Time                         // when they are asked again
	configs    []waxseal.AuditEvent              // changes of audit by others, of the last time
	calls      []waxseal.AuditEvent              // mounts and flags set, of the last time
	folded     folded                            // what was only counted
	mine       mine                              // the mail set of last
	overdue    []overdue                         // audited, and not told of by fanotify yet
	lately     lately                            // file events of the last seconds
	chased     lately                            // files looked at since audit alone told of them
	held       map[proc.Node]*held               // files that somebody has open for writing
	holders    chan holders                      // who has them open, once all processes were asked; nil while nobody asks
	starts     *correlate.Starts

	mounts    mounted         // what is mounted, as the last look at all saw it
	allBy     time.Time       // when all is to be read, since only what events told of was; zero for no time
	allLatest time.Time       // how long that may be put off
	whole     *mailpath.Whole // the last state, prepared for reading one home of it again
	readAllAt time.Time       // when all was read
	all       bool            // something asks for reading all
	stale     bool            // the state on the disk lacks what was judged since
	staleSaid bool            // … and says so
	keptAt    time.Time       // when it was written

	crowd      *correlate.Crowd
	gatherings map[string]*gathering // by what they have in common
	office     *permit.Book          // change control
	tuning     *triage.Book          // suppressions
	past       past                  // what files were
	settledAt  time.Time             // when it was asked what time alone asks for
	newest     time.Time             // of all events so far
	setBy      time.Duration         // by how much the clock was set lately
	clockless  bool                  // that this can't be told was told
}

// Open opens the tree and the state directory.
func Open(o Options) (*Agent, error) {
	tree, err := rootfs.Open(o.Root)
	if err != nil {
		return nil, err
	}
	books, err := OpenBooks(o.State, mailpath.Host(tree))
	if err != nil {
		return nil, errors.Join(err, tree.Close())
	}
	books.Rules, books.Tuned = o.Permits, o.Tuned
	a := &Agent{opts: o, tree: tree, books: books, queue: newQueue(), ahead: newAhead(), basis: basis{}, forged: map[string]time.Time{}, held: map[proc.Node]*held{}, copies: copies{}, crowd: correlate.NewCrowd(), gatherings: map[string]*gathering{}, past: past{}, parcels: newParcels(),
		tuning: triage.NewBook(o.Tuned)}
	a.startReader()
	a.names = &names{tree: tree}
	a.memory = correlate.NewMemory(a.names.user)
	a.memory.MaskWith(func(argv []string) []string { masked, _ := a.scrubArgv(argv); return masked })
	a.memory.Trust(a.intact)
	a.memory.Matter(a.matters)
	a.starts = correlate.NewStarts(o.MostStarts, o.Accounts)
	return a, nil
}

// Run watches until ctx is done, and returns nil then. Sensors that can't be had
// are told and recorded as gaps; it goes on with what is left.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	defer a.end()
	tick := time.NewTimer(beat.Next(tickEvery))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case in := <-a.queue.gaps:
			a.take(in)
		case h := <-a.ahead.hints:
			a.readAhead(h)
		case in := <-a.queue.arrivals:
			a.take(*in)
			a.takeWaiting(time.Now().Add(max(turn, a.lookTook)))
		case <-tick.C:
			a.tick(time.Now())
			tick.Reset(beat.Next(a.nextTick()))
		case <-a.whenDue():
		}
		if now := time.Now(); a.isDue(now) {
			a.lull.Ends()
			a.look(now)
			a.lookTook = time.Since(now)
			if a.lookedAt.Equal(a.pace.last) { // events led to it, and more may come
				a.lull.Begins()
			}
		}
	}
}

// look is one pass from what was seen to what is told.
func (a *Agent) look(now time.Time) {
	touched := a.startLook(now)
	recorded := a.recordMeanwhile()
	defer a.books.endDraft()
	if h, ok := a.oneHome(touched, now); ok {
		recorded()
		a.lookAtHome(h, touched, now)
		return
	}
	versions := a.versions(touched)
	recorded() // truth before opinion
	if a.readAllAt.Before(a.since) {
		a.since = a.readAllAt // nobody has looked at what no event told of since
	}
	last := &versions[len(versions)-1]
	last.changes = Differences(a.last, last.state)
	if a.tooEarly(*last, now) {
		return
	}
	a.judgeAll(versions, now)
	a.cite(touched)
	a.record()
	a.pace.looked(time.Now())
	a.aimAfter(touched)
}

// judgeAll makes known what is different in each version from the one before.
func (a *Agent) judgeAll(versions []version, now time.Time) {
	for _, v := range versions {
		if v.changes == nil || len(versions) > 1 {
			v.changes = Differences(a.last, v.state)
		}
		v.index = a.noteTree(v, now)
		for _, ch := range v.changes {
			a.judge(ch, v, now)
		}
		a.advance(v.state)
	}
}

// Close releases the state directory and the tree.
func (a *Agent) Close() error {
	var err error
	a.leaveRooms()
	if a.room != nil {
		err = a.room.Close()
	}
	return errors.Join(err, a.parcels.close(), a.books.Close(), a.tree.Close())
}
