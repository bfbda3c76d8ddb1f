// Package dpkg asks Debian's package database in a tree which package a file
// belongs to, and whether it is still as the package brought it.
//
// It reads /var/lib/dpkg/info/*.list, *.md5sums and diversions (dpkg(1),
// deb-md5sums(5), dpkg-divert(1)), status with its versions and conffile digests,
// statoverride (dpkg-statoverride(1)) and alternatives (update-alternatives(1)).
// "Unmodified" means that this database says so: whoever is root can change the
// database as well as the file. A package's fingerprint tells that somebody did.
//
// Lists are read at once, digests when a file of their package is asked about: a
// host has hundreds of packages, and mail a few dozen.
//
// It does not run dpkg, and does not check the package archive's signatures.
package dpkg

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"waxseal"
)

const (
	dir  = "/var/lib/dpkg"
	info = dir + "/info/"
	// maxFile bounds one file of the database. The status file of a large
	// desktop has 10 MB.
	maxFile = 128 << 20
)

// DB is the package database of one tree, in memory. It is not for use by several
// goroutines, but for Lists.
type DB struct {
	tree     waxseal.Tree // what is read later is read from
	present  bool
	problems []waxseal.Problem
	seen     map[waxseal.Path]stamp // of what was read, before it was

	names    []string                 // of installed instances, sorted: "libc6:amd64"
	lists    []string                 // their lists, of which the keys of owner are parts
	owner    map[waxseal.Path]int32   // file -> index in names
	diverted map[waxseal.Path][]int32 // diverted name -> all that list it
	from     map[waxseal.Path]diversion
	to       map[waxseal.Path]waxseal.Path // where diverted files lie -> name in lists
	packages map[string]*installed         // by bare name
	stanzas  map[string]bool               // names that status has, installed or not
	sums     map[string]map[string]string  // instance -> file, without its first slash -> digest
	override map[waxseal.Path]Override

	fingerprints map[string]waxseal.Digest // those that have been asked for
}

// installed is what status says of a package.
type installed struct {
	version   string
	state     string // "" where it is wholly installed
	depends   string
	conffiles map[waxseal.Path]string // hexadecimal MD5
}

type diversion struct {
	to waxseal.Path
	by string // "" of an administrator's (dpkg-divert --local)
}

// Read reads the database. A tree without one, or with neither status nor a list of
// files, gives an empty DB, for which every file is unknown; problems name what of an existing database was unreadable.
func Read(tree waxseal.Tree) (*DB, []waxseal.Problem) {
	db := &DB{
		tree: tree, diverted: map[waxseal.Path][]int32{}, from: map[waxseal.Path]diversion{},
		to: map[waxseal.Path]waxseal.Path{}, packages: map[string]*installed{}, stanzas: map[string]bool{}, sums: map[string]map[string]string{},
		override: map[waxseal.Path]Override{}, fingerprints: map[string]waxseal.Digest{}, seen: map[waxseal.Path]stamp{},
	}
	db.note(dir + "/info")
	names, err := tree.ReadDir(dir + "/info")
	if errors.Is(err, fs.ErrNotExist) {
		return db, nil
	}
	if err != nil {
		return db, []waxseal.Problem{{Path: dir + "/info", Message: err.Error(), Unreadable: true}}
	}
	db.read(dir+"/diversions", db.addDiversions)
	for _, name := range names {
		if instance, ok := strings.CutSuffix(name, ".list"); ok {
			db.names = append(db.names, instance)
		}
	}
	slices.Sort(db.names) // by name, which is not the order of the files'
	db.lists = make([]string, len(db.names))
	for i, instance := range db.names {
		db.read(waxseal.Path(info+instance+".list"), func(s string) { db.lists[i] = s })
	}
	db.addLists()
	db.present = len(db.names) > 0
	db.read(dir+"/status", func(s string) {
		db.present = true
		db.addStatus(dir+"/status", s)
		db.readJournal()
		db.unaccounted()
	})
	db.read(dir+"/statoverride", db.addOverrides)
	return db, db.Problems()
}

