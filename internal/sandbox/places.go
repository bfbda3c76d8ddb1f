package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Landlock grants what lies below a directory, and can't take a part of it away again.
// So a directory above something hidden is not granted: all that lies in it is, one by
// one, but for what is hidden.

// node is a file or directory, whatever its name.
type node struct{ device, inode uint64 }

// place is what may be read: a file, or a directory with all below it.
type place struct {
	node
	path  string
	isDir bool
}

// kernelOnly are directories of the tree in which the kernel tells about itself.
var kernelOnly = []string{"sys/kernel/debug", "sys/kernel/tracing", "sys/kernel/security"}

const (
	maxPlaces   = 100_000
	devptsMagic = 0x1cd1 // magic.h: the terminals of others
)

// places lists what may be read.
func (w Walls) places() []place {
	h := hider{root: w.Root}
	for _, dir := range slices.Concat(w.Hidden, below(w.Root, kernelOnly)) {
		if w.Open {
			h.hidden = append(h.hidden, dir)
		} else if real, err := filepath.EvalSymlinks(dir); err == nil {
			h.hidden = append(h.hidden, real)
		}
	}
	h.devices = filepath.Join(w.Root, "dev")
	for _, p := range w.Only {
		h.add(p)
	}
	if len(w.Only) == 0 {
		h.add(w.Root)
	}
	return h.list
}

func below(root string, names []string) (list []string) {
	for _, n := range names {
		list = append(list, filepath.Join(root, n))
	}
	return list
}

// hider collects places.
type hider struct {
	root    string
	hidden  []string
	devices string // the directory of device files
	list    []place
}

// add adds a file or directory, or, if something below is hidden, the parts of it.
func (h *hider) add(p string) {
	var st unix.Stat_t
	look := unix.Lstat
	if p == h.root { // which may be a link to an open directory
		look = unix.Stat
	}
	if look(p, &st) != nil || len(h.list) >= maxPlaces || slices.Contains(h.hidden, p) {
		return // it has just gone
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
	default: // links lead to what is granted by itself; device files are for nobody
		return
	}
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if isDir && isTerminals(p, h.devices) {
		return
	}
	if !isDir || !h.divided(p) {
		h.list = append(h.list, place{node{st.Dev, st.Ino}, p, isDir})
		return
	}
	entries, _ := os.ReadDir(p) // what can't be listed can't be read either
	for _, e := range entries {
		h.add(filepath.Join(p, e.Name()))
	}
}

// divided reports whether a directory is granted in parts.
func (h *hider) divided(dir string) bool {
	if within(dir, h.devices) {
		return !isApart(dir, h.devices)
	}
	return slices.ContainsFunc(append(h.hidden, h.devices), func(p string) bool { return within(p, dir) })
}

// isApart reports whether a directory below another lies in a file system of its own.
func isApart(dir, above string) bool {
	var a, b unix.Stat_t
	return unix.Stat(dir, &a) == nil && unix.Stat(above, &b) == nil && a.Dev != b.Dev
}

func isTerminals(dir, devices string) bool {
	var st unix.Statfs_t
	return within(dir, devices) && unix.Statfs(dir, &st) == nil && st.Type == devptsMagic
}

func within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}
