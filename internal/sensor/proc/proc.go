// Package proc says who a process is, as /proc shows it: its program and
// arguments, the processes it came from, who logged in, and from where.
//
// It reads /proc (proc(5)) while the process still lives. What it finds there is
// graded Inferred, since a process may choose its own name, arguments and, as
// root, its login uid, and since the answer is taken after the event; audit
// records raise it to Proven elsewhere. One thing is Proven here: the address of
// an ssh client, when the kernel's own socket table gives it for a process whose
// program is sshd, owned by root and not writable by others. The grade then
// stands for "this sshd holds a connection with that address", read by pid with
// the start time checked before and after.
//
// What it does not do: it starts nothing, traces nothing, asks no name service,
// and knows nothing about a process that has gone.
package proc

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

const (
	// maxAncestors bounds the walk towards pid 1.
	maxAncestors = 32
	// ticks is USER_HZ, in which stat counts (times(2)); the kernel fixes it at 100
	// on every architecture that Go builds for.
	ticks = 100
)

// Options are what a Reader needs from outside.
type Options struct {
	// Names gives the name of a uid, "" where it has none. Nil means no names.
	Names func(uid uint32) string
	// Root is the directory that is the tree's root, "/" where it is empty. Programs are
	// named as inside it, and its own namespaces are no container.
	Root string
}

// Reader reads processes. It may be used by several goroutines.
type Reader struct {
	names func(uid uint32) string
	proc  string // "/proc"
	boot  time.Time
	root  string // "" for "/"

	mu       sync.Mutex
	shown    map[int]*description // what was just described, by pid
	known    map[int]remembered   // ancestors, by pid
	home     map[string]string    // the namespaces of the tree, once they are known
	homeless time.Time            // when nothing was found to run in the tree
}

// remembered is a process read a moment ago. Events come in bursts from children
// of the same few ancestors; one of those is read again when its start time, its name or its
// stack, which execve(2) sets, is another, or after a second.
type remembered struct {
	stat stat
	task task
	read time.Time
}

// description is one that was made a moment ago, or is being made. fanotify and audit both
// tell of one step of a process, and want to know who that is.
type description struct {
	stat  stat
	began time.Time
	done  chan struct{}  // closed once it is made
	actor *waxseal.Actor // nil where the process has gone
}

// moment is how long a description is good where start time, name, parent and stack
// are the same.
const moment = 10 * time.Millisecond

const (
	memory        = time.Second
	maxRemembered = 1024
	maxShown      = 64
)

// New returns a Reader of /proc.
func New(o Options) *Reader {
	r := &Reader{names: o.Names, proc: "/proc", root: strings.TrimSuffix(o.Root, "/"), known: map[int]remembered{}, shown: map[int]*description{}}
	if r.names == nil {
		r.names = func(uint32) string { return "" }
	}
	r.boot = parseBootTime(r.read("stat", 1<<20))
	return r
}

// Snapshot describes the process as it is now, or returns nil if there is none
// with this pid (any more). Others may be given the same one: it is not to be changed.
func (r *Reader) Snapshot(pid int) *waxseal.Actor {
	s, ok := r.stat(pid)
	if !ok {
		return nil
	}
	d, mine := r.describing(pid, s)
	if !mine {
		<-d.done
		return d.actor
	}
	defer close(d.done)
	d.actor = r.describe(pid, s)
	return d.actor
}

// describe is Snapshot, of a process that has this stat.
func (r *Reader) describe(pid int, s stat) *waxseal.Actor {
	first := r.task(pid, s)
	chain := r.chain(first)
	a := &waxseal.Actor{Process: first.Process, Login: r.login(first), Sudo: r.sudo(chain), Place: r.place(pid)}
	a.Origin = r.origin(chain, a.Login, a.Place)
	for _, t := range chain[1:] {
		a.Ancestors = append(a.Ancestors, t.Process)
	}
	if again, ok := r.stat(pid); !ok || again.start != first.start {
		return nil // the pid went to someone else meanwhile
	}
	return a
}

// describing is the description of a process that was made a moment ago, or is being made.
// Where there is none it is the caller's to make.
func (r *Reader) describing(pid int, s stat) (d *description, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if was, ok := r.shown[pid]; ok && was.stat == s && time.Since(was.began) < moment {
		return was, false
	}
	if len(r.shown) >= maxShown {
		clear(r.shown)
	}
	d = &description{stat: s, began: time.Now(), done: make(chan struct{})}
	r.shown[pid] = d
	return d, true
}

// All describes every process that there is now.
func (r *Reader) All() []*waxseal.Actor {
	d, err := os.Open(r.proc)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // what could be read counts
	var list []*waxseal.Actor
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if a := r.Snapshot(pid); a != nil {
				list = append(list, a)
			}
		}
	}
	return list
}

// SnapshotPidfd is Snapshot for a process that a pidfd names for certain, as
// fanotify(7) gives with an event. It returns nil if that process has ended,
// even where its pid is already in use again. The pidfd stays open.
func (r *Reader) SnapshotPidfd(pid, pidfd int) *waxseal.Actor {
	if pidfd < 0 {
		return nil
	}
	a := r.Snapshot(pid)
	if a == nil || ended(pidfd) {
		return nil
	}
	return a
}

