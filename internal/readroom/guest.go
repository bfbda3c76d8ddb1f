package readroom

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/rootfs"
)

// Guest is whose tree is read where it is not the host's: a container's. What lies there was
// written by whoever owns that, so its reader has less memory and less time, ends when it is
// not needed, and nothing else comes to an end with it.
//
// No path of the host's leads to such a tree that stays the same one, and a reader has no
// right to walk through /proc/PID/root. So it is given the open root.
type Guest struct {
	Name string // "docker mail"
	// Enter opens the root, and says what may not be read below it, by paths inside in which
	// there is no link.
	Enter func() (root *os.File, hidden []waxseal.Path, err error)
}

const (
	// guestBudget is the memory that one answer may take; a container with mail has 2 MB.
	guestBudget = 128 << 20
	// guestMemory is what its reader may have of memory to write in, and guestHeap when what
	// is done with is thrown away at once.
	guestMemory, guestHeap = 320 << 20, 96 << 20
	// guestScore has the kernel end this process first where memory is short.
	guestScore = "800"
)

// Lodge has a guest's tree read. Nothing is started yet, and of the options Root and Hidden
// are the guest's to say.
func Lodge(g Guest, o Options) *Room {
	o.guest = &g
	return &Room{opts: o, keeper: mailpath.NewReader(nil)}
}

// Rest ends the process until something is asked again. It does not wait for its end.
func (r *Room) Rest() {
	if gone := r.now; gone != nil {
		r.now = nil
		r.knowsNothing()
		gone.ended.Store(true)
		go gone.end()
	}
}

// Awake reports whether there is a process.
func (r *Room) Awake() bool { return r.now != nil }

// Trouble says why the last reading failed, and "" where it did not.
func (r *Room) Trouble() string {
	if !r.blind {
		return ""
	}
	if r.at != "/" && r.at != "" {
		return fmt.Sprintf("%s; it had last opened %s", r.why, r.at)
	}
	return r.why
}

// Names are those of the users in the tree.
func (r *Room) Names(waxseal.Tree) map[uint32]string {
	if r.blind {
		return nil // whoever asks has waited already
	}
	a, err := r.ask(request{Verb: names})
	if err != nil {
		return nil
	}
	return a.Names
}

// what says what is read.
func (o Options) what() string {
	if o.guest == nil {
		return "the mail path"
	}
	return "the mail path of " + o.guest.Name
}

func (o Options) budget() int {
	if o.guest == nil {
		return budget
	}
	return guestBudget
}

// enter opens the root of a guest's tree for a process that is to be started.
func (r *reader) enter(o *Options) error {
	dir, hidden, err := o.guest.Enter()
	if err != nil {
		return err
	}
	r.dir, o.Root, o.Hidden = dir, fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), nil
	for _, p := range hidden {
		o.Hidden = append(o.Hidden, filepath.Join(o.Root, string(p)))
	}
	if o.Scratch != "" && NeedsScratch(o.Root) {
		return makeScratch(o.Scratch)
	}
	o.Scratch = ""
	return nil
}

var errRoot = errors.New("it was given no root")

// open opens the tree that is to be read.
func (h hello) open() (*rootfs.Tree, error) {
	if !h.Guest {
		return rootfs.Open(h.Root)
	}
	root := os.NewFile(rootFD, "root")
	if root == nil || !strings.HasPrefix(h.Root, "/proc/self/fd/") {
		return nil, errRoot
	}
	return rootfs.Of(root)
}
