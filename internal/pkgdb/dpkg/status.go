package dpkg

import (
	"path"
	"strconv"
	"strings"

	"waxseal"
)

// addStatus takes versions and the digests of conffiles (dpkg(1), deb822(5)).
func (db *DB) addStatus(status string) {
	name, inConffiles := "", false
	state := ""
	for l := range strings.Lines(status) {
		l = strings.TrimSuffix(l, "\n")
		switch {
		case inConffiles && strings.HasPrefix(l, " "):
			db.addConffile(name, l[1:])
			continue
		case l == "":
			name, state = "", ""
		case strings.HasPrefix(l, "Package: "):
			name = l[len("Package: "):]
		case strings.HasPrefix(l, "Status: "):
			state = l[strings.LastIndexByte(l, ' ')+1:]
		case strings.HasPrefix(l, "Version: ") && state != "config-files" && state != "not-installed":
			db.named(name).version = l[len("Version: "):]
		case strings.HasPrefix(l, "Depends: ") && state != "config-files" && state != "not-installed":
			db.named(name).depends = l[len("Depends: "):]
		}
		inConffiles = l == "Conffiles:"
	}
}

func (db *DB) named(name string) *installed {
	p := db.packages[name]
	if p == nil {
		p = &installed{conffiles: map[waxseal.Path]string{}}
		db.packages[name] = p
	}
	return p
}

// addConffile reads "/etc/x 0123… obsolete". The name may have spaces in it.
func (db *DB) addConffile(pkg, line string) {
	for _, flag := range []string{" obsolete", " remove-on-upgrade"} {
		line = strings.TrimSuffix(line, flag)
	}
	if i := strings.LastIndexByte(line, ' '); i > 0 && isMD5(line[i+1:]) {
		db.named(pkg).conffiles[waxseal.Path(line[:i])] = line[i+1:]
	}
}

// addDiversions reads the triples of dpkg-divert(1): a diverted name no longer
// holds what its package brought.
func (db *DB) addDiversions(text string) {
	var triple []string
	for l := range strings.Lines(text) {
		if triple = append(triple, strings.TrimSuffix(l, "\n")); len(triple) < 3 {
			continue
		}
		from, to, by := waxseal.Path(triple[0]), waxseal.Path(triple[1]), triple[2]
		triple = triple[:0]
		if by == ":" {
			by = ""
		}
		db.from[from], db.to[to] = diversion{to, by}, from
	}
}

// Diverted tells where the file of this name lies that its package brought, and
// which package had it moved away; by is "" where an administrator did. ok is
// false for a name that is not diverted.
func (db *DB) Diverted(p waxseal.Path) (to waxseal.Path, by string, ok bool) {
	for _, name := range merged(p) {
		if d, ok := db.from[name]; ok {
			return d.to, d.by, true
		}
	}
	return "", "", false
}

// Override is the owner and mode that an administrator wants for a packaged file
// (dpkg-statoverride(1)).
type Override struct {
	User, Group string // a name, or "#" and a number
	Mode        uint32 // with setuid, setgid and sticky
}

func (db *DB) addOverrides(text string) {
	for l := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(l, "\n"), " ", 4)
		if len(f) < 4 {
			continue
		}
		mode, err := strconv.ParseUint(f[2], 8, 32)
		if err == nil && strings.HasPrefix(f[3], "/") {
			db.override[waxseal.Path(path.Clean(f[3]))] = Override{f[0], f[1], uint32(mode) & 0o7777}
		}
	}
}

// Override is the override for a path, if it has one.
func (db *DB) Override(p waxseal.Path) (Override, bool) {
	for _, name := range merged(p) {
		if o, ok := db.override[name]; ok {
			return o, true
		}
	}
	return Override{}, false
}

// stamp tells two versions of a file apart without reading it.
type stamp struct {
	device, inode    uint64
	size             int64
	changed, written int64
	there            bool
}

// note remembers how a file was before it is read.
func (db *DB) note(p waxseal.Path) { db.seen[p] = stampOf(db.tree, p) }

func stampOf(tree waxseal.Tree, p waxseal.Path) stamp {
	st, err := tree.Stat(p)
	if err != nil {
		return stamp{}
	}
	return stamp{st.Device, st.Inode, st.Size, st.ChangeTime.UnixNano(), st.ModTime.UnixNano(), !st.ChangeTime.IsZero()}
}

// Current reports whether the database in a tree is still the one that was read,
// by the times of every file that answers rest on. Where the kernel keeps no such
// times, nobody knows, and it is not.
func (db *DB) Current(tree waxseal.Tree) bool {
	if !db.seen[dir+"/info"].there {
		return false
	}
	for p, was := range db.seen {
		if stampOf(tree, p) != was {
			return false
		}
	}
	return true
}
