package fanotify

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

const (
	// maxLinks is how many symbolic links one path may have (path_resolution(7)).
	maxLinks = 40
	// maxEntries bounds how many files of one directory are known by handle.
	maxEntries = 8192
	// settled is how long ago a directory must have changed for its list to be
	// used again.
	settled = 50 * time.Millisecond
)

// index is what an event is looked up in.
type index struct {
	dirs    map[key]*spot
	files   map[key]waxseal.Path // watched files, for changes under other names
	lists   map[key]*list
	crowded waxseal.Path // a directory with too many entries
}

// spot is a directory in which something matters: all entries, or those with
// the names.
type spot struct {
	path     waxseal.Path
	all      bool
	children bool // files in it matter, not only directories
	names    map[string]bool
	own      []string // names of files of the user who lives here
}

func (p *spot) matters(name string) bool { return p.all || p.names[name] || p.owns(name) }

// owns reports whether something by this name is one of the user's files that matter.
func (p *spot) owns(name string) bool {
	return slices.ContainsFunc(p.own, func(own string) bool {
		start, open := strings.CutSuffix(own, "*")
		return name == own || open && strings.HasPrefix(name, start)
	})
}

func (p *spot) join(name string) waxseal.Path {
	return waxseal.Path(path.Join(string(p.path), name))
}

// list is the regular files of a directory as they were at one change time of
// it, so that an unchanged directory is not read again.
type list struct {
	changed unix.Timespec
	path    waxseal.Path
	files   map[key]waxseal.Path
	crowded bool
}

func newIndex() *index {
	return &index{dirs: map[key]*spot{}, files: map[key]waxseal.Path{}, lists: map[key]*list{}}
}

// kind says how a target is meant.
type kind int

const (
	singleFile kind = iota
	wholeDirectory
	userDirectory
)

// node is a directory that the builder has open.
type node struct {
	fd   int
	path waxseal.Path
	dev  uint64
	id   fsid
	key  key
	on   *marked
}

// below is the path of a name in a directory.
func (n *node) below(name string) waxseal.Path {
	if n.path == "/" {
		return waxseal.Path("/" + name)
	}
	return n.path + "/" + waxseal.Path(name)
}

// builder makes a new index by walking all target paths once. It opens each
// directory once and holds no descriptor afterwards.
type builder struct {
	s     *Sensor
	index *index
	old   *index
	nodes map[waxseal.Path]*node
	ids   map[uint64]fsid // by device
	errs  []error
}

func newBuilder(s *Sensor) (*builder, error) {
	b := &builder{s: s, index: newIndex(), old: s.index, nodes: map[waxseal.Path]*node{}, ids: map[uint64]fsid{}}
	if _, err := b.dir(nil, "."); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *builder) close() error {
	var errs []error
	for _, n := range b.nodes {
		errs = append(errs, unix.Close(n.fd))
	}
	return errors.Join(errs...)
}

// dir opens a directory below another, nil for the root, and marks its
// filesystem.
func (b *builder) dir(parent *node, name string) (*node, error) {
	at, p := b.s.root, waxseal.Path("/")
	if parent != nil {
		at, p = parent.fd, parent.below(name)
	}
	if n := b.nodes[p]; n != nil {
		return n, nil
	}
	fd, err := unix.Openat(at, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	n := &node{fd: fd, path: p}
	if err := b.identify(n); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	b.nodes[p] = n
	return n, nil
}

func (b *builder) identify(n *node) error {
	var st unix.Stat_t
	err := unix.Fstat(n.fd, &st)
	if err != nil {
		return err
	}
	n.dev = st.Dev
	id, known := b.ids[n.dev]
	if !known {
		if id, err = fsidOf(n.fd); err != nil {
			return err
		}
		b.ids[n.dev] = id
	}
	n.id = id
	if n.on = b.s.onFilesystem(id, n.fd); n.on.err != nil {
		return n.on.err
	}
	n.key, err = keyOf(n.fd, id)
	return err
}

// mark marks a directory of which something is noted.
func (b *builder) mark(n *node, p *spot) {
	if err := n.on.add(n.key, n.on.maskOf(p.children || p.all), n.fd, "."); err != nil {
		b.errs = append(b.errs, fmt.Errorf("watch %q: %w", n.path, err))
	}
}

// note says that a name in a directory matters.
func (b *builder) note(n *node, name string) *spot {
	p := b.index.dirs[n.key]
	if p == nil {
		p = &spot{path: n.path, names: map[string]bool{}}
		b.index.dirs[n.key] = p
	}
	if name != "" {
		p.names[name] = true
	}
	b.mark(n, p)
	return p
}

// noteFile says that a file, or what may become one, matters in a directory.
func (b *builder) noteFile(n *node) {
	if p := b.note(n, ""); !p.children {
		p.children = true
		b.mark(n, p)
	}
}

// walk follows one target path through the tree, noting each component where it
// lies, as far as it exists.
func (b *builder) walk(target waxseal.Path, k kind) {
	at := b.nodes["/"]
	rest := split(string(target))
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = b.parent(at)
			continue
		}
		b.note(at, name)
		if next := b.nodes[at.below(name)]; next != nil {
			at = next
			continue
		}
		var st unix.Stat_t
		if unix.Fstatat(at.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			if k != userDirectory { // else no file is
				b.noteFile(at)
			}
			return // missing: its creation is what is waited for
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			b.noteFile(at)
			text, err := readlink(at.fd, name)
			if links++; err != nil || links > maxLinks {
				return
			}
			if strings.HasPrefix(text, "/") {
				at = b.nodes["/"]
			}
			rest = append(splitLink(text), rest...)
		case unix.S_IFDIR:
			next, err := b.dir(at, name)
			if err != nil {
				b.refused(target, err)
				return
			}
			at = next
		default:
			b.noteFile(at)
			b.file(at, name, st.Mode)
			return
		}
	}
	b.note(at, "")
	switch k {
	case wholeDirectory:
		b.whole(at)
	case userDirectory:
		b.home(at)
	}
}

