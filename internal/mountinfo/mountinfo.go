// Package mountinfo understands the kernel's list of mounts: what is mounted
// over a file or a directory, so that who opens it gets something else than what
// lies on the disk below.
//
// It parses /proc/PID/mountinfo (proc_pid_mountinfo(5), the kernel's
// Documentation/filesystems/proc.rst §3.5), finds which of the mounts can still
// be reached by their path, and which one answers for a path. It does not say
// whether a mount is meant to be there.
package mountinfo

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

const (
	// maxMounts is a little more than the kernel allows in one namespace
	// (sysctl fs.mount-max).
	maxMounts   = 200_000
	maxProblems = 10
)

// entry is a line of mountinfo.
type entry struct {
	waxseal.Mount
	id, parent int
	device     string // "8:1"
}

// Parse reads the content of mountinfo and returns the mounts that can be reached,
// sorted by path, each path once. A mount below which another one hides, or on
// which one is stacked, is not among them; nor is a directory mounted on itself,
// which shows what would be there anyway (systemd does that for ReadOnlyPaths=).
func Parse(content []byte) ([]waxseal.Mount, []waxseal.Problem) {
	var all []entry
	var problems []waxseal.Problem
	line := 0
	for text := range strings.Lines(string(content)) {
		line++
		e, err := parseLine(strings.TrimSuffix(text, "\n"))
		switch {
		case err == nil && len(all) < maxMounts:
			all = append(all, e)
		case len(problems) < maxProblems:
			if err == nil {
				err = fmt.Errorf("more than %d mounts", maxMounts)
			}
			problems = append(problems, waxseal.Problem{Path: "/proc/self/mountinfo", Line: line, Message: err.Error(), Unreadable: true})
		}
	}
	return visible(all), problems
}

// parseLine parses
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func parseLine(line string) (entry, error) {
	before, after, ok := strings.Cut(line, " - ") // after any number of optional fields
	f, g := strings.Split(before, " "), strings.Split(after, " ")
	if !ok || len(f) < 6 || len(g) < 2 {
		return entry{}, fmt.Errorf("not a line of mountinfo: %.80q", line)
	}
	id, err1 := strconv.Atoi(f[0])
	parent, err2 := strconv.Atoi(f[1])
	if err1 != nil || err2 != nil {
		return entry{}, fmt.Errorf("no mount has the number %.20q or %.20q", f[0], f[1])
	}
	e := entry{id: id, parent: parent, device: f[2]}
	e.Root, e.Path = unescape(f[3]), waxseal.Path(unescape(f[4]))
	e.FSType, e.Source = g[0], unescape(g[1])
	e.Options = options(f[5])
	if len(g) > 2 {
		e.Options = append(e.Options, options(g[2])...)
	}
	slices.Sort(e.Options)
	e.Options = slices.Compact(e.Options)
	if !strings.HasPrefix(string(e.Path), "/") {
		return entry{}, fmt.Errorf("a mount at %.80q, which is no path", e.Path)
	}
	return e, nil
}

func options(list string) []string {
	var names []string
	for o := range strings.SplitSeq(list, ",") {
		if o != "" {
			names = append(names, unescape(o))
		}
	}
	return names
}

// unescape turns "\040" into a space: white space and the backslash are written
// in octal.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// visible walks from the root as a lookup does: at each mount point of the mount
// it is in, it steps into what is mounted there. Mounts that it does not come to
// are hidden.
func visible(all []entry) []waxseal.Mount {
	known := make(map[int]bool, len(all))
	for _, e := range all {
		known[e.id] = true
	}
	// The root of a process in a chroot need not be a mount: what has no parent in
	// the list hangs below an unnamed one.
	const unnamed = -1 << 62
	children := map[int][]entry{}
	for _, e := range all {
		if !known[e.parent] || e.parent == e.id {
			e.parent = unnamed
		}
		children[e.parent] = append(children[e.parent], e)
	}
	found := map[waxseal.Path]waxseal.Mount{}
	seen := map[int]bool{}
	for queue := []entry{{id: unnamed}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, e := range reachable(children[at.id]) {
			if seen[e.id] {
				continue // numbers that say of each other to be below
			}
			seen[e.id] = true
			queue = append(queue, e)
			if !onItself(e, at) {
				found[e.Path] = e.Mount // a later one is stacked on it
			}
		}
	}
	mounts := make([]waxseal.Mount, 0, len(found))
	for _, m := range found {
		mounts = append(mounts, m)
	}
	slices.SortFunc(mounts, func(a, b waxseal.Mount) int { return cmp.Compare(a.Path, b.Path) })
	return mounts
}

// reachable are the mounts in one mount that no other one in it hides: a mount
// on /etc hides an older one on /etc/postfix.
func reachable(siblings []entry) []entry {
	last := map[waxseal.Path]int{}
	for i, e := range siblings {
		last[e.Path] = i
	}
	var open []entry
	for i, e := range siblings {
		if last[e.Path] == i && !hidden(e.Path, last) {
			open = append(open, e)
		}
	}
	return open
}

func hidden(p waxseal.Path, by map[waxseal.Path]int) bool {
	for p != "/" {
		p = waxseal.Path(path.Dir(string(p)))
		if _, ok := by[p]; ok && p != "/" {
			return true
		}
	}
	return false
}

// onItself reports whether a mount shows what lies at its path in the mount below
// as well: the same file system, and the same place in it.
func onItself(e, below entry) bool {
	if e.device != below.device || below.device == "" {
		return false
	}
	rest, ok := strings.CutPrefix(string(e.Path), strings.TrimSuffix(string(below.Path), "/"))
	return ok && path.Join(below.Root, rest) == path.Clean(e.Root)
}

// At is the mount that answers for a path without symbolic links: the one whose
// path is the longest at or above it. ok is false where the list has none.
func At(mounts []waxseal.Mount, p waxseal.Path) (m waxseal.Mount, ok bool) {
	for at := waxseal.Path(path.Clean("/" + string(p))); ; at = waxseal.Path(path.Dir(string(at))) {
		i, found := slices.BinarySearchFunc(mounts, at, func(m waxseal.Mount, p waxseal.Path) int { return cmp.Compare(m.Path, p) })
		if found {
			return mounts[i], true
		}
		if at == "/" {
			return waxseal.Mount{}, false
		}
	}
}

// Inside gives the mounts at or below a directory by their paths in it, as
// someone sees them whose root the directory is. The mount that the directory
// itself lies in comes as "/".
func Inside(mounts []waxseal.Mount, dir string) []waxseal.Mount {
	dir = strings.TrimSuffix(path.Clean("/"+dir), "/")
	if dir == "" {
		return mounts
	}
	var inside []waxseal.Mount
	if m, ok := At(mounts, waxseal.Path(dir)); ok {
		m.Path = "/"
		inside = append(inside, m)
	}
	for _, m := range mounts {
		if rest, ok := strings.CutPrefix(string(m.Path), dir+"/"); ok {
			m.Path = waxseal.Path("/" + rest)
			inside = append(inside, m)
		}
	}
	return inside
}
