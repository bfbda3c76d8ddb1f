package fanotify

import (
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"waxseal"
)

// written are the events after which a file's content is another.
const written = unix.FAN_MODIFY | unix.FAN_CLOSE_WRITE

// change is an event that concerns a target, on its way to being emitted.
type change struct {
	Event
	target  key
	capture bool // content is wanted
	written bool
	created bool
	// nameless: it concerns the file itself and came with no name, as when its names
	// become more or fewer.
	nameless bool
	// alone: nothing is asked about files of its directory, so that no close need follow.
	alone bool
}

// match looks an event up; the lock is held. moved says that a part of a target
// path may be another directory now, so that the index must be made anew.
func (s *Sensor) match(e raw) (c change, ok, moved bool) {
	if e.has(unix.FAN_RENAME) {
		return s.matchRename(e)
	}
	spot := s.index.dirs[key(e.at.dir)]
	name := string(e.at.name)
	switch {
	case spot != nil && (name == "." || name == ""):
		c.Path = spot.path
	case spot != nil && spot.matters(name):
		c.Path = spot.join(name)
		moved = s.structural(e, spot, name)
		c.alone = !spot.all && !spot.children
	default:
		return s.matchAlias(e)
	}
	c.target = key(e.target)
	switch {
	case c.target == "" || e.has(unix.FAN_ONDIR):
	case e.has(unix.FAN_DELETE) && s.index.files[c.target] == c.Path:
		delete(s.index.files, c.target)
	case e.has(unix.FAN_CREATE | unix.FAN_MOVED_TO):
		s.index.files[c.target] = c.Path
	}
	c.describe(e)
	return c, true, moved
}

// structural reports whether an event adds or removes a part of a target path:
// a name that was noted for itself, in whatever kind of directory.
func (s *Sensor) structural(e raw, p *spot, name string) bool {
	return e.has(unix.FAN_CREATE|unix.FAN_DELETE|unix.FAN_MOVED_FROM|unix.FAN_MOVED_TO|unix.FAN_RENAME) && p.names[name]
}

// matchAlias finds a watched file that is changed through another name, a hard
// link outside the watched directories.
func (s *Sensor) matchAlias(e raw) (c change, ok, moved bool) {
	known, ok := s.index.files[key(e.target)]
	if !ok || len(e.target) == 0 || !e.has(written|unix.FAN_ATTRIB|unix.FAN_CREATE) {
		return c, false, false
	}
	c.Path, c.target = known, key(e.target)
	c.describe(e)
	other, inside := s.whereIs(e.at)
	switch {
	case len(e.at.dir) == 0:
		c.nameless = true
	case e.has(unix.FAN_CREATE):
		c.Operations = []waxseal.Operation{waxseal.OpLink}
		c.created = false
		c.say("another name was made for it: " + host(other, inside))
	default:
		c.say("changed through another name: " + host(other, inside))
	}
	return c, true, false
}

func host(p string, inside bool) string {
	if inside || p == "" {
		return p
	}
	return p + " (outside the tree)"
}

func (s *Sensor) matchRename(e raw) (c change, ok, moved bool) {
	from, to := s.index.dirs[key(e.from.dir)], s.index.dirs[key(e.to.dir)]
	left := from != nil && from.matters(string(e.from.name))
	came := to != nil && to.matters(string(e.to.name))
	if !left && !came {
		return c, false, false
	}
	c.target = key(e.target)
	c.OldPath = s.name(from, e.from, &c)
	c.Path = s.name(to, e.to, &c)
	if c.Path == "" { // moved out of the tree, or out of what is watched
		c.Path = c.OldPath
	}
	moved = left && s.structural(e, from, string(e.from.name)) || came && s.structural(e, to, string(e.to.name))
	if came && !e.has(unix.FAN_ONDIR) && c.target != "" {
		s.index.files[c.target] = c.Path
	} else if left {
		delete(s.index.files, c.target)
	}
	c.describe(e)
	c.capture = came && !e.has(unix.FAN_ONDIR)
	return c, true, moved
}

// name is the path of a place; for a directory that is not in the index the
// kernel is asked.
func (s *Sensor) name(p *spot, at place, c *change) waxseal.Path {
	if p != nil {
		return p.join(string(at.name))
	}
	if len(at.dir) == 0 {
		c.say("the other name of the rename is in a directory that is not watched")
		return ""
	}
	where, inside := s.whereIs(at)
	if inside {
		return waxseal.Path(where)
	}
	if where != "" {
		c.say("the other name of the rename is outside the tree: " + where)
	}
	return ""
}

// whereIs finds the present path of a place that is not in the index: inside
// the tree, or on the host. The lock is held.
func (s *Sensor) whereIs(at place) (p string, inside bool) {
	k := key(at.dir)
	m := s.marks[k.filesystem()]
	h, ok := k.handle()
	if !ok || m == nil || m.err != nil {
		return "", false
	}
	fd, err := unix.OpenByHandleAt(m.mount, h, unix.O_PATH|unix.O_CLOEXEC)
	if err != nil {
		return "", false
	}
	defer unix.Close(fd)
	dir, err := os.Readlink(procPath(fd))
	if err != nil || !strings.HasPrefix(dir, "/") {
		return "", false
	}
	return within(s.rootPath, path.Join(dir, string(at.name)))
}

// within turns a path of the host into one inside the root, if it is.
func within(root, p string) (string, bool) {
	if root == "/" {
		return p, true
	}
	rest, ok := strings.CutPrefix(p, root)
	if !ok || !strings.HasPrefix(rest, "/") {
		return p, false
	}
	return rest, true
}

// describe sets the operations, of which a merged event has several, and says
// what more is to be read.
func (c *change) describe(e raw) {
	for _, o := range [...]struct {
		mask uint64
		op   waxseal.Operation
	}{
		{unix.FAN_CREATE, waxseal.OpCreate},
		{written, waxseal.OpWrite},
		{unix.FAN_ATTRIB, waxseal.OpMetadata},
		{unix.FAN_RENAME | unix.FAN_MOVED_FROM | unix.FAN_MOVED_TO, waxseal.OpRename},
		{unix.FAN_DELETE, waxseal.OpDelete},
	} {
		if e.has(o.mask) {
			c.Operations = append(c.Operations, o.op)
		}
	}
	if e.has(unix.FAN_MOVED_FROM) {
		c.OldPath = c.Path
		c.say("moved away; this kernel does not say where to")
	}
	c.written = e.has(written)
	c.Closed = e.has(unix.FAN_CLOSE_WRITE) && !e.has(unix.FAN_MODIFY|unix.FAN_CREATE|unix.FAN_RENAME|unix.FAN_MOVED_TO)
	if e.has(unix.FAN_ONDIR) {
		return
	}
	c.created = e.has(unix.FAN_CREATE)
	c.capture = e.has(unix.FAN_CLOSE_WRITE | unix.FAN_CREATE | unix.FAN_MOVED_TO)
}

func (c *change) say(note string) {
	if c.Note != "" {
		c.Note += "; "
	}
	c.Note += note
}
