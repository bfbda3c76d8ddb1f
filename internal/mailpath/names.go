package mailpath

import (
	"strconv"
	"strings"

	"waxseal"
)

// Names reads the names of uids or gids from a tree's passwd(5) or group(5).
// A tree without the file has no names: numbers are shown.
func Names(tree waxseal.Tree, p waxseal.Path) map[uint32]string {
	names := map[uint32]string{}
	content, err := tree.ReadFile(p, 16<<20)
	if err != nil {
		return names
	}
	for line := range strings.SplitSeq(string(content), "\n") {
		f := strings.Split(line, ":")
		if len(f) < 3 {
			continue
		}
		id, err := strconv.ParseUint(f[2], 10, 32)
		if _, taken := names[uint32(id)]; err == nil && !taken {
			names[uint32(id)] = f[0]
		}
	}
	return names
}

// ids are the names of a list of accounts or groups, remembered until that changes.
type ids struct {
	at    stamp
	names map[uint32]string
}

func (n *ids) of(tree waxseal.Tree, p waxseal.Path) map[uint32]string {
	f, err := tree.Stat(p)
	if err != nil || n.names == nil || n.at != stampOf(f) || f.ChangeTime.IsZero() {
		*n = ids{stampOf(f), Names(tree, p)}
	}
	return n.names
}

// owners are the names of users and groups. What was remembered has those of before, and
// the lists may have changed under another name than their own.
func (r *Reader) owners(tree waxseal.Tree) (users, groups map[uint32]string) {
	was := [2]stamp{r.users.at, r.groups.at}
	users, groups = r.users.of(tree, "/etc/passwd"), r.groups.of(tree, "/etc/group")
	if was != [2]stamp{r.users.at, r.groups.at} {
		r.memos.forget()
	}
	return users, groups
}

func nameOf(names map[uint32]string, id uint32) string {
	if name, ok := names[id]; ok {
		return name
	}
	return strconv.FormatUint(uint64(id), 10)
}

func octal(mode uint32) string {
	s := strconv.FormatUint(uint64(mode), 8)
	for len(s) < 4 {
		s = "0" + s
	}
	return s
}
