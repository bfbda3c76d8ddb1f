package proc

import (
	"bytes"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

const (
	maxMaps   = 8 << 20 // of one process
	maxLoaded = 2_000   // files of one process
)

// Loaded lists those processes of the tree at "/" whose program is wanted, those that
// hold one of the listening sockets, and those of interpreters, with the code that
// each has in its memory and the files that it holds open. Of a process that this one may not look at, only its name
// is known: it is listed, as blind, where its name is wanted.
func (r *Reader) Loaded(wanted func(exe waxseal.Path) bool, named func(comm string) bool, listeners []waxseal.Listener) []waxseal.Running {
	listens := map[int]bool{}
	for _, l := range listeners {
		listens[l.PID] = true
	}
	l := &looking{reader: r, seen: map[mapping]waxseal.Mapped{}, held: map[descriptor]waxseal.Opened{}, now: time.Now()}
	l.mounts = r.link("self", "ns/mnt")
	_ = unix.Stat(path.Join(r.proc, "self/root")+"/.", &l.root) // zero where it fails: then no process counts as elsewhere
	var list []waxseal.Running
	for _, pid := range r.pids() {
		dir := strconv.Itoa(pid)
		link, err := os.Readlink(path.Join(r.proc, dir, "exe"))
		exe, _ := parseExe(link)
		switch {
		case err != nil && os.IsPermission(err):
			if comm := strings.TrimSpace(string(r.read(path.Join(dir, "comm"), 64))); named(comm) {
				list = append(list, waxseal.Running{PID: pid, Comm: comm, UID: waxseal.Unset, Blind: true, Listens: listens[pid]})
			}
		case err != nil: // a kernel thread, or one that has ended
		case (listens[pid] || wanted(waxseal.Path(exe)) || isInterpreter(exe)) && !l.elsewhere(pid):
			if p, ok := l.process(pid, exe); ok {
				p.Listens = listens[pid]
				list = append(list, p)
			}
		}
	}
	return list
}

// looking remembers what was asked of files: many processes have the same loaded.
type looking struct {
	reader *Reader
	root   unix.Stat_t
	seen   map[mapping]waxseal.Mapped
	held   map[descriptor]waxseal.Opened
	mounts string // the namespace of mounts that this process sees
	now    time.Time
}

// elsewhere reports whether a process lives in another tree, as in a container: its
// root is "/" by name, and not this one's. A daemon in a chroot has another name.
func (l *looking) elsewhere(pid int) bool {
	link := path.Join(l.reader.proc, strconv.Itoa(pid), "root")
	var st unix.Stat_t
	if name, err := os.Readlink(link); err != nil || name != "/" || l.root.Ino == 0 || unix.Stat(link+"/.", &st) != nil {
		return false
	}
	return st.Dev != l.root.Dev || st.Ino != l.root.Ino
}

func (l *looking) process(pid int, exe string) (p waxseal.Running, ok bool) {
	r, dir := l.reader, strconv.Itoa(pid)
	before, ok := r.stat(pid)
	if !ok {
		return p, false
	}
	ids := parseStatus(r.read(path.Join(dir, "status"), 64<<10))
	p = waxseal.Running{PID: pid, Exe: waxseal.Path(exe), Comm: before.comm, UID: ids.euid, User: r.names(ids.euid)}
	if isInterpreter(exe) {
		p.Script = waxseal.Path(scriptOf(parseCmdline(r.read(path.Join(dir, "cmdline"), maxArgv)), r.link(dir, "cwd")))
	}
	maps, err := r.all(path.Join(dir, "maps"), maxMaps)
	p.Blind = err != nil
	had := map[waxseal.Path]bool{}
	for _, m := range parseMaps(maps) {
		if f := l.loaded(pid, m); !had[f.Path] && len(p.Code) < maxLoaded {
			had[f.Path] = true
			p.Code = append(p.Code, f)
		}
	}
	p.Open, p.Hidden = l.opened(pid)
	after, ok := r.stat(pid)
	return p, ok && after.start == before.start // else the pid went to someone else meanwhile
}

// all reads a file below /proc; that it could not be read to its end is an error.
func (r *Reader) all(name string, limit int) ([]byte, error) {
	f, err := os.Open(path.Join(r.proc, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(32 << 10)
	for {
		n, err := f.Read(b.AvailableBuffer()[:b.Available()])
		b.Write(b.AvailableBuffer()[:n])
		switch {
		case n == 0 && (err == nil || err == io.EOF):
			return b.Bytes(), nil
		case err != nil:
			return b.Bytes(), err
		case b.Len() >= limit:
			return b.Bytes(), os.ErrInvalid
		}
		b.Grow(32 << 10)
	}
}

// loaded says what has become of a file since it was loaded.
func (l *looking) loaded(pid int, m mapping) waxseal.Mapped {
	at := m.addresses
	m.addresses = ""
	if known, ok := l.seen[m]; ok {
		return known
	}
	name, deleted := strings.CutSuffix(m.path, " (deleted)")
	f := waxseal.Mapped{Path: waxseal.Path(name)}
	var there unix.Stat_t
	err := unix.Stat(name, &there)
	switch {
	case strings.HasPrefix(name, "/memfd:"):
		f.Memory = true
	case deleted:
		f.Replaced, f.Gone = err == nil, err != nil
	case err == unix.ENOENT:
		f.Gone = true
	case err == nil && (there.Ino != m.inode || unix.Major(there.Dev) != m.major || unix.Minor(there.Dev) != m.minor):
		f.Replaced = l.differs(pid, at, there)
	}
	l.seen[m] = f
	return f
}

// differs asks the kernel once more: over stacked file systems the numbers in maps
// are those of the lower one. Where it doesn't tell, nothing speaks against the file.
func (l *looking) differs(pid int, addresses string, there unix.Stat_t) bool {
	var mapped unix.Stat_t
	if unix.Stat(path.Join(l.reader.proc, strconv.Itoa(pid), "map_files", addresses), &mapped) != nil {
		return false
	}
	return mapped.Ino != there.Ino || mapped.Dev != there.Dev
}

// mapping is a line of /proc/PID/maps whose memory may be run.
type mapping struct {
	addresses    string // "7f0c5e000000-7f0c5e021000"
	major, minor uint32
	inode        uint64
	path         string
}

// parseMaps reads /proc/PID/maps (proc(5)): those with a name that may be run. Of the
// lines of one file the first counts.
func parseMaps(b []byte) []mapping {
	var list []mapping
	for line := range bytes.Lines(b) {
		// "addresses perms offset dev inode path": most lines are not of code.
		f := bytes.SplitN(line, []byte(" "), 6)
		if len(f) < 6 || len(f[1]) < 4 || f[1][2] != 'x' {
			continue
		}
		name := string(bytes.TrimSuffix(bytes.TrimLeft(f[5], " "), []byte("\n")))
		inode, err := strconv.ParseUint(string(f[4]), 10, 64)
		if err != nil || !strings.HasPrefix(name, "/") || name == "/dev/zero (deleted)" || strings.HasPrefix(name, "/SYSV") {
			continue
		}
		major, minor, ok := bytes.Cut(f[3], []byte(":"))
		high, err1 := strconv.ParseUint(string(major), 16, 32)
		low, err2 := strconv.ParseUint(string(minor), 16, 32)
		if !ok || err1 != nil || err2 != nil {
			continue
		}
		list = append(list, mapping{string(f[0]), uint32(high), uint32(low), inode, strings.ReplaceAll(name, `\012`, "\n")})
	}
	return list
}

// isInterpreter reports whether a program runs scripts.
func isInterpreter(exe string) bool {
	base := strings.TrimRight(path.Base(exe), "0123456789.")
	return slices.Contains([]string{"perl", "python", "ruby", "lua", "luajit", "php", "php-fpm", "node"}, base)
}

// scriptOf is what an interpreter was told to run: the first word that is no option.
// A daemon may write its own command line over: then there is none.
func scriptOf(argv []string, cwd string) string {
	for i, w := range argv {
		if i == 0 || strings.HasPrefix(w, "-") && w != "-" {
			if w == "-c" || w == "-m" || w == "-e" {
				return ""
			}
			continue
		}
		if !path.IsAbs(w) {
			w = path.Join(cwd, w)
		}
		return path.Clean(w)
	}
	return ""
}
