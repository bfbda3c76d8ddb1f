package agent

import (
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mountinfo"
)

const (
	// allHomes is where each new directory is that of a user.
	allHomes waxseal.Path = "/home"
	accounts waxseal.Path = "/etc/passwd"
)

// noHomes are where accounts of the system are said to live and other things come and go
// all the time. A forward file there is found by reading again.
var noHomes = []waxseal.Path{"/", "/dev", "/proc", "/sys", "/run", "/tmp", "/var/mail", "/var/spool/mail"}

// distant are file systems that answer when somebody else does: another machine, or a
// program that a user may run. Who asks them may wait for ever, and the reader alone can
// afford that. fanotify tells nothing of what others do there.
var distant = regexp.MustCompile(`^(fuse.*|nfs.*|cifs|smb.*|9p|ceph|afs|autofs|coda|lustre|orangefs|gfs2|ocfs2)$`)

// near reports whether a directory may be waited in, as mounts are now.
func near(mounts []waxseal.Mount) func(waxseal.Path) bool {
	return func(p waxseal.Path) bool {
		m, _ := mountinfo.At(mounts, p)
		return m.Path == "/" || !distant.MatchString(m.FSType)
	}
}

// maxHomes leaves room for other marks on a file system. Homes beyond are read again from
// time to time.
const maxHomes = 16_000

// homes are the directories of users: what decides about their mail may come up there.
// Those of passwd(5) are known before the first reading begins, so that nothing comes up
// unseen behind it; those that only a mail system's own list has come of the reading.
func (a *Agent) homes() []waxseal.Path {
	list, apart := slices.Clone(a.reader.Homes()), a.notAwaited()
	if !apart(allHomes) { // which is listed
		list = append(list, mailpath.HomesOf(a.tree)...)
	}
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), apart)
	return list[:min(len(list), maxHomes)]
}

func (a *Agent) notAwaited() func(waxseal.Path) bool {
	mounts, _ := a.tree.Mounts() // what is wrong with that is told by each reading
	near := near(mounts)
	return func(p waxseal.Path) bool { return slices.Contains(noHomes, p) || !near(p) }
}

// newHomes reports whether the reading found homes that are to be watched and are not.
func (a *Agent) newHomes() bool {
	heard := a.reader.Homes()
	if len(a.housed) == maxHomes || slices.Equal(heard, a.heard) {
		return false
	}
	a.heard = heard
	unwatched := slices.DeleteFunc(slices.Clone(heard), func(p waxseal.Path) bool {
		_, watched := slices.BinarySearch(a.housed, p)
		return watched
	})
	return len(slices.DeleteFunc(unwatched, a.notAwaited())) > 0
}

// maxHintedHomes bounds the homes in which inotify waits for what comes up.
const maxHintedHomes = 1000

// ownFiles are the paths at which a user's own files would lie.
func (a *Agent) ownFiles(homes []waxseal.Path) (files []waxseal.Path) {
	names := mailpath.OwnFiles(a.last)
	for _, home := range homes[:min(len(homes), maxHintedHomes)] {
		for _, name := range names {
			files = append(files, home+"/"+waxseal.Path(strings.TrimSuffix(name, "*")))
		}
	}
	return files
}

// maxHomeRules bounds the homes of which audit tells who makes something in them. Elsewhere
// fanotify names the process, which proves nothing.
const maxHomeRules = 16

// firstHomes are those of people, and of root, that are there.
func (a *Agent) firstHomes() (homes []waxseal.Path) {
	for _, p := range a.housed {
		if len(homes) < maxHomeRules && (p == "/root" || within(p, allHomes)) {
			if f, err := a.tree.Stat(p); err == nil && f.Type == waxseal.Directory {
				homes = append(homes, p)
			}
		}
	}
	return homes
}
