package readroom

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/lull"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/rootfs"
	"waxseal/internal/sandbox"
	"waxseal/internal/snapshot"
)

// The descriptors that a reader is started with.
const (
	socketFD = 3
	pageFD   = 4 // one page of memory, in which it says what it opens
	rootFD   = 5 // the root of a guest's tree
)

// Verb is the argument by which a program is a reader. It is for no person.
const Verb = "read-for-watch"

// Asked reports whether a process with these arguments was started to be a reader.
func Asked(args []string) bool {
	return len(args) == 2 && (args[1] == Verb || args[1] == papersVerb)
}

// The name that ps(1) shows is the first thread's, and only until main begins it is sure
// that this is the one that runs.
func init() {
	if Asked(os.Args) {
		name := []byte("waxseal-reader\x00")
		if os.Args[1] == papersVerb {
			name = []byte("waxseal-papers\x00")
		}
		_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0) // it is nothing to fail for
	}
}

// Serve reads for who started this process, and returns when that has gone.
func Serve() error {
	// It ends when the one who asks does, whatever a terminal or systemd sends to both.
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	socket := os.NewFile(socketFD, "socket")
	page, err := unix.Mmap(pageFD, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("this is started by waxseal watch only: %w", err)
	}
	w := &wire{rw: socket, raw: anyText, budget: budget}
	var h hello
	if err := w.receive(&h); err != nil || h.Version != version {
		return errors.Join(err, fmt.Errorf("version %d, and not %d", h.Version, version))
	}
	tree, err := h.open()
	if err != nil {
		return err
	}
	if h.MayWrite {
		empty(os.TempDir())
	}
	looked := &watched{Tree: tree, page: page}
	if os.Args[1] == papersVerb {
		return serve(w, h, newClerk(looked).serve)
	}
	reader := mailpath.NewReader(mask.New(h.Key))
	reader.Otherwise(rpm.Open)
	reader.Besides(h.Besides)
	r := &room{tree: looked, reader: NewHere(looked, reader), states: map[uint64]waxseal.State{}}
	return serve(w, h, r.serve)
}

// serve shuts this process in, says so, and answers.
func serve(w *wire, h hello, answer func(*wire) error) error {
	memory := uint64(sandbox.MaxMemory)
	if h.Guest {
		memory = guestMemory
		debug.SetMemoryLimit(guestHeap)
		_ = os.WriteFile("/proc/self/oom_score_adj", []byte(guestScore), 0) // where that can't be had the bound of memory is left
	}
	if err := w.send(ready{version, sandbox.Confine(h.MayWrite, memory)}); err != nil {
		return err
	}
	return answer(w)
}

// empty removes what an earlier reader left when it came to its end: only its user may.
func empty(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		_ = os.RemoveAll(filepath.Join(dir, e.Name())) // what stays takes room, no more
	}
}

// room is what a reader remembers.
type room struct {
	tree    *watched
	reader  *Here
	last    waxseal.State            // of the whole tree as it is, as it was sent
	states  map[uint64]waxseal.State // the last ones, by answer
	whole   *mailpath.Whole          // that homes are read against; nil for none
	against *waxseal.State           // that whole is to be made of, when it is asked for; nil for none
	home    *mailpath.Home           // of the last answer
	homes   []waxseal.Path           // as they were sent
	told    bool                     // they were
	rested  bool                     // the first answer is given
	lull    lull.Lull
}

func (r *room) serve(w *wire) error {
	for {
		var q request
		err := w.receive(&q)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r.lull.Ends()
		a := r.answer(q)
		if err := w.send(*a); err != nil {
			return err
		}
		r.lull.Begins()
		if !r.rested {
			r.rested = true
			debug.FreeOSMemory() // what a first reading takes is not needed again
		}
	}
}

