package readroom

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/rootfs"
	"waxseal/internal/sandbox"
	"waxseal/internal/snapshot"
)

// Options say what is read, and whom to tell.
type Options struct {
	Root    string         // directory that is the root of the tree
	Key     []byte         // secrets are masked with
	Besides []waxseal.Path // see mailpath.Reader.Besides
	Hidden  []string       // directories that a reader may not read
	// Scratch is a directory that readers may write in, where the tree has a package
	// database that is copied to be read; "" for none.
	Scratch string
	// Lost is told when a reader came to its end.
	Lost func(waxseal.Gap)
	// Known is the state that was known before this one; it stands in where the first
	// reading fails.
	Known func() waxseal.State
	// Program is what is started; "" is this program itself.
	Program string

	guest *Guest   // whose tree it is, where it is not the host's
	verb  string   // that it is started with, if not Verb
	only  []string // the parts of the tree that are read, if not all
}

// Sensor is who tells that a reader came to its end.
const Sensor waxseal.SensorName = "reader"

// Room is what the agent asks instead of a mailpath.Reader: it has the same methods. It
// is for one goroutine, but for [Room.PID].
type Room struct {
	opts   Options
	keeper *mailpath.Reader // keeps states; it opens nothing
	now    *reader          // nil while there is none
	number uint64           // of requests
	slow   time.Duration    // the longest answer so far

	last   waxseal.State // of the whole tree as it is, by which the next is told
	shown  waxseal.State // the last one that was read
	any    bool          // one was
	forget []waxseal.Path
	settle bool
	index  uint64
	states []numbered // that may be indexed
	homes  []waxseal.Path
	whole  *mailpath.Whole
	failed int       // readings without an answer, one after the other
	again  time.Time // not before is a reader started
	why    string    // of the last failure
	at     waxseal.Path
	blind  bool // the last reading failed
}

// numbered is a state by the answer that brought it.
type numbered struct {
	number uint64
	files  *waxseal.FileState
}

// Open starts a reader.
func Open(o Options) (*Room, error) {
	r := &Room{opts: o, keeper: mailpath.NewReader(nil)}
	if err := r.start(); err != nil {
		return nil, err
	}
	return r, nil
}

// Missing says which walls the reader has not.
func (r *Room) Missing() []string {
	if r.now == nil {
		return nil
	}
	return slices.Concat(r.now.process.Missing(), r.now.missing)
}

// Close ends the reader.
func (r *Room) Close() error {
	if r.now != nil {
		r.now.end()
		r.now = nil
	}
	if r.opts.Scratch != "" {
		return os.RemoveAll(r.opts.Scratch)
	}
	return nil
}

// start starts a reader that knows nothing yet.
func (r *Room) start() error {
	if r.opts.Scratch != "" && r.opts.guest == nil {
		if err := makeScratch(r.opts.Scratch); err != nil {
			return err
		}
	}
	now, err := newReader(r.opts)
	if err != nil {
		return err
	}
	r.now = now
	r.knowsNothing()
	go now.watch(r.opts.what(), r.opts.Lost)
	return nil
}

// knowsNothing: a reader that is started knows of no state.
func (r *Room) knowsNothing() {
	r.last, r.whole, r.settle, r.index, r.states = waxseal.State{}, nil, false, 0, nil
}

// makeScratch makes a directory that whoever comes to it may write in: nobody comes there
// but a reader, since the state directory above is closed. To give it away would take
// CAP_CHOWN.
func makeScratch(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Chmod(dir, 0o777)
}

// Forget implements the agent's reader.
func (r *Room) Forget(p waxseal.Path) {
	const many = 1 << 14 // then it is cheaper to begin anew
	if len(r.forget) < many {
		r.forget = append(r.forget, p)
	} else if r.now != nil {
		r.now.end()
		r.now, r.forget = nil, nil
	}
}

// ReadLive implements the agent's reader. The tree is the one that was opened, or one
// laid over it, whose contents go with the request.
func (r *Room) ReadLive(tree waxseal.Tree, live mailpath.Live) waxseal.State {
	q := request{Verb: readTree, Mounts: live.Mounts}
	if over, ok := tree.(*snapshot.Tree); ok {
		for _, o := range over.Objects() {
			q.Over = append(q.Over, object{o.File, o.Content})
		}
	}
	if r.renew(); time.Now().Before(r.again) {
		return r.unreadable()
	}
	for range 2 { // one that came to its end may have been ended by somebody
		a, err := r.ask(q)
		if r.opts.guest != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			break // it would take as long again
		}
		if err != nil {
			continue
		}
		if a.Denied && len(q.Over) == 0 && r.outgrown() {
			continue // with one that may read what is new
		}
		s, err := r.take(a, q)
		if err == nil {
			r.failed, r.again, r.blind = 0, time.Time{}, false
			return s
		}
		r.lose(err)
	}
	r.failed++
	r.again = time.Now().Add(min(time.Second<<min(r.failed, 10), r.opts.maxWait()))
	return r.unreadable()
}

const (
	// longestWait bounds how long no reader is started where several failed, and
	// longestGuestWait where it may be that somebody wants them to fail.
	longestWait, longestGuestWait = 20 * time.Second, 5 * time.Minute
	// worn is the processor time after which a reader is changed for a new one, between
	// two readings: at sandbox.MaxCPU the kernel would do it.
	worn = sandbox.MaxCPU * time.Second / 2
)

func (o Options) maxWait() time.Duration {
	if o.guest != nil {
		return longestGuestWait
	}
	return longestWait
}

