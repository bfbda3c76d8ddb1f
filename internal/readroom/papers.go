package readroom

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"waxseal"
	"waxseal/internal/papers"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/deb"
	"waxseal/internal/pkgdb/translog"
	"waxseal/internal/rootfs"
)

// Papers has a tree's papers read in a process of its own, behind the same walls as the
// reader of the mail path and with less to read. It is started when something is asked,
// and ends when nothing has been for a while: most hosts change their packages on few
// hours of a month.
//
// A question over which that process came to its end is asked once more. Then the answer
// is that it is not known, with the file; the loss is a gap.
type Papers struct {
	mu     sync.Mutex
	opts   Options
	rest   time.Duration
	now    *reader                // nil while there is none
	at     atomic.Pointer[reader] // the same, for who ends it
	over   atomic.Bool
	number uint64
	tired  *time.Timer
	lost   map[verb]failure
}

// failure is why something is not asked again at once.
type failure struct {
	until time.Time
	err   error
}

var _ papers.Source = (*Papers)(nil)

const (
	// paperBudget is the memory that one answer may take: an archive of 200,000 files has
	// 60 MB.
	paperBudget = 128 << 20
	// restAfter is how long a process waits for more questions.
	restAfter = 5 * time.Second
	// lostFor is how long a question is not asked again over which two processes ended.
	lostFor = 20 * time.Second
)

// patienceFor is how long each answer may take. For all but archives the agent waits.
var patienceFor = map[verb]time.Duration{
	askLogs: 15 * time.Second, askArchive: 2 * time.Minute, askHeaders: 30 * time.Second, askKeys: 15 * time.Second, askHistory: 10 * time.Second,
}

// NewPapers starts nothing yet. Of the options it needs Root, Hidden, Scratch, Lost and
// Program.
func NewPapers(o Options) *Papers {
	o.verb, o.Key, o.Besides = papersVerb, nil, nil
	return &Papers{opts: o, rest: restAfter, lost: map[verb]failure{}}
}

// Close ends the process, if there is one.
func (p *Papers) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	if p.opts.Scratch != "" {
		return os.RemoveAll(p.opts.Scratch)
	}
	return nil
}

// Abandon ends the process in the middle of a question. Nothing can be asked any more.
func (p *Papers) Abandon() {
	if p == nil {
		return
	}
	p.over.Store(true)
	if r := p.at.Load(); r != nil {
		r.process.Kill()
	}
}

// Rest ends the process until something is asked again.
func (p *Papers) Rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
}

func (p *Papers) end() {
	if p.tired != nil {
		p.tired.Stop()
	}
	if p.now != nil {
		p.at.Store(nil)
		p.now.end()
		p.now = nil
	}
}

// doze ends a process that has not been asked for a while.
func (p *Papers) doze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil && time.Since(p.now.asked) >= p.rest {
		p.end()
	}
}

func (p *Papers) start() error {
	if p.opts.Scratch != "" {
		if err := makeScratch(p.opts.Scratch); err != nil {
			return err
		}
	}
	o := p.opts
	var err error
	if o.only, err = realPlaces(o.Root); err != nil {
		return err
	}
	if p.now, err = newReader(o); err != nil {
		p.now = nil
		return err
	}
	p.now.wire.budget = paperBudget
	p.at.Store(p.now)
	return nil
}

// realPlaces are the places of papers as they lie on the disk, where links have been
// followed inside the root. Those that are not there can't be read either.
func realPlaces(root string) ([]string, error) {
	tree, err := rootfs.Open(root)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	var list []string
	for _, p := range papers.Places() {
		f, err := tree.Stat(p)
		if err == nil {
			list = append(list, filepath.Join(tree.Dir(), string(cmp.Or(f.Resolved, p))))
		}
	}
	if len(list) == 0 {
		return nil, errors.New("the tree has none of the places in which papers lie")
	}
	return list, nil
}

