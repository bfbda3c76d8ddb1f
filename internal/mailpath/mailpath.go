// Package mailpath joins what the readers of the single mail systems found in a
// tree into one picture: the hooks in the order in which mail meets them, and
// every file they depend on with its owner, mode, digest and package.
//
// It is where closures are completed: a command that is a script brings its
// interpreter, the files it names and the modules that lie beside it; a program
// brings its libraries; a map brings the file behind a symbolic link; each brings
// the directories above it that others than root can write. Libraries that a
// package vouches for are files of the state and stand in no closure. What is
// read is masked before it is kept.
//
// It does not judge, and it does not compare.
package mailpath

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"waxseal"
	"waxseal/internal/host"
	"waxseal/internal/loader"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/postfix/postconf"
	"waxseal/internal/surroundings"
)

// Reader reads states of one tree, and remembers between two readings what is
// expensive and can't have changed unseen: the package database and the digests
// of programs.
type Reader struct {
	masker   *mask.Masker
	packages Packages
	others   OpenPackages
	programs map[waxseal.Path]program
	modules  map[waxseal.Path]module
	glance   bool           // MD5 is enough where a package vouches by it
	once     bool           // the state is neither kept nor compared
	twin     bool           // the tree is one of two that are read together
	besides  []waxseal.Path // named by the administrator; see Besides
	// residents are the accounts of the host, as the last reading found them.
	residents residents
	homes     sync.Mutex // guards residents while readers work side by side
	users     ids        // of /etc/passwd, for the owners of files
	groups    ids        // of /etc/group
	releases  postconf.Releases
	memos     *memos            // nil where nothing is read again
	files     int               // how many the last reading found
	recalled  map[string]string // SHA-256 to MD5 of contents that another reader has read; nil where there is none
}

// NewReader returns a Reader that masks secrets with m.
func NewReader(m *mask.Masker) *Reader {
	return &Reader{masker: m, programs: map[waxseal.Path]program{}, modules: map[waxseal.Path]module{}, releases: postconf.Releases{}}
}

// stamp tells two versions of a file apart without reading it. The change time
// is the kernel's and can't be set back with utimensat(2).
type stamp struct {
	device, inode   uint64
	size            int64
	changed, modded int64
}

func stampOf(f waxseal.File) stamp {
	return stamp{f.Device, f.Inode, f.Size, f.ChangeTime.UnixNano(), f.ModTime.UnixNano()}
}

// program is what is remembered of a program's content.
type program struct {
	stamp  stamp
	digest waxseal.Digest
	keyed  bool
	sums   waxseal.Sums
	// without: no package listed the file when it was read, so it has no MD5.
	without bool
	role    waxseal.Role
	needs   []waxseal.Part
	text    string
	elf     *loader.Program // nil for what is no ELF file
	damaged bool            // it is an ELF file that can't be read to its end
}

// Forget drops what is remembered of a path, because something happened to it.
func (r *Reader) Forget(p waxseal.Path) {
	delete(r.programs, p)
	delete(r.modules, p)
	if p == "/etc/passwd" || p == "/etc/group" {
		r.users, r.groups, r.residents = ids{}, ids{}, residents{}
		r.memos.forget()
	}
}

// Read reads the state of a tree.
func (r *Reader) Read(tree waxseal.Tree) waxseal.State { return r.ReadLive(tree, Live{}) }

// ReadLive reads the state of the tree of a live host, with what is known of the
// host besides its files.
func (r *Reader) ReadLive(tree waxseal.Tree, live Live) waxseal.State {
	r.residents.known = false // who reads all lists all
	r.memos.anew()
	return r.read(tree, live, "", false)
}

// Remember lets a reader remember what it finds, for ReadAgain.
func (r *Reader) Remember() { r.memos = newMemos() }

// ReadAgain is ReadLive of a tree that was read before, and that remembers what was not
// touched since.
func (r *Reader) ReadAgain(tree waxseal.Tree, live Live) waxseal.State {
	return r.read(tree, live, "", true)
}

