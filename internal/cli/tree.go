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
	"waxseal/internal/surroundings"
	"waxseal/internal/treecache"
)

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

// reader returns a reader that works as the configuration says.
func (d *door) reader(m *mask.Masker) *mailpath.Reader {
	r := mailpath.NewReader(m)
	r.Besides(d.config.Attack.MailTransportScriptPath)
	return r
}

// readHere reads a directory that is to be sealed, or compared with a seal.
func (d *door) readHere(tree *rootfs.Tree, m *mask.Masker) waxseal.State {
	reader := d.reader(m)
	reader.Otherwise(rpm.Open)
	return agent.ReadMounted(reader, treecache.New(tree))
}

// readLive opens a directory or an archive and reads its state, and asks of the live root
// who listens on its sockets.
func (d *door) readLive(name string, m *mask.Masker) (waxseal.State, error) {
	reader := d.reader(m)
	reader.Glance()
	return d.readWith(name, reader, liveOf)
}

func (d *door) readWith(name string, reader *mailpath.Reader, live liveness) (waxseal.State, error) {
	tree, err := d.open(name)
	if err != nil {
		return waxseal.State{}, err
	}
	defer tree.Close()
	r := &reading{name: name, tree: tree, seen: treecache.New(tree), reader: reader}
	defer d.progressOf("reading the mail path of "+name, r.filesRead)()
	r.read(live)
	return r.state, nil
}

// reading is a tree that is opened, and its state once it has been read.
type reading struct {
	name   string
	tree   anyTree
	seen   *treecache.Tree // each file is read once
	reader *mailpath.Reader
	state  waxseal.State
}

func (r *reading) filesRead() string { return ", " + count(r.seen.Files(), "file", "files") + " read" }

func (r *reading) read(live liveness) {
	now, problems := live(r.name, r.tree, r.seen)
	r.reader.Otherwise(rpm.Open)
	r.state = r.reader.ReadLive(r.seen, now)
	r.state.Problems = append(append(r.state.Problems, r.tree.Problems()...), problems...)
	markRunning(r.name, &r.state)
}

// open opens a tree, and says what takes long: a packed archive is unpacked first.
func (d *door) open(name string) (anyTree, error) {
	defer d.progress("opening " + name)()
	return openAny(name)
}

// liveOf is what the kernel says of a tree besides its files: what is mounted in
// it, and of the live root who listens on its sockets, and what its daemons have
// loaded.
func liveOf(name string, tree, seen waxseal.Tree) (live mailpath.Live, problems []waxseal.Problem) {
	live, problems = mountsOf(name, tree, seen)
	if name == "/" {
		users := mailpath.Names(seen, "/etc/passwd")
		processes := proc.New(proc.Options{Names: func(uid uint32) string { return users[uid] }})
		live.Listeners = processes.Listeners()
		live.Running = processes.Loaded(surroundings.IsProgram, surroundings.IsDaemon, live.Listeners)
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

// leaveOut drops the attributes that only one of two trees can tell of: that an
// archive lacks them is no change.
func leaveOut(keeps func(attribute string) bool, s waxseal.State) {
	for i := range s.Files {
		f := &s.Files[i]
		if !keeps("") {
			f.Flags = nil
		}
		if len(f.XAttrs) > 0 {
			f.XAttrs = maps.Clone(f.XAttrs) // it is the tree's
			maps.DeleteFunc(f.XAttrs, func(name string, _ waxseal.Digest) bool { return !keeps(name) })
		}
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