// ask asks, and a second time where the process ended, or where it may not read what came
// after it was started.
func (p *Papers) ask(q question) (reply, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.lost[q.Verb]; time.Now().Before(f.until) {
		return reply{}, f.err
	}
	var a reply
	var err error
	for range 2 {
		if a, err = p.try(q); errors.Is(err, errSlow) || err == nil && !a.outgrown(p.now) {
			break
		}
		if err == nil {
			p.end()
		}
	}
	switch {
	case err != nil && q.Verb != askArchive:
		p.lost[q.Verb] = failure{time.Now().Add(lostFor), err}
	case err == nil && a.Failed:
		err = errors.New(a.Why)
	}
	return a, err
}

func (a reply) outgrown(by *reader) bool { return a.Denied && !by.process.Covers() }

var errSlow = errors.New("it takes too long")

// try asks once.
func (p *Papers) try(q question) (a reply, err error) {
	if p.now != nil && (p.now.isGone() || p.now.cpu > worn) {
		p.end()
	}
	if p.over.Load() {
		return a, papers.ErrLost
	}
	if p.now == nil {
		if err := p.start(); err != nil {
			return a, fmt.Errorf("%w: none could be started: %w", papers.ErrLost, err)
		}
	}
	p.number++
	q.Number = p.number
	err = p.now.talk(q, &a, patienceFor[q.Verb])
	if err == nil && a.Number != q.Number {
		err = errAnswer
	}
	if err != nil {
		return a, p.lose(err)
	}
	p.now.cpu = a.CPU
	if p.tired != nil {
		p.tired.Stop()
	}
	p.tired = time.AfterFunc(p.rest, p.doze)
	return a, nil
}

// lose ends a process that gave no answer, or a wrong one, and tells of it.
func (p *Papers) lose(err error) error {
	gone := p.now
	slow := errors.Is(err, os.ErrDeadlineExceeded)
	why := gone.lost(err)
	if at := noted(gone.page); at != "" {
		why += "; it had last opened " + string(at)
	}
	if p.opts.Lost != nil && !p.over.Load() {
		p.opts.Lost(waxseal.Gap{Sensor: Sensor, From: gone.asked, Until: time.Now(), Reason: "the process that reads package archives, logs of packages and the history of /etc was lost, and what it was asked is not known: " + why})
	}
	p.end()
	if slow {
		return fmt.Errorf("%w: %w: %s", papers.ErrLost, errSlow, why)
	}
	return fmt.Errorf("%w: %s", papers.ErrLost, why)
}

// Transactions implements papers.Source.
func (p *Papers) Transactions() ([]translog.Transaction, error) {
	a, err := p.ask(question{Verb: askLogs})
	return a.Log, err
}

// Archive implements papers.Source.
func (p *Papers) Archive(at waxseal.Path, t papers.Trust) (parcel.Archive, error) {
	a, err := p.ask(question{Verb: askArchive, Path: at, Trust: t})
	if err == nil && (len(a.Archives) != 1 || a.Archives[0].Where != at) {
		err = errAnswer
	}
	if err != nil {
		return parcel.Archive{}, err
	}
	return a.Archives[0], nil
}

// Headers implements papers.Source.
func (p *Papers) Headers(wanted map[string]bool, t papers.Trust) ([]parcel.Archive, []translog.Transaction, error) {
	a, err := p.ask(question{Verb: askHeaders, Wanted: wanted, Trust: t})
	return a.Archives, a.Log, err
}

// Keys implements papers.Source.
func (p *Papers) Keys() ([]deb.Key, error) {
	a, err := p.ask(question{Verb: askKeys})
	return a.Keys, err
}

// History implements papers.Source.
func (p *Papers) History(at waxseal.Path) (string, error) {
	a, err := p.ask(question{Verb: askHistory, Path: at})
	return a.Words, err
}

// PID is the process that reads, 0 while there is none. It is for tests.
func (p *Papers) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil {
		return 0
	}
	return p.now.process.PID()
}
