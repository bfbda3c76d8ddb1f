package proc

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/mountinfo"
)

// Dwelling is a root of its own on this host in which mail daemons run: that of a
// container, or a directory that chroot(8) made one. A daemon of the host's that only
// confines itself (Postfix's chroot) is none: its program lies outside.
type Dwelling struct {
	// Name says which, by what stays when it is started again: "docker 3f5a9c0e1b2d", "root
	// /srv/mail", "overlay /srv/mail/upper" by the directory in which its own files are;
	// "mount namespace 4026532201" where nothing names it.
	Name string
	PID  int  // the daemon with the lowest number
	At   Node // its root
	// Mount numbers what is mounted there, each time anew (Linux 6.8); 0 where that is not
	// known. Another one, and it was started again.
	Mount uint64
	// Root leads to its files for who may look there ("/proc/PID/root"); it is "" for who
	// may not, and Programs are then the names that the daemons give themselves.
	Root string
	// Upper is the directory in which an overlay that is its root keeps what was written, by
	// the name that whoever mounted it gave; "" where its root is none.
	Upper    string
	Programs []waxseal.Path // inside
	Listens  []string       // "tcp 0.0.0.0:25", what its daemons listen to in their own network
}

// Open opens the root, unless another process has the number by now.
func (d Dwelling) Open() (*os.File, error) {
	root, err := os.OpenFile(d.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(root.Fd()), &st); err != nil || (Node{st.Dev, st.Ino}) != d.At {
		_ = root.Close() // nothing was written
		return nil, os.ErrProcessDone
	}
	return root, nil
}

// maxDwellings bounds how many are told.
const maxDwellings = 64

// mailPorts are those at which mail is handed over or fetched: SMTP, submission, LMTP,
// POP3, IMAP and ManageSieve (services of IANA).
var mailPorts = map[string]bool{"25": true, "465": true, "587": true, "2525": true, "24": true, "110": true, "995": true, "143": true, "993": true, "4190": true}

// Dwellings lists the roots besides the host's in which a daemon of a mail system runs: a
// program that is wanted by its place inside, or by its name, or that listens where mail is
// handed over.
func (r *Reader) Dwellings(wanted func(exe waxseal.Path) bool, named func(comm string) bool) []Dwelling {
	l := &lodger{reader: r, wanted: wanted, named: named, found: map[string]*Dwelling{}, tables: map[string][]socket{}}
	var ok bool
	if l.home, ok = l.rootOf("self"); !ok {
		return nil
	}
	l.group = parseContainer(r.read("self/cgroup", 16<<10))
	for _, pid := range r.pids() {
		l.look(pid)
	}
	list := make([]Dwelling, 0, len(l.found))
	for _, d := range l.found {
		slices.Sort(d.Programs)
		d.Programs = slices.Compact(d.Programs)
		slices.Sort(d.Listens)
		d.Listens = slices.Compact(d.Listens)
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Dwelling) int { return cmp.Compare(a.PID, b.PID) })
	return list
}

type lodger struct {
	reader *Reader
	wanted func(exe waxseal.Path) bool
	named  func(comm string) bool
	home   Node
	group  string // the container that we are in ourselves
	found  map[string]*Dwelling
	tables map[string][]socket // what is listened to, by network namespace
}

// rootOf is what a process has as its root. A file system in user space is not asked: it
// may belong to somebody who lets us wait.
func (l *lodger) rootOf(dir string) (Node, bool) {
	st, err := l.statRoot(dir)
	return Node{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino}, err == nil
}

func (l *lodger) statRoot(dir string) (st unix.Statx_t, err error) {
	err = unix.Statx(unix.AT_FDCWD, path.Join(l.reader.proc, dir, "root")+"/.", unix.AT_STATX_DONT_SYNC, unix.STATX_INO|unix.STATX_MNT_ID_UNIQUE, &st)
	return st, err
}

// mountOf numbers the mount that a process has as its root.
func (l *lodger) mountOf(dir string) uint64 {
	if st, err := l.statRoot(dir); err == nil && st.Mask&unix.STATX_MNT_ID_UNIQUE != 0 {
		return st.Mnt_id
	}
	return 0
}

