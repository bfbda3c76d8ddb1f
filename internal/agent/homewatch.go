package agent

import (
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mailpath"
)

const (
	// allHomes is where each new directory is that of a user.
	allHomes waxseal.Path = "/home"
	accounts waxseal.Path = "/etc/passwd"
)

// noHomes are where accounts of the system are said to live and other things come and go
// all the time. A forward file there is found by reading again.
var noHomes = []waxseal.Path{"/", "/dev", "/proc", "/sys", "/run", "/tmp", "/var/mail", "/var/spool/mail"}

// maxHomes leaves room for other marks on a file system. Homes beyond are read again from
// time to time.
const maxHomes = 16_000

// homes are the directories of users: what decides about their mail may come up there.
// Those of passwd(5) are known before the first reading begins, so that nothing comes up
// unseen behind it; those that only a mail system's own list has come of the reading.
func (a *Agent) homes() []waxseal.Path {
	list := slices.Concat(mailpath.HomesOf(a.tree), a.reader.Homes())
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), func(p waxseal.Path) bool { return slices.Contains(noHomes, p) })
	return list[:min(len(list), maxHomes)]
}

// newHomes reports whether the reading found homes that are not watched.
func (a *Agent) newHomes() bool {
	return len(a.housed) < maxHomes && slices.ContainsFunc(a.reader.Homes(), func(p waxseal.Path) bool {
		_, watched := slices.BinarySearch(a.housed, p)
		return !watched && !slices.Contains(noHomes, p)
	})
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
func (a *Agent) firstHomes() []waxseal.Path {
	homes := slices.DeleteFunc(slices.Clone(a.housed), func(p waxseal.Path) bool {
		f, err := a.tree.Stat(p)
		return p != "/root" && !within(p, allHomes) || err != nil || f.Type != waxseal.Directory
	})
	return homes[:min(len(homes), maxHomeRules)]
}
