package dpkg

import (
	"strings"

	"waxseal"
)

// Brought lists what a package has in its lists, for all architectures: files, and
// directories that it brought empty.
func (db *DB) Brought(pkg string) []waxseal.Path {
	var found []waxseal.Path
	for i := range db.instancesOf(bare(pkg)) {
		eachFile(db.lists[i], func(p waxseal.Path) { found = append(found, p) })
	}
	return found
}

// eachFile goes through a list. A line that the next one lies below is a directory,
// which belongs to nobody in particular.
func eachFile(list string, visit func(waxseal.Path)) {
	line, rest, _ := strings.Cut(list, "\n")
	for line != "" || rest != "" {
		next, after, _ := strings.Cut(rest, "\n")
		directory := len(next) > len(line) && next[len(line)] == '/' && next[:len(line)] == line
		if !directory && strings.HasPrefix(line, "/") && line != "/." {
			visit(waxseal.Path(line))
		}
		line, rest = next, after
	}
}

// Needs names the packages that a package depends on, alternatives included
// (deb-control(5) Depends): "perl, libwww-perl (>= 6) | curl, python3:any". Some of
// them are names that other packages provide.
func (db *DB) Needs(pkg string) []string {
	p := db.packages[bare(pkg)]
	if p == nil {
		return nil
	}
	var names []string
	for word := range strings.FieldsFuncSeq(p.depends, func(r rune) bool { return r == ',' || r == '|' }) {
		name, _, _ := strings.Cut(strings.TrimSpace(word), " ")
		names = append(names, bare(name))
	}
	return names
}
