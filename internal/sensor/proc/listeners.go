package proc

import (
	"bytes"
	"cmp"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"waxseal"
)

const (
	maxTable   = 32 << 20 // /proc/net/unix of a very busy host
	maxOpen    = 8192     // descriptors of one process that are looked at
	maxProcess = 100_000
)

// socket is a listening socket as the kernel's tables have it.
type socket struct {
	inode            uint64
	network, address string // as in waxseal.Listener
}

// Listeners lists the sockets on which something listens in this network
// namespace, with the process that holds each: of several the one with the lowest
// pid that is not pid 1, which holds what it opened for others. Only root sees
// the descriptors of every process; to anybody else the processes of others are
// unknown, with pid 0.
func (r *Reader) Listeners() []waxseal.Listener {
	var sockets []socket
	for _, name := range [...]string{"tcp", "tcp6"} {
		sockets = append(sockets, parseListening(r.read(path.Join("net", name), maxTable))...)
	}
	sockets = append(sockets, parseUnix(r.read("net/unix", maxTable))...)
	holders := r.holders(sockets)
	list := make([]waxseal.Listener, 0, len(sockets))
	for _, s := range sockets {
		l := waxseal.Listener{Network: s.network, Address: s.address, UID: waxseal.Unset, PackageState: waxseal.PackageUnknown}
		if pid := holders[s.inode]; pid != 0 {
			r.listener(&l, pid)
		}
		list = append(list, l)
	}
	slices.SortStableFunc(list, func(a, b waxseal.Listener) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Address, b.Address), cmp.Compare(a.PID, b.PID))
	})
	return list
}

// listener fills in the process that holds a socket.
func (r *Reader) listener(l *waxseal.Listener, pid int) {
	s, ok := r.stat(pid)
	if !ok {
		return
	}
	t := r.task(pid, s)
	l.PID, l.Comm, l.UID, l.User = pid, t.Comm, t.EUID, r.names(t.EUID)
	l.Exe, l.Deleted = waxseal.Path(t.Exe), t.deleted || t.Exe != "" && !r.runs(pid, t.Exe)
	// A path that was bound relative to the directory of the process, as master(8)
	// binds those of its services.
	if l.Network == "unix" && !strings.HasPrefix(l.Address, "/") && !strings.HasPrefix(l.Address, "@") && t.CWD != "" {
		l.Address = path.Join(t.CWD, l.Address)
	}
}

// runs reports whether the file at a path is the one that a process runs: a
// package update, or somebody, may have put another there.
func (r *Reader) runs(pid int, exe string) bool {
	var running, there unix.Stat_t
	if unix.Stat(path.Join(r.proc, strconv.Itoa(pid), "exe"), &running) != nil {
		return true // not allowed to look: nothing speaks against it
	}
	return unix.Stat(exe, &there) == nil && running.Dev == there.Dev && running.Ino == there.Ino
}

// holders finds the process of each socket by its inode.
func (r *Reader) holders(sockets []socket) map[uint64]int {
	wanted := make(map[uint64]int, len(sockets))
	for _, s := range sockets {
		wanted[s.inode] = 0
	}
	for _, pid := range r.pids() {
		dir := path.Join(r.proc, strconv.Itoa(pid), "fd")
		for _, fd := range names(dir, maxOpen) {
			link, err := os.Readlink(path.Join(dir, fd))
			if err != nil {
				continue
			}
			inode, ok := parseSocket(link)
			if holder, listens := wanted[inode]; ok && listens && (holder == 0 || holder == 1) {
				wanted[inode] = pid
			}
		}
	}
	return wanted
}

// pids lists the processes in ascending order.
func (r *Reader) pids() []int {
	var pids []int
	for _, n := range names(r.proc, maxProcess) {
		if pid, err := strconv.Atoi(n); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func names(dir string, most int) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	list, _ := d.Readdirnames(most)
	return list
}

const listening = "0A" // TCP_LISTEN in the st column

// parseListening reads the listening sockets of /proc/net/tcp or tcp6.
func parseListening(b []byte) []socket {
	var list []socket
	for line := range bytes.Lines(b) {
		f := strings.Fields(string(line))
		if len(f) < 10 || f[3] != listening {
			continue
		}
		local, ok := parseAddr(f[1])
		inode, err := strconv.ParseUint(f[9], 10, 64)
		if ok && err == nil && inode != 0 {
			list = append(list, socket{inode, "tcp", netip.AddrPortFrom(local.Addr(), local.Port()).String()})
		}
	}
	return list
}

const acceptsConnections = 0x10000 // __SO_ACCEPTCON in the Flags column

// parseUnix reads the listening sockets of /proc/net/unix that have a name. The
// name comes last and may hold blanks; the kernel shows the zero byte of an
// abstract one as "@".
func parseUnix(b []byte) []socket {
	var list []socket
	for line := range bytes.Lines(b) {
		f := strings.SplitN(strings.TrimRight(string(line), "\n"), " ", 7)
		if len(f) < 7 {
			continue
		}
		flags, err1 := strconv.ParseUint(f[3], 16, 64)
		rest := strings.TrimLeft(f[6], " ")
		number, name, ok := strings.Cut(rest, " ")
		inode, err2 := strconv.ParseUint(number, 10, 64)
		if err1 == nil && err2 == nil && ok && name != "" && flags&acceptsConnections != 0 && inode != 0 {
			list = append(list, socket{inode, "unix", name})
		}
	}
	return list
}
