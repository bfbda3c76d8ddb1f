package rpm

import (
	"slices"

	"waxseal"
)

// Brought lists the files of a package.
func (db *DB) Brought(name string) []waxseal.Path {
	if db.brought == nil {
		db.brought = make(map[string][]waxseal.Path, len(db.packages))
		for p, f := range db.files {
			pkg := db.packages[f.pkg].name
			db.brought[pkg] = append(db.brought[pkg], p)
		}
		for _, files := range db.brought {
			slices.Sort(files)
		}
	}
	return db.brought[name]
}

// Needs names nothing: rpm's dependencies are on what packages provide
// ("perl(Net::DNS)"), which is not read.
func (db *DB) Needs(string) []string { return nil }
