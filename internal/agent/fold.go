package agent

import (
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
)

// Files that lie beside the configuration and that nothing reads are watched, since one of
// them may be read tomorrow. Who writes thousands of them must not hide behind the
// thousands: beyond a few hundred in a second they are counted, and the others go on.

const (
	// eachSecond is how many operations on such files are recorded one by one in a second.
	eachSecond = 200
	// smallContent is how much of the content of such a file waits for a look.
	smallContent = 64 << 10
)

// folded counts operations that were not recorded one by one.
type folded struct {
	second time.Time
	seen   int
	more   int64
}

// fold reports whether an operation on a file that nothing reads is only to be counted.
func (a *Agent) fold(at time.Time) bool {
	if second := at.Truncate(time.Second); !second.Equal(a.folded.second) {
		a.unfold(at)
		a.folded.second = second
	}
	if a.folded.seen++; a.folded.seen <= eachSecond {
		return false
	}
	a.folded.more++
	return true
}

// unfold records how many were counted.
func (a *Agent) unfold(now time.Time) {
	if n := a.folded.more; n > 0 {
		a.note(now, waxseal.Observation{Sensor: "agent", Gap: &waxseal.Gap{Sensor: "agent", From: a.folded.second, Until: now, Lost: n,
			Reason: "so much was done to files in watched directories that nothing reads that not each operation is recorded"}})
	}
	a.folded = folded{}
}

// mine are the files of the mail set that something reads, by what finds them fast.
type mine struct {
	of     []waxseal.FileState // the state's, as long as it is that one
	inodes map[uint64]bool
	names  map[string]bool // the last part of each path
}

// mailSet is that of the last state.
func (a *Agent) mailSet() *mine {
	m, files := &a.mine, a.last.Files
	if len(files) == len(m.of) && (len(files) == 0 || &files[0] == &m.of[0]) {
		return m
	}
	*m = mine{of: files, inodes: make(map[uint64]bool, len(files)), names: make(map[string]bool, len(files))}
	for _, f := range files {
		if f.Role == waxseal.RoleUnused {
			continue
		}
		if f.Inode != 0 {
			m.inodes[f.Inode] = true
		}
		for _, p := range []waxseal.Path{f.Path, f.Resolved} {
			m.names[path.Base(string(p))] = true
		}
	}
	return m
}

// matters reports whether an audited path is a file of the mail set that something reads.
func (a *Agent) matters(p waxseal.AuditPath) bool {
	m := a.mailSet()
	if p.NameType == "PARENT" || !m.inodes[p.Inode] && !m.names[path.Base(p.Name)] {
		return false
	}
	return slices.ContainsFunc(a.last.Files, func(f waxseal.FileState) bool {
		return f.Role != waxseal.RoleUnused && (p.Inode != 0 && p.Inode == f.Inode && p.Device == f.Device || strings.HasSuffix(p.Name, path.Base(string(f.Path))))
	})
}

// concernsMail reports whether a file event is about such a file, or about a directory.
func (a *Agent) concernsMail(e waxseal.FileEvent) bool {
	m := a.mailSet()
	return m.inodes[e.Inode] || m.names[path.Base(string(e.Path))] || e.OldPath != "" && m.names[path.Base(string(e.OldPath))]
}