// home makes the user's own files in a directory matter. Where it came up since the index
// before, those that are there already are learned. A kernel that does not say which file was
// made can't have it marked before it is read, and is asked about all files there.
func (b *builder) home(n *node) {
	p := b.index.dirs[n.key]
	if p.own = b.s.own; b.s.level.flags&unix.FAN_REPORT_TARGET_FID == 0 {
		b.noteFile(n)
	}
	if len(b.old.dirs) == 0 || b.old.dirs[n.key] != nil {
		return
	}
	for _, e := range entriesOf(n) {
		if p.owns(e.Name()) && e.Type().IsRegular() {
			b.file(n, e.Name(), unix.S_IFREG)
		}
	}
}

// parent is the directory above, which for the root is the root itself.
func (b *builder) parent(n *node) *node {
	if up := b.nodes[waxseal.Path(path.Dir(string(n.path)))]; up != nil {
		return up
	}
	return b.nodes["/"]
}

func (b *builder) refused(target waxseal.Path, err error) {
	if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) { // it changed meanwhile
		b.errs = append(b.errs, fmt.Errorf("watch %q: %w", target, err))
	}
}

func (b *builder) file(at *node, name string, mode uint32) {
	if mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	if k, err := keyAt(at.fd, name, at.id); err == nil {
		b.index.files[k] = waxseal.Path(path.Join(string(at.path), name))
		b.markFile(at, k, name)
	}
}

func (b *builder) markFile(at *node, k key, name string) {
	if err := at.on.add(k, onFile, at.fd, name); err != nil {
		b.errs = append(b.errs, fmt.Errorf("watch %q: %w", path.Join(string(at.path), name), err))
	}
}

// whole makes every entry of a directory matter, and learns the handles of its
// files, so that a write through another hard link is known for what it is.
func (b *builder) whole(n *node) {
	p := b.note(n, "")
	p.all = true
	b.mark(n, p)
	var st unix.Stat_t
	if unix.Fstat(n.fd, &st) != nil {
		return
	}
	l := b.old.lists[n.key]
	if l == nil || l.changed != st.Ctim || l.path != n.path {
		l = b.list(n)
		// The clock of change times stands still for some milliseconds (CONFIG_HZ): a
		// directory that changed just now may change again without a trace.
		if l.changed = st.Ctim; time.Since(time.Unix(st.Ctim.Unix())) < settled {
			l.changed = unix.Timespec{}
		}
	}
	b.index.lists[n.key] = l
	if l.crowded {
		b.index.crowded = n.path
	}
	for k, p := range l.files {
		b.index.files[k] = p
	}
}

func (b *builder) list(n *node) *list {
	l := &list{path: n.path, files: map[key]waxseal.Path{}}
	for i, e := range entriesOf(n) {
		if i == maxEntries {
			l.crowded = true
			break
		}
		if !e.Type().IsRegular() {
			continue
		}
		if k, err := keyAt(n.fd, e.Name(), n.id); err == nil {
			l.files[k] = waxseal.Path(path.Join(string(n.path), e.Name()))
			b.markFile(n, k, e.Name())
		}
	}
	return l
}

// entriesOf lists a directory, up to one more than maxEntries.
func entriesOf(n *node) []os.DirEntry {
	fd, err := unix.Openat(n.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	d := os.NewFile(uintptr(fd), string(n.path))
	defer d.Close()
	entries, _ := d.ReadDir(maxEntries + 1)
	return entries
}

func split(p string) []string {
	return strings.FieldsFunc(path.Clean("/" + p)[1:], func(r rune) bool { return r == '/' })
}

// splitLink is split for the text of a link, whose ".." must stay.
func splitLink(text string) []string {
	var parts []string
	for _, part := range strings.Split(text, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	return parts
}

func readlink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