// ReadFrom says from which tree digests are read that have not been asked for
// yet: the same one, opened anew.
func (db *DB) ReadFrom(tree waxseal.Tree) { db.tree = tree }

// Problems returns what could not be read since it was last called.
func (db *DB) Problems() []waxseal.Problem {
	list := db.problems
	db.problems = nil
	return list
}

// copier is a tree that hands over a file without keeping it.
type copier interface {
	CopyTo(p waxseal.Path, w io.Writer, limit int64) error
}

func (db *DB) read(p waxseal.Path, parse func(string)) {
	db.note(p)
	var text strings.Builder
	var err error
	if tree, ok := db.tree.(copier); ok {
		err = tree.CopyTo(p, &text, maxFile)
	} else {
		var content []byte
		content, err = db.tree.ReadFile(p, maxFile)
		text.Write(content)
	}
	switch {
	case err == nil:
		parse(text.String())
	case !errors.Is(err, fs.ErrNotExist):
		db.problems = append(db.problems, waxseal.Problem{Path: p, Message: err.Error(), Unreadable: true})
	}
}

// bare cuts the architecture off the name of an instance.
func bare(instance string) string {
	name, _, _ := strings.Cut(instance, ":")
	return name
}

// addLists notes whose the files of the lists are.
func (db *DB) addLists() {
	lines := 0
	for _, list := range db.lists {
		lines += strings.Count(list, "\n")
	}
	db.owner = make(map[waxseal.Path]int32, lines/2) // the others are directories
	for i, list := range db.lists {
		eachFile(list, func(p waxseal.Path) {
			db.owner[p] = int32(i)
			if _, ok := db.from[p]; ok {
				db.diverted[p] = append(db.diverted[p], int32(i))
			}
		})
	}
}

// Present reports whether the tree has a package database at all.
func (db *DB) Present() bool { return db.present }

// Version is the installed version of a package, "" if it is not installed.
func (db *DB) Version(pkg string) string {
	if p := db.packages[bare(pkg)]; p != nil {
		return p.version
	}
	return ""
}

// Versions are all installed packages, by name without architecture: instances of
// one package for several architectures have the same version (dpkg refuses
// anything else).
func (db *DB) Versions() map[string]string {
	all := make(map[string]string, len(db.packages))
	for name, p := range db.packages {
		if p.version != "" {
			all[name] = p.version
		}
	}
	return all
}

// Owner names the package that brought a file, without architecture. Names are
// tried as given and with a merged /usr, since lists say "/lib/x" for what now
// lies in /usr/lib.
func (db *DB) Owner(p waxseal.Path) string {
	for name := range merged(p) {
		if owner, _ := db.listed(name); owner != "" {
			return bare(owner)
		}
	}
	return ""
}

// listed finds the instance to which what lies at a path belongs, and the name
// that its lists have for it.
func (db *DB) listed(p waxseal.Path) (instance string, name waxseal.Path) {
	if d, ok := db.from[p]; ok {
		for _, i := range db.diverted[p] {
			if bare(db.names[i]) == d.by {
				return db.names[i], p // the diverting package's own
			}
		}
		return d.by, ""
	}
	if name, ok := db.to[p]; ok {
		for _, i := range db.diverted[name] {
			if bare(db.names[i]) != db.from[name].by {
				return db.names[i], name
			}
		}
	}
	if i, ok := db.owner[p]; ok {
		return db.names[i], p
	}
	for _, pkg := range db.conffile(p) {
		return pkg, p
	}
	return "", ""
}

