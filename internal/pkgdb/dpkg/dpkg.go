// Package dpkg asks Debian's package database in a tree which package a file
// belongs to, and whether it is still as the package brought it.
//
// It reads /var/lib/dpkg/info/*.list, *.md5sums and diversions (dpkg(1),
// deb-md5sums(5), dpkg-divert(1)), and the conffile digests of
// /var/lib/dpkg/status. "Unmodified" means that this database says so: whoever
// is root can change the database as well as the file.
//
// It does not run dpkg, and does not check the package archive's signatures.
package dpkg

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"path"
	"strings"

	"waxseal"
)

const (
	dir = "/var/lib/dpkg"
	// maxFile bounds one file of the database. The status file of a large
	// desktop has 10 MB.
	maxFile = 128 << 20
)

// DB is the package database of one tree, in memory.
type DB struct {
	owner    map[waxseal.Path]string // file -> package
	sums     map[waxseal.Path]string // file -> hexadecimal MD5
	versions map[string]string
	present  bool
}

// Read reads the database. A tree without one gives an empty DB, for which every
// file is unknown; problems name what of an existing database was unreadable.
func Read(tree waxseal.Tree) (*DB, []waxseal.Problem) {
	db := &DB{owner: map[waxseal.Path]string{}, sums: map[waxseal.Path]string{}, versions: map[string]string{}}
	names, err := tree.ReadDir(dir + "/info")
	if errors.Is(err, fs.ErrNotExist) {
		return db, nil
	}
	if err != nil {
		return db, []waxseal.Problem{{Path: dir + "/info", Message: err.Error()}}
	}
	db.present = true
	var problems []waxseal.Problem
	read := func(p waxseal.Path, parse func([]byte)) {
		content, err := tree.ReadFile(p, maxFile)
		switch {
		case err == nil:
			parse(content)
		case !errors.Is(err, fs.ErrNotExist):
			problems = append(problems, waxseal.Problem{Path: p, Message: err.Error()})
		}
	}
	for _, name := range names {
		pkg, kind := splitName(name)
		p := waxseal.Path(dir + "/info/" + name)
		switch kind {
		case "list":
			read(p, func(b []byte) { db.addList(pkg, b) })
		case "md5sums":
			read(p, db.addSums)
		}
	}
	read(dir+"/status", db.addStatus)
	read(dir+"/diversions", db.addDiversions)
	return db, problems
}

// splitName cuts "libc6:amd64.list" into "libc6" and "list".
func splitName(name string) (pkg, kind string) {
	ext := path.Ext(name)
	pkg = strings.TrimSuffix(name, ext)
	pkg, _, _ = strings.Cut(pkg, ":")
	return pkg, strings.TrimPrefix(ext, ".")
}

func lines(content []byte, each func(string)) {
	sc := bufio.NewScanner(bytes.NewReader(content))
	sc.Buffer(make([]byte, 64<<10), 1<<20)
	for sc.Scan() {
		each(sc.Text())
	}
}

func (db *DB) addList(pkg string, content []byte) {
	lines(content, func(l string) {
		if strings.HasPrefix(l, "/") && l != "/." {
			db.owner[waxseal.Path(l)] = pkg
		}
	})
}

func (db *DB) addSums(content []byte) {
	lines(content, func(l string) {
		if sum, name, ok := strings.Cut(l, "  "); ok && len(sum) == 32 {
			db.sums[waxseal.Path("/"+name)] = sum
		}
	})
}

// addStatus takes versions and the digests of conffiles.
func (db *DB) addStatus(content []byte) {
	pkg, inConffiles := "", false
	lines(content, func(l string) {
		switch {
		case inConffiles && strings.HasPrefix(l, " "):
			if f := strings.Fields(l); len(f) >= 2 && len(f[1]) == 32 {
				db.sums[waxseal.Path(f[0])] = f[1]
				db.owner[waxseal.Path(f[0])] = pkg
			}
			return
		case strings.HasPrefix(l, "Package: "):
			pkg = l[len("Package: "):]
		case strings.HasPrefix(l, "Version: "):
			db.versions[pkg] = l[len("Version: "):]
		}
		inConffiles = l == "Conffiles:"
	})
}

// addDiversions reads the triples of dpkg-divert(1): a diverted name no longer
// holds what its package brought.
func (db *DB) addDiversions(content []byte) {
	var triple []string
	lines(content, func(l string) {
		if triple = append(triple, l); len(triple) < 3 {
			return
		}
		from, to, by := waxseal.Path(triple[0]), waxseal.Path(triple[1]), triple[2]
		triple = nil
		if db.owner[from] == by {
			return // the diverting package's own file lies there
		}
		if owner, ok := db.owner[from]; ok {
			db.owner[to], db.sums[to] = owner, db.sums[from]
		}
		delete(db.sums, from)
		if by == ":" {
			delete(db.owner, from)
		} else {
			db.owner[from] = by
		}
	})
}

// Present reports whether the tree has a package database at all.
func (db *DB) Present() bool { return db.present }

// Version is the installed version of a package, "" if it is not installed.
func (db *DB) Version(pkg string) string { return db.versions[pkg] }

// Owner names the package that brought a file. Names are tried as given and
// with a merged /usr, since lists say "/lib/x" for what now lies in /usr/lib.
func (db *DB) Owner(p waxseal.Path) string {
	for _, name := range merged(p) {
		if pkg, ok := db.owner[name]; ok {
			return pkg
		}
	}
	return ""
}

// State judges a file by the MD5 of its content (lower-case hexadecimal, ""
// where it was not read). A file that a package lists without a digest is
// unknown.
func (db *DB) State(p waxseal.Path, md5 string) waxseal.PackageState {
	if !db.present {
		return waxseal.PackageUnknown
	}
	if db.Owner(p) == "" {
		return waxseal.PackageUnowned
	}
	for _, name := range merged(p) {
		if want, ok := db.sums[name]; ok && want != "" && md5 != "" {
			if want == md5 {
				return waxseal.PackageUnmodified
			}
			return waxseal.PackageModified
		}
	}
	return waxseal.PackageUnknown
}

var usrDirs = []string{"/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/"}

func merged(p waxseal.Path) []waxseal.Path {
	names := []waxseal.Path{p}
	for _, d := range usrDirs {
		if strings.HasPrefix(string(p), d) {
			return append(names, "/usr"+p)
		}
		if strings.HasPrefix(string(p), "/usr"+d) {
			return append(names, p[len("/usr"):])
		}
	}
	return names
}