func (r *room) answer(q request) *answer {
	for _, p := range q.Forget {
		r.reader.Forget(p)
	}
	if q.Settle && r.home != nil && r.whole != nil {
		r.reader.Settle(r.whole, *r.home)
	}
	r.home = nil
	if q.Index != 0 {
		r.index(q.Index)
	}
	r.tree.denied.Store(false)
	a := &answer{Number: q.Number}
	switch q.Verb {
	case readTree:
		r.read(q, a)
	case readAgain:
		if now, ok := r.reader.ReadAgain(mailpath.Live{Mounts: q.Mounts}); ok {
			r.tell(q.Number, now, a)
		} else {
			a.Unknown = true
		}
	case readHome:
		if r.prepare(); r.whole == nil {
			break
		}
		if h, ok := r.reader.ReadHome(r.tree, mailpath.Live{Mounts: q.Mounts}, r.whole, q.Touched); ok {
			r.home, a.Home = &h, homeOf(h)
		}
	case names:
		a.Names = mailpath.Names(r.tree, "/etc/passwd")
	case vouch:
		a.Vouch, a.Digest = r.reader.Vouched(r.tree, q.Path)
	}
	a.Denied, a.CPU = r.tree.denied.Load(), used()
	return a
}

// keptStates is how many states may still be named: the one that was read to say what to
// watch, the first that counts, and one that was too early.
const keptStates = 3

func (r *room) read(q request, a *answer) {
	if len(q.Over) > 0 {
		over := map[waxseal.Path]snapshot.Object{}
		for _, o := range q.Over {
			over[o.File.Path] = snapshot.Object{File: o.File, Content: o.Content}
		}
		a.State = deltaOf(r.last, r.reader.ReadLive(snapshot.Over(r.tree, over), mailpath.Live{Mounts: q.Mounts}))
		return // the next state is told by the one that lies on the disk
	}
	r.tell(q.Number, r.reader.ReadLive(r.tree, mailpath.Live{Mounts: q.Mounts}), a)
}

// tell answers with what lies on the disk now.
func (r *room) tell(number uint64, now waxseal.State, a *answer) {
	a.State = deltaOf(r.last, now)
	r.last, r.states[number] = now, now
	for n := range r.states {
		if n+keptStates <= number && len(r.states) > keptStates {
			delete(r.states, n)
		}
	}
	if homes := r.reader.Homes(); !r.told || !slices.Equal(homes, r.homes) {
		r.homes, r.told, a.Homes = homes, true, &homes
	}
}

// index says which state homes are read against from now on.
func (r *room) index(number uint64) {
	s, ok := r.states[number]
	if r.whole, r.against = nil, nil; ok {
		r.against = &s
		clear(r.states)
		r.states[number] = s
	}
}

// prepare makes that state ready when it is first asked for: many are never. It changes as
// homes are settled in it, and the states that are compared may not.
func (r *room) prepare() {
	if r.against != nil {
		r.whole, r.against = r.reader.Index(apart(*r.against)), nil
	}
}

// used is the processor time of this process.
func used() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watched is a tree that leaves word of what is opened in it, for whoever asks where a
// reader came to its end.
type watched struct {
	*rootfs.Tree
	page   []byte
	denied atomic.Bool
}

// ReadFile implements waxseal.Tree.
func (t *watched) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	note(t.page, p)
	b, err := t.Tree.ReadFile(p, limit)
	return b, t.check(err)
}

// Look describes and opens a file at once.
func (t *watched) Look(p waxseal.Path) (waxseal.File, io.ReadCloser, error) {
	note(t.page, p)
	f, r, err := t.Tree.Look(p)
	return f, r, t.check(err)
}

// CopyTo writes a file to w.
func (t *watched) CopyTo(p waxseal.Path, w io.Writer, limit int64) error {
	note(t.page, p)
	return t.check(t.Tree.CopyTo(p, w, limit))
}

// Digest implements waxseal.Tree.
func (t *watched) Digest(p waxseal.Path) (waxseal.Digest, error) {
	note(t.page, p)
	d, err := t.Tree.Digest(p)
	return d, t.check(err)
}

// ReadDir implements waxseal.Tree.
func (t *watched) ReadDir(p waxseal.Path) ([]string, error) {
	names, err := t.Tree.ReadDir(p)
	return names, t.check(err)
}

func (t *watched) check(err error) error {
	if err != nil && errors.Is(err, fs.ErrPermission) {
		t.denied.Store(true)
	}
	return err
}