func (l *lodger) look(pid int) {
	dir := strconv.Itoa(pid)
	link, err := os.Readlink(path.Join(l.reader.proc, dir, "exe"))
	if err != nil {
		if os.IsPermission(err) {
			l.guess(pid, dir)
		}
		return // a kernel thread, or one that has ended
	}
	exe, _ := parseExe(link)
	root, err := os.Readlink(path.Join(l.reader.proc, dir, "root"))
	node, ok := l.rootOf(dir)
	if err != nil || !ok || node == l.home {
		return
	}
	inside := exe
	if root != "/" {
		if inside = strings.TrimPrefix(exe, root); inside == exe || !strings.HasPrefix(inside, "/") {
			return // it was started outside, and has confined itself
		}
	}
	listens := l.listens(pid, dir)
	if !l.wanted(waxseal.Path(inside)) && !l.named(path.Base(inside)) && !slices.ContainsFunc(listens, handsMail) {
		return
	}
	d := l.dwelling(l.name(dir, root), root, node, pid)
	if d == nil {
		return
	}
	if d.Root == "" {
		d.Root = path.Join(l.reader.proc, dir, "root")
		d.Mount = l.mountOf(dir)
		_, d.Upper = rootMount(l.mounts(dir))
	}
	d.Programs, d.Listens = append(d.Programs, waxseal.Path(inside)), append(d.Listens, listens...)
}

// guess goes by what anybody may see of a process: its name and its control group.
func (l *lodger) guess(pid int, dir string) {
	container := parseContainer(l.reader.read(path.Join(dir, "cgroup"), 16<<10))
	comm := strings.TrimSpace(string(l.reader.read(path.Join(dir, "comm"), 64)))
	if container == "" || container == l.group || !l.named(comm) {
		return
	}
	if d := l.dwelling(container, "", Node{}, pid); d != nil {
		d.Programs = append(d.Programs, waxseal.Path(comm))
	}
}

// dwelling is the one with a name; another root in the same container is one of its own.
func (l *lodger) dwelling(name, root string, at Node, pid int) *Dwelling {
	if d := l.found[name]; d != nil && d.At != at {
		name += " root " + root
	}
	if l.found[name] == nil {
		if len(l.found) >= maxDwellings {
			return nil
		}
		l.found[name] = &Dwelling{Name: name, PID: pid, At: at}
	}
	return l.found[name]
}

func (l *lodger) name(dir, root string) string {
	if c := parseContainer(l.reader.read(path.Join(dir, "cgroup"), 16<<10)); c != "" && c != l.group {
		return c
	}
	if root != "/" {
		return "root " + root
	}
	if at, _ := rootMount(l.mounts(dir)); at != "" {
		return at
	}
	space := l.reader.link(dir, "ns/mnt")
	return fmt.Sprintf("mount namespace %s", strings.Trim(strings.TrimPrefix(space, "mnt:"), "[]"))
}

func (l *lodger) mounts(dir string) []byte {
	return l.reader.read(path.Join(dir, "mountinfo"), maxTable)
}

// rootMount names what is mounted as the root of a process by where its own files are: the
// directory of an overlay that is written to, the directory that was mounted, or the device.
func rootMount(mounts []byte) (name, upper string) {
	list, _ := mountinfo.Parse(mounts)
	i := slices.IndexFunc(list, func(m waxseal.Mount) bool { return m.Path == "/" })
	switch {
	case i < 0:
		return "", ""
	case list[i].FSType == "overlay":
		for _, o := range list[i].Options {
			if upper, ok := strings.CutPrefix(o, "upperdir="); ok {
				return "overlay " + upper, upper
			}
		}
		return "", ""
	case list[i].Root != "" && list[i].Root != "/":
		return "root " + list[i].Root, ""
	case strings.HasPrefix(list[i].Source, "/dev/"):
		return "device " + list[i].Source, ""
	}
	return "", ""
}

// listens are the sockets of TCP that a process holds and on which it waits, in the network
// that it sees.
func (l *lodger) listens(pid int, dir string) (list []string) {
	space := l.reader.link(dir, "ns/net")
	table, known := l.tables[space]
	if !known {
		for _, name := range []string{"net/tcp", "net/tcp6"} {
			table = append(table, parseListening(l.reader.read(path.Join(dir, name), maxTable))...)
		}
		l.tables[space] = table
	}
	if len(table) == 0 {
		return nil
	}
	at := map[uint64]string{}
	for _, s := range table {
		at[s.inode] = s.network + " " + s.address
	}
	fds := path.Join(l.reader.proc, dir, "fd")
	for _, fd := range names(fds, maxOpen) {
		if link, err := os.Readlink(path.Join(fds, fd)); err == nil {
			if inode, ok := parseSocket(link); ok && at[inode] != "" {
				list = append(list, at[inode])
			}
		}
	}
	return list
}

func handsMail(address string) bool {
	i := strings.LastIndexByte(address, ':')
	return i >= 0 && mailPorts[address[i+1:]]
}
