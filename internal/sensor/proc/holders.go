package proc

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"

	"golang.org/x/sys/unix"
)

// Node is a file by what names it whatever its names are.
type Node struct{ Device, Inode uint64 }

// Holder is a process that can change a file without opening it again.
type Holder struct {
	PID    int
	Mapped bool // it has the file in its memory, writable and shared
}

// Holders finds who has one of these files open for writing, or in its memory so that
// it can be written there. It looks at every process of this host.
func (r *Reader) Holders(nodes map[Node]bool) map[Node][]Holder {
	found := map[Node][]Holder{}
	d, err := os.Open(r.proc)
	if err != nil {
		return found
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // what could be read of it
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() {
			continue
		}
		for n, h := range r.Held(pid, nodes) {
			found[n] = append(found[n], h)
		}
	}
	return found
}

// Held is Holders for one process.
func (r *Reader) Held(pid int, nodes map[Node]bool) map[Node]Holder {
	held := map[Node]Holder{}
	dir := path.Join(r.proc, strconv.Itoa(pid))
	d, err := os.Open(dir + "/fd")
	if err != nil {
		return held // it has gone, or belongs to somebody else
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		n, ok := nodeAt(fmt.Sprintf("%s/fd/%s", dir, name))
		if ok && nodes[n] && opensForWriting(r.read(fmt.Sprintf("%d/fdinfo/%s", pid, name), 4096)) {
			held[n] = Holder{PID: pid}
		}
	}
	for _, area := range sharedAreas(r.read(strconv.Itoa(pid)+"/maps", maxMaps), nodes) {
		link := dir + "/map_files/" + area
		if n, ok := nodeAt(link); ok && nodes[n] && writable(link) {
			held[n] = Holder{PID: pid, Mapped: true}
		}
	}
	return held
}

// nodeAt is what a magic link of /proc leads to.
func nodeAt(link string) (Node, bool) {
	var st unix.Stat_t
	if unix.Stat(link, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return Node{}, false
	}
	return Node{st.Dev, st.Ino}, true
}

// opensForWriting reads the flags of fdinfo (proc_pid_fdinfo(5)), which are octal.
func opensForWriting(info []byte) bool {
	_, rest, ok := bytes.Cut(info, []byte("flags:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	flags, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 8, 64)
	return ok && err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY && flags&unix.O_PATH == 0
}

// writable reports whether the file of a map was opened for writing, which the mode of
// its link says: a map that is not writable at the moment is made so by mprotect(2).
func writable(link string) bool {
	var st unix.Stat_t
	return unix.Lstat(link, &st) == nil && st.Mode&0o200 != 0
}

// sharedAreas are the address ranges of maps (proc_pid_maps(5)) that are shared and of
// one of these inodes.
func sharedAreas(maps []byte, nodes map[Node]bool) (areas []string) {
	var inodes map[string]bool // made for the few processes that share anything
	for line := range bytes.Lines(maps) {
		_, access, _ := bytes.Cut(line, []byte(" "))
		if len(access) < 4 || access[3] != 's' {
			continue
		}
		if f := bytes.Fields(line); len(f) >= 5 && string(f[4]) != "0" {
			if inodes == nil {
				inodes = inodesOf(nodes)
			}
			if inodes[string(f[4])] {
				areas = append(areas, string(f[0]))
			}
		}
	}
	return areas
}

func inodesOf(nodes map[Node]bool) map[string]bool {
	inodes := make(map[string]bool, len(nodes))
	for n := range nodes {
		inodes[strconv.FormatUint(n.Inode, 10)] = true
	}
	return inodes
}
