package cli

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/archive"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/rootfs"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/treecache"
)

// readTree opens a directory or an archive and reads its state, so that it can be
// compared with another: files, and what is mounted over them. keeps says which
// attributes the tree can tell of.
func (d *door) readTree(name string, r *mailpath.Reader) (waxseal.State, keeps, error) {
	return d.readWith(name, r, mountsOf)
}

// liveness asks the kernel about a tree that is opened, and seen through a cache.
type liveness func(name string, tree, seen waxseal.Tree) (mailpath.Live, []waxseal.Problem)

// mountsOf is what the kernel says of the mounts in a directory; of an archive nobody
// knows.
func mountsOf(_ string, tree, _ waxseal.Tree) (live mailpath.Live, problems []waxseal.Problem) {
	if dir, ok := tree.(*rootfs.Tree); ok {
		live.Mounts, problems = dir.Mounts()
	}
	return live, problems
}

// readHere reads a directory that is to be sealed, or compared with a seal.
func readHere(tree *rootfs.Tree, m *mask.Masker) waxseal.State {
	reader := mailpath.NewReader(m)
	reader.Otherwise(rpm.Open)
	return agent.ReadMounted(reader, treecache.New(tree))
}

// readLive is readTree, and asks of the live root who listens on its sockets.
func (d *door) readLive(name string, m *mask.Masker) (waxseal.State, error) {
	reader := mailpath.NewReader(m)
	reader.Glance()
	state, _, err := d.readWith(name, reader, liveOf)
	return state, err
}

func (d *door) readWith(name string, reader *mailpath.Reader, live liveness) (waxseal.State, keeps, error) {
	opened := d.progress("opening " + name) // a packed archive is unpacked first
	tree, err := openAny(name)
	opened()
	if err != nil {
		return waxseal.State{}, nil, err
	}
	defer tree.Close()
	seen := treecache.New(tree) // each file is read once
	defer d.progressOf("reading the mail path of "+name, func() string {
		return ", " + count(seen.Files(), "file", "files") + " read"
	})()
	now, problems := live(name, tree, seen)
	reader.Otherwise(rpm.Open)
	state := reader.ReadLive(seen, now)
	state.Problems = append(append(state.Problems, tree.Problems()...), problems...)
	markRunning(name, &state)
	return state, tree.Keeps, nil
}

// liveOf is what the kernel says of a tree besides its files: what is mounted in
// it, and of the live root who listens on its sockets.
func liveOf(name string, tree, seen waxseal.Tree) (live mailpath.Live, problems []waxseal.Problem) {
	live, problems = mountsOf(name, tree, seen)
	if name == "/" {
		users := mailpath.Names(seen, "/etc/passwd")
		live.Listeners = proc.New(proc.Options{Names: func(uid uint32) string { return users[uid] }}).Listeners()
	}
	return live, problems
}

// anyTree is what scan and diff read.
type anyTree interface {
	waxseal.Tree
	// Problems lists what of the tree itself could not be taken as it is.
	Problems() []waxseal.Problem
	// Keeps reports whether an extended attribute of this name would be there, if a
	// file had it; "" asks for the flags of chattr(1).
	Keeps(attribute string) bool
	Close() error
}

type keeps func(attribute string) bool

// leaveOut drops the attributes that only one of two trees can tell of: that an
// archive lacks them is no change.
func (k keeps) leaveOut(s waxseal.State) {
	for i := range s.Files {
		f := &s.Files[i]
		if !k("") {
			f.Flags = nil
		}
		f.XAttrs = maps.Clone(f.XAttrs) // it is the tree's
		maps.DeleteFunc(f.XAttrs, func(name string, _ waxseal.Digest) bool { return !k(name) })
	}
}

// openAny opens a directory, or a file as an archive.
func openAny(name string) (anyTree, error) {
	if st, err := os.Stat(name); err != nil || st.IsDir() {
		return openTree(name) // which has the words for what is not there
	}
	tree, err := archive.Open(name)
	switch {
	case errors.Is(err, archive.ErrNoArchive), errors.Is(err, waxseal.ErrNotRegular):
		return nil, usage("neither a directory nor a tar archive: %s", name)
	case err != nil:
		return nil, &exit{code: exitUnreadable, err: err}
	}
	return tree, nil
}

// markRunning says of the live root whether its daemons run; of another tree
// nobody knows.
func markRunning(dir string, s *waxseal.State) {
	if dir != "/" {
		return
	}
	for i := range s.Stacks {
		if daemons[s.Stacks[i].MTA] == nil { // it runs for each message
			continue
		}
		running := slices.ContainsFunc(daemons[s.Stacks[i].MTA], func(name string) bool { return len(proc.Running(dir, name)) > 0 })
		s.Stacks[i].Running = &running
	}
}

// daemons are the programs that stay, by mail system.
var daemons = map[waxseal.StackName][]string{
	"postfix": {"master"}, "exim": {"exim4", "exim"}, "opensmtpd": {"usr/sbin/smtpd", "usr/local/sbin/smtpd"},
	"sendmail": {"libexec/sendmail/sendmail", "sm.bin/sendmail", "sendmail.sendmail", "sendmail-mta"},
}

func openTree(dir string) (*rootfs.Tree, error) {
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("no such directory: %s", dir)
	case err != nil:
		return nil, &exit{code: exitUnreadable, err: err}
	case !st.IsDir():
		return nil, usage("not a directory: %s", dir)
	}
	tree, err := rootfs.Open(dir)
	if err != nil {
		return nil, &exit{code: exitUnreadable, err: err}
	}
	return tree, nil
}