// ended reports whether the process of a pidfd has terminated: the descriptor
// then becomes readable (pidfd_open(2)). A zombie keeps its pid until it is
// waited for, so what was read under the pid before this said no was its own.
func ended(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		return err != nil || n != 0
	}
}

// task is a process with what only this package looks at.
type task struct {
	waxseal.Process
	start   uint64 // in ticks since boot
	tty     int
	deleted bool // its program's file has been removed or replaced
}

// task reads one process. What can't be read is left empty, and the grade is
// Unknown where not even the program or the owner is known.
func (r *Reader) task(pid int, s stat) task {
	dir := strconv.Itoa(pid)
	t := task{start: s.start, tty: s.tty}
	t.PID, t.PPID, t.Comm = pid, s.ppid, s.comm
	t.Started = r.boot.Add(time.Duration(s.start) * (time.Second / ticks))
	t.Exe, t.deleted = parseExe(r.link(dir, "exe"))
	t.Exe = r.inside(t.Exe)
	t.CWD = r.inside(r.link(dir, "cwd"))
	t.Argv = parseCmdline(r.record(dir+"/cmdline", maxArgv))
	ids := parseStatus(r.record(dir+"/status", 64<<10))
	t.UID, t.EUID, t.GID, t.Tracer = ids.uid, ids.euid, ids.gid, ids.tracer
	t.Grade = waxseal.Inferred
	if t.Exe == "" && !ids.known {
		t.Grade = waxseal.Unknown
	}
	return t
}

// ancestor is task for a parent, from memory where it is fresh.
func (r *Reader) ancestor(pid int) (task, bool) {
	s, ok := r.stat(pid)
	if !ok {
		return task{}, false
	}
	r.mu.Lock()
	old, ok := r.known[pid]
	r.mu.Unlock()
	if ok && old.stat == s && time.Since(old.read) < memory {
		return old.task, true
	}
	t := r.task(pid, s)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxRemembered {
		clear(r.known)
	}
	r.known[pid] = remembered{s, t, time.Now()}
	return t, true
}

// chain is the process and its ancestors, nearest first. A parent that started
// after its child took the pid of one that has ended; it is no ancestor.
func (r *Reader) chain(first task) []task {
	chain := []task{first}
	for seen := map[int]bool{first.PID: true}; len(chain) <= maxAncestors; {
		child := chain[len(chain)-1]
		if child.PPID <= 0 || seen[child.PPID] {
			break
		}
		parent, ok := r.ancestor(child.PPID)
		if !ok || parent.start > child.start {
			break
		}
		seen[parent.PID] = true
		chain = append(chain, parent)
	}
	return chain
}

// login is the audit login of a process (loginuid and sessionid in proc(5)).
func (r *Reader) login(t task) waxseal.Login {
	dir := strconv.Itoa(t.PID)
	l := waxseal.Login{UID: waxseal.Unset, Session: waxseal.Unset, TTY: ttyName(t.tty), Grade: waxseal.Unknown}
	uid, ok := parseID(r.record(dir+"/loginuid", 32))
	if !ok {
		return l
	}
	l.UID, l.Grade = uid, waxseal.Inferred
	if session, ok := parseID(r.record(dir+"/sessionid", 32)); ok {
		l.Session = session
	}
	if uid != waxseal.Unset {
		l.Name = r.names(uid)
	}
	return l
}

func (r *Reader) stat(pid int) (stat, bool) {
	if pid <= 0 {
		return stat{}, false
	}
	return parseStat(r.record(strconv.Itoa(pid)+"/stat", 4096))
}

// read returns at most limit bytes of a file below /proc; nil where there is
// nothing to read.
func (r *Reader) read(name string, limit int) []byte {
	return r.readInto(make([]byte, min(limit, 4096)), name, limit, false)
}

// record is read for a file of one record, which the kernel gives whole where there is room
// for it (seq_file.rst: single_open): no second read is needed to see the end.
func (r *Reader) record(name string, limit int) []byte {
	buf := buffers.Get().(*[4096]byte)
	defer buffers.Put(buf)
	return bytes.Clone(r.readInto(buf[:min(limit, len(buf))], name, limit, true))
}

var buffers = sync.Pool{New: func() any { return new([4096]byte) }}

func (r *Reader) readInto(b []byte, name string, limit int, whole bool) []byte {
	fd, err := unix.Open(r.proc+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	for n := 0; ; {
		m, err := unix.Read(fd, b[n:])
		if err == unix.EINTR {
			continue
		}
		n += max(0, m)
		if err != nil || m == 0 || n == limit || whole && n < len(b) {
			return b[:n]
		}
		if n == len(b) {
			b = append(b, make([]byte, min(limit-n, n))...)
		}
	}
}

func (r *Reader) link(dir, name string) string {
	s, err := os.Readlink(r.proc + "/" + dir + "/" + name)
	if err != nil {
		return ""
	}
	return s
}
