package dpkg

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"

	"waxseal"
)

// Package describes a package; the zero value is one that the database does not
// know.
func (db *DB) Package(name string) waxseal.Package {
	name = bare(name)
	first, end := db.instances(name)
	if first == end && db.packages[name] == nil {
		return waxseal.Package{}
	}
	if known, ok := db.described[name]; ok {
		return known
	}
	h := sha256.New()
	for i := first; i < end; i++ {
		if bare(db.names[i]) != name {
			continue
		}
		// The list is part of it: a file is "owned" as soon as it has a line there.
		writeList(h, db.names[i], db.lists[i])
		writeSums(h, db.names[i], "/", db.sumsOf(db.names[i]))
	}
	p := waxseal.Package{Name: name, Manager: "dpkg", Version: db.Version(name)}
	if pkg := db.packages[name]; pkg != nil {
		p.State = pkg.state
		writeSums(h, "conffiles", "", pkg.conffiles)
	}
	p.Fingerprint = waxseal.Digest(hex.EncodeToString(h.Sum(nil)))
	db.described[name] = p
	return p
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
