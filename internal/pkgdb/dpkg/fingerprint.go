package dpkg

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"

	"waxseal"
)

// Package describes a package; the zero value is one that the database does not
// know.
func (db *DB) Package(name string) waxseal.Package {
	p := db.Describe(name)
	if p.Name != "" {
		p.Fingerprint = db.fingerprint(p.Name)
	}
	return p
}

// Describe describes a package without its fingerprint, which takes long to make.
func (db *DB) Describe(name string) waxseal.Package {
	name = bare(name)
	first, end := db.instances(name)
	pkg := db.packages[name]
	if first == end && pkg == nil {
		return waxseal.Package{}
	}
	p := waxseal.Package{Name: name, Manager: "dpkg", Version: db.Version(name)}
	if pkg != nil {
		p.State = pkg.state
	}
	return p
}

func (db *DB) fingerprint(name string) waxseal.Digest {
	if known, ok := db.fingerprints[name]; ok {
		return known
	}
	h := sha256.New()
	for i := range db.instancesOf(name) {
		// The list is part of it: a file is "owned" as soon as it has a line there.
		writeList(h, db.names[i], db.lists[i])
		writeSums(h, db.names[i], "/", db.sumsOf(db.names[i]))
	}
	if pkg := db.packages[name]; pkg != nil {
		writeSums(h, "conffiles", "", pkg.conffiles)
	}
	made := waxseal.Digest(hex.EncodeToString(h.Sum(nil)))
	db.fingerprints[name] = made
	return made
}

// Gather reads all that the fingerprint of a package is made of; Problems tells what
// could not be read.
func (db *DB) Gather(name string) {
	for i := range db.instancesOf(bare(name)) {
		db.sumsOf(db.names[i])
	}
}

// Same reports whether another database says the same of a package: then both make the
// same fingerprint.
func (db *DB) Same(other *DB, name string) bool {
	name = bare(name)
	mine, theirs := slices.Collect(db.instancesOf(name)), slices.Collect(other.instancesOf(name))
	if len(mine) != len(theirs) || (db.packages[name] == nil) != (other.packages[name] == nil) {
		return false
	}
	for n, i := range mine {
		j := theirs[n]
		instance := db.names[i]
		if instance != other.names[j] || db.lists[i] != other.lists[j] || !maps.Equal(db.sumsOf(instance), other.sumsOf(instance)) {
			return false
		}
	}
	return db.packages[name] == nil || maps.Equal(db.packages[name].conffiles, other.packages[name].conffiles)
}

func writeSums[P ~string](w io.Writer, title, root string, sums map[P]string) {
	lines := make([]string, 0, len(sums))
	for p, sum := range sums {
		lines = append(lines, strconv.Quote(root+string(p))+" "+sum+"\n")
	}
	slices.Sort(lines)
	fmt.Fprintf(w, "sums %q %d\n", title, len(lines))
	for _, l := range lines {
		io.WriteString(w, l)
	}
}

// writeList writes the files of a list. Directories are left out: dpkg itself takes
// those from the lists of other packages that have gone from the disk meanwhile, and
// nobody owns what lies in one.
func writeList(w io.Writer, instance, list string) {
	dirs := map[string]bool{}
	last := ""
	eachFile(list, func(p waxseal.Path) {
		if dir := path.Dir(string(p)); dir != last { // what is in one directory is listed together
			last = dir
			dirs[dir] = true
		}
	})
	fmt.Fprintf(w, "list %q\n", instance)
	var line []byte
	eachFile(list, func(p waxseal.Path) {
		if !dirs[string(p)] {
			line = append(strconv.AppendQuote(line[:0], string(p)), '\n')
			_, _ = w.Write(line) // a digest does not fail
		}
	})
}