// read reads a tree, and of the homes only those below a directory, if that is set.
func (r *Reader) read(tree waxseal.Tree, live Live, home waxseal.Path, again bool) waxseal.State {
	users, groups := r.owners(tree)
	c := &closer{
		reader: r, tree: tree, oneHome: home, again: again, users: users, groups: groups,
		files: make(map[waxseal.Path]waxseal.FileState, r.files), parts: make(map[waxseal.Path]waxseal.Part, r.files),
		inodes: map[stamp]program{}, loads: map[waxseal.Path][]waxseal.Part{}, unsafe: map[waxseal.Path][]waxseal.Path{},
	}
	if r.memos != nil && home == "" {
		r.memos.reading++
	}
	defer c.lookAhead()()
	r.refreshPackages(tree, c)
	programs := remember(c, "programs", tree, nil, slices.Clone, func(tree waxseal.Tree, _ *record) []waxseal.Path {
		return surroundings.Programs(tree)
	})
	brought := c.mailFiles(programs)
	help, wait := c.warm(programs, brought.code)
	defer wait()
	around := remember(c, "surroundings", tree, nil, clonedAround, func(tree waxseal.Tree, a *record) surroundings.Result {
		return surroundings.Read(tree, r.masker, a.about)
	})
	homes := dwelling{tree, r, home}
	found := c.stacks(homes, around)
	c.together(&found)
	services := pamServices(found.Settings)
	found.Join(remember(c, "host", homes, services, cloned, func(tree waxseal.Tree, a *record) mta.Result {
		return host.Read(tree, r.masker, host.Options{About: a.about, Services: services})
	}))
	c.problems = append(append(c.problems, found.Problems...), around.Problems...)
	found.Hooks = append(found.Hooks, around.Hooks...)
	found.Hooks = append(found.Hooks, surroundings.Hosts(tree, hostNames(found.Hooks, found.Settings))...)
	found.Settings = append(found.Settings, around.Settings...)
	c.texts(found.Parts, found.Hooks)
	c.complete(found.Parts) // first: what is configuration is so for every hook
	for i := range found.Hooks {
		found.Hooks[i].Closure = c.complete(found.Hooks[i].Closure)
	}
	c.listeners(found.Hooks, found.Settings, live)
	found.Hooks = append(found.Hooks, c.offered(found.Services, queueDirectory(found.Settings))...)
	c.answers(&found)
	c.complete(around.Parts)
	found.Hooks = append(found.Hooks, c.strangers(slices.Concat(found.Parts, around.Parts))...)
	help()
	found.Hooks = append(found.Hooks, c.modules(brought, found)...)
	c.withoutPython(found.Hooks, brought)
	found.Hooks = append(found.Hooks, c.alsoNamed()...)
	found.Hooks = append(found.Hooks, c.mounts(live.Mounts)...)
	found.Hooks = append(found.Hooks, c.live(found, live.Running)...)
	c.packageProblems()
	r.files = len(c.files)
	return printable(waxseal.State{
		Host:     Host(tree),
		Stacks:   nonNil(found.Stacks),
		Hooks:    inMailOrder(nonNil(found.Hooks)),
		Settings: sortedSettings(nonNil(found.Settings)),
		Problems: nonNil(c.problems),
		Files:    c.sorted(),
		Packages: c.installed(),
	})
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// Host is the name of the host that a tree belongs to, "" where it says none.
func Host(tree waxseal.Tree) waxseal.HostID {
	name, err := tree.ReadFile("/etc/hostname", 4096)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(name)), "\n")
	return waxseal.HostID(first)
}

// inMailOrder sorts hooks by stage; within a stage the reader's order stands.
func inMailOrder(hooks []waxseal.Hook) []waxseal.Hook {
	stages := waxseal.Stages()
	slices.SortStableFunc(hooks, func(a, b waxseal.Hook) int {
		return cmp.Compare(slices.Index(stages, a.Stage), slices.Index(stages, b.Stage))
	})
	return hooks
}

func sortedSettings(s []waxseal.Setting) []waxseal.Setting {
	slices.SortStableFunc(s, func(a, b waxseal.Setting) int {
		return cmp.Or(cmp.Compare(a.MTA, b.MTA), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Name, b.Name))
	})
	return s
}

func (c *closer) sorted() []waxseal.FileState {
	all := make([]waxseal.FileState, 0, len(c.files))
	for _, p := range slices.Sorted(maps.Keys(c.files)) {
		all = append(all, c.files[p])
	}
	return all
}
