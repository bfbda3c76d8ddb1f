package dpkg

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// addStatus takes versions and the digests of conffiles (dpkg(1), deb822(5)). What a
// stanza says of a package stands in place of what an earlier one said.
func (db *DB) addStatus(at waxseal.Path, status string) {
	name, inConffiles := "", false
	state, line := "", 0
	for l := range strings.Lines(status) {
		line++
		whole := strings.HasSuffix(l, "\n")
		l = strings.TrimSuffix(l, "\n")
		switch {
		case inConffiles && strings.HasPrefix(l, " "):
			db.addConffile(name, l[1:])
			continue
		case l == "":
			name, state = "", ""
		case strings.HasPrefix(l, "Package: "):
			name = l[len("Package: "):]
			delete(db.packages, name)
			db.stanzas[name] = true
		case !whole || !isField(l):
			db.damaged(at, line)
		case strings.HasPrefix(l, "Status: "):
			state = l[strings.LastIndexByte(l, ' ')+1:]
		case strings.HasPrefix(l, "Version: ") && state != "config-files" && state != "not-installed":
			db.named(name).version = l[len("Version: "):]
			db.named(name).state = halfway(state)
		case strings.HasPrefix(l, "Depends: ") && state != "config-files" && state != "not-installed":
			db.named(name).depends = l[len("Depends: "):]
		}
		inConffiles = l == "Conffiles:"
	}
}

// halfway is the state of a package that is on its way, "" of one that is installed and
// waits for a trigger at most.
func halfway(state string) string {
	switch state {
	case "installed", "triggers-pending", "triggers-awaited", "":
		return ""
	}
	return state
}

// isField reports whether a line is one that dpkg writes: a field, or the rest of one.
func isField(l string) bool {
	if l[0] == ' ' || l[0] == '\t' {
		return true
	}
	key, _, ok := strings.Cut(l, ":")
	return ok && !strings.ContainsAny(key, " \t\x00")
}

// damaged tells, once for a file, that it is not as dpkg writes it: dpkg would refuse to
// work with it, and what it says of packages may lack something.
func (db *DB) damaged(at waxseal.Path, line int) {
	for _, p := range db.problems {
		if p.Path == at {
			return
		}
	}
	db.problems = append(db.problems, waxseal.Problem{Path: at, Line: line, Message: "not a line of dpkg's: what the package database says may be half of it", Unreadable: true})
}

// readJournal takes what dpkg has noted since it last wrote status: a file for each
// step, numbered in their order (dpkg, lib/dpkg/dbmodify.c). Without it a package that
// is being brought has new digests and its old version.
func (db *DB) readJournal() {
	db.note(dir + "/updates")
	names, err := db.tree.ReadDir(dir + "/updates")
	if err != nil {
		return // a tree of a few files has none
	}
	slices.Sort(names)
	for _, n := range names {
		if strings.Trim(n, "0123456789") == "" {
			p := waxseal.Path(dir + "/updates/" + n)
			db.read(p, func(s string) { db.addStatus(p, s) })
		}
	}
}

// unaccounted tells of packages that have a list of files and that status does not know:
// it was cut off, or edited.
func (db *DB) unaccounted() {
	var missing []string
	for _, instance := range db.names {
		if !db.stanzas[bare(instance)] && (len(missing) == 0 || missing[len(missing)-1] != bare(instance)) {
			missing = append(missing, bare(instance))
		}
	}
	if len(missing) > 0 {
		db.problems = append(db.problems, waxseal.Problem{Path: dir + "/status",
			Message: fmt.Sprintf("it does not know %d packages whose lists are there, the first of them %s: it was cut off or edited", len(missing), missing[0])})
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
	for name := range merged(p) {
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
	for name := range merged(p) {
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