// conffile names the package of which a file is a conffile and which does not
// list it: one that is removed and not purged lists nothing else.
func (db *DB) conffile(p waxseal.Path) []string {
	if !strings.HasPrefix(string(p), "/etc/") {
		return nil // only those few are worth the search
	}
	var found []string
	for name, pkg := range db.packages {
		if _, ok := pkg.conffiles[p]; ok {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// State judges a file by the MD5 of its content (lower-case hexadecimal, ""
// where it was not read). A file that a package lists without a digest is
// unknown; so is one of a package that status does not know, of which only lists
// are left: status was cut off, or lists were laid beside it.
func (db *DB) State(p waxseal.Path, md5 string) waxseal.PackageState {
	if !db.present {
		return waxseal.PackageUnknown
	}
	for name := range merged(p) {
		instance, listed := db.listed(name)
		if instance == "" {
			continue
		}
		want := db.sum(instance, listed)
		switch {
		case want == "" || md5 == "" || db.packages[bare(instance)] == nil:
			return waxseal.PackageUnknown
		case want == md5:
			return waxseal.PackageUnmodified
		}
		return waxseal.PackageModified
	}
	return waxseal.PackageUnowned
}

// Lists reports whether a package brought a file: then State needs its MD5. It may
// be called by several goroutines, and while other methods run.
func (db *DB) Lists(p waxseal.Path) bool {
	for name := range merged(p) {
		if instance, _ := db.listed(name); instance != "" {
			return true
		}
	}
	return false
}

// sum is the MD5 that an instance's digests or conffiles have for a file.
func (db *DB) sum(instance string, p waxseal.Path) string {
	if p == "" {
		return ""
	}
	if pkg := db.packages[bare(instance)]; pkg != nil && pkg.conffiles[p] != "" {
		return pkg.conffiles[p]
	}
	name, ok := strings.CutPrefix(string(p), "/")
	if !ok {
		return ""
	}
	return db.sumsOf(instance)[name]
}

// sumsOf reads the digests of an instance when they are first asked for.
func (db *DB) sumsOf(instance string) map[string]string {
	if have, ok := db.sums[instance]; ok {
		return have
	}
	sums := map[string]string{}
	db.read(waxseal.Path(info+instance+".md5sums"), func(text string) {
		sums = make(map[string]string, strings.Count(text, "\n"))
		for l := range strings.Lines(text) {
			sum, name, ok := strings.Cut(strings.TrimSuffix(l, "\n"), "  ")
			if ok && isMD5(sum) {
				sums[cleaned(name)] = sum
			}
		}
	})
	db.sums[instance] = sums
	return sums
}

// cleaned is the name of a file below the root: nearly always as it is written.
func cleaned(name string) string {
	if name == "" || name[0] == '/' || name[0] == '.' || name[len(name)-1] == '/' || strings.Contains(name, "//") || strings.Contains(name, "/.") {
		return path.Clean("/" + name)[1:]
	}
	return name
}

func isMD5(s string) bool {
	if len(s) != 32 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// instances is the range of names in which those of a package lie: "libc6:amd64"
// and "libc6:i386". Others may lie between.
func (db *DB) instances(name string) (first, end int) {
	first, _ = slices.BinarySearch(db.names, name)
	for end = first; end < len(db.names) && strings.HasPrefix(db.names[end], name); end++ {
	}
	return first, end
}

// instancesOf gives the indices in names of those of a package.
func (db *DB) instancesOf(name string) iter.Seq[int] {
	return func(yield func(int) bool) {
		first, end := db.instances(name)
		for i := first; i < end; i++ {
			if bare(db.names[i]) == name && !yield(i) {
				return
			}
		}
	}
}

// Files are the files of the database that answers about these packages rest on.
func (db *DB) Files(packages ...string) []waxseal.Path {
	if !db.present {
		return nil
	}
	files := []waxseal.Path{dir + "/status", dir + "/diversions", dir + "/statoverride"}
	for _, name := range packages {
		for i := range db.instancesOf(bare(name)) {
			files = append(files, waxseal.Path(info+db.names[i]+".list"), waxseal.Path(info+db.names[i]+".md5sums"))
		}
	}
	return files
}

var usrDirs = []string{"/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/"}

// merged gives a name, and the one that it had before /usr was merged, or has since.
func merged(p waxseal.Path) iter.Seq[waxseal.Path] {
	return func(yield func(waxseal.Path) bool) {
		if !yield(p) {
			return
		}
		old, inUsr := strings.CutPrefix(string(p), "/usr")
		for _, d := range usrDirs {
			if inUsr && strings.HasPrefix(old, d) {
				yield(waxseal.Path(old))
				return
			}
			if strings.HasPrefix(string(p), d) {
				yield("/usr" + p)
				return
			}
		}
	}
}