// renew lets a reader go that has used most of the time that it may.
func (r *Room) renew() {
	if r.now != nil && r.now.cpu > worn {
		r.now.end()
		r.now = nil
	}
}

// outgrown lets a reader go that was denied what lies in the tree since it was started.
func (r *Room) outgrown() bool {
	if r.now == nil || r.now.process.Covers() {
		return false
	}
	r.now.end()
	r.now = nil
	return true
}

// take makes the state of an answer.
func (r *Room) take(a answer, q request) (waxseal.State, error) {
	s, err := a.State.state(r.last, budget)
	if err == nil {
		err = inOrder(s)
	}
	if err != nil || len(q.Over) > 0 {
		return s, err
	}
	r.last, r.shown, r.any = s, s, true
	if a.Homes != nil {
		r.homes = *a.Homes
		r.keeper.Inhabit(r.homes)
	}
	if len(s.Files) > 0 {
		r.states = append(r.states, numbered{a.Number, &s.Files[0]})
		r.states = r.states[max(0, len(r.states)-keptStates):]
	}
	return s, nil
}

// Homes lists the homes that the last reading found, sorted.
func (r *Room) Homes() []waxseal.Path { return r.homes }

var errOrder = errors.New("its files are not in order")

// inOrder holds an answer to what whoever reads states relies on.
func inOrder(s waxseal.State) error {
	for i := 1; i < len(s.Files); i++ {
		if s.Files[i-1].Path >= s.Files[i].Path {
			return errOrder
		}
	}
	return nil
}

// Index implements the agent's reader.
func (r *Room) Index(s waxseal.State) *mailpath.Whole {
	r.whole = r.keeper.Index(apart(s))
	r.index, r.settle = 0, false
	for _, n := range r.states {
		if len(s.Files) > 0 && n.files == &s.Files[0] {
			r.index = n.number
		}
	}
	if r.index == 0 {
		r.whole = nil // no reader has it: all is to be read
	}
	return r.whole
}

// InOneHome implements the agent's reader.
func (r *Room) InOneHome(touched []waxseal.Path) bool { return r.keeper.InOneHome(touched) }

// ReadHome implements the agent's reader.
func (r *Room) ReadHome(_ waxseal.Tree, live mailpath.Live, w *mailpath.Whole, touched []waxseal.Path) (mailpath.Home, bool) {
	if w == nil || w != r.whole || r.now == nil {
		return mailpath.Home{}, false
	}
	a, err := r.ask(request{Verb: readHome, Mounts: live.Mounts, Touched: touched})
	if err != nil || a.Home == nil || a.Denied {
		return mailpath.Home{}, false // all is read then
	}
	return mailpath.Home{Path: a.Home.Path, Before: a.Home.Before, After: a.Home.After}, true
}

// Settle implements the agent's reader.
func (r *Room) Settle(w *mailpath.Whole, h mailpath.Home) {
	r.keeper.Settle(w, h)
	r.settle = true
}

// Vouched implements the agent's reader.
func (r *Room) Vouched(_ waxseal.Tree, p waxseal.Path) (waxseal.PackageState, waxseal.Digest) {
	a, err := r.ask(request{Verb: vouch, Path: p})
	if err != nil {
		return waxseal.PackageUnknown, ""
	}
	return cmp.Or(a.Vouch, waxseal.PackageUnknown), a.Digest
}

// unreadable is the last state that was read, with the word that it is not what is there.
func (r *Room) unreadable() waxseal.State {
	r.blind = true
	s := r.shown
	if !r.any && r.opts.Known != nil {
		s = r.opts.Known()
	}
	s.Hooks = append([]waxseal.Hook{{
		ID: "host:tree:reading", MTA: waxseal.HostStack, Kind: waxseal.KindUnreadable, Stage: waxseal.StageConnect, Effects: []waxseal.Effect{},
		Target: waxseal.Target{Type: waxseal.TargetText, Value: "the mail path"}, Scope: "all", Active: true,
		Source: waxseal.Source{Path: r.at}, Directive: "reading", Closure: []waxseal.Part{},
		Explain: fmt.Sprintf("The mail path can't be read (the reader was at %s): %s. What is known is what was read before.", r.at, r.why),
	}}, s.Hooks...)
	s.Problems = append(slices.Clone(s.Problems), waxseal.Problem{Path: r.at, Message: "the mail path can't be read: " + r.why, Unreadable: true})
	return s
}

// apart is a state whose lists are its own.
func apart(s waxseal.State) waxseal.State {
	s.Hooks, s.Settings, s.Files = slices.Clone(s.Hooks), slices.Clone(s.Settings), slices.Clone(s.Files)
	return s
}

// PID is the process that reads, 0 while there is none. It is for tests.
func (r *Room) PID() int {
	if r.now == nil {
		return 0
	}
	return r.now.process.PID()
}

// NeedsScratch reports whether a tree has a package database that is copied to be read.
func NeedsScratch(root string) bool {
	tree, err := rootfs.Open(root)
	if err != nil {
		return false
	}
	defer tree.Close()
	return needsScratch(tree)
}

func needsScratch(tree waxseal.Tree) bool {
	for _, dir := range []waxseal.Path{"/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/usr/share/rpm/"} {
		for _, name := range []waxseal.Path{"rpmdb.sqlite", "Packages.db", "Packages"} {
			if _, err := tree.Stat(dir + name); err == nil {
				return true
			}
		}
	}
	return false
}
